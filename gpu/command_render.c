// SPDX-License-Identifier: MIT
/* The 3D commands (virtio 1.2, 5.7.6.8 and 5.7.6.10): capability sets, contexts, textures, transfers and
 * submits. They are checked here and carried out by the back-end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "gpu"
#include "gpu/command.h"
#include "gpu/format.h"
#include "vmm/base/iov.h"
#include "vmm/base/log.h"

/* Linux's largest: a page for each segment of a chain. */
#define SUBMIT_MAX (4u << 20)

static const struct gpu_render_ops *render_of(const struct virtio_gpu *gpu)
{
    return virtio_has(&gpu->dev, VIRTIO_GPU_F_VIRGL) ? gpu->backend->ops->render : NULL;
}

static uint32_t response_of(int err)
{
    if (err == 0)
        return VIRTIO_GPU_RESP_OK_NODATA;
    return err == -ENOMEM ? VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY
                          : VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
}

uint32_t command_get_capset_info(struct virtio_gpu *gpu, struct request *req)
{
    const struct gpu_render_ops *render = render_of(gpu);
    struct virtio_gpu_resp_capset_info *reply = &req->reply.capset_info;
    struct gpu_capset capset;

    if (!render)
        return VIRTIO_GPU_RESP_ERR_UNSPEC;
    if (!render->capset(gpu->backend, req->cmd.capset_info.capset_index, &capset))
        return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    reply->capset_id = capset.id;
    reply->capset_max_version = capset.max_version;
    reply->capset_max_size = capset.max_size;
    req->reply_len = sizeof(*reply);
    return VIRTIO_GPU_RESP_OK_CAPSET_INFO;
}

static bool find_capset(struct virtio_gpu *gpu, uint32_t id, struct gpu_capset *capset)
{
    const struct gpu_render_ops *render = gpu->backend->ops->render;
    for (unsigned i = 0; render->capset(gpu->backend, i, capset); i++)
        if (capset->id == id)
            return true;
    return false;
}

uint32_t command_get_capset(struct virtio_gpu *gpu, struct request *req)
{
    const struct gpu_render_ops *render = render_of(gpu);
    const struct virtio_gpu_get_capset *cmd = &req->cmd.capset;
    struct gpu_capset capset;

    if (!render)
        return VIRTIO_GPU_RESP_ERR_UNSPEC;
    if (!find_capset(gpu, cmd->capset_id, &capset) || cmd->capset_version > capset.max_version)
        return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    memset(gpu->capset, 0, sizeof(gpu->capset));
    render->capset_data(gpu->backend, &capset, cmd->capset_version, gpu->capset);
    req->tail = gpu->capset;
    req->tail_len = capset.max_size;
    return VIRTIO_GPU_RESP_OK_CAPSET;
}

uint32_t command_ctx_create(struct virtio_gpu *gpu, struct request *req)
{
    const struct gpu_render_ops *render = render_of(gpu);
    const struct virtio_gpu_ctx_create *cmd = &req->cmd.ctx_create;
    uint32_t init = virtio_has(&gpu->dev, VIRTIO_GPU_F_CONTEXT_INIT) ? cmd->context_init : 0;
    struct gpu_capset capset;

    if (!render)
        return VIRTIO_GPU_RESP_ERR_UNSPEC;
    if (req->hdr.ctx_id == 0 || context_find(&gpu->contexts, req->hdr.ctx_id))
        return VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID;
    if (cmd->nlen > sizeof(cmd->debug_name) || (init & ~VIRTIO_GPU_CONTEXT_INIT_CAPSET_ID_MASK) ||
        (init && !find_capset(gpu, init, &capset)))
        return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    struct gpu_context *c = context_add(&gpu->contexts, req->hdr.ctx_id);
    if (!c) {
        log_guest("more contexts than the %d that may be there", CONTEXT_MAX);
        return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
    }
    int err = render->context_create(gpu->backend, c->id, init, cmd->debug_name, cmd->nlen);
    if (err)
        context_remove(&gpu->contexts, c);
    return response_of(err);
}

void gpu_context_destroy(struct virtio_gpu *gpu, struct gpu_context *context)
{
    gpu->backend->ops->render->context_destroy(gpu->backend, context->id);
    context_remove(&gpu->contexts, context);
}

uint32_t command_ctx_destroy(struct virtio_gpu *gpu, struct request *req)
{
    struct gpu_context *c = context_find(&gpu->contexts, req->hdr.ctx_id);
    if (!render_of(gpu))
        return VIRTIO_GPU_RESP_ERR_UNSPEC;
    if (!c)
        return VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID;
    gpu_context_destroy(gpu, c);
    return VIRTIO_GPU_RESP_OK_NODATA;
}

/* Linux attaches all that a context opens. The back-end knows nothing of a guest blob without pages. */
static uint32_t attach_or_detach(struct virtio_gpu *gpu, struct request *req, bool attach)
{
    const struct gpu_render_ops *render = render_of(gpu);

    if (!render)
        return VIRTIO_GPU_RESP_ERR_UNSPEC;
    if (!context_find(&gpu->contexts, req->hdr.ctx_id))
        return VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID;
    struct gpu_resource *r = resource_find(&gpu->resources, req->cmd.ctx_resource.resource_id);
    if (!r)
        return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    if (r->kind == RESOURCE_HOST || r->has_backing)
        (attach ? render->context_attach : render->context_detach)(gpu->backend, req->hdr.ctx_id,
                                                                   r);
    return VIRTIO_GPU_RESP_OK_NODATA;
}

uint32_t command_ctx_attach(struct virtio_gpu *gpu, struct request *req)
{
    return attach_or_detach(gpu, req, true);
}

uint32_t command_ctx_detach(struct virtio_gpu *gpu, struct request *req)
{
    return attach_or_detach(gpu, req, false);
}

uint32_t command_resource_create_3d(struct virtio_gpu *gpu, struct request *req)
{
    const struct gpu_render_ops *render = render_of(gpu);
    const struct virtio_gpu_resource_create_3d *cmd = &req->cmd.create_3d;
    const struct gpu_texture_args args = {
        .target = cmd->target,
        .format = cmd->format,
        .bind = cmd->bind,
        .width = cmd->width,
        .height = cmd->height,
        .depth = cmd->depth,
        .array_size = cmd->array_size,
        .last_level = cmd->last_level,
        .nr_samples = cmd->nr_samples,
        .flags = cmd->flags,
    };

    if (!render)
        return VIRTIO_GPU_RESP_ERR_UNSPEC;
    if (cmd->resource_id == 0 || resource_find(&gpu->resources, cmd->resource_id))
        return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    struct gpu_resource *r = resource_add(&gpu->resources, cmd->resource_id, RESOURCE_HOST);
    if (!r)
        return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
    int err = render->create(gpu->backend, r, &args);
    if (err) {
        log_guest("no texture of kind %u, format %u, %u×%u×%u", args.target, args.format,
                  args.width, args.height, args.depth);
        resource_remove(&gpu->resources, r);
    }
    return response_of(err);
}

static bool fits(uint32_t at, uint32_t size)
{
    return (uint64_t)at + size <= INT32_MAX;
}

/* What struct gpu_transfer promises. */
static bool transfer_ok(const struct gpu_transfer *t)
{
    uint64_t span;

    return fits(t->x, t->width) && fits(t->y, t->height) && fits(t->z, t->depth) &&
           !__builtin_add_overflow((uint64_t)t->stride * t->height,
                                   (uint64_t)t->layer_stride * t->depth, &span) &&
           !__builtin_add_overflow(span, t->offset, &span) && span <= UINT32_MAX;
}

void command_uploaded(struct virtio_gpu *gpu, const struct gpu_resource *resource)
{
    for (unsigned i = 0; resource->texture && i < gpu->n_scanouts; i++)
        if (gpu->scanout[i].resource == resource && gpu->scanout[i].lit)
            pace_uploaded(&gpu->pace, i);
}

static uint32_t transfer(struct virtio_gpu *gpu, struct request *req, bool to_host)
{
    const struct gpu_render_ops *render = render_of(gpu);
    const struct virtio_gpu_transfer_host_3d *cmd = &req->cmd.transfer_3d;
    const struct gpu_transfer t = {
        .x = cmd->box.x,
        .y = cmd->box.y,
        .z = cmd->box.z,
        .width = cmd->box.w,
        .height = cmd->box.h,
        .depth = cmd->box.d,
        .level = cmd->level,
        .stride = cmd->stride,
        .layer_stride = cmd->layer_stride,
        .offset = cmd->offset,
        .to_host = to_host,
    };

    if (!render)
        return VIRTIO_GPU_RESP_ERR_UNSPEC;
    if (!context_find(&gpu->contexts, req->hdr.ctx_id))
        return VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID;
    struct gpu_resource *r = resource_find(&gpu->resources, cmd->resource_id);
    if (!r || r->kind != RESOURCE_HOST)
        return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    if (!r->has_backing)
        return VIRTIO_GPU_RESP_ERR_UNSPEC;
    if (!transfer_ok(&t))
        return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    req->paced = true;
    if (to_host)
        command_uploaded(gpu, r);
    return response_of(render->transfer(gpu->backend, req->hdr.ctx_id, r, &t));
}

uint32_t command_transfer_to_host_3d(struct virtio_gpu *gpu, struct request *req)
{
    return transfer(gpu, req, true);
}

uint32_t command_transfer_from_host_3d(struct virtio_gpu *gpu, struct request *req)
{
    return transfer(gpu, req, false);
}

/* Room for a submit's words. It grows to the largest that came and stays so. */
static bool reserve(struct virtio_gpu *gpu, uint32_t size)
{
    if (size <= gpu->submit_room)
        return true;
    uint32_t room = MAX(gpu->submit_room, 64u << 10);
    while (room < size)
        room *= 2;
    uint32_t *grown = realloc(gpu->submit, room);
    if (!grown)
        return false;
    gpu->submit = grown;
    gpu->submit_room = room;
    return true;
}

uint32_t command_submit_3d(struct virtio_gpu *gpu, struct request *req)
{
    const struct gpu_render_ops *render = render_of(gpu);
    uint32_t size = req->cmd.submit.size;

    if (!render)
        return VIRTIO_GPU_RESP_ERR_UNSPEC;
    if (!context_find(&gpu->contexts, req->hdr.ctx_id))
        return VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID;
    if (size % sizeof(uint32_t) || size > SUBMIT_MAX)
        return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    if (!reserve(gpu, size))
        return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
    if (iov_read(out_iov(gpu), gpu->chain.n_out, sizeof(req->cmd.submit), gpu->submit, size) < size)
        return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    req->paced = true;
    pace_submitted(&gpu->pace);
    return response_of(render->submit(gpu->backend, req->hdr.ctx_id, gpu->submit,
                                      size / (uint32_t)sizeof(uint32_t)));
}
