// SPDX-License-Identifier: MIT
/* The gate with the windows as its only source. */
#include <math.h>

#include "tests/test.h"
#include "tests/unit/gate_bed.h"
#include "vmm/base/util.h"

static void keys_pass_while_focused(void **state)
{
    struct gate_bed *f = *state;
    CALL(&f->gate.windows, focus, 0);
    CALL(&f->gate.windows, key, KEY_A, true);
    FRAME(&f->gate.windows);
    CALL(&f->gate.windows, key, KEY_A, false);
    FRAME(&f->gate.windows);
    assert_int_equal(f->n, 2);
    gate_bed_expect(f, 0, GATE_KEYBOARD, EV_KEY, KEY_A, 1);
    gate_bed_expect(f, 1, GATE_KEYBOARD, EV_KEY, KEY_A, 0);
    assert_int_equal(f->reports, 2);
}

static void keys_without_focus_go_nowhere(void **state)
{
    struct gate_bed *f = *state;
    CALL(&f->gate.windows, key, KEY_A, true);
    FRAME(&f->gate.windows);
    CALL(&f->gate.windows, focus, 0);
    CALL(&f->gate.windows, key, KEY_A, false);
    FRAME(&f->gate.windows);
    assert_int_equal(f->n, 0);
    assert_int_equal(f->reports, 0);
}

static void focus_loss_releases_keys_and_buttons_without_a_frame(void **state)
{
    struct gate_bed *f = *state;
    CALL(&f->gate.windows, focus, 0);
    CALL(&f->gate.windows, abs, 0, 0.5, 0.5);
    CALL(&f->gate.windows, key, KEY_LEFTSHIFT, true);
    CALL(&f->gate.windows, button, BTN_LEFT, true);
    FRAME(&f->gate.windows);
    assert_true(gate_is_pressed(&f->gate, KEY_LEFTSHIFT));
    assert_true(gate_is_pressed(&f->gate, BTN_LEFT));
    unsigned reports = f->reports;
    CALL(&f->gate.windows, focus, INPUT_NO_SCANOUT);
    assert_true(gate_bed_nothing_held(f));
    assert_int_equal(f->reports, reports + 2);
    /* What the user lets go of later is news to nobody. */
    unsigned n = f->n;
    CALL(&f->gate.windows, key, KEY_LEFTSHIFT, false);
    CALL(&f->gate.windows, button, BTN_LEFT, false);
    FRAME(&f->gate.windows);
    assert_int_equal(f->n, n);
}

static void focus_from_window_to_window_keeps_what_is_held(void **state)
{
    struct gate_bed *f = *state;
    CALL(&f->gate.windows, focus, 0);
    CALL(&f->gate.windows, key, KEY_LEFTCTRL, true);
    CALL(&f->gate.windows, focus, 1);
    assert_true(gate_is_pressed(&f->gate, KEY_LEFTCTRL));
}

static void presses_and_releases_come_once(void **state)
{
    struct gate_bed *f = *state;
    CALL(&f->gate.windows, focus, 0);
    for (unsigned i = 0; i < 3; i++)
        CALL(&f->gate.windows, key, KEY_B, true);
    FRAME(&f->gate.windows);
    for (unsigned i = 0; i < 3; i++)
        CALL(&f->gate.windows, key, KEY_B, false);
    FRAME(&f->gate.windows);
    CALL(&f->gate.windows, key, KEY_C, false);
    FRAME(&f->gate.windows);
    assert_int_equal(f->n, 2);
}

static void a_tap_within_one_frame_is_two_reports(void **state)
{
    struct gate_bed *f = *state;
    CALL(&f->gate.windows, focus, 0);
    CALL(&f->gate.windows, key, KEY_B, true);
    CALL(&f->gate.windows, key, KEY_B, false);
    FRAME(&f->gate.windows);
    assert_int_equal(f->n, 2);
    assert_int_equal(f->reports, 2);
}

static void buttons_need_the_pointer_and_not_the_focus(void **state)
{
    struct gate_bed *f = *state;
    CALL(&f->gate.windows, button, BTN_LEFT, true);
    assert_int_equal(f->n, 0);
    CALL(&f->gate.windows, abs, 0, 0, 0);
    CALL(&f->gate.windows, button, BTN_LEFT, true);
    FRAME(&f->gate.windows);
    gate_bed_expect(f, 2, GATE_POINTER, EV_KEY, BTN_LEFT, 1);
    assert_int_equal(f->reports, 1);
}

static void the_pointer_that_leaves_lets_go_of_its_buttons(void **state)
{
    struct gate_bed *f = *state;
    CALL(&f->gate.windows, focus, 0);
    CALL(&f->gate.windows, abs, 0, 0.5, 0.5);
    CALL(&f->gate.windows, button, BTN_RIGHT, true);
    CALL(&f->gate.windows, key, KEY_A, true);
    FRAME(&f->gate.windows);
    LEAVE(&f->gate.windows);
    assert_false(gate_is_pressed(&f->gate, BTN_RIGHT));
    assert_true(gate_is_pressed(&f->gate, KEY_A));
    unsigned n = f->n;
    CALL(&f->gate.windows, button, BTN_RIGHT, false);
    CALL(&f->gate.windows, wheel, 0, 120);
    FRAME(&f->gate.windows);
    assert_int_equal(f->n, n);
}

static void codes_of_no_key_or_button_are_dropped(void **state)
{
    struct gate_bed *f = *state;
    CALL(&f->gate.windows, focus, 0);
    CALL(&f->gate.windows, abs, 0, 0, 0);
    FRAME(&f->gate.windows);
    unsigned n = f->n;
    CALL(&f->gate.windows, key, KEY_CNT, true);
    CALL(&f->gate.windows, key, UINT32_MAX, true);
    CALL(&f->gate.windows, key, BTN_LEFT, true);
    CALL(&f->gate.windows, button, KEY_A, true);
    CALL(&f->gate.windows, button, BTN_JOYSTICK, true);
    CALL(&f->gate.windows, button, UINT32_MAX, true);
    FRAME(&f->gate.windows);
    assert_int_equal(f->n, n);
    assert_false(gate_is_pressed(&f->gate, UINT32_MAX));
}

static void the_absolute_axes_span_one_scanout(void **state)
{
    struct gate_bed *f = *state;
    CALL(&f->gate.windows, abs, 0, 0, 0);
    CALL(&f->gate.windows, abs, 0, 1, 1);
    CALL(&f->gate.windows, abs, 0, -3, 0.25);
    CALL(&f->gate.windows, abs, 0, 1e300, (double)INFINITY);
    FRAME(&f->gate.windows);
    gate_bed_expect(f, 0, GATE_POINTER, EV_ABS, ABS_X, 0);
    gate_bed_expect(f, 1, GATE_POINTER, EV_ABS, ABS_Y, 0);
    gate_bed_expect(f, 2, GATE_POINTER, EV_ABS, ABS_X, GATE_ABS_MAX);
    gate_bed_expect(f, 3, GATE_POINTER, EV_ABS, ABS_Y, GATE_ABS_MAX);
    gate_bed_expect(f, 4, GATE_POINTER, EV_ABS, ABS_X, 0);
    gate_bed_expect(f, 5, GATE_POINTER, EV_ABS, ABS_Y, 8192);
    gate_bed_expect(f, 6, GATE_POINTER, EV_ABS, ABS_X, GATE_ABS_MAX);
    gate_bed_expect(f, 7, GATE_POINTER, EV_ABS, ABS_Y, GATE_ABS_MAX);
    CALL(&f->gate.windows, abs, 0, (double)NAN, (double)NAN);
    gate_bed_expect(f, 8, GATE_POINTER, EV_ABS, ABS_X, 0);
    assert_int_equal(f->reports, 1);
}

static void a_pixels_middle_stays_in_that_pixel(void **state)
{
    struct gate_bed *f = *state;
    static const unsigned widths[] = { 1, 640, 1366, 1920, 2560, 3840, 7680 };
    for (unsigned w = 0; w < ARRAY_LEN(widths); w++) {
        struct gate_scanout layout[] = { { 0, 0, widths[w], widths[w] } };
        gate_set_layout(&f->gate, layout, 1);
        for (unsigned x = 0; x < widths[w]; x++) {
            CALL(&f->gate.windows, abs, 0, (x + 0.5) / widths[w], 0);
            assert_int_equal((int64_t)f->gate.told[0].x * widths[w] / (GATE_ABS_MAX + 1), x);
        }
    }
}

static void each_scanout_has_its_place_in_the_layout(void **state)
{
    struct gate_bed *f = *state;
    struct gate_scanout layout[] = { { 0, 0, 1000, 500 }, { 0 }, { 1000, 0, 1000, 1000 } };
    gate_set_layout(&f->gate, layout, 3);
    CALL(&f->gate.windows, abs, 2, 0.5, 0.5);
    gate_bed_expect(f, 0, GATE_POINTER, EV_ABS, ABS_X, 24576);
    gate_bed_expect(f, 1, GATE_POINTER, EV_ABS, ABS_Y, 16384);
    CALL(&f->gate.windows, abs, 0, 0.5, 1);
    gate_bed_expect(f, 2, GATE_POINTER, EV_ABS, ABS_X, 8192);
    assert_int_equal(f->n, 3); /* the same height: not said again */
    CALL(&f->gate.windows, abs, 1, 0.5, 0.5);
    CALL(&f->gate.windows, abs, 99, 0.5, 0.5);
    assert_int_equal(f->n, 3);
    /* No layout at all is no reason to forget the last one. */
    gate_set_layout(&f->gate, &layout[1], 1);
    CALL(&f->gate.windows, abs, 0, 0, 1);
    gate_bed_expect(f, 3, GATE_POINTER, EV_ABS, ABS_X, 0);
}

#define POINTER_OF(scanout) ((enum gate_device)(GATE_SCANOUT_POINTER + (scanout)))

static void each_scanout_may_have_a_pointer(void **state)
{
    struct gate_bed *f = *state;
    struct gate_scanout layout[] = { { 0, 0, 1000, 500 }, { 0 }, { 1000, 0, 500, 1000 } };
    gate_set_layout(&f->gate, layout, 3);
    gate_set_pointers(&f->gate, true);
    CALL(&f->gate.windows, abs, 2, 0.5, 0.25);
    CALL(&f->gate.windows, button, BTN_LEFT, true);
    CALL(&f->gate.windows, abs, 1, 0.5, 0.5); /* is not in use */
    CALL(&f->gate.windows, abs, 0, 1, 0);
    CALL(&f->gate.windows, button, BTN_LEFT, false);
    CALL(&f->gate.windows, button, BTN_RIGHT, true);
    CALL(&f->gate.windows, wheel, 60, 0);
    FRAME(&f->gate.windows);
    gate_bed_expect(f, 0, POINTER_OF(2), EV_ABS, ABS_X, 16384);
    gate_bed_expect(f, 1, POINTER_OF(2), EV_ABS, ABS_Y, 8192);
    gate_bed_expect(f, 2, POINTER_OF(2), EV_KEY, BTN_LEFT, 1);
    gate_bed_expect(f, 3, POINTER_OF(0), EV_ABS, ABS_X, GATE_ABS_MAX);
    gate_bed_expect(f, 4, POINTER_OF(0), EV_ABS, ABS_Y, 0);
    gate_bed_expect(f, 5, POINTER_OF(2), EV_KEY, BTN_LEFT, 0); /* where it was pressed */
    gate_bed_expect(f, 6, POINTER_OF(0), EV_KEY, BTN_RIGHT, 1);
    gate_bed_expect(f, 7, POINTER_OF(0), EV_REL, REL_HWHEEL_HI_RES, 60);
    assert_int_equal(f->n, 8);
}

/* As libinput has it of the host's own tablets. */
static void a_place_of_the_layout_is_one_of_the_scanout_there(void **state)
{
    struct gate_bed *f = *state;
    struct gate_scanout layout[] = { { 0, 0, 1000, 500 }, { 0 }, { 1000, 0, 1000, 1000 } };
    gate_set_layout(&f->gate, layout, 3);
    gate_set_pointers(&f->gate, true);
    CALL(&f->gate.windows, abs, INPUT_WHOLE_LAYOUT, 0.75, 0.5);
    CALL(&f->gate.windows, abs, INPUT_WHOLE_LAYOUT, 0.25, 0.9); /* below the first */
    CALL(&f->gate.windows, abs, INPUT_WHOLE_LAYOUT, 7, (double)NAN);
    gate_bed_expect(f, 0, POINTER_OF(2), EV_ABS, ABS_X, 16384);
    gate_bed_expect(f, 1, POINTER_OF(2), EV_ABS, ABS_Y, 16384);
    gate_bed_expect(f, 2, POINTER_OF(0), EV_ABS, ABS_X, 16384);
    gate_bed_expect(f, 3, POINTER_OF(0), EV_ABS, ABS_Y, GATE_ABS_MAX);
    gate_bed_expect(f, 4, POINTER_OF(2), EV_ABS, ABS_X, GATE_ABS_MAX);
    gate_bed_expect(f, 5, POINTER_OF(2), EV_ABS, ABS_Y, 0);
}

/* Linux drops an axis that stands where it stood. */
static void a_pointer_that_comes_back_to_where_it_was_moves(void **state)
{
    struct gate_bed *f = *state;
    struct gate_scanout layout[] = { { 0, 0, 1000, 500 }, { 1000, 0, 1000, 1000 } };
    gate_set_layout(&f->gate, layout, 2);
    gate_set_pointers(&f->gate, true);
    CALL(&f->gate.windows, abs, 1, 0.5, 0.5);
    CALL(&f->gate.windows, abs, 0, 0.5, 0.5);
    CALL(&f->gate.windows, abs, 1, 0.5, 0.5);
    FRAME(&f->gate.windows);
    gate_bed_expect(f, 4, POINTER_OF(1), EV_ABS, ABS_X, 16385);
    gate_bed_expect(f, 5, POINTER_OF(1), EV_ABS, ABS_X, 16384);
    assert_int_equal(f->n, 6);
    assert_int_equal(f->reports, 3);
    CALL(&f->gate.windows, abs, 1, 0.5, 0.5);
    assert_int_equal(f->n, 6);
}

static void the_wheel_counts_detents_and_keeps_the_rest(void **state)
{
    struct gate_bed *f = *state;
    CALL(&f->gate.windows, abs, 0, 0, 0);
    FRAME(&f->gate.windows);
    f->n = 0;
    CALL(&f->gate.windows, wheel, 0, 120);
    gate_bed_expect(f, 0, GATE_POINTER, EV_REL, REL_WHEEL_HI_RES, -120);
    gate_bed_expect(f, 1, GATE_POINTER, EV_REL, REL_WHEEL, -1);
    CALL(&f->gate.windows, wheel, 50, 0);
    CALL(&f->gate.windows, wheel, 50, 0);
    CALL(&f->gate.windows, wheel, 50, 0);
    gate_bed_expect(f, 2, GATE_POINTER, EV_REL, REL_HWHEEL_HI_RES, 50);
    gate_bed_expect(f, 3, GATE_POINTER, EV_REL, REL_HWHEEL_HI_RES, 50);
    gate_bed_expect(f, 4, GATE_POINTER, EV_REL, REL_HWHEEL_HI_RES, 50);
    gate_bed_expect(f, 5, GATE_POINTER, EV_REL, REL_HWHEEL, 1);
    CALL(&f->gate.windows, wheel, 90, 0); /* 30 were left */
    gate_bed_expect(f, 7, GATE_POINTER, EV_REL, REL_HWHEEL, 1);
    CALL(&f->gate.windows, wheel, 0, INT32_MIN);
    assert_true(f->log[9].code == REL_WHEEL && f->log[9].value > 0);
}

static void the_wheel_forgets_the_rest_when_it_turns_back(void **state)
{
    struct gate_bed *f = *state;
    CALL(&f->gate.windows, abs, 0, 0, 0);
    f->n = 0;
    CALL(&f->gate.windows, wheel, 0, 100);
    CALL(&f->gate.windows, wheel, 0, -100);
    CALL(&f->gate.windows, wheel, 0, -20);
    assert_int_equal(f->n, 4);
    gate_bed_expect(f, 3, GATE_POINTER, EV_REL, REL_WHEEL, 1);
    CALL(&f->gate.windows, wheel, 0, 100);
    LEAVE(&f->gate.windows);
    CALL(&f->gate.windows, abs, 0, 0, 0);
    f->n = 0;
    CALL(&f->gate.windows, wheel, 0, 20);
    assert_int_equal(f->n, 1);
}

#define T(name) cmocka_unit_test_setup(name, gate_bed_set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(keys_pass_while_focused),
        T(keys_without_focus_go_nowhere),
        T(focus_loss_releases_keys_and_buttons_without_a_frame),
        T(focus_from_window_to_window_keeps_what_is_held),
        T(presses_and_releases_come_once),
        T(a_tap_within_one_frame_is_two_reports),
        T(buttons_need_the_pointer_and_not_the_focus),
        T(the_pointer_that_leaves_lets_go_of_its_buttons),
        T(codes_of_no_key_or_button_are_dropped),
        T(the_absolute_axes_span_one_scanout),
        T(a_pixels_middle_stays_in_that_pixel),
        T(each_scanout_has_its_place_in_the_layout),
        T(each_scanout_may_have_a_pointer),
        T(a_place_of_the_layout_is_one_of_the_scanout_there),
        T(a_pointer_that_comes_back_to_where_it_was_moves),
        T(the_wheel_counts_detents_and_keeps_the_rest),
        T(the_wheel_forgets_the_rest_when_it_turns_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
