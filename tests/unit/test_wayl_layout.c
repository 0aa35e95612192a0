// SPDX-License-Identifier: MIT
#include <math.h>

#include "tests/test.h"
#include "vmm/base/util.h"
#include "wl/layout.h"

#define ONE WAYL_SCALE_ONE

static void expect_size(struct wayl_size size, uint32_t width, uint32_t height)
{
    assert_int_equal(size.width, width);
    assert_int_equal(size.height, height);
}

static void expect_shown(const struct wayl_layout *layout, uint32_t x, uint32_t y, uint32_t width,
                         uint32_t height)
{
    assert_int_equal(layout->shown.x, x);
    assert_int_equal(layout->shown.y, y);
    assert_int_equal(layout->shown.width, width);
    assert_int_equal(layout->shown.height, height);
}

static struct wayl_layout layout_of(uint32_t width, uint32_t height)
{
    struct wayl_layout layout;
    wayl_layout_init(&layout, width, height, true, false);
    wayl_layout_told(&layout, width, height);
    return layout;
}

static void a_floating_window_becomes_as_large_as_what_the_guest_chose(void **state)
{
    struct wayl_layout layout = layout_of(800, 600);
    wayl_layout_configure(&layout, WAYL_LAYOUT_FLOATING, 0, 0);
    wayl_layout_picture(&layout, 1024, 768);
    expect_size(layout.window, 1024, 768);
    expect_size(layout.mode, 1024, 768);
    assert_false(wayl_layout_has_bars(&layout));
}

static void a_picture_that_was_asked_for_is_no_choice(void **state)
{
    struct wayl_layout layout = layout_of(800, 600);
    wayl_layout_configure(&layout, WAYL_LAYOUT_HELD, 1000, 1000);
    wayl_layout_told(&layout, 1000, 1000);
    wayl_layout_configure(&layout, WAYL_LAYOUT_FLOATING, 0, 0);
    wayl_layout_picture(&layout, 1000, 1000); /* late */
    expect_size(layout.window, 800, 600);
    expect_shown(&layout, 100, 0, 600, 600);
}

static void a_size_repeated_from_before_a_mode_set_is_no_rule(void **state)
{
    struct wayl_layout layout = layout_of(800, 600);
    wayl_layout_picture(&layout, 1024, 768);
    wayl_layout_configure(&layout, WAYL_LAYOUT_FLOATING, 800, 600);
    expect_size(layout.window, 1024, 768);
    wayl_layout_configure(&layout, WAYL_LAYOUT_FLOATING, 512, 768);
    expect_size(layout.window, 512, 768);
    wayl_layout_picture(&layout, 640, 480); /* the user has sized it now */
    expect_size(layout.window, 512, 768);
    wayl_layout_configure(&layout, WAYL_LAYOUT_FLOATING, 0, 0);
    expect_size(layout.window, 512, 768);
}

static void a_window_that_is_held_has_just_the_size_that_it_is_given(void **state)
{
    struct wayl_layout layout = layout_of(800, 600);
    wayl_layout_picture(&layout, 800, 600);
    wayl_layout_configure(&layout, WAYL_LAYOUT_HELD, 1000, 300);
    expect_size(layout.window, 1000, 300);
    expect_size(layout.mode, 1000, 300);
    expect_shown(&layout, 300, 0, 400, 300);
    wayl_layout_configure(&layout, WAYL_LAYOUT_HELD, 1600, 1600);
    expect_shown(&layout, 0, 200, 1600, 1200);
    wayl_layout_picture(&layout, 1600, 1600); /* the guest follows */
    assert_false(wayl_layout_has_bars(&layout));
    wayl_layout_configure(&layout, WAYL_LAYOUT_FLOATING, 0, 0);
    expect_size(layout.window, 800, 600);
}

static void a_picture_of_nearly_the_windows_shape_has_no_bars(void **state)
{
    struct wayl_layout layout = layout_of(800, 600);
    wayl_layout_picture(&layout, 800, 600);
    wayl_layout_configure(&layout, WAYL_LAYOUT_RESIZING, 1001, 751);
    expect_shown(&layout, 0, 0, 1001, 751);
}

static void a_window_that_fills_has_no_bars(void **state)
{
    struct wayl_layout layout;
    wayl_layout_init(&layout, 800, 600, true, true);
    wayl_layout_picture(&layout, 800, 600);
    wayl_layout_configure(&layout, WAYL_LAYOUT_HELD, 1000, 300);
    expect_shown(&layout, 0, 0, 1000, 300);
}

static void the_mode_is_the_logical_size_times_the_scale(void **state)
{
    static const struct {
        uint32_t scale, width, height;
    } cases[] = {
        { ONE, 333, 251 },         { ONE * 5 / 4, 416, 314 }, /* 416.25, 313.75 */
        { ONE * 3 / 2, 500, 377 },                            /* 499.5, 376.5: halves go up */
        { ONE * 2, 666, 502 },     { ONE / 2, 167, 126 },
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct wayl_layout layout = layout_of(800, 600);
        wayl_layout_configure(&layout, WAYL_LAYOUT_RESIZING, 333, 251);
        wayl_layout_scale(&layout, cases[i].scale);
        expect_size(layout.window, 333, 251);
        expect_size(layout.mode, cases[i].width, cases[i].height);
        wayl_layout_picture(&layout, cases[i].width, cases[i].height);
        expect_shown(&layout, 0, 0, 333, 251);
    }
}

/* Otherwise window and mode would push each other on for ever. */
static void a_window_that_follows_the_guest_asks_for_what_it_follows(void **state)
{
    for (uint32_t scale = ONE; scale <= 3 * ONE; scale++) {
        struct wayl_layout layout = layout_of(800, 600);
        wayl_layout_scale(&layout, scale);
        wayl_layout_picture(&layout, 1366, 768);
        struct wayl_size window = layout.window, mode = layout.mode;
        wayl_layout_picture(&layout, mode.width, mode.height);
        assert_true(wayl_size_equal(layout.window, window));
        assert_true(wayl_size_equal(layout.mode, mode));
    }
}

static void a_fullscreen_window_asks_for_the_outputs_own_mode(void **state)
{
    struct wayl_layout layout = layout_of(800, 600);
    wayl_layout_scale(&layout, 132); /* 1.1 */
    wayl_layout_output(&layout, 1920, 1080);
    expect_size(layout.mode, 880, 660);
    /* 1079.1 and 1919.5 if it were reckoned */
    wayl_layout_configure(&layout, WAYL_LAYOUT_FULLSCREEN, 1745, 981);
    expect_size(layout.mode, 1920, 1080);
    /* One that the compositor scales down is not shown pixel for pixel. */
    wayl_layout_scale(&layout, 2 * ONE);
    wayl_layout_configure(&layout, WAYL_LAYOUT_FULLSCREEN, 1280, 720);
    expect_size(layout.mode, 2560, 1440);
}

static void a_window_fits_its_bounds_until_somebody_sizes_it(void **state)
{
    struct wayl_layout layout = layout_of(1600, 1000);
    wayl_layout_bounds(&layout, 1280, 700);
    wayl_layout_configure(&layout, WAYL_LAYOUT_FLOATING, 0, 0);
    expect_size(layout.window, 1120, 700);
    wayl_layout_configure(&layout, WAYL_LAYOUT_RESIZING, 2000, 900);
    wayl_layout_configure(&layout, WAYL_LAYOUT_FLOATING, 0, 0);
    expect_size(layout.window, 2000, 900);
}

static void no_size_is_ever_out_of_range(void **state)
{
    struct wayl_layout layout = layout_of(16384, 1);
    wayl_layout_picture(&layout, 16384, 1);
    wayl_layout_configure(&layout, WAYL_LAYOUT_HELD, 1, 1);
    expect_size(layout.window, 1, 1);
    expect_size(layout.mode, WAYL_MODE_MIN, WAYL_MODE_MIN);
    expect_shown(&layout, 0, 0, 1, 1);
    wayl_layout_configure(&layout, WAYL_LAYOUT_HELD, UINT32_MAX, UINT32_MAX);
    expect_size(layout.window, 16384, 16384);
    expect_shown(&layout, 0, 8191, 16384, 1);
    wayl_layout_scale(&layout, UINT32_MAX);
    expect_size(layout.mode, 16384, 16384);
    wayl_layout_scale(&layout, 0);
    expect_size(layout.mode, 4096, 4096);
    wayl_layout_configure(&layout, WAYL_LAYOUT_HELD, 100, 0);
    expect_size(layout.window, 16384, 1);
}

static void without_a_viewporter_a_window_is_as_large_as_the_picture(void **state)
{
    struct wayl_layout layout;
    wayl_layout_init(&layout, 800, 600, false, true);
    wayl_layout_picture(&layout, 800, 600);
    wayl_layout_configure(&layout, WAYL_LAYOUT_HELD, 1000, 1000);
    expect_size(layout.window, 800, 600);
    expect_size(layout.mode, 1000, 1000); /* the guest may follow */
    wayl_layout_picture(&layout, 1000, 1000);
    expect_size(layout.window, 1000, 1000);
    wayl_layout_scale(&layout, 2 * ONE);
    expect_size(layout.mode, 2000, 2000);
    expect_size(layout.window, 500, 500);
    assert_int_equal(layout.buffer_scale, 2);
    wayl_layout_picture(&layout, 1000, 999); /* would be a protocol error */
    assert_int_equal(layout.buffer_scale, 1);
    expect_size(layout.window, 1000, 999);
}

static void points_are_clamped_to_the_picture(void **state)
{
    struct wayl_layout layout = layout_of(800, 600);
    double x, y;
    wayl_layout_picture(&layout, 800, 600);
    wayl_layout_configure(&layout, WAYL_LAYOUT_HELD, 400, 600); /* the picture: 0,150 400×300 */
    wayl_layout_point(&layout, false, 100, 150, &x, &y);
    assert_true(x == 0.25 && y == 0.5);
    wayl_layout_point(&layout, true, 100, 300, &x, &y);
    assert_true(x == 0.25 && y == 0.5);
    wayl_layout_point(&layout, true, 100, 20, &x, &y);
    assert_true(x == 0.25 && y == 0);
    wayl_layout_point(&layout, false, -1, 1e9, &x, &y);
    assert_true(x == 0 && y == 1);
    wayl_layout_point(&layout, false, NAN, 0, &x, &y);
    assert_true(x == 0);
}

static void damage_is_cut_to_the_picture(void **state)
{
    struct frame_buffer buffer = { .width = 100, .height = 100 };
    struct frame frame = { .buffer = &buffer, .source = { 10, 20, 50, 40 } };
    struct frame_rect out;
    assert_true(wayl_layout_damage(&frame, &(struct frame_rect){ 40, 30, 100, UINT32_MAX }, &out));
    assert_int_equal(out.x, 50);
    assert_int_equal(out.y, 50);
    assert_int_equal(out.width, 10);
    assert_int_equal(out.height, 10);
    assert_false(wayl_layout_damage(&frame, &(struct frame_rect){ 50, 0, 1, 1 }, &out));
    assert_false(wayl_layout_damage(&frame, &(struct frame_rect){ 0, 0, 0, 1 }, &out));
}

static void an_inverted_picture_is_counted_from_below(void **state)
{
    struct frame_buffer buffer = { .width = 100, .height = 100 };
    struct frame frame = { .buffer = &buffer, .source = { 0, 10, 100, 40 }, .y_inverted = true };
    struct frame_rect out;
    assert_true(wayl_layout_damage(&frame, &(struct frame_rect){ 0, 0, 100, 5 }, &out));
    assert_int_equal(out.y, 45); /* the last five rows of 10 to 49 */
    assert_int_equal(out.height, 5);
    out = wayl_layout_source(&frame);
    assert_int_equal(out.y, 50); /* after the turn */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_floating_window_becomes_as_large_as_what_the_guest_chose),
        cmocka_unit_test(a_picture_that_was_asked_for_is_no_choice),
        cmocka_unit_test(a_size_repeated_from_before_a_mode_set_is_no_rule),
        cmocka_unit_test(a_window_that_is_held_has_just_the_size_that_it_is_given),
        cmocka_unit_test(a_picture_of_nearly_the_windows_shape_has_no_bars),
        cmocka_unit_test(a_window_that_fills_has_no_bars),
        cmocka_unit_test(the_mode_is_the_logical_size_times_the_scale),
        cmocka_unit_test(a_window_that_follows_the_guest_asks_for_what_it_follows),
        cmocka_unit_test(a_fullscreen_window_asks_for_the_outputs_own_mode),
        cmocka_unit_test(a_window_fits_its_bounds_until_somebody_sizes_it),
        cmocka_unit_test(no_size_is_ever_out_of_range),
        cmocka_unit_test(without_a_viewporter_a_window_is_as_large_as_the_picture),
        cmocka_unit_test(points_are_clamped_to_the_picture),
        cmocka_unit_test(damage_is_cut_to_the_picture),
        cmocka_unit_test(an_inverted_picture_is_counted_from_below),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
