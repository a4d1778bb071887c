// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Hooks the start of programs and the end of threads, and gives them out as records on /dev/falco0.
 * One reader at a time; while nobody reads, nothing is recorded.
 */
#include <linux/atomic.h>
#include <linux/binfmts.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/uaccess.h>
#include <linux/uidgid.h>

#include "driver_config.h"
#include "ppm_events_public.h"
#include "ppm_ringbuffer.h"

static struct ppm_ring ring;
static atomic_t opened = ATOMIC_INIT(0);

static void fill_event(struct ppm_event *event, enum ppm_event_type type, struct task_struct *task)
{
	memset(event, 0, sizeof(*event));
	event->ts = ktime_get_ns();
	event->type = type;
	event->pid = task->tgid;
	event->tid = task->pid;
	event->uid = from_kuid_munged(&init_user_ns, task_uid(task));
	rcu_read_lock();
	event->ppid = rcu_dereference(task->real_parent)->tgid;
	rcu_read_unlock();
	memcpy(event->comm, task->comm, sizeof(event->comm));
	event->comm[sizeof(event->comm) - 1] = '\0';
}

static void on_exec(void *data, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	struct ppm_event event;

	if (!atomic_read(&opened))
		return;
	fill_event(&event, PPME_EXECVE, task);
	strscpy(event.path, bprm->filename, sizeof(event.path));
	ppm_ring_put(&ring, &event);
}

static void on_exit(void *data, struct task_struct *task)
{
	struct ppm_event event;

	if (!atomic_read(&opened))
		return;
	fill_event(&event, PPME_PROCEXIT, task);
	ppm_ring_put(&ring, &event);
}

/* Most tracepoints are not exported to modules by name, but all of them can be listed. */
static struct hook {
	const char *name;
	void *probe;
	struct tracepoint *point;
} hooks[] = {
	{ "sched_process_exec", on_exec, NULL },
	{ "sched_process_exit", on_exit, NULL },
};

static void find_hook(struct tracepoint *point, void *unused)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(hooks); i++)
		if (!strcmp(point->name, hooks[i].name))
			hooks[i].point = point;
}

static void detach_hooks(size_t count)
{
	while (count-- > 0)
		tracepoint_probe_unregister(hooks[count].point, hooks[count].probe, NULL);
	/* A probe may still run on another CPU, and it uses the ring. */
	tracepoint_synchronize_unregister();
}

static int attach_hooks(void)
{
	size_t i;
	int err;

	for_each_kernel_tracepoint(find_hook, NULL);
	for (i = 0; i < ARRAY_SIZE(hooks); i++) {
		if (hooks[i].point)
			err = tracepoint_probe_register(hooks[i].point, hooks[i].probe, NULL);
		else
			err = -ENOENT;
		if (err) {
			pr_err(DRIVER_NAME ": cannot hook %s: error %d\n", hooks[i].name, err);
			detach_hooks(i);
			return err;
		}
	}
	return 0;
}

static int falco_open(struct inode *inode, struct file *file)
{
	if (atomic_cmpxchg(&opened, 0, 1) != 0)
		return -EBUSY;
	/* What an earlier reader left behind. */
	ppm_ring_reset(&ring);
	return 0;
}

static int falco_release(struct inode *inode, struct file *file)
{
	atomic_set(&opened, 0);
	return 0;
}

/* Gives whole records, as many as are there and fit. */
static ssize_t falco_read(struct file *file, char __user *buffer, size_t size, loff_t *pos)
{
	struct ppm_event event;
	size_t done = 0;

	if (size < sizeof(event))
		return -EINVAL;
	while (size - done >= sizeof(event)) {
		if (!ppm_ring_get(&ring, &event)) {
			int err;

			if (done)
				break;
			if (file->f_flags & O_NONBLOCK)
				return -EAGAIN;
			err = wait_event_interruptible(ring.readers, !ppm_ring_empty(&ring));
			if (err)
				return err;
			continue;
		}
		if (copy_to_user(buffer + done, &event, sizeof(event)))
			return -EFAULT;
		done += sizeof(event);
	}
	return done;
}

static __poll_t falco_poll(struct file *file, poll_table *wait)
{
	poll_wait(file, &ring.readers, wait);
	return ppm_ring_empty(&ring) ? 0 : EPOLLIN | EPOLLRDNORM;
}

static const struct file_operations falco_fops = {
	.owner = THIS_MODULE,
	.open = falco_open,
	.release = falco_release,
	.read = falco_read,
	.poll = falco_poll,
	.llseek = noop_llseek,
};

static struct miscdevice falco_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = DRIVER_DEVICE_NAME,
	.fops = &falco_fops,
	.mode = 0400,
};

static int __init falco_init(void)
{
	int err = ppm_ring_init(&ring);

	if (err)
		return err;
	err = attach_hooks();
	if (err)
		goto free_ring;
	err = misc_register(&falco_device);
	if (err)
		goto detach;
	pr_info(DRIVER_NAME ": driver loaded, %s and %s on /dev/%s\n", ppm_event_names[PPME_EXECVE],
		ppm_event_names[PPME_PROCEXIT], DRIVER_DEVICE_NAME);
	return 0;

detach:
	detach_hooks(ARRAY_SIZE(hooks));
free_ring:
	ppm_ring_free(&ring);
	return err;
}

static void __exit falco_exit(void)
{
	misc_deregister(&falco_device);
	detach_hooks(ARRAY_SIZE(hooks));
	ppm_ring_free(&ring);
	pr_info(DRIVER_NAME ": driver unloaded\n");
}

module_init(falco_init);
module_exit(falco_exit);

MODULE_DESCRIPTION("Process events for falco");
MODULE_AUTHOR("The falco-mini authors");
MODULE_LICENSE("Dual MIT/GPL");
MODULE_VERSION(DRIVER_VERSION);
