// SPDX-License-Identifier: MIT
/*
 * Life of libinput's contexts: what is opened at the start, when they are read, and devices that come
 * back. libinput follows the devices of a seat by itself; for named ones, udev tells us.
 */
#include "input/sources.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libinput.h>
#include <libudev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_MODULE "input"
#include "input/seats.h"
#include "input/sources_internal.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

/* Whether one of the first n specs names this node. */
static bool is_named(const struct sources *sources, unsigned n, const char *path)
{
    for (unsigned i = 0; i < n; i++) {
        const struct source_spec *spec = sources->source[i].spec;
        autofree char *node = NULL;
        if (spec->kind == SOURCE_DEVICE && (node = realpath(spec->name, NULL)) &&
            strcmp(node, path) == 0)
            return true;
    }
    return false;
}

/* Tells the device of that node, if we have it already or still. */
static void tell_moved(struct source_context *context, const char *path, int fd)
{
    struct sources *sources = context->sources;
    for (unsigned i = 0; i < sources->n; i++) {
        struct source_device *device;
        list_for_each(device, &sources->source[i].devices, link) {
            if (sources->source[i].context == context && strcmp(device->path, path) == 0)
                source_grab_moved(device, fd);
        }
    }
}

static int open_node(const char *path, int flags, void *data)
{
    struct source_context *context = data;
    /* Of a whole seat: what somebody named is read by the context of the named ones. */
    if (context->seat && is_named(context->sources, context->sources->n, path))
        return -EBUSY;
    autofree struct source_node *node = calloc(1, sizeof(*node));
    if (!node || strlen(path) >= sizeof(node->path))
        return -ENOMEM;
    strcpy(node->path, path);
    node->fd = open(path, flags | O_CLOEXEC);
    context->open_error = node->fd < 0 ? -errno : 0;
    context->n_denied += context->open_error == -EACCES || context->open_error == -EPERM;
    if (node->fd < 0)
        return context->open_error;
    list_append(&context->nodes, &node->link);
    tell_moved(context, path, node->fd);
    return ((struct source_node *)steal_ptr(node))->fd;
}

static void close_node(int fd, void *data)
{
    struct source_context *context = data;
    struct source_node *node, *tmp;
    list_for_each_safe(node, tmp, &context->nodes, link) {
        if (node->fd == fd) {
            tell_moved(context, node->path, -1);
            list_remove(&node->link);
            free(node);
        }
    }
    close(fd);
}

static const struct libinput_interface interface = {
    .open_restricted = open_node,
    .close_restricted = close_node,
};

static void dispatch(struct source_context *context)
{
    struct libinput_event *event;
    int err = libinput_dispatch(context->libinput);
    if (err < 0)
        log_debug("libinput: %s", strerror(-err));
    while ((event = libinput_get_event(context->libinput))) {
        struct libinput_device *device = libinput_event_get_device(event);
        struct source_device *ours = libinput_device_get_user_data(device);
        if (libinput_event_get_type(event) == LIBINPUT_EVENT_DEVICE_ADDED)
            source_device_added(context, device);
        else if (libinput_event_get_type(event) == LIBINPUT_EVENT_DEVICE_REMOVED)
            source_device_removed(device);
        else if (ours && ours->source->attached)
            source_event(ours->source, event);
        libinput_event_destroy(event);
    }
}

static void on_readable(struct loop_fd *fd, uint32_t events)
{
    dispatch(container_of(fd, struct source_context, fd));
}

static void watch(void *data, bool on)
{
    struct source *source = data;
    struct source_context *context = source->context;
    if (!context->libinput || on == source->watched)
        return;
    source->watched = on;
    source_grab_recount(source);
    context->n_watched += on ? 1 : -1u;
    if (on && context->n_watched == 1) {
        loop_fd_add(context->sources->loop, &context->fd, libinput_get_fd(context->libinput),
                    EPOLLIN, on_readable);
        dispatch(context);
    } else if (context->n_watched == 0) {
        loop_fd_remove(&context->fd);
    }
}

static const struct gate_source_ops source_ops = {
    .grab = source_grab,
    .watch = watch,
    .leds = source_leds,
};

/* What libinput says of itself is for who looks for trouble; what its errors mean is said by us. */
static void on_log(struct libinput *libinput, enum libinput_log_priority priority,
                   const char *format, va_list args) __attribute__((format(printf, 3, 0)));
static void on_log(struct libinput *libinput, enum libinput_log_priority priority,
                   const char *format, va_list args)
{
    char line[256];
    vsnprintf(line, sizeof(line), format, args);
    line[strcspn(line, "\n")] = '\0';
    log_debug("libinput: %s", line);
}

static struct source_context *add_context(struct sources *sources, struct source *seat)
{
    struct source_context *context = &sources->context[sources->n_contexts];
    context->sources = sources;
    context->seat = seat;
    list_init(&context->nodes);
    context->libinput = seat ? libinput_udev_create_context(&interface, context, sources->udev)
                             : libinput_path_create_context(&interface, context);
    if (!context->libinput) {
        log_error("libinput can't be started");
        return NULL;
    }
    libinput_log_set_handler(context->libinput, on_log);
    libinput_log_set_priority(context->libinput, LIBINPUT_LOG_PRIORITY_INFO);
    sources->n_contexts++;
    return context;
}

static void say_denied(const struct source_spec *spec)
{
    log_error(
        "--input libinput:%s=%s: you may not open %s; join the group input, or have a udev rule "
        "give it to you (TAG+=\"uaccess\"), or leave out --input for what the window gets",
        spec->kind == SOURCE_SEAT ? "seat" : "device", spec->name,
        spec->kind == SOURCE_SEAT ? "any of its devices" : "it");
}

static bool open_device(struct source *source)
{
    const struct source_spec *spec = source->spec;
    struct source_context *context = source->context;
    struct stat st;
    if (stat(spec->name, &st) < 0) {
        log_error("--input libinput:device=%s: %s; `vitrine input list` shows what there is",
                  spec->name, strerror(errno));
        return false;
    }
    autofree char *node = realpath(spec->name, NULL);
    if (node && is_named(source->sources, (unsigned)(source - source->sources->source), node)) {
        log_error(
            "--input libinput:device=%s: that device was named before; name it once, with all "
            "that is to be said of it",
            spec->name);
        return false;
    }
    context->open_error = 0;
    if (S_ISCHR(st.st_mode) && libinput_path_add_device(context->libinput, spec->name))
        dispatch(context);
    if (!list_empty(&source->devices))
        return true;
    if (context->open_error == -EACCES || context->open_error == -EPERM)
        say_denied(spec);
    else
        log_error("--input libinput:device=%s: that is no input device; `vitrine input list` shows "
                  "what there is",
                  spec->name);
    return false;
}

static bool open_seat(struct source *source)
{
    const struct source_spec *spec = source->spec;
    struct source_context *context = source->context;
    if (libinput_udev_assign_seat(context->libinput, spec->name) == 0)
        dispatch(context);
    if (!list_empty(&source->devices) || spec->optional)
        return true;
    if (context->n_denied > 0) {
        say_denied(spec);
    } else {
        char seats[256];
        seats_names(context->sources->udev, seats, sizeof(seats));
        log_error("--input libinput:seat=%s: there is no input device on that seat; %s%s",
                  spec->name, seats[0] ? "there are some on " : "there are none at all", seats);
    }
    return false;
}

/* A node is there again, with the rights that udev's rules give it. */
static void on_monitor(struct loop_fd *fd, uint32_t events)
{
    struct sources *sources = container_of(fd, struct sources, monitor_fd);
    struct udev_device *device = udev_monitor_receive_device(sources->monitor);
    const char *action = device ? udev_device_get_action(device) : NULL;
    const char *node = device ? udev_device_get_devnode(device) : NULL;
    for (unsigned i = 0; action && node && i < sources->n; i++) {
        struct source *source = &sources->source[i];
        if (source->spec->kind != SOURCE_DEVICE)
            continue;
        /* That the old one is gone may not be read yet. */
        dispatch(source->context);
        autofree char *real = realpath(source->spec->name, NULL);
        if (strcmp(action, "add") != 0 || !real || strcmp(real, node) != 0 ||
            !list_empty(&source->devices))
            continue;
        if (libinput_path_add_device(source->context->libinput, source->spec->name))
            dispatch(source->context);
        else
            log_warn("%s is there again, but can't be opened: %s", source->spec->name,
                     strerror(-source->context->open_error));
    }
    udev_device_unref(device);
}

static bool start_monitor(struct sources *sources)
{
    sources->monitor = udev_monitor_new_from_netlink(sources->udev, "udev");
    if (!sources->monitor ||
        udev_monitor_filter_add_match_subsystem_devtype(sources->monitor, "input", NULL) < 0 ||
        udev_monitor_enable_receiving(sources->monitor) < 0 ||
        loop_fd_add(sources->loop, &sources->monitor_fd, udev_monitor_get_fd(sources->monitor),
                    EPOLLIN, on_monitor) < 0) {
        log_error("can't listen to udev");
        return false;
    }
    return true;
}

static bool open_all(struct sources *sources)
{
    struct source_context *named = NULL;
    for (unsigned i = 0; i < sources->n; i++) {
        struct source *source = &sources->source[i];
        if (source->spec->kind == SOURCE_SEAT) {
            source->context = add_context(sources, source);
            if (!source->context || !open_seat(source))
                return false;
            continue;
        }
        if (!named && (!(named = add_context(sources, NULL)) || !start_monitor(sources)))
            return false;
        source->context = named;
        if (!open_device(source))
            return false;
    }
    return true;
}

struct sources *sources_create(struct loop *loop, const struct source_spec *specs, unsigned n,
                               bool shared)
{
    struct sources *sources = calloc(1, sizeof(*sources));
    bool timers = true;
    BUG_ON(n > SOURCE_MAX_SPECS);
    if (!sources)
        return NULL;
    sources->loop = loop;
    sources->n = n;
    for (unsigned i = 0; i < n; i++) {
        struct source *source = &sources->source[i];
        source->sources = sources;
        source->spec = &specs[i];
        source->gate = (struct gate_source){
            .ops = &source_ops,
            .data = source,
            .rule = specs[i].always ? GATE_ALWAYS
                    : shared        ? GATE_SHARED
                                    : GATE_FOCUSED,
            .grab = specs[i].grab,
            .accelerated = specs[i].accelerated,
        };
        list_init(&source->devices);
        if (specs[i].grab)
            timers &= loop_timer_add(loop, &source->again, source_grab_again) == 0;
    }
    sources->udev = udev_new();
    if (!timers || !sources->udev)
        log_error("out of memory or file descriptors");
    if (!timers || !sources->udev || !open_all(sources)) {
        sources_destroy(sources);
        return NULL;
    }
    return sources;
}

void sources_destroy(struct sources *sources)
{
    if (!sources)
        return;
    for (unsigned i = 0; i < sources->n; i++) {
        struct source *source = &sources->source[i];
        struct source_device *device, *tmp;
        if (source->attached) {
            gate_remove(&source->gate);
            watch(source, false);
        }
        loop_timer_remove(&source->again);
        list_for_each_safe(device, tmp, &source->devices, link)
            source_device_destroy(device);
    }
    for (unsigned i = 0; i < sources->n_contexts; i++)
        libinput_unref(sources->context[i].libinput);
    loop_fd_remove(&sources->monitor_fd);
    udev_monitor_unref(sources->monitor);
    udev_unref(sources->udev);
    free(sources);
}

static bool any(const struct sources *sources, size_t member)
{
    for (unsigned i = 0; i < sources->n; i++) {
        const struct source *source = &sources->source[i];
        const struct source_device *device;
        list_for_each(device, &source->devices, link) {
            if (*(const bool *)((const char *)device + member) &&
                (source->gate.rule != GATE_SHARED || source->spec->grab))
                return true;
        }
    }
    return false;
}

bool sources_have_touchscreen(const struct sources *sources)
{
    return any(sources, offsetof(struct source_device, touchscreen));
}

bool sources_have_pen(const struct sources *sources)
{
    return any(sources, offsetof(struct source_device, pen));
}

void sources_attach(struct sources *sources, struct gate *gate)
{
    static_assert(SOURCE_MAX_SPECS < GATE_MAX_SOURCES, "each spec is a source beside the windows");
    for (unsigned i = 0; i < sources->n; i++) {
        sources->source[i].attached = true;
        gate_add(gate, &sources->source[i].gate);
    }
}
