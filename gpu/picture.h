/* SPDX-License-Identifier: MIT */
/*
 * Where a frame's pixels come from: a buffer that the display imports, else a copy of what changed.
 *
 * A texture may still be drawn to. Where the renderer has sync_files the frame takes one along; where
 * it has none the frame is kept, as a job, until a fence of the renderer's has signalled. A texture that
 * is read back takes two such steps: first it is drawn, then it is fetched.
 */
#ifndef VITRINE_GPU_PICTURE_H
#define VITRINE_GPU_PICTURE_H

#include <stdint.h>

#include "gpu/frame.h"

struct damage;
struct gpu_buffer;
struct gpu_resource;
struct scanout;
struct virtio_gpu;

enum picture {
    PICTURE_NONE,  /* there is no buffer at the moment */
    PICTURE_READY, /* to be presented */
    PICTURE_LATER, /* the job has it: picture_go_on(), once the job's fence has signalled */
};

/* A scanout's frame in the making. */
struct picture_job {
    enum { JOB_NONE, JOB_PRESENT, JOB_FETCH, JOB_COPY } next; /* once the fence has signalled */
    uint32_t serial;                                          /* the fence, in gpu->timeline */
    struct frame frame;                                       /* its buffer is a reference */
    /* JOB_FETCH: what is read. */
    const struct gpu_resource *resource;
    struct frame_rect source;
};

/* Makes the scanout's frame, whose seq and damage are set already: gives it a buffer and the rest. */
enum picture picture_make(struct virtio_gpu *gpu, struct scanout *s, struct frame *frame);
/* The next step of the scanout's job. READY: *frame is the frame; its buffer's reference becomes the
 * caller's. NONE: it failed, which is logged. */
enum picture picture_go_on(struct virtio_gpu *gpu, struct scanout *s, struct frame *frame);
/* Forgets the scanout's job. */
void picture_cancel(struct scanout *s);
/* Lets go of the buffers that pictures were copied into. */
void picture_drop_pool(struct scanout *s);

/* For the files that make pictures. */

/* The buffer of the scanout's pool to copy into, of FRAME_PATH_BLIT or _SHM: one that nobody shows, the
 * one with the least to bring up to date. Its `stale` then covers the damage too, as that of all the
 * others, and is never more pixels than the picture has. *why: set where a buffer to blit into can't be had. */
struct gpu_buffer *picture_pool_take(struct virtio_gpu *gpu, struct scanout *s,
                                     enum frame_path path, const struct frame *frame,
                                     const char **why);
/* picture_make() for a resource with a texture. */
enum picture picture_of_texture(struct virtio_gpu *gpu, struct scanout *s, struct frame *frame);

#endif
