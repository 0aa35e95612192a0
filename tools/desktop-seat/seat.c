// SPDX-License-Identifier: MIT
//
// A seat for weston's headless backend, which has none: a weston module that reads the machine's own
// input devices through libinput and feeds them to a weston_seat. With it the emulated desktop has
// the keyboard and pointer that a user's desktop has, and programs beside weston see the same evdev
// devices.
//
//     weston --backend=headless --modules=/path/to/seat.so
//
// Everything runs on weston's event loop, the only thread.

#include <fcntl.h>
#include <libinput.h>
#include <libudev.h>
#include <libweston/libweston.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <wayland-server-core.h>

// libweston exports these for back-ends, but its installed headers don't declare them.
void weston_seat_init(struct weston_seat *seat, struct weston_compositor *compositor,
                      const char *name);
void weston_seat_release(struct weston_seat *seat);
int weston_seat_init_pointer(struct weston_seat *seat);
int weston_seat_init_keyboard(struct weston_seat *seat, struct xkb_keymap *keymap);
void notify_key(struct weston_seat *seat, const struct timespec *time, uint32_t key,
                enum wl_keyboard_key_state state, enum weston_key_state_update update);
void notify_keyboard_focus_in(struct weston_seat *seat, struct wl_array *keys,
                              enum weston_key_state_update update);
void notify_motion(struct weston_seat *seat, const struct timespec *time,
                   struct weston_pointer_motion_event *event);
void notify_motion_absolute(struct weston_seat *seat, const struct timespec *time,
                            struct weston_coord_global pos);
void notify_button(struct weston_seat *seat, const struct timespec *time, int32_t button,
                   enum wl_pointer_button_state state);
void notify_axis(struct weston_seat *seat, const struct timespec *time,
                 struct weston_pointer_axis_event *event);
void notify_axis_source(struct weston_seat *seat, uint32_t source);
void notify_pointer_frame(struct weston_seat *seat);

int wet_module_init(struct weston_compositor *compositor, int *argc, char *argv[]);

struct seat {
    struct weston_seat base;
    struct weston_compositor *compositor;
    struct udev *udev;
    struct libinput *libinput;
    struct wl_event_source *source;
    struct wl_listener destroyed;
    bool has_keyboard, has_pointer;
};

static struct timespec from_usec(uint64_t usec)
{
    return (struct timespec){ .tv_sec = (time_t)(usec / 1000000),
                              .tv_nsec = (long)(usec % 1000000) * 1000 };
}

static void device_added(struct seat *seat, struct libinput_device *device)
{
    weston_log("seat: input device '%s'\n", libinput_device_get_name(device));
    if (!seat->has_keyboard &&
        libinput_device_has_capability(device, LIBINPUT_DEVICE_CAP_KEYBOARD)) {
        struct wl_array none;

        seat->has_keyboard = true;
        weston_seat_init_keyboard(&seat->base, NULL);
        // without it the keyboard has no state in which the shell could give focus to a window
        wl_array_init(&none);
        notify_keyboard_focus_in(&seat->base, &none, STATE_UPDATE_AUTOMATIC);
        wl_array_release(&none);
    }
    if (!seat->has_pointer && libinput_device_has_capability(device, LIBINPUT_DEVICE_CAP_POINTER)) {
        seat->has_pointer = true;
        weston_seat_init_pointer(&seat->base);
    }
}

static void keyboard_key(struct seat *seat, struct libinput_event_keyboard *event)
{
    struct timespec time = from_usec(libinput_event_keyboard_get_time_usec(event));
    bool pressed = libinput_event_keyboard_get_key_state(event) == LIBINPUT_KEY_STATE_PRESSED;

    notify_key(&seat->base, &time, libinput_event_keyboard_get_key(event),
               pressed ? WL_KEYBOARD_KEY_STATE_PRESSED : WL_KEYBOARD_KEY_STATE_RELEASED,
               STATE_UPDATE_AUTOMATIC);
}

static void pointer_motion(struct seat *seat, struct libinput_event_pointer *event)
{
    struct timespec time = from_usec(libinput_event_pointer_get_time_usec(event));
    struct weston_pointer_motion_event motion = {
        .mask = WESTON_POINTER_MOTION_REL | WESTON_POINTER_MOTION_REL_UNACCEL,
        .time = time,
        .rel = { .x = libinput_event_pointer_get_dx(event),
                 .y = libinput_event_pointer_get_dy(event) },
        .rel_unaccel = { .x = libinput_event_pointer_get_dx_unaccelerated(event),
                         .y = libinput_event_pointer_get_dy_unaccelerated(event) },
    };

    notify_motion(&seat->base, &time, &motion);
    notify_pointer_frame(&seat->base);
}

// An absolute device spans the first output, the only one that the emulated desktop has.
static void pointer_motion_absolute(struct seat *seat, struct libinput_event_pointer *event)
{
    struct timespec time = from_usec(libinput_event_pointer_get_time_usec(event));
    struct weston_output *output;
    struct weston_coord_global pos;

    if (wl_list_empty(&seat->compositor->output_list))
        return;
    output = wl_container_of(seat->compositor->output_list.next, output, link);
    pos = output->pos;
    pos.c.x += libinput_event_pointer_get_absolute_x_transformed(event, (uint32_t)output->width);
    pos.c.y += libinput_event_pointer_get_absolute_y_transformed(event, (uint32_t)output->height);
    notify_motion_absolute(&seat->base, &time, pos);
    notify_pointer_frame(&seat->base);
}

static void pointer_button(struct seat *seat, struct libinput_event_pointer *event)
{
    struct timespec time = from_usec(libinput_event_pointer_get_time_usec(event));
    bool pressed = libinput_event_pointer_get_button_state(event) == LIBINPUT_BUTTON_STATE_PRESSED;

    notify_button(&seat->base, &time, (int32_t)libinput_event_pointer_get_button(event),
                  pressed ? WL_POINTER_BUTTON_STATE_PRESSED : WL_POINTER_BUTTON_STATE_RELEASED);
    notify_pointer_frame(&seat->base);
}

static void scroll(struct seat *seat, struct libinput_event_pointer *event, bool wheel,
                   enum libinput_pointer_axis axis, uint32_t wl_axis)
{
    struct timespec time = from_usec(libinput_event_pointer_get_time_usec(event));
    struct weston_pointer_axis_event out = { .axis = wl_axis };

    if (!libinput_event_pointer_has_axis(event, axis))
        return;
    out.value = libinput_event_pointer_get_scroll_value(event, axis);
    if (wheel) {
        // what weston's own libinput seat does: ten units for a detent of 120
        double v120 = libinput_event_pointer_get_scroll_value_v120(event, axis);

        out.has_discrete = true;
        out.discrete = (int32_t)(v120 / 120);
        out.value = v120 / 12;
    }
    notify_axis(&seat->base, &time, &out);
}

static void pointer_scroll(struct seat *seat, struct libinput_event_pointer *event, bool wheel)
{
    notify_axis_source(&seat->base,
                       wheel ? WL_POINTER_AXIS_SOURCE_WHEEL : WL_POINTER_AXIS_SOURCE_FINGER);
    scroll(seat, event, wheel, LIBINPUT_POINTER_AXIS_SCROLL_VERTICAL,
           WL_POINTER_AXIS_VERTICAL_SCROLL);
    scroll(seat, event, wheel, LIBINPUT_POINTER_AXIS_SCROLL_HORIZONTAL,
           WL_POINTER_AXIS_HORIZONTAL_SCROLL);
    notify_pointer_frame(&seat->base);
}

static void handle_event(struct seat *seat, struct libinput_event *event)
{
    switch (libinput_event_get_type(event)) {
    case LIBINPUT_EVENT_DEVICE_ADDED:
        device_added(seat, libinput_event_get_device(event));
        break;
    case LIBINPUT_EVENT_KEYBOARD_KEY:
        keyboard_key(seat, libinput_event_get_keyboard_event(event));
        break;
    case LIBINPUT_EVENT_POINTER_MOTION:
        pointer_motion(seat, libinput_event_get_pointer_event(event));
        break;
    case LIBINPUT_EVENT_POINTER_MOTION_ABSOLUTE:
        pointer_motion_absolute(seat, libinput_event_get_pointer_event(event));
        break;
    case LIBINPUT_EVENT_POINTER_BUTTON:
        pointer_button(seat, libinput_event_get_pointer_event(event));
        break;
    case LIBINPUT_EVENT_POINTER_SCROLL_WHEEL:
        pointer_scroll(seat, libinput_event_get_pointer_event(event), true);
        break;
    case LIBINPUT_EVENT_POINTER_SCROLL_FINGER:
        pointer_scroll(seat, libinput_event_get_pointer_event(event), false);
        break;
    default:
        break;
    }
}

static int dispatch(int fd, uint32_t mask, void *data)
{
    struct seat *seat = data;
    struct libinput_event *event;

    (void)fd;
    (void)mask;
    if (libinput_dispatch(seat->libinput) != 0)
        weston_log("seat: libinput_dispatch failed\n");
    while ((event = libinput_get_event(seat->libinput))) {
        handle_event(seat, event);
        libinput_event_destroy(event);
    }
    return 0;
}

static void compositor_destroyed(struct wl_listener *listener, void *data)
{
    struct seat *seat = wl_container_of(listener, seat, destroyed);

    (void)data;
    wl_list_remove(&seat->destroyed.link);
    wl_event_source_remove(seat->source);
    libinput_unref(seat->libinput);
    udev_unref(seat->udev);
    weston_seat_release(&seat->base);
    free(seat);
}

static int open_device(const char *path, int flags, void *data)
{
    int fd = open(path, flags | O_CLOEXEC);

    (void)data;
    return fd >= 0 ? fd : -1;
}

static void close_device(int fd, void *data)
{
    (void)data;
    close(fd);
}

static const struct libinput_interface opener = {
    .open_restricted = open_device,
    .close_restricted = close_device,
};

int wet_module_init(struct weston_compositor *compositor, int *argc, char *argv[])
{
    struct wl_event_loop *loop = wl_display_get_event_loop(compositor->wl_display);
    struct seat *seat = calloc(1, sizeof(*seat));

    (void)argc;
    (void)argv;
    if (!seat)
        return -1;
    seat->compositor = compositor;
    seat->udev = udev_new();
    seat->libinput = libinput_udev_create_context(&opener, NULL, seat->udev);
    if (!seat->libinput || libinput_udev_assign_seat(seat->libinput, "seat0") != 0) {
        weston_log("seat: libinput has no seat0\n");
        return -1;
    }
    weston_seat_init(&seat->base, compositor, "seat0");
    seat->source = wl_event_loop_add_fd(loop, libinput_get_fd(seat->libinput), WL_EVENT_READABLE,
                                        dispatch, seat);
    seat->destroyed.notify = compositor_destroyed;
    wl_signal_add(&compositor->destroy_signal, &seat->destroyed);
    // the devices that are there already wait as events: take them before the first client binds
    dispatch(-1, 0, seat);
    return 0;
}
