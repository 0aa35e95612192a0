/* SPDX-License-Identifier: MIT */
/* virtio entropy device (virtio 1.2, 5.4), fed by getrandom(2). */
#ifndef VITRINE_VIRTIO_RNG_H
#define VITRINE_VIRTIO_RNG_H

struct loop;
struct virtio_dev;

/* NULL where memory is short. The loop may be shared: one kick does a bounded amount of work. */
struct virtio_dev *virtio_rng_create(struct loop *loop);
/* After its transport is gone. Accepts NULL. */
void virtio_rng_destroy(struct virtio_dev *dev);

#endif
