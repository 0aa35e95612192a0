// SPDX-License-Identifier: MIT
/* virtio-input with a driver that has enough event buffers, too few, or bad ones. */
#include <linux/input.h>
#include <linux/virtio_config.h>
#include <linux/virtio_input.h>
#include <stdlib.h>
#include <string.h>

#include "tests/device/input_bed.h"
#include "tests/test.h"
#include "vmm/base/loop.h"

static void a_report_arrives_as_it_was_made(void **state)
{
    struct input_bed *f = *state;
    driver_up(f->d, 0, 2, INPUT_BED_SIZE);
    input_bed_add_buffers(f, INPUT_BED_SIZE);
    const struct virtio_input_event events[] = {
        { EV_ABS, ABS_X, 100 },
        { EV_ABS, ABS_Y, 200 },
        { EV_KEY, BTN_LEFT, 1 },
        { EV_REL, REL_WHEEL_HI_RES, (uint32_t)-120 },
        { EV_REL, REL_WHEEL, (uint32_t)-1 },
        { EV_KEY, KEY_A, 1 }, /* which it does not have */
    };
    input_bed_send(f, events, 6);
    input_bed_expect(f, EV_ABS, ABS_X, 100);
    input_bed_expect(f, EV_ABS, ABS_Y, 200);
    input_bed_expect(f, EV_KEY, BTN_LEFT, 1);
    input_bed_expect(f, EV_REL, REL_WHEEL_HI_RES, -120);
    input_bed_expect(f, EV_REL, REL_WHEEL, -1);
    input_bed_expect(f, EV_SYN, SYN_REPORT, 0);
    assert_int_equal(input_bed_take_all(f), 0);
}

static void motion_without_room_is_summed_up(void **state)
{
    struct input_bed *f = *state;
    driver_up(f->d, 0, 2, INPUT_BED_SIZE);
    const struct virtio_input_event wheel[] = { { EV_REL, REL_WHEEL_HI_RES, 120 },
                                                { EV_REL, REL_WHEEL, 1 } };
    input_bed_add_buffers(f, 2);
    for (unsigned i = 0; i < 3; i++)
        input_bed_send(f, wheel, 2);
    input_bed_settle(f);
    assert_int_equal(input_bed_take_all(f), 0); /* there is room for one event */
    input_bed_add_buffers(f, 4);
    input_bed_expect(f, EV_REL, REL_WHEEL, 3);
    input_bed_expect(f, EV_REL, REL_WHEEL_HI_RES, 360);
    input_bed_expect(f, EV_SYN, SYN_REPORT, 0);
    input_bed_send(f, wheel, 2);
    input_bed_expect(f, EV_REL, REL_WHEEL_HI_RES, 120);
    input_bed_expect(f, EV_REL, REL_WHEEL, 1);
    input_bed_expect(f, EV_SYN, SYN_REPORT, 0);
}

static void motion_before_the_driver_came_is_not_told(void **state)
{
    struct input_bed *f = *state;
    const struct virtio_input_event wheel = { EV_REL, REL_WHEEL, 1 };
    input_bed_send(f, &wheel, 1);
    driver_up(f->d, 0, 2, INPUT_BED_SIZE);
    input_bed_add_buffers(f, INPUT_BED_SIZE);
    input_bed_settle(f);
    assert_int_equal(input_bed_take_all(f), 0);
}

static void flood_on_loop(void *data)
{
    struct input_bed *f = data;
    for (unsigned i = 0; i < 100000; i++) {
        virtio_input_event(f->input, EV_REL, REL_WHEEL, 1);
        virtio_input_event(f->input, EV_KEY, (uint16_t)(BTN_LEFT + i % 8), i / 8 % 2 == 0);
        virtio_input_report(f->input);
    }
}

/* 100,000 reports, and a driver that takes none of them meanwhile. */
static void a_flood_leaves_nothing_pressed_and_loses_no_motion(void **state)
{
    struct input_bed *f = *state;
    struct virtio_input_event event;
    int32_t turned = 0;
    driver_up(f->d, 0, 2, INPUT_BED_SIZE);
    input_bed_add_buffers(f, INPUT_BED_SIZE);
    driver_call(f->d, flood_on_loop, f);
    for (unsigned i = 0; i < 4; i++) {
        unsigned n = 0;
        for (; input_bed_take(f, 0, &event); n++)
            turned += event.type == EV_REL ? (int32_t)event.value : 0;
        input_bed_add_buffers(f, n);
        input_bed_settle(f);
    }
    assert_int_equal(turned, 100000);
    for (unsigned i = BTN_LEFT; i <= BTN_TASK; i++)
        assert_false(f->held[i]);
}

static void a_release_without_room_comes_later(void **state)
{
    struct input_bed *f = *state;
    driver_up(f->d, 0, 2, INPUT_BED_SIZE);
    input_bed_add_buffers(f, 2);
    input_bed_send_key(f, KEY_A, true);
    input_bed_expect(f, EV_KEY, KEY_A, 1);
    input_bed_expect(f, EV_SYN, SYN_REPORT, 0);
    input_bed_send_key(f, KEY_A, false);
    input_bed_add_buffers(f, 1); /* not yet enough */
    input_bed_settle(f);
    assert_int_equal(input_bed_take_all(f), 0);
    input_bed_add_buffers(f, 1);
    input_bed_expect(f, EV_KEY, KEY_A, 0);
    input_bed_expect(f, EV_SYN, SYN_REPORT, 0);
}

/* Else the key would be typed with a shift that nobody holds. */
static void what_is_owed_comes_before_what_is_new(void **state)
{
    struct input_bed *f = *state;
    driver_up(f->d, 0, 2, INPUT_BED_SIZE);
    input_bed_add_buffers(f, 2);
    input_bed_send_key(f, KEY_LEFTSHIFT, true);
    input_bed_expect(f, EV_KEY, KEY_LEFTSHIFT, 1);
    input_bed_expect(f, EV_SYN, SYN_REPORT, 0);
    input_bed_send_key(f, KEY_LEFTSHIFT, false);
    input_bed_add_buffers_silently(f, INPUT_BED_SIZE);
    input_bed_send_key(f, KEY_A, true);
    input_bed_expect(f, EV_KEY, KEY_LEFTSHIFT, 0);
    input_bed_expect(f, EV_KEY, KEY_A, 1);
    input_bed_expect(f, EV_SYN, SYN_REPORT, 0);
}

static void a_tap_without_room_leaves_nothing_behind(void **state)
{
    struct input_bed *f = *state;
    driver_up(f->d, 0, 2, INPUT_BED_SIZE);
    input_bed_send_key(f, KEY_A, true);
    input_bed_send_key(f, KEY_A, false);
    input_bed_add_buffers(f, INPUT_BED_SIZE);
    input_bed_settle(f);
    assert_int_equal(input_bed_take_all(f), 0);
}

static void more_keys_than_buffers_are_told_in_parts(void **state)
{
    struct input_bed *f = *state;
    struct virtio_input_event events[100];
    driver_negotiate(f->d, 0, DRIVER_PROTOCOL_ALL);
    driver_start(f->d, 2, INPUT_BED_SIZE);
    for (unsigned i = 0; i < 100; i++)
        events[i] = (struct virtio_input_event){ EV_KEY, (uint16_t)(KEY_ESC + i), 1 };
    input_bed_add_buffers(f, 5);
    input_bed_send(f, events, 100);
    for (unsigned i = 0; i < 20; i++) {
        input_bed_take_all(f);
        input_bed_add_buffers(f, 7);
        input_bed_settle(f);
    }
    input_bed_take_all(f);
    for (unsigned i = 0; i < 100; i++)
        assert_true(f->held[KEY_ESC + i]);
}

static void what_is_held_is_told_to_a_driver_that_comes_later(void **state)
{
    struct input_bed *f = *state;
    const struct virtio_input_event events[] = { { EV_ABS, ABS_X, 7 },
                                                 { EV_ABS, ABS_Y, 0 },
                                                 { EV_KEY, BTN_LEFT, 1 } };
    input_bed_send(f, events, 3);
    for (unsigned i = 0; i < 3; i++) {
        driver_negotiate(f->d, i ? VIRTIO_RING_FEATURES : 0, DRIVER_PROTOCOL_ALL);
        driver_start(f->d, 2, INPUT_BED_SIZE);
        input_bed_add_buffers(f, INPUT_BED_SIZE);
        input_bed_expect(f, EV_KEY, BTN_LEFT, 1);
        input_bed_expect(f, EV_ABS, ABS_X, 7);
        input_bed_expect(f, EV_ABS, ABS_Y, 0);
        input_bed_expect(f, EV_SYN, SYN_REPORT, 0);
        driver_stop(f->d);
    }
}

static void leds_are_told(void **state)
{
    struct input_bed *f = *state;
    driver_up(f->d, 0, 2, INPUT_BED_SIZE);
    f->n_leds = 0;
    for (unsigned i = 0; i < 200; i++) {
        struct virtio_input_event led = { EV_LED, LED_CAPSL, i % 2 };
        assert_int_equal(driver_request(f->d, INPUT_BED_STATUS, &led, sizeof(led), NULL, 0), 0);
        assert_int_equal(f->n_leds, i + 1);
        assert_int_equal(f->leds, (i % 2) << LED_CAPSL);
    }
    /* What is none, and what is too short to be one, is given back all the same. */
    struct virtio_input_event other = { EV_SND, SND_BELL, 1 };
    assert_int_equal(driver_request(f->d, INPUT_BED_STATUS, &other, sizeof(other), NULL, 0), 0);
    struct virtio_input_event led = { EV_LED, LED_NUML, 1 };
    assert_int_equal(driver_request(f->d, INPUT_BED_STATUS, &led, sizeof(led) - 1, NULL, 0), 0);
    assert_int_equal(f->n_leds, 200);
}

static void leds_are_off_when_a_driver_comes(void **state)
{
    struct input_bed *f = *state;
    const uint16_t codes[] = { LED_NUML, LED_CAPSL, LED_SCROLLL };
    for (unsigned i = 0; i < 3; i++) {
        driver_negotiate(f->d, 0, DRIVER_PROTOCOL_ALL);
        driver_start(f->d, 2, INPUT_BED_SIZE);
        input_bed_settle(f);
        assert_int_equal(f->leds, 0);
        struct virtio_input_event led = { EV_LED, codes[i], 1 };
        assert_int_equal(driver_request(f->d, INPUT_BED_STATUS, &led, sizeof(led), NULL, 0), 0);
        assert_int_equal(f->leds, 1u << codes[i]);
        driver_stop(f->d);
    }
}

#define REFILLS 100000

/* What else the loop has to do. */
static struct {
    struct loop_task task;
    struct input_bed *f;
    atomic_uint after; /* how many LEDs it came */
} other;

static void other_runs(struct loop_task *task)
{
    other.after = other.f->n_leds;
}

/* The driver makes its buffer available again before it has it back. */
static void refill(struct input_bed *f)
{
    struct vring_avail *avail = driver_queue(f->d, INPUT_BED_STATUS)->avail;
    if (f->n_leds == 1)
        loop_post(virtio_input_dev(f->input)->loop, &other.task);
    if (f->n_leds < REFILLS)
        __atomic_store_n(&avail->idx, (uint16_t)(avail->idx + 1), __ATOMIC_RELEASE);
}

static void a_driver_that_refills_for_ever_holds_up_nobody(void **state)
{
    struct input_bed *f = *state;
    driver_up(f->d, 0, 2, INPUT_BED_SIZE);
    struct driver_buffer buffer = { driver_alloc(f->d, sizeof(struct virtio_input_event), 8),
                                    sizeof(struct virtio_input_event), false };
    *(struct virtio_input_event *)driver_ptr(f->d, buffer.gpa) =
        (struct virtio_input_event){ EV_LED, LED_CAPSL, 1 };
    struct vring_avail *avail = driver_queue(f->d, INPUT_BED_STATUS)->avail;
    uint16_t head = (uint16_t)driver_add(f->d, INPUT_BED_STATUS, &buffer, 1, false);
    for (unsigned i = 0; i < INPUT_BED_SIZE; i++)
        avail->ring[i] = head;
    f->n_leds = 0;
    other.f = f;
    loop_task_init(&other.task, other_runs);
    f->led_told = refill;
    driver_kick_always(f->d, INPUT_BED_STATUS);
    /* What a turn leaves, the next ones take. */
    for (unsigned i = 0; i < REFILLS && f->n_leds < REFILLS; i++)
        input_bed_settle(f);
    assert_int_equal(f->n_leds, REFILLS);
    assert_in_range(other.after, 1, 2 * INPUT_BED_SIZE);
    assert_false(driver_status(f->d) & VIRTIO_CONFIG_S_NEEDS_RESET);
}

static void a_buffer_in_pieces_serves_as_well(void **state)
{
    struct input_bed *f = *state;
    driver_up(f->d, 0, 2, INPUT_BED_SIZE);
    uint64_t gpa = driver_alloc(f->d, 16, 8);
    for (unsigned i = 0; i < 2; i++) {
        struct driver_buffer pieces[] = { { gpa + 8 * i, 3, true }, { gpa + 8 * i + 3, 5, true } };
        int head = driver_add(f->d, INPUT_BED_EVENTS, pieces, 2, i);
        assert_true(head >= 0);
        f->buffer[head] = gpa + 8 * i;
    }
    input_bed_send_key(f, KEY_Z, true);
    input_bed_expect(f, EV_KEY, KEY_Z, 1);
    input_bed_expect(f, EV_SYN, SYN_REPORT, 0);
}

static void a_buffer_too_small_needs_a_reset(void **state)
{
    struct input_bed *f = *state;
    driver_up(f->d, 0, 2, INPUT_BED_SIZE);
    struct driver_buffer small = { driver_alloc(f->d, 16, 8), 7, true };
    for (unsigned i = 0; i < 2; i++)
        assert_true(driver_add(f->d, INPUT_BED_EVENTS, &small, 1, false) >= 0);
    input_bed_send_key(f, KEY_Z, true);
    assert_true(driver_status(f->d) & VIRTIO_CONFIG_S_NEEDS_RESET);
}

/* Whatever is pressed, and however the driver gives buffers: reports are whole, and in the end the
 * guest holds what is held. */
static void run_random(struct input_bed *f, unsigned seed, uint64_t features)
{
    bool wanted[KEY_CNT] = { false };
    unsigned owed = 0;
    driver_negotiate(f->d, features, DRIVER_PROTOCOL_ALL);
    driver_start(f->d, 2, 16);
    memset(f->held, 0, sizeof(f->held));
    for (unsigned i = 0; i < 3000; i++) {
        struct virtio_input_event events[5];
        unsigned n = 1 + (unsigned)rand_r(&seed) % 5;
        for (unsigned k = 0; k < n; k++) {
            uint16_t code = (uint16_t)(KEY_ESC + rand_r(&seed) % 30);
            wanted[code] = !wanted[code];
            events[k] = (struct virtio_input_event){ EV_KEY, code, wanted[code] };
        }
        input_bed_send(f, events, n);
        owed += input_bed_take_all(f);
        if (i == 0 || rand_r(&seed) % 4 == 0) {
            unsigned give = i == 0 ? 16 : (unsigned)rand_r(&seed) % (owed + 1);
            input_bed_add_buffers(f, give);
            owed -= i == 0 ? 0 : give;
        }
    }
    for (unsigned i = 0; i < 30; i++) {
        input_bed_add_buffers(f, owed);
        input_bed_settle(f);
        owed = input_bed_take_all(f);
    }
    assert_memory_equal(f->held, wanted, sizeof(wanted));
    for (uint16_t code = 0; code < 40; code++) {
        if (wanted[code])
            input_bed_send_key(f, code, false);
    }
    driver_stop(f->d);
}

static void the_guest_ends_up_with_what_is_held(void **state)
{
    struct input_bed *f = *state;
    for (unsigned seed = 1; seed <= 10; seed++)
        run_random(f, seed, seed % 2 ? VIRTIO_RING_FEATURES : 0);
    assert_true(f->reports > 1000);
}

static int keyboard(void **state)
{
    input_bed_set_up(state, &virtio_input_keyboard);
    return 0;
}

static int pointer(void **state)
{
    input_bed_set_up(state, &virtio_input_pointer);
    return 0;
}

#define K(name) cmocka_unit_test_setup_teardown(name, keyboard, input_bed_tear_down)
#define P(name) cmocka_unit_test_setup_teardown(name, pointer, input_bed_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        P(a_report_arrives_as_it_was_made),
        P(motion_without_room_is_summed_up),
        P(motion_before_the_driver_came_is_not_told),
        P(a_flood_leaves_nothing_pressed_and_loses_no_motion),
        K(a_release_without_room_comes_later),
        K(what_is_owed_comes_before_what_is_new),
        K(a_tap_without_room_leaves_nothing_behind),
        K(more_keys_than_buffers_are_told_in_parts),
        P(what_is_held_is_told_to_a_driver_that_comes_later),
        K(leds_are_told),
        K(leds_are_off_when_a_driver_comes),
        K(a_driver_that_refills_for_ever_holds_up_nobody),
        K(a_buffer_in_pieces_serves_as_well),
        K(a_buffer_too_small_needs_a_reset),
        K(the_guest_ends_up_with_what_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
