/* SPDX-License-Identifier: MIT */
/*
 * A virtio memory balloon (virtio 1.2, 5.5): what the guest puts into it, and free pages that it reports,
 * are given back to the host.
 */
#ifndef VITRINE_VIRTIO_BALLOON_H
#define VITRINE_VIRTIO_BALLOON_H

#include <stdint.h>

struct loop;
struct virtio_dev;

/* What came of it, in bytes. Each only grows, but for `held`. */
struct virtio_balloon_stats {
    uint64_t held;     /* what the guest says is in the balloon */
    uint64_t inflated; /* given back through the balloon */
    uint64_t reported; /* given back as free */
};

/* NULL where there is no memory, which is logged. */
struct virtio_dev *virtio_balloon_create(struct loop *loop);
/* Accepts NULL. */
void virtio_balloon_destroy(struct virtio_dev *dev);

/* How much the balloon should hold, in bytes; the guest is told. Any thread. */
void virtio_balloon_set_target(struct virtio_dev *dev, uint64_t bytes);
/* Any thread. */
void virtio_balloon_stats(struct virtio_dev *dev, struct virtio_balloon_stats *stats);

#endif
