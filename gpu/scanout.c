// SPDX-License-Identifier: MIT
#include "gpu/scanout.h"

#include <string.h>

#include "gpu/device.h"
#include "gpu/picture.h"

static void drop(struct gpu_buffer **buffer)
{
    struct gpu_buffer *b = *buffer;
    *buffer = NULL;
    gpu_buffer_unref(b);
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
        s->no_import = false;
    s->pending = false;
    s->resource = resource;
    s->layout = *layout;
    s->source = *source;
    fences_skip(&gpu->fences, s->index);
}

void scanout_off(struct virtio_gpu *gpu, struct scanout *s)
{
    if (!s->resource)
        return;
    s->resource = NULL;
    s->pending = false;
    drop(&s->shown);
    drop(&s->replaced);
    picture_drop_pool(s);
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

void scanout_present(struct virtio_gpu *gpu, struct scanout *s)
{
    struct frame frame = { .acquire_fence = -1 };

    if (!s->pending || s->under_way || !gpu->watched)
        return;
    if (s->fresh)
        damage_set_full(&s->damage, s->source.width, s->source.height);
    frame.n_damage = s->damage.n;
    memcpy(frame.damage, s->damage.rect, s->damage.n * sizeof(frame.damage[0]));
    if (!picture_make(gpu, s, &frame))
        return; /* when a buffer is released, it is tried again */

    struct gpu_buffer *b = container_of(frame.buffer, struct gpu_buffer, base);
    if (b != s->shown) {
        drop(&s->replaced);
        if (s->shown && s->shown->base.locks > 0)
            s->replaced = s->shown;
        else
            gpu_buffer_unref(s->shown);
        s->shown = b;
        frame_buffer_ref(&b->base);
    } else {
        drop(&s->replaced);
    }
    frame.seq = ++s->seq;
    s->damage.n = 0;
    s->fresh = s->pending = false;
    s->under_way = s->lit = true;
    fences_arm(&gpu->fences, s->index);
    gpu->display->ops->present(gpu->display, s->index, &frame);
}

void scanout_done(struct virtio_gpu *gpu, struct scanout *s, uint32_t seq)
{
    if (!s->under_way || seq != s->seq)
        return; /* an older frame's, which a newer one overtook */
    s->under_way = false;
    fences_shown(&gpu->fences, s->index);
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
    s->under_way = false;
    s->fresh = s->pending = true;
    scanout_present(gpu, s);
}

void scanout_import_failed(struct virtio_gpu *gpu, struct scanout *s)
{
    s->no_import = true;
    show_anew(gpu, s);
}

void scanout_watched(struct virtio_gpu *gpu, struct scanout *s)
{
    s->no_import = false;
    if (s->resource && (s->lit || s->pending))
        show_anew(gpu, s);
    s->cursor.dirty |= s->cursor.visible;
    cursor_show(&s->cursor, &gpu->owner, gpu->display, s->index);
}

void scanout_unwatched(struct virtio_gpu *gpu, struct scanout *s)
{
    s->under_way = false;
    fences_skip_all(&gpu->fences, s->index);
}
