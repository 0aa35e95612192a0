// SPDX-License-Identifier: MIT
#define LOG_MODULE "wayland"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "wl/wayl_internal.h"

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
    bool full = wayl_connection_full(&wayl->conn);
    wayl_cursor_set(&wayl->cursor[scanout], cursor);
    if (!full) /* else conn_writable() does it */
        wayl_seats_cursor_changed(&wayl->seats, scanout);
}

static void display_cursor_move(struct display *display, unsigned scanout, int32_t x, int32_t y)
{
    struct wayl *wayl = of_display(display);
    if (scanout < wayl->n_windows && !wayl->ended)
        wayl_cursor_move(&wayl->cursor[scanout], x, y);
}

const struct display_ops wayl_wiring_display = {
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

const struct wayl_window_ops wayl_wiring_window = {
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

const struct wayl_importer_ops wayl_wiring_importer = {
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

const struct wayl_seats_ops wayl_wiring_seats = {
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

const struct wayl_outputs_ops wayl_wiring_outputs = {
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

static void conn_dispatched(struct wayl_connection *conn)
{
    wayl_shells_dispatch(&container_of(conn, struct wayl, conn)->shells);
}

static void conn_lost(struct wayl_connection *conn)
{
    wayl_lost(container_of(conn, struct wayl, conn));
}

const struct wayl_connection_ops wayl_wiring_conn = {
    .global = conn_global,
    .global_remove = conn_global_remove,
    .writable = conn_writable,
    .dispatched = conn_dispatched,
    .lost = conn_lost,
};

/* From the formats. */

void wayl_wiring_formats(struct wayl_formats *formats)
{
    struct wayl *wayl = container_of(formats, struct wayl, formats);
    struct wayl_format_list list;
    if (!wayl->producer)
        return;
    wayl_formats_list(formats, &list);
    wayl->producer->events->formats(wayl->producer, list.format, list.n);
}
