/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The few of the kernel's BPF helper functions that the probe calls, by their number in linux/bpf.h. */
#ifndef BPF_HELPERS_H
#define BPF_HELPERS_H

#include <linux/bpf.h>
#include <linux/version.h>

#define SEC(name) __attribute__((section(name), used))

static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)BPF_FUNC_map_lookup_elem;
static u64 (*bpf_ktime_get_ns)(void) = (void *)BPF_FUNC_ktime_get_ns;
static u64 (*bpf_get_current_pid_tgid)(void) = (void *)BPF_FUNC_get_current_pid_tgid;
static u64 (*bpf_get_current_uid_gid)(void) = (void *)BPF_FUNC_get_current_uid_gid;
static long (*bpf_get_current_comm)(void *buffer, u32 size) = (void *)BPF_FUNC_get_current_comm;
static long (*bpf_perf_event_output)(void *ctx, void *map, u64 flags, void *data, u64 size) =
	(void *)BPF_FUNC_perf_event_output;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 5, 0)
static long (*read_kernel)(void *to, u32 size, const void *from) = (void *)BPF_FUNC_probe_read_kernel;
static long (*read_kernel_str)(void *to, u32 size, const void *from) = (void *)BPF_FUNC_probe_read_kernel_str;
#else
static long (*read_kernel)(void *to, u32 size, const void *from) = (void *)BPF_FUNC_probe_read;
static long (*read_kernel_str)(void *to, u32 size, const void *from) = (void *)BPF_FUNC_probe_read_str;
#endif

#endif
