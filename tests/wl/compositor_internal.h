/* SPDX-License-Identifier: MIT */
/* Between the files of the tests' compositor. */
#ifndef VITRINE_TESTS_WL_COMPOSITOR_INTERNAL_H
#define VITRINE_TESTS_WL_COMPOSITOR_INTERNAL_H

#include "tests/wl/compositor.h"

/* A resource on a list of ours. */
struct waiter {
    struct list link;
    struct wl_resource *resource;
};

/* Makes a resource that removes itself from the list when it goes. */
void waiter_add(struct list *list, struct wl_client *client, const struct wl_interface *interface,
                uint32_t id, unsigned *count);

void compositor_destroy_request(struct wl_client *client, struct wl_resource *resource);

struct compositor_surface *compositor_surface_of(struct wl_resource *resource);

/* Of the globals, for the table in compositor.c. */
void compositor_bind_compositor(struct wl_client *client, void *data, uint32_t version,
                                uint32_t id);
void compositor_bind_wm_base(struct wl_client *client, void *data, uint32_t version, uint32_t id);
void compositor_bind_viewporter(struct wl_client *client, void *data, uint32_t version,
                                uint32_t id);
void compositor_bind_presentation(struct wl_client *client, void *data, uint32_t version,
                                  uint32_t id);
void compositor_bind_dmabuf(struct wl_client *client, void *data, uint32_t version, uint32_t id);
void compositor_bind_fractional_scale(struct wl_client *client, void *data, uint32_t version,
                                      uint32_t id);
void compositor_bind_subcompositor(struct wl_client *client, void *data, uint32_t version,
                                   uint32_t id);
void compositor_bind_cursor_shape(struct wl_client *client, void *data, uint32_t version,
                                  uint32_t id);
void compositor_bind_pointer_constraints(struct wl_client *client, void *data, uint32_t version,
                                         uint32_t id);
void compositor_bind_relative_pointer(struct wl_client *client, void *data, uint32_t version,
                                      uint32_t id);
void compositor_bind_shortcuts_inhibit(struct wl_client *client, void *data, uint32_t version,
                                       uint32_t id);
void compositor_bind_decoration(struct wl_client *client, void *data, uint32_t version,
                                uint32_t id);
void compositor_bind_activation(struct wl_client *client, void *data, uint32_t version,
                                uint32_t id);
void compositor_bind_idle_inhibit(struct wl_client *client, void *data, uint32_t version,
                                  uint32_t id);
void compositor_bind_content_type(struct wl_client *client, void *data, uint32_t version,
                                  uint32_t id);
void compositor_bind_tearing(struct wl_client *client, void *data, uint32_t version, uint32_t id);
void compositor_bind_icon(struct wl_client *client, void *data, uint32_t version, uint32_t id);
void compositor_bind_tablets(struct wl_client *client, void *data, uint32_t version, uint32_t id);
void compositor_seats_bind(struct compositor *c);
void compositor_outputs_bind(struct compositor *c);

/* A surface is committed: its subsurfaces are where they were put. And it goes. */
void compositor_subsurfaces_commit(struct compositor_surface *surface);
void compositor_subsurfaces_gone(struct compositor_surface *surface);

/* linux-drm-syncobj, where it is compiled in. */
void compositor_syncobj_bind(struct compositor *c);
void compositor_syncobj_finish(struct compositor *c);
/* Before a commit is applied: false where it breaks the rules, and an error was posted. */
bool compositor_syncobj_check(struct compositor_surface *surface);
void compositor_signal(struct compositor *c, const struct compositor_point *point);

#endif
