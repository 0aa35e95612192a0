// SPDX-License-Identifier: MIT
#include "gpu/picture.h"

#include <drm_fourcc.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODULE "gpu"
#include "gpu/device.h"
#include "gpu/format.h"
#include "gpu/painter.h"
#include "gpu/udmabuf.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/log.h"

/* What the display imports of a format in rows, or NULL where the scanout must be copied; *why is then
 * set where that is worth a word. */
static const struct import_format *import_for(const struct virtio_gpu *gpu, const struct scanout *s,
                                              uint32_t fourcc, const char **why)
{
    if (gpu->udmabuf < 0) { /* said when the device was made, where all frames need it */
        if (gpu->backend->painter)
            *why = "/dev/udmabuf can't be opened";
        return NULL;
    }
    if (s->no_import) {
        *why = "the display could not import it";
        return NULL;
    }
    const struct import_format *f = imports_of(&gpu->imports, fourcc);
    if (f && f->linear)
        return f;
    *why = "the display imports no linear dmabuf of its format";
    return NULL;
}

/* A udmabuf over a guest blob's pages; its fd, or -1 with the reason. */
static int blob_udmabuf(struct virtio_gpu *gpu, const struct gpu_resource *r, const char **why)
{
    autofree struct udmabuf_range *ranges = calloc(UDMABUF_MAX_RANGES, sizeof(*ranges));
    if (!ranges) {
        *why = "no memory";
        return -1;
    }
    int n = udmabuf_ranges(&r->backing, gpu->dev.mem, ranges, UDMABUF_MAX_RANGES);
    if (n < 0) {
        *why = n == -E2BIG ? "its pages are scattered over more ranges than udmabuf takes"
                           : "it does not consist of whole pages";
        return -1;
    }
    int fd = udmabuf_create(gpu->udmabuf, ranges, (unsigned)n);
    if (fd < 0) {
        log_debug("udmabuf of %d ranges, %llu bytes: %s", n, (unsigned long long)r->backing.size,
                  strerror(-fd));
        *why = "/dev/udmabuf refuses its pages";
        return -1;
    }
    return fd;
}

/* Guest memory as it is: made once for a resource and layout. */
static struct gpu_buffer *blob_dmabuf(struct virtio_gpu *gpu, struct gpu_resource *r,
                                      const struct resource_layout *layout, const char **why)
{
    if (!resource_layout_equal(&r->dmabuf_layout, layout)) {
        gpu_buffer_unref(r->dmabuf);
        r->dmabuf = NULL;
        r->dmabuf_why = NULL;
        r->dmabuf_layout = *layout;
    }
    if (!r->dmabuf && !r->dmabuf_why) {
        struct frame_buffer what = {
            .kind = FRAME_BUFFER_DMABUF,
            .path = FRAME_PATH_UDMABUF,
            .width = layout->width,
            .height = layout->height,
            .fourcc = format_fourcc(layout->format),
            .modifier = DRM_FORMAT_MOD_LINEAR,
            .n_planes = 1,
            .plane[0] = { .stride = layout->stride, .offset = (uint32_t)layout->offset },
        };
        if (layout->offset > UINT32_MAX)
            r->dmabuf_why = "it starts too far into its memory";
        else
            what.plane[0].fd = blob_udmabuf(gpu, r, &r->dmabuf_why);
        if (!r->dmabuf_why)
            r->dmabuf = gpu_buffer_create(&gpu->owner, &what);
        if (!r->dmabuf && !r->dmabuf_why)
            r->dmabuf_why = "no memory";
    }
    *why = r->dmabuf_why;
    return r->dmabuf;
}

void picture_drop_pool(struct scanout *s)
{
    for (unsigned i = 0; i < SCANOUT_BUFFERS; i++) {
        gpu_buffer_unref(s->pool[i]);
        s->pool[i] = NULL;
    }
}

static struct gpu_buffer *make_pool_buffer(struct virtio_gpu *gpu, const struct scanout *s,
                                           enum frame_path path, const char **why)
{
    const struct gpu_painter *painter = gpu->backend->painter;
    uint32_t width = s->source.width, height = s->source.height;

    if (path == FRAME_PATH_BLIT)
        return painter->ops->target(gpu->backend->painter, width, height, &gpu->imports, why);
    struct gpu_buffer *b = gpu_buffer_create_shm(&gpu->owner, width, height, DRM_FORMAT_XRGB8888);
    if (!b)
        log_warn("scanout %u: no shared memory for %u×%u pixels", s->index, width, height);
    return b;
}

static struct gpu_buffer *pool_buffer(struct virtio_gpu *gpu, const struct scanout *s,
                                      enum frame_path path, const char **why)
{
    uint64_t bytes = (uint64_t)s->source.width * s->source.height * FORMAT_BYTES;

    if (!gpu_memory_take(&gpu->owner, bytes)) {
        log_guest("scanout %u: a copy of its %u×%u pixels is more host memory than it may have",
                  s->index, s->source.width, s->source.height);
        return NULL;
    }
    struct gpu_buffer *b = make_pool_buffer(gpu, s, path, why);
    if (b)
        b->charge = bytes;
    else
        gpu_memory_give_back(&gpu->owner, bytes);
    return b;
}

static struct gpu_buffer *pool_find(struct virtio_gpu *gpu, struct scanout *s, enum frame_path path,
                                    const char **why)
{
    struct gpu_buffer *best = NULL;
    unsigned empty = SCANOUT_BUFFERS;

    for (unsigned i = 0; i < SCANOUT_BUFFERS; i++) {
        struct gpu_buffer *b = s->pool[i];
        if (b && (b->base.path != path || b->base.width != s->source.width ||
                  b->base.height != s->source.height)) {
            gpu_buffer_unref(b);
            b = s->pool[i] = NULL;
        }
        if (!b)
            empty = i;
        else if (b->base.locks == 0 &&
                 (!best || damage_area(&b->stale) < damage_area(&best->stale)))
            best = b;
    }
    if (!best && empty < SCANOUT_BUFFERS)
        best = s->pool[empty] = pool_buffer(gpu, s, path, why);
    return best;
}

struct gpu_buffer *picture_pool_take(struct virtio_gpu *gpu, struct scanout *s,
                                     enum frame_path path, const struct frame *frame,
                                     const char **why)
{
    struct gpu_buffer *b = pool_find(gpu, s, path, why);
    uint64_t pixels = (uint64_t)s->source.width * s->source.height;

    for (unsigned i = 0; b && i < SCANOUT_BUFFERS; i++) {
        if (!s->pool[i])
            continue;
        struct damage *stale = &s->pool[i]->stale;
        for (unsigned d = 0; d < frame->n_damage; d++)
            damage_add(stale, &frame->damage[d]);
        if (damage_area(stale) > pixels) /* its rectangles overlap */
            damage_set_full(stale, s->source.width, s->source.height);
    }
    return b;
}

/* Copies a rectangle of the picture from the guest's pages; the bytes copied. */
static uint64_t copy_rect(struct virtio_gpu *gpu, const struct scanout *s, struct gpu_buffer *b,
                          const struct frame_rect *rect)
{
    const struct gpu_resource *r = s->resource;
    const struct resource_layout *l = &s->layout;
    bool convert = format_fourcc(l->format) != DRM_FORMAT_XRGB8888;
    size_t row = (size_t)rect->width * FORMAT_BYTES;
    uint32_t stride = b->base.plane[0].stride;
    uint8_t *dst = (uint8_t *)b->map + (size_t)rect->y * stride + (size_t)rect->x * FORMAT_BYTES;
    /* Within the backing, and so within 64 bits: scanout_set()'s caller saw to it. */
    uint64_t src = l->offset + ((uint64_t)s->source.y + rect->y) * l->stride +
                   ((uint64_t)s->source.x + rect->x) * FORMAT_BYTES;

    for (uint32_t y = 0; y < rect->height; y++, dst += stride, src += l->stride) {
        if (!backing_read(&r->backing, gpu->dev.mem, src, dst, row))
            return (uint64_t)y * row;
        if (convert)
            format_to_argb(l->format, dst, rect->width);
    }
    return row * rect->height;
}

static struct gpu_buffer *blob_copy(struct virtio_gpu *gpu, struct scanout *s, struct frame *frame)
{
    struct gpu_buffer *b = picture_pool_take(gpu, s, FRAME_PATH_SHM, frame, NULL);
    if (!b)
        return NULL;
    for (unsigned i = 0; i < b->stale.n; i++)
        frame->copied += copy_rect(gpu, s, b, &b->stale.rect[i]);
    b->stale.n = 0;
    return b;
}

static void say_path(struct scanout *s, const struct gpu_buffer *b, const char *why)
{
    if (why && why != s->why)
        log_warn("scanout %u: frames are copied: %s", s->index, why);
    else if (b->base.path == FRAME_PATH_UDMABUF && s->why)
        log_info("scanout %u: frames are guest memory again", s->index);
    s->why = why;
}

enum picture picture_make(struct virtio_gpu *gpu, struct scanout *s, struct frame *frame)
{
    struct gpu_resource *r = s->resource;

    if (r->texture)
        return picture_of_texture(gpu, s, frame);

    const char *why = NULL;
    uint32_t fourcc =
        r->kind == RESOURCE_HOST ? DRM_FORMAT_XRGB8888 : format_fourcc(s->layout.format);
    const struct import_format *import = import_for(gpu, s, fourcc, &why);
    struct gpu_buffer *b = NULL;

    frame->source = s->source;
    if (r->kind == RESOURCE_HOST) {
        b = gpu->backend->ops->buffer(gpu->backend, r, import != NULL, &why);
        frame->copied = r->copied;
    } else if (import) {
        b = blob_dmabuf(gpu, r, &s->layout, &why);
        if (b)
            picture_drop_pool(s);
    }
    if (!b && r->kind == RESOURCE_GUEST_BLOB) {
        b = blob_copy(gpu, s, frame);
        frame->source.x = frame->source.y = 0;
    }
    if (!b)
        return PICTURE_NONE;
    if (import && b->base.kind == FRAME_BUFFER_DMABUF && !b->base.import)
        b->base.modifier = import->linear_modifier; /* nobody knows the buffer yet */
    say_path(s, b, why);
    if (r->kind == RESOURCE_HOST)
        r->copied = 0;
    frame->buffer = &b->base;
    return PICTURE_READY;
}
