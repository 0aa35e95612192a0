// SPDX-License-Identifier: MIT
#include "wl/cursor.h"

#include <math.h>
#include <wayland-client.h>

#include "gpu/frame.h"
#include "protocols-config.h"
#include "viewporter-client.h"
#if HAVE_CURSOR_SHAPE
#include "cursor-shape-v1-client.h"
#endif

#include "vmm/base/util.h"
#include "wl/buffer.h"
#include "wl/connection.h"
#include "wl/layout.h"
#include "wl/window.h"

void wayl_cursor_init(struct wayl_cursor *cursor, struct wayl_connection *conn,
                      struct wayl_importer *importer, const struct wayl_window *window,
                      unsigned pointer_place, unsigned plane_place)
{
    *cursor = (struct wayl_cursor){
        .conn = conn,
        .importer = importer,
        .window = window,
        .pointer = { .place = pointer_place },
        .plane = { .place = plane_place },
    };
}

static void face_finish(struct wayl_cursor_face *face)
{
    if (face->viewport)
        wp_viewport_destroy(face->viewport);
    if (face->surface)
        wl_surface_destroy(face->surface);
    *face = (struct wayl_cursor_face){ .place = face->place };
}

static void set_image(struct wayl_cursor *cursor, struct frame_buffer *image)
{
    struct frame_buffer *old = cursor->image;
    if (image)
        frame_buffer_lock(image);
    cursor->image = image;
    if (old)
        frame_buffer_unlock(old);
}

void wayl_cursor_finish(struct wayl_cursor *cursor)
{
    if (cursor->shown)
        wl_callback_destroy(cursor->shown);
    if (cursor->subsurface)
        wl_subsurface_destroy(cursor->subsurface);
    cursor->shown = NULL;
    cursor->subsurface = NULL;
    face_finish(&cursor->pointer);
    face_finish(&cursor->plane);
    set_image(cursor, NULL);
    cursor->state = WAYL_CURSOR_UNKNOWN;
    cursor->detached = 0;
}

void wayl_cursor_set(struct wayl_cursor *cursor, const struct frame_cursor *frame_cursor)
{
    set_image(cursor, frame_cursor->buffer);
    cursor->state = frame_cursor->buffer ? WAYL_CURSOR_SHOWN : WAYL_CURSOR_HIDDEN;
    cursor->seen |= frame_cursor->buffer != NULL;
    cursor->image_hot_x = frame_cursor->hot_x;
    cursor->image_hot_y = frame_cursor->hot_y;
    cursor->pointer.stale = cursor->plane.stale = true;
    wayl_cursor_update_plane(cursor);
}

bool wayl_cursor_guest_draws(struct wayl_cursor *cursor)
{
    if (cursor->state != WAYL_CURSOR_UNKNOWN)
        return false;
    cursor->state = WAYL_CURSOR_HIDDEN;
    return true;
}

/* How large the image is on the window's surface, and how that is to be said. */
static void fit(const struct wayl_cursor *cursor, struct wayl_cursor_face *face)
{
    const struct wayl_layout *layout = &cursor->window->layout;
    uint32_t width = cursor->image->width, height = cursor->image->height;
    double left, top, right, bottom;
    wayl_layout_surface(layout, 0, 0, &left, &top);
    wayl_layout_surface(layout, width, height, &right, &bottom);
    face->scale = 1;
    face->width = MAX((int32_t)lround(right - left), 1);
    face->height = MAX((int32_t)lround(bottom - top), 1);
    if (cursor->conn->viewporter)
        return;
    /* Only whole numbers of buffer pixels for a logical one can be said, and only if they fit. */
    uint32_t scale = MAX((uint32_t)lround(width / (double)face->width), 1u);
    if (width % scale != 0 || height % scale != 0)
        scale = 1;
    face->scale = (int32_t)scale;
    face->width = (int32_t)(width / scale);
    face->height = (int32_t)(height / scale);
}

bool wayl_cursor_unfit(const struct wayl_cursor *cursor)
{
    if (!cursor->image || !cursor->pointer.mapped)
        return false;
    struct wayl_cursor_face fitted = { 0 };
    fit(cursor, &fitted);
    return fitted.width != cursor->pointer.width || fitted.height != cursor->pointer.height;
}

static bool face_create(struct wayl_cursor *cursor, struct wayl_cursor_face *face)
{
    if (!face->surface)
        face->surface = wl_compositor_create_surface(cursor->conn->compositor);
    if (face->surface && cursor->conn->viewporter && !face->viewport)
        face->viewport = wp_viewporter_get_viewport(cursor->conn->viewporter, face->surface);
    return face->surface && (face->viewport || !cursor->conn->viewporter);
}

/* In logical pixels, at most the image's size. */
static int32_t scaled_hot(uint32_t hot, uint32_t pixels, int32_t logical)
{
    return (int32_t)lround((double)MIN(hot, pixels) * logical / pixels);
}

bool wayl_cursor_face_show(struct wayl_cursor *cursor, struct wayl_cursor_face *face)
{
    if (cursor->state != WAYL_CURSOR_SHOWN || !cursor->conn->display)
        return false;
    struct wayl_cursor_face old = *face;
    fit(cursor, face);
    cursor->hot_x = scaled_hot(cursor->image_hot_x, cursor->image->width, face->width);
    cursor->hot_y = scaled_hot(cursor->image_hot_y, cursor->image->height, face->height);
    bool fits = face->width == old.width && face->height == old.height;
    if (face->mapped && !face->stale && fits)
        return true;
    struct wayl_buffer *buffer =
        wayl_importer_get(cursor->importer, face->place, cursor->image, false);
    if (!buffer || buffer->state != WAYL_BUFFER_READY || !face_create(cursor, face))
        return false;
    wayl_buffer_attach(buffer, face->surface, false);
    if (face->viewport)
        wp_viewport_set_destination(face->viewport, face->width, face->height);
    else
        wl_surface_set_buffer_scale(face->surface, face->scale);
    wl_surface_damage_buffer(face->surface, 0, 0, INT32_MAX, INT32_MAX);
    wl_surface_commit(face->surface);
    face->stale = false;
    face->mapped = true;
    return true;
}

void wayl_cursor_face_hide(struct wayl_cursor_face *face)
{
    if (!face->mapped)
        return;
    wl_surface_attach(face->surface, NULL, 0, 0);
    wl_surface_commit(face->surface);
    face->mapped = false;
}

#if HAVE_CURSOR_SHAPE
static bool apply_shape(struct wayl_cursor *cursor, struct wl_pointer *pointer, uint32_t serial)
{
    struct wp_cursor_shape_device_v1 *device =
        cursor->conn->cursor_shape
            ? wp_cursor_shape_manager_v1_get_pointer(cursor->conn->cursor_shape, pointer)
            : NULL;
    if (!device)
        return false;
    wp_cursor_shape_device_v1_set_shape(device, serial, WP_CURSOR_SHAPE_DEVICE_V1_SHAPE_DEFAULT);
    wp_cursor_shape_device_v1_destroy(device);
    return true;
}
#else
static bool apply_shape(struct wayl_cursor *cursor, struct wl_pointer *pointer, uint32_t serial)
{
    return false;
}
#endif

void wayl_cursor_apply(struct wayl_cursor *cursor, struct wl_pointer *pointer, uint32_t serial)
{
    if (cursor->state == WAYL_CURSOR_UNKNOWN && apply_shape(cursor, pointer, serial))
        return;
    if (cursor->detached == 0 && wayl_cursor_face_show(cursor, &cursor->pointer)) {
        wl_pointer_set_cursor(pointer, serial, cursor->pointer.surface, cursor->hot_x,
                              cursor->hot_y);
        return;
    }
    wl_pointer_set_cursor(pointer, serial, NULL, 0, 0);
    wayl_cursor_face_hide(&cursor->pointer);
}
