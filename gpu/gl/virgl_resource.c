// SPDX-License-Identifier: MIT
/* Textures and buffers of virglrenderer's, and the guest pages behind them. */
#include <errno.h>
#include <linux/virtio_gpu.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "gpu/buffer.h"
#include "gpu/format.h"
#include "gpu/frame.h"
#include "gpu/gl/virgl_internal.h"
#include "gpu/resource.h"
#include "vmm/core/mem.h"

/* Gallium's and virglrenderer's numbers: part of the guest's interface, in no installed header. */
enum { PIPE_TEXTURE_2D = 2, PIPE_TEXTURE_RECT = 5 };
enum { VIRGL_RESOURCE_Y_0_TOP = 1 << 0 };

struct host {
    struct iovec *iov; /* the backing, which virglrenderer refers to; NULL: none */
    uint64_t bytes;    /* that it takes */
};

/* A box as virglrenderer takes it; its header leaves the type open. */
struct virgl_box {
    uint32_t x, y, z, w, h, d;
};

/* What can be on a screen, or be a cursor. */
static bool is_picture(const struct virgl_renderer_resource_create_args *a)
{
    return (a->target == PIPE_TEXTURE_2D || a->target == PIPE_TEXTURE_RECT) && a->depth == 1 &&
           a->array_size == 1 && a->nr_samples <= 1 && a->width >= 1 &&
           a->width <= RESOURCE_MAX_SIZE && a->height >= 1 && a->height <= RESOURCE_MAX_SIZE;
}

/* The bytes of a resource whose rows take row_bytes, in about; UINT64_MAX where that is too much for 64
 * bits. A compressed format's rows are fewer than its height, which counts here. */
static uint64_t size_of(const struct virgl_renderer_resource_create_args *a, uint64_t row_bytes)
{
    const uint32_t factors[] = { a->height, a->depth, a->array_size, a->nr_samples };
    uint64_t bytes = row_bytes;

    for (unsigned i = 0; i < ARRAY_LEN(factors); i++)
        if (__builtin_mul_overflow(bytes, MAX(factors[i], 1u), &bytes))
            return UINT64_MAX;
    if (a->last_level > 0 && __builtin_add_overflow(bytes, bytes / 3, &bytes))
        return UINT64_MAX;
    return bytes;
}

/* Drivers may take the memory at once, so what can't but be too much, at half a byte for a pixel, is not
 * tried; what a pixel takes in this format, virglrenderer says afterwards. */
static int create(struct gpu_backend *backend, struct gpu_resource *r,
                  struct virgl_renderer_resource_create_args *args)
{
    struct virgl *v = virgl_of(backend);
    struct virgl_renderer_resource_info info = { 0 };

    if (size_of(args, args->width / 2) > v->owner->memory_max - v->owner->memory)
        return -ENOMEM;
    struct host *host = calloc(1, sizeof(*host));
    if (!host)
        return -ENOMEM;
    virgl_use_host_context(v);
    int err = virgl_renderer_resource_create(args, NULL, 0);
    if (err) {
        free(host);
        return virgl_error(err);
    }
    bool known = virgl_renderer_resource_get_info((int)r->id, &info) == 0;
    host->bytes = size_of(args, known ? info.stride : args->width);
    if (!gpu_memory_take(v->owner, host->bytes)) {
        virgl_renderer_resource_unref(r->id);
        free(host);
        return -ENOMEM;
    }
    r->host = host;
    if (is_picture(args) && known && info.tex_id != 0) {
        r->layout = (struct resource_layout){
            .width = args->width,
            .height = args->height,
            .format = args->format,
            .stride = args->width * FORMAT_BYTES,
        };
        r->texture = info.tex_id;
        /* Where y is 0 at the top for the guest, GL's first row is the lowest one. */
        r->y_inverted = args->flags & VIRGL_RESOURCE_Y_0_TOP;
    }
    return 0;
}

int virgl_create_2d(struct gpu_backend *backend, struct gpu_resource *r)
{
    struct virgl_renderer_resource_create_args args = {
        .handle = r->id,
        .target = PIPE_TEXTURE_2D,
        .format = r->layout.format,
        .bind = VIRGL_RES_BIND_RENDER_TARGET,
        .width = r->layout.width,
        .height = r->layout.height,
        .depth = 1,
        .array_size = 1,
        .flags = VIRGL_RESOURCE_Y_0_TOP,
    };
    /* The format is one of virtio's, so what is left to fail is the room for it. */
    if (create(backend, r, &args) < 0)
        return -ENOMEM;
    if (r->texture)
        return 0;
    virgl_destroy(backend, r); /* it could be put on a screen, and nothing shows it */
    return -ENOMEM;
}

int virgl_create_3d(struct gpu_backend *backend, struct gpu_resource *r,
                    const struct gpu_texture_args *a)
{
    struct virgl_renderer_resource_create_args args = {
        .handle = r->id,
        .target = a->target,
        .format = a->format,
        .bind = a->bind,
        .width = a->width,
        .height = a->height,
        .depth = a->depth,
        .array_size = a->array_size,
        .last_level = a->last_level,
        .nr_samples = a->nr_samples,
        .flags = a->flags,
    };
    return create(backend, r, &args);
}

void virgl_destroy(struct gpu_backend *backend, struct gpu_resource *r)
{
    struct virgl *v = virgl_of(backend);
    struct host *host = r->host;

    virgl_use_host_context(v);
    virgl_renderer_resource_unref(r->id);
    gpu_memory_give_back(v->owner, host->bytes);
    free(host);
    r->host = NULL;
    r->texture = 0;
}

/* The backing where we have it; NULL: no memory. */
static struct iovec *iov_of(const struct guest_mem *mem, const struct gpu_resource *r)
{
    struct iovec *iov = calloc(r->backing.n ? r->backing.n : 1, sizeof(*iov));

    for (unsigned i = 0; iov && i < r->backing.n; i++) {
        const struct backing_entry *e = &r->backing.entry[i];
        iov[i] = (struct iovec){ guest_mem_ptr(mem, e->gpa, e->len), e->len };
    }
    return iov;
}

/* A guest blob is a resource of virglrenderer's while it has pages. */
static int attach_blob(struct gpu_resource *r, struct iovec *iov)
{
    const struct virgl_renderer_resource_create_blob_args args = {
        .res_handle = r->id,
        .blob_mem = VIRGL_RENDERER_BLOB_MEM_GUEST,
        .size = r->size,
        .iovecs = iov,
        .num_iovs = r->backing.n,
    };
    struct host *host = calloc(1, sizeof(*host));

    if (!host)
        return -ENOMEM;
    int err = virgl_error(virgl_renderer_resource_create_blob(&args));
    if (err) {
        free(host);
        return err;
    }
    host->iov = iov;
    r->host = host;
    return 0;
}

static int attach_host(struct gpu_resource *r, struct iovec *iov)
{
    struct host *host = r->host;
    int err = virgl_error(virgl_renderer_resource_attach_iov((int)r->id, iov, (int)r->backing.n));

    if (!err)
        host->iov = iov;
    return err;
}

int virgl_attach(struct gpu_backend *backend, const struct guest_mem *mem, struct gpu_resource *r)
{
    struct iovec *iov = iov_of(mem, r);

    if (!iov)
        return -ENOMEM;
    int err = r->kind == RESOURCE_GUEST_BLOB ? attach_blob(r, iov) : attach_host(r, iov);
    if (err)
        free(iov);
    return err;
}

void virgl_detach(struct gpu_backend *backend, struct gpu_resource *r)
{
    struct host *host = r->host;
    struct iovec *iov = host->iov;

    host->iov = NULL;
    if (r->kind == RESOURCE_GUEST_BLOB) {
        virgl_renderer_resource_unref(r->id);
        free(host);
        r->host = NULL;
    } else {
        virgl_renderer_resource_detach_iov((int)r->id, NULL, NULL);
    }
    free(iov);
}

int virgl_transfer_2d(struct gpu_backend *backend, const struct guest_mem *mem,
                      struct gpu_resource *r, const struct frame_rect *rect, uint64_t offset)
{
    struct virgl_box box = { rect->x, rect->y, 0, rect->width, rect->height, 1 };
    uint32_t row = rect->width * FORMAT_BYTES;

    if (!backing_rows_fit(r->backing.size, offset, r->layout.stride, row, rect->height))
        return -EINVAL;
    virgl_use_host_context(virgl_of(backend));
    int err =
        virgl_renderer_transfer_write_iov(r->id, 0, 0, r->layout.stride, 0, &box, offset, NULL, 0);
    if (!err)
        r->copied += (uint64_t)row * rect->height;
    return virgl_error(err);
}

int virgl_transfer_3d(struct gpu_backend *backend, uint32_t ctx, struct gpu_resource *r,
                      const struct gpu_transfer *t)
{
    struct virgl_box box = { t->x, t->y, t->z, t->width, t->height, t->depth };
    int err;

    virgl_of(backend)->guest_current = true;
    if (t->to_host)
        err = virgl_renderer_transfer_write_iov(r->id, ctx, (int)t->level, t->stride,
                                                t->layer_stride, &box, t->offset, NULL, 0);
    else
        err = virgl_renderer_transfer_read_iov(r->id, ctx, t->level, t->stride, t->layer_stride,
                                               &box, t->offset, NULL, 0);
    return virgl_error(err);
}
