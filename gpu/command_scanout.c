// SPDX-License-Identifier: MIT
/* What is shown where: scanouts, flushes and cursors. */
#include "gpu/command.h"
#include "gpu/format.h"
#include "gpu/journal.h"
#include "gpu/painter.h"

static bool layout_ok(const struct gpu_resource *r, const struct resource_layout *layout)
{
    return format_fourcc(layout->format) && size_ok(layout->width, layout->height) &&
           layout->stride >= layout->width * FORMAT_BYTES && layout->stride % FORMAT_BYTES == 0 &&
           backing_rows_fit(r->size, layout->offset, layout->stride, layout->width * FORMAT_BYTES,
                            layout->height);
}

uint32_t gpu_show(struct virtio_gpu *gpu, struct scanout *s, struct gpu_resource *r,
                  const struct resource_layout *layout, const struct frame_rect *source)
{
    if (r->kind == RESOURCE_GUEST_BLOB && !r->has_backing)
        return VIRTIO_GPU_RESP_ERR_UNSPEC;
    if ((r->kind == RESOURCE_GUEST_BLOB && !layout_ok(r, layout)) ||
        !rect_within(source, layout->width, layout->height))
        return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    scanout_set(gpu, s, r, layout, source);
    const struct journal_scanout state = {
        .resource_id = r->id,
        .layout = *layout,
        .source = *source,
    };
    journal_set_scanout(gpu->journal, s->index, &state);
    return VIRTIO_GPU_RESP_OK_NODATA;
}

uint32_t command_set_scanout(struct virtio_gpu *gpu, struct request *req)
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
    if (r->kind != RESOURCE_HOST)
        return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    return gpu_show(gpu, s, r, &r->layout, &source);
}

uint32_t command_set_scanout_blob(struct virtio_gpu *gpu, struct request *req)
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
    return gpu_show(gpu, s, r, &layout, &source);
}

uint32_t command_resource_flush(struct virtio_gpu *gpu, struct request *req)
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
        uint32_t written = command_answer(gpu, req, VIRTIO_GPU_RESP_OK_NODATA);
        req->kept = fences_add(&gpu->fences, req->q, gpu->chain.head, written, shown);
    }
    for (unsigned i = 0; i < gpu->n_scanouts; i++) {
        if (!(shown & 1u << i))
            continue;
        if (gpu->watched && r->texture && !req->kept)
            pace_flushed(&gpu->pace, i, r->id);
        scanout_present(gpu, &gpu->scanout[i]);
    }
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
    if (r->texture)
        return gpu->backend->painter->ops->read(gpu->backend->painter, r, CURSOR_SIZE, CURSOR_SIZE,
                                                pixels);
    gpu->backend->ops->read(gpu->backend, r, CURSOR_SIZE, CURSOR_SIZE, pixels);
    return true;
}

uint32_t command_move_cursor(struct virtio_gpu *gpu, struct request *req)
{
    const struct virtio_gpu_cursor_pos *pos = &req->cmd.cursor.pos;

    if (pos->scanout_id >= gpu->n_scanouts)
        return VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID;
    if (gpu->display)
        gpu->display->ops->cursor_move(gpu->display, pos->scanout_id, (int32_t)pos->x,
                                       (int32_t)pos->y);
    return VIRTIO_GPU_RESP_OK_NODATA;
}

uint32_t gpu_set_cursor(struct virtio_gpu *gpu, struct scanout *s, uint32_t resource_id,
                        uint32_t hot_x, uint32_t hot_y)
{
    struct journal_cursor state = { .resource_id = resource_id, .hot_x = hot_x, .hot_y = hot_y };
    struct cursor *c = &s->cursor;

    if (resource_id != 0) {
        const struct gpu_resource *r = resource_find(&gpu->resources, resource_id);
        if (!r)
            return VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
        if (!read_cursor(gpu, r, c->pixels))
            return VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
        c->hot_x = MIN(hot_x, CURSOR_SIZE - 1u);
        c->hot_y = MIN(hot_y, CURSOR_SIZE - 1u);
    }
    c->dirty = true; /* also where none is: a predecessor's may be on the display */
    c->visible = resource_id != 0;
    journal_set_cursor(gpu->journal, s->index, c->visible ? &state : NULL);
    return VIRTIO_GPU_RESP_OK_NODATA;
}

uint32_t command_update_cursor(struct virtio_gpu *gpu, struct request *req)
{
    const struct virtio_gpu_update_cursor *cmd = &req->cmd.cursor;

    if (cmd->pos.scanout_id >= gpu->n_scanouts)
        return VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID;
    struct scanout *s = &gpu->scanout[cmd->pos.scanout_id];
    uint32_t response = gpu_set_cursor(gpu, s, cmd->resource_id, cmd->hot_x, cmd->hot_y);
    if (response != VIRTIO_GPU_RESP_OK_NODATA)
        return response;
    cursor_show(&s->cursor, &gpu->owner, gpu->display, cmd->pos.scanout_id);
    return command_move_cursor(gpu, req);
}
