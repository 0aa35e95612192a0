/* SPDX-License-Identifier: MIT */
/*
 * How a frame's acquire fence keeps the compositor from reading pixels that are not drawn yet. The best
 * means there is:
 *
 *  - a point on a timeline, which the compositor waits for (wl/explicit.h);
 *  - the dmabuf itself, whose readers in the kernel then wait for the fence
 *    (DMA_BUF_IOCTL_IMPORT_SYNC_FILE): only where the compositor named the device that it draws with,
 *    because software that maps the dmabuf does not wait;
 *  - a wait in our loop before the commit.
 *
 * Whatever the means, at most one commit of a window waits for its fence: the next frame is committed
 * once that is signalled, so that a fence that never is piles up nothing in the compositor. The guest
 * is told `done` all the same, once that takes too long (wl/wayl.h).
 *
 * Fences come from a process that is not trusted: any file may be one, and is used for no more than
 * poll(2) and the two imports.
 */
#ifndef VITRINE_WL_SYNC_H
#define VITRINE_WL_SYNC_H

#include <stdbool.h>

#include "vmm/base/loop.h"

struct wayl_buffer;
struct wayl_explicit_surface;
struct wayl_window;

/* A window's. */
struct wayl_sync {
    struct loop_fd
        source;         /* registered while a fence is waited for: the last commit's, or the next */
    int behind;         /* the last commit's fence, if it was unsignalled then; else -1 */
    uint64_t behind_ns; /* when that was */
    struct wayl_explicit_surface *surface; /* or NULL: never used */
    bool by_point;                         /* points are set for the commit that follows */
    bool broken;                           /* points could not be set: not tried again */
};

void wayl_sync_init(struct wayl_sync *sync);
/* Also where the compositor is gone. Before the window's wl_surface is destroyed. */
void wayl_sync_finish(struct wayl_sync *sync);

/* The pending frame may go, in that buffer, as far as its fence is concerned: it is consumed, and the
 * caller commits at once. False: wayl_frames_kick() is called when it can be tried again. */
bool wayl_sync_frame(struct wayl_window *window, struct wayl_buffer *buffer);
/* Whether the pending frame waits for a fence that is worth waiting for: WAYL_DRAWN_NS have not passed since
 * it came, or since the frame was committed whose fence it waits for. */
bool wayl_sync_is_drawing(const struct wayl_window *window);
/* The pending frame is dropped; its fence is the caller's again. */
void wayl_sync_cancel(struct wayl_sync *sync);
/* Before a buffer is committed for which wayl_sync_frame() did not set points. */
void wayl_sync_leave(struct wayl_sync *sync);

#endif
