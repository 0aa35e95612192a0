// SPDX-License-Identifier: MIT
/* A device that libinput has opened for us: whose it is, what it can do, how it is set. */
#include <libinput.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODULE "input"
#include "input/sources_internal.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

static struct source *find_source(struct source_context *context, const char *path)
{
    struct sources *sources = context->sources;
    if (context->seat)
        return context->seat;
    for (unsigned i = 0; i < sources->n; i++) {
        const struct source_spec *spec = sources->source[i].spec;
        autofree char *node = NULL;
        if (spec->kind == SOURCE_DEVICE && (node = realpath(spec->name, NULL)) &&
            strcmp(node, path) == 0)
            return &sources->source[i];
    }
    return NULL;
}

static int find_fd(const struct source_context *context, const char *path)
{
    struct source_node *node;
    list_for_each(node, &context->nodes, link) {
        if (strcmp(node->path, path) == 0)
            return node->fd;
    }
    return -1;
}

static bool can(struct libinput_device *device, enum libinput_device_capability capability)
{
    return libinput_device_has_capability(device, capability);
}

void source_update_has(struct source *source)
{
    bool has[GATE_GROUP_COUNT] = { false };
    struct source_device *device;
    list_for_each(device, &source->devices, link) {
        for (unsigned i = 0; i < GATE_GROUP_COUNT; i++)
            has[i] |= device->has[i];
    }
    if (source->attached)
        gate_set_has(&source->gate, has);
    else
        memcpy(source->gate.has, has, sizeof(has));
}

void source_device_added(struct source_context *context, struct libinput_device *libinput)
{
    struct source_device *device = calloc(1, sizeof(*device));
    if (!device)
        return;
    snprintf(device->path, sizeof(device->path), "/dev/input/%s",
             libinput_device_get_sysname(libinput));
    struct source *source = find_source(context, device->path);
    if (!source) {
        free(device);
        return;
    }
    device->source = source;
    device->device = libinput_device_ref(libinput);
    device->fd = find_fd(context, device->path);
    device->peek_fd = source->spec->grab ? source_peek_open(device->path) : -1;
    device->touchscreen = can(libinput, LIBINPUT_DEVICE_CAP_TOUCH);
    device->pen = can(libinput, LIBINPUT_DEVICE_CAP_TABLET_TOOL);
    device->touchpad = libinput_device_config_tap_get_finger_count(libinput) > 0;
    /* A power button has keys, too. */
    device->has[GATE_KEYS] = can(libinput, LIBINPUT_DEVICE_CAP_KEYBOARD) &&
                             libinput_device_keyboard_has_key(libinput, KEY_A) == 1;
    device->has[GATE_POINTING] = can(libinput, LIBINPUT_DEVICE_CAP_POINTER);
    device->has[GATE_TOUCHING] = device->touchscreen || device->pen;
    libinput_device_set_user_data(libinput, device);
    list_append(&source->devices, &device->link);
    source_device_settings(device);
    log_debug("%s is %s", device->path, libinput_device_get_name(libinput));
    if (source->attached && gate_is_grabbed(&source->gate))
        source_device_hold(device);
    source_update_has(source);
}

void source_device_destroy(struct source_device *device)
{
    list_remove(&device->link);
    libinput_device_set_user_data(device->device, NULL);
    libinput_device_unref(device->device);
    if (device->peek_fd >= 0)
        close(device->peek_fd);
    free(device);
}

/* libinput has released what was down on it. */
void source_device_removed(struct libinput_device *libinput)
{
    struct source_device *device = libinput_device_get_user_data(libinput);
    if (!device)
        return;
    struct source *source = device->source;
    log_debug("%s is gone", device->path);
    source_device_destroy(device);
    source_update_has(source);
}

/* Whoever named the device is told what it can't do; of a seat's devices, most can't do most. */
static void check(const struct source_device *device, const char *what,
                  enum libinput_config_status status)
{
    if (status != LIBINPUT_CONFIG_STATUS_SUCCESS && device->source->spec->kind == SOURCE_DEVICE)
        log_warn("%s (%s) takes no %s", device->path, libinput_device_get_name(device->device),
                 what);
}

static void set_scroll(struct source_device *device, enum source_scroll scroll)
{
    static const enum libinput_config_scroll_method methods[] = {
        [SOURCE_SCROLL_NONE] = LIBINPUT_CONFIG_SCROLL_NO_SCROLL,
        [SOURCE_SCROLL_TWO_FINGER] = LIBINPUT_CONFIG_SCROLL_2FG,
        [SOURCE_SCROLL_EDGE] = LIBINPUT_CONFIG_SCROLL_EDGE,
        [SOURCE_SCROLL_BUTTON] = LIBINPUT_CONFIG_SCROLL_ON_BUTTON_DOWN,
    };
    check(device, "such scroll method",
          libinput_device_config_scroll_set_method(device->device, methods[scroll]));
}

void source_device_settings(struct source_device *device)
{
    const struct source_settings *s = &device->source->spec->settings;
    struct libinput_device *d = device->device;
    if (s->accel != SOURCE_ACCEL_UNSET)
        check(device, "acceleration profile",
              libinput_device_config_accel_set_profile(
                  d, s->accel == SOURCE_ACCEL_FLAT ? LIBINPUT_CONFIG_ACCEL_PROFILE_FLAT
                                                   : LIBINPUT_CONFIG_ACCEL_PROFILE_ADAPTIVE));
    if (s->has_speed)
        check(device, "speed", libinput_device_config_accel_set_speed(d, s->speed));
    if (s->natural_scroll != SOURCE_UNSET)
        check(device, "natural-scroll",
              libinput_device_config_scroll_set_natural_scroll_enabled(d, s->natural_scroll ==
                                                                              SOURCE_ON));
    if (s->tap != SOURCE_UNSET)
        check(device, "tap",
              libinput_device_config_tap_set_enabled(d, s->tap == SOURCE_ON
                                                            ? LIBINPUT_CONFIG_TAP_ENABLED
                                                            : LIBINPUT_CONFIG_TAP_DISABLED));
    if (s->left_handed != SOURCE_UNSET)
        check(device, "left-handed",
              libinput_device_config_left_handed_set(d, s->left_handed == SOURCE_ON));
    if (s->dwt != SOURCE_UNSET)
        check(device, "dwt",
              libinput_device_config_dwt_set_enabled(d, s->dwt == SOURCE_ON
                                                            ? LIBINPUT_CONFIG_DWT_ENABLED
                                                            : LIBINPUT_CONFIG_DWT_DISABLED));
    if (s->scroll != SOURCE_SCROLL_UNSET)
        set_scroll(device, s->scroll);
    if (s->has_calibration)
        check(device, "calibration",
              libinput_device_config_calibration_set_matrix(d, s->calibration));
}
