// SPDX-License-Identifier: MIT
#include "gpu/cursor.h"

#include <drm_fourcc.h>
#include <string.h>

#include "gpu/buffer.h"

static struct gpu_buffer *free_buffer(struct cursor *cursor, struct gpu_buffer_owner *owner)
{
    for (unsigned i = 0; i < CURSOR_BUFFERS; i++) {
        struct gpu_buffer **b = &cursor->buffer[i];
        if (!*b)
            *b = gpu_buffer_create_shm(owner, CURSOR_SIZE, CURSOR_SIZE, DRM_FORMAT_ARGB8888);
        if (*b && (*b)->base.locks == 0)
            return *b;
    }
    return NULL;
}

void cursor_show(struct cursor *cursor, struct gpu_buffer_owner *owner, struct display *display,
                 unsigned scanout)
{
    struct frame_cursor shown = { .hot_x = cursor->hot_x, .hot_y = cursor->hot_y };

    if (!cursor->dirty || !display)
        return;
    if (cursor->visible) {
        struct gpu_buffer *b = free_buffer(cursor, owner);
        if (!b)
            return;
        memcpy(b->map, cursor->pixels, sizeof(cursor->pixels));
        shown.buffer = &b->base;
    }
    cursor->dirty = false;
    display->ops->cursor(display, scanout, &shown);
}

void cursor_finish(struct cursor *cursor)
{
    for (unsigned i = 0; i < CURSOR_BUFFERS; i++) {
        gpu_buffer_unref(cursor->buffer[i]);
        cursor->buffer[i] = NULL;
    }
    cursor->visible = cursor->dirty = false;
}
