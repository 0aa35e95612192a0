// SPDX-License-Identifier: MIT
/* wl_subcompositor, and cursors by name. */
#include "protocols-config.h"
#include "tests/wl/compositor_internal.h"
#include "vmm/base/util.h"
#if HAVE_CURSOR_SHAPE
#include "cursor-shape-v1-server.h"
#endif

static void set_position(struct wl_client *client, struct wl_resource *resource, int32_t x,
                         int32_t y)
{
    struct compositor_surface *surface = wl_resource_get_user_data(resource);
    surface->next_x = x;
    surface->next_y = y;
}

static void place_below(struct wl_client *client, struct wl_resource *resource,
                        struct wl_resource *sibling)
{
    struct compositor_surface *surface = wl_resource_get_user_data(resource);
    if (compositor_surface_of(sibling) != surface->parent)
        wl_resource_post_error(resource, WL_SUBSURFACE_ERROR_BAD_SURFACE, "no parent of it");
    surface->below = true;
}

static void set_desync(struct wl_client *client, struct wl_resource *resource)
{
}

static const struct wl_subsurface_interface subsurface_impl = {
    .destroy = compositor_destroy_request,
    .set_position = set_position,
    .place_below = place_below,
    .set_desync = set_desync,
};

static void get_subsurface(struct wl_client *client, struct wl_resource *resource, uint32_t id,
                           struct wl_resource *surface, struct wl_resource *parent)
{
    struct compositor_surface *child = compositor_surface_of(surface);
    child->parent = compositor_surface_of(parent);
    wl_resource_set_implementation(wl_resource_create(client, &wl_subsurface_interface, 1, id),
                                   &subsurface_impl, child, NULL);
}

static const struct wl_subcompositor_interface subcompositor_impl = {
    .destroy = compositor_destroy_request,
    .get_subsurface = get_subsurface,
};

void compositor_bind_subcompositor(struct wl_client *client, void *data, uint32_t version,
                                   uint32_t id)
{
    wl_resource_set_implementation(wl_resource_create(client, &wl_subcompositor_interface, 1, id),
                                   &subcompositor_impl, data, NULL);
}

void compositor_subsurfaces_commit(struct compositor_surface *surface)
{
    struct compositor_surface *child;
    list_for_each(child, &surface->compositor->surfaces, link) {
        if (child->parent != surface)
            continue;
        child->x = child->next_x;
        child->y = child->next_y;
    }
}

void compositor_subsurfaces_gone(struct compositor_surface *surface)
{
    struct compositor_surface *child;
    list_for_each(child, &surface->compositor->surfaces, link) {
        if (child->parent == surface)
            child->parent = NULL;
    }
}

static struct compositor_surface *child_of(struct compositor_surface *window, bool below)
{
    struct compositor_surface *child;
    list_for_each(child, &window->compositor->surfaces, link) {
        if (child->parent == window && child->below == below)
            return child;
    }
    return NULL;
}

struct compositor_surface *compositor_subsurface(struct compositor_surface *window)
{
    return child_of(window, false);
}

struct compositor_surface *compositor_bars(struct compositor_surface *window)
{
    struct compositor_surface *bars = child_of(window, true);
    return bars && bars->has_content ? bars : NULL;
}

#if HAVE_CURSOR_SHAPE
static void set_shape(struct wl_client *client, struct wl_resource *resource, uint32_t serial,
                      uint32_t shape)
{
    struct compositor_seat *seat = wl_resource_get_user_data(resource);
    seat->cursor_serial = serial;
    seat->cursor_shape = shape;
    seat->cursor = NULL;
    seat->cursor_sets++;
}

static const struct wp_cursor_shape_device_v1_interface shape_device_impl = {
    .destroy = compositor_destroy_request,
    .set_shape = set_shape,
};

static void get_shape_device(struct wl_client *client, struct wl_resource *resource, uint32_t id,
                             struct wl_resource *pointer)
{
    struct wl_resource **slot = wl_resource_get_user_data(pointer);
    struct wl_resource *device =
        wl_resource_create(client, &wp_cursor_shape_device_v1_interface, 1, id);
    wl_resource_set_implementation(device, &shape_device_impl,
                                   container_of(slot, struct compositor_seat, pointer), NULL);
}

static const struct wp_cursor_shape_manager_v1_interface shape_manager_impl = {
    .destroy = compositor_destroy_request,
    .get_pointer = get_shape_device,
};

void compositor_bind_cursor_shape(struct wl_client *client, void *data, uint32_t version,
                                  uint32_t id)
{
    wl_resource_set_implementation(
        wl_resource_create(client, &wp_cursor_shape_manager_v1_interface, (int)version, id),
        &shape_manager_impl, data, NULL);
}
#endif
