/* SPDX-License-Identifier: MIT */
/*
 * Explicit synchronisation with the compositor (linux-drm-syncobj-v1): points on timelines of the
 * kernel's (DRM syncobjs) instead of implicit fences and wl_buffer.release.
 *
 * A surface has one timeline for its acquire points: commits are shown in their order, so a point that
 * waits for those before it waits for nothing more than it must. A buffer has a timeline of its own for
 * its release points, because compositors let go of buffers in any order. An eventfd tells the loop when
 * such a point is signalled (DRM_IOCTL_SYNCOBJ_EVENTFD, Linux 6.6).
 *
 * Which builds have this is decided by protocols/meson.build; in others, create returns NULL and nothing
 * else is called. Loop thread.
 */
#ifndef VITRINE_WL_EXPLICIT_H
#define VITRINE_WL_EXPLICIT_H

#include <stdbool.h>

struct wayl_connection;
struct wayl_explicit;
struct wayl_explicit_surface;
struct wayl_release;
struct wl_surface;

/* node: the render node of the compositor's device, or NULL. NULL where the compositor has no explicit
 * synchronisation, or the device no timelines. */
struct wayl_explicit *wayl_explicit_create(struct wayl_connection *conn, const char *node);
/* Behind everything that was made with it, and before the connection is closed. Accepts NULL. */
void wayl_explicit_destroy(struct wayl_explicit *explicit);

/* NULL where memory, file descriptors or the device's are short. */
struct wayl_explicit_surface *wayl_explicit_surface_create(struct wayl_explicit *explicit,
                                                           struct wl_surface *surface);
/* Before the wl_surface. Accepts NULL. */
void wayl_explicit_surface_destroy(struct wayl_explicit_surface *surface);

/* A buffer's side. released(data) is called from the loop when the point that was set last is signalled;
 * destroy may be called in it. NULL as above. */
struct wayl_release *wayl_release_create(struct wayl_explicit *explicit,
                                         void (*released)(void *data), void *data);
/* Accepts NULL. */
void wayl_release_destroy(struct wayl_release *release);

/* Sets the points of the surface's next commit, which must follow, with a dmabuf attached: fence (a
 * sync_file, which stays the caller's; -1: drawn already), and the buffer's release. False, with nothing
 * asked of the compositor, where fence is no sync_file or the device fails. */
bool wayl_explicit_set(struct wayl_explicit_surface *surface, struct wayl_release *release,
                       int fence);
/* The commits that follow are synchronised implicitly, until points are set again: needed before a
 * buffer that is no dmabuf is attached, which would be a protocol error. */
void wayl_explicit_leave(struct wayl_explicit_surface *surface);

#endif
