// SPDX-License-Identifier: MIT
#include "gpu/takeover.h"

#include <stdlib.h>

#define LOG_MODULE "gpu"
#include "gpu/command.h"
#include "gpu/format.h"
#include "gpu/journal.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/log.h"

/* The pixels that the guest had uploaded are where it uploaded them from, if it did as Linux does: all
 * of the picture, from the backing's start. */
static void upload(struct virtio_gpu *gpu, struct gpu_resource *r)
{
    const struct frame_rect all = { .width = r->layout.width, .height = r->layout.height };
    if (r->kind == RESOURCE_HOST && r->has_backing)
        gpu->backend->ops->transfer(gpu->backend, gpu->dev.mem, r, &all, 0);
}

/* What the commands check of a resource holds for one of the journal's too. */
static struct gpu_resource *make(struct virtio_gpu *gpu, const struct journal_resource *from)
{
    if (from->id == 0 || resource_find(&gpu->resources, from->id))
        return NULL;
    if (from->kind == RESOURCE_HOST
            ? !format_fourcc(from->format) || !size_ok(from->width, from->height)
            : from->size == 0 || !virtio_has(&gpu->dev, VIRTIO_GPU_F_RESOURCE_BLOB))
        return NULL;
    struct gpu_resource *r = resource_add(&gpu->resources, from->id, from->kind);
    if (!r || from->kind == RESOURCE_GUEST_BLOB) {
        if (r)
            r->size = from->size;
        return r;
    }
    r->layout.format = from->format;
    r->layout.width = from->width;
    r->layout.height = from->height;
    if (gpu->backend->ops->create(gpu->backend, r) == 0)
        return r;
    resource_remove(&gpu->resources, r);
    return NULL;
}

static struct gpu_resource *restore(struct virtio_gpu *gpu, const struct journal_resource *from,
                                    const struct virtio_gpu_mem_entry *entries)
{
    struct gpu_resource *r = make(gpu, from);
    if (!r || !from->has_backing)
        return r;
    if (gpu_resource_attach(gpu, r, entries, from->n_entries) != VIRTIO_GPU_RESP_OK_NODATA ||
        (r->kind == RESOURCE_GUEST_BLOB && r->backing.size < r->size)) {
        gpu_resource_destroy(gpu, r);
        return NULL;
    }
    upload(gpu, r);
    return r;
}

static void restore_scanout(struct virtio_gpu *gpu, struct scanout *s)
{
    struct journal_scanout state;
    struct journal_cursor cursor;

    /* Whatever is restored here, the display keeps a predecessor's picture until it is told otherwise. */
    s->lit = true;
    if (journal_read_scanout(gpu->journal, s->index, &state)) {
        struct gpu_resource *r = resource_find(&gpu->resources, state.resource_id);
        /* A texture is gone; the window keeps its last picture until the guest shows another. */
        if (r)
            gpu_show(gpu, s, r, r->kind == RESOURCE_GUEST_BLOB ? &state.layout : &r->layout,
                     &state.source);
    }
    if (journal_read_cursor(gpu->journal, s->index, &cursor))
        gpu_set_cursor(gpu, s, cursor.resource_id, cursor.hot_x, cursor.hot_y);
}

/* What was not restored is noted no more; what was is shown. */
static void show_restored(struct virtio_gpu *gpu, struct scanout *s)
{
    if (s->resource)
        s->fresh = s->pending = true;
    else
        journal_set_scanout(gpu->journal, s->index, NULL);
    if (!s->cursor.visible)
        journal_set_cursor(gpu->journal, s->index, NULL);
    scanout_present(gpu, s);
    cursor_show(&s->cursor, &gpu->owner, gpu->display, s->index);
}

void takeover_restore(struct virtio_gpu *gpu)
{
    struct journal_resource from;
    unsigned n = 0;

    if (!gpu->journal)
        return;
    autofree struct virtio_gpu_mem_entry *entries = malloc(RESOURCE_MAX_ENTRIES * sizeof(*entries));
    journal_begin(gpu->journal);
    for (unsigned slot = 0; slot < RESOURCE_MAX && entries; slot++) {
        if (!journal_read(gpu->journal, slot, &from, entries))
            continue;
        struct gpu_resource *r = restore(gpu, &from, entries);
        if (r) {
            journal_keep(gpu->journal, slot, r);
            n++;
        } else {
            log_warn("resource %u of the journal can't be made again", from.id);
            journal_drop(gpu->journal, slot);
        }
    }
    for (unsigned i = 0; i < gpu->n_scanouts; i++)
        restore_scanout(gpu, &gpu->scanout[i]);
    journal_end(gpu->journal);
    for (unsigned i = 0; i < gpu->n_scanouts; i++)
        show_restored(gpu, &gpu->scanout[i]);
    if (n > 0)
        log_debug("%u resources were made again", n);
}

void takeover_answer(struct virtio_gpu *gpu, struct virtq *q)
{
    unsigned n = 0;
    int got;

    for (; (got = virtq_pop_left(q, &gpu->chain)) > 0; n++)
        gpu_refuse(gpu, q);
    if (n > 0)
        log_debug("%u commands that were in flight in queue %u end with an error", n, q->index);
    virtq_notify(q);
    if (got < 0)
        virtio_dev_broken(&gpu->dev);
}
