// SPDX-License-Identifier: MIT
/*
 * The GPU's end of the frame channel: a display that sends what it is told to show.
 *
 * A buffer gets one of a fixed set of slots when it is first shown and keeps it until it goes; when all
 * are taken, the one shown longest ago and not in use makes room. Each PRESENT or CURSOR is a use of its
 * buffer, and a buffer in use is locked; RELEASED tells how many uses are over.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gpu/channel.h"

#define LOG_MODULE "frames"
#include "gpu/channel_sock.h"
#include "gpu/channel_wire.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

struct slot {
    struct frame_import import;
    struct channel_gpu *channel;
    struct frame_buffer *buffer; /* NULL: free */
    uint32_t serial;
    uint32_t uses;
    uint64_t used_at; /* counts uses of all slots */
};

struct channel_gpu {
    struct display display;
    struct producer *producer;
    struct channel_sock sock;
    struct loop_prepare prepare;
    void (*closed)(void *data);
    void *data;
    uint32_t last_serial;
    uint64_t use_clock;
    struct {
        bool set;
        int32_t x, y;
    } move[DISPLAY_MAX_SCANOUTS]; /* the last move of each cursor, not sent yet */
    unsigned n_formats;
    struct display_format format[CHANNEL_MAX_FORMATS]; /* gathered chunk by chunk */
    struct slot slot[CHANNEL_MAX_SLOTS];
};

static void send_buffer_gone(struct slot *slot)
{
    struct channel_buffer_ref msg = {
        .head.type = CHANNEL_BUFFER_GONE,
        .slot = (uint32_t)(slot - slot->channel->slot),
        .serial = slot->serial,
    };
    channel_sock_send(&slot->channel->sock, &msg, sizeof(msg), NULL, 0);
}

static void on_buffer_gone(struct frame_import *import)
{
    struct slot *slot = container_of(import, struct slot, import);
    send_buffer_gone(slot);
    slot->buffer = NULL;
}

static struct slot *free_slot(struct channel_gpu *c)
{
    struct slot *oldest = NULL;
    for (unsigned i = 0; i < CHANNEL_MAX_SLOTS; i++) {
        struct slot *s = &c->slot[i];
        if (!s->buffer)
            return s;
        if (s->uses == 0 && (!oldest || s->used_at < oldest->used_at))
            oldest = s;
    }
    if (oldest) {
        oldest->buffer->import = NULL;
        on_buffer_gone(&oldest->import);
    }
    return oldest;
}

/* The buffer's slot, announced to the machine if it is new. */
static struct slot *slot_of(struct channel_gpu *c, struct frame_buffer *buffer)
{
    if (buffer->import)
        return container_of(buffer->import, struct slot, import);

    struct slot *s = free_slot(c);
    if (!s)
        return NULL;
    *s = (struct slot){
        .import.buffer_gone = on_buffer_gone,
        .channel = c,
        .buffer = buffer,
        .serial = ++c->last_serial,
    };
    buffer->import = &s->import;

    struct channel_buffer_new msg = {
        .head.type = CHANNEL_BUFFER_NEW,
        .slot = (uint32_t)(s - c->slot),
        .serial = s->serial,
        .kind = buffer->kind,
        .path = buffer->path,
        .width = buffer->width,
        .height = buffer->height,
        .fourcc = buffer->fourcc,
        .n_planes = buffer->n_planes,
        .modifier = buffer->modifier,
    };
    int fds[FRAME_MAX_PLANES];
    for (unsigned i = 0; i < buffer->n_planes; i++) {
        fds[i] = buffer->plane[i].fd;
        msg.plane[i].offset = buffer->plane[i].offset;
        msg.plane[i].stride = buffer->plane[i].stride;
    }
    channel_sock_send(&c->sock, &msg, sizeof(msg), fds, buffer->n_planes);
    return s;
}

/* Takes the buffer into use once more; its slot's number, or CHANNEL_NO_SLOT. */
static uint32_t use_buffer(struct channel_gpu *c, struct frame_buffer *buffer)
{
    struct slot *s = c->sock.fd >= 0 ? slot_of(c, buffer) : NULL;
    if (!s)
        return CHANNEL_NO_SLOT;
    if (s->uses++ == 0)
        frame_buffer_lock(buffer);
    s->used_at = ++c->use_clock;
    return (uint32_t)(s - c->slot);
}

static void gpu_present(struct display *display, unsigned scanout, const struct frame *frame)
{
    struct channel_gpu *c = container_of(display, struct channel_gpu, display);
    struct channel_present msg = {
        .head = { CHANNEL_PRESENT, scanout },
        .slot = use_buffer(c, frame->buffer),
        .seq = frame->seq,
        .source = frame->source,
        .y_inverted = frame->y_inverted,
        .n_damage = frame->n_damage,
        .copied = frame->copied,
        .draws = frame->draws,
        .withheld = frame->withheld,
    };
    memcpy(msg.damage, frame->damage, frame->n_damage * sizeof(msg.damage[0]));
    int fence = frame->acquire_fence;
    if (msg.slot != CHANNEL_NO_SLOT)
        channel_sock_send(&c->sock, &msg, sizeof(msg), &fence, fence >= 0);
    else if (c->sock.fd >= 0)
        log_bug("scanout %u: no slot is left for a frame", scanout);
    if (fence >= 0)
        close(fence);
}

static void gpu_disable(struct display *display, unsigned scanout)
{
    struct channel_gpu *c = container_of(display, struct channel_gpu, display);
    struct channel_disable msg = { .head = { CHANNEL_DISABLE, scanout } };
    channel_sock_send(&c->sock, &msg, sizeof(msg), NULL, 0);
}

static void gpu_cursor(struct display *display, unsigned scanout, const struct frame_cursor *cursor)
{
    struct channel_gpu *c = container_of(display, struct channel_gpu, display);
    struct channel_cursor msg = {
        .head = { CHANNEL_CURSOR, scanout },
        .slot = cursor->buffer ? use_buffer(c, cursor->buffer) : CHANNEL_NO_SLOT,
        .hot_x = cursor->hot_x,
        .hot_y = cursor->hot_y,
    };
    channel_sock_send(&c->sock, &msg, sizeof(msg), NULL, 0);
}

static void gpu_cursor_move(struct display *display, unsigned scanout, int32_t x, int32_t y)
{
    struct channel_gpu *c = container_of(display, struct channel_gpu, display);
    c->move[scanout].set = true;
    c->move[scanout].x = x;
    c->move[scanout].y = y;
}

static const struct display_ops gpu_display_ops = {
    .present = gpu_present,
    .disable = gpu_disable,
    .cursor = gpu_cursor,
    .cursor_move = gpu_cursor_move,
};

/* A guest moves its cursor more often than anybody looks: the last place before the loop sleeps is
 * sent. */
static void on_prepare(struct loop_prepare *prepare)
{
    struct channel_gpu *c = container_of(prepare, struct channel_gpu, prepare);

    for (unsigned i = 0; i < DISPLAY_MAX_SCANOUTS; i++) {
        if (!c->move[i].set)
            continue;
        struct channel_cursor_move msg = {
            .head = { CHANNEL_CURSOR_MOVE, i },
            .x = c->move[i].x,
            .y = c->move[i].y,
        };
        c->move[i].set = false;
        channel_sock_send(&c->sock, &msg, sizeof(msg), NULL, 0);
    }
}

/* The slot that an answer names, or NULL where its buffer is gone since. */
static struct slot *slot_named(struct channel_gpu *c, const struct channel_buffer_ref *ref)
{
    struct slot *s = ref->slot < CHANNEL_MAX_SLOTS ? &c->slot[ref->slot] : NULL;
    return s && s->buffer && s->serial == ref->serial ? s : NULL;
}

static bool take_formats(struct channel_gpu *c, const struct channel_formats *msg)
{
    if (msg->total > CHANNEL_MAX_FORMATS || msg->n > CHANNEL_FORMATS_CHUNK || msg->n > msg->total ||
        msg->first > msg->total - msg->n || (msg->first != 0 && msg->first != c->n_formats))
        return false;
    for (unsigned i = 0; i < msg->n; i++)
        c->format[msg->first + i] = (struct display_format){
            .fourcc = msg->format[i].fourcc,
            .modifier = msg->format[i].modifier,
        };
    c->n_formats = msg->first + msg->n;
    if (c->n_formats == msg->total)
        c->producer->events->formats(c->producer, c->format, c->n_formats);
    return true;
}

static bool take_released(struct channel_gpu *c, const struct channel_buffer_ref *msg)
{
    struct slot *s = slot_named(c, msg);
    if (!s)
        return true;
    if (msg->uses > s->uses)
        return false;
    s->uses -= msg->uses;
    if (s->uses == 0 && msg->uses > 0)
        frame_buffer_unlock(s->buffer);
    return true;
}

static bool on_message(struct channel_sock *sock, const union channel_msg *msg, size_t len,
                       int *fds, unsigned n_fds)
{
    struct channel_gpu *c = container_of(sock, struct channel_gpu, sock);
    struct producer *p = c->producer;
    unsigned scanout = msg->head.scanout;

    if (n_fds > 0 || scanout >= DISPLAY_MAX_SCANOUTS)
        return false;
    switch (msg->head.type) {
    case CHANNEL_MODE:
        if (len != sizeof(msg->mode))
            return false;
        p->events->mode(p, scanout,
                        &(struct display_mode){
                            .width = msg->mode.width,
                            .height = msg->mode.height,
                            .refresh_mhz = msg->mode.refresh_mhz,
                            .width_mm = msg->mode.width_mm,
                            .height_mm = msg->mode.height_mm,
                        });
        return true;
    case CHANNEL_FORMATS:
        return len == sizeof(msg->formats) && take_formats(c, &msg->formats);
    case CHANNEL_DONE:
        if (len != sizeof(msg->done))
            return false;
        p->events->done(p, scanout, msg->done.seq);
        return true;
    case CHANNEL_PACE:
        if (len != sizeof(msg->pace) || msg->pace.hidden > 1)
            return false;
        p->events->pace(p, scanout, msg->pace.hidden, msg->pace.period_ns);
        return true;
    case CHANNEL_RELEASED:
        return len == sizeof(msg->buffer_ref) && take_released(c, &msg->buffer_ref);
    case CHANNEL_IMPORT_FAILED: {
        struct slot *s = len == sizeof(msg->buffer_ref) ? slot_named(c, &msg->buffer_ref) : NULL;
        if (s)
            p->events->import_failed(p, s->buffer);
        return len == sizeof(msg->buffer_ref);
    }
    case CHANNEL_UNWATCHED:
        if (len != sizeof(msg->head))
            return false;
        p->events->unwatched(p);
        return true;
    default:
        return false;
    }
}

static void on_closed(struct channel_sock *sock)
{
    struct channel_gpu *c = container_of(sock, struct channel_gpu, sock);
    c->closed(c->data);
}

static const struct channel_sock_ops sock_ops = { .message = on_message, .closed = on_closed };

struct channel_gpu *channel_gpu_create(struct loop *loop, int sock, struct producer *producer,
                                       void (*closed)(void *data), void *data)
{
    struct channel_gpu *c = calloc(1, sizeof(*c));
    if (!c) {
        close(sock);
        log_error("no memory for the frame channel");
        return NULL;
    }
    c->display.ops = &gpu_display_ops;
    c->producer = producer;
    c->closed = closed;
    c->data = data;
    int err = channel_sock_init(&c->sock, loop, sock, &sock_ops);
    if (err) {
        log_error("can't open the frame channel: %s", strerror(-err));
        free(c);
        return NULL;
    }
    loop_prepare_add(loop, &c->prepare, on_prepare);
    return c;
}

void channel_gpu_destroy(struct channel_gpu *c)
{
    if (!c)
        return;
    loop_prepare_remove(&c->prepare);
    channel_sock_close(&c->sock);
    for (unsigned i = 0; i < CHANNEL_MAX_SLOTS; i++) {
        struct slot *s = &c->slot[i];
        if (!s->buffer)
            continue;
        s->buffer->import = NULL;
        if (s->uses > 0)
            frame_buffer_unlock(s->buffer);
    }
    free(c);
}

/* As the other end wants text to be (channel_check.h). */
static void copy_text(char *dst, size_t size, const char *text)
{
    snprintf(dst, size, "%s", text);
    for (char *p = dst; *p; p++)
        if (*p < ' ' || *p > '~')
            *p = '?';
}

void channel_gpu_about(struct channel_gpu *c, const char *backend, const char *renderer)
{
    struct channel_about msg = { .head.type = CHANNEL_ABOUT };

    copy_text(msg.backend, sizeof(msg.backend), backend);
    copy_text(msg.renderer, sizeof(msg.renderer), renderer);
    channel_sock_send(&c->sock, &msg, sizeof(msg), NULL, 0);
}

struct display *channel_gpu_display(struct channel_gpu *c)
{
    return &c->display;
}
