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

void compositor_surfaces_bind(struct compositor *c); /* wl_compositor, xdg_wm_base, viewporter, … */
void compositor_dmabuf_bind(struct compositor *c);
void compositor_seats_bind(struct compositor *c);

/* linux-drm-syncobj, where it is compiled in. */
void compositor_syncobj_bind(struct compositor *c);
void compositor_syncobj_finish(struct compositor *c);
/* Before a commit is applied: false where it breaks the rules, and an error was posted. */
bool compositor_syncobj_check(struct compositor_surface *surface);
void compositor_signal(struct compositor *c, const struct compositor_point *point);

#endif
