// SPDX-License-Identifier: MIT
#include "wl/explicit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <wayland-client.h>
#include <xf86drm.h>

#include "linux-drm-syncobj-v1-client.h"

#define LOG_MODULE "wayland"
#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"
#include "wl/connection.h"

struct wayl_explicit {
    struct wayl_connection *conn;
    int drm_fd;
    uint32_t carrier; /* a binary syncobj: sync_files come into timelines by way of one */
};

struct timeline {
    struct wayl_explicit *explicit;
    uint32_t handle;
    struct wp_linux_drm_syncobj_timeline_v1 *proxy;
    uint64_t point; /* the last one that was used */
};

struct wayl_explicit_surface {
    struct wl_surface *surface;
    struct wp_linux_drm_syncobj_surface_v1 *proxy; /* NULL: synchronised implicitly just now */
    struct timeline timeline;
};

struct wayl_release {
    struct timeline timeline;
    struct loop_fd source; /* of an eventfd of ours */
    bool watched;          /* the kernel is to signal it, for some point up to the last one */
    bool pending;          /* the last point is not signalled yet */
    void (*released)(void *data);
    void *data;
};

static bool device_serves(int fd)
{
    uint64_t timelines = 0;
    if (drmGetCap(fd, DRM_CAP_SYNCOBJ_TIMELINE, &timelines) != 0 || !timelines)
        return false;
    /* Without a syncobj: a kernel that knows the ioctl misses it. */
    return drmSyncobjEventfd(fd, 0, 0, -1, 0) != 0 && errno == ENOENT;
}

struct wayl_explicit *wayl_explicit_create(struct wayl_connection *conn, const char *node)
{
    if (!conn->syncobj || !node)
        return NULL;
    autoclose int fd = open(node, O_RDWR | O_CLOEXEC);
    uint32_t carrier;
    if (fd < 0 || !device_serves(fd) || drmSyncobjCreate(fd, 0, &carrier) != 0) {
        log_debug("%s has no timelines that can be waited for: no explicit synchronisation", node);
        return NULL;
    }
    struct wayl_explicit *explicit = calloc(1, sizeof(*explicit));
    if (!explicit)
        return NULL;
    *explicit = (struct wayl_explicit){ .conn = conn, .drm_fd = steal_fd(&fd), .carrier = carrier };
    return explicit;
}

void wayl_explicit_destroy(struct wayl_explicit *explicit)
{
    if (!explicit)
        return;
    drmSyncobjDestroy(explicit->drm_fd, explicit->carrier);
    close(explicit->drm_fd);
    free(explicit);
}

static bool timeline_init(struct timeline *timeline, struct wayl_explicit *explicit)
{
    autoclose int fd = -1;
    *timeline = (struct timeline){ .explicit = explicit };
    if (drmSyncobjCreate(explicit->drm_fd, 0, &timeline->handle) != 0)
        return false;
    if (drmSyncobjHandleToFD(explicit->drm_fd, timeline->handle, &fd) == 0)
        timeline->proxy =
            wp_linux_drm_syncobj_manager_v1_import_timeline(explicit->conn->syncobj, fd);
    if (!timeline->proxy)
        drmSyncobjDestroy(explicit->drm_fd, timeline->handle);
    return timeline->proxy;
}

static void timeline_finish(struct timeline *timeline)
{
    wp_linux_drm_syncobj_timeline_v1_destroy(timeline->proxy);
    drmSyncobjDestroy(timeline->explicit->drm_fd, timeline->handle);
}

/* One more point, which is signalled when the fence is, or at once (-1). */
static bool timeline_add(struct timeline *timeline, int fence)
{
    const struct wayl_explicit *explicit = timeline->explicit;
    uint64_t point = timeline->point + 1;
    bool ok;
    if (fence < 0)
        ok = drmSyncobjTimelineSignal(explicit->drm_fd, &timeline->handle, &point, 1) == 0;
    else
        ok = drmSyncobjImportSyncFile(explicit->drm_fd, explicit->carrier, fence) == 0 &&
             drmSyncobjTransfer(explicit->drm_fd, timeline->handle, point, explicit->carrier, 0,
                                0) == 0;
    if (ok)
        timeline->point = point;
    return ok;
}

struct wayl_explicit_surface *wayl_explicit_surface_create(struct wayl_explicit *explicit,
                                                           struct wl_surface *wl_surface)
{
    struct wayl_explicit_surface *surface = calloc(1, sizeof(*surface));
    if (!surface || !timeline_init(&surface->timeline, explicit)) {
        free(surface);
        return NULL;
    }
    surface->surface = wl_surface;
    return surface;
}

void wayl_explicit_leave(struct wayl_explicit_surface *surface)
{
    if (surface->proxy)
        wp_linux_drm_syncobj_surface_v1_destroy(surface->proxy);
    surface->proxy = NULL;
}

void wayl_explicit_surface_destroy(struct wayl_explicit_surface *surface)
{
    if (!surface)
        return;
    wayl_explicit_leave(surface);
    timeline_finish(&surface->timeline);
    free(surface);
}

/* Has the kernel tell when the point is signalled. */
static bool release_watch(struct wayl_release *release, uint64_t point)
{
    const struct timeline *timeline = &release->timeline;
    release->watched = drmSyncobjEventfd(timeline->explicit->drm_fd, timeline->handle, point,
                                         release->source.fd, 0) == 0;
    return release->watched;
}

/* Some point is signalled; if a later one was set since, that is the one to wait for. */
static void release_signalled(struct loop_fd *source, uint32_t events)
{
    struct wayl_release *release = container_of(source, struct wayl_release, source);
    struct timeline *timeline = &release->timeline;
    uint64_t point = 0;
    if (!fd_event_take(source->fd))
        return;
    release->watched = false;
    if (!release->pending)
        return;
    int err = drmSyncobjQuery(timeline->explicit->drm_fd, &timeline->handle, &point, 1);
    if (err == 0 && point < timeline->point && release_watch(release, timeline->point))
        return;
    release->pending = false;
    release->released(release->data); /* may free it */
}

struct wayl_release *wayl_release_create(struct wayl_explicit *explicit,
                                         void (*released)(void *data), void *data)
{
    autoclose int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct wayl_release *release = calloc(1, sizeof(*release));
    if (fd < 0 || !release || !timeline_init(&release->timeline, explicit)) {
        free(release);
        return NULL;
    }
    release->released = released;
    release->data = data;
    if (loop_fd_add(explicit->conn->loop, &release->source, fd, EPOLLIN, release_signalled) < 0) {
        timeline_finish(&release->timeline);
        free(release);
        return NULL;
    }
    steal_fd(&fd);
    return release;
}

void wayl_release_destroy(struct wayl_release *release)
{
    if (!release)
        return;
    int fd = release->source.fd;
    loop_fd_remove(&release->source);
    close(fd);
    timeline_finish(&release->timeline);
    free(release);
}

bool wayl_explicit_set(struct wayl_explicit_surface *surface, struct wayl_release *release,
                       int fence)
{
    struct timeline *acquire = &surface->timeline, *out = &release->timeline;
    struct wayl_connection *conn = acquire->explicit->conn;
    if (!release->watched && !release_watch(release, out->point + 1))
        return false;
    if (!timeline_add(acquire, fence))
        return false;
    if (!surface->proxy)
        surface->proxy =
            wp_linux_drm_syncobj_manager_v1_get_surface(conn->syncobj, surface->surface);
    if (!surface->proxy)
        return false;
    out->point++;
    release->pending = true;
    wp_linux_drm_syncobj_surface_v1_set_acquire_point(
        surface->proxy, acquire->proxy, (uint32_t)(acquire->point >> 32), (uint32_t)acquire->point);
    wp_linux_drm_syncobj_surface_v1_set_release_point(
        surface->proxy, out->proxy, (uint32_t)(out->point >> 32), (uint32_t)out->point);
    return true;
}
