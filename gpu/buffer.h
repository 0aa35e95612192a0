/* SPDX-License-Identifier: MIT */
/* The frame buffers that virtio-gpu makes: dmabufs, and shared memory that it copies into. */
#ifndef VITRINE_GPU_BUFFER_H
#define VITRINE_GPU_BUFFER_H

#include <stddef.h>

#include "gpu/damage.h"
#include "gpu/frame.h"

struct gpu_buffer;

/* Who wants to know that nobody shows a buffer any more. */
struct gpu_buffer_owner {
    void (*released)(struct gpu_buffer_owner *owner, struct gpu_buffer *buffer);
    uint32_t last_id; /* the buffers' ids count up from here */
};

struct gpu_buffer {
    struct frame_buffer base;
    struct gpu_buffer_owner *owner; /* outlives the buffer */
    void *map; /* shm of ours: its memory, rows of base.plane[0].stride bytes */
    size_t map_len;
    struct damage stale; /* shm pool: where the pixels are older than the last frame's */
};

/* Shared memory of width × height pixels of four bytes, zeroed, its rows without a gap. One reference,
 * the caller's; NULL where there is no memory or no file descriptor left. */
struct gpu_buffer *gpu_buffer_create_shm(struct gpu_buffer_owner *owner, uint32_t width,
                                         uint32_t height, uint32_t fourcc);

/* Pixels in a file that somebody else fills: a dmabuf, or a memfd to be shown as shared memory. Takes
 * fd, also where it fails. */
struct gpu_buffer *gpu_buffer_create_fd(struct gpu_buffer_owner *owner, enum frame_buffer_kind kind,
                                        enum frame_path path, uint32_t width, uint32_t height,
                                        uint32_t fourcc, uint64_t modifier,
                                        const struct frame_plane *plane);

static inline void gpu_buffer_unref(struct gpu_buffer *buffer)
{
    frame_buffer_unref(buffer ? &buffer->base : NULL);
}

#endif
