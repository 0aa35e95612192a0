// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>
#include <wayland-client.h>

#include "viewporter-client.h"

#define LOG_MODULE "wayland"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "wl/connection.h"
#include "wl/formats.h"
#include "wl/hud.h"
#include "wl/outputs.h"
#include "wl/text.h"
#include "wl/wayl.h"
#include "wl/window.h"

/* Logical pixels below which a window is of no use. */
#define MIN_WIDTH 128
#define MIN_HEIGHT 96

/* In a window that has had no picture yet, where there is no note. */
#define WAITING "waiting for the guest…"

/* One pixel does where the compositor can scale it. */
static struct wl_buffer *window_black(struct wayl_window *window)
{
    bool one = window->viewport;
    return wayl_placeholder_get(&window->black, window->context->conn->shm,
                                one ? 1 : window->layout.shown.width,
                                one ? 1 : window->layout.shown.height, "");
}

static struct wl_buffer *window_status(struct wayl_window *window)
{
    const char *text = window->note[0] ? window->note : WAITING;
    return wayl_placeholder_get(&window->status, window->context->conn->shm,
                                window->layout.shown.width, window->layout.shown.height, text);
}

static void stage_opaque(struct wayl_window *window)
{
    struct wl_region *region = wl_compositor_create_region(window->context->conn->compositor);
    if (!region)
        return;
    wl_region_add(region, 0, 0, (int32_t)window->layout.shown.width,
                  (int32_t)window->layout.shown.height);
    wl_surface_set_opaque_region(window->surface, region);
    wl_region_destroy(region);
}

/* Whether the next commit would show another layout than the last. */
static bool shape_differs(const struct wayl_window *window)
{
    const struct wayl_layout *layout = &window->layout;
    return !wayl_size_equal(layout->window, window->staged.window) ||
           memcmp(&layout->shown, &window->staged.shown, sizeof(layout->shown)) != 0 ||
           layout->buffer_scale != window->staged.buffer_scale;
}

static void stage_shape(struct wayl_window *window)
{
    const struct wayl_layout *layout = &window->layout;
    if (!shape_differs(window))
        return;
    if (window->viewport)
        wp_viewport_set_destination(window->viewport, (int32_t)layout->shown.width,
                                    (int32_t)layout->shown.height);
    else if (layout->buffer_scale != MAX(window->staged.buffer_scale, 1u))
        wl_surface_set_buffer_scale(window->surface, (int32_t)layout->buffer_scale);
    stage_opaque(window);
    wayl_shell_resize(&window->shell, layout->window);
    if (wayl_bars_possible(window->context->conn))
        wayl_bars_stage(&window->bars, window->context->conn, window->surface, &window->shell,
                        layout, window_black(window));
    window->staged.window = layout->window;
    window->staged.shown = layout->shown;
    window->staged.buffer_scale = layout->buffer_scale;
}

/* For the next commit. A window without a picture says by itself what its guest does. */
static void stage_veil(struct wayl_window *window)
{
    if (window->stands[0] && window->pictured)
        wayl_veil_stage(&window->veil, window->context->conn, window->surface, &window->layout,
                        window->stands);
    else
        wayl_veil_finish(&window->veil);
}

/* What the layout follows from may have changed. */
static void update_layout(struct wayl_window *window)
{
    const struct wayl_output *output = wayl_scale_output(&window->scale);
    bool turned = output && output->turned;
    struct display_mode mode;
    if (output)
        wayl_layout_output(&window->layout, turned ? output->height : output->width,
                           turned ? output->width : output->height);
    else
        wayl_layout_output(&window->layout, 0, 0);
    wayl_layout_scale(&window->layout, wayl_scale_get(&window->scale));
    wayl_scale_mode(&window->scale, &window->layout, &mode);
    wayl_follow_want(&window->follow, &mode);
}

/* What has no picture is drawn anew in its size. */
static void commit_shape(struct wayl_window *window)
{
    if (!window->pictured) {
        wayl_window_blacken(window);
        return;
    }
    stage_shape(window);
    stage_veil(window);
    wl_surface_commit(window->surface);
}

void wayl_window_update(struct wayl_window *window)
{
    if (!window->surface)
        return;
    update_layout(window);
    if (window->configured &&
        (shape_differs(window) || wayl_veil_differs(&window->veil, &window->layout)))
        commit_shape(window);
}

bool wayl_window_resize(struct wayl_window *window, uint32_t width, uint32_t height)
{
    if (!window->surface || !window->configured ||
        !wayl_layout_resize(&window->layout, width, height))
        return false;
    update_layout(window);
    commit_shape(window);
    return true;
}

static void scale_changed(struct wayl_scale *scale)
{
    wayl_window_update(container_of(scale, struct wayl_window, scale));
}

static void tell_mode(struct wayl_follow *follow, const struct display_mode *mode)
{
    struct wayl_window *window = container_of(follow, struct wayl_window, follow);
    wayl_layout_told(&window->layout, mode->width, mode->height);
    window->context->ops->mode(window, mode);
}

static void stage_picture(struct wayl_window *window, const struct frame *frame)
{
    struct wayl_size before = window->layout.window;
    window->pictured |= frame != NULL;
    uint32_t width = frame ? frame->source.width : 0, height = frame ? frame->source.height : 0;
    wayl_layout_picture(&window->layout, width, height);
    if (!wayl_size_equal(window->layout.window, before))
        update_layout(window);
    if (frame)
        wayl_follow_picture(&window->follow, width, height);
}

void wayl_window_stage(struct wayl_window *window, const struct frame *frame)
{
    stage_picture(window, frame);
    stage_shape(window);
    stage_veil(window);
    wl_surface_set_buffer_transform(window->surface, frame && frame->y_inverted
                                                         ? WL_OUTPUT_TRANSFORM_FLIPPED_180
                                                         : WL_OUTPUT_TRANSFORM_NORMAL);
    if (!window->viewport)
        return;
    struct frame_rect source;
    bool whole = true;
    if (frame) {
        source = wayl_layout_source(frame);
        whole = source.width == frame->buffer->width && source.height == frame->buffer->height;
    }
    if (whole)
        wp_viewport_set_source(window->viewport, wl_fixed_from_int(-1), wl_fixed_from_int(-1),
                               wl_fixed_from_int(-1), wl_fixed_from_int(-1));
    else
        wp_viewport_set_source(
            window->viewport, wl_fixed_from_int((int)source.x), wl_fixed_from_int((int)source.y),
            wl_fixed_from_int((int)source.width), wl_fixed_from_int((int)source.height));
}

void wayl_window_set_period(struct wayl_window *window, uint32_t period_ns)
{
    uint32_t old = window->period_ns;
    uint32_t change = MAX(period_ns, old) - MIN(period_ns, old);
    window->period_ns = period_ns;
    if (change > old / 64) /* it is measured, and never twice the same */
        window->context->ops->pace(window);
}

void wayl_window_blacken(struct wayl_window *window)
{
    if (!window->surface || !window->configured)
        return;
    wayl_window_stage(window, NULL);
    struct wl_buffer *buffer = window->pictured ? window_black(window) : window_status(window);
    if (!buffer)
        return;
    wayl_sync_leave(&window->sync);
    wl_surface_attach(window->surface, buffer, 0, 0);
    wl_surface_damage_buffer(window->surface, 0, 0, INT32_MAX, INT32_MAX);
    wl_surface_commit(window->surface);
}

static void shell_configure(struct wayl_shell *shell, const struct wayl_shell_state *state)
{
    struct wayl_window *window = container_of(shell, struct wayl_window, shell);
    bool first = !window->configured;
    wayl_layout_configure(&window->layout, state->kind, state->width, state->height);
    update_layout(window);
    wayl_shell_ack(shell, window->layout.window);
    window->configured = true;
    wayl_manners_fullscreen(&window->manners, state->fullscreen);
    if (first) {
        wayl_window_blacken(window); /* a frame that waits comes right behind */
        wayl_manners_mapped(&window->manners);
        wayl_frames_kick(window);
    } else {
        commit_shape(window);
    }
    if (state->suspended)
        wayl_frames_hidden(window);
}

static void shell_bounds(struct wayl_shell *shell, uint32_t width, uint32_t height)
{
    struct wayl_window *window = container_of(shell, struct wayl_window, shell);
    wayl_layout_bounds(&window->layout, width, height);
}

static void shell_close(struct wayl_shell *shell)
{
    struct wayl_window *window = container_of(shell, struct wayl_window, shell);
    window->context->ops->close(window);
}

static const struct wayl_shell_events shell_events = {
    .configure = shell_configure,
    .bounds = shell_bounds,
    .close = shell_close,
};

bool wayl_window_init(struct wayl_window *window, const struct wayl_window_context *context,
                      unsigned scanout, const char *title)
{
    *window =
        (struct wayl_window){ .context = context, .scanout = scanout, .period_ns = WAYL_PERIOD_NS };
    wayl_text_utf8(window->title, sizeof(window->title), title);
    wayl_sync_init(&window->sync);
    wayl_layout_init(&window->layout, context->width, context->height, false, false);
    if (!wayl_frames_init(window))
        return false;
    int err = wayl_follow_init(&window->follow, context->loop, context->settle_ns, tell_mode);
    if (err < 0)
        log_error("no timer for a window: %s", strerror(-err));
    return err == 0;
}

static bool create_objects(struct wayl_window *window)
{
    const struct wayl_window_context *context = window->context;
    const struct wayl_connection *conn = context->conn;
    window->surface = wl_compositor_create_surface(conn->compositor);
    if (!window->surface)
        return false;
    if (!wayl_shell_create(&window->shell, context->shells, window->surface, &shell_events))
        return false;
    if (conn->viewporter) {
        window->viewport = wp_viewporter_get_viewport(conn->viewporter, window->surface);
        if (!window->viewport)
            return false;
    }
    return wayl_scale_init(&window->scale, conn, window->surface, context->outputs, scale_changed);
}

static void show_title(struct wayl_window *window)
{
    char text[3 * WAYL_TITLE_MAX];
    snprintf(text, sizeof(text), "%s%s%s%s%s", window->title, window->note[0] ? " — " : "",
             window->note, window->hint[0] ? " — " : "", window->hint);
    wayl_shell_set_title(&window->shell, text);
}

bool wayl_window_open(struct wayl_window *window)
{
    const struct wayl_window_context *context = window->context;
    const struct wayl_connection *conn = context->conn;
    if (!create_objects(window)) {
        log_error("no memory for a window");
        wayl_window_lost(window);
        return false;
    }
    wayl_layout_init(&window->layout, context->width, context->height, conn->viewporter != NULL,
                     context->fill || !wayl_bars_possible(conn));
    window->layout.cornered = wayl_shell_framed(&window->shell);
    char text[WAYL_TITLE_MAX];
    wayl_text_utf8(text, sizeof(text), context->app_id);
    wayl_shell_set_app_id(&window->shell, text);
    show_title(window);
    wayl_shell_set_min_size(&window->shell, MIN(MIN_WIDTH, (int32_t)context->width),
                            MIN(MIN_HEIGHT, (int32_t)context->height));
    wayl_formats_watch(context->formats, window->scanout, window->surface);
    wayl_manners_init(&window->manners, context->manners, window->surface, window->shell.toplevel);
    if (context->fullscreen)
        wayl_shell_ask_fullscreen(&window->shell, true);
    if (context->hud)
        window->hud = wayl_hud_create(context->loop, conn, window->surface);
    wl_surface_commit(window->surface); /* asks for the first configure */
    wayl_frames_seen(window);
    update_layout(window);
    wayl_follow_want_now(&window->follow, &window->follow.wanted);
    return true;
}

void wayl_window_close(struct wayl_window *window)
{
    wayl_window_lost(window);
    wayl_follow_want_now(&window->follow, &(struct display_mode){ 0 });
}

void wayl_window_toggle_fullscreen(struct wayl_window *window)
{
    wayl_shell_ask_fullscreen(&window->shell, !window->shell.state.fullscreen);
}

void wayl_window_toggle_maximized(struct wayl_window *window)
{
    wayl_shell_ask_maximized(&window->shell, !window->shell.state.maximized);
}

void wayl_window_set_note(struct wayl_window *window, const char *note)
{
    wayl_text_utf8(window->note, sizeof(window->note), note ? note : "");
    show_title(window);
    if (!window->pictured)
        wayl_window_blacken(window);
}

void wayl_window_set_stands(struct wayl_window *window, const char *why)
{
    wayl_text_utf8(window->stands, sizeof(window->stands), why ? why : "");
    if (!window->surface || !window->configured || !window->pictured)
        return;
    stage_veil(window);
    wl_surface_commit(window->surface);
}

void wayl_window_set_hint(struct wayl_window *window, const char *hint)
{
    char text[WAYL_NOTE_MAX];
    wayl_text_utf8(text, sizeof(text), hint ? hint : "");
    if (strcmp(text, window->hint) == 0)
        return;
    strcpy(window->hint, text);
    show_title(window);
}

void wayl_window_shown(struct wayl_window *window, uint64_t came_ns)
{
    uint64_t latency = loop_now_ns() - came_ns;
    wayl_latency_add(&window->context->stats->latency, latency);
    wayl_hud_frame(window->hud, latency);
}

static void destroy_objects(struct wayl_window *window)
{
    wayl_sync_finish(&window->sync);
    wayl_sync_init(&window->sync);
    wayl_scale_finish(&window->scale);
    wayl_bars_finish(&window->bars);
    wayl_veil_finish(&window->veil);
    wayl_hud_destroy(window->hud);
    window->hud = NULL;
    wayl_manners_finish(&window->manners);
    wayl_formats_unwatch(window->context->formats, window->scanout);
    if (window->viewport)
        wp_viewport_destroy(window->viewport);
    wayl_shell_destroy(&window->shell);
    if (window->surface)
        wl_surface_destroy(window->surface);
    wayl_placeholder_finish(&window->black);
    wayl_placeholder_finish(&window->status);
    window->viewport = NULL;
    window->surface = NULL;
    window->configured = window->pictured = false;
    memset(&window->staged, 0, sizeof(window->staged));
}

void wayl_window_lost(struct wayl_window *window)
{
    struct wl_surface *surface = window->surface;
    window->surface = NULL; /* nothing that is called from here on uses it */
    wayl_frames_lost(window);
    window->surface = surface;
    destroy_objects(window);
}

void wayl_window_finish(struct wayl_window *window)
{
    wayl_follow_finish(&window->follow);
    wayl_frames_finish(window);
    destroy_objects(window);
}
