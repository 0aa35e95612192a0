/* SPDX-License-Identifier: MIT */
/*
 * Pictures of textures, where a back-end renders: a texture shown as it is, blitted on the GPU into a
 * buffer that the display can import, or read back. The implementation is in gpu/gl/.
 *
 * It has a GL context of its own, so that the renderer's state stays as it was. Everything runs on the
 * device's loop, and nothing but `read` waits for the GPU.
 */
#ifndef VITRINE_GPU_PAINTER_H
#define VITRINE_GPU_PAINTER_H

#include <stdbool.h>
#include <stdint.h>

struct damage;
struct frame_rect;
struct gpu_buffer;
struct gpu_painter;
struct gpu_resource;
struct imports;

/* The resources here have a texture. Rectangles of damage are in the picture's coordinates: they lie
 * within `source`, which lies within the resource, and count from its upper left corner as one sees
 * it. */
struct gpu_painter_ops {
    /* The texture as a dmabuf, format and modifier as the driver says. A reference, the caller's; NULL
     * where it can't be had, with *why. */
    struct gpu_buffer *(*export)(struct gpu_painter *painter, const struct gpu_resource *resource,
                                 const char **why);
    /* A dmabuf to blit into that the display imports. The same. */
    struct gpu_buffer *(*target)(struct gpu_painter *painter, uint32_t width, uint32_t height,
                                 const struct imports *imports, const char **why);
    /* Brings the damaged parts of a target up to date, the right way up. False where the texture is not
     * one to draw from. Call leave once a fence is behind it, in either case. */
    bool (*blit)(struct gpu_painter *painter, const struct gpu_resource *resource,
                 const struct frame_rect *source, const struct damage *damage,
                 struct gpu_buffer *target);
    /* Fetches the damaged parts: fetch asks the GPU for them (then a fence, and leave, as with blit);
     * once that fence has signalled, fetched copies them into shared memory of XRGB8888 and tells the
     * bytes, 0 where it failed. Each slot, from 0 to DISPLAY_MAX_SCANOUTS - 1, holds one fetch. */
    bool (*fetch)(struct gpu_painter *painter, unsigned slot, const struct gpu_resource *resource,
                  const struct frame_rect *source, const struct damage *damage);
    uint64_t (*fetched)(struct gpu_painter *painter, unsigned slot, const struct damage *damage,
                        struct gpu_buffer *shm);
    /* Lets go of what a slot's fetches were kept in. */
    void (*drop)(struct gpu_painter *painter, unsigned slot);
    /* The renderer's context is the current one again. */
    void (*leave)(struct gpu_painter *painter);
    /* Reads the upper left width × height pixels as ARGB8888, and waits for them: cursors. False where
     * the texture can't be read. */
    bool (*read)(struct gpu_painter *painter, const struct gpu_resource *resource, uint32_t width,
                 uint32_t height, uint32_t *pixels);
};

/* Embedded by the implementation. */
struct gpu_painter {
    const struct gpu_painter_ops *ops;
};

#endif
