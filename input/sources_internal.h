/* SPDX-License-Identifier: MIT */
/* What the files of libinput's sources share. */
#ifndef VITRINE_INPUT_SOURCES_INTERNAL_H
#define VITRINE_INPUT_SOURCES_INTERNAL_H

#include <linux/input-event-codes.h>
#include <stdint.h>

#include "input/sources.h"
#include "vmm/base/list.h"
#include "vmm/base/loop.h"

struct libinput;
struct libinput_device;
struct libinput_event;
struct udev;
struct udev_monitor;

/* A device while libinput has it. */
struct source_device {
    struct list link; /* struct source.devices */
    struct source *source;
    struct libinput_device *device; /* referenced */
    char path[64];                  /* its node */
    int fd;                         /* libinput's; -1 while it has closed it */
    int peek_fd; /* our own, of a device to be grabbed: asks what is down, gets no events; or -1 */
    bool has[GATE_GROUP_COUNT];
    bool touchscreen, pen, touchpad;
    bool held;            /* EVIOCGRAB */
    uint32_t leds_before; /* as they were when we took hold of it */
};

/* A spec, and the gate's view of it. */
struct source {
    struct gate_source gate;
    struct sources *sources;
    struct source_context *context;
    const struct source_spec *spec;
    bool attached, watched, refusal_said;
    struct loop_timer again;  /* of a grab that was put off */
    unsigned n_again;         /* how often, since the focus came or all was held */
    struct list devices;      /* struct source_device.link */
    uint8_t holders[KEY_CNT]; /* devices on which the key or button is down */
    double scroll_rest[2];    /* of a continuous scrolling: short of 1/120 detent */
};

/* A node that libinput opened. */
struct source_node {
    struct list link; /* struct source_context.nodes */
    char path[64];
    int fd;
};

/* One libinput: of all named devices together, so that typing stills the touchpad, or of a seat. */
struct source_context {
    struct sources *sources;
    struct libinput *libinput;
    struct source *seat; /* whose seat it is; NULL: named devices */
    struct loop_fd fd;
    struct list nodes;  /* struct source_node.link */
    unsigned n_watched; /* sources whose events are wanted */
    int open_error;     /* of the node that was to be opened last: a negative errno, or 0 */
    unsigned n_denied;  /* nodes that we may not open */
};

struct sources {
    struct loop *loop;
    struct udev *udev;
    struct udev_monitor *monitor; /* NULL: there are no named devices */
    struct loop_fd monitor_fd;
    unsigned n, n_contexts;
    struct source_context context[SOURCE_MAX_SPECS];
    struct source source[SOURCE_MAX_SPECS]; /* by spec */
};

/* sources_device.c: takes over a device that came, and lets go of one that went. */
void source_device_added(struct source_context *context, struct libinput_device *device);
void source_device_removed(struct libinput_device *device);
void source_device_destroy(struct source_device *device);
void source_device_settings(struct source_device *device);
/* What the source's devices are, all together. */
void source_update_has(struct source *source);

/* sources_grab.c: the gate's wishes; data is a struct source. */
void source_grab_again(struct loop_timer *timer);
bool source_grab(void *data, bool on);
void source_leds(void *data, uint32_t leds);
/* The focus came or went: what was put off is tried no more, and the tries are counted anew. */
void source_grab_recount(struct source *source);
/* For a device that comes while its source is held. */
void source_device_hold(struct source_device *device);
/* libinput has opened the device's node again, as fd, or has closed it (-1), and the kernel let go of it:
 * it does so to a touchpad while the lid is down. */
void source_grab_moved(struct source_device *device, int fd);
int source_peek_open(const char *path);

/* sources_event.c: an event of a source's device, on its way to the gate. */
void source_event(struct source *source, struct libinput_event *event);

#endif
