// SPDX-License-Identifier: MIT
/* The hotkey that gives the pointer and the shortcuts to the guest, and all that ends it. */
#include <drm_fourcc.h>
#include <linux/input-event-codes.h>

#include "keyboard-shortcuts-inhibit-v1-server.h"
#include "pointer-constraints-v1-server.h"
#include "tests/test.h"
#include "tests/wl/capture_bed.h"

#define W FIXTURE_WIDTH
#define H FIXTURE_HEIGHT

static void open_captured(struct fixture *f)
{
    fixture_open(f, &compositor_everything, 1);
    capture_focus(f);
    capture_take(f);
}

static void the_hotkey_locks_the_pointer_and_again_releases_it(void **state)
{
    struct fixture f;
    open_captured(&f);
    assert_ptr_equal(capture_seat(&f)->constrained, capture_window(&f));
    compositor_relative_motion(capture_seat(&f), 1.5, -2, 3, -4);
    expect_input(&f, "rel 1.5 -2 3 -4; frame; ");
    wl_pointer_send_motion(capture_seat(&f)->pointer, 0, 0,
                           0); /* it does not, while it is locked */
    wl_pointer_send_button(capture_seat(&f)->pointer, 1, 0, BTN_LEFT, 1);
    wl_pointer_send_button(capture_seat(&f)->pointer, 1, 0, BTN_LEFT, 0);
    wl_pointer_send_frame(capture_seat(&f)->pointer);
    expect_input(&f, "button 272 1; button 272 0; frame; ");
    capture_press(&f);
    expect_input(&f, "key 29 1; frame; key 56 1; frame; locked 0; inhibited 0; "
                     "key 56 0; frame; key 29 0; frame; ");
    capture_assert_released(&f);
    compositor_pointer_leave(capture_seat(&f), capture_window(&f));
    compositor_pointer_enter(capture_seat(&f), capture_window(&f), 0, 0);
    expect_input(&f, "leave; abs 0 0.000 0.000; frame; ");
    fixture_close(&f);
}

static void nothing_is_captured_before_the_compositor_grants_it(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    capture_focus(&f);
    capture_press(&f);
    expect_input(&f, HOTKEY_HEARD);
    assert_string_equal(capture_window(&f)->title, "A guest");
    compositor_relative_motion(capture_seat(&f), 1, 1, 1, 1);
    wl_pointer_send_motion(capture_seat(&f)->pointer, 0, 0, 0);
    wl_pointer_send_frame(capture_seat(&f)->pointer);
    expect_input(&f, "abs 0 0.000 0.000; frame; ");
    /* Only the keyboard. */
    zwp_keyboard_shortcuts_inhibitor_v1_send_active(capture_seat(&f)->inhibitor);
    expect_input(&f, "inhibited 1; ");
    assert_string_equal(capture_window(&f)->title, "A guest — Ctrl+Alt+G releases the keyboard");
    fixture_close(&f);
}

static void without_the_focus_the_hotkey_is_nobodys(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    capture_press(&f);
    expect_input(&f, "");
    capture_assert_released(&f);
    fixture_close(&f);
}

static void other_modifiers_make_another_key(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    capture_focus(&f);
    compositor_modifiers(capture_seat(&f), CTRL_ALT | 1 /* shift */, 0, 0);
    compositor_key(capture_seat(&f), KEY_G, true);
    compositor_key(capture_seat(&f), KEY_G, false);
    compositor_modifiers(capture_seat(&f), 4, 0, 0);
    compositor_key(capture_seat(&f), KEY_G, true);
    expect_input(&f, "key 34 1; frame; key 34 0; frame; key 34 1; frame; ");
    capture_assert_released(&f);
    fixture_close(&f);
}

static void locks_do_not_spoil_the_hotkey(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    capture_focus(&f);
    f.rec.leds = 1u << LED_CAPSL | 1u << LED_NUML;
    compositor_modifiers(capture_seat(&f), CTRL_ALT, 2 | 16 /* caps, num */, 0);
    compositor_key(capture_seat(&f), KEY_G, true);
    expect_input(&f, "");
    assert_non_null(capture_seat(&f)->lock);
    fixture_close(&f);
}

/* Presses the hotkey's modifiers with this key, and tells whether it was one. */
static bool is_hotkey(const char *layouts, uint32_t group, uint32_t code)
{
    struct compositor_config config = compositor_everything;
    config.layouts = layouts;
    struct fixture f;
    fixture_open(&f, &config, 1);
    capture_focus(&f);
    compositor_modifiers(capture_seat(&f), CTRL_ALT, 0, group);
    compositor_key(capture_seat(&f), code, true);
    compositor_sync(f.compositor);
    bool is = capture_seat(&f)->lock != NULL;
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
    zwp_locked_pointer_v1_send_unlocked(capture_seat(&f)->lock);
    expect_input(&f, "locked 0; inhibited 0; ");
    capture_assert_released(&f);
    capture_take(&f); /* and it can be had again */
    fixture_close(&f);
}

static void a_lock_that_the_compositor_refuses_at_once_is_dropped(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    capture_focus(&f);
    capture_press(&f);
    expect_input(&f, HOTKEY_HEARD);
    zwp_locked_pointer_v1_send_unlocked(capture_seat(&f)->lock);
    expect_input(&f, "");
    capture_assert_released(&f);
    fixture_close(&f);
}

static void the_users_own_way_out_of_the_inhibition_is_respected(void **state)
{
    struct fixture f;
    open_captured(&f);
    zwp_keyboard_shortcuts_inhibitor_v1_send_inactive(capture_seat(&f)->inhibitor);
    expect_input(&f, "inhibited 0; ");
    assert_non_null(capture_seat(&f)->lock); /* that stays */
    assert_string_equal(capture_window(&f)->title, HINT);
    zwp_locked_pointer_v1_send_unlocked(capture_seat(&f)->lock);
    expect_input(&f, "locked 0; ");
    capture_assert_released(&f);
    /* Where nothing else is held, that ends it all. */
    capture_press(&f);
    expect_input(&f, HOTKEY_HEARD);
    zwp_keyboard_shortcuts_inhibitor_v1_send_active(capture_seat(&f)->inhibitor);
    zwp_keyboard_shortcuts_inhibitor_v1_send_inactive(capture_seat(&f)->inhibitor);
    expect_input(&f, "inhibited 1; inhibited 0; ");
    capture_assert_released(&f);
    fixture_close(&f);
}

static void the_loss_of_focus_ends_it_and_releases_the_keys(void **state)
{
    struct fixture f;
    open_captured(&f);
    compositor_key(capture_seat(&f), KEY_LEFTMETA, true);
    compositor_key(capture_seat(&f), KEY_L, true);
    expect_input(&f, "key 125 1; frame; key 38 1; frame; ");
    wl_keyboard_send_leave(capture_seat(&f)->keyboard, 1, capture_window(&f)->resource);
    expect_input(&f, "locked 0; inhibited 0; key 38 0; key 125 0; frame; focus -1; ");
    capture_assert_released(&f);
    fixture_close(&f);
}

static void a_pointer_that_leaves_although_it_is_locked_ends_it(void **state)
{
    struct fixture f;
    open_captured(&f);
    compositor_pointer_leave(capture_seat(&f), capture_window(&f));
    expect_input(&f, "locked 0; inhibited 0; leave; ");
    capture_assert_released(&f);
    fixture_close(&f);
}

static void a_pointer_that_is_unplugged_ends_it(void **state)
{
    struct fixture f;
    open_captured(&f);
    compositor_capabilities(capture_seat(&f), WL_SEAT_CAPABILITY_KEYBOARD);
    expect_input(&f, "locked 0; inhibited 0; leave; ");
    capture_assert_released(&f);
    assert_null(capture_seat(&f)->pointer);
    fixture_close(&f);
}

static void a_seat_that_goes_ends_it(void **state)
{
    struct fixture f;
    open_captured(&f);
    wl_global_remove(capture_seat(&f)->global);
    expect_input(&f, "locked 0; inhibited 0; focus -1; leave; ");
    capture_assert_released(&f);
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
    capture_assert_released(&f);
    assert_true(wayl_open(f.wayl, 0));
    compositor_sync(f.compositor);
    compositor_sync(f.compositor);
    capture_focus(&f);
    capture_take(&f);
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
    capture_focus(&f);
    capture_take(&f);
    struct compositor_seat *two = &f.compositor->seat[1];
    compositor_keyboard_enter(two, capture_window(&f), NULL, 0);
    compositor_pointer_enter(two, capture_window(&f), W, 0);
    compositor_modifiers(two, CTRL_ALT, 0, 0);
    compositor_key(two, KEY_G, true);
    compositor_sync(f.compositor);
    zwp_locked_pointer_v1_send_locked(two->lock);
    expect_input(&f, "abs 0 1.000 0.000; frame; "); /* locked already */
    zwp_locked_pointer_v1_send_unlocked(capture_seat(&f)->lock);
    expect_input(&f, "inhibited 0; ");
    assert_string_equal(capture_window(&f)->title, HINT);
    zwp_locked_pointer_v1_send_unlocked(two->lock);
    expect_input(&f, "locked 0; ");
    capture_assert_released(&f);
    fixture_close(&f);
}

static void a_confined_pointer_still_tells_its_place(void **state)
{
    struct fixture f = { .loop = loop_create(), .confine = true };
    f.compositor = compositor_create(f.loop, &compositor_everything);
    fixture_finish_opening(&f, 1);
    capture_focus(&f);
    capture_press(&f);
    assert_null(capture_seat(&f)->lock);
    assert_non_null(capture_seat(&f)->confine);
    zwp_confined_pointer_v1_send_confined(capture_seat(&f)->confine);
    wl_pointer_send_motion(capture_seat(&f)->pointer, 0, 0, 0);
    wl_pointer_send_frame(capture_seat(&f)->pointer);
    expect_input(&f, HOTKEY_HEARD "abs 0 0.000 0.000; frame; ");
    assert_string_equal(capture_window(&f)->title, HINT);
    zwp_confined_pointer_v1_send_unconfined(capture_seat(&f)->confine);
    capture_assert_released(&f);
    fixture_close(&f);
}

static void what_the_compositor_lacks_is_left_out(void **state)
{
    struct compositor_config config = compositor_everything;
    config.relative_pointer = 0; /* then a lock is of no use */
    struct fixture f;
    fixture_open(&f, &config, 1);
    capture_focus(&f);
    capture_press(&f);
    assert_null(capture_seat(&f)->lock);
    assert_non_null(capture_seat(&f)->inhibitor);
    fixture_close(&f);

    config.pointer_constraints = config.shortcuts_inhibit = 0;
    fixture_open(&f, &config, 1);
    capture_focus(&f);
    capture_press(&f);
    expect_input(&f, HOTKEY_HEARD);
    capture_assert_released(&f);
    fixture_close(&f);
}

/* The click that locks. */

static void click(struct fixture *f)
{
    wl_pointer_send_button(capture_seat(f)->pointer, 1, 0, BTN_LEFT, 1);
    wl_pointer_send_button(capture_seat(f)->pointer, 1, 0, BTN_LEFT, 0);
    wl_pointer_send_frame(capture_seat(f)->pointer);
    expect_input(f, "button 272 1; button 272 0; frame; ");
}

static void a_click_locks_where_the_guest_has_hidden_its_cursor(void **state)
{
    struct fixture f = { .loop = loop_create(), .lock_on_click = true };
    struct test_buffer image;
    f.compositor = compositor_create(f.loop, &compositor_everything);
    fixture_finish_opening(&f, 1);
    test_buffer_init(&image, FRAME_BUFFER_SHM, 64, 64, DRM_FORMAT_ARGB8888);
    capture_focus(&f);
    capture_show_cursor(&f, NULL);
    click(&f);
    assert_null(capture_seat(&f)->lock); /* a console that never had one */
    capture_show_cursor(&f, &image);
    click(&f);
    assert_null(capture_seat(&f)->lock);
    capture_show_cursor(&f, NULL);
    click(&f);
    assert_non_null(capture_seat(&f)->lock);
    assert_null(capture_seat(&f)->inhibitor);
    zwp_locked_pointer_v1_send_locked(capture_seat(&f)->lock);
    expect_input(&f, "locked 1; ");
    assert_string_equal(capture_window(&f)->title, HINT);
    capture_show_cursor(&f, &image); /* the guest's menu */
    expect_input(&f, "locked 0; ");
    capture_assert_released(&f);
    fixture_close(&f);
    test_buffer_drop(&image);
}

static void no_click_locks_unless_it_was_asked_for(void **state)
{
    struct fixture f;
    struct test_buffer image;
    fixture_open(&f, &compositor_everything, 1);
    test_buffer_init(&image, FRAME_BUFFER_SHM, 64, 64, DRM_FORMAT_ARGB8888);
    capture_focus(&f);
    capture_show_cursor(&f, &image);
    capture_show_cursor(&f, NULL);
    click(&f);
    assert_null(capture_seat(&f)->lock);
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
        cmocka_unit_test(a_click_locks_where_the_guest_has_hidden_its_cursor),
        cmocka_unit_test(no_click_locks_unless_it_was_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
