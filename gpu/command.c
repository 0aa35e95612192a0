// SPDX-License-Identifier: MIT
/*
 * The commands (virtio 1.2, 5.7.6). A command is copied out of guest memory once; what a handler
 * returns is the response's type. A handler whose response has more than a header fills request->reply
 * and its length; RESOURCE_FLUSH may leave its answer to fence.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "gpu"
#include "gpu/device.h"
#include "gpu/edid.h"
#include "gpu/format.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/iov.h"
#include "vmm/base/log.h"

_Static_assert(sizeof(struct virtio_gpu_resp_edid) >= sizeof(struct virtio_gpu_resp_display_info),
               "no byte of the host's stack may reach the guest");

struct request {
    struct virtq *q;
    struct virtio_gpu_ctrl_hdr hdr;
    union {
        struct virtio_gpu_ctrl_hdr hdr;
        struct virtio_gpu_resource_create_2d create_2d;
        struct virtio_gpu_resource_unref unref;
        struct virtio_gpu_set_scanout set_scanout;
        struct virtio_gpu_resource_flush flush;
        struct virtio_gpu_transfer_to_host_2d transfer;
        struct virtio_gpu_resource_attach_backing attach;
        struct virtio_gpu_resource_detach_backing detach;
        struct virtio_gpu_cmd_get_edid get_edid;
        struct virtio_gpu_resource_create_blob create_blob;
        struct virtio_gpu_set_scanout_blob set_scanout_blob;
        struct virtio_gpu_update_cursor cursor;
    } cmd;
    union {
        struct virtio_gpu_resp_edid edid; /* the largest first, so that all of it starts as zeros */
        struct virtio_gpu_resp_display_info display_info;
        struct virtio_gpu_ctrl_hdr hdr;
    } reply;
    size_t reply_len;
    bool kept; /* fence.c answers later */
};

static const struct iovec *out_iov(const struct virtio_gpu *gpu)
{
    return gpu->chain.iov;
}

static const struct iovec *in_iov(const struct virtio_gpu *gpu)
{
    return gpu->chain.iov + gpu->chain.n_out;
}

static struct frame_rect rect_of(const struct virtio_gpu_rect *r)
{
    return (struct frame_rect){ .x = r->x, .y = r->y, .width = r->width, .height = r->height };
}

/* The rectangle is not empty and lies within width × height. */
static bool rect_within(const struct frame_rect *r, uint32_t width, uint32_t height)
{
    return r->width > 0 && r->height > 0 && r->x < width && r->y < height &&
           r->width <= width - r->x && r->height <= height - r->y;
}

static bool size_ok(uint32_t width, uint32_t height)
{
    return width >= 1 && width <= RESOURCE_MAX_SIZE && height >= 1 && height <= RESOURCE_MAX_SIZE;
}

/* Display information. */

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

/* Resources. */

static uint32_t resource_create_2d(struct virtio_gpu *gpu, struct request *req)
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
    return VIRTIO_GPU_RESP_OK_NODATA;
}

/* Lets go of the pages and all that shows them. */
static void detach(struct virtio_gpu *gpu, struct gpu_resource *r)
{
    for (unsigned i = 0; i < gpu->n_scanouts && r->kind == RESOURCE_GUEST_BLOB; i++)
        if (gpu->scanout[i].resource == r)
            scanout_off(gpu, &gpu->scanout[i]);
    gpu_buffer_unref(r->dmabuf);
    r->dmabuf = NULL;
    r->dmabuf_why = NULL;
    r->dmabuf_layout = (struct resource_layout){ 0 };
    gpu->resources.n_entries -= r->backing.n;
    backing_finish(&r->backing);
    r->has_backing = false;
}

void gpu_resource_destroy(struct virtio_gpu *gpu, struct gpu_resource *r)
{
    for (unsigned i = 0; i < gpu->n_scanouts; i++)
        if (gpu->scanout[i].resource == r)
            scanout_off(gpu, &gpu->scanout[i]);
    detach(gpu, r);
    if (r->host)
        gpu->backend->ops->destroy(gpu->backend, r);
    resource_remove(&gpu->resources, r);
}

/* Reads n entries behind the command's first `at` bytes and makes them the resource's backing. */
static uint32_t attach(struct virtio_gpu *gpu, struct gpu_resource *r, size_t at, uint32_t n)
{
    if (n > RESOURCE_MAX_ENTRIES || gpu->resources.n_entries > RESOURCE_MAX_ALL_ENTRIES - n)
        return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
    size_t len = n * sizeof(struct virtio_gpu_mem_entry);
    autofree struct virtio_gpu_mem_entry *entries = malloc(MAX(len, 1u));
    if (!entries)
        return VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
    if (iov_read(out_iov(gpu), gpu->chain.n_out, at, entries, len) < len)
        return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    int err = backing_init(&r->backing, gpu->dev.mem, entries, n);
    if (err)
        return err == -ENOMEM ? VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY
                              : VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    gpu->resources.n_entries += r->backing.n;
    r->has_backing = true;
    return VIRTIO_GPU_RESP_OK_NODATA;
}

static uint32_t resource_create_blob(struct virtio_gpu *gpu, struct request *req)
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
    return response;
}

static uint32_t resource_unref(struct virtio_gpu *gpu, struct request *req)
{
    struct gpu_resource *r = resource_find(&gpu->resources, req->cmd.unref.resource_id);
    if (!r)
        return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    gpu_resource_destroy(gpu, r);
    return VIRTIO_GPU_RESP_OK_NODATA;
}

static uint32_t attach_backing(struct virtio_gpu *gpu, struct request *req)
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
    return response;
}

static uint32_t detach_backing(struct virtio_gpu *gpu, struct request *req)
{
    struct gpu_resource *r = resource_find(&gpu->resources, req->cmd.detach.resource_id);
    if (!r)
        return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    if (!r->has_backing)
        return VIRTIO_GPU_RESP_ERR_UNSPEC;
    detach(gpu, r);
    return VIRTIO_GPU_RESP_OK_NODATA;
}

static uint32_t transfer_to_host_2d(struct virtio_gpu *gpu, struct request *req)
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
    return VIRTIO_GPU_RESP_OK_NODATA;
}

/* Scanouts. */

static uint32_t set_scanout(struct virtio_gpu *gpu, struct request *req)
{
    const struct virtio_gpu_set_scanout *cmd = &req->cmd.set_scanout;
    struct frame_rect source = rect_of(&cmd->r);

    if (cmd->scanout_id >= gpu->n_scanouts)
        return VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID;
    struct scanout *s = &gpu->scanout[cmd->scanout_id];
    if (cmd->resource_id == 0) {
        scanout_off(gpu, s);
        return VIRTIO_GPU_RESP_OK_NODATA;
    }
    struct gpu_resource *r = resource_find(&gpu->resources, cmd->resource_id);
    if (!r)
        return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    /* A blob has no layout of its own: it comes with SET_SCANOUT_BLOB. */
    if (r->kind != RESOURCE_HOST || !rect_within(&source, r->layout.width, r->layout.height))
        return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    scanout_set(gpu, s, r, &r->layout, &source);
    return VIRTIO_GPU_RESP_OK_NODATA;
}

static uint32_t set_scanout_blob(struct virtio_gpu *gpu, struct request *req)
{
    const struct virtio_gpu_set_scanout_blob *cmd = &req->cmd.set_scanout_blob;
    struct frame_rect source = rect_of(&cmd->r);
    struct resource_layout layout = {
        .width = cmd->width,
        .height = cmd->height,
        .format = cmd->format,
        .stride = cmd->strides[0],
        .offset = cmd->offsets[0],
    };

    if (!virtio_has(&gpu->dev, VIRTIO_GPU_F_RESOURCE_BLOB))
        return VIRTIO_GPU_RESP_ERR_UNSPEC;
    if (cmd->scanout_id >= gpu->n_scanouts)
        return VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID;
    struct scanout *s = &gpu->scanout[cmd->scanout_id];
    if (cmd->resource_id == 0) {
        scanout_off(gpu, s);
        return VIRTIO_GPU_RESP_OK_NODATA;
    }
    struct gpu_resource *r = resource_find(&gpu->resources, cmd->resource_id);
    if (!r || r->kind != RESOURCE_GUEST_BLOB)
        return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    if (!r->has_backing)
        return VIRTIO_GPU_RESP_ERR_UNSPEC;
    if (!format_fourcc(layout.format) || !size_ok(layout.width, layout.height) ||
        layout.stride < layout.width * FORMAT_BYTES || layout.stride % FORMAT_BYTES ||
        !backing_rows_fit(r->size, layout.offset, layout.stride, layout.width * FORMAT_BYTES,
                          layout.height) ||
        !rect_within(&source, layout.width, layout.height))
        return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    scanout_set(gpu, s, r, &layout, &source);
    return VIRTIO_GPU_RESP_OK_NODATA;
}

static uint32_t resource_flush(struct virtio_gpu *gpu, struct request *req)
{
    const struct virtio_gpu_resource_flush *cmd = &req->cmd.flush;
    struct gpu_resource *r = resource_find(&gpu->resources, cmd->resource_id);
    struct frame_rect rect = rect_of(&cmd->r);
    uint32_t shown = 0;

    if (!r)
        return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    if (r->kind == RESOURCE_HOST && !rect_within(&rect, r->layout.width, r->layout.height))
        return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    for (unsigned i = 0; i < gpu->n_scanouts; i++)
        if (gpu->scanout[i].resource == r && scanout_damage(&gpu->scanout[i], &rect))
            shown |= 1u << i;
    if (shown && gpu->watched && (req->hdr.flags & VIRTIO_GPU_FLAG_FENCE)) {
        struct virtio_gpu_ctrl_hdr response = req->reply.hdr;
        response.type = VIRTIO_GPU_RESP_OK_NODATA;
        req->kept = fences_add(&gpu->fences, req->q, gpu->chain.head, in_iov(gpu), gpu->chain.n_in,
                               &response, shown);
    }
    for (unsigned i = 0; i < gpu->n_scanouts; i++)
        if (shown & 1u << i)
            scanout_present(gpu, &gpu->scanout[i]);
    return VIRTIO_GPU_RESP_OK_NODATA;
}

/* The cursor. */

static bool read_cursor(struct virtio_gpu *gpu, const struct gpu_resource *r, uint32_t *pixels)
{
    const size_t bytes = CURSOR_SIZE * CURSOR_SIZE * FORMAT_BYTES;

    if (r->kind == RESOURCE_GUEST_BLOB) /* no layout comes with it; Linux's is this */
        return r->has_backing && r->size >= bytes &&
               backing_read(&r->backing, gpu->dev.mem, 0, pixels, bytes);
    if (r->layout.width != CURSOR_SIZE || r->layout.height != CURSOR_SIZE)
        return false;
    gpu->backend->ops->read(gpu->backend, r, CURSOR_SIZE, CURSOR_SIZE, pixels);
    return true;
}

static uint32_t move_cursor(struct virtio_gpu *gpu, struct request *req)
{
    const struct virtio_gpu_cursor_pos *pos = &req->cmd.cursor.pos;

    if (pos->scanout_id >= gpu->n_scanouts)
        return VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID;
    if (gpu->display)
        gpu->display->ops->cursor_move(gpu->display, pos->scanout_id, (int32_t)pos->x,
                                       (int32_t)pos->y);
    return VIRTIO_GPU_RESP_OK_NODATA;
}

static uint32_t update_cursor(struct virtio_gpu *gpu, struct request *req)
{
    const struct virtio_gpu_update_cursor *cmd = &req->cmd.cursor;

    if (cmd->pos.scanout_id >= gpu->n_scanouts)
        return VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID;
    struct cursor *c = &gpu->scanout[cmd->pos.scanout_id].cursor;
    if (cmd->resource_id != 0) {
        const struct gpu_resource *r = resource_find(&gpu->resources, cmd->resource_id);
        if (!r)
            return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
        if (!read_cursor(gpu, r, c->pixels))
            return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
        c->hot_x = MIN(cmd->hot_x, CURSOR_SIZE - 1u);
        c->hot_y = MIN(cmd->hot_y, CURSOR_SIZE - 1u);
    }
    c->dirty = c->visible || cmd->resource_id != 0;
    c->visible = cmd->resource_id != 0;
    cursor_show(c, &gpu->owner, gpu->display, cmd->pos.scanout_id);
    return move_cursor(gpu, req);
}

/* Dispatch. */

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
      sizeof(struct virtio_gpu_resource_create_2d), resource_create_2d },
    { VIRTIO_GPU_CMD_RESOURCE_UNREF, QUEUE_CONTROL, sizeof(struct virtio_gpu_resource_unref),
      resource_unref },
    { VIRTIO_GPU_CMD_SET_SCANOUT, QUEUE_CONTROL, sizeof(struct virtio_gpu_set_scanout),
      set_scanout },
    { VIRTIO_GPU_CMD_RESOURCE_FLUSH, QUEUE_CONTROL, sizeof(struct virtio_gpu_resource_flush),
      resource_flush },
    { VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D, QUEUE_CONTROL,
      sizeof(struct virtio_gpu_transfer_to_host_2d), transfer_to_host_2d },
    { VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, QUEUE_CONTROL,
      sizeof(struct virtio_gpu_resource_attach_backing), attach_backing },
    { VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, QUEUE_CONTROL,
      sizeof(struct virtio_gpu_resource_detach_backing), detach_backing },
    { VIRTIO_GPU_CMD_GET_EDID, QUEUE_CONTROL, sizeof(struct virtio_gpu_cmd_get_edid), get_edid },
    { VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, QUEUE_CONTROL,
      sizeof(struct virtio_gpu_resource_create_blob), resource_create_blob },
    { VIRTIO_GPU_CMD_SET_SCANOUT_BLOB, QUEUE_CONTROL, sizeof(struct virtio_gpu_set_scanout_blob),
      set_scanout_blob },
    { VIRTIO_GPU_CMD_UPDATE_CURSOR, QUEUE_CURSOR, sizeof(struct virtio_gpu_update_cursor),
      update_cursor },
    { VIRTIO_GPU_CMD_MOVE_CURSOR, QUEUE_CURSOR, sizeof(struct virtio_gpu_update_cursor),
      move_cursor },
};

static uint32_t run(struct virtio_gpu *gpu, struct request *req, size_t len)
{
    if (len < sizeof(req->hdr)) {
        log_guest("a command of %zu bytes", len);
        return VIRTIO_GPU_RESP_ERR_UNSPEC;
    }
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

void gpu_execute(struct virtio_gpu *gpu, struct virtq *q)
{
    struct request req = { .q = q, .reply_len = sizeof(struct virtio_gpu_ctrl_hdr) };
    size_t room = iov_size(in_iov(gpu), gpu->chain.n_in);
    size_t len = iov_read(out_iov(gpu), gpu->chain.n_out, 0, &req.cmd, sizeof(req.cmd));

    memcpy(&req.hdr, &req.cmd.hdr, sizeof(req.hdr));
    if (req.hdr.flags & VIRTIO_GPU_FLAG_FENCE) {
        req.reply.hdr.flags = VIRTIO_GPU_FLAG_FENCE;
        req.reply.hdr.fence_id = req.hdr.fence_id;
        req.reply.hdr.ctx_id = req.hdr.ctx_id;
    }
    req.reply.hdr.type = run(gpu, &req, len);
    if (req.kept)
        return;
    if (req.reply.hdr.type >= VIRTIO_GPU_RESP_ERR_UNSPEC)
        log_debug("command 0x%x: error 0x%x", req.hdr.type, req.reply.hdr.type);
    if (room < req.reply_len) { /* the cursor queue's commands have no room for an answer at all */
        req.reply.hdr.type = VIRTIO_GPU_RESP_ERR_UNSPEC;
        req.reply_len = room < sizeof(req.reply.hdr) ? 0 : sizeof(req.reply.hdr);
    }
    iov_write(in_iov(gpu), gpu->chain.n_in, 0, &req.reply, req.reply_len);
    virtq_push(q, gpu->chain.head, (uint32_t)req.reply_len);
}
