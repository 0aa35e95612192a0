/* SPDX-License-Identifier: MIT */
/* What the two halves of the front-end share: vhost_user_frontend.c (its life, the configuration, the
 * device's operations) and vhost_user_hand_over.c (memory and rings, given to a back-end). */
#ifndef VITRINE_VIRTIO_VHOST_USER_FRONTEND_INTERNAL_H
#define VITRINE_VIRTIO_VHOST_USER_FRONTEND_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/base/loop.h"
#include "vmm/virtio/device.h"
#include "vmm/virtio/vhost_user_cache.h"
#include "vmm/virtio/vhost_user_client.h"
#include "vmm/virtio/vhost_user_frontend.h"

#define BIT(n) (1ull << (n))
/* A device that takes longer to stop is given up. */
#define STOP_TIMEOUT_MS 2000

struct vhost_user_frontend {
    struct virtio_dev dev;
    struct virtio_ops ops; /* the same for all but name and id */
    struct vhost_user_frontend_params params;
    struct vhost_user_client client;
    int req_sock, err_fd; /* -1 once the back-end is dead */
    struct loop_fd source, req_source, err_source;
    struct vhost_user_reader req_reader;
    uint64_t features, protocol_features; /* the back-end's; those in use */
    uint64_t answer;                      /* the last reply of 64 bits */
    struct vhost_user_inflight_desc inflight;
    int inflight_fd; /* the table of chains in flight, which outlives the back-end; -1: there is none */
    struct vhost_user_cache cache;
    bool reading, writing;    /* GET_CONFIG, SET_CONFIG is under way */
    bool changed, read_again; /* what is being read is news; there is more news */
    bool stopping;            /* writes wait, so that a guest can't draw out the stop */
    struct loop_task post;    /* queued by a vCPU's write */
};

static inline bool in_use(const struct vhost_user_frontend *f, unsigned feature)
{
    return f->protocol_features & BIT(feature);
}

static inline int tell(struct vhost_user_frontend *f, uint32_t request, const void *payload,
                       size_t size)
{
    return vhost_user_client_send(&f->client, request, payload, size, NULL, 0);
}

static inline int tell_u64(struct vhost_user_frontend *f, uint32_t request, uint64_t value)
{
    return tell(f, request, &value, sizeof(value));
}

/* Hands the device to the back-end: one that starts, or a successor that goes on. 0, -EPIPE, or -EINVAL
 * where the driver's rings are misaligned or not in RAM, which is logged. */
int vhost_user_hand_over(struct vhost_user_frontend *f);

#endif
