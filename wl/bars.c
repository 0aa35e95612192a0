// SPDX-License-Identifier: MIT
#include "wl/bars.h"

#include <wayland-client.h>

#include "viewporter-client.h"
#include "wl/connection.h"
#include "wl/layout.h"
#include "wl/shell.h"

bool wayl_bars_possible(const struct wayl_connection *conn)
{
    return conn->subcompositor && conn->viewporter;
}

static bool create(struct wayl_bars *bars, const struct wayl_connection *conn,
                   struct wl_surface *parent)
{
    bars->surface = wl_compositor_create_surface(conn->compositor);
    if (!bars->surface)
        return false;
    bars->subsurface = wl_subcompositor_get_subsurface(conn->subcompositor, bars->surface, parent);
    bars->viewport = wp_viewporter_get_viewport(conn->viewporter, bars->surface);
    if (!bars->subsurface || !bars->viewport) {
        wayl_bars_finish(bars);
        return false;
    }
    wl_subsurface_place_below(bars->subsurface, parent);
    return true;
}

static void stage_opaque(struct wayl_bars *bars, const struct wayl_connection *conn,
                         const struct wayl_layout *layout)
{
    struct wl_region *region = wl_compositor_create_region(conn->compositor);
    if (!region)
        return;
    wl_region_add(region, 0, 0, (int32_t)layout->window.width, (int32_t)layout->window.height);
    wl_surface_set_opaque_region(bars->surface, region);
    wl_region_destroy(region);
}

static void hide(struct wayl_bars *bars)
{
    wl_surface_attach(bars->surface, NULL, 0, 0);
    wl_surface_commit(bars->surface);
}

static void show(struct wayl_bars *bars, const struct wayl_connection *conn,
                 const struct wayl_layout *layout, struct wl_buffer *black)
{
    wl_surface_attach(bars->surface, black, 0, 0);
    wl_surface_damage_buffer(bars->surface, 0, 0, 1, 1);
    wp_viewport_set_destination(bars->viewport, (int32_t)layout->window.width,
                                (int32_t)layout->window.height);
    stage_opaque(bars, conn, layout);
    wl_subsurface_set_position(bars->subsurface, -(int32_t)layout->shown.x,
                               -(int32_t)layout->shown.y);
    wl_surface_commit(bars->surface); /* and shown with the parent's next commit */
}

void wayl_bars_stage(struct wayl_bars *bars, const struct wayl_connection *conn,
                     struct wl_surface *parent, struct wayl_shell *shell,
                     const struct wayl_layout *layout, struct wl_buffer *black)
{
    bool want = wayl_layout_has_bars(layout) && black;
    if (!want && !bars->surface)
        return; /* the window's geometry is the surface's by itself */
    if (want && !bars->surface && !create(bars, conn, parent))
        return;
    if (want)
        show(bars, conn, layout, black);
    else if (bars->shown)
        hide(bars);
    bars->shown = want;
    wayl_shell_set_geometry(shell, want ? -(int32_t)layout->shown.x : 0,
                            want ? -(int32_t)layout->shown.y : 0, layout->window);
}

void wayl_bars_finish(struct wayl_bars *bars)
{
    if (bars->viewport)
        wp_viewport_destroy(bars->viewport);
    if (bars->subsurface)
        wl_subsurface_destroy(bars->subsurface);
    if (bars->surface)
        wl_surface_destroy(bars->surface);
    *bars = (struct wayl_bars){ 0 };
}
