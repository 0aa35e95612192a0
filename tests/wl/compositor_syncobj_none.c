// SPDX-License-Identifier: MIT
/* Where wayland-protocols or libdrm is too old for linux-drm-syncobj. */
#include "tests/wl/compositor_internal.h"

void compositor_syncobj_bind(struct compositor *c)
{
}

void compositor_syncobj_finish(struct compositor *c)
{
}

bool compositor_syncobj_check(struct compositor_surface *surface)
{
    return true;
}

void compositor_signal(struct compositor *c, const struct compositor_point *point)
{
}

bool compositor_acquired(const struct compositor_surface *surface)
{
    return true;
}
