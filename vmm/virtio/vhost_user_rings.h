/* SPDX-License-Identifier: MIT */
/*
 * The back-end's queues and memory: what the front-end said of each, and the device model that runs
 * on those that are ready. Part of vhost_user_backend.c; on its loop.
 *
 * All setters check what comes off the wire. They return 0, -EPROTO for what no front-end in its
 * right mind sends, or another negative errno for what could not be done.
 */
#ifndef VITRINE_VIRTIO_VHOST_USER_RINGS_H
#define VITRINE_VIRTIO_VHOST_USER_RINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/core/mem.h"
#include "vmm/virtio/device.h"
#include "vmm/virtio/vhost_user_inflight.h"
#include "vmm/virtio/vhost_user_proto.h"

struct vhost_user_ring {
    bool has_num, has_addr, enabled;
    struct vhost_user_vring_addr addr; /* in the front-end's addresses */
    uint16_t base;                     /* the next available index, while the ring does not run */
    int err_fd;                        /* eventfd or -1 */
};

/* The kick and call fds are in dev->queue[], and owned here. */
struct vhost_user_rings {
    struct virtio_dev *dev;
    struct guest_mem mem;
    struct vhost_user_inflight inflight; /* what the rings take and give back is noted there */
    bool always_enabled; /* the front-end knows no protocol features, and enables no ring */
    struct vhost_user_ring ring[VIRTIO_MAX_QUEUES];
};

enum vhost_user_event { VHOST_USER_EVENT_KICK, VHOST_USER_EVENT_CALL, VHOST_USER_EVENT_ERR };

void vhost_user_rings_init(struct vhost_user_rings *rings, struct virtio_dev *dev);
/* Stops the device and lets go of every fd and mapping. */
void vhost_user_rings_finish(struct vhost_user_rings *rings);

/* Takes the fds out of fds. Stops the device where the memory is not what it was before. */
int vhost_user_rings_set_memory(struct vhost_user_rings *rings,
                                const struct vhost_user_memory *memory, int *fds, unsigned n_fds);
/* The next three stop a suspended device where the ring is not what it was. */
int vhost_user_rings_set_num(struct vhost_user_rings *rings,
                             const struct vhost_user_vring_state *state);
int vhost_user_rings_set_addr(struct vhost_user_rings *rings,
                              const struct vhost_user_vring_addr *addr);
int vhost_user_rings_set_base(struct vhost_user_rings *rings,
                              const struct vhost_user_vring_state *state);
/* Stops the ring, and suspends the device with it; fills state->num. */
int vhost_user_rings_get_base(struct vhost_user_rings *rings, struct vhost_user_vring_state *state);
/* Takes a table of chains in flight (fd stays the caller's), while no ring runs. */
int vhost_user_rings_set_inflight(struct vhost_user_rings *rings,
                                  const struct vhost_user_inflight_desc *desc, int fd);
/* word: the message's payload. Takes *fd where it succeeds; -1: none came along. */
int vhost_user_rings_set_event(struct vhost_user_rings *rings, enum vhost_user_event event,
                               uint64_t word, int *fd);
/* Disabling a ring that runs suspends the device. */
int vhost_user_rings_enable(struct vhost_user_rings *rings,
                            const struct vhost_user_vring_state *state);

/* Starts the rings that are ready and not running, and the device with the first of them; then has it
 * answer what a predecessor left in them, and kicks them. A ring is ready when it has a size, addresses, a kick and is enabled. 0, or a negative errno:
 * a ring not in memory, or the model's; the device is then stopped. */
int vhost_user_rings_start(struct vhost_user_rings *rings);
/* Stops the device; the rings keep what they know, and go on where they were when started again. */
void vhost_user_rings_stop(struct vhost_user_rings *rings);
/* Stops the device, and forgets the rings' addresses, kicks and indices, as a device reset does. */
void vhost_user_rings_reset(struct vhost_user_rings *rings);
/* Tells the front-end, through the rings' err fds, that the device is broken. */
void vhost_user_rings_signal_error(const struct vhost_user_rings *rings);

#endif
