// SPDX-License-Identifier: MIT
/* Resources and what is behind them. */
#include <errno.h>
#include <stdlib.h>

#define LOG_MODULE "gpu"
#include "gpu/command.h"
#include "gpu/format.h"
#include "gpu/journal.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/iov.h"
#include "vmm/base/log.h"

uint32_t command_resource_create_2d(struct virtio_gpu *gpu, struct request *req)
{
    const struct virtio_gpu_resource_create_2d *cmd = &req->cmd.create_2d;

    if (cmd->resource_id == 0 || resource_find(&gpu->resources, cmd->resource_id))
        return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    if (!format_fourcc(cmd->format) || !size_ok(cmd->width, cmd->height))
        return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    struct gpu_resource *r = resource_add(&gpu->resources, cmd->resource_id, RESOURCE_HOST);
    if (!r)
        return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
    r->layout.format = cmd->format;
    r->layout.width = cmd->width;
    r->layout.height = cmd->height;
    if (gpu->backend->ops->create(gpu->backend, r) < 0) {
        log_guest("no host memory left for a resource of %u×%u", cmd->width, cmd->height);
        resource_remove(&gpu->resources, r);
        return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
    }
    journal_add(gpu->journal, r);
    return VIRTIO_GPU_RESP_OK_NODATA;
}

/* Lets go of the pages and all that shows them. */
static void detach(struct virtio_gpu *gpu, struct gpu_resource *r)
{
    for (unsigned i = 0; i < gpu->n_scanouts && r->kind == RESOURCE_GUEST_BLOB; i++)
        if (gpu->scanout[i].resource == r)
            scanout_off(gpu, &gpu->scanout[i]);
    journal_detach(gpu->journal, r);
    if (r->has_backing && gpu->backend->ops->render)
        gpu->backend->ops->render->detach(gpu->backend, r);
    if (r->kind == RESOURCE_GUEST_BLOB) {
        gpu_buffer_unref(r->dmabuf);
        r->dmabuf = NULL;
        r->dmabuf_why = NULL;
        r->dmabuf_layout = (struct resource_layout){ 0 };
    }
    gpu->resources.n_entries -= r->backing.n;
    backing_finish(&r->backing);
    r->has_backing = false;
}

void gpu_resource_destroy(struct virtio_gpu *gpu, struct gpu_resource *r)
{
    for (unsigned i = 0; i < gpu->n_scanouts; i++)
        if (gpu->scanout[i].resource == r)
            scanout_off(gpu, &gpu->scanout[i]);
        else
            scanout_forget(gpu, &gpu->scanout[i], r);
    journal_remove(gpu->journal, r);
    detach(gpu, r);
    if (r->texture)
        gpu_buffer_unref(r->dmabuf);
    if (r->host)
        gpu->backend->ops->destroy(gpu->backend, r);
    resource_remove(&gpu->resources, r);
}

static bool too_many_entries(const struct virtio_gpu *gpu, uint32_t n)
{
    return n > RESOURCE_MAX_ENTRIES || gpu->resources.n_entries > RESOURCE_MAX_ALL_ENTRIES - n;
}

uint32_t gpu_resource_attach(struct virtio_gpu *gpu, struct gpu_resource *r,
                             const struct virtio_gpu_mem_entry *entries, unsigned n)
{
    if (too_many_entries(gpu, n))
        return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
    int err = backing_init(&r->backing, gpu->dev.mem, entries, n);
    if (!err && gpu->backend->ops->render) {
        err = gpu->backend->ops->render->attach(gpu->backend, gpu->dev.mem, r);
        if (err)
            backing_finish(&r->backing);
    }
    if (err)
        return err == -ENOMEM ? VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY
                              : VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    gpu->resources.n_entries += r->backing.n;
    r->has_backing = true;
    return VIRTIO_GPU_RESP_OK_NODATA;
}

/* Reads n entries behind the command's first `at` bytes and makes them the resource's backing. */
static uint32_t attach(struct virtio_gpu *gpu, struct gpu_resource *r, size_t at, uint32_t n)
{
    if (too_many_entries(gpu, n))
        return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
    size_t len = n * sizeof(struct virtio_gpu_mem_entry);
    autofree struct virtio_gpu_mem_entry *entries = malloc(MAX(len, 1u));
    if (!entries)
        return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
    if (iov_read(out_iov(gpu), gpu->chain.n_out, at, entries, len) < len)
        return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    return gpu_resource_attach(gpu, r, entries, n);
}

uint32_t command_resource_create_blob(struct virtio_gpu *gpu, struct request *req)
{
    const struct virtio_gpu_resource_create_blob *cmd = &req->cmd.create_blob;
    const uint32_t flags = VIRTIO_GPU_BLOB_FLAG_USE_MAPPABLE | VIRTIO_GPU_BLOB_FLAG_USE_SHAREABLE |
                           VIRTIO_GPU_BLOB_FLAG_USE_CROSS_DEVICE;

    if (!virtio_has(&gpu->dev, VIRTIO_GPU_F_RESOURCE_BLOB))
        return VIRTIO_GPU_RESP_ERR_UNSPEC;
    if (cmd->resource_id == 0 || resource_find(&gpu->resources, cmd->resource_id))
        return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    if (cmd->blob_mem != VIRTIO_GPU_BLOB_MEM_GUEST || (cmd->blob_flags & ~flags) || cmd->size == 0)
        return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    struct gpu_resource *r = resource_add(&gpu->resources, cmd->resource_id, RESOURCE_GUEST_BLOB);
    if (!r)
        return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
    r->size = cmd->size;
    uint32_t response = VIRTIO_GPU_RESP_OK_NODATA;
    if (cmd->nr_entries > 0)
        response = attach(gpu, r, sizeof(*cmd), cmd->nr_entries);
    if (response == VIRTIO_GPU_RESP_OK_NODATA && r->has_backing && r->backing.size < r->size)
        response = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    if (response != VIRTIO_GPU_RESP_OK_NODATA)
        gpu_resource_destroy(gpu, r);
    else
        journal_add(gpu->journal, r);
    return response;
}

uint32_t command_resource_unref(struct virtio_gpu *gpu, struct request *req)
{
    struct gpu_resource *r = resource_find(&gpu->resources, req->cmd.unref.resource_id);
    if (!r)
        return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    gpu_resource_destroy(gpu, r);
    return VIRTIO_GPU_RESP_OK_NODATA;
}

uint32_t command_attach_backing(struct virtio_gpu *gpu, struct request *req)
{
    const struct virtio_gpu_resource_attach_backing *cmd = &req->cmd.attach;
    struct gpu_resource *r = resource_find(&gpu->resources, cmd->resource_id);

    if (!r)
        return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    if (r->has_backing)
        return VIRTIO_GPU_RESP_ERR_UNSPEC;
    uint32_t response = attach(gpu, r, sizeof(*cmd), cmd->nr_entries);
    if (response == VIRTIO_GPU_RESP_OK_NODATA && r->kind == RESOURCE_GUEST_BLOB &&
        r->backing.size < r->size) {
        detach(gpu, r);
        return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    }
    if (response == VIRTIO_GPU_RESP_OK_NODATA)
        journal_attach(gpu->journal, r);
    return response;
}

uint32_t command_detach_backing(struct virtio_gpu *gpu, struct request *req)
{
    struct gpu_resource *r = resource_find(&gpu->resources, req->cmd.detach.resource_id);
    if (!r)
        return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    if (!r->has_backing)
        return VIRTIO_GPU_RESP_ERR_UNSPEC;
    detach(gpu, r);
    return VIRTIO_GPU_RESP_OK_NODATA;
}

uint32_t command_transfer_to_host_2d(struct virtio_gpu *gpu, struct request *req)
{
    const struct virtio_gpu_transfer_to_host_2d *cmd = &req->cmd.transfer;
    struct gpu_resource *r = resource_find(&gpu->resources, cmd->resource_id);
    struct frame_rect rect = rect_of(&cmd->r);

    if (!r)
        return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    /* Linux uploads its dumb buffers whatever they are; a blob's pixels are where they belong. */
    if (r->kind == RESOURCE_GUEST_BLOB)
        return VIRTIO_GPU_RESP_OK_NODATA;
    if (!r->has_backing)
        return VIRTIO_GPU_RESP_ERR_UNSPEC;
    if (!rect_within(&rect, r->layout.width, r->layout.height) ||
        gpu->backend->ops->transfer(gpu->backend, gpu->dev.mem, r, &rect, cmd->offset) < 0)
        return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    req->paced = true;
    command_uploaded(gpu, r);
    return VIRTIO_GPU_RESP_OK_NODATA;
}
