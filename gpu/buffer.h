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
    /* Bytes of the host's memory that the guest's resources and the copies of its pictures take, and the
     * most that they may. */
    uint64_t memory, memory_max;
};

struct gpu_buffer {
    struct frame_buffer base;
    struct gpu_buffer_owner *owner; /* outlives the buffer */
    void *map; /* shm of ours: its memory, rows of base.plane[0].stride bytes */
    size_t map_len;
    uint64_t charge;     /* bytes of the owner's memory, given back with the buffer */
    struct damage stale; /* a scanout's pool: where the pixels are older than the last frame's */
    /* What is behind the planes goes too, and the buffer itself; NULL: free() does. */
    void (*destroy)(struct gpu_buffer *buffer);
};

/* Takes from the owner's memory, until it is given back; false where so much is not left. */
static inline bool gpu_memory_take(struct gpu_buffer_owner *owner, uint64_t bytes)
{
    if (bytes > owner->memory_max - owner->memory)
        return false;
    owner->memory += bytes;
    return true;
}

static inline void gpu_memory_give_back(struct gpu_buffer_owner *owner, uint64_t bytes)
{
    owner->memory -= bytes;
}

/* Shared memory of width × height pixels of four bytes, zeroed, its rows without a gap. One reference,
 * the caller's; NULL where there is no memory or no file descriptor left. */
struct gpu_buffer *gpu_buffer_create_shm(struct gpu_buffer_owner *owner, uint32_t width,
                                         uint32_t height, uint32_t fourcc);

/* Pixels in a file that somebody else fills: a dmabuf, or a memfd to be shown as shared memory. What
 * describes them is taken out of *what, with its planes' fds, also where it fails. */
struct gpu_buffer *gpu_buffer_create(struct gpu_buffer_owner *owner,
                                     const struct frame_buffer *what);
/* The same in memory of the caller's; fill in destroy. */
void gpu_buffer_init(struct gpu_buffer *buffer, struct gpu_buffer_owner *owner,
                     const struct frame_buffer *what);

static inline void gpu_buffer_unref(struct gpu_buffer *buffer)
{
    frame_buffer_unref(buffer ? &buffer->base : NULL);
}

#endif
