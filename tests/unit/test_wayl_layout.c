// SPDX-License-Identifier: MIT
#include <math.h>

#include "tests/test.h"
#include "wl/layout.h"

static void a_floating_window_is_as_large_as_the_picture(void **state)
{
    struct wayl_layout layout;
    wayl_layout_init(&layout, 800, 600, true);
    assert_int_equal(layout.width, 800);
    assert_false(wayl_layout_configure(&layout, WAYL_LAYOUT_FLOATING, 0, 0));
    assert_true(wayl_layout_picture(&layout, 1024, 768));
    assert_int_equal(layout.width, 1024);
    assert_int_equal(layout.height, 768);
}

static void a_size_repeated_from_before_a_mode_set_is_no_rule(void **state)
{
    struct wayl_layout layout;
    wayl_layout_init(&layout, 800, 600, true);
    wayl_layout_picture(&layout, 1024, 768);
    assert_false(wayl_layout_configure(&layout, WAYL_LAYOUT_FLOATING, 800, 600));
    assert_int_equal(layout.width, 1024);
    assert_true(wayl_layout_configure(&layout, WAYL_LAYOUT_FLOATING, 512, 768));
    assert_int_equal(layout.width, 512);
    assert_int_equal(layout.height, 384);
}

static void a_tiled_window_keeps_the_pictures_shape(void **state)
{
    struct wayl_layout layout;
    wayl_layout_init(&layout, 800, 600, true);
    wayl_layout_configure(&layout, WAYL_LAYOUT_WITHIN, 1000, 300);
    assert_int_equal(layout.width, 400);
    assert_int_equal(layout.height, 300);
    wayl_layout_configure(&layout, WAYL_LAYOUT_WITHIN, 1600, 1600);
    assert_int_equal(layout.width, 1600);
    assert_int_equal(layout.height, 1200);
    /* A mode set leaves it where it is. */
    wayl_layout_picture(&layout, 800, 800);
    assert_int_equal(layout.width, 1600);
    assert_int_equal(layout.height, 1600);
}

static void no_size_is_ever_zero(void **state)
{
    struct wayl_layout layout;
    wayl_layout_init(&layout, 16384, 1, true);
    wayl_layout_configure(&layout, WAYL_LAYOUT_WITHIN, 1, 1);
    assert_int_equal(layout.width, 1);
    assert_int_equal(layout.height, 1);
    wayl_layout_configure(&layout, WAYL_LAYOUT_WITHIN, UINT32_MAX, UINT32_MAX);
    assert_int_equal(layout.width, 16384);
    assert_int_equal(layout.height, 1);
    wayl_layout_configure(&layout, WAYL_LAYOUT_EXACT, 100, 0);
    assert_int_equal(layout.width, 16384);
}

static void without_a_viewporter_a_window_is_never_scaled(void **state)
{
    struct wayl_layout layout;
    wayl_layout_init(&layout, 800, 600, false);
    assert_false(wayl_layout_configure(&layout, WAYL_LAYOUT_EXACT, 1000, 1000));
    assert_int_equal(layout.width, 800);
}

static void points_are_clamped_to_the_picture(void **state)
{
    struct wayl_layout layout;
    double x, y;
    wayl_layout_init(&layout, 800, 600, true);
    wayl_layout_configure(&layout, WAYL_LAYOUT_EXACT, 400, 600);
    wayl_layout_point(&layout, 100, 300, &x, &y);
    assert_true(x == 0.25 && y == 0.5);
    wayl_layout_point(&layout, -1, 1e9, &x, &y);
    assert_true(x == 0 && y == 1);
    wayl_layout_point(&layout, NAN, 0, &x, &y);
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
        cmocka_unit_test(a_floating_window_is_as_large_as_the_picture),
        cmocka_unit_test(a_size_repeated_from_before_a_mode_set_is_no_rule),
        cmocka_unit_test(a_tiled_window_keeps_the_pictures_shape),
        cmocka_unit_test(no_size_is_ever_zero),
        cmocka_unit_test(without_a_viewporter_a_window_is_never_scaled),
        cmocka_unit_test(points_are_clamped_to_the_picture),
        cmocka_unit_test(damage_is_cut_to_the_picture),
        cmocka_unit_test(an_inverted_picture_is_counted_from_below),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
