// SPDX-License-Identifier: MIT
/* The hotkey that gives the pointer and the shortcuts to the guest, and all that ends it. */
#include <drm_fourcc.h>
#include <linux/input-event-codes.h>
#include <string.h>

#include "keyboard-shortcuts-inhibit-v1-server.h"
#include "pointer-constraints-v1-server.h"
#include "tests/test.h"
#include "tests/wl/fixture.h"

#define W FIXTURE_WIDTH
#define H FIXTURE_HEIGHT
#define CTRL_ALT (4u | 8u)
#define HINT "A guest — Ctrl+Alt+G releases the pointer"

static struct compositor_seat *seat_of(struct fixture *f)
{
    return &f->compositor->seat[0];
}

static struct compositor_surface *window_of(struct fixture *f)
{
    return compositor_window(f->compositor, 0);
}

static void press_hotkey(struct fixture *f)
{
    struct compositor_seat *seat = seat_of(f);
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

#define HOTKEY_HEARD "key 29 1; frame; key 56 1; frame; key 56 0; frame; key 29 0; frame; "

/* A window with the keyboard's focus and the pointer in its middle. */
static void focus(struct fixture *f)
{
    compositor_keyboard_enter(seat_of(f), window_of(f), NULL, 0);
    compositor_pointer_enter(seat_of(f), window_of(f), W / 2, H / 2);
    expect_input(f, "focus 0; abs 0 0.500 0.500; frame; ");
}

static void grant(struct fixture *f)
{
    zwp_locked_pointer_v1_send_locked(seat_of(f)->lock);
    zwp_keyboard_shortcuts_inhibitor_v1_send_active(seat_of(f)->inhibitor);
}

static void capture(struct fixture *f)
{
    press_hotkey(f);
    expect_input(f, HOTKEY_HEARD);
    assert_non_null(seat_of(f)->lock);
    assert_non_null(seat_of(f)->inhibitor);
    grant(f);
    expect_input(f, "locked 1; inhibited 1; ");
    assert_string_equal(window_of(f)->title, HINT);
}

static void open_captured(struct fixture *f)
{
    fixture_open(f, &compositor_everything, 1);
    focus(f);
    capture(f);
}

static void assert_released(struct fixture *f)
{
    compositor_sync(f->compositor);
    assert_null(seat_of(f)->lock);
    assert_null(seat_of(f)->relative);
    assert_null(seat_of(f)->confine);
    assert_null(seat_of(f)->inhibitor);
    if (window_of(f))
        assert_string_equal(window_of(f)->title, "A guest");
}

static void the_hotkey_locks_the_pointer_and_again_releases_it(void **state)
{
    struct fixture f;
    open_captured(&f);
    assert_ptr_equal(seat_of(&f)->constrained, window_of(&f));
    compositor_relative_motion(seat_of(&f), 1.5, -2, 3, -4);
    expect_input(&f, "rel 1.5 -2 3 -4; frame; ");
    wl_pointer_send_motion(seat_of(&f)->pointer, 0, 0, 0); /* it does not, while it is locked */
    wl_pointer_send_button(seat_of(&f)->pointer, 1, 0, BTN_LEFT, 1);
    wl_pointer_send_button(seat_of(&f)->pointer, 1, 0, BTN_LEFT, 0);
    wl_pointer_send_frame(seat_of(&f)->pointer);
    expect_input(&f, "button 272 1; button 272 0; frame; ");
    press_hotkey(&f);
    expect_input(&f, "key 29 1; frame; key 56 1; frame; locked 0; inhibited 0; "
                     "key 56 0; frame; key 29 0; frame; ");
    assert_released(&f);
    compositor_pointer_leave(seat_of(&f), window_of(&f));
    compositor_pointer_enter(seat_of(&f), window_of(&f), 0, 0);
    expect_input(&f, "leave; abs 0 0.000 0.000; frame; ");
    fixture_close(&f);
}

static void nothing_is_captured_before_the_compositor_grants_it(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    focus(&f);
    press_hotkey(&f);
    expect_input(&f, HOTKEY_HEARD);
    assert_string_equal(window_of(&f)->title, "A guest");
    compositor_relative_motion(seat_of(&f), 1, 1, 1, 1);
    wl_pointer_send_motion(seat_of(&f)->pointer, 0, 0, 0);
    wl_pointer_send_frame(seat_of(&f)->pointer);
    expect_input(&f, "abs 0 0.000 0.000; frame; ");
    /* Only the keyboard. */
    zwp_keyboard_shortcuts_inhibitor_v1_send_active(seat_of(&f)->inhibitor);
    expect_input(&f, "inhibited 1; ");
    assert_string_equal(window_of(&f)->title, "A guest — Ctrl+Alt+G releases the keyboard");
    fixture_close(&f);
}

static void without_the_focus_the_hotkey_is_nobodys(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    press_hotkey(&f);
    expect_input(&f, "");
    assert_released(&f);
    fixture_close(&f);
}

static void other_modifiers_make_another_key(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    focus(&f);
    compositor_modifiers(seat_of(&f), CTRL_ALT | 1 /* shift */, 0, 0);
    compositor_key(seat_of(&f), KEY_G, true);
    compositor_key(seat_of(&f), KEY_G, false);
    compositor_modifiers(seat_of(&f), 4, 0, 0);
    compositor_key(seat_of(&f), KEY_G, true);
    expect_input(&f, "key 34 1; frame; key 34 0; frame; key 34 1; frame; ");
    assert_released(&f);
    fixture_close(&f);
}

static void locks_do_not_spoil_the_hotkey(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    focus(&f);
    f.rec.leds = 1u << LED_CAPSL | 1u << LED_NUML;
    compositor_modifiers(seat_of(&f), CTRL_ALT, 2 | 16 /* caps, num */, 0);
    compositor_key(seat_of(&f), KEY_G, true);
    expect_input(&f, "");
    assert_non_null(seat_of(&f)->lock);
    fixture_close(&f);
}

/* Presses the hotkey's modifiers with this key, and tells whether it was one. */
static bool is_hotkey(const char *layouts, uint32_t group, uint32_t code)
{
    struct compositor_config config = compositor_everything;
    config.layouts = layouts;
    struct fixture f;
    fixture_open(&f, &config, 1);
    focus(&f);
    compositor_modifiers(seat_of(&f), CTRL_ALT, 0, group);
    compositor_key(seat_of(&f), code, true);
    compositor_sync(f.compositor);
    bool is = seat_of(&f)->lock != NULL;
    fixture_close(&f);
    return is;
}

static void the_hotkey_is_where_the_layout_has_its_letter(void **state)
{
    assert_true(is_hotkey("us", 0, KEY_G));
    assert_true(is_hotkey("us(dvorak)", 0, KEY_U)); /* G is there */
    assert_false(is_hotkey("us(dvorak)", 0, KEY_G));
    /* In a layout that has none, where another one has it; or where a keyboard of the USA has it. */
    assert_true(is_hotkey("us(dvorak),ru", 1, KEY_U));
    assert_true(is_hotkey("ru", 0, KEY_G));
    assert_true(is_hotkey(NULL, 0, KEY_G));
}

static void a_compositor_that_unlocks_ends_it(void **state)
{
    struct fixture f;
    open_captured(&f);
    zwp_locked_pointer_v1_send_unlocked(seat_of(&f)->lock);
    expect_input(&f, "locked 0; inhibited 0; ");
    assert_released(&f);
    capture(&f); /* and it can be had again */
    fixture_close(&f);
}

static void a_lock_that_the_compositor_refuses_at_once_is_dropped(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    focus(&f);
    press_hotkey(&f);
    expect_input(&f, HOTKEY_HEARD);
    zwp_locked_pointer_v1_send_unlocked(seat_of(&f)->lock);
    expect_input(&f, "");
    assert_released(&f);
    fixture_close(&f);
}

static void the_users_own_way_out_of_the_inhibition_is_respected(void **state)
{
    struct fixture f;
    open_captured(&f);
    zwp_keyboard_shortcuts_inhibitor_v1_send_inactive(seat_of(&f)->inhibitor);
    expect_input(&f, "inhibited 0; ");
    assert_non_null(seat_of(&f)->lock); /* that stays */
    assert_string_equal(window_of(&f)->title, HINT);
    zwp_locked_pointer_v1_send_unlocked(seat_of(&f)->lock);
    expect_input(&f, "locked 0; ");
    assert_released(&f);
    /* Where nothing else is held, that ends it all. */
    press_hotkey(&f);
    expect_input(&f, HOTKEY_HEARD);
    zwp_keyboard_shortcuts_inhibitor_v1_send_active(seat_of(&f)->inhibitor);
    zwp_keyboard_shortcuts_inhibitor_v1_send_inactive(seat_of(&f)->inhibitor);
    expect_input(&f, "inhibited 1; inhibited 0; ");
    assert_released(&f);
    fixture_close(&f);
}

static void the_loss_of_focus_ends_it_and_releases_the_keys(void **state)
{
    struct fixture f;
    open_captured(&f);
    compositor_key(seat_of(&f), KEY_LEFTMETA, true);
    compositor_key(seat_of(&f), KEY_L, true);
    expect_input(&f, "key 125 1; frame; key 38 1; frame; ");
    wl_keyboard_send_leave(seat_of(&f)->keyboard, 1, window_of(&f)->resource);
    expect_input(&f, "locked 0; inhibited 0; key 38 0; key 125 0; frame; focus -1; ");
    assert_released(&f);
    fixture_close(&f);
}

static void a_pointer_that_leaves_although_it_is_locked_ends_it(void **state)
{
    struct fixture f;
    open_captured(&f);
    compositor_pointer_leave(seat_of(&f), window_of(&f));
    expect_input(&f, "locked 0; inhibited 0; leave; ");
    assert_released(&f);
    fixture_close(&f);
}

static void a_pointer_that_is_unplugged_ends_it(void **state)
{
    struct fixture f;
    open_captured(&f);
    compositor_capabilities(seat_of(&f), WL_SEAT_CAPABILITY_KEYBOARD);
    expect_input(&f, "locked 0; inhibited 0; leave; ");
    assert_released(&f);
    assert_null(seat_of(&f)->pointer);
    fixture_close(&f);
}

static void a_seat_that_goes_ends_it(void **state)
{
    struct fixture f;
    open_captured(&f);
    wl_global_remove(seat_of(&f)->global);
    expect_input(&f, "locked 0; inhibited 0; focus -1; leave; ");
    assert_released(&f);
    fixture_close(&f);
}

static void windows_that_are_closed_end_it(void **state)
{
    struct fixture f;
    open_captured(&f);
    f.rec.input[0] = '\0';
    wayl_destroy(f.wayl);
    f.wayl = NULL;
    assert_string_equal(f.rec.input, "locked 0; inhibited 0; focus -1; leave; ");
    fixture_close(&f);
}

static void a_window_that_is_closed_ends_it_and_may_be_opened_again(void **state)
{
    struct fixture f;
    open_captured(&f);
    wayl_close(f.wayl, 0);
    expect_input(&f, "locked 0; inhibited 0; focus -1; leave; ");
    assert_released(&f);
    assert_true(wayl_open(f.wayl, 0));
    compositor_sync(f.compositor);
    compositor_sync(f.compositor);
    focus(&f);
    capture(&f);
    fixture_close(&f);
}

static void a_compositor_that_hangs_up_ends_it(void **state)
{
    struct fixture f;
    open_captured(&f);
    compositor_hang_up(f.compositor);
    fixture_until(&f, f.rec.n_lost == 1);
    assert_string_equal(f.rec.input, "locked 0; inhibited 0; focus -1; leave; ");
    fixture_close(&f);
}

static void two_seats_are_locked_each_for_itself(void **state)
{
    struct compositor_config config = compositor_everything;
    config.seat[1] = 8;
    struct fixture f;
    fixture_open(&f, &config, 1);
    focus(&f);
    capture(&f);
    struct compositor_seat *two = &f.compositor->seat[1];
    compositor_keyboard_enter(two, window_of(&f), NULL, 0);
    compositor_pointer_enter(two, window_of(&f), W, 0);
    compositor_modifiers(two, CTRL_ALT, 0, 0);
    compositor_key(two, KEY_G, true);
    compositor_sync(f.compositor);
    zwp_locked_pointer_v1_send_locked(two->lock);
    expect_input(&f, "abs 0 1.000 0.000; frame; "); /* locked already */
    zwp_locked_pointer_v1_send_unlocked(seat_of(&f)->lock);
    expect_input(&f, "inhibited 0; ");
    assert_string_equal(window_of(&f)->title, HINT);
    zwp_locked_pointer_v1_send_unlocked(two->lock);
    expect_input(&f, "locked 0; ");
    assert_released(&f);
    fixture_close(&f);
}

static void a_confined_pointer_still_tells_its_place(void **state)
{
    struct fixture f = { .loop = loop_create(), .confine = true };
    f.compositor = compositor_create(f.loop, &compositor_everything);
    fixture_finish_opening(&f, 1);
    focus(&f);
    press_hotkey(&f);
    assert_null(seat_of(&f)->lock);
    assert_non_null(seat_of(&f)->confine);
    zwp_confined_pointer_v1_send_confined(seat_of(&f)->confine);
    wl_pointer_send_motion(seat_of(&f)->pointer, 0, 0, 0);
    wl_pointer_send_frame(seat_of(&f)->pointer);
    expect_input(&f, HOTKEY_HEARD "abs 0 0.000 0.000; frame; ");
    assert_string_equal(window_of(&f)->title, HINT);
    zwp_confined_pointer_v1_send_unconfined(seat_of(&f)->confine);
    assert_released(&f);
    fixture_close(&f);
}

static void what_the_compositor_lacks_is_left_out(void **state)
{
    struct compositor_config config = compositor_everything;
    config.relative_pointer = 0; /* then a lock is of no use */
    struct fixture f;
    fixture_open(&f, &config, 1);
    focus(&f);
    press_hotkey(&f);
    assert_null(seat_of(&f)->lock);
    assert_non_null(seat_of(&f)->inhibitor);
    fixture_close(&f);

    config.pointer_constraints = config.shortcuts_inhibit = 0;
    fixture_open(&f, &config, 1);
    focus(&f);
    press_hotkey(&f);
    expect_input(&f, HOTKEY_HEARD);
    assert_released(&f);
    fixture_close(&f);
}

/* The guest's cursor while the host's pointer is locked. */

static void show_cursor(struct fixture *f, struct test_buffer *image)
{
    struct display *display = wayl_display(f->wayl);
    struct frame_cursor cursor = { image ? &image->base : NULL, 4, 6 };
    display->ops->cursor(display, 0, &cursor);
}

static void move_cursor(struct fixture *f, int32_t x, int32_t y)
{
    struct display *display = wayl_display(f->wayl);
    display->ops->cursor_move(display, 0, x, y);
    compositor_sync(f->compositor);
}

static void open_with_cursor(struct fixture *f, struct test_buffer *image)
{
    fixture_open(f, &compositor_everything, 1);
    test_buffer_init(image, FRAME_BUFFER_SHM, 64, 64, DRM_FORMAT_ARGB8888);
    focus(f);
    show_cursor(f, image);
    move_cursor(f, 30, 40);
    assert_non_null(seat_of(f)->cursor);
    assert_null(compositor_subsurface(window_of(f)));
    capture(f);
}

static void a_locked_pointer_leaves_the_guests_cursor_in_its_place(void **state)
{
    struct fixture f;
    struct test_buffer image;
    open_with_cursor(&f, &image);
    struct compositor_surface *plane = compositor_subsurface(window_of(&f));
    assert_null(seat_of(&f)->cursor); /* the host's is not seen */
    assert_non_null(plane);
    assert_true(plane->has_content);
    assert_true(plane->deaf); /* what is pointed at is the window */
    assert_int_equal(plane->x, 30);
    assert_int_equal(plane->y, 40);
    compositor_repaint(f.compositor);
    compositor_sync(f.compositor);
    move_cursor(&f, -10, 50);
    assert_int_equal(plane->x, -10);
    compositor_repaint(f.compositor);
    compositor_sync(f.compositor);
    move_cursor(&f, INT32_MIN, INT32_MAX); /* as far as a compositor can be asked for */
    assert_int_equal(plane->x, -32768);
    assert_int_equal(plane->y, 32768);
    /* The host's pointer goes on where the guest's is: its hotspot. */
    move_cursor(&f, 100, 80);
    press_hotkey(&f);
    assert_released(&f);
    assert_true(seat_of(&f)->hint_x == 104 && seat_of(&f)->hint_y == 86);
    assert_non_null(seat_of(&f)->cursor);
    assert_false(plane->has_content);
    /* Both again. */
    f.rec.input[0] = '\0';
    capture(&f);
    assert_true(plane->has_content);
    press_hotkey(&f);
    assert_false(plane->has_content);
    assert_non_null(seat_of(&f)->cursor);
    struct compositor_surface *pointer = wl_resource_get_user_data(seat_of(&f)->cursor);
    assert_true(pointer->has_content);
    fixture_close(&f);
    test_buffer_drop(&image);
    assert_true(image.destroyed);
}

static void the_guests_cursor_moves_once_for_each_time_that_it_is_shown(void **state)
{
    struct fixture f;
    struct test_buffer image;
    open_with_cursor(&f, &image);
    struct compositor_surface *plane = compositor_subsurface(window_of(&f));
    unsigned commits = window_of(&f)->commits;
    for (int i = 0; i < 100; i++)
        move_cursor(&f, i, i);
    assert_int_equal(window_of(&f)->commits, commits); /* the first place is not on screen yet */
    compositor_repaint(f.compositor);
    compositor_sync(f.compositor);
    assert_int_equal(window_of(&f)->commits, commits + 1);
    assert_int_equal(plane->x, 99);
    compositor_repaint(f.compositor);
    compositor_sync(f.compositor);
    assert_int_equal(window_of(&f)->commits, commits + 1);
    fixture_close(&f);
    test_buffer_drop(&image);
}

static void a_cursor_that_the_guest_hides_is_hidden_while_locked_too(void **state)
{
    struct fixture f;
    struct test_buffer image;
    open_with_cursor(&f, &image);
    struct compositor_surface *plane = compositor_subsurface(window_of(&f));
    show_cursor(&f, NULL);
    compositor_sync(f.compositor);
    assert_false(plane->has_content);
    show_cursor(&f, &image);
    compositor_sync(f.compositor);
    assert_true(plane->has_content);
    show_cursor(&f, NULL);
    press_hotkey(&f);
    assert_null(seat_of(&f)->cursor);
    assert_int_equal(seat_of(&f)->hints, 0); /* nobody knows where a hidden one is */
    fixture_close(&f);
    test_buffer_drop(&image);
}

static void without_subsurfaces_a_locked_guest_has_no_cursor(void **state)
{
    struct compositor_config config = compositor_everything;
    config.subcompositor = 0;
    struct fixture f;
    struct test_buffer image;
    fixture_open(&f, &config, 1);
    test_buffer_init(&image, FRAME_BUFFER_SHM, 64, 64, DRM_FORMAT_ARGB8888);
    focus(&f);
    show_cursor(&f, &image);
    capture(&f);
    move_cursor(&f, 1, 2);
    assert_null(seat_of(&f)->cursor);
    fixture_close(&f);
    test_buffer_drop(&image);
}

static void a_pointer_that_others_move_is_shown_where_the_guest_has_it(void **state)
{
    struct fixture f;
    struct test_buffer image;
    fixture_open(&f, &compositor_everything, 1);
    test_buffer_init(&image, FRAME_BUFFER_SHM, 64, 64, DRM_FORMAT_ARGB8888);
    focus(&f);
    show_cursor(&f, &image);
    move_cursor(&f, 30, 40);
    wayl_set_apart(f.wayl, true);
    wayl_set_apart(f.wayl, true);
    compositor_sync(f.compositor);
    struct compositor_surface *plane = compositor_subsurface(window_of(&f));
    assert_non_null(plane);
    assert_true(plane->has_content);
    assert_int_equal(plane->x, 30);
    assert_null(seat_of(&f)->cursor);
    capture(&f); /* one more reason, and one less */
    press_hotkey(&f);
    assert_true(plane->has_content);
    wayl_set_apart(f.wayl, false);
    compositor_sync(f.compositor);
    assert_false(plane->has_content);
    assert_non_null(seat_of(&f)->cursor);
    /* A window that is opened meanwhile. */
    wayl_close(f.wayl, 0);
    wayl_set_apart(f.wayl, true);
    wayl_open(f.wayl, 0);
    compositor_sync(f.compositor);
    compositor_sync(f.compositor);
    show_cursor(&f, &image);
    compositor_sync(f.compositor);
    assert_true(compositor_subsurface(window_of(&f))->has_content);
    fixture_close(&f);
    test_buffer_drop(&image);
    assert_true(image.destroyed);
}

/* The click that locks. */

static void click(struct fixture *f)
{
    wl_pointer_send_button(seat_of(f)->pointer, 1, 0, BTN_LEFT, 1);
    wl_pointer_send_button(seat_of(f)->pointer, 1, 0, BTN_LEFT, 0);
    wl_pointer_send_frame(seat_of(f)->pointer);
    expect_input(f, "button 272 1; button 272 0; frame; ");
}

static void a_click_locks_where_the_guest_has_hidden_its_cursor(void **state)
{
    struct fixture f = { .loop = loop_create(), .lock_on_click = true };
    struct test_buffer image;
    f.compositor = compositor_create(f.loop, &compositor_everything);
    fixture_finish_opening(&f, 1);
    test_buffer_init(&image, FRAME_BUFFER_SHM, 64, 64, DRM_FORMAT_ARGB8888);
    focus(&f);
    show_cursor(&f, NULL);
    click(&f);
    assert_null(seat_of(&f)->lock); /* a console that never had one */
    show_cursor(&f, &image);
    click(&f);
    assert_null(seat_of(&f)->lock);
    show_cursor(&f, NULL);
    click(&f);
    assert_non_null(seat_of(&f)->lock);
    assert_null(seat_of(&f)->inhibitor);
    zwp_locked_pointer_v1_send_locked(seat_of(&f)->lock);
    expect_input(&f, "locked 1; ");
    assert_string_equal(window_of(&f)->title, HINT);
    show_cursor(&f, &image); /* the guest's menu */
    expect_input(&f, "locked 0; ");
    assert_released(&f);
    fixture_close(&f);
    test_buffer_drop(&image);
}

static void no_click_locks_unless_it_was_asked_for(void **state)
{
    struct fixture f;
    struct test_buffer image;
    fixture_open(&f, &compositor_everything, 1);
    test_buffer_init(&image, FRAME_BUFFER_SHM, 64, 64, DRM_FORMAT_ARGB8888);
    focus(&f);
    show_cursor(&f, &image);
    show_cursor(&f, NULL);
    click(&f);
    assert_null(seat_of(&f)->lock);
    fixture_close(&f);
    test_buffer_drop(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hotkey_locks_the_pointer_and_again_releases_it),
        cmocka_unit_test(nothing_is_captured_before_the_compositor_grants_it),
        cmocka_unit_test(without_the_focus_the_hotkey_is_nobodys),
        cmocka_unit_test(other_modifiers_make_another_key),
        cmocka_unit_test(locks_do_not_spoil_the_hotkey),
        cmocka_unit_test(the_hotkey_is_where_the_layout_has_its_letter),
        cmocka_unit_test(a_compositor_that_unlocks_ends_it),
        cmocka_unit_test(a_lock_that_the_compositor_refuses_at_once_is_dropped),
        cmocka_unit_test(the_users_own_way_out_of_the_inhibition_is_respected),
        cmocka_unit_test(the_loss_of_focus_ends_it_and_releases_the_keys),
        cmocka_unit_test(a_pointer_that_leaves_although_it_is_locked_ends_it),
        cmocka_unit_test(a_pointer_that_is_unplugged_ends_it),
        cmocka_unit_test(a_seat_that_goes_ends_it),
        cmocka_unit_test(windows_that_are_closed_end_it),
        cmocka_unit_test(a_window_that_is_closed_ends_it_and_may_be_opened_again),
        cmocka_unit_test(a_compositor_that_hangs_up_ends_it),
        cmocka_unit_test(two_seats_are_locked_each_for_itself),
        cmocka_unit_test(a_confined_pointer_still_tells_its_place),
        cmocka_unit_test(what_the_compositor_lacks_is_left_out),
        cmocka_unit_test(a_locked_pointer_leaves_the_guests_cursor_in_its_place),
        cmocka_unit_test(the_guests_cursor_moves_once_for_each_time_that_it_is_shown),
        cmocka_unit_test(a_cursor_that_the_guest_hides_is_hidden_while_locked_too),
        cmocka_unit_test(without_subsurfaces_a_locked_guest_has_no_cursor),
        cmocka_unit_test(a_pointer_that_others_move_is_shown_where_the_guest_has_it),
        cmocka_unit_test(a_click_locks_where_the_guest_has_hidden_its_cursor),
        cmocka_unit_test(no_click_locks_unless_it_was_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
