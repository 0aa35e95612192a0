/* SPDX-License-Identifier: MIT */
/* The back-end's mapping of the table of chains in flight, which the front-end keeps for a successor.
 * Part of vhost_user_backend.c; on its loop. */
#ifndef VITRINE_VIRTIO_VHOST_USER_INFLIGHT_H
#define VITRINE_VIRTIO_VHOST_USER_INFLIGHT_H

#include <stddef.h>
#include <stdint.h>

#include "vmm/virtio/vhost_user_proto.h"

struct inflight_region;

/* None when zeroed. */
struct vhost_user_inflight {
    uint8_t *map;
    size_t len;
    uint16_t n_queues, queue_size;
};

/* Makes an empty table as *desc asks for, and fills in the rest of it. Its fd, the caller's, or a
 * negative errno. */
int vhost_user_inflight_make(struct vhost_user_inflight_desc *desc);
/* Maps a table in the place of the last one. fd stays the caller's. 0, -EPROTO where desc and fd don't
 * go together, or another negative errno. */
int vhost_user_inflight_map(struct vhost_user_inflight *table,
                            const struct vhost_user_inflight_desc *desc, int fd);
/* A queue's region; NULL where there is none for a queue of that index and size. */
struct inflight_region *vhost_user_inflight_region(const struct vhost_user_inflight *table,
                                                   unsigned queue, uint16_t size);
/* Harmless on none. */
void vhost_user_inflight_unmap(struct vhost_user_inflight *table);

#endif
