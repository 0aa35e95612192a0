/* SPDX-License-Identifier: MIT */
/*
 * Where host resources live. The device decodes commands, keeps resources and drives scanouts; a
 * back-end holds the pixels that the guest uploads. (Guest blobs need none: their pixels are the
 * guest's.) Everything runs on the device's loop.
 */
#ifndef VITRINE_GPU_BACKEND_H
#define VITRINE_GPU_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

struct frame_rect;
struct gpu_backend;
struct gpu_buffer;
struct gpu_buffer_owner;
struct gpu_resource;
struct guest_mem;

struct gpu_backend_ops {
    const char *name;
    /* Makes the host's side of a resource whose layout's format and size are set and valid; sets the
     * layout's stride, and resource->host. 0, or -ENOMEM. */
    int (*create)(struct gpu_backend *backend, struct gpu_resource *resource);
    void (*destroy)(struct gpu_backend *backend, struct gpu_resource *resource);
    /* Copies a rectangle, which lies within the resource, from its backing, in which it starts at
     * offset. Adds to resource->copied. 0, or -EINVAL where the backing is too short. */
    int (*transfer)(struct gpu_backend *backend, const struct guest_mem *mem,
                    struct gpu_resource *resource, const struct frame_rect *rect, uint64_t offset);
    /* What shows the whole resource: a dmabuf where one is wanted and can be had, else shared memory.
     * The back-end's reference; NULL where there is none. *why: set where a dmabuf was wanted and
     * could not be had. */
    struct gpu_buffer *(*buffer)(struct gpu_backend *backend, struct gpu_resource *resource,
                                 bool want_dmabuf, const char **why);
    /* Reads the top left width × height pixels, as ARGB8888. They lie within the resource. */
    void (*read)(struct gpu_backend *backend, const struct gpu_resource *resource, uint32_t width,
                 uint32_t height, uint32_t *pixels);
    /* All its resources are destroyed. */
    void (*finish)(struct gpu_backend *backend);
};

struct gpu_backend {
    const struct gpu_backend_ops *ops;
};

/* Host resources in shared memory, written by the CPU: at most memory_max bytes of them. Their buffers
 * belong to owner. udmabuf: the device's fd, which stays the caller's, or -1. NULL where memory is
 * short. */
struct gpu_backend *backend_2d_create(struct gpu_buffer_owner *owner, int udmabuf,
                                      uint64_t memory_max);

#endif
