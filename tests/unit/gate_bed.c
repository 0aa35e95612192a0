// SPDX-License-Identifier: MIT
#include "tests/unit/gate_bed.h"

#include <string.h>

#include "tests/test.h"
#include "vmm/base/util.h"

static bool bit(const uint64_t *words, uint32_t i)
{
    return words[i / 64] >> i % 64 & 1;
}

static bool is_button(uint32_t code)
{
    return code >= BTN_MOUSE && code < BTN_JOYSTICK;
}

static bool has_buttons(enum gate_device device)
{
    return device == GATE_POINTER || device == GATE_MOUSE || device >= GATE_SCANOUT_POINTER;
}

static void on_event(void *target, enum gate_device device, uint16_t type, uint16_t code,
                     int32_t value)
{
    struct gate_bed *bed = target;
    if (bed->n < ARRAY_LEN(bed->log))
        bed->log[bed->n++] = (struct gate_bed_event){ device, type, code, value };
    bed->open[device] = true;
    if (type != EV_KEY || device == GATE_TOUCHSCREEN || device == GATE_PEN)
        return;
    if (is_button(code))
        assert_true(has_buttons(device));
    else
        assert_int_equal(device, GATE_KEYBOARD);
    assert_int_not_equal(bit(bed->held, code), value); /* never twice the same */
    assert_false(bit(bed->spoken, code));              /* never twice in a report */
    bed->held[code / 64] ^= 1ull << code % 64;
    bed->spoken[code / 64] |= 1ull << code % 64;
}

static void on_report(void *target, enum gate_device device)
{
    struct gate_bed *bed = target;
    assert_true(bed->open[device]); /* never an empty report */
    bed->open[device] = false;
    bed->reports++;
    for (uint32_t i = 0; i < KEY_CNT; i++) {
        if (is_button(i) == has_buttons(device))
            bed->spoken[i / 64] &= ~(1ull << i % 64);
    }
}

static void on_apart(void *target, bool apart)
{
    struct gate_bed *bed = target;
    assert_int_not_equal(bed->apart, apart);
    bed->apart = apart;
}

static const struct gate_target_ops target_ops = {
    .event = on_event,
    .report = on_report,
    .apart = on_apart,
};

static bool on_grab(void *data, bool on)
{
    struct gate_bed_source *extra = data;
    extra->n_grabs += on;
    extra->holds = on && !extra->refuse;
    return extra->holds;
}

static void on_watch(void *data, bool on)
{
    struct gate_bed_source *extra = data;
    extra->watched = on;
}

static void on_leds(void *data, uint32_t leds)
{
    struct gate_bed_source *extra = data;
    extra->leds = leds;
}

static const struct gate_source_ops source_ops = {
    .grab = on_grab,
    .watch = on_watch,
    .leds = on_leds,
};

int gate_bed_set_up(void **state)
{
    static struct gate_bed bed;
    memset(&bed, 0, sizeof(bed));
    gate_init(&bed.gate, &target_ops, &bed);
    *state = &bed;
    return 0;
}

struct gate_source *gate_bed_add(struct gate_bed *bed, unsigned i, enum gate_rule rule, bool grab)
{
    struct gate_bed_source *extra = &bed->extra[i];
    *extra = (struct gate_bed_source){
        .source = { .ops = &source_ops, .data = extra, .rule = rule, .grab = grab },
    };
    assert_true(gate_add(&bed->gate, &extra->source));
    gate_set_has(&extra->source, (bool[GATE_GROUP_COUNT]){ true, true, true });
    return &extra->source;
}

void gate_bed_expect(struct gate_bed *bed, unsigned i, enum gate_device device, uint16_t type,
                     uint16_t code, int32_t value)
{
    assert_true(i < bed->n);
    assert_int_equal(bed->log[i].device, device);
    assert_int_equal(bed->log[i].type, type);
    assert_int_equal(bed->log[i].code, code);
    assert_int_equal(bed->log[i].value, value);
}

bool gate_bed_holds(const struct gate_bed *bed, uint32_t code)
{
    return bit(bed->held, code);
}

bool gate_bed_nothing_held(const struct gate_bed *bed)
{
    for (uint32_t i = 0; i < KEY_CNT; i++) {
        if (bit(bed->held, i) || bed->gate.holders[i])
            return false;
    }
    return true;
}
