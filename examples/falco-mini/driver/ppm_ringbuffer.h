/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef PPM_RINGBUFFER_H
#define PPM_RINGBUFFER_H

#include <linux/spinlock.h>
#include <linux/wait.h>

#include "ppm_events_public.h"

/* A power of two: the positions run freely and wrap with the type. */
#define PPM_RING_EVENTS 2048

/* Many writers, in any context that may not sleep; readers take turns. */
struct ppm_ring {
	spinlock_t lock;
	wait_queue_head_t readers;
	unsigned int head;	/* next to write */
	unsigned int tail;	/* next to read */
	u32 dropped;		/* lost since the last event that was written */
	struct ppm_event *events;
};

int ppm_ring_init(struct ppm_ring *ring);
void ppm_ring_free(struct ppm_ring *ring);
/* Forgets what was not read. */
void ppm_ring_reset(struct ppm_ring *ring);
/* Copies the event in; when the ring is full the event is lost, and counted. */
void ppm_ring_put(struct ppm_ring *ring, struct ppm_event *event);
/* Copies the oldest event out. Returns false when there is none. */
bool ppm_ring_get(struct ppm_ring *ring, struct ppm_event *event);
bool ppm_ring_empty(struct ppm_ring *ring);

#endif
