// SPDX-License-Identifier: MIT
/*
 * inputs FOLDER: the guest's input devices behind the gate, each waiting for a vhost-user front-end at
 * FOLDER/NAME, with a source that does what stdin says, a line each; answered by "ok":
 *   key CODE DOWN, button CODE DOWN, rel DX DY, wheel H V, abs X Y
 *   down FINGER X Y, move FINGER X Y, up FINGER        on the touchscreen
 *   pen X Y PRESSURE TILT, away                        touching, if there is pressure
 *   each                                               from now on two scanouts have a pointer each
 *   at SCANOUT X Y                                     of one of them
 * Places and pressure are thousandths. The guest's LEDs are printed: "leds: BITS".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "input/devices.h"
#include "input/gate.h"
#include "vmm/base/listen.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"
#include "vmm/virtio/vhost_user_backend.h"

#define DEVICES (GATE_SCANOUT_POINTER + 2)

struct app {
    struct loop *loop;
    struct loop_fd commands;
    struct input_devices *devices;
    struct gate_source source;
    struct vhost_user_backend *backend[DEVICES];
    unsigned n_gone;
    char line[128];
    size_t n;
};

static const char *const names[DEVICES] = {
    [GATE_KEYBOARD] = "keyboard", [GATE_POINTER] = "pointer",         [GATE_MOUSE] = "mouse",
    [GATE_PEN] = "pen",           [GATE_TOUCHSCREEN] = "touchscreen", [DEVICES - 2] = "pointer 1",
    [DEVICES - 1] = "pointer 2",
};

static void on_leds(void *data, uint32_t leds)
{
    printf("leds: %u\n", leds);
}

static const struct gate_source_ops source_ops = { .leds = on_leds };

static void on_gone(void *data)
{
    struct app *app = data;
    if (++app->n_gone == DEVICES)
        loop_quit(app->loop);
}

static void each(struct gate *gate)
{
    static const struct gate_scanout layout[] = { { 0, 0, 800, 600 }, { 800, 0, 800, 600 } };
    gate_set_layout(gate, layout, 2);
    gate_set_pointers(gate, true);
}

static void run(struct app *app, const char *line)
{
    struct input_sink *sink = &app->source.sink;
    char verb[16] = "";
    int a = 0, b = 0, c = 0, d = 0;
    sscanf(line, "%15s %d %d %d %d", verb, &a, &b, &c, &d);
    if (strcmp(verb, "key") == 0)
        sink->ops->key(sink, (uint32_t)a, b);
    else if (strcmp(verb, "button") == 0)
        sink->ops->button(sink, (uint32_t)a, b);
    else if (strcmp(verb, "rel") == 0)
        sink->ops->rel(sink, a, b, a, b);
    else if (strcmp(verb, "wheel") == 0)
        sink->ops->wheel(sink, a, b);
    else if (strcmp(verb, "abs") == 0)
        sink->ops->abs(sink, INPUT_WHOLE_LAYOUT, a / 1e3, b / 1e3);
    else if (strcmp(verb, "each") == 0)
        each(input_devices_gate(app->devices));
    else if (strcmp(verb, "at") == 0)
        sink->ops->abs(sink, (unsigned)a, b / 1e3, c / 1e3);
    else if (strcmp(verb, "down") == 0)
        sink->ops->touch_down(sink, a, INPUT_WHOLE_LAYOUT, b / 1e3, c / 1e3);
    else if (strcmp(verb, "move") == 0)
        sink->ops->touch_motion(sink, a, INPUT_WHOLE_LAYOUT, b / 1e3, c / 1e3);
    else if (strcmp(verb, "up") == 0)
        sink->ops->touch_up(sink, a);
    else if (strcmp(verb, "pen") == 0 || strcmp(verb, "away") == 0)
        sink->ops->tool(sink, &(struct input_tool){ .near = verb[0] == 'p',
                                                    .touching = c > 0,
                                                    .scanout = INPUT_WHOLE_LAYOUT,
                                                    .x = a / 1e3,
                                                    .y = b / 1e3,
                                                    .pressure = c / 1e3,
                                                    .tilt_x = d });
    sink->ops->frame(sink);
    puts("ok");
}

static void on_command(struct loop_fd *fd, uint32_t events)
{
    struct app *app = container_of(fd, struct app, commands);
    char c;
    if (read(0, &c, 1) != 1) {
        loop_quit(app->loop);
    } else if (c != '\n' && app->n + 1 < sizeof(app->line)) {
        app->line[app->n++] = c;
    } else {
        app->line[app->n] = '\0';
        app->n = 0;
        run(app, app->line);
    }
}

int main(int argc, char **argv)
{
    static struct app app = { .source = { .rule = GATE_ALWAYS, .ops = &source_ops } };
    setvbuf(stdout, NULL, _IOLBF, 0);
    app.loop = loop_create();
    app.devices = input_devices_create(
        app.loop, &(struct input_devices_config){ .touchscreen = true, .pen = true });
    gate_add(input_devices_gate(app.devices), &app.source);
    for (unsigned i = 0; i < DEVICES; i++) {
        if (!input_devices_add(app.devices, app.loop, i))
            return 2;
        char path[108];
        snprintf(path, sizeof(path), "%s/%s", argc > 1 ? argv[1] : ".", names[i]);
        int fd = unix_listen(path, 1);
        if (fd < 0)
            return 2;
        app.backend[i] = vhost_user_backend_create(app.loop, input_devices_dev(app.devices, i), fd,
                                                   on_gone, &app);
    }
    loop_fd_add(app.loop, &app.commands, 0, EPOLLIN, on_command);
    puts("ready");
    loop_run(app.loop);
    loop_fd_remove(&app.commands);
    for (unsigned i = 0; i < DEVICES; i++)
        vhost_user_backend_destroy(app.backend[i]);
    gate_remove(&app.source);
    input_devices_destroy(app.devices);
    loop_destroy(app.loop);
    return 0;
}
