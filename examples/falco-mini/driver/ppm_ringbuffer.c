// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "ppm_ringbuffer.h"

int ppm_ring_init(struct ppm_ring *ring)
{
	ring->events = vzalloc(PPM_RING_EVENTS * sizeof(*ring->events));
	if (!ring->events)
		return -ENOMEM;
	spin_lock_init(&ring->lock);
	init_waitqueue_head(&ring->readers);
	ring->head = 0;
	ring->tail = 0;
	ring->dropped = 0;
	return 0;
}

void ppm_ring_free(struct ppm_ring *ring)
{
	vfree(ring->events);
	ring->events = NULL;
}

void ppm_ring_reset(struct ppm_ring *ring)
{
	unsigned long flags;

	spin_lock_irqsave(&ring->lock, flags);
	ring->tail = ring->head;
	ring->dropped = 0;
	spin_unlock_irqrestore(&ring->lock, flags);
}

void ppm_ring_put(struct ppm_ring *ring, struct ppm_event *event)
{
	unsigned long flags;

	spin_lock_irqsave(&ring->lock, flags);
	if (ring->head - ring->tail == PPM_RING_EVENTS) {
		ring->dropped++;
	} else {
		event->dropped = ring->dropped;
		ring->dropped = 0;
		ring->events[ring->head % PPM_RING_EVENTS] = *event;
		ring->head++;
	}
	spin_unlock_irqrestore(&ring->lock, flags);
	wake_up_interruptible(&ring->readers);
}

bool ppm_ring_get(struct ppm_ring *ring, struct ppm_event *event)
{
	unsigned long flags;
	bool found;

	spin_lock_irqsave(&ring->lock, flags);
	found = ring->head != ring->tail;
	if (found) {
		*event = ring->events[ring->tail % PPM_RING_EVENTS];
		ring->tail++;
	}
	spin_unlock_irqrestore(&ring->lock, flags);
	return found;
}

bool ppm_ring_empty(struct ppm_ring *ring)
{
	unsigned long flags;
	bool empty;

	spin_lock_irqsave(&ring->lock, flags);
	empty = ring->head == ring->tail;
	spin_unlock_irqrestore(&ring->lock, flags);
	return empty;
}
