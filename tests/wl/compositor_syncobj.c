// SPDX-License-Identifier: MIT
/* linux-drm-syncobj-v1, whose rules a client breaks at the price of its connection. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <xf86drm.h>

#include "linux-drm-syncobj-v1-server.h"

#define LOG_MODULE "compositor"
#include "tests/wl/compositor_internal.h"
#include "vmm/base/log.h"

/* Kept until the compositor ends: points outlive the protocol's object. */
struct timeline {
    struct list link;
    uint32_t handle;
};

static const struct wp_linux_drm_syncobj_timeline_v1_interface timeline_impl = {
    .destroy = compositor_destroy_request,
};

static struct compositor_point point_of(struct wl_resource *resource, uint32_t hi, uint32_t lo)
{
    const struct timeline *timeline = wl_resource_get_user_data(resource);
    return (struct compositor_point){ timeline->handle, (uint64_t)hi << 32 | lo };
}

static void set_acquire_point(struct wl_client *client, struct wl_resource *resource,
                              struct wl_resource *timeline, uint32_t hi, uint32_t lo)
{
    struct compositor_surface *surface = wl_resource_get_user_data(resource);
    surface->next_acquire = point_of(timeline, hi, lo);
}

static void set_release_point(struct wl_client *client, struct wl_resource *resource,
                              struct wl_resource *timeline, uint32_t hi, uint32_t lo)
{
    struct compositor_surface *surface = wl_resource_get_user_data(resource);
    surface->next_release = point_of(timeline, hi, lo);
}

static const struct wp_linux_drm_syncobj_surface_v1_interface surface_impl = {
    .destroy = compositor_destroy_request,
    .set_acquire_point = set_acquire_point,
    .set_release_point = set_release_point,
};

/* Points that no commit has used go with it. The client destroys it before its wl_surface. */
static void surface_gone(struct wl_resource *resource)
{
    struct compositor_surface *surface = wl_resource_get_user_data(resource);
    if (!surface)
        return;
    surface->syncobj = NULL;
    surface->next_acquire = surface->next_release = (struct compositor_point){ 0 };
}

static void get_surface(struct wl_client *client, struct wl_resource *resource, uint32_t id,
                        struct wl_resource *wl_surface)
{
    struct compositor_surface *surface = wl_resource_get_user_data(wl_surface);
    if (surface->syncobj) {
        wl_resource_post_error(resource, WP_LINUX_DRM_SYNCOBJ_MANAGER_V1_ERROR_SURFACE_EXISTS,
                               "it has one");
        return;
    }
    surface->syncobj =
        wl_resource_create(client, &wp_linux_drm_syncobj_surface_v1_interface, 1, id);
    wl_resource_set_implementation(surface->syncobj, &surface_impl, surface, surface_gone);
}

static void import_timeline(struct wl_client *client, struct wl_resource *resource, uint32_t id,
                            int32_t fd)
{
    struct compositor *c = wl_resource_get_user_data(resource);
    struct timeline *timeline = calloc(1, sizeof(*timeline));
    BUG_ON(!timeline);
    int err = drmSyncobjFDToHandle(c->drm_fd, fd, &timeline->handle);
    BUG_ON(err != 0);
    close(fd);
    list_append(&c->timelines, &timeline->link);
    wl_resource_set_implementation(
        wl_resource_create(client, &wp_linux_drm_syncobj_timeline_v1_interface, 1, id),
        &timeline_impl, timeline, NULL);
}

static const struct wp_linux_drm_syncobj_manager_v1_interface manager_impl = {
    .destroy = compositor_destroy_request,
    .get_surface = get_surface,
    .import_timeline = import_timeline,
};

static void bind_manager(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
    wl_resource_set_implementation(
        wl_resource_create(client, &wp_linux_drm_syncobj_manager_v1_interface, (int)version, id),
        &manager_impl, data, NULL);
}

void compositor_syncobj_bind(struct compositor *c)
{
    if (!c->config.syncobj)
        return;
    c->drm_fd = open(c->config.node, O_RDWR | O_CLOEXEC);
    BUG_ON(c->drm_fd < 0);
    wl_global_create(c->display, &wp_linux_drm_syncobj_manager_v1_interface, (int)c->config.syncobj,
                     c, bind_manager);
}

void compositor_syncobj_finish(struct compositor *c)
{
    while (!list_empty(&c->timelines)) {
        struct timeline *timeline = list_first(&c->timelines, struct timeline, link);
        list_remove(&timeline->link);
        drmSyncobjDestroy(c->drm_fd, timeline->handle);
        free(timeline);
    }
    if (c->drm_fd >= 0)
        close(c->drm_fd);
}

bool compositor_syncobj_check(struct compositor_surface *surface)
{
    bool attached = surface->next_attached && surface->next_buffer;
    bool acquire = surface->next_acquire.timeline, release = surface->next_release.timeline;
    int error = -1;
    if (!surface->syncobj)
        return true;
    if (!attached && (acquire || release))
        error = WP_LINUX_DRM_SYNCOBJ_SURFACE_V1_ERROR_NO_BUFFER;
    else if (attached && !acquire)
        error = WP_LINUX_DRM_SYNCOBJ_SURFACE_V1_ERROR_NO_ACQUIRE_POINT;
    else if (attached && !release)
        error = WP_LINUX_DRM_SYNCOBJ_SURFACE_V1_ERROR_NO_RELEASE_POINT;
    else if (attached && wl_shm_buffer_get(surface->next_buffer))
        error = WP_LINUX_DRM_SYNCOBJ_SURFACE_V1_ERROR_UNSUPPORTED_BUFFER;
    else if (acquire && surface->next_acquire.timeline == surface->next_release.timeline &&
             surface->next_acquire.point >= surface->next_release.point)
        error = WP_LINUX_DRM_SYNCOBJ_SURFACE_V1_ERROR_CONFLICTING_POINTS;
    if (error >= 0)
        wl_resource_post_error(surface->syncobj, (uint32_t)error, "against the rules");
    return error < 0;
}

void compositor_signal(struct compositor *c, const struct compositor_point *point)
{
    uint32_t handle = point->timeline;
    uint64_t value = point->point;
    int err = drmSyncobjTimelineSignal(c->drm_fd, &handle, &value, 1);
    BUG_ON(err != 0);
}

bool compositor_acquired(const struct compositor_surface *surface)
{
    uint32_t handle = surface->acquire.timeline;
    uint64_t value = 0;
    if (!handle)
        return true;
    int err = drmSyncobjQuery(surface->compositor->drm_fd, &handle, &value, 1);
    BUG_ON(err != 0);
    return value >= surface->acquire.point;
}
