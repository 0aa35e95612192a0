// SPDX-License-Identifier: MIT
/*
 * The machine's end of the frame channel: a producer made of what a GPU process sends. The process is
 * fed by the guest and may be its prisoner, so nothing that it says is believed: buffers are checked
 * against their files (channel_check.c), everything else against the buffers, and what it may have
 * outstanding is limited.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gpu/channel.h"

#define LOG_MODULE "frames"
#include "gpu/channel_check.h"
#include "gpu/channel_sock.h"
#include "gpu/channel_wire.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"

struct machine_buffer {
    struct frame_buffer base;
    struct channel_machine *channel;
    uint32_t slot, serial;
    uint32_t uses; /* PRESENTs and CURSORs since it was released last */
    bool gone;     /* its process let go of it, or is gone itself */
};

struct scanout_state {
    bool lit; /* a frame was presented since the last disable */
    bool has_mode, has_pace, has_cursor;
    struct display_mode mode;
    bool hidden;
    uint32_t period_ns;
    /* Frames that the display has not said done to. */
    unsigned n_outstanding;
    uint32_t outstanding[CHANNEL_MAX_OUTSTANDING];
};

struct channel_machine {
    struct producer producer;
    struct display *display; /* NULL: nobody looks */
    struct loop *loop;
    struct channel_sock sock;
    void (*closed)(void *data);
    void *data;
    struct channel_stats stats;
    struct scanout_state scanout[DISPLAY_MAX_SCANOUTS];
    struct machine_buffer *slot[CHANNEL_MAX_SLOTS];
    char backend[CHANNEL_NAME_SIZE], renderer[CHANNEL_RENDERER_SIZE];
    void (*tap)(void *data, unsigned scanout, const struct frame *frame); /* or NULL */
    void *tap_data;
    bool keeps; /* the last picture of a connection stays */
    bool connected;
    uint64_t old_ns; /* since when what is shown is a process's that is gone; 0: it is not */
    bool has_formats;
    unsigned n_formats;
    struct display_format format[CHANNEL_MAX_FORMATS];
};

static struct channel_machine *from_producer(struct producer *producer)
{
    return container_of(producer, struct channel_machine, producer);
}

/* Buffers. */

static void buffer_released(struct frame_buffer *base)
{
    struct machine_buffer *b = container_of(base, struct machine_buffer, base);
    struct channel_buffer_ref msg = {
        .head.type = CHANNEL_RELEASED,
        .slot = b->slot,
        .serial = b->serial,
        .uses = b->uses,
    };
    b->uses = 0;
    if (!b->gone)
        channel_sock_post(&b->channel->sock, &msg, sizeof(msg));
}

static void buffer_destroy(struct frame_buffer *base)
{
    free(container_of(base, struct machine_buffer, base));
}

static const struct frame_buffer_ops buffer_ops = {
    .released = buffer_released,
    .destroy = buffer_destroy,
};

static void drop_buffer(struct channel_machine *c, unsigned slot)
{
    struct machine_buffer *b = c->slot[slot];
    c->slot[slot] = NULL;
    b->gone = true;
    c->stats.buffers--;
    frame_buffer_unref(&b->base);
}

static bool take_buffer_new(struct channel_machine *c, const struct channel_buffer_new *msg,
                            int *fds, unsigned n_fds)
{
    if (msg->slot >= CHANNEL_MAX_SLOTS || c->slot[msg->slot] ||
        !channel_check_buffer(msg, fds, n_fds))
        return false;
    struct machine_buffer *b = calloc(1, sizeof(*b));
    if (!b)
        return false;
    frame_buffer_init(&b->base, &buffer_ops);
    b->channel = c;
    b->slot = msg->slot;
    b->serial = msg->serial;
    b->base.id = msg->serial;
    b->base.kind = (enum frame_buffer_kind)msg->kind;
    b->base.path = (enum frame_path)msg->path;
    b->base.width = msg->width;
    b->base.height = msg->height;
    b->base.fourcc = msg->fourcc;
    b->base.modifier = msg->modifier;
    b->base.n_planes = msg->n_planes;
    for (unsigned i = 0; i < msg->n_planes; i++) {
        b->base.plane[i] = (struct frame_plane){
            .fd = fds[i],
            .offset = msg->plane[i].offset,
            .stride = msg->plane[i].stride,
        };
        fds[i] = -1;
    }
    c->slot[msg->slot] = b;
    c->stats.buffers++;
    c->stats.buffers_total++;
    return true;
}

static bool take_buffer_gone(struct channel_machine *c, const struct channel_buffer_ref *msg)
{
    if (msg->slot >= CHANNEL_MAX_SLOTS || !c->slot[msg->slot] ||
        c->slot[msg->slot]->serial != msg->serial)
        return false;
    drop_buffer(c, msg->slot);
    return true;
}

/* Frames. */

static void send_done(struct channel_machine *c, unsigned scanout, uint32_t seq)
{
    struct channel_done msg = { .head = { CHANNEL_DONE, scanout }, .seq = seq };
    channel_sock_post(&c->sock, &msg, sizeof(msg));
}

static void answer_outstanding(struct channel_machine *c)
{
    for (unsigned i = 0; i < DISPLAY_MAX_SCANOUTS; i++) {
        struct scanout_state *s = &c->scanout[i];
        for (unsigned n = 0; n < s->n_outstanding; n++)
            send_done(c, i, s->outstanding[n]);
        s->n_outstanding = 0;
    }
}

static void show(struct channel_machine *c, unsigned scanout, const struct frame *frame)
{
    struct scanout_state *s = &c->scanout[scanout];

    if (c->display && s->n_outstanding < CHANNEL_MAX_OUTSTANDING) {
        s->outstanding[s->n_outstanding++] = frame->seq;
        s->lit = true;
        c->display->ops->present(c->display, scanout, frame);
        return;
    }
    if (c->display)
        c->stats.dropped++;
    if (frame->acquire_fence >= 0)
        close(frame->acquire_fence);
    send_done(c, scanout, frame->seq);
}

static bool take_present(struct channel_machine *c, const struct channel_present *msg, int *fds,
                         unsigned n_fds)
{
    struct machine_buffer *b = msg->slot < CHANNEL_MAX_SLOTS ? c->slot[msg->slot] : NULL;
    if (!b || n_fds > 1 || !channel_check_present(msg, &b->base))
        return false;

    struct frame frame = {
        .buffer = &b->base,
        .source = msg->source,
        .seq = msg->seq,
        .y_inverted = msg->y_inverted,
        .acquire_fence = -1,
        .copied = msg->copied,
        .draws = msg->draws,
        .withheld = msg->withheld,
        .n_damage = msg->n_damage,
    };
    memcpy(frame.damage, msg->damage, msg->n_damage * sizeof(frame.damage[0]));
    if (n_fds == 1) {
        frame.acquire_fence = fds[0];
        fds[0] = -1;
    }
    c->stats.frames[b->base.path]++;
    c->stats.copied += msg->copied;
    c->stats.draws += msg->draws;
    c->stats.withheld += msg->withheld;
    b->uses++;
    frame_buffer_lock(&b->base); /* so that one that nobody shows is released too */
    if (c->old_ns != 0)
        log_info("the guest's picture is back after %u ms",
                 (unsigned)((loop_now_ns() - c->old_ns) / 1000000u));
    c->old_ns = 0;
    if (c->tap)
        c->tap(c->tap_data, msg->head.scanout, &frame);
    show(c, msg->head.scanout, &frame);
    frame_buffer_unlock(&b->base);
    return true;
}

static void disable(struct channel_machine *c, unsigned scanout)
{
    struct scanout_state *s = &c->scanout[scanout];
    if (c->display && s->lit)
        c->display->ops->disable(c->display, scanout);
    s->lit = false;
}

static bool take_cursor(struct channel_machine *c, const struct channel_cursor *msg)
{
    struct scanout_state *s = &c->scanout[msg->head.scanout];
    struct frame_cursor cursor = { .hot_x = msg->hot_x, .hot_y = msg->hot_y };
    struct machine_buffer *b = NULL;

    if (msg->slot != CHANNEL_NO_SLOT) {
        b = msg->slot < CHANNEL_MAX_SLOTS ? c->slot[msg->slot] : NULL;
        if (!b || !channel_check_cursor(msg, &b->base))
            return false;
        cursor.buffer = &b->base;
        b->uses++;
        frame_buffer_lock(&b->base);
    }
    s->has_cursor = b != NULL;
    if (c->display)
        c->display->ops->cursor(c->display, msg->head.scanout, &cursor);
    if (b)
        frame_buffer_unlock(&b->base);
    return true;
}

static bool take_about(struct channel_machine *c, const struct channel_about *msg)
{
    if (!channel_check_text(msg->backend, sizeof(msg->backend)) ||
        !channel_check_text(msg->renderer, sizeof(msg->renderer)))
        return false;
    memcpy(c->backend, msg->backend, sizeof(c->backend));
    memcpy(c->renderer, msg->renderer, sizeof(c->renderer));
    return true;
}

static bool on_message(struct channel_sock *sock, const union channel_msg *msg, size_t len,
                       int *fds, unsigned n_fds)
{
    struct channel_machine *c = container_of(sock, struct channel_machine, sock);
    unsigned scanout = msg->head.scanout;

    if (scanout >= DISPLAY_MAX_SCANOUTS ||
        (n_fds > 0 && msg->head.type != CHANNEL_BUFFER_NEW && msg->head.type != CHANNEL_PRESENT))
        return false;
    switch (msg->head.type) {
    case CHANNEL_BUFFER_NEW:
        return len == sizeof(msg->buffer_new) && take_buffer_new(c, &msg->buffer_new, fds, n_fds);
    case CHANNEL_BUFFER_GONE:
        return len == sizeof(msg->buffer_ref) && take_buffer_gone(c, &msg->buffer_ref);
    case CHANNEL_PRESENT:
        return len == sizeof(msg->present) && take_present(c, &msg->present, fds, n_fds);
    case CHANNEL_DISABLE:
        if (len != sizeof(msg->disable))
            return false;
        disable(c, scanout);
        return true;
    case CHANNEL_CURSOR:
        return len == sizeof(msg->cursor) && take_cursor(c, &msg->cursor);
    case CHANNEL_CURSOR_MOVE:
        if (len != sizeof(msg->cursor_move))
            return false;
        if (c->display)
            c->display->ops->cursor_move(c->display, scanout, msg->cursor_move.x,
                                         msg->cursor_move.y);
        return true;
    case CHANNEL_ABOUT:
        return len == sizeof(msg->about) && take_about(c, &msg->about);
    default:
        return false;
    }
}

/* Lets go of all that a GPU process had, and darkens what it showed, unless a successor comes. */
static void forget_process(struct channel_machine *c)
{
    if (c->connected && c->keeps && c->old_ns == 0)
        c->old_ns = loop_now_ns();
    c->connected = false;
    for (unsigned i = 0; i < DISPLAY_MAX_SCANOUTS; i++) {
        struct scanout_state *s = &c->scanout[i];
        s->n_outstanding = 0;
        if (c->keeps)
            continue;
        disable(c, i);
        if (c->display && s->has_cursor)
            c->display->ops->cursor(c->display, i, &(struct frame_cursor){ 0 });
        s->has_cursor = false;
    }
    for (unsigned i = 0; i < CHANNEL_MAX_SLOTS; i++)
        if (c->slot[i])
            drop_buffer(c, i);
}

static void on_closed(struct channel_sock *sock)
{
    struct channel_machine *c = container_of(sock, struct channel_machine, sock);
    forget_process(c);
    c->closed(c->data);
}

static const struct channel_sock_ops sock_ops = { .message = on_message, .closed = on_closed };

/* What the display says. */

static void send_mode(struct channel_machine *c, unsigned scanout)
{
    const struct display_mode *mode = &c->scanout[scanout].mode;
    struct channel_mode msg = {
        .head = { CHANNEL_MODE, scanout },
        .width = mode->width,
        .height = mode->height,
        .refresh_mhz = mode->refresh_mhz,
        .width_mm = mode->width_mm,
        .height_mm = mode->height_mm,
    };
    channel_sock_send(&c->sock, &msg, sizeof(msg), NULL, 0);
}

/* Formats make the GPU show its scanouts, so they are not for nobody. */
static void send_formats(struct channel_machine *c)
{
    unsigned first = 0;

    if (!c->display || !c->has_formats)
        return;
    do {
        struct channel_formats msg = {
            .head.type = CHANNEL_FORMATS,
            .first = first,
            .n = MIN(c->n_formats - first, (unsigned)CHANNEL_FORMATS_CHUNK),
            .total = c->n_formats,
        };
        for (unsigned i = 0; i < msg.n; i++) {
            msg.format[i].fourcc = c->format[first + i].fourcc;
            msg.format[i].modifier = c->format[first + i].modifier;
        }
        channel_sock_send(&c->sock, &msg, sizeof(msg), NULL, 0);
        first += msg.n;
    } while (first < c->n_formats);
}

static void event_mode(struct producer *producer, unsigned scanout, const struct display_mode *mode)
{
    struct channel_machine *c = from_producer(producer);
    if (scanout >= DISPLAY_MAX_SCANOUTS)
        return;
    c->scanout[scanout].has_mode = true;
    c->scanout[scanout].mode = *mode;
    send_mode(c, scanout);
}

static void event_formats(struct producer *producer, const struct display_format *formats,
                          unsigned n)
{
    struct channel_machine *c = from_producer(producer);
    c->has_formats = true;
    c->n_formats = MIN(n, (unsigned)CHANNEL_MAX_FORMATS);
    if (c->n_formats > 0)
        memcpy(c->format, formats, c->n_formats * sizeof(*formats));
    send_formats(c);
}

static void event_done(struct producer *producer, unsigned scanout, uint32_t seq)
{
    struct channel_machine *c = from_producer(producer);
    if (scanout >= DISPLAY_MAX_SCANOUTS)
        return;
    struct scanout_state *s = &c->scanout[scanout];
    for (unsigned i = 0; i < s->n_outstanding; i++) {
        if (s->outstanding[i] != seq)
            continue;
        s->n_outstanding--;
        memmove(&s->outstanding[i], &s->outstanding[i + 1],
                (s->n_outstanding - i) * sizeof(s->outstanding[0]));
        send_done(c, scanout, seq);
        return;
    }
}

static void send_pace(struct channel_machine *c, unsigned scanout)
{
    struct channel_pace msg = {
        .head = { CHANNEL_PACE, scanout },
        .hidden = c->scanout[scanout].hidden,
        .period_ns = c->scanout[scanout].period_ns,
    };
    channel_sock_send(&c->sock, &msg, sizeof(msg), NULL, 0);
}

static void event_pace(struct producer *producer, unsigned scanout, bool hidden, uint32_t period_ns)
{
    struct channel_machine *c = from_producer(producer);
    if (scanout >= DISPLAY_MAX_SCANOUTS)
        return;
    c->scanout[scanout].has_pace = true;
    c->scanout[scanout].hidden = hidden;
    c->scanout[scanout].period_ns = period_ns;
    send_pace(c, scanout);
}

static void event_import_failed(struct producer *producer, struct frame_buffer *buffer)
{
    struct channel_machine *c = from_producer(producer);
    struct machine_buffer *b = container_of(buffer, struct machine_buffer, base);
    struct channel_buffer_ref msg = {
        .head.type = CHANNEL_IMPORT_FAILED,
        .slot = b->slot,
        .serial = b->serial,
    };
    c->stats.import_failures++;
    if (!b->gone)
        channel_sock_send(&c->sock, &msg, sizeof(msg), NULL, 0);
}

static const struct display_events machine_events = {
    .mode = event_mode,
    .formats = event_formats,
    .done = event_done,
    .pace = event_pace,
    .import_failed = event_import_failed,
};

/* The owner's side. */

struct channel_machine *channel_machine_create(struct loop *loop, void (*closed)(void *data),
                                               void *data)
{
    struct channel_machine *c = calloc(1, sizeof(*c));
    if (!c) {
        log_error("no memory for the frame channel");
        return NULL;
    }
    c->producer.events = &machine_events;
    c->loop = loop;
    c->sock.fd = -1;
    c->closed = closed;
    c->data = data;
    return c;
}

void channel_machine_destroy(struct channel_machine *c)
{
    if (!c)
        return;
    channel_machine_disconnect(c);
    free(c);
}

int channel_machine_connect(struct channel_machine *c, int sock)
{
    channel_machine_disconnect(c);
    int err = channel_sock_init(&c->sock, c->loop, sock, &sock_ops);
    if (err)
        return err;
    c->connected = true;
    for (unsigned i = 0; i < DISPLAY_MAX_SCANOUTS; i++) {
        if (c->scanout[i].has_mode)
            send_mode(c, i);
        if (c->scanout[i].has_pace)
            send_pace(c, i);
    }
    send_formats(c);
    return 0;
}

void channel_machine_keep_pictures(struct channel_machine *c)
{
    c->keeps = true;
}

void channel_machine_disconnect(struct channel_machine *c)
{
    channel_sock_close(&c->sock);
    forget_process(c);
}

void channel_machine_set_display(struct channel_machine *c, struct display *display)
{
    c->display = display;
    for (unsigned i = 0; i < DISPLAY_MAX_SCANOUTS; i++)
        c->scanout[i].lit = false;
    if (!display) {
        struct channel_head msg = { .type = CHANNEL_UNWATCHED };
        channel_sock_send(&c->sock, &msg, sizeof(msg), NULL, 0);
        c->has_formats = false; /* they were the old display's */
    }
    answer_outstanding(c);
    send_formats(c);
}

void channel_machine_set_tap(struct channel_machine *c,
                             void (*tap)(void *data, unsigned scanout, const struct frame *frame),
                             void *data)
{
    c->tap = tap;
    c->tap_data = data;
}

struct producer *channel_machine_producer(struct channel_machine *c)
{
    return &c->producer;
}

const char *channel_machine_backend(const struct channel_machine *c)
{
    return c->backend;
}

const char *channel_machine_renderer(const struct channel_machine *c)
{
    return c->renderer;
}

const struct channel_stats *channel_machine_stats(const struct channel_machine *c)
{
    return &c->stats;
}
