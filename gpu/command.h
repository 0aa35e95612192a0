/* SPDX-License-Identifier: MIT */
/*
 * One command on its way through the device (virtio 1.2, 5.7.6): copied out of guest memory once, and
 * executed by a function that returns the response's type. One whose response has more than a header
 * fills reply and its length, and perhaps a tail; RESOURCE_FLUSH may leave the rest to fence.c.
 */
#ifndef VITRINE_GPU_COMMAND_H
#define VITRINE_GPU_COMMAND_H

#include "gpu/device.h"

_Static_assert(sizeof(struct virtio_gpu_resp_edid) >= sizeof(struct virtio_gpu_resp_display_info),
               "no byte of the host's stack may reach the guest");

struct request {
    struct virtq *q;
    struct virtio_gpu_ctrl_hdr hdr;
    union {
        struct virtio_gpu_ctrl_hdr hdr;
        struct virtio_gpu_resource_create_2d create_2d;
        struct virtio_gpu_resource_unref unref;
        struct virtio_gpu_set_scanout set_scanout;
        struct virtio_gpu_resource_flush flush;
        struct virtio_gpu_transfer_to_host_2d transfer;
        struct virtio_gpu_resource_attach_backing attach;
        struct virtio_gpu_resource_detach_backing detach;
        struct virtio_gpu_cmd_get_edid get_edid;
        struct virtio_gpu_resource_create_blob create_blob;
        struct virtio_gpu_set_scanout_blob set_scanout_blob;
        struct virtio_gpu_update_cursor cursor;
        struct virtio_gpu_get_capset_info capset_info;
        struct virtio_gpu_get_capset capset;
        struct virtio_gpu_ctx_create ctx_create;
        struct virtio_gpu_ctx_resource ctx_resource;
        struct virtio_gpu_resource_create_3d create_3d;
        struct virtio_gpu_transfer_host_3d transfer_3d;
        struct virtio_gpu_cmd_submit submit;
    } cmd;
    union {
        struct virtio_gpu_resp_edid edid; /* the largest first, so that all of it starts as zeros */
        struct virtio_gpu_resp_display_info display_info;
        struct virtio_gpu_resp_capset_info capset_info;
        struct virtio_gpu_ctrl_hdr hdr;
    } reply;
    size_t reply_len;
    const void *tail; /* what follows the reply, which is then a header */
    size_t tail_len;
    size_t room; /* for all of the answer */
    bool paced;  /* its fence may be withheld (pace.h) */
    bool kept;   /* the answer is written, and fence.c gives the chain back */
};

static inline const struct iovec *out_iov(const struct virtio_gpu *gpu)
{
    return gpu->chain.iov;
}

static inline const struct iovec *in_iov(const struct virtio_gpu *gpu)
{
    return gpu->chain.iov + gpu->chain.n_out;
}

static inline struct frame_rect rect_of(const struct virtio_gpu_rect *r)
{
    return (struct frame_rect){ .x = r->x, .y = r->y, .width = r->width, .height = r->height };
}

static inline bool size_ok(uint32_t width, uint32_t height)
{
    return width >= 1 && width <= RESOURCE_MAX_SIZE && height >= 1 && height <= RESOURCE_MAX_SIZE;
}

/* Writes the answer, or as much of it as may be, into the guest's memory. The bytes written. */
uint32_t command_answer(struct virtio_gpu *gpu, struct request *req, uint32_t type);

/* command_resource.c */
uint32_t command_resource_create_2d(struct virtio_gpu *gpu, struct request *req);
uint32_t command_resource_create_blob(struct virtio_gpu *gpu, struct request *req);
uint32_t command_resource_unref(struct virtio_gpu *gpu, struct request *req);
uint32_t command_attach_backing(struct virtio_gpu *gpu, struct request *req);
uint32_t command_detach_backing(struct virtio_gpu *gpu, struct request *req);
uint32_t command_transfer_to_host_2d(struct virtio_gpu *gpu, struct request *req);
/* command_scanout.c */
uint32_t command_set_scanout(struct virtio_gpu *gpu, struct request *req);
uint32_t command_set_scanout_blob(struct virtio_gpu *gpu, struct request *req);
uint32_t command_resource_flush(struct virtio_gpu *gpu, struct request *req);
uint32_t command_update_cursor(struct virtio_gpu *gpu, struct request *req);
uint32_t command_move_cursor(struct virtio_gpu *gpu, struct request *req);
/* command_render.c */
uint32_t command_get_capset_info(struct virtio_gpu *gpu, struct request *req);
uint32_t command_get_capset(struct virtio_gpu *gpu, struct request *req);
uint32_t command_ctx_create(struct virtio_gpu *gpu, struct request *req);
uint32_t command_ctx_destroy(struct virtio_gpu *gpu, struct request *req);
uint32_t command_ctx_attach(struct virtio_gpu *gpu, struct request *req);
uint32_t command_ctx_detach(struct virtio_gpu *gpu, struct request *req);
uint32_t command_resource_create_3d(struct virtio_gpu *gpu, struct request *req);
uint32_t command_transfer_to_host_3d(struct virtio_gpu *gpu, struct request *req);
uint32_t command_transfer_from_host_3d(struct virtio_gpu *gpu, struct request *req);
uint32_t command_submit_3d(struct virtio_gpu *gpu, struct request *req);
/* The guest uploads to a resource: counts it where it is a texture that is on a screen. */
void command_uploaded(struct virtio_gpu *gpu, const struct gpu_resource *resource);

#endif
