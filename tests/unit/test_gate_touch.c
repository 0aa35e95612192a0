// SPDX-License-Identifier: MIT
/* The gate's touchscreen and pen. */
#include "tests/test.h"
#include "tests/unit/gate_bed.h"

#define WINDOWS (&bed->gate.windows)
#define TOUCH GATE_TOUCHSCREEN

static void a_finger_comes_moves_and_goes(void **state)
{
    struct gate_bed *bed = *state;
    CALL(WINDOWS, touch_down, 7, 0, 0.5, 0.25);
    FRAME(WINDOWS);
    gate_bed_expect(bed, 0, TOUCH, EV_ABS, ABS_MT_TRACKING_ID, 0);
    gate_bed_expect(bed, 1, TOUCH, EV_ABS, ABS_MT_POSITION_X, 16384);
    gate_bed_expect(bed, 2, TOUCH, EV_ABS, ABS_MT_POSITION_Y, 8192);
    gate_bed_expect(bed, 3, TOUCH, EV_KEY, BTN_TOUCH, 1);
    CALL(WINDOWS, touch_motion, 7, 0, 0.5, 0.5);
    FRAME(WINDOWS);
    gate_bed_expect(bed, 4, TOUCH, EV_ABS, ABS_MT_POSITION_Y, 16384);
    CALL(WINDOWS, touch_up, 7);
    FRAME(WINDOWS);
    gate_bed_expect(bed, 5, TOUCH, EV_ABS, ABS_MT_TRACKING_ID, -1);
    gate_bed_expect(bed, 6, TOUCH, EV_KEY, BTN_TOUCH, 0);
    assert_int_equal(bed->n, 7);
    assert_int_equal(bed->reports, 3);
}

static void fingers_have_slots(void **state)
{
    struct gate_bed *bed = *state;
    CALL(WINDOWS, touch_down, 1, 0, 0, 0);
    CALL(WINDOWS, touch_down, 2, 0, 1, 1);
    FRAME(WINDOWS);
    bed->n = 0;
    CALL(WINDOWS, touch_up, 1);
    CALL(WINDOWS, touch_motion, 2, 0, 0, 1);
    FRAME(WINDOWS);
    gate_bed_expect(bed, 0, TOUCH, EV_ABS, ABS_MT_SLOT, 0);
    gate_bed_expect(bed, 1, TOUCH, EV_ABS, ABS_MT_TRACKING_ID, -1);
    gate_bed_expect(bed, 2, TOUCH, EV_ABS, ABS_MT_SLOT, 1);
    gate_bed_expect(bed, 3, TOUCH, EV_ABS, ABS_MT_POSITION_X, 0);
    assert_int_equal(bed->n, 4);
    WINDOWS->sink.ops->touch_cancel(&WINDOWS->sink);
    FRAME(WINDOWS);
    gate_bed_expect(bed, 4, TOUCH, EV_ABS, ABS_MT_TRACKING_ID, -1);
    gate_bed_expect(bed, 5, TOUCH, EV_KEY, BTN_TOUCH, 0);
}

static void a_touch_within_one_frame_is_two_reports(void **state)
{
    struct gate_bed *bed = *state;
    for (int32_t i = 0; i < 3; i++) {
        CALL(WINDOWS, touch_down, i, 0, 0, 0);
        CALL(WINDOWS, touch_up, i);
    }
    FRAME(WINDOWS);
    assert_int_equal(bed->reports, 6);
}

static void fingers_of_two_sources_are_not_one(void **state)
{
    struct gate_bed *bed = *state;
    struct gate_source *s = gate_bed_add(bed, 0, GATE_ALWAYS, false);
    CALL(WINDOWS, touch_down, 1, 0, 0, 0);
    CALL(s, touch_down, 1, INPUT_WHOLE_LAYOUT, 1, 1);
    FRAME(s);
    bed->n = 0;
    CALL(WINDOWS, focus, 0);
    CALL(WINDOWS, focus, INPUT_NO_SCANOUT); /* the windows' goes, the seat's stays */
    gate_bed_expect(bed, 0, TOUCH, EV_ABS, ABS_MT_SLOT, 0);
    gate_bed_expect(bed, 1, TOUCH, EV_ABS, ABS_MT_TRACKING_ID, -1);
    assert_int_equal(bed->n, 2);
    CALL(WINDOWS, touch_motion, 1, 0, 0.5, 0.5);
    CALL(WINDOWS, touch_up, 1);
    assert_int_equal(bed->n, 2);
    gate_remove(s);
    gate_bed_expect(bed, 3, TOUCH, EV_ABS, ABS_MT_TRACKING_ID, -1);
    gate_bed_expect(bed, 4, TOUCH, EV_KEY, BTN_TOUCH, 0);
}

static void more_fingers_than_slots_and_places_that_are_none_are_dropped(void **state)
{
    struct gate_bed *bed = *state;
    for (int32_t i = 0; i < 2 * GATE_FINGERS; i++) {
        CALL(WINDOWS, touch_down, i, 0, 0.5, 0.5);
        CALL(WINDOWS, touch_down, i, 0, 0.5, 0.5); /* is down already */
    }
    FRAME(WINDOWS);
    assert_int_equal(bed->n,
                     GATE_FINGERS * 4); /* slot, id, x, y; no slot, but BTN_TOUCH, for the first */
    bed->n = 0;
    CALL(WINDOWS, touch_up, GATE_FINGERS + 3);
    CALL(WINDOWS, touch_motion, INT32_MIN, 0, 0.5, 0.5);
    CALL(WINDOWS, touch_motion, 1, 99, 0.1, 0.1);
    assert_int_equal(bed->n, 0);
}

static const struct input_tool hover = {
    .near = true,
    .x = 0.5,
    .y = 0.5,
    .distance = 0.5,
    .tilt_x = 45,
    .tilt_y = -90,
};

static void a_pen_hovers_writes_and_leaves(void **state)
{
    struct gate_bed *bed = *state;
    struct input_tool tool = hover;
    CALL(WINDOWS, tool, &tool);
    FRAME(WINDOWS);
    gate_bed_expect(bed, 0, GATE_PEN, EV_KEY, BTN_TOOL_PEN, 1);
    gate_bed_expect(bed, 1, GATE_PEN, EV_ABS, ABS_X, 16384);
    gate_bed_expect(bed, 2, GATE_PEN, EV_ABS, ABS_Y, 16384);
    gate_bed_expect(bed, 3, GATE_PEN, EV_ABS, ABS_PRESSURE, 0);
    gate_bed_expect(bed, 4, GATE_PEN, EV_ABS, ABS_DISTANCE, GATE_DISTANCE_MAX / 2);
    gate_bed_expect(bed, 5, GATE_PEN, EV_ABS, ABS_TILT_X, 45);
    gate_bed_expect(bed, 6, GATE_PEN, EV_ABS, ABS_TILT_Y, -90);
    tool.touching = true;
    tool.pressure = 1;
    tool.distance = 0;
    CALL(WINDOWS, tool, &tool);
    FRAME(WINDOWS);
    gate_bed_expect(bed, 7, GATE_PEN, EV_ABS, ABS_PRESSURE, GATE_PRESSURE_MAX);
    gate_bed_expect(bed, 8, GATE_PEN, EV_ABS, ABS_DISTANCE, 0);
    gate_bed_expect(bed, 9, GATE_PEN, EV_KEY, BTN_TOUCH, 1);
    CALL(WINDOWS, tool_button, BTN_STYLUS, true);
    CALL(WINDOWS, tool_button, BTN_STYLUS, true);
    CALL(WINDOWS, tool_button, BTN_LEFT, true);
    FRAME(WINDOWS);
    gate_bed_expect(bed, 10, GATE_PEN, EV_KEY, BTN_STYLUS, 1);
    CALL(WINDOWS, tool, &(struct input_tool){ 0 });
    FRAME(WINDOWS);
    gate_bed_expect(bed, 11, GATE_PEN, EV_KEY, BTN_STYLUS, 0);
    gate_bed_expect(bed, 12, GATE_PEN, EV_KEY, BTN_TOUCH, 0);
    gate_bed_expect(bed, 13, GATE_PEN, EV_KEY, BTN_TOOL_PEN, 0);
    assert_int_equal(bed->n, 14);
    assert_int_equal(bed->reports, 4);
    CALL(WINDOWS, tool_button, BTN_STYLUS, true); /* not near */
    assert_int_equal(bed->n, 14);
}

static void what_a_pen_does_within_one_frame_is_all_told(void **state)
{
    struct gate_bed *bed = *state;
    struct input_tool tool = hover;
    CALL(WINDOWS, tool, &tool);
    tool.touching = true;
    CALL(WINDOWS, tool, &tool);
    tool.touching = false;
    CALL(WINDOWS, tool, &tool);
    tool.eraser = true; /* turned round */
    CALL(WINDOWS, tool, &tool);
    FRAME(WINDOWS);
    assert_int_equal(bed->reports, 5);
    gate_bed_expect(bed, bed->n - 7, GATE_PEN, EV_KEY, BTN_TOOL_RUBBER, 1);
}

static void a_second_pen_waits_and_focus_takes_the_first_away(void **state)
{
    struct gate_bed *bed = *state;
    struct gate_source *s = gate_bed_add(bed, 0, GATE_ALWAYS, false);
    CALL(WINDOWS, tool, &hover);
    FRAME(WINDOWS);
    bed->n = 0;
    CALL(s, tool, &hover);
    CALL(s, tool_button, BTN_STYLUS, true);
    assert_int_equal(bed->n, 0);
    CALL(WINDOWS, focus, INPUT_NO_SCANOUT);
    gate_bed_expect(bed, 0, GATE_PEN, EV_KEY, BTN_TOOL_PEN, 0);
    CALL(s, tool, &hover);
    gate_bed_expect(bed, 1, GATE_PEN, EV_KEY, BTN_TOOL_PEN, 1);
}

static void nonsense_from_a_pen_stays_in_range(void **state)
{
    struct gate_bed *bed = *state;
    const struct input_tool tool = {
        .near = true,
        .x = __builtin_nan(""),
        .y = -1e300,
        .pressure = 1e300,
        .distance = __builtin_nan(""),
        .tilt_x = -1e300,
        .tilt_y = 1e300,
    };
    CALL(WINDOWS, tool, &tool);
    FRAME(WINDOWS);
    gate_bed_expect(bed, 1, GATE_PEN, EV_ABS, ABS_X, 0);
    gate_bed_expect(bed, 2, GATE_PEN, EV_ABS, ABS_Y, 0);
    gate_bed_expect(bed, 3, GATE_PEN, EV_ABS, ABS_PRESSURE, GATE_PRESSURE_MAX);
    gate_bed_expect(bed, 4, GATE_PEN, EV_ABS, ABS_DISTANCE, 0);
    gate_bed_expect(bed, 5, GATE_PEN, EV_ABS, ABS_TILT_X, -GATE_TILT_MAX);
    gate_bed_expect(bed, 6, GATE_PEN, EV_ABS, ABS_TILT_Y, GATE_TILT_MAX);
}

#define T(name) cmocka_unit_test_setup(name, gate_bed_set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_finger_comes_moves_and_goes),
        T(fingers_have_slots),
        T(a_touch_within_one_frame_is_two_reports),
        T(fingers_of_two_sources_are_not_one),
        T(more_fingers_than_slots_and_places_that_are_none_are_dropped),
        T(a_pen_hovers_writes_and_leaves),
        T(what_a_pen_does_within_one_frame_is_all_told),
        T(a_second_pen_waits_and_focus_takes_the_first_away),
        T(nonsense_from_a_pen_stays_in_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
