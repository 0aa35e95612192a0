// SPDX-License-Identifier: MIT
#include "wl/cursor.h"

#include <wayland-client.h>

#include "gpu/frame.h"
#include "vmm/base/util.h"
#include "wl/buffer.h"
#include "wl/connection.h"

void wayl_cursor_init(struct wayl_cursor *cursor, struct wayl_connection *conn,
                      struct wayl_importer *importer, unsigned place)
{
    *cursor = (struct wayl_cursor){ .conn = conn, .importer = importer, .place = place };
}

void wayl_cursor_finish(struct wayl_cursor *cursor)
{
    if (cursor->surface)
        wl_surface_destroy(cursor->surface);
    cursor->surface = NULL;
    cursor->shown = false;
}

void wayl_cursor_set(struct wayl_cursor *cursor, const struct frame_cursor *frame_cursor)
{
    cursor->shown = false;
    /* A full socket comes before a smooth cursor: the next image finds it free again. */
    if (!frame_cursor->buffer || !cursor->conn->display || cursor->conn->blocked)
        return;
    if (!cursor->surface)
        cursor->surface = wl_compositor_create_surface(cursor->conn->compositor);
    struct wayl_buffer *buffer =
        wayl_importer_get(cursor->importer, cursor->place, frame_cursor->buffer, false);
    if (!cursor->surface || !buffer || buffer->state != WAYL_BUFFER_READY)
        return;
    wayl_buffer_attach(buffer, cursor->surface, false);
    wl_surface_damage_buffer(cursor->surface, 0, 0, INT32_MAX, INT32_MAX);
    wl_surface_commit(cursor->surface);
    cursor->shown = true;
    cursor->hot_x = (int32_t)MIN(frame_cursor->hot_x, frame_cursor->buffer->width);
    cursor->hot_y = (int32_t)MIN(frame_cursor->hot_y, frame_cursor->buffer->height);
}

void wayl_cursor_apply(const struct wayl_cursor *cursor, struct wl_pointer *pointer,
                       uint32_t serial)
{
    wl_pointer_set_cursor(pointer, serial, cursor->shown ? cursor->surface : NULL, cursor->hot_x,
                          cursor->hot_y);
}
