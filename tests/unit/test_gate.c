// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "input/gate.h"
#include "tests/test.h"
#include "vmm/base/util.h"

/* What came out: events as the guest gets them, and the state that it makes of them. */
struct event {
    enum gate_device device;
    uint16_t type, code;
    int32_t value;
};

struct fixture {
    struct gate gate;
    struct event log[256];
    unsigned n, reports;
    uint64_t held[GATE_WORDS];
    uint64_t spoken[GATE_WORDS]; /* codes in the report under way */
    bool open[GATE_DEVICE_COUNT];
};

static bool bit(const uint64_t *words, uint32_t i)
{
    return words[i / 64] >> i % 64 & 1;
}

static void on_event(void *target, enum gate_device device, uint16_t type, uint16_t code,
                     int32_t value)
{
    struct fixture *f = target;
    if (f->n < ARRAY_LEN(f->log))
        f->log[f->n++] = (struct event){ device, type, code, value };
    f->open[device] = true;
    if (type != EV_KEY)
        return;
    bool button = code >= BTN_MOUSE && code < BTN_JOYSTICK;
    assert_int_equal(device, button ? GATE_POINTER : GATE_KEYBOARD);
    assert_int_not_equal(bit(f->held, code), value); /* never twice the same */
    assert_false(bit(f->spoken, code));              /* never twice in a report */
    f->held[code / 64] ^= 1ull << code % 64;
    f->spoken[code / 64] |= 1ull << code % 64;
}

static void on_report(void *target, enum gate_device device)
{
    struct fixture *f = target;
    assert_true(f->open[device]); /* never an empty report */
    f->open[device] = false;
    f->reports++;
    for (uint32_t i = 0; i < KEY_CNT; i++) {
        if ((i >= BTN_MOUSE && i < BTN_JOYSTICK) == (device == GATE_POINTER))
            f->spoken[i / 64] &= ~(1ull << i % 64);
    }
}

static const struct gate_target_ops target_ops = { .event = on_event, .report = on_report };

static int set_up(void **state)
{
    static struct fixture f;
    memset(&f, 0, sizeof(f));
    gate_init(&f.gate, &target_ops, &f);
    *state = &f;
    return 0;
}

/* Sinks, as a source calls them. */
#define CALL(f, op, ...) (f)->gate.sink.ops->op(&(f)->gate.sink, __VA_ARGS__)
#define FRAME(f) (f)->gate.sink.ops->frame(&(f)->gate.sink)
#define LEAVE(f) (f)->gate.sink.ops->leave(&(f)->gate.sink)

static void expect(struct fixture *f, unsigned i, enum gate_device device, uint16_t type,
                   uint16_t code, int32_t value)
{
    assert_true(i < f->n);
    assert_int_equal(f->log[i].device, device);
    assert_int_equal(f->log[i].type, type);
    assert_int_equal(f->log[i].code, code);
    assert_int_equal(f->log[i].value, value);
}

static bool nothing_held(const struct fixture *f)
{
    for (unsigned i = 0; i < GATE_WORDS; i++) {
        if (f->held[i] || f->gate.pressed[i])
            return false;
    }
    return true;
}

static void keys_pass_while_focused(void **state)
{
    struct fixture *f = *state;
    CALL(f, focus, 0);
    CALL(f, key, KEY_A, true);
    FRAME(f);
    CALL(f, key, KEY_A, false);
    FRAME(f);
    assert_int_equal(f->n, 2);
    expect(f, 0, GATE_KEYBOARD, EV_KEY, KEY_A, 1);
    expect(f, 1, GATE_KEYBOARD, EV_KEY, KEY_A, 0);
    assert_int_equal(f->reports, 2);
}

static void keys_without_focus_go_nowhere(void **state)
{
    struct fixture *f = *state;
    CALL(f, key, KEY_A, true);
    FRAME(f);
    CALL(f, focus, 0);
    CALL(f, key, KEY_A, false);
    FRAME(f);
    assert_int_equal(f->n, 0);
    assert_int_equal(f->reports, 0);
}

static void focus_loss_releases_keys_and_buttons_without_a_frame(void **state)
{
    struct fixture *f = *state;
    CALL(f, focus, 0);
    CALL(f, abs, 0, 0.5, 0.5);
    CALL(f, key, KEY_LEFTSHIFT, true);
    CALL(f, button, BTN_LEFT, true);
    FRAME(f);
    assert_true(gate_is_pressed(&f->gate, KEY_LEFTSHIFT));
    assert_true(gate_is_pressed(&f->gate, BTN_LEFT));
    unsigned reports = f->reports;
    CALL(f, focus, INPUT_NO_SCANOUT);
    assert_true(nothing_held(f));
    assert_int_equal(f->reports, reports + 2);
    /* What the user lets go of later is news to nobody. */
    unsigned n = f->n;
    CALL(f, key, KEY_LEFTSHIFT, false);
    CALL(f, button, BTN_LEFT, false);
    FRAME(f);
    assert_int_equal(f->n, n);
}

static void focus_from_window_to_window_keeps_what_is_held(void **state)
{
    struct fixture *f = *state;
    CALL(f, focus, 0);
    CALL(f, key, KEY_LEFTCTRL, true);
    CALL(f, focus, 1);
    assert_true(gate_is_pressed(&f->gate, KEY_LEFTCTRL));
}

static void presses_and_releases_come_once(void **state)
{
    struct fixture *f = *state;
    CALL(f, focus, 0);
    for (unsigned i = 0; i < 3; i++)
        CALL(f, key, KEY_B, true);
    FRAME(f);
    for (unsigned i = 0; i < 3; i++)
        CALL(f, key, KEY_B, false);
    FRAME(f);
    CALL(f, key, KEY_C, false);
    FRAME(f);
    assert_int_equal(f->n, 2);
}

static void a_tap_within_one_frame_is_two_reports(void **state)
{
    struct fixture *f = *state;
    CALL(f, focus, 0);
    CALL(f, key, KEY_B, true);
    CALL(f, key, KEY_B, false);
    FRAME(f);
    assert_int_equal(f->n, 2);
    assert_int_equal(f->reports, 2);
}

static void buttons_need_the_pointer_and_not_the_focus(void **state)
{
    struct fixture *f = *state;
    CALL(f, button, BTN_LEFT, true);
    assert_int_equal(f->n, 0);
    CALL(f, abs, 0, 0, 0);
    CALL(f, button, BTN_LEFT, true);
    FRAME(f);
    expect(f, 2, GATE_POINTER, EV_KEY, BTN_LEFT, 1);
    assert_int_equal(f->reports, 1);
}

static void the_pointer_that_leaves_lets_go_of_its_buttons(void **state)
{
    struct fixture *f = *state;
    CALL(f, focus, 0);
    CALL(f, abs, 0, 0.5, 0.5);
    CALL(f, button, BTN_RIGHT, true);
    CALL(f, key, KEY_A, true);
    FRAME(f);
    LEAVE(f);
    assert_false(gate_is_pressed(&f->gate, BTN_RIGHT));
    assert_true(gate_is_pressed(&f->gate, KEY_A));
    unsigned n = f->n;
    CALL(f, button, BTN_RIGHT, false);
    CALL(f, wheel, 0, 120);
    FRAME(f);
    assert_int_equal(f->n, n);
}

static void codes_of_no_key_or_button_are_dropped(void **state)
{
    struct fixture *f = *state;
    CALL(f, focus, 0);
    CALL(f, abs, 0, 0, 0);
    FRAME(f);
    unsigned n = f->n;
    CALL(f, key, KEY_CNT, true);
    CALL(f, key, UINT32_MAX, true);
    CALL(f, key, BTN_LEFT, true);
    CALL(f, button, KEY_A, true);
    CALL(f, button, BTN_JOYSTICK, true);
    CALL(f, button, UINT32_MAX, true);
    FRAME(f);
    assert_int_equal(f->n, n);
    assert_false(gate_is_pressed(&f->gate, UINT32_MAX));
}

static void the_absolute_axes_span_one_scanout(void **state)
{
    struct fixture *f = *state;
    CALL(f, abs, 0, 0, 0);
    CALL(f, abs, 0, 1, 1);
    CALL(f, abs, 0, -3, 0.25);
    CALL(f, abs, 0, 1e300, (double)INFINITY);
    FRAME(f);
    expect(f, 0, GATE_POINTER, EV_ABS, ABS_X, 0);
    expect(f, 1, GATE_POINTER, EV_ABS, ABS_Y, 0);
    expect(f, 2, GATE_POINTER, EV_ABS, ABS_X, GATE_ABS_MAX);
    expect(f, 3, GATE_POINTER, EV_ABS, ABS_Y, GATE_ABS_MAX);
    expect(f, 4, GATE_POINTER, EV_ABS, ABS_X, 0);
    expect(f, 5, GATE_POINTER, EV_ABS, ABS_Y, 8192);
    expect(f, 6, GATE_POINTER, EV_ABS, ABS_X, GATE_ABS_MAX);
    expect(f, 7, GATE_POINTER, EV_ABS, ABS_Y, GATE_ABS_MAX);
    CALL(f, abs, 0, (double)NAN, (double)NAN);
    expect(f, 8, GATE_POINTER, EV_ABS, ABS_X, 0);
    assert_int_equal(f->reports, 1);
}

static void a_pixels_middle_stays_in_that_pixel(void **state)
{
    struct fixture *f = *state;
    static const unsigned widths[] = { 1, 640, 1366, 1920, 2560, 3840, 7680 };
    for (unsigned w = 0; w < ARRAY_LEN(widths); w++) {
        struct gate_scanout layout[] = { { 0, 0, widths[w], widths[w] } };
        gate_set_layout(&f->gate, layout, 1);
        for (unsigned x = 0; x < widths[w]; x++) {
            CALL(f, abs, 0, (x + 0.5) / widths[w], 0);
            assert_int_equal((int64_t)f->gate.abs_x * widths[w] / (GATE_ABS_MAX + 1), x);
        }
    }
}

static void each_scanout_has_its_place_in_the_layout(void **state)
{
    struct fixture *f = *state;
    struct gate_scanout layout[] = { { 0, 0, 1000, 500 }, { 0 }, { 1000, 0, 1000, 1000 } };
    gate_set_layout(&f->gate, layout, 3);
    CALL(f, abs, 2, 0.5, 0.5);
    expect(f, 0, GATE_POINTER, EV_ABS, ABS_X, 24576);
    expect(f, 1, GATE_POINTER, EV_ABS, ABS_Y, 16384);
    CALL(f, abs, 0, 0.5, 1);
    expect(f, 2, GATE_POINTER, EV_ABS, ABS_X, 8192);
    assert_int_equal(f->n, 3); /* the same height: not said again */
    CALL(f, abs, 1, 0.5, 0.5);
    CALL(f, abs, 99, 0.5, 0.5);
    assert_int_equal(f->n, 3);
    /* No layout at all is no reason to forget the last one. */
    gate_set_layout(&f->gate, &layout[1], 1);
    CALL(f, abs, 0, 0, 1);
    expect(f, 3, GATE_POINTER, EV_ABS, ABS_X, 0);
}

static void the_wheel_counts_detents_and_keeps_the_rest(void **state)
{
    struct fixture *f = *state;
    CALL(f, abs, 0, 0, 0);
    FRAME(f);
    f->n = 0;
    CALL(f, wheel, 0, 120);
    expect(f, 0, GATE_POINTER, EV_REL, REL_WHEEL_HI_RES, -120);
    expect(f, 1, GATE_POINTER, EV_REL, REL_WHEEL, -1);
    CALL(f, wheel, 50, 0);
    CALL(f, wheel, 50, 0);
    CALL(f, wheel, 50, 0);
    expect(f, 2, GATE_POINTER, EV_REL, REL_HWHEEL_HI_RES, 50);
    expect(f, 3, GATE_POINTER, EV_REL, REL_HWHEEL_HI_RES, 50);
    expect(f, 4, GATE_POINTER, EV_REL, REL_HWHEEL_HI_RES, 50);
    expect(f, 5, GATE_POINTER, EV_REL, REL_HWHEEL, 1);
    CALL(f, wheel, 90, 0); /* 30 were left */
    expect(f, 7, GATE_POINTER, EV_REL, REL_HWHEEL, 1);
    CALL(f, wheel, 0, INT32_MIN);
    assert_true(f->log[9].code == REL_WHEEL && f->log[9].value > 0);
}

static void the_wheel_forgets_the_rest_when_it_turns_back(void **state)
{
    struct fixture *f = *state;
    CALL(f, abs, 0, 0, 0);
    f->n = 0;
    CALL(f, wheel, 0, 100);
    CALL(f, wheel, 0, -100);
    CALL(f, wheel, 0, -20);
    assert_int_equal(f->n, 4);
    expect(f, 3, GATE_POINTER, EV_REL, REL_WHEEL, 1);
    CALL(f, wheel, 0, 100);
    LEAVE(f);
    CALL(f, abs, 0, 0, 0);
    f->n = 0;
    CALL(f, wheel, 0, 20);
    assert_int_equal(f->n, 1);
}

/* The gate beside a model that says what the guest must hold. */

struct model {
    bool focused, inside;
    bool held[KEY_CNT];
};

static uint32_t random_code(unsigned *seed, bool button)
{
    static const uint32_t odd[] = { 0,         KEY_CNT - 1,      KEY_CNT,      BTN_MOUSE - 1,
                                    BTN_MOUSE, BTN_JOYSTICK - 1, BTN_JOYSTICK, UINT32_MAX };
    unsigned r = (unsigned)rand_r(seed);
    if (r % 16 == 0)
        return odd[r / 16 % ARRAY_LEN(odd)];
    return button ? BTN_MOUSE + r / 16 % 5 : KEY_ESC + r / 16 % 12;
}

static void model_change(struct model *m, uint32_t code, bool pressed, bool button)
{
    bool is_button = code >= BTN_MOUSE && code < BTN_JOYSTICK;
    if (code < KEY_CNT && is_button == button && (button ? m->inside : m->focused))
        m->held[code] = pressed;
}

static void random_step(struct fixture *f, struct model *m, unsigned *seed)
{
    unsigned r = (unsigned)rand_r(seed);
    bool pressed = r / 64 % 2;
    switch (r % 16) {
    case 0:
        m->focused = r / 128 % 2;
        CALL(f, focus, m->focused ? (int)(r / 256 % 3) : INPUT_NO_SCANOUT);
        if (!m->focused)
            memset(m->held, 0, sizeof(m->held));
        break;
    case 1:
        m->inside = false;
        memset(&m->held[BTN_MOUSE], 0, BTN_JOYSTICK - BTN_MOUSE);
        LEAVE(f);
        break;
    case 2:
    case 3:
        m->inside = true;
        CALL(f, abs, r / 128 % 20, (r / 4096 % 100) / 90.0, (r / 4096 % 64) / 60.0);
        break;
    case 4:
        CALL(f, wheel, (int32_t)(r / 128 % 500) - 250, (int32_t)(r / 256 % 500) - 250);
        break;
    case 5:
    case 6:
        FRAME(f);
        break;
    default: {
        bool button = r % 16 > 11;
        uint32_t code = random_code(seed, button);
        model_change(m, code, pressed, button);
        if (button)
            CALL(f, button, code, pressed);
        else
            CALL(f, key, code, pressed);
    }
    }
}

static void random_sequences_match_the_model(void **state)
{
    struct fixture *f = *state;
    unsigned sequences = getenv("VITRINE_FULL") ? 1000000 : 20000;
    unsigned seed = 2026;
    for (unsigned i = 0; i < sequences; i++) {
        struct model m = { 0 };
        set_up(state);
        unsigned steps = 1 + (unsigned)rand_r(&seed) % 60;
        for (unsigned s = 0; s < steps; s++) {
            random_step(f, &m, &seed);
            f->n = 0;
        }
        for (uint32_t code = 0; code < KEY_CNT; code++) {
            assert_int_equal(bit(f->held, code), m.held[code]);
            assert_int_equal(gate_is_pressed(&f->gate, code), m.held[code]);
        }
        CALL(f, focus, INPUT_NO_SCANOUT);
        assert_true(nothing_held(f));
        assert_false(f->open[GATE_KEYBOARD] || f->open[GATE_POINTER]);
    }
}

#define T(name) cmocka_unit_test_setup(name, set_up)

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
        T(the_wheel_counts_detents_and_keeps_the_rest),
        T(the_wheel_forgets_the_rest_when_it_turns_back),
        T(random_sequences_match_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
