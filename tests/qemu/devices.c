// SPDX-License-Identifier: MIT
/*
 * devices SPEC...: runs in a guest that plays the host. What the devices of the specs (source_spec.h) do
 * goes through the gate and is printed, a line for each event: "got: DEVICE TYPE CODE VALUE". Commands
 * come by lines from stdin, and each is answered by "ok":
 *   focus, unfocus, lock, unlock, inhibit, uninhibit   as the windows would tell it
 *   led CODE ON          the guest lights an LED
 *   reader PATH          another program opens the device
 *   contend              that program holds it exclusively when the focus comes, and then lets go
 *   read                 prints "read: N", the key events that it got since
 *   lit PATH             prints "lit: N", the device's LEDs
 *   make MIN MAX         makes a pointer with such axes by uinput, "strange"
 *   new KIND             makes another device by uinput (puppet.h), called as its kind
 *   emit EVENT...        lets it say that: TYPE CODE VALUE each, reports' ends among them
 *   click VALUE          moves it there and presses its button
 *   flood N              moves it N times and presses a button each second time
 *   unmake               takes it away
 *   quit
 * With the word "shared" in front, the windows have input, too; "auto" alone is that with what there is of
 * seat0. "list" prints the table of `vitrine input list`.
 */
#include <fcntl.h>
#include <linux/input.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "input/gate.h"
#include "input/seats.h"
#include "input/sources.h"
#include "tests/qemu/puppet.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"

struct app {
    struct loop *loop;
    struct loop_fd commands;
    struct gate gate;
    struct sources *sources;
    int reader, made; /* fds */
    char line[1024];
    size_t n;
};

static const char *const names[GATE_DEVICE_COUNT] = {
    [GATE_KEYBOARD] = "keyboard", [GATE_POINTER] = "pointer",         [GATE_MOUSE] = "mouse",
    [GATE_PEN] = "pen",           [GATE_TOUCHSCREEN] = "touchscreen",
};

static void on_event(void *target, enum gate_device device, uint16_t type, uint16_t code,
                     int32_t value)
{
    printf("got: %s %u %u %d\n", names[device], type, code, value);
}

static void on_report(void *target, enum gate_device device)
{
}

static const struct gate_target_ops target_ops = { .event = on_event, .report = on_report };

static void read_keys(struct app *app)
{
    struct input_event event;
    unsigned n = 0;
    while (read(app->reader, &event, sizeof(event)) == sizeof(event))
        n += event.type == EV_KEY;
    printf("read: %u\n", n);
}

static void print_leds(const char *path)
{
    uint8_t leds[LED_CNT / 8] = { 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ioctl(fd, EVIOCGLED(sizeof(leds)), leds);
    printf("lit: %u\n", leds[0]);
    close(fd);
}

static void click(struct app *app, int32_t value, bool pressed)
{
    puppet_event(app->made, EV_ABS, ABS_X, value);
    puppet_event(app->made, EV_KEY, BTN_LEFT, pressed);
    puppet_event(app->made, EV_SYN, SYN_REPORT, 0);
}

/* TYPE CODE VALUE, again and again. */
static void emit(struct app *app, char **save)
{
    char *type, *code, *value;
    while ((type = strtok_r(NULL, " ", save)) && (code = strtok_r(NULL, " ", save)) &&
           (value = strtok_r(NULL, " ", save)))
        puppet_event(app->made, (uint16_t)atoi(type), (uint16_t)atoi(code), atoi(value));
}

static void contend(struct app *app)
{
    struct input_sink *windows = &app->gate.windows.sink;
    if (ioctl(app->reader, EVIOCGRAB, 1) < 0)
        puts("the reader can't hold it");
    windows->ops->focus(windows, 0);
    ioctl(app->reader, EVIOCGRAB, 0);
}

static void run(struct app *app, char *line)
{
    struct input_sink *windows = &app->gate.windows.sink;
    char *save = NULL, *verb = strtok_r(line, " ", &save);
    if (verb && strcmp(verb, "emit") == 0) {
        emit(app, &save);
        puts("ok");
        return;
    }
    char *first = strtok_r(NULL, " ", &save), *second = strtok_r(NULL, " ", &save);
    int x = first ? atoi(first) : 0, y = second ? atoi(second) : 0;
    if (!verb)
        return;
    if (strcmp(verb, "focus") == 0 || strcmp(verb, "unfocus") == 0)
        windows->ops->focus(windows, verb[0] == 'f' ? 0 : INPUT_NO_SCANOUT);
    else if (strcmp(verb, "lock") == 0 || strcmp(verb, "unlock") == 0)
        windows->ops->locked(windows, verb[0] == 'l');
    else if (strcmp(verb, "inhibit") == 0 || strcmp(verb, "uninhibit") == 0)
        windows->ops->inhibited(windows, verb[0] == 'i');
    else if (strcmp(verb, "led") == 0)
        gate_set_led(&app->gate, (uint16_t)x, y);
    else if (strcmp(verb, "contend") == 0)
        contend(app);
    else if (strcmp(verb, "reader") == 0)
        app->reader = open(first, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    else if (strcmp(verb, "read") == 0)
        read_keys(app);
    else if (strcmp(verb, "lit") == 0)
        print_leds(first);
    else if (strcmp(verb, "make") == 0)
        app->made = puppet_pointer(x, y);
    else if (strcmp(verb, "new") == 0)
        app->made = puppet_new(first);
    else if (strcmp(verb, "click") == 0)
        click(app, x, true);
    else if (strcmp(verb, "flood") == 0)
        for (int i = 0; i < x; i++)
            click(app, i % 1000, i % 2 == 0);
    else if (strcmp(verb, "unmake") == 0)
        close(app->made);
    else if (strcmp(verb, "quit") == 0)
        loop_quit(app->loop);
    puts("ok");
}

static void on_command(struct loop_fd *fd, uint32_t events)
{
    struct app *app = container_of(fd, struct app, commands);
    char c;
    if (read(0, &c, 1) != 1) {
        loop_quit(app->loop);
        return;
    }
    if (c != '\n' && app->n + 1 < sizeof(app->line)) {
        app->line[app->n++] = c;
        return;
    }
    app->line[app->n] = '\0';
    app->n = 0;
    run(app, app->line);
}

int main(int argc, char **argv)
{
    static struct app app;
    static struct source_spec specs[SOURCE_MAX_SPECS];
    unsigned n = 0;
    const char *word = argc > 1 ? argv[1] : "";
    bool automatic = strcmp(word, "auto") == 0;
    bool shared = automatic || strcmp(word, "shared") == 0;
    if (strcmp(word, "list") == 0)
        return seats_print(stdout) < 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    log_set_level(LOG_DEBUG);
    for (int i = 1 + shared; i < argc && n < SOURCE_MAX_SPECS; i++) {
        if (!source_spec_parse(&specs[n++], argv[i]))
            return 2;
    }
    if (automatic)
        specs[n++] = (struct source_spec){ .kind = SOURCE_SEAT, .name = "seat0", .optional = true };
    app.loop = loop_create();
    gate_init(&app.gate, &target_ops, &app);
    if (!shared)
        gate_set_windows(&app.gate, GATE_MUTED);
    app.sources = sources_create(app.loop, specs, n, shared);
    if (!app.sources)
        return 2;
    printf("devices: touchscreen %d, pen %d\n", sources_have_touchscreen(app.sources),
           sources_have_pen(app.sources));
    sources_attach(app.sources, &app.gate);
    loop_fd_add(app.loop, &app.commands, 0, EPOLLIN, on_command);
    puts("ready");
    loop_run(app.loop);
    sources_destroy(app.sources);
    loop_fd_remove(&app.commands);
    loop_destroy(app.loop);
    return 0;
}
