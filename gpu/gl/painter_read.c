// SPDX-License-Identifier: MIT
/* Reads textures back: pictures by way of a buffer of GL's, so that nobody waits; cursors at once. */
#include <linux/virtio_gpu.h>
#include <string.h>

#include "gpu/buffer.h"
#include "gpu/format.h"
#include "gpu/gl/painter_internal.h"
#include "gpu/resource.h"
#include "vmm/base/util.h"

static GLenum read_format(const struct painter *p)
{
    return p->read_bgra ? GL_BGRA : GL_RGBA;
}

/* The texture's row that is the lowest in GL's order of a rectangle of the picture. */
static GLint lowest_row(const struct gpu_resource *resource, uint32_t y, uint32_t height)
{
    return (GLint)MIN(painter_first_row(resource, y), painter_first_row(resource, y + height));
}

/* The scanout's buffer of GL's, bound, with at least that much room. */
static bool bind_room(struct painter *p, unsigned slot, size_t size)
{
    if (!p->fetch[slot].buffer)
        glGenBuffers(1, &p->fetch[slot].buffer);
    glBindBuffer(GL_PIXEL_PACK_BUFFER, p->fetch[slot].buffer);
    if (p->fetch[slot].size >= size)
        return true;
    while (glGetError() != GL_NO_ERROR)
        ; /* older errors */
    glBufferData(GL_PIXEL_PACK_BUFFER, (GLsizeiptr)size, NULL, GL_STREAM_READ);
    p->fetch[slot].size = glGetError() == GL_NO_ERROR ? size : 0;
    return p->fetch[slot].size > 0;
}

bool painter_fetch(struct gpu_painter *base, unsigned slot, const struct gpu_resource *resource,
                   const struct frame_rect *source, const struct damage *damage)
{
    struct painter *p = container_of(base, struct painter, base);
    size_t at = 0;

    if (!painter_enter(p, false) || !painter_read_from(p, resource) ||
        !bind_room(p, slot, damage_area(damage) * FORMAT_BYTES))
        return false;
    p->fetch[slot].y_inverted = resource->y_inverted;
    for (unsigned i = 0; i < damage->n; i++) {
        const struct frame_rect *d = &damage->rect[i];
        glReadPixels((GLint)(source->x + d->x), lowest_row(resource, source->y + d->y, d->height),
                     (GLsizei)d->width, (GLsizei)d->height, read_format(p), GL_UNSIGNED_BYTE,
                     (void *)at);
        at += (size_t)d->width * d->height * FORMAT_BYTES;
    }
    glBindBuffer(GL_PIXEL_PACK_BUFFER, 0);
    return true;
}

/* Copies a rectangle of rows without gaps to its place. */
static void place(const char *pixels, const struct frame_rect *d, bool upside_down, bool convert,
                  struct gpu_buffer *shm)
{
    size_t row = (size_t)d->width * FORMAT_BYTES;
    uint32_t stride = shm->base.plane[0].stride;
    char *dst = (char *)shm->map + (size_t)d->y * stride + (size_t)d->x * FORMAT_BYTES;

    for (uint32_t y = 0; y < d->height; y++, dst += stride) {
        memcpy(dst, pixels + row * (upside_down ? d->height - 1 - y : y), row);
        if (convert)
            format_to_argb(VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM, dst, d->width);
    }
}

uint64_t painter_fetched(struct gpu_painter *base, unsigned slot, const struct damage *damage,
                         struct gpu_buffer *shm)
{
    struct painter *p = container_of(base, struct painter, base);
    size_t size = damage_area(damage) * FORMAT_BYTES;

    if (!painter_enter(p, false))
        return 0;
    glBindBuffer(GL_PIXEL_PACK_BUFFER, p->fetch[slot].buffer);
    const char *pixels =
        glMapBufferRange(GL_PIXEL_PACK_BUFFER, 0, (GLsizeiptr)size, GL_MAP_READ_BIT);
    if (pixels) {
        size_t at = 0;
        for (unsigned i = 0; i < damage->n; i++) {
            const struct frame_rect *d = &damage->rect[i];
            place(pixels + at, d, p->fetch[slot].y_inverted, !p->read_bgra, shm);
            at += (size_t)d->width * d->height * FORMAT_BYTES;
        }
        glUnmapBuffer(GL_PIXEL_PACK_BUFFER);
    }
    glBindBuffer(GL_PIXEL_PACK_BUFFER, 0);
    painter_leave(p);
    return pixels ? size : 0;
}

void painter_drop(struct gpu_painter *base, unsigned slot)
{
    struct painter *p = container_of(base, struct painter, base);

    if (!p->fetch[slot].buffer || !painter_enter(p, false))
        return;
    glDeleteBuffers(1, &p->fetch[slot].buffer);
    p->fetch[slot].buffer = 0;
    p->fetch[slot].size = 0;
    painter_leave(p);
}

static bool has_alpha(uint32_t virtio_format)
{
    return virtio_format == VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM ||
           virtio_format == VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM ||
           virtio_format == VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM ||
           virtio_format == VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM;
}

static void swap_rows(uint32_t *pixels, uint32_t width, uint32_t height)
{
    for (uint32_t y = 0; y < height / 2; y++)
        for (uint32_t x = 0; x < width; x++) {
            uint32_t *a = &pixels[y * width + x], *b = &pixels[(height - 1 - y) * width + x];
            uint32_t t = *a;
            *a = *b;
            *b = t;
        }
}

bool painter_read(struct gpu_painter *base, const struct gpu_resource *resource, uint32_t width,
                  uint32_t height, uint32_t *pixels)
{
    struct painter *p = container_of(base, struct painter, base);
    bool alpha = has_alpha(resource->layout.format);
    size_t n = (size_t)width * height;

    bool ok = painter_enter(p, true) && painter_read_from(p, resource);
    if (ok)
        glReadPixels(0, lowest_row(resource, 0, height), (GLsizei)width, (GLsizei)height,
                     read_format(p), GL_UNSIGNED_BYTE, pixels);
    painter_leave(p);
    if (!ok)
        return false;
    if (!p->read_bgra)
        format_to_argb(VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM, pixels, n);
    if (!alpha)
        format_to_argb(VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, pixels, n);
    if (resource->y_inverted)
        swap_rows(pixels, width, height);
    return true;
}
