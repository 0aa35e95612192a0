// SPDX-License-Identifier: MIT
#include <string.h>
#include <unistd.h>
#include <wayland-client.h>

#include "input/sink.h"
#include "vmm/base/util.h"
#include "wl/seat.h"
#include "wl/window.h"

static struct wayl_seat *seat_of(struct wayl_keyboard *keyboard)
{
    return container_of(keyboard, struct wayl_seat, keyboard);
}

static void send_frame(struct wayl_keyboard *keyboard)
{
    struct input_sink *sink = keyboard->seats->input.sink;
    sink->ops->frame(sink);
}

static void keyboard_keymap(void *data, struct wl_keyboard *wl, uint32_t format, int32_t fd,
                            uint32_t size)
{
    struct wayl_keyboard *keyboard = data;
    if (format == WL_KEYBOARD_KEYMAP_FORMAT_XKB_V1)
        wayl_keymap_set(&keyboard->keymap, fd, size);
    else
        wayl_keymap_set_default(&keyboard->keymap);
    close(fd);
}

void wayl_keyboard_leave(struct wayl_keyboard *keyboard)
{
    if (keyboard->window == WAYL_NO_WINDOW)
        return;
    unsigned window = (unsigned)keyboard->window;
    wayl_capture_end(seat_of(keyboard));
    wayl_input_release_keys(&keyboard->seats->input, &keyboard->held);
    keyboard->window = WAYL_NO_WINDOW;
    wayl_input_unfocus(&keyboard->seats->input, window);
}

static void keyboard_enter(void *data, struct wl_keyboard *wl, uint32_t serial,
                           struct wl_surface *surface, struct wl_array *keys)
{
    struct wayl_keyboard *keyboard = data;
    wayl_keyboard_leave(keyboard);
    keyboard->window = keyboard->seats->ops->window(keyboard->seats, surface);
    if (keyboard->window == WAYL_NO_WINDOW)
        return;
    wayl_seat_acted(seat_of(keyboard), serial);
    keyboard->surface = surface;
    keyboard->entered = true;
    wayl_input_focus(&keyboard->seats->input, (unsigned)keyboard->window);
    bool any = false;
    const uint32_t *code = keys->data;
    for (size_t i = 0; i < keys->size / sizeof(*code); i++) {
        if (wayl_input_is_modifier(code[i]))
            any |= wayl_input_key(&keyboard->seats->input, &keyboard->held, code[i], true);
    }
    if (any)
        send_frame(keyboard);
}

static void keyboard_leave(void *data, struct wl_keyboard *wl, uint32_t serial,
                           struct wl_surface *surface)
{
    wayl_keyboard_leave(data);
}

/* Does what our hotkeys do; false where the key is none. */
static bool is_ours(struct wayl_keyboard *keyboard, uint32_t code)
{
    struct wayl_seats *seats = keyboard->seats;
    const struct wayl_seats_options *options = &seats->options;
    const struct wayl_keymap *keymap = &keyboard->keymap;
    struct wayl_window *window = seats->ops->get(seats, (unsigned)keyboard->window);
    if (wayl_keymap_is_hotkey(keymap, &options->hotkey, code))
        wayl_capture_toggle(seat_of(keyboard));
    else if (wayl_keymap_is_hotkey(keymap, &options->fullscreen, code))
        wayl_window_toggle_fullscreen(window);
    else if (wayl_keymap_is_hotkey(keymap, &options->maximize, code))
        wayl_window_toggle_maximized(window);
    else
        return false;
    return true;
}

static void keyboard_key(void *data, struct wl_keyboard *wl, uint32_t serial, uint32_t time_ms,
                         uint32_t code, uint32_t state)
{
    struct wayl_keyboard *keyboard = data;
    if (keyboard->window == WAYL_NO_WINDOW)
        return;
    wayl_seat_acted(seat_of(keyboard), serial);
    bool pressed = state == WL_KEYBOARD_KEY_STATE_PRESSED;
    if (pressed && is_ours(keyboard, code))
        return; /* the guest hears nothing, nor of the release */
    bool accepted = false;
    /* A press of what is held: the compositor kept the release for itself. */
    if (pressed && wayl_keys_has(&keyboard->held, code))
        accepted = wayl_input_key(&keyboard->seats->input, &keyboard->held, code, false);
    accepted |= wayl_input_key(&keyboard->seats->input, &keyboard->held, code, pressed);
    if (accepted)
        send_frame(keyboard);
}

static void keyboard_modifiers(void *data, struct wl_keyboard *wl, uint32_t serial,
                               uint32_t depressed, uint32_t latched, uint32_t locked,
                               uint32_t group)
{
    struct wayl_keyboard *keyboard = data;
    wayl_keymap_modifiers(&keyboard->keymap, depressed, latched, locked, group);
    /* A modifier whose release the compositor kept for itself would be held for ever. */
    bool any = false;
    for (uint32_t code = 0; code < KEY_CNT; code++) {
        if (wayl_keys_has(&keyboard->held, code) &&
            wayl_keymap_is_released(&keyboard->keymap, code))
            any |= wayl_input_key(&keyboard->seats->input, &keyboard->held, code, false);
    }
    if (any)
        send_frame(keyboard);
    if (keyboard->window != WAYL_NO_WINDOW)
        wayl_locks_look(&keyboard->seats->locks, keyboard->seats->input.sink, &keyboard->keymap,
                        keyboard->entered);
    keyboard->entered = false;
}

static void keyboard_repeat_info(void *data, struct wl_keyboard *wl, int32_t rate, int32_t delay)
{
}

static const struct wl_keyboard_listener keyboard_listener = {
    .keymap = keyboard_keymap,
    .enter = keyboard_enter,
    .leave = keyboard_leave,
    .key = keyboard_key,
    .modifiers = keyboard_modifiers,
    .repeat_info = keyboard_repeat_info,
};

void wayl_keyboard_start(struct wayl_keyboard *keyboard, struct wayl_seats *seats,
                         struct wl_seat *seat)
{
    *keyboard = (struct wayl_keyboard){ .seats = seats,
                                        .wl = wl_seat_get_keyboard(seat),
                                        .window = WAYL_NO_WINDOW };
    if (keyboard->wl)
        wl_keyboard_add_listener(keyboard->wl, &keyboard_listener, keyboard);
}

void wayl_keyboard_stop(struct wayl_keyboard *keyboard)
{
    if (!keyboard->wl)
        return;
    wayl_keyboard_leave(keyboard);
    if (wl_keyboard_get_version(keyboard->wl) >= WL_KEYBOARD_RELEASE_SINCE_VERSION)
        wl_keyboard_release(keyboard->wl);
    else
        wl_keyboard_destroy(keyboard->wl);
    keyboard->wl = NULL;
    wayl_keymap_finish(&keyboard->keymap);
}
