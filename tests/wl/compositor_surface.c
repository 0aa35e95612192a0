// SPDX-License-Identifier: MIT
/* wl_compositor, xdg_wm_base, wp_viewporter, wp_presentation. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "presentation-time-server.h"
#include "viewporter-server.h"
#include "xdg-shell-server.h"

#define LOG_MODULE "compositor"
#include "tests/wl/compositor_internal.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

struct compositor_surface *compositor_surface_of(struct wl_resource *resource)
{
    return wl_resource_get_user_data(resource);
}

static void surface_attach(struct wl_client *client, struct wl_resource *resource,
                           struct wl_resource *buffer, int32_t x, int32_t y)
{
    struct compositor_surface *surface = compositor_surface_of(resource);
    surface->next_buffer = buffer;
    surface->next_attached = true;
}

static void surface_damage_buffer(struct wl_client *client, struct wl_resource *resource, int32_t x,
                                  int32_t y, int32_t width, int32_t height)
{
    struct compositor_surface *surface = compositor_surface_of(resource);
    if (surface->n_next_damage < COMPOSITOR_DAMAGE)
        surface->next_damage[surface->n_next_damage++] = (struct rect){ x, y, width, height };
}

static void surface_frame(struct wl_client *client, struct wl_resource *resource, uint32_t id)
{
    struct compositor_surface *surface = compositor_surface_of(resource);
    waiter_add(&surface->next_callbacks, client, &wl_callback_interface, id,
               &surface->compositor->live_callbacks);
}

static void surface_set_opaque_region(struct wl_client *client, struct wl_resource *resource,
                                      struct wl_resource *region)
{
    compositor_surface_of(resource)->opaque = region != NULL;
}

/* A region's user data is not NULL when there is something in it. */
static void surface_set_input_region(struct wl_client *client, struct wl_resource *resource,
                                     struct wl_resource *region)
{
    compositor_surface_of(resource)->deaf = region && !wl_resource_get_user_data(region);
}

static void surface_set_buffer_transform(struct wl_client *client, struct wl_resource *resource,
                                         int32_t transform)
{
    compositor_surface_of(resource)->transform = transform;
}

static void surface_set_buffer_scale(struct wl_client *client, struct wl_resource *resource,
                                     int32_t scale)
{
    compositor_surface_of(resource)->scale = scale;
}

static void list_move_all(struct list *to, struct list *from)
{
    while (!list_empty(from)) {
        struct list *link = from->next;
        list_remove(link);
        list_append(to, link);
    }
}

void compositor_signal_held(struct compositor *c, unsigned n)
{
    if (c->held_point[n].timeline)
        compositor_signal(c, &c->held_point[n]);
    c->held_point[n].timeline = 0;
}

/* The points of a timeline are signalled in their order, or the kernel's chain of them breaks. */
static void release_point(struct compositor *c, const struct compositor_point *point)
{
    for (unsigned i = 0; i < c->n_held_points; i++) {
        if (c->held_point[i].timeline == point->timeline)
            compositor_signal_held(c, i);
    }
    compositor_signal(c, point);
}

/* The buffer's release point is due. */
static void point_due(struct compositor *c, const struct compositor_point *point)
{
    if (!c->hold_releases) {
        release_point(c, point);
        return;
    }
    BUG_ON(c->n_held_points == ARRAY_LEN(c->held_point));
    c->held_point[c->n_held_points++] = *point;
}

static void held_gone(struct wl_listener *listener, void *data)
{
    struct compositor_held *held = container_of(listener, struct compositor_held, gone);
    held->buffer = NULL;
}

static void replaced(struct compositor *c, struct wl_resource *buffer)
{
    if (!c->hold_releases) {
        wl_buffer_send_release(buffer);
        return;
    }
    BUG_ON(c->n_held == ARRAY_LEN(c->held));
    struct compositor_held *held = &c->held[c->n_held++];
    held->buffer = buffer;
    held->gone.notify = held_gone;
    wl_resource_add_destroy_listener(buffer, &held->gone);
}

static void send_first_configure(struct compositor_surface *surface)
{
    if (!surface->compositor->hold_configure)
        compositor_configure(surface, 0, 0, (const uint32_t[]){ 0 });
}

static void surface_commit(struct wl_client *client, struct wl_resource *resource)
{
    struct compositor_surface *surface = compositor_surface_of(resource);
    struct compositor *c = surface->compositor;
    if (!compositor_syncobj_check(surface))
        return;
    if (surface->next_attached) {
        if (surface->next_acquire.timeline && !compositor_acquired(surface))
            c->overtaken++;
        if (surface->release.timeline)
            point_due(c, &surface->release);
        else if (surface->buffer && surface->buffer != surface->next_buffer)
            replaced(c, surface->buffer);
        if (surface->next_release.timeline)
            wl_buffer_send_release(surface->next_buffer); /* means nothing */
        surface->acquire = surface->next_acquire;
        surface->release = surface->next_release;
        surface->next_acquire = surface->next_release = (struct compositor_point){ 0 };
        wl_list_remove(&surface->buffer_gone.link);
        wl_list_init(&surface->buffer_gone.link);
        surface->buffer = surface->next_buffer;
        if (surface->buffer)
            wl_resource_add_destroy_listener(surface->buffer, &surface->buffer_gone);
        surface->has_content = surface->next_buffer != NULL;
        surface->next_attached = false;
    }
    memcpy(surface->damage, surface->next_damage, sizeof(surface->damage));
    surface->n_damage = surface->n_next_damage;
    surface->n_next_damage = 0;
    list_move_all(&surface->callbacks, &surface->next_callbacks);
    list_move_all(&surface->feedbacks, &surface->next_feedbacks);
    compositor_subsurfaces_commit(surface);
    if (surface->commits++ == 0 && surface->toplevel)
        send_first_configure(surface);
}

static const struct wl_surface_interface surface_impl = {
    .destroy = compositor_destroy_request,
    .attach = surface_attach,
    .frame = surface_frame,
    .set_opaque_region = surface_set_opaque_region,
    .set_input_region = surface_set_input_region,
    .commit = surface_commit,
    .set_buffer_transform = surface_set_buffer_transform,
    .set_buffer_scale = surface_set_buffer_scale,
    .damage_buffer = surface_damage_buffer,
};

static void waiters_end(struct list *list)
{
    while (!list_empty(list))
        wl_resource_destroy(list_first(list, struct waiter, link)->resource);
}

static void surface_gone(struct wl_resource *resource)
{
    struct compositor_surface *surface = compositor_surface_of(resource);
    if (surface->syncobj)
        wl_resource_set_user_data(surface->syncobj, NULL);
    if (surface->feedback)
        wl_resource_set_user_data(surface->feedback, NULL);
    if (surface->fractional_scale)
        wl_resource_set_user_data(surface->fractional_scale, NULL);
    wl_list_remove(&surface->buffer_gone.link);
    compositor_subsurfaces_gone(surface);
    waiters_end(&surface->callbacks);
    waiters_end(&surface->next_callbacks);
    waiters_end(&surface->feedbacks);
    waiters_end(&surface->next_feedbacks);
    list_remove(&surface->link);
    free(surface);
}

static void buffer_gone(struct wl_listener *listener, void *data)
{
    struct compositor_surface *surface =
        container_of(listener, struct compositor_surface, buffer_gone);
    surface->buffer = NULL;
    wl_list_remove(&surface->buffer_gone.link);
    wl_list_init(&surface->buffer_gone.link);
}

static void create_surface(struct wl_client *client, struct wl_resource *resource, uint32_t id)
{
    struct compositor_surface *surface = calloc(1, sizeof(*surface));
    BUG_ON(!surface);
    surface->compositor = wl_resource_get_user_data(resource);
    surface->width = surface->height = surface->source.width = -1;
    surface->scale = 1;
    surface->buffer_gone.notify = buffer_gone;
    wl_list_init(&surface->buffer_gone.link);
    list_init(&surface->callbacks);
    list_init(&surface->next_callbacks);
    list_init(&surface->feedbacks);
    list_init(&surface->next_feedbacks);
    list_append(&surface->compositor->surfaces, &surface->link);
    surface->resource =
        wl_resource_create(client, &wl_surface_interface, wl_resource_get_version(resource), id);
    wl_resource_set_implementation(surface->resource, &surface_impl, surface, surface_gone);
}

static void region_add(struct wl_client *client, struct wl_resource *resource, int32_t x, int32_t y,
                       int32_t width, int32_t height)
{
    wl_resource_set_user_data(resource, resource);
}

static const struct wl_region_interface region_impl = {
    .destroy = compositor_destroy_request,
    .add = region_add,
};

static void create_region(struct wl_client *client, struct wl_resource *resource, uint32_t id)
{
    struct wl_resource *region = wl_resource_create(client, &wl_region_interface, 1, id);
    wl_resource_set_implementation(region, &region_impl, NULL, NULL);
}

static const struct wl_compositor_interface compositor_impl = {
    .create_surface = create_surface,
    .create_region = create_region,
};

void compositor_bind_compositor(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
    wl_resource_set_implementation(
        wl_resource_create(client, &wl_compositor_interface, (int)version, id), &compositor_impl,
        data, NULL);
}

/* xdg-shell */

static void copy_text(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text);
}

static void toplevel_set_title(struct wl_client *client, struct wl_resource *resource,
                               const char *title)
{
    struct compositor_surface *surface = compositor_surface_of(resource);
    copy_text(surface->title, sizeof(surface->title), title);
}

static void toplevel_set_app_id(struct wl_client *client, struct wl_resource *resource,
                                const char *app_id)
{
    struct compositor_surface *surface = compositor_surface_of(resource);
    copy_text(surface->app_id, sizeof(surface->app_id), app_id);
}

static void toplevel_set_max_size(struct wl_client *client, struct wl_resource *resource,
                                  int32_t width, int32_t height)
{
    compositor_surface_of(resource)->max = (struct rect){ .width = width, .height = height };
}

static void toplevel_set_min_size(struct wl_client *client, struct wl_resource *resource,
                                  int32_t width, int32_t height)
{
    compositor_surface_of(resource)->min = (struct rect){ .width = width, .height = height };
}

static void toplevel_set_fullscreen(struct wl_client *client, struct wl_resource *resource,
                                    struct wl_resource *output)
{
    compositor_surface_of(resource)->wants_fullscreen = true;
}

static void toplevel_unset_fullscreen(struct wl_client *client, struct wl_resource *resource)
{
    compositor_surface_of(resource)->wants_fullscreen = false;
}

static void toplevel_set_maximized(struct wl_client *client, struct wl_resource *resource)
{
    compositor_surface_of(resource)->wants_maximized = true;
}

static void toplevel_unset_maximized(struct wl_client *client, struct wl_resource *resource)
{
    compositor_surface_of(resource)->wants_maximized = false;
}

static const struct xdg_toplevel_interface toplevel_impl = {
    .destroy = compositor_destroy_request,
    .set_title = toplevel_set_title,
    .set_app_id = toplevel_set_app_id,
    .set_max_size = toplevel_set_max_size,
    .set_min_size = toplevel_set_min_size,
    .set_fullscreen = toplevel_set_fullscreen,
    .unset_fullscreen = toplevel_unset_fullscreen,
    .set_maximized = toplevel_set_maximized,
    .unset_maximized = toplevel_unset_maximized,
};

static void get_toplevel(struct wl_client *client, struct wl_resource *resource, uint32_t id)
{
    struct compositor_surface *surface = compositor_surface_of(resource);
    surface->toplevel =
        wl_resource_create(client, &xdg_toplevel_interface, wl_resource_get_version(resource), id);
    wl_resource_set_implementation(surface->toplevel, &toplevel_impl, surface, NULL);
}

static void ack_configure(struct wl_client *client, struct wl_resource *resource, uint32_t serial)
{
    compositor_surface_of(resource)->acked = serial;
}

static void set_window_geometry(struct wl_client *client, struct wl_resource *resource, int32_t x,
                                int32_t y, int32_t width, int32_t height)
{
    compositor_surface_of(resource)->geometry = (struct rect){ x, y, width, height };
}

static const struct xdg_surface_interface xdg_surface_impl = {
    .destroy = compositor_destroy_request,
    .get_toplevel = get_toplevel,
    .set_window_geometry = set_window_geometry,
    .ack_configure = ack_configure,
};

static void get_xdg_surface(struct wl_client *client, struct wl_resource *resource, uint32_t id,
                            struct wl_resource *wl_surface)
{
    struct compositor_surface *surface = compositor_surface_of(wl_surface);
    surface->xdg_surface =
        wl_resource_create(client, &xdg_surface_interface, wl_resource_get_version(resource), id);
    wl_resource_set_implementation(surface->xdg_surface, &xdg_surface_impl, surface, NULL);
}

static void pong(struct wl_client *client, struct wl_resource *resource, uint32_t serial)
{
    struct compositor *c = wl_resource_get_user_data(resource);
    c->pong = serial;
}

static const struct xdg_wm_base_interface wm_base_impl = {
    .destroy = compositor_destroy_request,
    .get_xdg_surface = get_xdg_surface,
    .pong = pong,
};

void compositor_bind_wm_base(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
    struct compositor *c = data;
    c->wm_base = wl_resource_create(client, &xdg_wm_base_interface, (int)version, id);
    wl_resource_set_implementation(c->wm_base, &wm_base_impl, c, NULL);
}

void compositor_configure(struct compositor_surface *window, int32_t width, int32_t height,
                          const uint32_t *states)
{
    struct wl_array array;
    wl_array_init(&array);
    for (; *states; states++)
        *(uint32_t *)wl_array_add(&array, sizeof(*states)) = *states;
    xdg_toplevel_send_configure(window->toplevel, width, height, &array);
    wl_array_release(&array);
    xdg_surface_send_configure(window->xdg_surface, ++window->compositor->serial);
}

struct compositor_surface *compositor_window(struct compositor *c, unsigned n)
{
    struct compositor_surface *surface;
    list_for_each(surface, &c->surfaces, link) {
        if (surface->toplevel && n-- == 0)
            return surface;
    }
    return NULL;
}

/* viewporter */

static void viewport_set_source(struct wl_client *client, struct wl_resource *resource,
                                wl_fixed_t x, wl_fixed_t y, wl_fixed_t width, wl_fixed_t height)
{
    compositor_surface_of(resource)->source =
        (struct rect){ wl_fixed_to_int(x), wl_fixed_to_int(y), wl_fixed_to_int(width),
                       wl_fixed_to_int(height) };
}

static void viewport_set_destination(struct wl_client *client, struct wl_resource *resource,
                                     int32_t width, int32_t height)
{
    compositor_surface_of(resource)->width = width;
    compositor_surface_of(resource)->height = height;
}

static const struct wp_viewport_interface viewport_impl = {
    .destroy = compositor_destroy_request,
    .set_source = viewport_set_source,
    .set_destination = viewport_set_destination,
};

static void get_viewport(struct wl_client *client, struct wl_resource *resource, uint32_t id,
                         struct wl_resource *surface)
{
    wl_resource_set_implementation(wl_resource_create(client, &wp_viewport_interface, 1, id),
                                   &viewport_impl, compositor_surface_of(surface), NULL);
}

static const struct wp_viewporter_interface viewporter_impl = {
    .destroy = compositor_destroy_request,
    .get_viewport = get_viewport,
};

void compositor_bind_viewporter(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
    wl_resource_set_implementation(wl_resource_create(client, &wp_viewporter_interface, 1, id),
                                   &viewporter_impl, data, NULL);
}

/* presentation-time */

static void get_feedback(struct wl_client *client, struct wl_resource *resource,
                         struct wl_resource *surface, uint32_t id)
{
    waiter_add(&compositor_surface_of(surface)->next_feedbacks, client,
               &wp_presentation_feedback_interface, id, NULL);
}

static const struct wp_presentation_interface presentation_impl = {
    .destroy = compositor_destroy_request,
    .feedback = get_feedback,
};

void compositor_bind_presentation(struct wl_client *client, void *data, uint32_t version,
                                  uint32_t id)
{
    struct wl_resource *resource = wl_resource_create(client, &wp_presentation_interface, 1, id);
    wl_resource_set_implementation(resource, &presentation_impl, data, NULL);
    wp_presentation_send_clock_id(resource, CLOCK_MONOTONIC);
}

void compositor_repaint_surface(struct compositor_surface *surface)
{
    struct compositor *c = surface->compositor;
    while (!list_empty(&surface->callbacks)) {
        struct waiter *waiter = list_first(&surface->callbacks, struct waiter, link);
        wl_callback_send_done(waiter->resource, 0);
        wl_resource_destroy(waiter->resource);
        c->live_callbacks--;
    }
    while (!list_empty(&surface->feedbacks)) {
        struct waiter *waiter = list_first(&surface->feedbacks, struct waiter, link);
        if (waiter->link.next == &surface->feedbacks)
            wp_presentation_feedback_send_presented(waiter->resource, 0, 1, 0, c->refresh_ns, 0, 0,
                                                    0);
        else
            wp_presentation_feedback_send_discarded(waiter->resource);
        wl_resource_destroy(waiter->resource);
    }
}

void compositor_repaint(struct compositor *c)
{
    struct compositor_surface *surface;
    list_for_each(surface, &c->surfaces, link)
        compositor_repaint_surface(surface);
}

void compositor_release_early(struct compositor_surface *surface)
{
    BUG_ON(!surface->buffer);
    if (surface->release.timeline)
        release_point(surface->compositor, &surface->release);
    else
        wl_buffer_send_release(surface->buffer);
    surface->release = (struct compositor_point){ 0 };
    surface->buffer = NULL;
}

void compositor_release_held(struct compositor *c)
{
    for (unsigned i = 0; i < c->n_held; i++) {
        if (!c->held[i].buffer)
            continue;
        wl_list_remove(&c->held[i].gone.link);
        wl_buffer_send_release(c->held[i].buffer);
    }
    for (unsigned i = 0; i < c->n_held_points; i++)
        compositor_signal_held(c, i);
    c->n_held = c->n_held_points = 0;
}
