// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* The same events as the kernel module's (../main.c), as BPF programs on raw tracepoints. */
#include <linux/binfmts.h>
#include <linux/sched.h>

#include "../driver_config.h"
#include "../ppm_events_public.h"
#include "bpf_helpers.h"
#include "maps.h"

static __always_inline struct ppm_event *new_event(u32 type, struct task_struct *task)
{
	u32 zero = 0;
	struct ppm_event *event = bpf_map_lookup_elem(&falco_scratch, &zero);
	struct task_struct *parent = NULL;
	u64 id = bpf_get_current_pid_tgid();
	u32 ppid = 0;

	if (!event)
		return NULL;
	read_kernel(&parent, sizeof(parent), &task->real_parent);
	if (parent)
		read_kernel(&ppid, sizeof(ppid), &parent->tgid);
	event->ts = bpf_ktime_get_ns();
	event->type = type;
	event->pid = id >> 32;
	event->tid = (u32)id;
	event->ppid = ppid;
	event->uid = (u32)bpf_get_current_uid_gid();
	/* The perf ring counts what it loses by itself. */
	event->dropped = 0;
	bpf_get_current_comm(event->comm, sizeof(event->comm));
	event->path[0] = '\0';
	return event;
}

static __always_inline int submit(void *ctx, struct ppm_event *event)
{
	bpf_perf_event_output(ctx, &falco_events, BPF_F_CURRENT_CPU, event, sizeof(*event));
	return 0;
}

/* args: task, previous thread id, linux_binprm */
SEC("raw_tracepoint/sched_process_exec")
int on_exec(struct bpf_raw_tracepoint_args *ctx)
{
	struct linux_binprm *program = (struct linux_binprm *)ctx->args[2];
	struct ppm_event *event = new_event(PPME_EXECVE, (struct task_struct *)ctx->args[0]);
	const char *path = NULL;

	if (!event)
		return 0;
	read_kernel(&path, sizeof(path), &program->filename);
	if (path)
		read_kernel_str(event->path, sizeof(event->path), path);
	return submit(ctx, event);
}

/* args: task */
SEC("raw_tracepoint/sched_process_exit")
int on_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct ppm_event *event = new_event(PPME_PROCEXIT, (struct task_struct *)ctx->args[0]);

	return event ? submit(ctx, event) : 0;
}

char probe_version[] SEC("driver_version") = DRIVER_VERSION;
char probe_license[] SEC("license") = "Dual MIT/GPL";
