/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The events that the kernel module and the BPF probe hand to userspace. The three are compiled from this one
 * file, so its layout is the driver's interface: whoever changes it changes the driver version.
 */
#ifndef PPM_EVENTS_PUBLIC_H
#define PPM_EVENTS_PUBLIC_H

#include <linux/types.h>

#define PPM_COMM_LEN 16
#define PPM_PATH_LEN 256

enum ppm_event_type {
	PPME_NONE = 0,
	PPME_EXECVE = 1,	/* a program was started */
	PPME_PROCEXIT = 2,	/* a thread ended */
	PPM_EVENT_MAX,
};

/* One event: a fixed record in host byte order. */
struct ppm_event {
	__u64 ts;			/* CLOCK_MONOTONIC, nanoseconds */
	__u32 type;			/* enum ppm_event_type */
	__u32 pid;			/* process (thread group) */
	__u32 tid;			/* thread */
	__u32 ppid;			/* parent process, 0 if none */
	__u32 uid;			/* as the initial user namespace sees it */
	__u32 dropped;			/* events lost just before this one */
	char comm[PPM_COMM_LEN];	/* ends with NUL */
	char path[PPM_PATH_LEN];	/* PPME_EXECVE: the program; ends with NUL */
};

/* By event type, the name that rules know it under. */
extern const char *const ppm_event_names[PPM_EVENT_MAX];

#endif
