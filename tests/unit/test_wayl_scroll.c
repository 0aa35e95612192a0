// SPDX-License-Identifier: MIT
#include "tests/test.h"
#include "wl/scroll.h"

static void the_most_exact_event_of_a_frame_counts(void **state)
{
    struct wayl_scroll scroll = { 0 };
    wayl_scroll_distance(&scroll, 15);
    assert_int_equal(wayl_scroll_frame(&scroll), 180);
    wayl_scroll_distance(&scroll, 15);
    wayl_scroll_discrete(&scroll, 1);
    assert_int_equal(wayl_scroll_frame(&scroll), 120);
    wayl_scroll_discrete(&scroll, 1);
    wayl_scroll_v120(&scroll, -40);
    wayl_scroll_distance(&scroll, 15);
    assert_int_equal(wayl_scroll_frame(&scroll), -40);
    assert_int_equal(wayl_scroll_frame(&scroll), 0);
}

static void a_slow_touchpad_loses_nothing(void **state)
{
    struct wayl_scroll scroll = { 0 };
    int sum = 0;
    for (unsigned i = 0; i < 256; i++) {
        wayl_scroll_distance(&scroll, 10.0 / 256); /* less than 1/120 of a detent each */
        sum += wayl_scroll_frame(&scroll);
    }
    assert_in_range(sum, 119, 120);
    wayl_scroll_distance(&scroll, 0.08);
    wayl_scroll_frame(&scroll);
    wayl_scroll_stop(&scroll);
    assert_true(scroll.rest == 0);
}

static void absurd_movements_are_bounded(void **state)
{
    struct wayl_scroll scroll = { 0 };
    wayl_scroll_distance(&scroll, 1e18);
    assert_int_equal(wayl_scroll_frame(&scroll), 120000);
    wayl_scroll_discrete(&scroll, INT32_MIN);
    assert_int_equal(wayl_scroll_frame(&scroll), -120000);
    wayl_scroll_v120(&scroll, INT32_MAX);
    assert_int_equal(wayl_scroll_frame(&scroll), 120000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_most_exact_event_of_a_frame_counts),
        cmocka_unit_test(a_slow_touchpad_loses_nothing),
        cmocka_unit_test(absurd_movements_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
