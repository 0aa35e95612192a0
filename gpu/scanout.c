// SPDX-License-Identifier: MIT
#include "gpu/scanout.h"

#include <string.h>

#include "gpu/device.h"
#include "gpu/journal.h"
#include "gpu/painter.h"
#include "gpu/picture.h"

static void drop(struct gpu_buffer **buffer)
{
    struct gpu_buffer *b = *buffer;
    *buffer = NULL;
    gpu_buffer_unref(b);
}

/* Forgets the frame in the making, if there is one. */
static bool cancel(struct scanout *s)
{
    if (s->job.next == JOB_NONE)
        return false;
    picture_cancel(s);
    s->under_way = false;
    s->fresh = true;
    return true;
}

void scanout_set(struct virtio_gpu *gpu, struct scanout *s, struct gpu_resource *resource,
                 const struct resource_layout *layout, const struct frame_rect *source)
{
    bool same_shape =
        s->resource && s->source.width == source->width && s->source.height == source->height;
    bool same_layout = same_shape && s->layout.width == layout->width &&
                       s->layout.height == layout->height && s->layout.format == layout->format &&
                       s->layout.stride == layout->stride;

    if (resource == s->resource && same_layout && s->layout.offset == layout->offset &&
        s->source.x == source->x && s->source.y == source->y)
        return;
    if (!same_shape) {
        s->fresh = true;
        s->damage.n = 0;
    }
    if (!same_layout)
        s->no_import = s->no_blit = false;
    s->pending = false;
    s->resource = resource;
    s->layout = *layout;
    s->source = *source;
    fences_skip(&gpu->fences, s->index);
}

void scanout_off(struct virtio_gpu *gpu, struct scanout *s)
{
    if (!s->resource && !s->lit)
        return;
    journal_set_scanout(gpu->journal, s->index, NULL);
    s->resource = NULL;
    s->pending = false;
    pace_skip(&gpu->pace, s->index);
    drop(&s->shown);
    drop(&s->replaced);
    cancel(s);
    picture_drop_pool(s);
    if (gpu->backend->painter)
        gpu->backend->painter->ops->drop(gpu->backend->painter, s->index);
    fences_skip_all(&gpu->fences, s->index);
    if (s->lit && gpu->display)
        gpu->display->ops->disable(gpu->display, s->index);
    s->lit = false;
}

bool scanout_damage(struct scanout *s, const struct frame_rect *rect)
{
    struct frame_rect visible;

    if (!rect_intersect(rect, &s->source, &visible))
        return false;
    visible.x -= s->source.x;
    visible.y -= s->source.y;
    damage_add(&s->damage, &visible);
    s->pending = true;
    return true;
}

static void deliver(struct virtio_gpu *gpu, struct scanout *s, struct frame *frame)
{
    struct gpu_buffer *b = container_of(frame->buffer, struct gpu_buffer, base);

    if (b != s->shown) {
        if (s->shown && s->shown->base.locks > 0)
            s->replaced = s->shown;
        else
            gpu_buffer_unref(s->shown);
        s->shown = b;
        frame_buffer_ref(&b->base);
    }
    s->lit = true;
    frame->draws = pace_take_draws(&gpu->pace, s->index);
    frame->withheld = pace_take_withheld(&gpu->pace);
    gpu->display->ops->present(gpu->display, s->index, frame);
}

void scanout_present(struct virtio_gpu *gpu, struct scanout *s)
{
    struct frame frame = { .acquire_fence = -1, .seq = s->seq + 1 };

    if (!s->pending || s->under_way || !gpu->watched)
        return;
    if (s->fresh)
        damage_set_full(&s->damage, s->source.width, s->source.height);
    frame.n_damage = s->damage.n;
    memcpy(frame.damage, s->damage.rect, s->damage.n * sizeof(frame.damage[0]));
    enum picture picture = picture_make(gpu, s, &frame);
    if (picture == PICTURE_NONE)
        return; /* when a buffer is released, it is tried again */

    drop(&s->replaced);
    s->seq = frame.seq;
    s->damage.n = 0;
    s->fresh = s->pending = false;
    s->under_way = true;
    fences_arm(&gpu->fences, s->index);
    pace_presented(&gpu->pace, s->index);
    if (picture == PICTURE_READY)
        deliver(gpu, s, &frame);
}

void scanout_fenced(struct virtio_gpu *gpu, struct scanout *s)
{
    struct frame frame;

    if (s->job.next == JOB_NONE || !timeline_passed(&gpu->timeline, s->job.serial))
        return;
    switch (picture_go_on(gpu, s, &frame)) {
    case PICTURE_READY:
        deliver(gpu, s, &frame);
        frame_buffer_unref(frame.buffer);
        break;
    case PICTURE_NONE: /* nothing to show; the next flush tries again, with all of the picture */
        s->under_way = false;
        s->fresh = true;
        fences_shown(&gpu->fences, s->index);
        pace_done(&gpu->pace, s->index);
        break;
    case PICTURE_LATER:
        break;
    }
}

void scanout_forget(struct virtio_gpu *gpu, struct scanout *s, const struct gpu_resource *resource)
{
    if (s->job.next != JOB_FETCH || s->job.resource != resource || !cancel(s))
        return;
    fences_shown(&gpu->fences, s->index);
    pace_done(&gpu->pace, s->index);
    scanout_present(gpu, s);
}

void scanout_done(struct virtio_gpu *gpu, struct scanout *s, uint32_t seq)
{
    if (!s->under_way || seq != s->seq)
        return; /* an older frame's, which a newer one overtook */
    s->under_way = false;
    fences_shown(&gpu->fences, s->index);
    pace_done(&gpu->pace, s->index);
    scanout_present(gpu, s);
}

void scanout_buffer_released(struct virtio_gpu *gpu, struct scanout *s, struct gpu_buffer *buffer)
{
    if (buffer == s->replaced) {
        drop(&s->replaced);
        fences_shown(&gpu->fences, s->index);
    }
    scanout_present(gpu, s);
    cursor_show(&s->cursor, &gpu->owner, gpu->display, s->index);
}

/* Shows all of the picture anew, without waiting for the frame that is under way: what became of that
 * one does not matter any more. */
static void show_anew(struct virtio_gpu *gpu, struct scanout *s)
{
    cancel(s);
    s->under_way = false;
    s->fresh = s->pending = true;
    scanout_present(gpu, s);
}

void scanout_import_failed(struct virtio_gpu *gpu, struct scanout *s)
{
    if (s->shown->base.path == FRAME_PATH_BLIT)
        s->no_blit = true;
    else
        s->no_import = true;
    show_anew(gpu, s);
}

void scanout_watched(struct virtio_gpu *gpu, struct scanout *s)
{
    s->no_import = s->no_blit = false;
    picture_drop_pool(s); /* of formats that the display may import no more */
    if (s->resource && (s->lit || s->pending || s->under_way))
        show_anew(gpu, s);
    s->cursor.dirty |= s->cursor.visible;
    cursor_show(&s->cursor, &gpu->owner, gpu->display, s->index);
}

void scanout_unwatched(struct virtio_gpu *gpu, struct scanout *s)
{
    if (cancel(s))
        s->pending = true;
    s->under_way = false;
    fences_skip_all(&gpu->fences, s->index);
    pace_skip(&gpu->pace, s->index);
}
