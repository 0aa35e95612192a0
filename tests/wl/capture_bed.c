// SPDX-License-Identifier: MIT
#include "tests/wl/capture_bed.h"

#include <linux/input-event-codes.h>
#include <string.h>

#include "keyboard-shortcuts-inhibit-v1-server.h"
#include "pointer-constraints-v1-server.h"
#include "tests/test.h"

struct compositor_seat *capture_seat(struct fixture *f)
{
    return &f->compositor->seat[0];
}

struct compositor_surface *capture_window(struct fixture *f)
{
    return compositor_window(f->compositor, 0);
}

void capture_press(struct fixture *f)
{
    struct compositor_seat *seat = capture_seat(f);
    compositor_key(seat, KEY_LEFTCTRL, true);
    compositor_key(seat, KEY_LEFTALT, true);
    compositor_modifiers(seat, CTRL_ALT, 0, 0);
    compositor_key(seat, KEY_G, true);
    compositor_key(seat, KEY_G, false);
    compositor_key(seat, KEY_LEFTALT, false);
    compositor_key(seat, KEY_LEFTCTRL, false);
    compositor_modifiers(seat, 0, 0, 0);
    compositor_sync(f->compositor);
}

/* A window with the keyboard's focus and the pointer in its middle. */
void capture_focus(struct fixture *f)
{
    compositor_keyboard_enter(capture_seat(f), capture_window(f), NULL, 0);
    compositor_pointer_enter(capture_seat(f), capture_window(f), FIXTURE_WIDTH / 2.0,
                             FIXTURE_HEIGHT / 2.0);
    expect_input(f, "focus 0; abs 0 0.500 0.500; frame; ");
}

static void grant(struct fixture *f)
{
    zwp_locked_pointer_v1_send_locked(capture_seat(f)->lock);
    zwp_keyboard_shortcuts_inhibitor_v1_send_active(capture_seat(f)->inhibitor);
}

void capture_take(struct fixture *f)
{
    capture_press(f);
    expect_input(f, HOTKEY_HEARD);
    assert_non_null(capture_seat(f)->lock);
    assert_non_null(capture_seat(f)->inhibitor);
    grant(f);
    expect_input(f, "locked 1; inhibited 1; ");
    assert_string_equal(capture_window(f)->title, HINT);
}

void capture_assert_released(struct fixture *f)
{
    compositor_sync(f->compositor);
    assert_null(capture_seat(f)->lock);
    assert_null(capture_seat(f)->relative);
    assert_null(capture_seat(f)->confine);
    assert_null(capture_seat(f)->inhibitor);
    if (capture_window(f))
        assert_string_equal(capture_window(f)->title, "A guest");
}

void capture_show_cursor(struct fixture *f, struct test_buffer *image)
{
    struct display *display = wayl_display(f->wayl);
    struct frame_cursor cursor = { image ? &image->base : NULL, 4, 6 };
    display->ops->cursor(display, 0, &cursor);
}

void capture_move_cursor(struct fixture *f, int32_t x, int32_t y)
{
    struct display *display = wayl_display(f->wayl);
    display->ops->cursor_move(display, 0, x, y);
    compositor_sync(f->compositor);
}
