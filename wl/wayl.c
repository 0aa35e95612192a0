// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <xkbcommon/xkbcommon-keysyms.h>

#define LOG_MODULE "wayland"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "wl/explicit.h"
#include "wl/wayl_internal.h"

/* The windows are gone, or have let go of everything. */
static void close_display(struct wayl *wayl)
{
    wayl_importer_drop_all(&wayl->importer);
    wayl_explicit_destroy(wayl->context.explicit);
    wayl->context.explicit = NULL;
    wayl_outputs_finish(&wayl->outputs);
    wayl_formats_finish(&wayl->formats);
    wayl_shells_finish(&wayl->shells);
    wayl_connection_close(&wayl->conn);
}

void wayl_lost(struct wayl *wayl)
{
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
        .display = { .ops = &wayl_wiring_display },
        .events = events,
        .data = data,
        .stats = { .last_path = FRAME_PATH_COUNT },
        .context = { .ops = &wayl_wiring_window,
                     .loop = loop,
                     .conn = &wayl->conn,
                     .importer = &wayl->importer,
                     .outputs = &wayl->outputs,
                     .stats = &wayl->stats,
                     .manners = &wayl->manners,
                     .shells = &wayl->shells,
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
    wayl_hotkey_other(&seats.maximize, &seats.hotkey, XKB_KEY_m);
    wayl_seats_init(&wayl->seats, &wayl_wiring_seats, &wayl->conn, &seats, sink);
    wayl_outputs_init(&wayl->outputs, &wayl_wiring_outputs);
    wayl_importer_init(&wayl->importer, &wayl_wiring_importer, &wayl->conn, &wayl->formats,
                       &wayl->stats, MAX(config->n_outputs, config->max_outputs) * WAYL_PLACES);
    if (!wayl_connection_open(&wayl->conn, loop, &wayl_wiring_conn))
        goto error;
    wayl_seats_start(&wayl->seats);
    wayl_formats_init(&wayl->formats, &wayl->conn, config->root ? config->root : "",
                      wayl_wiring_formats);
    if (!wayl_connection_roundtrip(&wayl->conn))
        goto error;
    wayl_shells_init(&wayl->shells, &wayl->conn, !config->manners.bare);
    if (wayl->shells.libdecor && !wayl_connection_roundtrip(&wayl->conn))
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
        wayl_wiring_formats(&wayl->formats);
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
    wayl_wiring_formats(&wayl->formats);
    for (unsigned i = 0; i < wayl->n_windows; i++) {
        wayl_follow_again(&wayl->window[i].follow);
        wayl_wiring_window.pace(&wayl->window[i]);
    }
}

void wayl_tell_formats(struct wayl *wayl)
{
    if (wayl->producer)
        wayl_wiring_formats(&wayl->formats);
}

void wayl_set_note(struct wayl *wayl, const char *note)
{
    for (unsigned i = 0; i < wayl->n_windows; i++)
        wayl_window_set_note(&wayl->window[i], note);
}

void wayl_set_stands(struct wayl *wayl, const char *why)
{
    for (unsigned i = 0; i < wayl->n_windows; i++)
        wayl_window_set_stands(&wayl->window[i], why);
}

bool wayl_resize(struct wayl *wayl, unsigned scanout, uint32_t width, uint32_t height)
{
    return wayl_is_open(wayl, scanout) && wayl_window_resize(&wayl->window[scanout], width, height);
}

bool wayl_raise(struct wayl *wayl, const char *token)
{
    struct wayl_act act = wayl_seats_last_act(&wayl->seats);
    for (unsigned i = 0; i < wayl->n_windows; i++) {
        if (wayl_is_open(wayl, i))
            return wayl_manners_raise(&wayl->window[i].manners, token, &act);
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
