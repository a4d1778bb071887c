/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
#ifndef BPF_MAPS_H
#define BPF_MAPS_H

#include "bpf_helpers.h"
#include "../ppm_events_public.h"

/* A loader reads the sizes off the types of these members. */
#define MAP_UINT(name, value) int (*name)[value]
#define MAP_TYPE(name, type) type *name

/* To userspace: one ring per CPU. */
struct {
	MAP_UINT(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	MAP_UINT(key_size, sizeof(u32));
	MAP_UINT(value_size, sizeof(u32));
} falco_events SEC(".maps");

/* Where an event is put together: it would take most of a program's 512 bytes of stack. */
struct {
	MAP_UINT(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	MAP_UINT(max_entries, 1);
	MAP_TYPE(key, u32);
	MAP_TYPE(value, struct ppm_event);
} falco_scratch SEC(".maps");

#endif
