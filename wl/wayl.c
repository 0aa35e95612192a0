// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wayland-client.h>
#include <xkbcommon/xkbcommon-keysyms.h>

#define LOG_MODULE "wayland"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "wl/buffer.h"
#include "wl/connection.h"
#include "wl/cursor.h"
#include "wl/explicit.h"
#include "wl/formats.h"
#include "wl/manners.h"
#include "wl/outputs.h"
#include "wl/seat.h"
#include "wl/wayl.h"
#include "wl/window.h"

struct wayl {
    struct display display;
    const struct wayl_events *events;
    void *data;
    bool ended;                /* the compositor is gone, or we are going */
    bool apart;                /* wayl_set_apart() */
    struct producer *producer; /* or NULL */
    struct wayl_stats stats;
    struct wayl_connection conn;
    struct wayl_formats formats;
    struct wayl_outputs outputs;
    struct wayl_seats seats;
    struct wayl_importer importer;
    struct wayl_manners_shared manners;
    struct wayl_window_context context;
    char app_id[256];
    unsigned n_windows; /* that there may be */
    struct wayl_window window[DISPLAY_MAX_SCANOUTS];
    struct wayl_cursor cursor[DISPLAY_MAX_SCANOUTS];
};

static struct wayl *of_display(struct display *display)
{
    return container_of(display, struct wayl, display);
}

static struct wayl *of_window(struct wayl_window *window)
{
    return container_of(window - window->scanout, struct wayl, window[0]);
}

/* From the producer. */

static void wayl_present(struct display *display, unsigned scanout, const struct frame *frame)
{
    struct wayl *wayl = of_display(display);
    if (scanout >= wayl->n_windows) {
        int fence = frame->acquire_fence;
        fd_close_all(&fence, 1);
        log_bug("a frame for scanout %u, which has no window", scanout);
        return;
    }
    if (wayl_cursor_guest_draws(&wayl->cursor[scanout]))
        wayl_seats_cursor_changed(&wayl->seats, scanout);
    wayl_frames_present(&wayl->window[scanout], frame);
}

static void wayl_disable(struct display *display, unsigned scanout)
{
    struct wayl *wayl = of_display(display);
    if (scanout < wayl->n_windows)
        wayl_frames_disable(&wayl->window[scanout]);
}

static void wayl_cursor(struct display *display, unsigned scanout,
                        const struct frame_cursor *cursor)
{
    struct wayl *wayl = of_display(display);
    if (!wayl_is_open(wayl, scanout))
        return;
    wayl_cursor_set(&wayl->cursor[scanout], cursor);
    if (!wayl->conn.blocked) /* else conn_writable() does it */
        wayl_seats_cursor_changed(&wayl->seats, scanout);
}

static void display_cursor_move(struct display *display, unsigned scanout, int32_t x, int32_t y)
{
    struct wayl *wayl = of_display(display);
    if (scanout < wayl->n_windows && !wayl->ended)
        wayl_cursor_move(&wayl->cursor[scanout], x, y);
}

static const struct display_ops display_ops = {
    .present = wayl_present,
    .disable = wayl_disable,
    .cursor = wayl_cursor,
    .cursor_move = display_cursor_move,
};

/* From the windows. */

static void window_close(struct wayl_window *window)
{
    struct wayl *wayl = of_window(window);
    if (wayl->events->close)
        wayl->events->close(wayl->data, window->scanout);
}

static void window_done(struct wayl_window *window, uint32_t seq)
{
    struct wayl *wayl = of_window(window);
    if (wayl->producer)
        wayl->producer->events->done(wayl->producer, window->scanout, seq);
}

static void window_pace(struct wayl_window *window)
{
    struct wayl *wayl = of_window(window);
    if (wayl->producer)
        wayl->producer->events->pace(wayl->producer, window->scanout, window->frames.hidden,
                                     window->period_ns);
}

static void window_mode(struct wayl_window *window, const struct display_mode *mode)
{
    struct wayl *wayl = of_window(window);
    if (wayl->producer)
        wayl->producer->events->mode(wayl->producer, window->scanout, mode);
    if (wayl->events->mode)
        wayl->events->mode(wayl->data, window->scanout, mode);
}

static void window_import_failed(struct wayl_window *window, struct frame_buffer *buffer)
{
    struct wayl *wayl = of_window(window);
    if (wayl->producer)
        wayl->producer->events->import_failed(wayl->producer, buffer);
}

static const struct wayl_window_ops window_ops = {
    .close = window_close,
    .done = window_done,
    .pace = window_pace,
    .mode = window_mode,
    .import_failed = window_import_failed,
};

/* From the importer. */

static void importer_settled(struct wayl_importer *importer, unsigned place)
{
    struct wayl *wayl = container_of(importer, struct wayl, importer);
    wayl_frames_kick(&wayl->window[place / WAYL_PLACES]);
}

static void importer_released(struct wayl_importer *importer, struct wayl_buffer *buffer)
{
    struct wayl *wayl = container_of(importer, struct wayl, importer);
    if (buffer->place % WAYL_PLACES == WAYL_PLACE_PICTURE)
        wayl_frames_released(&wayl->window[buffer->place / WAYL_PLACES], buffer);
}

static const struct wayl_importer_ops importer_ops = {
    .settled = importer_settled,
    .released = importer_released,
};

/* From the seats. */

static int seats_window(struct wayl_seats *seats, struct wl_surface *surface)
{
    struct wayl *wayl = container_of(seats, struct wayl, seats);
    for (unsigned i = 0; surface && i < wayl->n_windows; i++) {
        if (wayl->window[i].surface == surface || wayl->window[i].bars.surface == surface)
            return (int)i;
    }
    return WAYL_NO_WINDOW;
}

static bool seats_on_bars(struct wayl_seats *seats, unsigned scanout, struct wl_surface *surface)
{
    return surface != container_of(seats, struct wayl, seats)->window[scanout].surface;
}

static const struct wayl_layout *seats_layout(struct wayl_seats *seats, unsigned scanout)
{
    return &container_of(seats, struct wayl, seats)->window[scanout].layout;
}

static struct wayl_window *seats_get(struct wayl_seats *seats, unsigned scanout)
{
    return &container_of(seats, struct wayl, seats)->window[scanout];
}

static struct wayl_cursor *seats_cursor(struct wayl_seats *seats, unsigned scanout)
{
    return &container_of(seats, struct wayl, seats)->cursor[scanout];
}

static const struct wayl_seats_ops seats_ops = {
    .window = seats_window,
    .on_bars = seats_on_bars,
    .layout = seats_layout,
    .get = seats_get,
    .cursor = seats_cursor,
};

/* From the outputs. */

static void outputs_changed(struct wayl_outputs *outputs, const struct wayl_output *output)
{
    struct wayl *wayl = container_of(outputs, struct wayl, outputs);
    for (unsigned i = 0; i < wayl->n_windows; i++)
        wayl_window_update(&wayl->window[i]);
}

static void outputs_gone(struct wayl_outputs *outputs, const struct wayl_output *output)
{
    struct wayl *wayl = container_of(outputs, struct wayl, outputs);
    for (unsigned i = 0; i < wayl->n_windows; i++)
        wayl_scale_output_gone(&wayl->window[i].scale, output);
}

static const struct wayl_outputs_ops outputs_ops = {
    .changed = outputs_changed,
    .gone = outputs_gone,
};

/* From the connection. */

static void conn_global(struct wayl_connection *conn, uint32_t name, const char *interface,
                        uint32_t version)
{
    struct wayl *wayl = container_of(conn, struct wayl, conn);
    if (!wayl_seats_global(&wayl->seats, conn->registry, name, interface, version))
        wayl_outputs_global(&wayl->outputs, conn->registry, name, interface, version);
}

static void conn_global_remove(struct wayl_connection *conn, uint32_t name)
{
    struct wayl *wayl = container_of(conn, struct wayl, conn);
    wayl_seats_global_remove(&wayl->seats, name);
    wayl_outputs_global_remove(&wayl->outputs, name);
}

static void conn_writable(struct wayl_connection *conn)
{
    struct wayl *wayl = container_of(conn, struct wayl, conn);
    for (unsigned i = 0; i < wayl->n_windows; i++) {
        wayl_frames_kick(&wayl->window[i]);
        wayl_seats_cursor_changed(&wayl->seats, i);
        wayl_cursor_update_plane(&wayl->cursor[i]);
    }
}

/* The windows are gone, or have let go of everything. */
static void close_display(struct wayl *wayl)
{
    wayl_importer_drop_all(&wayl->importer);
    wayl_explicit_destroy(wayl->context.explicit);
    wayl->context.explicit = NULL;
    wayl_outputs_finish(&wayl->outputs);
    wayl_formats_finish(&wayl->formats);
    wayl_connection_close(&wayl->conn);
}

static void conn_lost(struct wayl_connection *conn)
{
    struct wayl *wayl = container_of(conn, struct wayl, conn);
    wayl->ended = true;
    wayl_seats_finish(&wayl->seats);
    for (unsigned i = 0; i < wayl->n_windows; i++) {
        wayl_window_lost(&wayl->window[i]);
        wayl_cursor_finish(&wayl->cursor[i]);
    }
    close_display(wayl);
    if (wayl->events->lost)
        wayl->events->lost(wayl->data);
}

static const struct wayl_connection_ops conn_ops = {
    .global = conn_global,
    .global_remove = conn_global_remove,
    .writable = conn_writable,
    .lost = conn_lost,
};

static void formats_changed(struct wayl_formats *formats)
{
    struct wayl *wayl = container_of(formats, struct wayl, formats);
    struct wayl_format_list list;
    if (!wayl->producer)
        return;
    wayl_formats_list(formats, &list);
    wayl->producer->events->formats(wayl->producer, list.format, list.n);
}

static bool make_windows(struct wayl *wayl, const struct wayl_config *config)
{
    unsigned n = MAX(config->n_outputs, config->max_outputs);
    for (unsigned i = 0; i < n; i++) {
        char title[256];
        snprintf(title, sizeof(title), "%.200s (%u)", config->title, i + 1);
        wayl_cursor_init(&wayl->cursor[i], &wayl->conn, &wayl->importer, &wayl->window[i],
                         i * WAYL_PLACES + WAYL_PLACE_POINTER, i * WAYL_PLACES + WAYL_PLACE_PLANE);
        wayl->n_windows++;
        bool alone = i == 0 && config->n_outputs == 1;
        if (!wayl_window_init(&wayl->window[i], &wayl->context, i, alone ? config->title : title))
            return false;
    }
    for (unsigned i = 0; i < config->n_outputs; i++) {
        if (!wayl_window_open(&wayl->window[i]))
            return false;
    }
    return true;
}

struct wayl *wayl_create(struct loop *loop, const struct wayl_config *config,
                         struct input_sink *sink, const struct wayl_events *events, void *data)
{
    BUG_ON(config->n_outputs == 0 || config->n_outputs > DISPLAY_MAX_SCANOUTS);
    BUG_ON(config->max_outputs > DISPLAY_MAX_SCANOUTS);
    BUG_ON(config->width == 0 || config->width > WAYL_BUFFER_MAX_SIZE);
    BUG_ON(config->height == 0 || config->height > WAYL_BUFFER_MAX_SIZE);
    struct wayl *wayl = calloc(1, sizeof(*wayl));
    if (!wayl) {
        log_error("no memory for the windows");
        return NULL;
    }
    *wayl = (struct wayl){
        .display = { .ops = &display_ops },
        .events = events,
        .data = data,
        .stats = { .last_path = FRAME_PATH_COUNT },
        .context = { .ops = &window_ops,
                     .loop = loop,
                     .conn = &wayl->conn,
                     .importer = &wayl->importer,
                     .outputs = &wayl->outputs,
                     .stats = &wayl->stats,
                     .manners = &wayl->manners,
                     .formats = &wayl->formats,
                     .app_id = wayl->app_id,
                     .width = config->width,
                     .height = config->height,
                     .fill = config->fill,
                     .fullscreen = config->fullscreen,
                     .hud = config->hud,
                     .hidden_ns = config->hidden_ms * 1000000ull,
                     .settle_ns = config->settle_ms * 1000000ull },
    };
    snprintf(wayl->app_id, sizeof(wayl->app_id), "%s", config->app_id);
    if (!wayl->context.hidden_ns)
        wayl->context.hidden_ns = WAYL_HIDDEN_NS;
    if (!wayl->context.settle_ns)
        wayl->context.settle_ns = WAYL_SETTLE_NS;
    wayl_manners_shared_init(&wayl->manners, &wayl->conn, &config->manners);
    struct wayl_seats_options seats = { .confine = config->confine,
                                        .lock_on_click = config->lock_on_click };
    bool parsed =
        wayl_hotkey_parse(&seats.hotkey, config->hotkey ? config->hotkey : WAYL_HOTKEY_DEFAULT);
    BUG_ON(!parsed);
    /* Not F11: with Ctrl and Alt, that switches to another terminal of Linux's. */
    wayl_hotkey_other(&seats.fullscreen, &seats.hotkey, XKB_KEY_f);
    wayl_seats_init(&wayl->seats, &seats_ops, &wayl->conn, &seats, sink);
    wayl_outputs_init(&wayl->outputs, &outputs_ops);
    wayl_importer_init(&wayl->importer, &importer_ops, &wayl->conn, &wayl->formats, &wayl->stats,
                       MAX(config->n_outputs, config->max_outputs) * WAYL_PLACES);
    if (!wayl_connection_open(&wayl->conn, loop, &conn_ops))
        goto error;
    wayl_seats_start(&wayl->seats);
    wayl_formats_init(&wayl->formats, &wayl->conn, config->root ? config->root : "",
                      formats_changed);
    if (!wayl_connection_roundtrip(&wayl->conn))
        goto error;
    wayl->context.explicit = wayl_explicit_create(&wayl->conn, wayl_main_device(wayl));
    if (!make_windows(wayl, config) || !wayl_connection_start(&wayl->conn))
        goto error;
    return wayl;

error:
    wayl_destroy(wayl);
    return NULL;
}

void wayl_destroy(struct wayl *wayl)
{
    if (!wayl)
        return;
    wayl->producer = NULL;
    wayl->ended = true;
    wayl_seats_finish(&wayl->seats);
    for (unsigned i = 0; i < wayl->n_windows; i++) {
        wayl_window_finish(&wayl->window[i]);
        wayl_cursor_finish(&wayl->cursor[i]);
    }
    close_display(wayl);
    wayl_manners_shared_finish(&wayl->manners);
    free(wayl);
}

bool wayl_is_open(const struct wayl *wayl, unsigned scanout)
{
    return scanout < wayl->n_windows && wayl->window[scanout].surface;
}

bool wayl_open(struct wayl *wayl, unsigned scanout)
{
    if (scanout >= wayl->n_windows || wayl->ended)
        return false;
    if (wayl_is_open(wayl, scanout))
        return true;
    if (!wayl_window_open(&wayl->window[scanout]))
        return false;
    if (wayl->apart)
        wayl_cursor_detach(&wayl->cursor[scanout]);
    if (wayl->producer) /* shows its pictures anew, of which this window has none */
        formats_changed(&wayl->formats);
    return true;
}

void wayl_close(struct wayl *wayl, unsigned scanout)
{
    if (!wayl_is_open(wayl, scanout))
        return;
    wayl_seats_window_gone(&wayl->seats, scanout);
    wayl_cursor_finish(&wayl->cursor[scanout]);
    wayl_window_close(&wayl->window[scanout]);
    for (unsigned place = 0; place < WAYL_PLACES; place++)
        wayl_importer_drop_place(&wayl->importer, scanout * WAYL_PLACES + place);
}

void wayl_set_apart(struct wayl *wayl, bool apart)
{
    if (wayl->apart == apart)
        return;
    wayl->apart = apart;
    for (unsigned i = 0; i < wayl->n_windows; i++) {
        struct wayl_cursor *cursor = &wayl->cursor[i];
        if (wayl_is_open(wayl, i) &&
            (apart ? wayl_cursor_detach(cursor) : wayl_cursor_attach(cursor)))
            wayl_seats_cursor_changed(&wayl->seats, i);
    }
}

bool wayl_has_touch(const struct wayl *wayl)
{
    const struct wayl_seat *seat;
    list_for_each(seat, &wayl->seats.list, link) {
        if (seat->touch.wl)
            return true;
    }
    return false;
}

bool wayl_has_pen(const struct wayl *wayl)
{
    const struct wayl_seat *seat;
    list_for_each(seat, &wayl->seats.list, link) {
        if (wayl_tablets_any(&seat->tablets))
            return true;
    }
    return false;
}

struct display *wayl_display(struct wayl *wayl)
{
    return &wayl->display;
}

void wayl_set_producer(struct wayl *wayl, struct producer *producer)
{
    for (unsigned i = 0; i < wayl->n_windows; i++)
        wayl_frames_forget(&wayl->window[i]);
    wayl->producer = producer;
    if (!producer)
        return;
    formats_changed(&wayl->formats);
    for (unsigned i = 0; i < wayl->n_windows; i++) {
        wayl_follow_again(&wayl->window[i].follow);
        window_pace(&wayl->window[i]);
    }
}

void wayl_set_note(struct wayl *wayl, const char *note)
{
    for (unsigned i = 0; i < wayl->n_windows; i++)
        wayl_window_set_note(&wayl->window[i], note);
}

bool wayl_raise(struct wayl *wayl, const char *token)
{
    for (unsigned i = 0; i < wayl->n_windows; i++) {
        if (wayl_is_open(wayl, i))
            return wayl_manners_raise(&wayl->window[i].manners, token);
    }
    return false;
}

const char *wayl_main_device(const struct wayl *wayl)
{
    return wayl->formats.node[0] ? wayl->formats.node : NULL;
}

const struct wayl_stats *wayl_stats(const struct wayl *wayl)
{
    return &wayl->stats;
}
