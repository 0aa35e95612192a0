/* SPDX-License-Identifier: MIT */
/* A gate with a guest that watches: no key or button is told twice, or twice in one report, and no report
 * is empty. Beside the windows it can have two sources whose grabs the test answers. */
#ifndef VITRINE_TESTS_UNIT_GATE_BED_H
#define VITRINE_TESTS_UNIT_GATE_BED_H

#include "input/gate.h"

struct gate_bed_event {
    enum gate_device device;
    uint16_t type, code;
    int32_t value;
};

struct gate_bed_source {
    struct gate_source source;
    bool refuse; /* the next grabs fail */
    bool holds, watched;
    unsigned n_grabs;
    uint32_t leds;
};

struct gate_bed {
    struct gate gate;
    struct gate_bed_source extra[2];
    struct gate_bed_event log[256];
    unsigned n, reports;
    bool apart;
    uint64_t
        held[GATE_WORDS]; /* keys and buttons that are pressed, of keyboard, pointers and mouse */
    uint64_t spoken[GATE_WORDS]; /* of them, those in the report under way */
    bool open[GATE_DEVICE_COUNT];
};

/* For cmocka: *state is a new bed's. */
int gate_bed_set_up(void **state);
/* Adds extra[i] with that rule. */
struct gate_source *gate_bed_add(struct gate_bed *bed, unsigned i, enum gate_rule rule, bool grab);
void gate_bed_expect(struct gate_bed *bed, unsigned i, enum gate_device device, uint16_t type,
                     uint16_t code, int32_t value);
bool gate_bed_holds(const struct gate_bed *bed, uint32_t code);
/* Neither the guest nor the gate for it. */
bool gate_bed_nothing_held(const struct gate_bed *bed);

/* As a source calls its sink. */
#define CALL(source, op, ...) (source)->sink.ops->op(&(source)->sink, __VA_ARGS__)
#define FRAME(source) (source)->sink.ops->frame(&(source)->sink)
#define LEAVE(source) (source)->sink.ops->leave(&(source)->sink)

#endif
