// SPDX-License-Identifier: MIT
/* Keyboards and pointers of the windows on their way to the sink, and the cursor's image. */
#include <drm_fourcc.h>
#include <linux/input-event-codes.h>
#include <string.h>

#include "tests/test.h"
#include "tests/wl/fixture.h"

#define W FIXTURE_WIDTH
#define H FIXTURE_HEIGHT

static void keys_reach_the_guest_while_its_window_has_focus(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    struct compositor_seat *seat = &f.compositor->seat[0];
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    compositor_key(seat, KEY_A, true); /* nobody's */
    compositor_keyboard_enter(seat, window, NULL, 0);
    compositor_key(seat, KEY_B, true);
    compositor_key(seat, KEY_B, false);
    expect_input(&f, "focus 0; key 48 1; frame; key 48 0; frame; ");
    wl_keyboard_send_leave(seat->keyboard, 1, window->resource);
    compositor_key(seat, KEY_C, true);
    expect_input(&f, "focus -1; ");
    fixture_close(&f);
}

static void keys_that_are_held_when_focus_leaves_are_released(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    struct compositor_seat *seat = &f.compositor->seat[0];
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    compositor_keyboard_enter(seat, window, NULL, 0);
    compositor_key(seat, KEY_LEFTCTRL, true);
    compositor_key(seat, KEY_C, true);
    expect_input(&f, "focus 0; key 29 1; frame; key 46 1; frame; ");
    wl_keyboard_send_leave(seat->keyboard, 1, window->resource);
    expect_input(&f, "key 29 0; key 46 0; frame; focus -1; ");
    fixture_close(&f);
}

static void of_the_keys_held_on_enter_only_modifiers_are_passed_on(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    struct compositor_seat *seat = &f.compositor->seat[0];
    const uint32_t held[] = { KEY_ENTER, KEY_LEFTSHIFT };
    compositor_keyboard_enter(seat, compositor_window(f.compositor, 0), held, 2);
    expect_input(&f, "focus 0; key 42 1; frame; ");
    compositor_key(seat, KEY_ENTER, false); /* it was meant for a launcher */
    compositor_key(seat, KEY_LEFTSHIFT, false);
    compositor_key(seat, KEY_ENTER, true);
    expect_input(&f, "key 42 0; frame; key 28 1; frame; ");
    fixture_close(&f);
}

static void focus_moves_from_window_to_window(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 2);
    struct compositor_seat *seat = &f.compositor->seat[0];
    compositor_keyboard_enter(seat, compositor_window(f.compositor, 1), NULL, 0);
    expect_input(&f, "focus 1; ");
    wl_keyboard_send_leave(seat->keyboard, 1, compositor_window(f.compositor, 1)->resource);
    compositor_keyboard_enter(seat, compositor_window(f.compositor, 0), NULL, 0);
    expect_input(&f, "focus -1; focus 0; ");
    fixture_close(&f);
}

static void codes_that_are_no_keys_are_dropped(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    struct compositor_seat *seat = &f.compositor->seat[0];
    const uint32_t held[] = { 0xffffffff, KEY_CNT };
    compositor_keyboard_enter(seat, compositor_window(f.compositor, 0), held, 2);
    compositor_key(seat, KEY_CNT, true);
    compositor_key(seat, 0xffffffff, true);
    compositor_key(seat, KEY_A, false); /* was never pressed */
    expect_input(&f, "focus 0; ");
    compositor_key(seat, KEY_A, true);
    compositor_key(seat, KEY_A, true); /* the compositor kept the release for itself */
    expect_input(&f, "key 30 1; frame; key 30 0; key 30 1; frame; ");
    fixture_close(&f);
}

static void the_pointer_is_told_as_a_part_of_the_picture(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    struct compositor_seat *seat = &f.compositor->seat[0];
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    compositor_pointer_enter(seat, window, W / 4, H / 2);
    expect_input(&f, "abs 0 0.250 0.500; frame; ");
    wl_pointer_send_motion(seat->pointer, 0, wl_fixed_from_int(W), wl_fixed_from_int(-5));
    wl_pointer_send_frame(seat->pointer);
    expect_input(&f, "abs 0 1.000 0.000; frame; "); /* dragged out of the window */
    compositor_pointer_leave(seat, window);
    expect_input(&f, "leave; ");
    fixture_close(&f);
}

static void the_pointer_is_told_with_its_scanout(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 2);
    struct compositor_seat *seat = &f.compositor->seat[0];
    struct compositor_surface *second = compositor_window(f.compositor, 1);
    compositor_pointer_enter(seat, second, W / 2, H / 4);
    expect_input(&f, "abs 1 0.500 0.250; frame; ");
    compositor_pointer_leave(seat, second);
    compositor_pointer_enter(seat, compositor_window(f.compositor, 0), W / 2, H / 4);
    expect_input(&f, "leave; abs 0 0.500 0.250; frame; ");
    fixture_close(&f);
}

static void the_pointer_is_mapped_back_where_the_window_is_scaled(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    struct compositor_seat *seat = &f.compositor->seat[0];
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    compositor_configure(window, W * 2, H * 2, (const uint32_t[]){ 1 /* maximised */, 0 });
    compositor_pointer_enter(seat, window, W, H);
    expect_input(&f, "abs 0 0.500 0.500; frame; ");
    fixture_close(&f);
}

static void buttons_that_are_held_when_the_pointer_leaves_are_released(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    struct compositor_seat *seat = &f.compositor->seat[0];
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    compositor_pointer_enter(seat, window, 0, 0);
    wl_pointer_send_button(seat->pointer, 1, 0, BTN_LEFT, 1);
    wl_pointer_send_frame(seat->pointer);
    expect_input(&f, "abs 0 0.000 0.000; frame; button 272 1; frame; ");
    compositor_pointer_leave(seat, window);
    wl_pointer_send_button(seat->pointer, 1, 0, BTN_LEFT, 0);
    expect_input(&f, "button 272 0; frame; leave; ");
    fixture_close(&f);
}

static void a_wheel_is_told_by_its_most_exact_event(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    struct compositor_seat *seat = &f.compositor->seat[0];
    compositor_pointer_enter(seat, compositor_window(f.compositor, 0), 0, 0);
    expect_input(&f, "abs 0 0.000 0.000; frame; ");
    wl_pointer_send_axis_source(seat->pointer, WL_POINTER_AXIS_SOURCE_WHEEL);
    wl_pointer_send_axis_value120(seat->pointer, WL_POINTER_AXIS_VERTICAL_SCROLL, 30);
    wl_pointer_send_axis(seat->pointer, 0, WL_POINTER_AXIS_VERTICAL_SCROLL, wl_fixed_from_int(4));
    wl_pointer_send_frame(seat->pointer);
    expect_input(&f, "wheel 0 30; frame; ");
    wl_pointer_send_axis(seat->pointer, 0, WL_POINTER_AXIS_HORIZONTAL_SCROLL,
                         wl_fixed_from_int(-10));
    wl_pointer_send_frame(seat->pointer);
    expect_input(&f, "wheel -120 0; frame; ");
    wl_pointer_send_axis(seat->pointer, 0, 77, wl_fixed_from_int(-10)); /* no such axis */
    wl_pointer_send_frame(seat->pointer);
    expect_input(&f, "");
    fixture_close(&f);
}

static void an_older_seat_tells_the_wheel_in_steps(void **state)
{
    struct compositor_config config = compositor_everything;
    config.seat[0] = 5;
    struct fixture f;
    fixture_open(&f, &config, 1);
    struct compositor_seat *seat = &f.compositor->seat[0];
    compositor_pointer_enter(seat, compositor_window(f.compositor, 0), 0, 0);
    wl_pointer_send_axis_discrete(seat->pointer, WL_POINTER_AXIS_VERTICAL_SCROLL, -2);
    wl_pointer_send_axis(seat->pointer, 0, WL_POINTER_AXIS_VERTICAL_SCROLL, wl_fixed_from_int(-20));
    wl_pointer_send_frame(seat->pointer);
    expect_input(&f, "abs 0 0.000 0.000; frame; wheel 0 -240; frame; ");
    fixture_close(&f);
}

static void a_seat_without_frames_makes_each_event_one(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_poor, 1);
    struct compositor_seat *seat = &f.compositor->seat[0];
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    compositor_pointer_enter(seat, window, 0, 0);
    wl_pointer_send_button(seat->pointer, 1, 0, BTN_RIGHT, 1);
    wl_pointer_send_axis(seat->pointer, 0, WL_POINTER_AXIS_VERTICAL_SCROLL, wl_fixed_from_int(10));
    expect_input(&f, "abs 0 0.000 0.000; frame; button 273 1; frame; wheel 0 120; frame; ");
    fixture_close(&f);
}

static void a_device_that_is_unplugged_lets_go_of_everything(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    struct compositor_seat *seat = &f.compositor->seat[0];
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    compositor_keyboard_enter(seat, window, NULL, 0);
    compositor_key(seat, KEY_A, true);
    compositor_pointer_enter(seat, window, 0, 0);
    wl_pointer_send_button(seat->pointer, 1, 0, BTN_LEFT, 1);
    wl_pointer_send_frame(seat->pointer);
    compositor_sync(f.compositor);
    f.rec.input[0] = '\0';
    compositor_capabilities(seat, 0);
    expect_input(&f, "key 30 0; frame; focus -1; button 272 0; frame; leave; ");
    assert_null(seat->keyboard);
    assert_null(seat->pointer);
    /* And is plugged in again. */
    compositor_capabilities(seat, WL_SEAT_CAPABILITY_KEYBOARD);
    compositor_sync(f.compositor);
    assert_non_null(seat->keyboard);
    compositor_keyboard_enter(seat, window, NULL, 0);
    expect_input(&f, "focus 0; ");
    fixture_close(&f);
}

static void a_seat_that_goes_lets_go_of_everything(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    struct compositor_seat *seat = &f.compositor->seat[0];
    compositor_keyboard_enter(seat, compositor_window(f.compositor, 0), NULL, 0);
    compositor_key(seat, KEY_A, true);
    compositor_sync(f.compositor);
    f.rec.input[0] = '\0';
    wl_global_remove(seat->global);
    expect_input(&f, "key 30 0; frame; focus -1; ");
    fixture_close(&f);
}

static void two_seats_are_one_keyboard_to_the_guest(void **state)
{
    struct compositor_config config = compositor_everything;
    config.seat[1] = 8;
    struct fixture f;
    fixture_open(&f, &config, 1);
    struct compositor_seat *one = &f.compositor->seat[0], *two = &f.compositor->seat[1];
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    compositor_keyboard_enter(one, window, NULL, 0);
    compositor_keyboard_enter(two, window, NULL, 0);
    compositor_key(one, KEY_A, true);
    compositor_key(two, KEY_A, true);
    expect_input(&f, "focus 0; key 30 1; frame; frame; ");
    compositor_key(one, KEY_A, false);
    expect_input(&f, "frame; ");
    wl_keyboard_send_leave(two->keyboard, 1, window->resource);
    expect_input(&f, "key 30 0; frame; ");
    wl_keyboard_send_leave(one->keyboard, 1, window->resource);
    expect_input(&f, "focus -1; ");
    fixture_close(&f);
}

static void the_host_cursor_is_hidden_over_a_window_until_the_guest_has_one(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    struct compositor_seat *seat = &f.compositor->seat[0];
    compositor_pointer_enter(seat, compositor_window(f.compositor, 0), 0, 0);
    compositor_sync(f.compositor);
    assert_int_equal(seat->cursor_sets, 1);
    assert_null(seat->cursor);

    struct test_buffer image;
    test_buffer_init(&image, FRAME_BUFFER_SHM, 64, 64, DRM_FORMAT_ARGB8888);
    struct display *display = wayl_display(f.wayl);
    struct frame_cursor cursor = { .buffer = &image.base, .hot_x = 3, .hot_y = 5 };
    display->ops->cursor(display, 0, &cursor);
    compositor_sync(f.compositor);
    assert_non_null(seat->cursor);
    assert_int_equal(seat->hot_x, 3);
    assert_int_equal(seat->hot_y, 5);
    struct compositor_surface *surface = wl_resource_get_user_data(seat->cursor);
    assert_int_equal(wl_shm_buffer_get_format(wl_shm_buffer_get(surface->buffer)),
                     WL_SHM_FORMAT_ARGB8888);
    assert_int_equal(image.base.locks, 2); /* the compositor, and we: to show it elsewhere */
    /* The next image is drawn into the same memory. */
    cursor.hot_x = 9;
    display->ops->cursor(display, 0, &cursor);
    compositor_sync(f.compositor);
    assert_int_equal(seat->hot_x, 9);
    assert_int_equal(surface->commits, 2);

    display->ops->cursor(display, 0, &(struct frame_cursor){ 0 });
    compositor_sync(f.compositor);
    assert_null(seat->cursor);
    fixture_close(&f);
    test_buffer_drop(&image);
    assert_true(image.destroyed);
}

static void a_pointer_that_enters_gets_the_image_of_that_window(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 2);
    struct compositor_seat *seat = &f.compositor->seat[0];
    struct test_buffer image;
    test_buffer_init(&image, FRAME_BUFFER_SHM, 64, 64, DRM_FORMAT_ARGB8888);
    struct display *display = wayl_display(f.wayl);
    display->ops->cursor(display, 1, &(struct frame_cursor){ .buffer = &image.base });
    compositor_sync(f.compositor);
    assert_int_equal(seat->cursor_sets, 0); /* the pointer is elsewhere */
    compositor_pointer_enter(seat, compositor_window(f.compositor, 1), 0, 0);
    compositor_sync(f.compositor);
    assert_non_null(seat->cursor);
    compositor_pointer_leave(seat, compositor_window(f.compositor, 1));
    compositor_pointer_enter(seat, compositor_window(f.compositor, 0), 0, 0);
    compositor_sync(f.compositor);
    assert_null(seat->cursor);
    fixture_close(&f);
    test_buffer_drop(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_reach_the_guest_while_its_window_has_focus),
        cmocka_unit_test(keys_that_are_held_when_focus_leaves_are_released),
        cmocka_unit_test(of_the_keys_held_on_enter_only_modifiers_are_passed_on),
        cmocka_unit_test(focus_moves_from_window_to_window),
        cmocka_unit_test(codes_that_are_no_keys_are_dropped),
        cmocka_unit_test(the_pointer_is_told_as_a_part_of_the_picture),
        cmocka_unit_test(the_pointer_is_told_with_its_scanout),
        cmocka_unit_test(the_pointer_is_mapped_back_where_the_window_is_scaled),
        cmocka_unit_test(buttons_that_are_held_when_the_pointer_leaves_are_released),
        cmocka_unit_test(a_wheel_is_told_by_its_most_exact_event),
        cmocka_unit_test(an_older_seat_tells_the_wheel_in_steps),
        cmocka_unit_test(a_seat_without_frames_makes_each_event_one),
        cmocka_unit_test(a_device_that_is_unplugged_lets_go_of_everything),
        cmocka_unit_test(a_seat_that_goes_lets_go_of_everything),
        cmocka_unit_test(two_seats_are_one_keyboard_to_the_guest),
        cmocka_unit_test(the_host_cursor_is_hidden_over_a_window_until_the_guest_has_one),
        cmocka_unit_test(a_pointer_that_enters_gets_the_image_of_that_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
