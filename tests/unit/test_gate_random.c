// SPDX-License-Identifier: MIT
/*
 * Random sequences of what three sources and the windows do, beside a model that says for each key and
 * source whether the guest was given it. What the guest holds is always what the model says; the model
 * keeps no count and knows no order, so it is not the gate once more.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"
#include "tests/unit/gate_bed.h"
#include "vmm/base/util.h"

#define SOURCES 3 /* the windows, and the bed's two */

static const uint32_t codes[] = { KEY_A,         KEY_B,        KEY_LEFTSHIFT, KEY_LEFTCTRL,
                                  KEY_RIGHTCTRL, BTN_LEFT,     BTN_RIGHT,     BTN_JOYSTICK - 1,
                                  KEY_MAX,       BTN_MOUSE - 1 };
#define CODES ARRAY_LEN(codes)

struct model {
    struct gate_bed *bed;
    bool focused, inside, locked, inhibited, let_go;
    bool live[2]; /* the shared source has the keys, the pointer */
    bool grabbed[SOURCES];
    bool held[SOURCES][CODES], given[SOURCES][CODES];
};

static struct gate_source *source(struct model *m, unsigned i)
{
    return i == 0 ? &m->bed->gate.windows : &m->bed->extra[i - 1].source;
}

static bool is_button(unsigned code)
{
    return codes[code] >= BTN_MOUSE && codes[code] < BTN_JOYSTICK;
}

static bool admits(struct model *m, unsigned s, bool button)
{
    const struct gate_source *src = source(m, s);
    if (src->grab && m->let_go)
        return false;
    switch (src->rule) {
    case GATE_WINDOWS:
        return !m->live[button] && (button ? m->inside || m->locked : m->focused);
    case GATE_MUTED:
        return false;
    case GATE_SHARED:
        return m->focused && (m->grabbed[s] || m->live[button]);
    case GATE_FOCUSED:
        return m->focused;
    default:
        return true;
    }
}

static bool holds(const struct model *m, unsigned s, bool button)
{
    for (unsigned i = 0; i < CODES; i++) {
        if (m->held[s][i] && is_button(i) == button)
            return true;
    }
    return false;
}

static void drop(struct model *m, unsigned s, bool only_buttons)
{
    for (unsigned i = 0; i < CODES; i++) {
        if (!only_buttons || is_button(i))
            m->given[s][i] = false;
    }
}

static void settle(struct model *m)
{
    for (unsigned button = 0; button < 2; button++) {
        bool idle = true, have = false;
        for (unsigned s = 0; s < SOURCES; s++) {
            enum gate_rule rule = source(m, s)->rule;
            have |= rule == GATE_SHARED;
            if (rule == GATE_SHARED || rule == GATE_WINDOWS)
                idle &= !holds(m, s, button);
        }
        if (idle)
            m->live[button] = have && (button ? m->locked : m->inhibited);
    }
    for (unsigned s = 1; s < SOURCES; s++) {
        const struct gate_source *src = source(m, s);
        bool mine = m->focused || src->rule == GATE_ALWAYS;
        bool wanted = src->grab && mine && !m->let_go;
        if (wanted == m->grabbed[s] || (mine && (holds(m, s, false) || holds(m, s, true))))
            continue;
        m->grabbed[s] = wanted && !m->bed->extra[s - 1].refuse;
        if (!m->grabbed[s] && src->rule == GATE_SHARED)
            drop(m, s, false);
    }
}

static void step_focus(struct model *m, int scanout)
{
    bool focused = scanout != INPUT_NO_SCANOUT, came = focused && !m->focused;
    m->focused = focused;
    if (came)
        m->let_go = false;
    for (unsigned s = 0; s < SOURCES; s++) {
        if (source(m, s)->rule == GATE_ALWAYS)
            continue;
        if (!focused)
            drop(m, s, false);
        for (unsigned i = 0; came && s > 0 && i < CODES; i++) {
            bool modifier =
                codes[i] == KEY_LEFTSHIFT || codes[i] == KEY_LEFTCTRL || codes[i] == KEY_RIGHTCTRL;
            m->given[s][i] |= modifier && m->held[s][i] && admits(m, s, false);
        }
    }
    settle(m);
    CALL(source(m, 0), focus, scanout);
}

static void step_key(struct model *m, unsigned s, unsigned code, bool pressed)
{
    struct gate_source *src = source(m, s);
    bool was = m->held[s][code];
    m->held[s][code] = pressed;
    if (!pressed)
        m->given[s][code] = false;
    else if (admits(m, s, is_button(code)))
        m->given[s][code] = true;
    if (pressed && !was && src->grab &&
        (codes[code] == KEY_LEFTCTRL || codes[code] == KEY_RIGHTCTRL) && m->held[s][3] &&
        m->held[s][4]) {
        m->let_go = !m->let_go;
        for (unsigned other = 0; m->let_go && other < SOURCES; other++) {
            if (source(m, other)->grab)
                drop(m, other, false);
        }
    }
    if (!pressed && was)
        settle(m);
    if (is_button(code))
        CALL(src, button, codes[code], pressed);
    else
        CALL(src, key, codes[code], pressed);
}

static void step_noise(struct model *m, unsigned s, unsigned r)
{
    struct gate_source *src = source(m, s);
    const struct input_tool tool = { .near = r & 1, .touching = r & 2, .eraser = r & 4 };
    switch (r / 8 % 8) {
    case 0:
        CALL(src, rel, 1, 2, 3, 4);
        break;
    case 1:
        CALL(src, wheel, (int32_t)(r / 64 % 500) - 250, (int32_t)(r / 128 % 500) - 250);
        break;
    case 2:
        CALL(src, touch_down, (int32_t)(r / 64 % 12), r / 1024 % 3, 0.5, 0.5);
        break;
    case 3:
        CALL(src, touch_motion, (int32_t)(r / 64 % 12), r / 1024 % 3, 0.6, 0.5);
        break;
    case 4:
        CALL(src, touch_up, (int32_t)(r / 64 % 12));
        break;
    case 5:
        CALL(src, tool, &tool);
        break;
    case 6:
        CALL(src, tool_button, BTN_STYLUS, r / 64 % 2);
        break;
    default:
        gate_set_led(&m->bed->gate, r / 64 % 4, r / 256 % 2);
    }
}

static void random_step(struct model *m, unsigned *seed)
{
    unsigned r = (unsigned)rand_r(seed), more = (unsigned)rand_r(seed);
    unsigned s = more % SOURCES;
    switch (r % 24) {
    case 0:
        step_focus(m, more % 8 < 3 ? INPUT_NO_SCANOUT : (int)(more % 3));
        break;
    case 1:
        m->inside = false;
        drop(m, 0, true);
        LEAVE(source(m, 0));
        break;
    case 2:
        m->inside |= s == 0;
        CALL(source(m, s), abs, more / 4 % 20, (more / 128 % 100) / 90.0, (more % 64) / 60.0);
        break;
    case 3:
        m->locked = !m->locked;
        settle(m);
        CALL(source(m, 0), locked, m->locked);
        break;
    case 4:
        m->inhibited = more % 2;
        settle(m);
        CALL(source(m, 0), inhibited, m->inhibited);
        break;
    case 5:
        m->bed->extra[more % 2].refuse = more / 2 % 4 == 0;
        break;
    case 6:
    case 7:
        FRAME(source(m, s));
        break;
    case 8:
    case 9:
        step_noise(m, s, more);
        break;
    default:
        step_key(m, s, more / 4 % CODES, more / 64 % 2);
    }
}

static void check(struct model *m)
{
    for (unsigned i = 0; i < CODES; i++) {
        bool given = false;
        for (unsigned s = 0; s < SOURCES; s++)
            given |= m->given[s][i];
        assert_int_equal(gate_bed_holds(m->bed, codes[i]), given);
        assert_int_equal(gate_is_pressed(&m->bed->gate, codes[i]), given);
    }
    for (unsigned s = 1; s < SOURCES; s++)
        assert_int_equal(m->bed->extra[s - 1].holds, m->grabbed[s]);
}

static void run(void **state, unsigned *seed)
{
    static const enum gate_rule rules[] = { GATE_SHARED, GATE_FOCUSED, GATE_ALWAYS };
    unsigned kind = (unsigned)rand_r(seed);
    gate_bed_set_up(state);
    struct gate_bed *bed = *state;
    struct model m = { .bed = bed };
    if (kind % 4 == 0)
        gate_set_windows(&bed->gate, GATE_MUTED);
    for (unsigned i = 0; i < 2; i++) {
        gate_bed_add(bed, i, rules[kind / 4 / (i ? 3 : 1) % 3], kind / (64u << i) % 2);
        m.grabbed[i + 1] = bed->extra[i].holds;
    }
    unsigned steps = 1 + (unsigned)rand_r(seed) % 60;
    for (unsigned s = 0; s < steps; s++) {
        random_step(&m, seed);
        check(&m);
        bed->n = 0;
    }
    step_focus(&m, INPUT_NO_SCANOUT);
    check(&m);
    for (unsigned i = 0; i < 2; i++) {
        if (bed->extra[i].source.rule == GATE_ALWAYS)
            gate_remove(&bed->extra[i].source);
        assert_false(bed->extra[i].holds);
    }
    assert_true(gate_bed_nothing_held(bed));
    for (unsigned i = 0; i < GATE_DEVICE_COUNT; i++)
        assert_false(bed->open[i]);
}

static void random_sequences_match_the_model(void **state)
{
    unsigned sequences = getenv("VITRINE_FULL") ? 1000000 : 20000;
    unsigned seed = 2026;
    for (unsigned i = 0; i < sequences; i++)
        run(state, &seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(random_sequences_match_the_model, gate_bed_set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
