// SPDX-License-Identifier: MIT
#include "wl/sync.h"

#include <linux/dma-buf.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LOG_MODULE "wayland"
#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "wl/buffer.h"
#include "wl/explicit.h"
#include "wl/formats.h"
#include "wl/wayl.h"
#include "wl/window.h"

/* Closes a fence that is signalled, or no fence at all. */
static void settle(int *fence)
{
    struct pollfd pfd = { .fd = *fence, .events = POLLIN };
    if (*fence >= 0 && poll(&pfd, 1, 0) != 0)
        fd_close_all(fence, 1);
}

static void fence_signalled(struct loop_fd *source, uint32_t events)
{
    struct wayl_window *window = container_of(source, struct wayl_window, sync.source);
    loop_fd_remove(source);
    wayl_frames_kick(window);
}

/* Has the loop say when the fence is signalled. One that can't be waited for is none. */
static bool wait_for(struct wayl_window *window, int *fence)
{
    if (*fence < 0)
        return false;
    if (loop_fd_add(window->context->loop, &window->sync.source, *fence, EPOLLIN,
                    fence_signalled) == 0)
        return true;
    fd_close_all(fence, 1);
    return false;
}

static bool set_points(struct wayl_window *window, struct wayl_buffer *buffer, int fence)
{
    struct wayl_sync *sync = &window->sync;
    struct wayl_explicit *explicit = window->context->explicit;
    if (!sync->surface)
        sync->surface = wayl_explicit_surface_create(explicit, window->surface);
    struct wayl_release *release = wayl_buffer_release(buffer, explicit);
    return sync->surface && release && wayl_explicit_set(sync->surface, release, fence);
}

/* Gives the fence to the kernel's own book of who writes to the buffer. */
static bool import_fence(const struct wayl_window *window, const struct frame_buffer *buffer,
                         int fence)
{
    if (!window->context->importer->formats->node[0])
        return false;
    for (unsigned i = 0; i < buffer->n_planes; i++) {
        struct dma_buf_import_sync_file import = { .flags = DMA_BUF_SYNC_WRITE, .fd = fence };
        if (ioctl(buffer->plane[i].fd, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &import) < 0)
            return false;
    }
    return true;
}

/* The commit goes ahead of its fence. */
static void leave_behind(struct wayl_sync *sync, int *fence)
{
    sync->behind = steal_fd(fence);
    sync->behind_ns = loop_now_ns();
}

bool wayl_sync_frame(struct wayl_window *window, struct wayl_buffer *buffer)
{
    struct wayl_sync *sync = &window->sync;
    const struct frame *frame = &window->frames.pending;
    struct wayl_stats *stats = window->context->stats;
    int *fence = &window->frames.pending.acquire_fence;
    bool dmabuf = frame->buffer->kind == FRAME_BUFFER_DMABUF;
    bool explicit = dmabuf && window->context->explicit && !sync->broken;
    if (sync->source.loop)
        return false;
    settle(&sync->behind);
    settle(fence);
    if (wait_for(window, &sync->behind))
        return false;

    sync->by_point = explicit && set_points(window, buffer, *fence);
    if (*fence >= 0 && sync->by_point) {
        stats->fences[WAYL_FENCE_POINT]++;
        leave_behind(sync, fence);
    } else if (*fence >= 0 && dmabuf && !explicit && import_fence(window, frame->buffer, *fence)) {
        stats->fences[WAYL_FENCE_DMABUF]++;
        leave_behind(sync, fence);
    } else if (wait_for(window, fence)) {
        stats->fences[WAYL_FENCE_WAITED]++;
        return false;
    }
    if (explicit && !sync->by_point && !(sync->by_point = set_points(window, buffer, -1))) {
        sync->broken = true;
        log_warn("the device's timelines fail; from now on fences are used without them");
    }
    if (!sync->by_point)
        wayl_sync_leave(sync);
    return true;
}

bool wayl_sync_is_drawing(const struct wayl_window *window)
{
    const struct wayl_sync *sync = &window->sync;
    uint64_t since_ns = sync->behind >= 0 ? sync->behind_ns : window->frames.pending_ns;
    return sync->source.loop && loop_now_ns() - since_ns < WAYL_DRAWN_NS;
}

void wayl_sync_cancel(struct wayl_sync *sync)
{
    loop_fd_remove(&sync->source);
}

void wayl_sync_leave(struct wayl_sync *sync)
{
    if (sync->surface)
        wayl_explicit_leave(sync->surface);
}

void wayl_sync_init(struct wayl_sync *sync)
{
    *sync = (struct wayl_sync){ .behind = -1 };
}

void wayl_sync_finish(struct wayl_sync *sync)
{
    wayl_sync_cancel(sync);
    fd_close_all(&sync->behind, 1);
    wayl_explicit_surface_destroy(sync->surface);
    sync->surface = NULL;
}
