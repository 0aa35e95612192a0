// SPDX-License-Identifier: MIT
/* What each input device says of itself, and what a guest makes of its events. */
#include <linux/input.h>
#include <stdlib.h>
#include <string.h>

#include "tests/device/input_bed.h"
#include "tests/test.h"

static void the_keyboard_says_what_it_is(void **state)
{
    struct input_bed *f = *state;
    driver_negotiate(f->d, 0, DRIVER_PROTOCOL_ALL);
    struct virtio_input_config c = input_bed_ask(f, VIRTIO_INPUT_CFG_ID_NAME, 0);
    assert_int_equal(c.size, strlen("vitrine keyboard"));
    assert_memory_equal(c.u.string, "vitrine keyboard", c.size);
    assert_true(input_bed_ask(f, VIRTIO_INPUT_CFG_ID_SERIAL, 0).size > 0);
    c = input_bed_ask(f, VIRTIO_INPUT_CFG_ID_DEVIDS, 0);
    assert_int_equal(c.size, sizeof(c.u.ids));
    assert_int_equal(c.u.ids.bustype, BUS_VIRTUAL);
    for (unsigned key = KEY_ESC; key <= KEY_MICMUTE; key++)
        assert_true(input_bed_has(f, VIRTIO_INPUT_CFG_EV_BITS, EV_KEY, key));
    assert_false(input_bed_has(f, VIRTIO_INPUT_CFG_EV_BITS, EV_KEY, KEY_RESERVED));
    for (unsigned button = BTN_MISC; button < KEY_OK; button++)
        assert_false(input_bed_has(f, VIRTIO_INPUT_CFG_EV_BITS, EV_KEY, button));
    for (unsigned button = BTN_TRIGGER_HAPPY; button < KEY_CNT; button++)
        assert_false(input_bed_has(f, VIRTIO_INPUT_CFG_EV_BITS, EV_KEY, button));
    assert_true(input_bed_has(f, VIRTIO_INPUT_CFG_EV_BITS, EV_LED, LED_CAPSL));
    assert_true(input_bed_ask(f, VIRTIO_INPUT_CFG_EV_BITS, EV_REP).size > 0);
    assert_int_equal(input_bed_ask(f, VIRTIO_INPUT_CFG_EV_BITS, EV_ABS).size, 0);
    assert_int_equal(input_bed_ask(f, VIRTIO_INPUT_CFG_EV_BITS, EV_REL).size, 0);
    assert_int_equal(input_bed_ask(f, VIRTIO_INPUT_CFG_ABS_INFO, ABS_X).size, 0);
    assert_int_equal(input_bed_ask(f, VIRTIO_INPUT_CFG_UNSET, 0).size, 0);
    assert_int_equal(input_bed_ask(f, 200, 200).size, 0);
}

static void the_pointer_says_what_it_is(void **state)
{
    struct input_bed *f = *state;
    driver_negotiate(f->d, 0, DRIVER_PROTOCOL_ALL);
    for (unsigned axis = ABS_X; axis <= ABS_Y; axis++) {
        assert_true(input_bed_has(f, VIRTIO_INPUT_CFG_EV_BITS, EV_ABS, axis));
        struct virtio_input_config c = input_bed_ask(f, VIRTIO_INPUT_CFG_ABS_INFO, (uint8_t)axis);
        assert_int_equal(c.size, sizeof(c.u.abs));
        assert_int_equal(c.u.abs.min, 0);
        assert_int_equal(c.u.abs.max, GATE_ABS_MAX);
    }
    static const unsigned rel[] = { REL_WHEEL, REL_HWHEEL, REL_WHEEL_HI_RES, REL_HWHEEL_HI_RES };
    for (unsigned i = 0; i < 4; i++)
        assert_true(input_bed_has(f, VIRTIO_INPUT_CFG_EV_BITS, EV_REL, rel[i]));
    for (unsigned button = BTN_LEFT; button <= BTN_EXTRA; button++)
        assert_true(input_bed_has(f, VIRTIO_INPUT_CFG_EV_BITS, EV_KEY, button));
    assert_false(input_bed_has(f, VIRTIO_INPUT_CFG_EV_BITS, EV_KEY, BTN_TOUCH));
    assert_true(input_bed_has(f, VIRTIO_INPUT_CFG_PROP_BITS, 0, INPUT_PROP_POINTER));
    assert_false(input_bed_has(f, VIRTIO_INPUT_CFG_PROP_BITS, 0, INPUT_PROP_DIRECT));
    assert_int_equal(input_bed_ask(f, VIRTIO_INPUT_CFG_EV_BITS, EV_REP).size, 0);
}

static void a_pointer_of_one_monitor_says_of_which(void **state)
{
    struct input_bed *f = *state;
    driver_negotiate(f->d, 0, DRIVER_PROTOCOL_ALL);
    struct virtio_input_config c = input_bed_ask(f, VIRTIO_INPUT_CFG_ID_NAME, 0);
    assert_int_equal(c.size, strlen("vitrine pointer 2"));
    assert_memory_equal(c.u.string, "vitrine pointer 2", c.size);
    c = input_bed_ask(f, VIRTIO_INPUT_CFG_ID_SERIAL, 0);
    assert_memory_equal(c.u.string, "vitrine-pointer-2", c.size);
    the_pointer_says_what_it_is(state);
}

static void the_mouse_says_what_it_is(void **state)
{
    struct input_bed *f = *state;
    driver_negotiate(f->d, 0, DRIVER_PROTOCOL_ALL);
    static const unsigned rel[] = {
        REL_X, REL_Y, REL_WHEEL, REL_HWHEEL, REL_WHEEL_HI_RES, REL_HWHEEL_HI_RES
    };
    for (unsigned i = 0; i < 6; i++)
        assert_true(input_bed_has(f, VIRTIO_INPUT_CFG_EV_BITS, EV_REL, rel[i]));
    for (unsigned button = BTN_LEFT; button <= BTN_TASK; button++)
        assert_true(input_bed_has(f, VIRTIO_INPUT_CFG_EV_BITS, EV_KEY, button));
    assert_int_equal(input_bed_ask(f, VIRTIO_INPUT_CFG_EV_BITS, EV_ABS).size, 0);
}

static void expect_axis(struct input_bed *f, uint8_t code, int32_t min, int32_t max,
                        bool resolution)
{
    assert_true(input_bed_has(f, VIRTIO_INPUT_CFG_EV_BITS, EV_ABS, code));
    struct virtio_input_config c = input_bed_ask(f, VIRTIO_INPUT_CFG_ABS_INFO, code);
    assert_int_equal(c.size, sizeof(c.u.abs));
    assert_int_equal(c.u.abs.min, (uint32_t)min);
    assert_int_equal(c.u.abs.max, (uint32_t)max);
    assert_int_equal(c.u.abs.res != 0, resolution);
}

static void the_touchscreen_says_what_it_is(void **state)
{
    struct input_bed *f = *state;
    driver_negotiate(f->d, 0, DRIVER_PROTOCOL_ALL);
    expect_axis(f, ABS_MT_SLOT, 0, VIRTIO_INPUT_MAX_CONTACTS - 1, false);
    expect_axis(f, ABS_MT_TRACKING_ID, 0, 0xffff, false);
    expect_axis(f, ABS_MT_POSITION_X, 0, GATE_ABS_MAX, false);
    expect_axis(f, ABS_MT_POSITION_Y, 0, GATE_ABS_MAX, false);
    assert_true(input_bed_has(f, VIRTIO_INPUT_CFG_PROP_BITS, 0, INPUT_PROP_DIRECT));
    assert_true(input_bed_has(f, VIRTIO_INPUT_CFG_EV_BITS, EV_KEY, BTN_TOUCH));
    assert_false(input_bed_has(f, VIRTIO_INPUT_CFG_EV_BITS, EV_KEY, BTN_LEFT));
}

static void the_pen_says_what_it_is(void **state)
{
    struct input_bed *f = *state;
    driver_negotiate(f->d, 0, DRIVER_PROTOCOL_ALL);
    expect_axis(f, ABS_X, 0, GATE_ABS_MAX, true); /* libinput takes no tablet without a size */
    expect_axis(f, ABS_Y, 0, GATE_ABS_MAX, true);
    expect_axis(f, ABS_PRESSURE, 0, GATE_PRESSURE_MAX, false);
    expect_axis(f, ABS_DISTANCE, 0, GATE_DISTANCE_MAX, false);
    expect_axis(f, ABS_TILT_X, -GATE_TILT_MAX, GATE_TILT_MAX, true);
    expect_axis(f, ABS_TILT_Y, -GATE_TILT_MAX, GATE_TILT_MAX, true);
    static const unsigned keys[] = { BTN_TOOL_PEN, BTN_TOOL_RUBBER, BTN_TOUCH,
                                     BTN_STYLUS,   BTN_STYLUS2,     BTN_STYLUS3 };
    for (unsigned i = 0; i < 6; i++)
        assert_true(input_bed_has(f, VIRTIO_INPUT_CFG_EV_BITS, EV_KEY, keys[i]));
    assert_false(input_bed_has(f, VIRTIO_INPUT_CFG_EV_BITS, EV_KEY, BTN_TOOL_FINGER));
    assert_true(input_bed_has(f, VIRTIO_INPUT_CFG_PROP_BITS, 0, INPUT_PROP_DIRECT));
}

static void motion_arrives(void **state)
{
    struct input_bed *f = *state;
    driver_up(f->d, 0, 2, INPUT_BED_SIZE);
    input_bed_add_buffers(f, INPUT_BED_SIZE);
    const struct virtio_input_event events[] = { { EV_REL, REL_X, 5 },
                                                 { EV_REL, REL_Y, (uint32_t)-7 },
                                                 { EV_KEY, BTN_SIDE, 1 } };
    input_bed_send(f, events, 3);
    input_bed_expect(f, EV_REL, REL_X, 5);
    input_bed_expect(f, EV_REL, REL_Y, -7);
    input_bed_expect(f, EV_KEY, BTN_SIDE, 1);
    input_bed_expect(f, EV_SYN, SYN_REPORT, 0);
}

static unsigned finger(struct virtio_input_event *e, int32_t slot, int32_t id, int32_t x, int32_t y)
{
    e[0] = (struct virtio_input_event){ EV_ABS, ABS_MT_SLOT, (uint32_t)slot };
    e[1] = (struct virtio_input_event){ EV_ABS, ABS_MT_TRACKING_ID, (uint32_t)id };
    e[2] = (struct virtio_input_event){ EV_ABS, ABS_MT_POSITION_X, (uint32_t)x };
    e[3] = (struct virtio_input_event){ EV_ABS, ABS_MT_POSITION_Y, (uint32_t)y };
    return id < 0 ? 2 : 4;
}

static void a_finger_lifted_without_room_is_lifted_later(void **state)
{
    struct input_bed *f = *state;
    struct virtio_input_event events[4];
    driver_up(f->d, 0, 2, INPUT_BED_SIZE);
    input_bed_add_buffers(f, 5);
    input_bed_send(f, events, finger(events, 0, 3, 10, 20));
    assert_int_equal(input_bed_take_all(f), 5);
    input_bed_send(f, events, finger(events, 0, -1, 0, 0));
    input_bed_add_buffers(f, 2); /* not enough for slot, id, and the report's end */
    input_bed_settle(f);
    assert_int_equal(input_bed_take_all(f), 0);
    assert_int_equal(f->contact[0].id, 3);
    input_bed_add_buffers(f, 1);
    input_bed_settle(f);
    assert_int_equal(input_bed_take_all(f), 3);
    assert_int_equal(f->contact[0].id, -1);
}

/* The guest missed that one finger went and another came in its slot. */
static void another_finger_is_not_taken_for_the_first(void **state)
{
    struct input_bed *f = *state;
    struct virtio_input_event events[4];
    driver_up(f->d, 0, 2, INPUT_BED_SIZE);
    input_bed_add_buffers(f, 5);
    input_bed_send(f, events, finger(events, 0, 3, 10, 20));
    assert_int_equal(input_bed_take_all(f), 5);
    input_bed_send(f, events, finger(events, 0, -1, 0, 0));
    input_bed_send(f, events, finger(events, 0, 4, 30, 40));
    input_bed_add_buffers(f, INPUT_BED_SIZE);
    input_bed_expect(f, EV_ABS, ABS_MT_SLOT, 0);
    input_bed_expect(f, EV_ABS, ABS_MT_TRACKING_ID, -1);
    input_bed_expect(f, EV_SYN, SYN_REPORT, 0);
    input_bed_expect(f, EV_ABS, ABS_MT_SLOT, 0);
    input_bed_expect(f, EV_ABS, ABS_MT_TRACKING_ID, 4);
    input_bed_expect(f, EV_ABS, ABS_MT_POSITION_X, 30);
    input_bed_expect(f, EV_ABS, ABS_MT_POSITION_Y, 40);
    input_bed_expect(f, EV_SYN, SYN_REPORT, 0);
}

/* What is told later ends with the slot that the owner spoke of last, on which it goes on. */
static void the_slot_is_the_one_that_was_spoken_of_last(void **state)
{
    struct input_bed *f = *state;
    struct virtio_input_event events[4];
    driver_up(f->d, 0, 2, INPUT_BED_SIZE);
    input_bed_add_buffers(f, 10);
    input_bed_send(f, events, finger(events, 0, 3, 10, 10));
    input_bed_send(f, events, finger(events, 1, 4, 20, 20));
    const struct virtio_input_event moves[] = { { EV_ABS, ABS_MT_SLOT, 0 },
                                                { EV_ABS, ABS_MT_POSITION_X, 11 },
                                                { EV_ABS, ABS_MT_SLOT, 1 },
                                                { EV_ABS, ABS_MT_POSITION_X, 21 },
                                                { EV_ABS, ABS_MT_POSITION_X, 20 } };
    input_bed_send(f, moves, 5);
    assert_int_equal(input_bed_take_all(f), 10);
    input_bed_add_buffers(f, 4); /* slot, x, y, and the report's end */
    input_bed_settle(f);
    assert_int_equal(input_bed_take_all(f), 4);
    input_bed_add_buffers(f, 20);
    input_bed_settle(f);
    input_bed_take_all(f);
    const struct virtio_input_event on = { EV_ABS, ABS_MT_POSITION_X, 25 };
    input_bed_send(f, &on, 1);
    input_bed_settle(f);
    input_bed_take_all(f);
    assert_int_equal(f->contact[0].x, 11);
    assert_int_equal(f->contact[1].x, 25);
}

/* Whatever the fingers do, and however the driver gives buffers, in the end the guest knows where they
 * are. */
static void run_fingers(struct input_bed *f, unsigned seed)
{
    struct {
        int32_t id, x, y;
    } want[VIRTIO_INPUT_MAX_CONTACTS] = { { 0 } };
    int32_t next = 1;
    unsigned owed = 16;
    memset(f->contact, 0, sizeof(f->contact));
    f->slot = 0;
    driver_negotiate(f->d, seed % 2 ? VIRTIO_RING_FEATURES : 0, DRIVER_PROTOCOL_ALL);
    driver_start(f->d, 2, 16);
    for (unsigned i = 0; i < 1000; i++) {
        struct virtio_input_event events[12];
        unsigned n = 0;
        for (unsigned k = 0; k < 1 + i % 3; k++) {
            int32_t slot = rand_r(&seed) % VIRTIO_INPUT_MAX_CONTACTS;
            bool down = want[slot].id <= 0;
            want[slot].id = down ? next++ : -1;
            want[slot].x = rand_r(&seed) % 1000;
            want[slot].y = rand_r(&seed) % 1000;
            n += finger(&events[n], slot, want[slot].id, want[slot].x, want[slot].y);
        }
        input_bed_send(f, events, n);
        owed += input_bed_take_all(f);
        unsigned give = (unsigned)rand_r(&seed) % (owed + 1);
        input_bed_add_buffers(f, give);
        owed -= give;
    }
    for (unsigned i = 0; i < 30; i++) {
        input_bed_add_buffers(f, owed);
        input_bed_settle(f);
        owed = input_bed_take_all(f);
    }
    for (int32_t i = 0; i < VIRTIO_INPUT_MAX_CONTACTS; i++) {
        struct virtio_input_event events[4];
        if (want[i].id > 0) {
            assert_int_equal(f->contact[i].id, want[i].id);
            assert_int_equal(f->contact[i].x, want[i].x);
            assert_int_equal(f->contact[i].y, want[i].y);
        } else {
            assert_true(f->contact[i].id <= 0);
        }
        input_bed_send(f, events, finger(events, i, -1, 0, 0));
    }
    driver_stop(f->d);
}

static void the_guest_ends_up_with_the_fingers_that_touch(void **state)
{
    struct input_bed *f = *state;
    for (unsigned seed = 1; seed <= 8; seed++)
        run_fingers(f, seed);
    assert_true(f->reports > 100);
}

static void a_pen_without_room_is_where_it_is_later(void **state)
{
    struct input_bed *f = *state;
    const struct virtio_input_event events[] = { { EV_KEY, BTN_TOOL_PEN, 1 },
                                                 { EV_ABS, ABS_X, 100 },
                                                 { EV_ABS, ABS_Y, 200 },
                                                 { EV_ABS, ABS_PRESSURE, 300 },
                                                 { EV_ABS, ABS_TILT_X, (uint32_t)-45 },
                                                 { EV_KEY, BTN_TOUCH, 1 } };
    driver_up(f->d, 0, 2, INPUT_BED_SIZE);
    input_bed_send(f, events, 6);
    input_bed_add_buffers(f, INPUT_BED_SIZE);
    input_bed_settle(f);
    input_bed_take_all(f);
    assert_true(f->held[BTN_TOOL_PEN] && f->held[BTN_TOUCH]);
    assert_int_equal(f->abs[ABS_X], 100);
    assert_int_equal(f->abs[ABS_Y], 200);
    assert_int_equal(f->abs[ABS_PRESSURE], 300);
    assert_int_equal(f->abs[ABS_TILT_X], -45);
}

#define SET_UP(device)                                                                             \
    static int device(void **state)                                                                \
    {                                                                                              \
        input_bed_set_up(state, &virtio_input_##device);                                           \
        return 0;                                                                                  \
    }
SET_UP(keyboard)
SET_UP(pointer)
SET_UP(mouse)
static int pointer_2(void **state)
{
    input_bed_set_up(state, &virtio_input_scanout_pointer[1]);
    return 0;
}
SET_UP(touchscreen)
SET_UP(pen)
#define T(device, name) cmocka_unit_test_setup_teardown(name, device, input_bed_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(keyboard, the_keyboard_says_what_it_is),
        T(pointer, the_pointer_says_what_it_is),
        T(pointer_2, a_pointer_of_one_monitor_says_of_which),
        T(mouse, the_mouse_says_what_it_is),
        T(touchscreen, the_touchscreen_says_what_it_is),
        T(pen, the_pen_says_what_it_is),
        T(mouse, motion_arrives),
        T(touchscreen, a_finger_lifted_without_room_is_lifted_later),
        T(touchscreen, another_finger_is_not_taken_for_the_first),
        T(touchscreen, the_slot_is_the_one_that_was_spoken_of_last),
        T(touchscreen, the_guest_ends_up_with_the_fingers_that_touch),
        T(pen, a_pen_without_room_is_where_it_is_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
