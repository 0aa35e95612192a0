// SPDX-License-Identifier: MIT
/*
 * The guest's cursor where it is detached from the host's pointer: a subsurface of the window. Its image
 * is shown by its own commit; its place is state of the window's surface, so that is committed too, with
 * nothing else in it. A guest moves its cursor more often than a screen refreshes: the next place waits
 * until the last one was shown.
 */
#include <math.h>
#include <wayland-client.h>

#include "gpu/frame.h"
#include "vmm/base/util.h"
#include "wl/connection.h"
#include "wl/cursor.h"
#include "wl/layout.h"
#include "wl/window.h"

static bool plane_create(struct wayl_cursor *cursor)
{
    struct wayl_connection *conn = cursor->conn;
    struct wayl_cursor_face *plane = &cursor->plane;
    if (cursor->subsurface)
        return true;
    if (!plane->surface)
        plane->surface = wl_compositor_create_surface(conn->compositor);
    if (!plane->surface)
        return false;
    cursor->subsurface = wl_subcompositor_get_subsurface(conn->subcompositor, plane->surface,
                                                         cursor->window->surface);
    /* What is pointed at is the window. */
    struct wl_region *nothing = wl_compositor_create_region(conn->compositor);
    if (!cursor->subsurface || !nothing)
        return false;
    wl_subsurface_set_desync(cursor->subsurface);
    wl_surface_set_input_region(plane->surface, nothing);
    wl_region_destroy(nothing);
    cursor->moved = true;
    return true;
}

static void place_shown(void *data, struct wl_callback *callback, uint32_t time_ms)
{
    struct wayl_cursor *cursor = data;
    wl_callback_destroy(callback);
    cursor->shown = NULL;
    wayl_cursor_update_plane(cursor);
}

static const struct wl_callback_listener shown_listener = { .done = place_shown };

/* The guest may name any place; further out than that, nothing is seen and compositors' sums overflow. */
static int32_t place_of(double logical)
{
    double most = 2.0 * WAYL_LAYOUT_MAX;
    return (int32_t)lround(MAX(-most, MIN(most, logical)));
}

static void plane_place(struct wayl_cursor *cursor)
{
    double x, y;
    wayl_layout_surface(&cursor->window->layout, cursor->x, cursor->y, &x, &y);
    wl_subsurface_set_position(cursor->subsurface, place_of(x), place_of(y));
    /* The window's callback: the plane may lie where no screen shows it, and would have none. */
    cursor->shown = wl_surface_frame(cursor->window->surface);
    if (cursor->shown)
        wl_callback_add_listener(cursor->shown, &shown_listener, cursor);
    wl_surface_commit(cursor->window->surface);
    cursor->moved = false;
}

void wayl_cursor_update_plane(struct wayl_cursor *cursor)
{
    const struct wayl_connection *conn = cursor->conn;
    if (!conn->display || !conn->subcompositor || conn->blocked || !cursor->window->surface ||
        !cursor->window->configured)
        return;
    if (cursor->detached == 0 || cursor->state != WAYL_CURSOR_SHOWN) {
        wayl_cursor_face_hide(&cursor->plane);
        return;
    }
    bool was_mapped = cursor->plane.mapped;
    if (!plane_create(cursor) || !wayl_cursor_face_show(cursor, &cursor->plane))
        return;
    cursor->moved |= !was_mapped;
    if (cursor->moved && !cursor->shown)
        plane_place(cursor);
}

void wayl_cursor_move(struct wayl_cursor *cursor, int32_t x, int32_t y)
{
    if (cursor->x == x && cursor->y == y)
        return;
    cursor->x = x;
    cursor->y = y;
    cursor->moved = true;
    if (cursor->detached > 0)
        wayl_cursor_update_plane(cursor);
}

void wayl_cursor_hotspot(const struct wayl_cursor *cursor, double *surface_x, double *surface_y)
{
    wayl_layout_surface(&cursor->window->layout, (double)cursor->x + cursor->image_hot_x,
                        (double)cursor->y + cursor->image_hot_y, surface_x, surface_y);
}

bool wayl_cursor_detach(struct wayl_cursor *cursor)
{
    if (cursor->detached++ > 0)
        return false;
    wayl_cursor_update_plane(cursor);
    return true;
}

bool wayl_cursor_attach(struct wayl_cursor *cursor)
{
    if (cursor->detached == 0 || --cursor->detached > 0) /* the compositor may be gone meanwhile */
        return false;
    wayl_cursor_update_plane(cursor);
    return true;
}
