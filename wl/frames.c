// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <wayland-client.h>

#define LOG_MODULE "wayland"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "wl/buffer.h"
#include "wl/connection.h"
#include "wl/wayl.h"
#include "wl/window.h"

/* Answers the oldest n frames that are owed a done. */
static void frames_done(struct wayl_window *window, unsigned n)
{
    struct wayl_frames *frames = &window->frames;
    while (n-- > 0 && frames->n_owed > 0) {
        uint32_t seq = frames->owed[0];
        frames->n_owed--;
        memmove(frames->owed, frames->owed + 1, frames->n_owed * sizeof(frames->owed[0]));
        if (frames->n_committed > 0)
            frames->n_committed--;
        window->context->ops->done(window, seq);
    }
}

static void set_hidden(struct wayl_window *window, bool hidden)
{
    if (window->frames.hidden == hidden)
        return;
    window->frames.hidden = hidden;
    window->context->ops->pace(window);
}

/* The committed frames are done if the display has taken them and nothing they replaced is still on
 * screen. */
static void frames_check(struct wayl_window *window)
{
    struct wayl_frames *frames = &window->frames;
    if (!frames->callback && !frames->replaced)
        frames_done(window, frames->n_committed);
}

/* Takes the pending frame away; what it is owed stays. Returns its buffer, to be unlocked when all is
 * in order again (who made it may present the next frame in that call), or NULL. */
static struct frame_buffer *frames_take_pending(struct wayl_window *window)
{
    struct wayl_frames *frames = &window->frames;
    if (!frames->has_pending)
        return NULL;
    frames->has_pending = false;
    frames->missed = true;
    wayl_sync_cancel(&window->sync);
    fd_close_all(&frames->pending.acquire_fence, 1);
    window->context->stats->dropped++;
    return frames->pending.buffer;
}

static void frames_drop_pending(struct wayl_window *window)
{
    struct frame_buffer *buffer = frames_take_pending(window);
    if (buffer)
        frame_buffer_unlock(buffer);
}

static void frames_arm(struct wayl_window *window)
{
    bool unseen = window->frames.hidden || !window->surface;
    loop_timer_set(&window->frames.timer, unseen ? window->period_ns : window->context->hidden_ns);
}

/* All that is owed is done in one period: there is nothing to wait for. */
static void frames_soon(struct wayl_window *window)
{
    window->frames.probed = true;
    loop_timer_set(&window->frames.timer, window->period_ns);
}

static void probe_end(struct wayl_frames *frames)
{
    if (frames->probe)
        wl_callback_destroy(frames->probe);
    frames->probe = NULL;
    frames->probed = false;
}

/* What should come does not: whoever draws must go on all the same. */
static void frames_give_up(struct wayl_window *window)
{
    struct wayl_frames *frames = &window->frames;
    probe_end(frames);
    if (frames->callback)
        set_hidden(window, true);
    window->context->stats->unpaced += frames->n_owed;
    frames->replaced = NULL;
    frames_done(window, frames->n_owed);
    if (frames->n_owed > 0) /* presented from within, behind others that were owed still */
        frames_arm(window);
}

/* The compositor is alive: it has the time of a few frames to show ours. */
static void probe_done(void *data, struct wl_callback *probe, uint32_t serial)
{
    struct wayl_window *window = data;
    struct wayl_frames *frames = &window->frames;
    probe_end(frames);
    frames->probed = true;
    loop_timer_set(&frames->timer, window->context->hidden_ns);
}

static const struct wl_callback_listener probe_listener = { .done = probe_done };

/* Nothing came in time. A compositor that is busy drawing answers nothing else either; then what it
 * draws is worth waiting for. */
static void frames_timeout(struct loop_timer *timer)
{
    struct wayl_window *window = container_of(timer, struct wayl_window, frames.timer);
    struct wayl_frames *frames = &window->frames;
    struct wayl_connection *conn = window->context->conn;
    if (frames->n_owed == 0)
        return;
    if (wayl_sync_is_drawing(window)) {
        frames_arm(window);
        return;
    }
    bool ask =
        window->surface && !frames->hidden && !frames->probe && !frames->probed && !conn->blocked;
    struct wl_callback *probe = ask ? wl_display_sync(conn->display) : NULL;
    if (!probe) {
        frames_give_up(window);
        return;
    }
    frames->probe = probe;
    wl_callback_add_listener(probe, &probe_listener, window);
    loop_timer_set(timer, WAYL_SILENT_NS);
}

void wayl_frames_hidden(struct wayl_window *window)
{
    set_hidden(window, true);
    if (window->frames.n_owed > 0)
        frames_arm(window);
}

void wayl_frames_seen(struct wayl_window *window)
{
    set_hidden(window, false);
    if (window->frames.n_owed > 0)
        frames_arm(window);
}

static void callback_done(void *data, struct wl_callback *callback, uint32_t time_ms)
{
    struct wayl_window *window = data;
    struct wayl_frames *frames = &window->frames;
    wl_callback_destroy(callback);
    frames->callback = NULL;
    set_hidden(window, false);
    window->context->stats->callbacks++;
    if (!window->context->conn->presentation)
        wayl_window_shown(window, frames->callback_ns);
    frames_check(window);
    if (!frames->probe && !frames->probed)
        return;
    probe_end(frames);
    if (frames->n_owed > 0)
        frames_arm(window);
}

static const struct wl_callback_listener callback_listener = { .done = callback_done };

/* What was dropped may have damaged anything. */
static void commit_damage(struct wayl_window *window, const struct frame *frame)
{
    const struct frame_rect whole = { 0, 0, frame->source.width, frame->source.height };
    const struct frame_rect *damage = window->frames.missed ? &whole : frame->damage;
    unsigned n = window->frames.missed ? 1 : frame->n_damage;
    for (unsigned i = 0; i < n; i++) {
        struct frame_rect rect;
        if (wayl_layout_damage(frame, &damage[i], &rect))
            wl_surface_damage_buffer(window->surface, (int32_t)rect.x, (int32_t)rect.y,
                                     (int32_t)rect.width, (int32_t)rect.height);
    }
    window->frames.missed = false;
}

/* Hands the pending frame, whose fence wayl_sync_frame() took, to the compositor. */
static void frames_commit(struct wayl_window *window, struct wayl_buffer *buffer)
{
    struct wayl_frames *frames = &window->frames;
    struct wayl_stats *stats = window->context->stats;
    struct frame *frame = &frames->pending;
    if (frames->current && frames->current != buffer)
        frames->replaced = frames->current;
    if (frames->replaced == buffer)
        frames->replaced = NULL; /* it is on its way back to the screen */
    frames->current = buffer;

    wayl_window_stage(window, frame);
    wayl_buffer_attach(buffer, window->surface, window->sync.by_point);
    commit_damage(window, frame);
    /* Of a window that nobody sees, callbacks would only pile up. */
    if (!frames->callback) {
        frames->callback = wl_surface_frame(window->surface);
        frames->callback_ns = frames->pending_ns;
        if (frames->callback)
            wl_callback_add_listener(frames->callback, &callback_listener, window);
    }
    wayl_feedback_begin(window);
    wl_surface_commit(window->surface);

    stats->presented++;
    stats->path[frame->buffer->path]++;
    stats->last_path = frame->buffer->path;
    stats->copied += frame->copied;
    frames->n_committed = frames->n_owed;
    frames->has_pending = false;
    frame_buffer_unlock(frame->buffer); /* the attached wl_buffer holds it now */
}

/* The pending frame can't be shown. */
static void frames_refuse(struct wayl_window *window)
{
    struct frame_buffer *buffer = window->frames.pending.buffer;
    frame_buffer_ref(buffer);
    frames_drop_pending(window);
    frames_soon(window);
    if (buffer->kind == FRAME_BUFFER_DMABUF)
        window->context->ops->import_failed(window, buffer);
    frame_buffer_unref(buffer);
}

void wayl_frames_kick(struct wayl_window *window)
{
    struct wayl_frames *frames = &window->frames;
    /* An import sends fds. */
    if (!frames->has_pending || !window->surface || window->context->conn->blocked)
        return;
    struct frame *frame = &frames->pending;
    const struct frame_rect *source = &frame->source;
    bool cropped = source->width != frame->buffer->width || source->height != frame->buffer->height;
    struct wayl_buffer *buffer = NULL;
    if (!cropped || window->viewport)
        buffer = wayl_importer_get(window->context->importer, window->scanout * WAYL_PLACES,
                                   frame->buffer, true);
    if (!buffer || buffer->state == WAYL_BUFFER_FAILED) {
        frames_refuse(window);
        return;
    }
    if (buffer->state == WAYL_BUFFER_READY && window->configured && wayl_sync_frame(window, buffer))
        frames_commit(window, buffer);
}

static bool frame_is_sound(const struct frame *frame)
{
    const struct frame_buffer *buffer = frame->buffer;
    const struct frame_rect *source = &frame->source;
    return frame->n_damage <= FRAME_MAX_DAMAGE && buffer->path < FRAME_PATH_COUNT &&
           source->width > 0 && source->height > 0 && source->x <= buffer->width &&
           source->y <= buffer->height && source->width <= buffer->width - source->x &&
           source->height <= buffer->height - source->y;
}

/* Whoever is called from here may present the next frame in that call: nothing is left half done. */
void wayl_frames_present(struct wayl_window *window, const struct frame *frame)
{
    struct wayl_frames *frames = &window->frames;
    struct frame_buffer *replaced = frames_take_pending(window);
    bool sound = frame_is_sound(frame);
    loop_timer_cancel(&frames->blank);
    frames->owed[frames->n_owed++] = frame->seq;
    if (frames->n_owed == 1) { /* not again for each further one: that would put it off for ever */
        probe_end(frames);
        frames_arm(window);
    }
    if (sound && window->surface) {
        frame_buffer_lock(frame->buffer);
        frames->pending = *frame;
        frames->pending_ns = loop_now_ns();
        frames->has_pending = true;
    } else {
        int fence = frame->acquire_fence;
        fd_close_all(&fence, 1);
        frames->missed = true;
        window->context->stats->dropped++;
    }
    if (!sound) {
        log_bug("a frame from the GPU does not lie in its buffer");
        frames_soon(window);
    }
    if (frames->n_owed > WAYL_OWED_MAX)
        frames_done(window, 1);
    wayl_frames_kick(window);
    if (replaced)
        frame_buffer_unlock(replaced);
}

static void blank_timeout(struct loop_timer *timer)
{
    struct wayl_window *window = container_of(timer, struct wayl_window, frames.blank);
    struct wayl_frames *frames = &window->frames;
    if (!window->surface)
        return;
    frames->current = NULL;
    wayl_window_blacken(window);
}

void wayl_frames_disable(struct wayl_window *window)
{
    frames_drop_pending(window);
    loop_timer_set(&window->frames.blank, WAYL_BLANK_NS);
}

void wayl_frames_released(struct wayl_window *window, struct wayl_buffer *buffer)
{
    struct wayl_frames *frames = &window->frames;
    if (frames->current == buffer)
        frames->current = NULL;
    if (frames->replaced == buffer) {
        frames->replaced = NULL;
        frames_check(window);
    }
}

void wayl_frames_forget(struct wayl_window *window)
{
    frames_drop_pending(window);
    window->frames.n_owed = window->frames.n_committed = 0;
}

bool wayl_frames_init(struct wayl_window *window)
{
    struct wayl_frames *frames = &window->frames;
    frames->hidden = true;
    int err = loop_timer_add(window->context->loop, &frames->timer, frames_timeout);
    if (err == 0)
        err = loop_timer_add(window->context->loop, &frames->blank, blank_timeout);
    if (err < 0)
        log_error("no timer for a window: %s", strerror(-err));
    return err == 0;
}

void wayl_frames_lost(struct wayl_window *window)
{
    struct wayl_frames *frames = &window->frames;
    frames_drop_pending(window);
    if (frames->callback)
        wl_callback_destroy(frames->callback);
    probe_end(frames);
    wayl_feedback_end_all(window);
    frames->callback = NULL;
    frames->current = frames->replaced = NULL;
    wayl_frames_hidden(window);
}

void wayl_frames_finish(struct wayl_window *window)
{
    wayl_frames_forget(window);
    wayl_frames_lost(window);
    loop_timer_remove(&window->frames.timer);
    loop_timer_remove(&window->frames.blank);
}
