// SPDX-License-Identifier: MIT
/*
 * `vitrine display`: a screen whose front-end is another program's. The GPU process waits for it at
 * the GPU's socket; the input devices run here, on the main loop, each behind a back-end that waits at
 * a socket of its own. The graphics card is what the machine cannot do without: when its front-end
 * hangs up, the GPU process ends, and so do we. An input device may go before.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODULE "display"
#include "input/devices.h"
#include "vmm/app/control.h"
#include "vmm/app/display_options.h"
#include "vmm/app/screen.h"
#include "vmm/app/screen_stats.h"
#include "vmm/app/verbs.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/listen.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"
#include "vmm/virtio/vhost_user_backend.h"

struct display_app {
    const struct display_options *options;
    struct loop *loop;
    struct loop_signals signals;
    int gpu_listener; /* until the GPU process has it; -1: none */
    bool gpu_socket;  /* is there, to be removed at the end */
    int input_listener
        [GATE_DEVICE_COUNT];  /* like options->input: until the back-end has it; or -1 */
    unsigned n_input_sockets; /* are there, to be removed at the end */
    struct screen *screen;
    struct vhost_user_backend *input[GATE_DEVICE_COUNT];
    struct control *control;
    int status;
};

static void end(struct display_app *app, int status)
{
    app->status = status;
    loop_quit(app->loop);
}

static void on_signal(struct loop_signals *signals, int signo)
{
    log_info("stopped by %s", strsignal(signo));
    end(container_of(signals, struct display_app, signals), EXIT_STOPPED);
}

static void window_closed(void *data)
{
    log_info("the window was closed; the machine goes on without a screen");
    end(data, EXIT_STOPPED);
}

static void gpu_ended(void *data, int status)
{
    if (status == 0)
        log_info("the machine's front-end hung up");
    end(data, status == 0 || status == EXIT_USAGE ? status : EXIT_CRASH);
}

static const struct screen_events screen_events = {
    .closed = window_closed,
    .gpu_ended = gpu_ended,
};

static void input_gone(void *data)
{
    log_debug("an input device's front-end hung up");
}

/* The control socket's verbs. */

static const char *run_status(void *data, struct json_object *request, struct json_object *result)
{
    struct display_app *app = data;
    control_add_string(result, "name", app->options->screen.name);
    control_add_string(result, "display", screen_where(app->screen));
    return NULL;
}

static const char *run_stats(void *data, struct json_object *request, struct json_object *result)
{
    struct display_app *app = data;
    screen_add_stats(app->screen, result);
    return NULL;
}

static const char *run_stop(void *data, struct json_object *request, struct json_object *result)
{
    end(data, EXIT_STOPPED);
    return NULL;
}

static const struct control_verb verbs[] = {
    { "status", run_status },
    { "stats", run_stats },
    { "stop", run_stop },
    { NULL, NULL },
};

static bool listen_at(const char *option, const char *path, int *fd)
{
    *fd = unix_listen(path, 1);
    if (*fd < 0)
        log_error("--%s %s: %s", option, path, unix_listen_error(*fd));
    return *fd >= 0;
}

/* All sockets are there before anything flashes up, and before anyone is told of them. */
static bool open_sockets(struct display_app *app)
{
    const struct display_options *o = app->options;
    if (!listen_at("gpu-socket", o->gpu_socket, &app->gpu_listener))
        return false;
    app->gpu_socket = true;
    for (unsigned i = 0; i < o->n_inputs; i++) {
        if (!listen_at("input-socket", o->input[i].path, &app->input_listener[i]))
            return false;
        app->n_input_sockets++;
    }
    return true;
}

static bool serve_inputs(struct display_app *app)
{
    struct input_devices *devices = screen_input(app->screen);
    for (unsigned i = 0; i < app->options->n_inputs; i++) {
        struct virtio_dev *dev = input_devices_dev(devices, app->options->input[i].device);
        app->input[i] = vhost_user_backend_create(app->loop, dev, steal_fd(&app->input_listener[i]),
                                                  input_gone, app);
        if (!app->input[i])
            return false;
    }
    return true;
}

static bool start(struct display_app *app)
{
    static const int stops[] = { SIGINT, SIGTERM, SIGHUP, 0 };
    const struct display_options *o = app->options;

    app->loop = loop_create();
    if (!app->loop || loop_signals_add(app->loop, &app->signals, stops, on_signal) < 0) {
        log_error("can't create an event loop: %s", strerror(errno));
        return false;
    }
    if (!open_sockets(app))
        return false;
    app->screen = screen_create(app->loop, &o->screen, app->gpu_listener, &screen_events, app);
    if (!app->screen)
        return false;
    close(steal_fd(&app->gpu_listener)); /* the GPU process has its own */
    if (!serve_inputs(app))
        return false;
    if (o->control_socket) {
        app->control = control_create(app->loop, o->control_socket, verbs, app);
        if (!app->control)
            return false;
    }
    log_info("a virtual machine finds its graphics card at %s", o->gpu_socket);
    return true;
}

static void finish(struct display_app *app)
{
    control_destroy(app->control);
    if (app->screen)
        screen_close(app->screen);
    for (unsigned i = 0; i < GATE_DEVICE_COUNT; i++)
        vhost_user_backend_destroy(app->input[i]);
    screen_destroy(app->screen);
    if (app->loop)
        loop_signals_remove(&app->signals);
    loop_destroy(app->loop);
    fd_close_all(&app->gpu_listener, 1);
    fd_close_all(app->input_listener, GATE_DEVICE_COUNT);
    if (app->gpu_socket)
        unlink(app->options->gpu_socket);
    for (unsigned i = 0; i < app->n_input_sockets; i++)
        unlink(app->options->input[i].path);
}

int verb_display(int argc, char **argv)
{
    struct display_options options;
    enum options_result parsed = display_options_parse(&options, argc, argv);
    if (parsed == OPTIONS_HELP) {
        fputs(display_help, stdout);
        return 0;
    }
    if (parsed == OPTIONS_BAD)
        return EXIT_USAGE;
    if (options.verbose)
        log_set_level(LOG_DEBUG);

    struct display_app app = {
        .options = &options,
        .gpu_listener = -1,
        .status = EXIT_USAGE,
    };
    for (unsigned i = 0; i < GATE_DEVICE_COUNT; i++)
        app.input_listener[i] = -1;
    if (start(&app))
        loop_run(app.loop);
    finish(&app);
    return app.status;
}
