// SPDX-License-Identifier: MIT
#include "gpu/command.h"

#include <string.h>

#define LOG_MODULE "gpu"
#include "gpu/edid.h"
#include "vmm/base/iov.h"
#include "vmm/base/log.h"

static uint32_t get_display_info(struct virtio_gpu *gpu, struct request *req)
{
    uint32_t x = 0;

    for (unsigned i = 0; i < gpu->n_scanouts; i++) {
        const struct display_mode *mode = &gpu->scanout[i].mode;
        struct virtio_gpu_display_one *one = &req->reply.display_info.pmodes[i];
        one->enabled = mode->width > 0 && mode->height > 0;
        if (!one->enabled)
            continue;
        one->r.x = x; /* side by side, from left to right */
        one->r.width = mode->width;
        one->r.height = mode->height;
        x += mode->width;
    }
    req->reply_len = sizeof(req->reply.display_info);
    return VIRTIO_GPU_RESP_OK_DISPLAY_INFO;
}

static uint32_t get_edid(struct virtio_gpu *gpu, struct request *req)
{
    uint32_t scanout = req->cmd.get_edid.scanout;

    if (!virtio_has(&gpu->dev, VIRTIO_GPU_F_EDID))
        return VIRTIO_GPU_RESP_ERR_UNSPEC;
    if (scanout >= gpu->n_scanouts)
        return VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID;
    const struct display_mode *mode = &gpu->scanout[scanout].mode;
    req->reply.edid.size = 0;
    if (mode->width > 0 && mode->height > 0)
        req->reply.edid.size = edid_generate(req->reply.edid.edid, mode, "vitrine", scanout + 1);
    req->reply_len = sizeof(req->reply.edid);
    return VIRTIO_GPU_RESP_OK_EDID;
}

struct command {
    uint32_t type;
    unsigned queue;
    size_t len; /* bytes that it has at least */
    uint32_t (*run)(struct virtio_gpu *gpu, struct request *req);
};

static const struct command commands[] = {
    { VIRTIO_GPU_CMD_GET_DISPLAY_INFO, QUEUE_CONTROL, sizeof(struct virtio_gpu_ctrl_hdr),
      get_display_info },
    { VIRTIO_GPU_CMD_RESOURCE_CREATE_2D, QUEUE_CONTROL,
      sizeof(struct virtio_gpu_resource_create_2d), command_resource_create_2d },
    { VIRTIO_GPU_CMD_RESOURCE_UNREF, QUEUE_CONTROL, sizeof(struct virtio_gpu_resource_unref),
      command_resource_unref },
    { VIRTIO_GPU_CMD_SET_SCANOUT, QUEUE_CONTROL, sizeof(struct virtio_gpu_set_scanout),
      command_set_scanout },
    { VIRTIO_GPU_CMD_RESOURCE_FLUSH, QUEUE_CONTROL, sizeof(struct virtio_gpu_resource_flush),
      command_resource_flush },
    { VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D, QUEUE_CONTROL,
      sizeof(struct virtio_gpu_transfer_to_host_2d), command_transfer_to_host_2d },
    { VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, QUEUE_CONTROL,
      sizeof(struct virtio_gpu_resource_attach_backing), command_attach_backing },
    { VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, QUEUE_CONTROL,
      sizeof(struct virtio_gpu_resource_detach_backing), command_detach_backing },
    { VIRTIO_GPU_CMD_GET_EDID, QUEUE_CONTROL, sizeof(struct virtio_gpu_cmd_get_edid), get_edid },
    { VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, QUEUE_CONTROL,
      sizeof(struct virtio_gpu_resource_create_blob), command_resource_create_blob },
    { VIRTIO_GPU_CMD_SET_SCANOUT_BLOB, QUEUE_CONTROL, sizeof(struct virtio_gpu_set_scanout_blob),
      command_set_scanout_blob },
    { VIRTIO_GPU_CMD_GET_CAPSET_INFO, QUEUE_CONTROL, sizeof(struct virtio_gpu_get_capset_info),
      command_get_capset_info },
    { VIRTIO_GPU_CMD_GET_CAPSET, QUEUE_CONTROL, sizeof(struct virtio_gpu_get_capset),
      command_get_capset },
    { VIRTIO_GPU_CMD_CTX_CREATE, QUEUE_CONTROL, sizeof(struct virtio_gpu_ctx_create),
      command_ctx_create },
    { VIRTIO_GPU_CMD_CTX_DESTROY, QUEUE_CONTROL, sizeof(struct virtio_gpu_ctx_destroy),
      command_ctx_destroy },
    { VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, QUEUE_CONTROL, sizeof(struct virtio_gpu_ctx_resource),
      command_ctx_attach },
    { VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE, QUEUE_CONTROL, sizeof(struct virtio_gpu_ctx_resource),
      command_ctx_detach },
    { VIRTIO_GPU_CMD_RESOURCE_CREATE_3D, QUEUE_CONTROL,
      sizeof(struct virtio_gpu_resource_create_3d), command_resource_create_3d },
    { VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D, QUEUE_CONTROL, sizeof(struct virtio_gpu_transfer_host_3d),
      command_transfer_to_host_3d },
    { VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D, QUEUE_CONTROL,
      sizeof(struct virtio_gpu_transfer_host_3d), command_transfer_from_host_3d },
    { VIRTIO_GPU_CMD_SUBMIT_3D, QUEUE_CONTROL, sizeof(struct virtio_gpu_cmd_submit),
      command_submit_3d },
    { VIRTIO_GPU_CMD_UPDATE_CURSOR, QUEUE_CURSOR, sizeof(struct virtio_gpu_update_cursor),
      command_update_cursor },
    { VIRTIO_GPU_CMD_MOVE_CURSOR, QUEUE_CURSOR, sizeof(struct virtio_gpu_update_cursor),
      command_move_cursor },
};

/* Our renderer has one timeline for each context, and so the device's serves for all. */
static bool ring_ok(const struct virtio_gpu *gpu, const struct virtio_gpu_ctrl_hdr *hdr)
{
    return virtio_has(&gpu->dev, VIRTIO_GPU_F_CONTEXT_INIT) && hdr->ring_idx == 0;
}

static uint32_t run(struct virtio_gpu *gpu, struct request *req, size_t len)
{
    if (len < sizeof(req->hdr)) {
        log_guest("a command of %zu bytes", len);
        return VIRTIO_GPU_RESP_ERR_UNSPEC;
    }
    if ((req->hdr.flags & VIRTIO_GPU_FLAG_INFO_RING_IDX) && !ring_ok(gpu, &req->hdr))
        return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    for (unsigned i = 0; i < ARRAY_LEN(commands); i++) {
        const struct command *c = &commands[i];
        if (c->type != req->hdr.type || c->queue != req->q->index)
            continue;
        if (len < c->len) {
            log_guest("command 0x%x ends after %zu bytes", c->type, len);
            return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
        }
        return c->run(gpu, req);
    }
    log_guest("unknown command 0x%x on queue %u", req->hdr.type, req->q->index);
    return VIRTIO_GPU_RESP_ERR_UNSPEC;
}

uint32_t command_answer(struct virtio_gpu *gpu, struct request *req, uint32_t type)
{
    if (type >= VIRTIO_GPU_RESP_ERR_UNSPEC)
        log_debug("command 0x%x: error 0x%x", req->hdr.type, type);
    if (req->room < req->reply_len + req->tail_len) {
        /* The cursor queue's commands have no room for an answer at all. */
        type = VIRTIO_GPU_RESP_ERR_UNSPEC;
        req->reply_len = req->room < sizeof(req->reply.hdr) ? 0 : sizeof(req->reply.hdr);
        req->tail_len = 0;
    }
    req->reply.hdr.type = type;
    iov_write(in_iov(gpu), gpu->chain.n_in, 0, &req->reply, req->reply_len);
    iov_write(in_iov(gpu), gpu->chain.n_in, req->reply_len, req->tail, req->tail_len);
    return (uint32_t)(req->reply_len + req->tail_len);
}

/* Reads the command in gpu->chain, and begins its answer. The bytes of it that are there. */
static size_t begin(struct virtio_gpu *gpu, struct request *req)
{
    size_t len = iov_read(out_iov(gpu), gpu->chain.n_out, 0, &req->cmd, sizeof(req->cmd));

    req->reply_len = sizeof(struct virtio_gpu_ctrl_hdr);
    req->room = iov_size(in_iov(gpu), gpu->chain.n_in);
    memcpy(&req->hdr, &req->cmd.hdr, sizeof(req->hdr));
    if (req->hdr.flags & VIRTIO_GPU_FLAG_FENCE) {
        req->reply.hdr.flags =
            req->hdr.flags & (VIRTIO_GPU_FLAG_FENCE | VIRTIO_GPU_FLAG_INFO_RING_IDX);
        req->reply.hdr.fence_id = req->hdr.fence_id;
        req->reply.hdr.ctx_id = req->hdr.ctx_id;
        req->reply.hdr.ring_idx = req->hdr.ring_idx;
    }
    return len;
}

void gpu_refuse(struct virtio_gpu *gpu, struct virtq *q)
{
    struct request req = { .q = q };

    begin(gpu, &req);
    virtq_push(q, gpu->chain.head, command_answer(gpu, &req, VIRTIO_GPU_RESP_ERR_UNSPEC));
}

void gpu_execute(struct virtio_gpu *gpu, struct virtq *q)
{
    struct request req = { .q = q };
    size_t len = begin(gpu, &req);
    bool fenced = req.hdr.flags & VIRTIO_GPU_FLAG_FENCE;
    uint32_t type = run(gpu, &req, len);
    gpu->flush_kept = req.kept;
    gpu->answer_soon |= !req.kept && req.hdr.type != VIRTIO_GPU_CMD_SET_SCANOUT &&
                        req.hdr.type != VIRTIO_GPU_CMD_SET_SCANOUT_BLOB;
    if (!req.kept)
        gpu_give_back(gpu, q, gpu->chain.head, command_answer(gpu, &req, type), fenced, req.paced);
}
