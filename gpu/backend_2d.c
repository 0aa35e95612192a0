// SPDX-License-Identifier: MIT
/*
 * A host resource is a memfd of XRGB8888 pixels, whatever format the guest gave it: the conversion, if
 * any, is done as a rectangle is copied in, so that every display can show the memfd as it is, as shared
 * memory or as a udmabuf over it. Showing it copies nothing more.
 */
#include <drm_fourcc.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/backend.h"
#include "gpu/buffer.h"
#include "gpu/format.h"
#include "gpu/resource.h"
#include "gpu/udmabuf.h"
#include "vmm/base/util.h"

struct backend_2d {
    struct gpu_backend base;
    struct gpu_buffer_owner *owner;
    int udmabuf;
};

struct host_2d {
    struct gpu_buffer *shm; /* holds the pixels */
    struct gpu_buffer *dmabuf;
    bool dmabuf_failed;
};

static uint64_t bytes_of(const struct gpu_resource *r)
{
    return ALIGN_UP((uint64_t)r->layout.width * r->layout.height * FORMAT_BYTES, 4096ull);
}

static int create(struct gpu_backend *base, struct gpu_resource *r)
{
    struct backend_2d *b = container_of(base, struct backend_2d, base);
    uint64_t bytes = bytes_of(r);

    if (!gpu_memory_take(b->owner, bytes))
        return -ENOMEM;
    struct host_2d *host = calloc(1, sizeof(*host));
    if (host)
        host->shm =
            gpu_buffer_create_shm(b->owner, r->layout.width, r->layout.height, DRM_FORMAT_XRGB8888);
    if (!host || !host->shm) {
        gpu_memory_give_back(b->owner, bytes);
        free(host);
        return -ENOMEM;
    }
    host->shm->charge = bytes;
    r->layout.stride = r->layout.width * FORMAT_BYTES;
    r->host = host;
    return 0;
}

static void destroy(struct gpu_backend *base, struct gpu_resource *r)
{
    struct host_2d *host = r->host;

    gpu_buffer_unref(host->dmabuf);
    gpu_buffer_unref(host->shm);
    free(host);
    r->host = NULL;
}

/* Pixels that need no more than an opaque alpha get that when they are read: screens ignore it. */
static bool converts(const struct gpu_resource *r)
{
    return format_fourcc(r->layout.format) != DRM_FORMAT_XRGB8888;
}

static int transfer(struct gpu_backend *base, const struct guest_mem *mem, struct gpu_resource *r,
                    const struct frame_rect *rect, uint64_t offset)
{
    const struct host_2d *host = r->host;
    uint32_t stride = r->layout.stride;
    uint32_t row = rect->width * FORMAT_BYTES;
    uint8_t *dst =
        (uint8_t *)host->shm->map + (size_t)rect->y * stride + (size_t)rect->x * FORMAT_BYTES;

    if (!backing_rows_fit(r->backing.size, offset, stride, row, rect->height))
        return -EINVAL;
    for (uint32_t y = 0; y < rect->height; y++, dst += stride, offset += stride) {
        if (!backing_read(&r->backing, mem, offset, dst, row))
            return -EINVAL;
        if (converts(r))
            format_to_argb(r->layout.format, dst, rect->width);
    }
    r->copied += (uint64_t)row * rect->height;
    return 0;
}

static struct gpu_buffer *make_dmabuf(struct backend_2d *b, const struct gpu_buffer *shm)
{
    struct udmabuf_range range = { .fd = shm->base.plane[0].fd, .size = shm->map_len };
    struct frame_buffer what = {
        .kind = FRAME_BUFFER_DMABUF,
        .path = FRAME_PATH_UDMABUF,
        .width = shm->base.width,
        .height = shm->base.height,
        .fourcc = DRM_FORMAT_XRGB8888,
        .modifier = DRM_FORMAT_MOD_LINEAR,
        .n_planes = 1,
        .plane[0] = {
            .fd = udmabuf_create(b->udmabuf, &range, 1),
            .stride = shm->base.plane[0].stride,
        },
    };
    return what.plane[0].fd < 0 ? NULL : gpu_buffer_create(b->owner, &what);
}

static struct gpu_buffer *buffer(struct gpu_backend *base, struct gpu_resource *r, bool want_dmabuf,
                                 const char **why)
{
    struct backend_2d *b = container_of(base, struct backend_2d, base);
    struct host_2d *host = r->host;

    if (!want_dmabuf)
        return host->shm;
    if (!host->dmabuf && !host->dmabuf_failed) {
        host->dmabuf = make_dmabuf(b, host->shm);
        host->dmabuf_failed = !host->dmabuf;
    }
    if (!host->dmabuf)
        *why = "/dev/udmabuf refuses the host's copy of it";
    return host->dmabuf ? host->dmabuf : host->shm;
}

static void read_pixels(struct gpu_backend *base, const struct gpu_resource *r, uint32_t width,
                        uint32_t height, uint32_t *pixels)
{
    const struct host_2d *host = r->host;
    for (uint32_t y = 0; y < height; y++) {
        uint32_t *dst = pixels + (size_t)y * width;
        memcpy(dst, (const uint8_t *)host->shm->map + (size_t)y * r->layout.stride,
               (size_t)width * FORMAT_BYTES);
        if (!converts(r))
            format_to_argb(r->layout.format, dst, width);
    }
}

static void finish(struct gpu_backend *base)
{
    free(container_of(base, struct backend_2d, base));
}

static const struct gpu_backend_ops backend_2d_ops = {
    .name = "2d",
    .create = create,
    .destroy = destroy,
    .transfer = transfer,
    .buffer = buffer,
    .read = read_pixels,
    .finish = finish,
};

struct gpu_backend *backend_2d_create(struct gpu_buffer_owner *owner, int udmabuf,
                                      uint64_t memory_max)
{
    struct backend_2d *b = calloc(1, sizeof(*b));
    if (!b)
        return NULL;
    *b = (struct backend_2d){
        .base.ops = &backend_2d_ops,
        .owner = owner,
        .udmabuf = udmabuf,
    };
    owner->memory_max = memory_max;
    return &b->base;
}
