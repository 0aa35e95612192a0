// SPDX-License-Identifier: MIT
/* The gate with devices beside the windows: whose events are the guest's, and when that changes. */
#include "tests/test.h"
#include "tests/unit/gate_bed.h"

#define WINDOWS (&bed->gate.windows)

static void tap(struct gate_source *source, uint32_t code)
{
    CALL(source, key, code, true);
    FRAME(source);
    CALL(source, key, code, false);
    FRAME(source);
}

static bool reaches(struct gate_bed *bed, struct gate_source *source, uint32_t code)
{
    unsigned n = bed->n;
    tap(source, code);
    return bed->n == n + 2;
}

static bool moves(struct gate_bed *bed, struct gate_source *source)
{
    unsigned n = bed->n;
    CALL(source, rel, 1, 0, 1, 0);
    FRAME(source);
    return bed->n > n;
}

static void a_focused_source_follows_the_focus(void **state)
{
    struct gate_bed *bed = *state;
    struct gate_source *s = gate_bed_add(bed, 0, GATE_FOCUSED, false);
    gate_set_windows(&bed->gate, GATE_MUTED);
    assert_false(reaches(bed, s, KEY_A));
    assert_false(moves(bed, s));
    CALL(WINDOWS, focus, 0);
    assert_true(reaches(bed, s, KEY_A));
    assert_true(moves(bed, s));
    assert_false(reaches(bed, WINDOWS, KEY_A)); /* the compositor reads the same device */
    CALL(s, key, KEY_B, true);
    CALL(s, button, BTN_LEFT, true);
    CALL(WINDOWS, focus, INPUT_NO_SCANOUT);
    assert_true(gate_bed_nothing_held(bed));
    unsigned n = bed->n;
    CALL(s, key, KEY_B, false);
    CALL(s, button, BTN_LEFT, false);
    FRAME(s);
    assert_int_equal(bed->n, n);
}

static void who_moved_the_pointer_last_is_told_when_it_changes(void **state)
{
    struct gate_bed *bed = *state;
    struct gate_source *s = gate_bed_add(bed, 0, GATE_ALWAYS, false);
    struct gate_source *shut = gate_bed_add(bed, 1, GATE_FOCUSED, false);
    CALL(WINDOWS, abs, 0, 0.5, 0.5);
    assert_false(bed->apart);
    moves(bed, shut); /* is not heard */
    assert_false(bed->apart);
    moves(bed, s);
    assert_true(bed->apart);
    moves(bed, s);
    CALL(s, abs, INPUT_WHOLE_LAYOUT, 0.1, 0.1);
    assert_true(bed->apart);
    CALL(WINDOWS, abs, 0, 0.6, 0.5);
    assert_false(bed->apart);
}

static void a_seat_of_its_own_needs_no_focus(void **state)
{
    struct gate_bed *bed = *state;
    struct gate_source *s = gate_bed_add(bed, 0, GATE_ALWAYS, true);
    assert_true(bed->extra[0].watched && bed->extra[0].holds);
    assert_true(reaches(bed, s, KEY_A));
    assert_true(moves(bed, s));
    CALL(s, key, KEY_B, true);
    CALL(WINDOWS, focus, 0);
    CALL(WINDOWS, focus, INPUT_NO_SCANOUT);
    assert_true(gate_bed_holds(bed, KEY_B));
    assert_true(bed->extra[0].holds);
    gate_remove(s);
    assert_true(gate_bed_nothing_held(bed));
    assert_false(bed->extra[0].holds);
}

static void modifiers_that_are_held_come_with_the_focus(void **state)
{
    struct gate_bed *bed = *state;
    struct gate_source *s = gate_bed_add(bed, 0, GATE_FOCUSED, false);
    CALL(s, key, KEY_LEFTALT, true);
    CALL(s, key, KEY_TAB, true);
    CALL(WINDOWS, focus, 0);
    assert_int_equal(bed->n, 1);
    gate_bed_expect(bed, 0, GATE_KEYBOARD, EV_KEY, KEY_LEFTALT, 1);
    assert_int_equal(bed->reports, 1);
    CALL(s, key, KEY_TAB, false);
    assert_int_equal(bed->n, 1);
    CALL(s, key, KEY_LEFTALT, false);
    assert_true(gate_bed_nothing_held(bed));
}

static void a_key_that_two_sources_hold_goes_down_once(void **state)
{
    struct gate_bed *bed = *state;
    struct gate_source *s = gate_bed_add(bed, 0, GATE_ALWAYS, false);
    CALL(WINDOWS, focus, 0);
    CALL(WINDOWS, key, KEY_A, true);
    CALL(s, key, KEY_A, true);
    CALL(WINDOWS, key, KEY_A, false);
    assert_true(gate_bed_holds(bed, KEY_A));
    CALL(s, key, KEY_A, false);
    FRAME(s);
    assert_int_equal(bed->n, 2);
}

static void shared_keys_are_the_windows_until_shortcuts_are_inhibited(void **state)
{
    struct gate_bed *bed = *state;
    struct gate_source *s = gate_bed_add(bed, 0, GATE_SHARED, false);
    CALL(WINDOWS, focus, 0);
    assert_true(reaches(bed, WINDOWS, KEY_A));
    assert_false(reaches(bed, s, KEY_A));
    CALL(WINDOWS, inhibited, true);
    assert_false(reaches(bed, WINDOWS, KEY_A));
    assert_true(reaches(bed, s, KEY_A));
    assert_false(moves(bed, s)); /* the pointer is not locked */
    CALL(WINDOWS, inhibited, false);
    assert_true(reaches(bed, WINDOWS, KEY_A));
    assert_false(reaches(bed, s, KEY_A));
}

static void keys_go_over_when_none_is_held(void **state)
{
    struct gate_bed *bed = *state;
    struct gate_source *s = gate_bed_add(bed, 0, GATE_SHARED, false);
    CALL(WINDOWS, focus, 0);
    CALL(WINDOWS, key, KEY_LEFTMETA, true);
    CALL(s, key, KEY_LEFTMETA, true);
    CALL(WINDOWS, inhibited, true);
    assert_true(reaches(bed, WINDOWS, KEY_A)); /* still */
    CALL(s, key, KEY_LEFTMETA, false);         /* libinput is the faster of the two */
    assert_true(reaches(bed, WINDOWS, KEY_A));
    CALL(WINDOWS, key, KEY_LEFTMETA, false);
    assert_true(gate_bed_nothing_held(bed));
    assert_true(reaches(bed, s, KEY_A));
    /* and back */
    CALL(s, key, KEY_LEFTMETA, true);
    CALL(WINDOWS, inhibited, false);
    assert_true(gate_bed_holds(bed, KEY_LEFTMETA));
    CALL(s, key, KEY_LEFTMETA, false);
    assert_true(reaches(bed, WINDOWS, KEY_A));
}

static void the_locked_pointer_is_the_shared_source_s(void **state)
{
    struct gate_bed *bed = *state;
    struct gate_source *s = gate_bed_add(bed, 0, GATE_SHARED, false);
    CALL(WINDOWS, focus, 0);
    CALL(WINDOWS, abs, 0, 0.5, 0.5);
    FRAME(WINDOWS);
    assert_false(moves(bed, s));
    CALL(WINDOWS, button, BTN_LEFT, true); /* the click that locks it */
    CALL(s, button, BTN_LEFT, true);
    CALL(WINDOWS, locked, true);
    assert_false(moves(bed, s));
    assert_true(moves(bed, WINDOWS));
    CALL(WINDOWS, button, BTN_LEFT, false);
    CALL(s, button, BTN_LEFT, false);
    assert_true(moves(bed, s));
    assert_false(moves(bed, WINDOWS));
    FRAME(s);
    bed->n = 0;
    CALL(s, button, BTN_RIGHT, true);
    CALL(s, wheel, 0, 120);
    gate_bed_expect(bed, 0, GATE_MOUSE, EV_KEY, BTN_RIGHT, 1);
    gate_bed_expect(bed, 1, GATE_MOUSE, EV_REL, REL_WHEEL_HI_RES, -120);
    CALL(s, button, BTN_RIGHT, false);
    CALL(WINDOWS, locked, false);
    assert_false(moves(bed, s));
    bed->n = 0;
    CALL(WINDOWS, abs, 0, 0.25, 0.5);
    CALL(WINDOWS, button, BTN_LEFT, true);
    gate_bed_expect(bed, 1, GATE_POINTER, EV_KEY, BTN_LEFT, 1);
}

static void without_a_mouse_of_its_own_the_locked_pointer_stays_with_the_windows(void **state)
{
    struct gate_bed *bed = *state;
    struct gate_source *s = gate_bed_add(bed, 0, GATE_SHARED, false);
    gate_set_has(s, (bool[GATE_GROUP_COUNT]){ [GATE_KEYS] = true });
    CALL(WINDOWS, focus, 0);
    CALL(WINDOWS, locked, true);
    assert_true(moves(bed, WINDOWS));
    CALL(WINDOWS, inhibited, true);
    gate_set_has(s, (bool[GATE_GROUP_COUNT]){ false }); /* and now the keyboard is unplugged */
    assert_true(reaches(bed, WINDOWS, KEY_A));
}

static void a_button_is_released_where_it_was_pressed(void **state)
{
    struct gate_bed *bed = *state;
    struct gate_source *s = gate_bed_add(bed, 0, GATE_ALWAYS, false);
    CALL(s, abs, INPUT_WHOLE_LAYOUT, 0.5, 0.5);
    CALL(s, button, BTN_LEFT, true);
    CALL(s, rel, 3, 0, 5, 0);
    CALL(s, button, BTN_LEFT, false);
    gate_bed_expect(bed, 2, GATE_POINTER, EV_KEY, BTN_LEFT, 1);
    gate_bed_expect(bed, 3, GATE_MOUSE, EV_REL, REL_X, 5);
    gate_bed_expect(bed, 4, GATE_POINTER, EV_KEY, BTN_LEFT, 0);
}

static void motion_is_raw_or_accelerated_and_keeps_its_fractions(void **state)
{
    struct gate_bed *bed = *state;
    struct gate_source *raw = gate_bed_add(bed, 0, GATE_ALWAYS, false);
    struct gate_source *fast = gate_bed_add(bed, 1, GATE_ALWAYS, false);
    fast->accelerated = true;
    CALL(raw, rel, 10, 20, 1.75, -0.75);
    CALL(raw, rel, 10, 20, 1.75, -0.75);
    CALL(fast, rel, 10, 20, 1, 2);
    FRAME(raw);
    gate_bed_expect(bed, 0, GATE_MOUSE, EV_REL, REL_X, 1);
    gate_bed_expect(bed, 1, GATE_MOUSE, EV_REL, REL_X, 2);
    gate_bed_expect(bed, 2, GATE_MOUSE, EV_REL, REL_Y, -1);
    gate_bed_expect(bed, 3, GATE_MOUSE, EV_REL, REL_X, 10);
    gate_bed_expect(bed, 4, GATE_MOUSE, EV_REL, REL_Y, 19);
    CALL(raw, rel, 0, 0, 1e300, -1e300);
    CALL(raw, rel, 0, 0, __builtin_nan(""), __builtin_inf());
    FRAME(raw);
    assert_int_equal(bed->n, 5);
}

static void a_grab_lasts_as_long_as_the_focus(void **state)
{
    struct gate_bed *bed = *state;
    struct gate_source *s = gate_bed_add(bed, 0, GATE_SHARED, true);
    struct gate_bed_source *extra = &bed->extra[0];
    assert_false(extra->holds || extra->watched);
    CALL(WINDOWS, focus, 0);
    assert_true(extra->holds && extra->watched && gate_is_grabbed(s));
    assert_true(reaches(bed, s, KEY_A));
    assert_true(moves(bed, s));
    CALL(s, key, KEY_A, true);
    CALL(WINDOWS, focus, INPUT_NO_SCANOUT);
    assert_false(extra->holds || extra->watched || gate_is_grabbed(s));
    assert_true(gate_bed_nothing_held(bed));
    assert_int_equal(extra->n_grabs, 1);
}

static void a_grab_waits_until_nothing_is_pressed(void **state)
{
    struct gate_bed *bed = *state;
    struct gate_source *s = gate_bed_add(bed, 0, GATE_SHARED, true);
    struct gate_bed_source *extra = &bed->extra[0];
    CALL(s, key, KEY_LEFTALT, true);
    CALL(s, button, BTN_LEFT, true);
    CALL(WINDOWS, focus, 0);
    CALL(s, key, KEY_LEFTALT, false);
    assert_int_equal(extra->n_grabs, 0);
    CALL(s, button, BTN_LEFT, false);
    assert_true(extra->holds);
}

/* A key went down at the device of which the source has not heard yet. */
static void a_grab_that_fails_is_tried_again(void **state)
{
    struct gate_bed *bed = *state;
    struct gate_source *s = gate_bed_add(bed, 0, GATE_SHARED, true);
    struct gate_bed_source *extra = &bed->extra[0];
    extra->refuse = true;
    CALL(WINDOWS, focus, 0);
    assert_false(reaches(bed, s, KEY_A)); /* the compositor has it too: the windows tell it */
    assert_true(reaches(bed, WINDOWS, KEY_A));
    extra->refuse = false;
    tap(s, KEY_A);
    assert_true(extra->holds);
    assert_true(reaches(bed, s, KEY_A));
}

/* Another VM heard later than this one that the focus went. */
static void a_grab_that_somebody_stood_in_the_way_of_is_had_again(void **state)
{
    struct gate_bed *bed = *state;
    struct gate_source *s = gate_bed_add(bed, 0, GATE_FOCUSED, true);
    struct gate_bed_source *extra = &bed->extra[0];
    extra->refuse = true;
    CALL(WINDOWS, focus, 0);
    gate_grab_again(s);
    assert_false(extra->holds);
    extra->refuse = false;
    CALL(s, key, KEY_A, true);
    gate_grab_again(s); /* not while a key is down */
    assert_false(extra->holds);
    CALL(WINDOWS, focus, INPUT_NO_SCANOUT);
    gate_grab_again(s); /* nor without the focus */
    assert_false(extra->holds);
    CALL(s, key, KEY_A, false);
    extra->refuse = true;
    CALL(WINDOWS, focus, 0);
    extra->refuse = false;
    gate_grab_again(s);
    assert_true(extra->holds && gate_is_grabbed(s));
}

static void the_hotkey_lets_go_and_takes_back(void **state)
{
    struct gate_bed *bed = *state;
    struct gate_source *s = gate_bed_add(bed, 0, GATE_SHARED, true);
    struct gate_source *mouse = gate_bed_add(bed, 1, GATE_SHARED, true);
    CALL(WINDOWS, focus, 0);
    CALL(mouse, button, BTN_LEFT, true);
    for (unsigned i = 0; i < 2; i++) {
        CALL(s, key, KEY_LEFTCTRL, true);
        CALL(s, key, KEY_RIGHTCTRL, true);
        if (i == 0) {
            assert_true(gate_bed_nothing_held(bed));
            /* the compositor must see neither of their releases */
            assert_true(bed->extra[0].holds && bed->extra[1].holds);
            CALL(mouse, button, BTN_LEFT, false);
        }
        CALL(s, key, KEY_LEFTCTRL, false);
        CALL(s, key, KEY_RIGHTCTRL, false);
        assert_int_equal(bed->extra[0].holds, i);
        assert_int_equal(bed->extra[1].holds, i);
        assert_int_equal(reaches(bed, s, KEY_A), i);
        assert_int_equal(moves(bed, mouse), i);
    }
    /* What was let go of is grabbed again with the next focus. */
    CALL(s, key, KEY_LEFTCTRL, true);
    tap(s, KEY_RIGHTCTRL);
    CALL(s, key, KEY_LEFTCTRL, false);
    assert_false(bed->extra[0].holds);
    CALL(WINDOWS, focus, INPUT_NO_SCANOUT);
    CALL(WINDOWS, focus, 0);
    assert_true(bed->extra[0].holds);
}

static void the_hotkey_can_be_another_one(void **state)
{
    struct gate_bed *bed = *state;
    struct gate_source *s = gate_bed_add(bed, 0, GATE_ALWAYS, true);
    gate_set_hotkey(&bed->gate, (struct gate_hotkey){ KEY_SCROLLLOCK, KEY_SCROLLLOCK });
    CALL(s, key, KEY_LEFTCTRL, true);
    tap(s, KEY_RIGHTCTRL);
    CALL(s, key, KEY_LEFTCTRL, false);
    assert_true(bed->extra[0].holds);
    tap(s, KEY_SCROLLLOCK);
    assert_false(bed->extra[0].holds);
    tap(s, KEY_SCROLLLOCK);
    assert_true(bed->extra[0].holds);
}

static void leds_go_to_keyboards_that_are_the_guest_s(void **state)
{
    struct gate_bed *bed = *state;
    gate_bed_add(bed, 0, GATE_SHARED, true);
    gate_bed_add(bed, 1, GATE_SHARED, false);
    gate_set_led(&bed->gate, LED_CAPSL, true);
    gate_set_led(&bed->gate, 400, true);
    assert_int_equal(bed->extra[0].leds, 0); /* the compositor's, still */
    CALL(WINDOWS, focus, 0);
    assert_int_equal(bed->extra[0].leds, 1 << LED_CAPSL);
    gate_set_led(&bed->gate, LED_CAPSL, false);
    assert_int_equal(bed->extra[0].leds, 0);
    assert_int_equal(bed->extra[1].leds, 0);
}

static void there_are_so_many_sources(void **state)
{
    struct gate_bed *bed = *state;
    static struct gate_source more[GATE_MAX_SOURCES];
    for (unsigned i = 1; i < GATE_MAX_SOURCES; i++)
        assert_true(gate_add(&bed->gate, &more[i]));
    assert_false(gate_add(&bed->gate, &more[0]));
    gate_remove(&more[3]);
    more[0].rule = GATE_ALWAYS;
    assert_true(gate_add(&bed->gate, &more[0]));
    assert_true(reaches(bed, &more[0], KEY_A));
    gate_remove(&more[3]);
}

#define T(name) cmocka_unit_test_setup(name, gate_bed_set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_focused_source_follows_the_focus),
        T(a_seat_of_its_own_needs_no_focus),
        T(who_moved_the_pointer_last_is_told_when_it_changes),
        T(modifiers_that_are_held_come_with_the_focus),
        T(a_key_that_two_sources_hold_goes_down_once),
        T(shared_keys_are_the_windows_until_shortcuts_are_inhibited),
        T(keys_go_over_when_none_is_held),
        T(the_locked_pointer_is_the_shared_source_s),
        T(without_a_mouse_of_its_own_the_locked_pointer_stays_with_the_windows),
        T(a_button_is_released_where_it_was_pressed),
        T(motion_is_raw_or_accelerated_and_keeps_its_fractions),
        T(a_grab_lasts_as_long_as_the_focus),
        T(a_grab_waits_until_nothing_is_pressed),
        T(a_grab_that_fails_is_tried_again),
        T(a_grab_that_somebody_stood_in_the_way_of_is_had_again),
        T(the_hotkey_lets_go_and_takes_back),
        T(the_hotkey_can_be_another_one),
        T(leds_go_to_keyboards_that_are_the_guest_s),
        T(there_are_so_many_sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
