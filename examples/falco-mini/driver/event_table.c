// SPDX-License-Identifier: MIT OR GPL-2.0-only
/* Compiled into the kernel module and into userspace. */
#include "ppm_events_public.h"

const char *const ppm_event_names[PPM_EVENT_MAX] = {
	[PPME_NONE] = "none",
	[PPME_EXECVE] = "execve",
	[PPME_PROCEXIT] = "procexit",
};
