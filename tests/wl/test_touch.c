// SPDX-License-Identifier: MIT
/* Fingers and pens over the windows. */
#include <drm_fourcc.h>
#include <linux/input-event-codes.h>

#include "tablet-v2-server.h"
#include "tests/test.h"
#include "tests/wl/fixture.h"

#define W FIXTURE_WIDTH
#define H FIXTURE_HEIGHT
#define EVERYTHING                                                                                 \
    (WL_SEAT_CAPABILITY_KEYBOARD | WL_SEAT_CAPABILITY_POINTER | WL_SEAT_CAPABILITY_TOUCH)

static struct compositor_seat *open_touch(struct fixture *f, unsigned n_windows)
{
    fixture_open(f, &compositor_everything, n_windows);
    struct compositor_seat *seat = &f->compositor->seat[0];
    compositor_capabilities(seat, EVERYTHING);
    compositor_sync(f->compositor);
    assert_non_null(seat->touch);
    assert_true(wayl_has_touch(f->wayl));
    assert_false(wayl_has_pen(f->wayl));
    return seat;
}

static void finger_down(struct compositor_seat *seat, unsigned window, int32_t id, int x, int y)
{
    wl_touch_send_down(seat->touch, ++seat->compositor->serial, 0,
                       compositor_window(seat->compositor, window)->resource, id,
                       wl_fixed_from_int(x), wl_fixed_from_int(y));
}

static void fingers_keep_their_numbers_while_they_are_down(void **state)
{
    struct fixture f;
    struct compositor_seat *seat = open_touch(&f, 1);
    finger_down(seat, 0, 7, 0, H / 2);
    finger_down(seat, 0, -3, W / 2, 0);
    wl_touch_send_frame(seat->touch);
    expect_input(&f, "down 0 0 0.000 0.500; down 1 0 0.500 0.000; frame; ");
    wl_touch_send_motion(seat->touch, 0, -3, wl_fixed_from_int(W), wl_fixed_from_int(H));
    wl_touch_send_up(seat->touch, 1, 0, 7);
    wl_touch_send_frame(seat->touch);
    expect_input(&f, "motion 1 0 1.000 1.000; up 0; frame; ");
    finger_down(seat, 0, 8, 0, 0);
    wl_touch_send_frame(seat->touch);
    expect_input(&f, "down 0 0 0.000 0.000; frame; ");
    fixture_close(&f);
}

static void fingers_that_are_not_down_are_dropped(void **state)
{
    struct fixture f;
    struct compositor_seat *seat = open_touch(&f, 1);
    wl_touch_send_motion(seat->touch, 0, 5, 0, 0);
    wl_touch_send_up(seat->touch, 1, 0, 5);
    expect_input(&f, "");
    finger_down(seat, 0, 1, 0, 0);
    finger_down(seat, 0, 1, W, H); /* it is down already */
    expect_input(&f, "down 0 0 0.000 0.000; ");
    for (int32_t id = 2; id < 100; id++) /* more than there is room for */
        finger_down(seat, 0, id, 0, 0);
    compositor_sync(f.compositor);
    f.rec.input[0] = '\0';
    wl_touch_send_up(seat->touch, 1, 0, 99);
    wl_touch_send_up(seat->touch, 1, 0, 16);
    expect_input(&f, "up 15; ");
    fixture_close(&f);
}

static void fingers_in_two_windows_are_told_for_each(void **state)
{
    struct fixture f;
    struct compositor_seat *seat = open_touch(&f, 2);
    finger_down(seat, 1, 0, W / 2, 0);
    finger_down(seat, 0, 1, 0, 0);
    wl_touch_send_frame(seat->touch);
    expect_input(&f, "down 0 1 0.500 0.000; down 1 0 0.000 0.000; frame; ");
    fixture_close(&f);
}

static void a_gesture_of_the_compositors_lifts_all_fingers(void **state)
{
    struct fixture f;
    struct compositor_seat *seat = open_touch(&f, 1);
    finger_down(seat, 0, 0, 0, 0);
    finger_down(seat, 0, 1, 0, 0);
    wl_touch_send_frame(seat->touch);
    wl_touch_send_cancel(seat->touch);
    expect_input(&f, "down 0 0 0.000 0.000; down 1 0 0.000 0.000; frame; up 0; up 1; frame; ");
    fixture_close(&f);
}

static void a_touchscreen_that_is_unplugged_lifts_its_fingers(void **state)
{
    struct fixture f;
    struct compositor_seat *seat = open_touch(&f, 1);
    finger_down(seat, 0, 0, 0, 0);
    wl_touch_send_frame(seat->touch);
    compositor_sync(f.compositor);
    f.rec.input[0] = '\0';
    compositor_capabilities(seat, 0);
    expect_input(&f, "up 0; frame; ");
    assert_null(seat->touch);
    fixture_close(&f);
}

static void a_window_that_is_closed_lifts_its_fingers_only(void **state)
{
    struct fixture f;
    struct compositor_seat *seat = open_touch(&f, 2);
    finger_down(seat, 0, 0, 0, 0);
    finger_down(seat, 1, 1, 0, 0);
    wl_touch_send_frame(seat->touch);
    compositor_sync(f.compositor);
    f.rec.input[0] = '\0';
    wayl_close(f.wayl, 1);
    wl_touch_send_motion(seat->touch, 0, 1, 0, 0);
    wl_touch_send_motion(seat->touch, 0, 0, 0, 0);
    expect_input(&f, "up 1; frame; motion 0 0 0.000 0.000; ");
    fixture_close(&f);
}

/* The pen. */

static struct compositor_seat *open_tablet(struct fixture *f, uint32_t type, bool has_pressure)
{
    fixture_open(f, &compositor_everything, 2);
    struct compositor_seat *seat = &f->compositor->seat[0];
    assert_non_null(seat->tablet_seat);
    compositor_plug_tablet(seat);
    compositor_bring_tool(seat, type, has_pressure);
    compositor_sync(f->compositor);
    assert_true(wayl_has_pen(f->wayl));
    assert_false(wayl_has_touch(f->wayl));
    return seat;
}

static void near(struct compositor_seat *seat, struct wl_resource *tool, unsigned window)
{
    zwp_tablet_tool_v2_send_proximity_in(tool, ++seat->compositor->serial, seat->tablet,
                                         compositor_window(seat->compositor, window)->resource);
    zwp_tablet_tool_v2_send_motion(tool, wl_fixed_from_int(W / 2), wl_fixed_from_int(H / 4));
    zwp_tablet_tool_v2_send_frame(tool, 0);
}

static void a_pen_is_told_with_all_that_it_has(void **state)
{
    struct fixture f;
    struct compositor_seat *seat = open_tablet(&f, ZWP_TABLET_TOOL_V2_TYPE_PEN, true);
    near(seat, seat->tool, 1);
    expect_input(&f, "pen 1 0.500 0.250; frame; ");
    assert_int_equal(seat->tool_cursor_serial, f.compositor->serial - 1); /* and the sync's */
    zwp_tablet_tool_v2_send_distance(seat->tool, 65535);
    zwp_tablet_tool_v2_send_tilt(seat->tool, wl_fixed_from_int(30), wl_fixed_from_int(-45));
    zwp_tablet_tool_v2_send_frame(seat->tool, 0);
    expect_input(&f, "pen 1 0.500 0.250 distance 1.00 tilt 30 -45; frame; ");
    zwp_tablet_tool_v2_send_distance(seat->tool, 0);
    zwp_tablet_tool_v2_send_tilt(seat->tool, 0, 0);
    zwp_tablet_tool_v2_send_down(seat->tool, 1);
    zwp_tablet_tool_v2_send_pressure(seat->tool, 65535 / 2);
    zwp_tablet_tool_v2_send_button(seat->tool, 1, BTN_STYLUS, 1);
    zwp_tablet_tool_v2_send_frame(seat->tool, 0);
    expect_input(&f, "pen 1 0.500 0.250 touching pressure 0.50; pen button 331 1; frame; ");
    zwp_tablet_tool_v2_send_button(seat->tool, 1, BTN_STYLUS, 0);
    zwp_tablet_tool_v2_send_frame(seat->tool, 0);
    expect_input(&f, "pen button 331 0; frame; ");
    zwp_tablet_tool_v2_send_proximity_out(seat->tool);
    zwp_tablet_tool_v2_send_frame(seat->tool, 0);
    expect_input(&f, "pen away; frame; ");
    fixture_close(&f);
}

static void a_pen_without_pressure_presses_with_all_its_weight(void **state)
{
    struct fixture f;
    struct compositor_seat *seat = open_tablet(&f, ZWP_TABLET_TOOL_V2_TYPE_ERASER, false);
    near(seat, seat->tool, 0);
    zwp_tablet_tool_v2_send_down(seat->tool, 1);
    zwp_tablet_tool_v2_send_frame(seat->tool, 0);
    zwp_tablet_tool_v2_send_up(seat->tool);
    zwp_tablet_tool_v2_send_frame(seat->tool, 0);
    expect_input(&f, "eraser 0 0.500 0.250; frame; "
                     "eraser 0 0.500 0.250 touching pressure 1.00; frame; "
                     "eraser 0 0.500 0.250; frame; ");
    fixture_close(&f);
}

static void a_second_pen_waits_until_the_first_has_left(void **state)
{
    struct fixture f;
    struct compositor_seat *seat = open_tablet(&f, ZWP_TABLET_TOOL_V2_TYPE_PEN, true);
    struct wl_resource *first = seat->tool;
    near(seat, first, 0);
    expect_input(&f, "pen 0 0.500 0.250; frame; ");
    struct wl_resource *second = compositor_bring_tool(seat, ZWP_TABLET_TOOL_V2_TYPE_ERASER, true);
    near(seat, second, 0);
    zwp_tablet_tool_v2_send_down(second, 1);
    zwp_tablet_tool_v2_send_frame(second, 0);
    expect_input(&f, "");
    zwp_tablet_tool_v2_send_proximity_out(first);
    zwp_tablet_tool_v2_send_frame(first, 0);
    zwp_tablet_tool_v2_send_proximity_out(second);
    near(seat, second, 0);
    expect_input(&f, "pen away; frame; eraser 0 0.500 0.250; frame; ");
    fixture_close(&f);
}

static void a_pen_that_is_taken_away_leaves(void **state)
{
    struct fixture f;
    struct compositor_seat *seat = open_tablet(&f, ZWP_TABLET_TOOL_V2_TYPE_PEN, true);
    near(seat, seat->tool, 0);
    expect_input(&f, "pen 0 0.500 0.250; frame; ");
    zwp_tablet_tool_v2_send_removed(seat->tool);
    zwp_tablet_v2_send_removed(seat->tablet);
    expect_input(&f, "pen away; frame; ");
    assert_null(seat->tool);
    assert_null(seat->tablet);
    /* And with the seat. */
    compositor_plug_tablet(seat);
    compositor_bring_tool(seat, ZWP_TABLET_TOOL_V2_TYPE_PEN, true);
    near(seat, seat->tool, 0);
    expect_input(&f, "pen 0 0.500 0.250; frame; ");
    wl_global_remove(seat->global);
    expect_input(&f, "pen away; frame; ");
    fixture_close(&f);
}

static void a_window_that_is_closed_loses_the_pen(void **state)
{
    struct fixture f;
    struct compositor_seat *seat = open_tablet(&f, ZWP_TABLET_TOOL_V2_TYPE_PEN, true);
    near(seat, seat->tool, 1);
    expect_input(&f, "pen 1 0.500 0.250; frame; ");
    wayl_close(f.wayl, 1);
    zwp_tablet_tool_v2_send_motion(seat->tool, 0, 0);
    zwp_tablet_tool_v2_send_frame(seat->tool, 0);
    expect_input(&f, "pen away; frame; ");
    fixture_close(&f);
}

static void the_guests_cursor_goes_with_the_pen(void **state)
{
    struct fixture f;
    struct test_buffer image;
    struct compositor_seat *seat = open_tablet(&f, ZWP_TABLET_TOOL_V2_TYPE_PEN, true);
    test_buffer_init(&image, FRAME_BUFFER_SHM, 64, 64, DRM_FORMAT_ARGB8888);
    struct display *display = wayl_display(f.wayl);
    display->ops->cursor(display, 0, &(struct frame_cursor){ .buffer = &image.base });
    display->ops->cursor_move(display, 0, 40, 50);
    compositor_sync(f.compositor);
    assert_null(compositor_subsurface(compositor_window(f.compositor, 0)));
    near(seat, seat->tool, 0);
    compositor_sync(f.compositor);
    struct compositor_surface *plane = compositor_subsurface(compositor_window(f.compositor, 0));
    assert_non_null(plane);
    assert_true(plane->has_content);
    assert_int_equal(plane->x, 40);
    zwp_tablet_tool_v2_send_proximity_out(seat->tool);
    compositor_sync(f.compositor);
    assert_false(plane->has_content);
    fixture_close(&f);
    test_buffer_drop(&image);
    assert_true(image.destroyed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fingers_keep_their_numbers_while_they_are_down),
        cmocka_unit_test(fingers_that_are_not_down_are_dropped),
        cmocka_unit_test(fingers_in_two_windows_are_told_for_each),
        cmocka_unit_test(a_gesture_of_the_compositors_lifts_all_fingers),
        cmocka_unit_test(a_touchscreen_that_is_unplugged_lifts_its_fingers),
        cmocka_unit_test(a_window_that_is_closed_lifts_its_fingers_only),
        cmocka_unit_test(a_pen_is_told_with_all_that_it_has),
        cmocka_unit_test(a_window_that_is_closed_loses_the_pen),
        cmocka_unit_test(a_pen_without_pressure_presses_with_all_its_weight),
        cmocka_unit_test(a_second_pen_waits_until_the_first_has_left),
        cmocka_unit_test(a_pen_that_is_taken_away_leaves),
        cmocka_unit_test(the_guests_cursor_goes_with_the_pen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
