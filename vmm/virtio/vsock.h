/* SPDX-License-Identifier: MIT */
/* Sockets between host and guest (virtio 1.2, 5.10), by the kernel's vhost-vsock: the queues are its own,
 * and nothing passes through us. */
#ifndef VITRINE_VIRTIO_VSOCK_H
#define VITRINE_VIRTIO_VSOCK_H

#include <stdint.h>

struct loop;
struct virtio_dev;

/* Smaller numbers are reserved, the largest is a wildcard. */
#define VIRTIO_VSOCK_MIN_CID 3u
#define VIRTIO_VSOCK_MAX_CID 0xfffffffeu

/* The guest's address will be cid. NULL where the host has no vhost-vsock or the cid is in use, which is
 * logged. */
struct virtio_dev *virtio_vsock_create(struct loop *loop, uint32_t cid);
/* Accepts NULL. */
void virtio_vsock_destroy(struct virtio_dev *dev);

#endif
