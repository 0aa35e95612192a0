// SPDX-License-Identifier: MIT
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "screen"
#include "gpu/channel.h"
#include "input/devices.h"
#include "input/gate.h"
#include "input/sources.h"
#include "vmm/app/gpu_keeper.h"
#include "vmm/app/input_script.h"
#include "vmm/app/screen.h"
#include "vmm/app/screen_options.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "wl/wayl.h"

struct screen {
    const struct screen_options *options;
    const struct screen_events *events;
    void *data;
    struct gpu_keeper *gpu;
    struct channel_machine *channel;
    struct sources *sources;   /* NULL: the window's own input is all */
    struct display nowhere;    /* where frames go while there are no windows and somebody looks */
    struct gate_source script; /* input of `input send`; added when it is first used */
    char error[256];
    struct input_devices *input; /* NULL when headless, but for a seat of the VM's own */
    struct wayl *wayl;           /* NULL when headless */
    bool lost;                   /* the compositor went away */
    bool tapped;                 /* somebody sees the frames on their way */
    const char *note;            /* or NULL: what is to be read in the windows' titles */
    struct display_mode monitor[DISPLAY_MAX_SCANOUTS];
};

static unsigned count_windows(const struct screen *screen)
{
    unsigned n = 0;
    for (unsigned i = 0; i < DISPLAY_MAX_SCANOUTS; i++)
        n += wayl_is_open(screen->wayl, i);
    return n;
}

static void window_closed(void *data, unsigned scanout)
{
    struct screen *screen = data;
    if (count_windows(screen) == 1)
        screen->events->closed(screen->data);
    else
        wayl_close(screen->wayl, scanout);
}

/* Absolute pointers span the guest's layout, which is DISPLAY_INFO's: one beside the other. */
static void monitor_changed(void *data, unsigned scanout, const struct display_mode *mode)
{
    struct screen *screen = data;
    struct gate_scanout layout[GATE_MAX_SCANOUTS] = { 0 };
    uint32_t x = 0;
    screen->monitor[scanout] = *mode;
    for (unsigned i = 0; i < DISPLAY_MAX_SCANOUTS; i++) {
        const struct display_mode *monitor = &screen->monitor[i];
        layout[i] =
            (struct gate_scanout){ .x = x, .width = monitor->width, .height = monitor->height };
        x += monitor->width;
    }
    gate_set_layout(input_devices_gate(screen->input), layout, DISPLAY_MAX_SCANOUTS);
}

static void window_lost(void *data)
{
    struct screen *screen = data;
    screen->lost = true;
    channel_machine_set_display(screen->channel, NULL);
    log_warn("the compositor went away; the guest runs on without a window until it is stopped");
}

static const struct wayl_events window_events = {
    .close = window_closed,
    .mode = monitor_changed,
    .lost = window_lost,
};

/* As if the display imported nothing. */
static void tell_shared_memory_only(struct screen *screen)
{
    struct producer *producer = channel_machine_producer(screen->channel);
    producer->events->formats(producer, NULL, 0);
}

static const char restarting[] = "graphics restarting";

/* The window keeps the last picture. Frames of a process that is gone are nobody's. */
static void gpu_down(void *data)
{
    struct screen *screen = data;
    if (screen->events->gpu_restarts)
        screen->events->gpu_restarts(screen->data, false);
    if (!screen->wayl)
        return;
    wayl_set_note(screen->wayl, restarting);
    wayl_set_producer(screen->wayl, channel_machine_producer(screen->channel));
    if (screen->tapped)
        tell_shared_memory_only(screen);
}

static void gpu_up(void *data)
{
    struct screen *screen = data;
    if (screen->events->gpu_restarts)
        screen->events->gpu_restarts(screen->data, true);
    if (screen->wayl)
        wayl_set_note(screen->wayl, screen->note);
}

static void gpu_ended(void *data, int status)
{
    struct screen *screen = data;
    if (screen->events->gpu_ended)
        screen->events->gpu_ended(screen->data, status);
}

static const struct gpu_keeper_events gpu_events = {
    .down = gpu_down,
    .up = gpu_up,
    .ended = gpu_ended,
};

static void frames_closed(void *data)
{
    struct screen *screen = data;
    gpu_keeper_channel_closed(screen->gpu);
}

static void pointer_apart(void *data, bool apart)
{
    struct screen *screen = data;
    if (screen->wayl)
        wayl_set_apart(screen->wayl, apart);
}

/* The host's devices come first: what can't be had is said, and nothing flashes up. */
static bool open_input(struct screen *screen, struct loop *loop)
{
    const struct input_options *o = &screen->options->input;
    struct input_devices_config config = {
        .touchscreen = o->touchscreen,
        .pen = o->pen,
        .scanout_pointers = o->each_pointer ? screen_max_outputs(screen->options) : 0,
    };
    if (o->n > 0) {
        screen->sources = sources_create(loop, o->spec, o->n, o->wayland);
        if (!screen->sources)
            return false;
        config.touchscreen |= sources_have_touchscreen(screen->sources);
        config.pen |= sources_have_pen(screen->sources);
    }
    screen->input = input_devices_create(loop, &config);
    if (!screen->input) {
        log_error("out of memory");
        return false;
    }
    struct gate *gate = input_devices_gate(screen->input);
    if (!o->wayland)
        gate_set_windows(gate, GATE_MUTED);
    if (o->hotkey.first)
        gate_set_hotkey(gate, o->hotkey);
    if (screen->sources)
        sources_attach(screen->sources, gate);
    return true;
}

static bool open_window(struct screen *screen, struct loop *loop)
{
    char app_id[128];
    snprintf(app_id, sizeof(app_id), "vitrine.%s", screen->options->name);
    struct wayl_config config = {
        .app_id = app_id,
        .title = screen->options->name,
        .n_outputs = screen->options->outputs,
        .max_outputs = screen_max_outputs(screen->options),
        .fill = screen->options->fill,
        .width = screen->options->width,
        .height = screen->options->height,
        .hotkey = screen->options->hotkey[0] ? screen->options->hotkey : NULL,
        .confine = screen->options->confine,
        .lock_on_click = screen->options->lock_on_click,
        .fullscreen = screen->options->fullscreen,
        .hud = screen->options->hud,
        .manners = screen->options->manners,
    };
    config.manners.icon = screen_icon(screen->options);
    screen->wayl =
        wayl_create(loop, &config, input_devices_sink(screen->input), &window_events, screen);
    if (!screen->wayl)
        return false;
    input_devices_on_apart(screen->input, pointer_apart, screen);
    if ((wayl_has_touch(screen->wayl) &&
         !input_devices_add(screen->input, loop, GATE_TOUCHSCREEN)) ||
        (wayl_has_pen(screen->wayl) && !input_devices_add(screen->input, loop, GATE_PEN))) {
        log_error("out of memory");
        return false;
    }
    return true;
}

/* Buffers that the compositor is to show are best made on the device that it draws with. */
static struct screen_options gpu_options(const struct screen *screen)
{
    struct screen_options options = *screen->options;
    const char *node = screen->wayl ? wayl_main_device(screen->wayl) : NULL;
    if (node && !options.render_node[0] && !gpu_parse_render_node(&options, node))
        log_warn("the compositor's device has too long a name: %s", node);
    return options;
}

struct screen *screen_create(struct loop *loop, const struct screen_options *options, int listener,
                             const struct screen_events *events, void *data)
{
    struct screen *screen = calloc(1, sizeof(*screen));
    if (!screen) {
        log_error("out of memory");
        return NULL;
    }
    *screen = (struct screen){ .options = options, .events = events, .data = data };
    fd_raise_limit(); /* the frame channel ends where a buffer's files find no room */
    screen->channel = channel_machine_create(loop, frames_closed, screen);
    if (!screen->channel || (input_options_any(&options->input) && !open_input(screen, loop)) ||
        (!options->headless && !open_window(screen, loop)))
        goto error;
    if (screen->wayl) {
        channel_machine_set_display(screen->channel, wayl_display(screen->wayl));
        wayl_set_producer(screen->wayl, channel_machine_producer(screen->channel));
    }
    const struct screen_options made = gpu_options(screen);
    screen->gpu = gpu_keeper_create(loop, &made, listener, screen->channel, &gpu_events, screen);
    if (!screen->gpu)
        goto error;
    return screen;
error:
    screen_destroy(screen);
    return NULL;
}

void screen_close(struct screen *screen)
{
    if (screen->channel)
        channel_machine_set_display(screen->channel, NULL);
    wayl_destroy(screen->wayl);
    screen->wayl = NULL;
}

void screen_destroy(struct screen *screen)
{
    if (!screen)
        return;
    screen_close(screen);
    gpu_keeper_destroy(screen->gpu);
    channel_machine_destroy(screen->channel);
    sources_destroy(screen->sources);
    gate_remove(&screen->script);
    input_devices_destroy(screen->input);
    free(screen);
}

unsigned screen_devs(struct screen *screen, struct virtio_dev *devs[SCREEN_MAX_DEVS])
{
    static_assert(SCREEN_MAX_DEVS == 1 + GATE_DEVICE_COUNT, "each is a device");
    unsigned n = 0;
    if (gpu_keeper_dev(screen->gpu))
        devs[n++] = gpu_keeper_dev(screen->gpu);
    for (unsigned i = 0; screen->input && i < GATE_DEVICE_COUNT; i++) {
        if (input_devices_dev(screen->input, i))
            devs[n++] = input_devices_dev(screen->input, i);
    }
    return n;
}

void screen_set_note(struct screen *screen, const char *note)
{
    screen->note = note;
    if (screen->wayl)
        wayl_set_note(screen->wayl, note);
}

void screen_set_stands(struct screen *screen, const char *why)
{
    screen_set_note(screen, why);
    if (screen->wayl)
        wayl_set_stands(screen->wayl, why);
}

const char *screen_plug(struct screen *screen)
{
    if (!screen->wayl || screen->lost)
        return "there are no windows";
    for (unsigned i = 0; i < screen_max_outputs(screen->options); i++) {
        if (!wayl_is_open(screen->wayl, i))
            return wayl_open(screen->wayl, i) ? NULL : "a window can't be opened";
    }
    return "there are as many monitors as the guest was started with; --display max=N says how "
           "many";
}

static const char no_monitor[] = "there is no such monitor; `displays list` has them";

const char *screen_unplug_one(struct screen *screen, unsigned scanout)
{
    if (!screen->wayl || screen->lost)
        return "there are no windows";
    if (!wayl_is_open(screen->wayl, scanout))
        return no_monitor;
    if (count_windows(screen) == 1)
        return "the last monitor stays";
    wayl_close(screen->wayl, scanout);
    return NULL;
}

const char *screen_unplug(struct screen *screen)
{
    unsigned last = DISPLAY_MAX_SCANOUTS - 1;
    while (last > 0 && screen->wayl && !wayl_is_open(screen->wayl, last))
        last--;
    return screen_unplug_one(screen, last);
}

const char *screen_resize(struct screen *screen, unsigned scanout, uint32_t width, uint32_t height)
{
    if (!screen->wayl || screen->lost)
        return "there are no windows";
    if (!wayl_is_open(screen->wayl, scanout))
        return no_monitor;
    if (!wayl_resize(screen->wayl, scanout, width, height))
        return "the window is maximised, tiled or fullscreen, so its size is the desktop's";
    return NULL;
}

const char *screen_restart_gpu(struct screen *screen)
{
    return gpu_keeper_restart(screen->gpu) ? NULL
                                           : "the graphics process is being replaced already";
}

const struct display_mode *screen_monitor(const struct screen *screen, unsigned scanout)
{
    return &screen->monitor[scanout];
}

struct input_devices *screen_input(struct screen *screen)
{
    return screen->input;
}

/* A display that shows nothing. */

static void nowhere_present(struct display *display, unsigned scanout, const struct frame *frame)
{
    struct screen *screen = container_of(display, struct screen, nowhere);
    struct producer *producer = channel_machine_producer(screen->channel);
    int fence = frame->acquire_fence;
    if (fence >= 0)
        fd_close_all(&fence, 1);
    producer->events->done(producer, scanout, frame->seq);
}

static void nowhere_disable(struct display *display, unsigned scanout)
{
}

static void nowhere_cursor(struct display *display, unsigned scanout,
                           const struct frame_cursor *cursor)
{
}

static void nowhere_cursor_move(struct display *display, unsigned scanout, int32_t x, int32_t y)
{
}

static const struct display_ops nowhere_ops = {
    .present = nowhere_present,
    .disable = nowhere_disable,
    .cursor = nowhere_cursor,
    .cursor_move = nowhere_cursor_move,
};

void screen_tap(struct screen *screen,
                void (*tap)(void *data, unsigned scanout, const struct frame *frame), void *data)
{
    bool windows = screen->wayl && !screen->lost;
    channel_machine_set_tap(screen->channel, tap, data);
    screen->tapped = tap;
    if (tap) {
        screen->nowhere.ops = &nowhere_ops;
        if (!windows)
            channel_machine_set_display(screen->channel, &screen->nowhere);
        tell_shared_memory_only(screen);
    } else if (windows) {
        wayl_tell_formats(screen->wayl);
    } else {
        channel_machine_set_display(screen->channel, NULL);
    }
}

static const struct gate_source_ops script_ops = { 0 };

const char *screen_send_input(struct screen *screen, const char *text)
{
    uint32_t monitors = 0;
    for (unsigned i = 0; i < DISPLAY_MAX_SCANOUTS; i++)
        monitors |= (uint32_t)(screen->monitor[i].width > 0) << i;
    if (!screen->input)
        return "the guest has no input devices: it runs with --headless";
    if (!screen->script.gate) {
        screen->script.rule = GATE_ALWAYS;
        screen->script.ops = &script_ops;
        if (!gate_add(input_devices_gate(screen->input), &screen->script))
            return "there are too many sources of input";
        gate_set_has(&screen->script, (const bool[GATE_GROUP_COUNT]){ true, true, false });
    }
    return input_script_run(text, &screen->script.sink, monitors, screen->error,
                            sizeof(screen->error))
               ? NULL
               : screen->error;
}

bool screen_raise(struct screen *screen, const char *token)
{
    return screen->wayl && wayl_raise(screen->wayl, token);
}

const struct channel_stats *screen_channel_stats(const struct screen *screen)
{
    return channel_machine_stats(screen->channel);
}

const struct wayl_stats *screen_window_stats(const struct screen *screen)
{
    return screen->wayl ? wayl_stats(screen->wayl) : NULL;
}

const char *screen_backend(const struct screen *screen)
{
    return channel_machine_backend(screen->channel);
}

const char *screen_renderer(const struct screen *screen)
{
    return channel_machine_renderer(screen->channel);
}

unsigned screen_gpu_restarts(const struct screen *screen)
{
    return gpu_keeper_restarts(screen->gpu);
}

const char *screen_where(const struct screen *screen)
{
    if (screen->lost)
        return "lost";
    return screen->wayl ? "wayland" : "headless";
}
