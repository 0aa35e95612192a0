// SPDX-License-Identifier: MIT
/* Where wayland-protocols or libdrm is too old for explicit synchronisation. */
#include <stddef.h>

#include "wl/explicit.h"

struct wayl_explicit *wayl_explicit_create(struct wayl_connection *conn, const char *node)
{
    return NULL;
}

void wayl_explicit_destroy(struct wayl_explicit *explicit)
{
}

struct wayl_explicit_surface *wayl_explicit_surface_create(struct wayl_explicit *explicit,
                                                           struct wl_surface *surface)
{
    return NULL;
}

void wayl_explicit_surface_destroy(struct wayl_explicit_surface *surface)
{
}

struct wayl_release *wayl_release_create(struct wayl_explicit *explicit,
                                         void (*released)(void *data), void *data)
{
    return NULL;
}

void wayl_release_destroy(struct wayl_release *release)
{
}

bool wayl_explicit_set(struct wayl_explicit_surface *surface, struct wayl_release *release,
                       int fence)
{
    return false;
}

void wayl_explicit_leave(struct wayl_explicit_surface *surface)
{
}
