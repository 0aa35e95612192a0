// SPDX-License-Identifier: MIT
/* virtio-input with a driver that has enough event buffers, too few, or bad ones. */
#include <linux/input.h>
#include <linux/virtio_config.h>
#include <linux/virtio_input.h>
#include <stdlib.h>
#include <string.h>

#include "input/gate.h"
#include "input/virtio_input.h"
#include "tests/device/driver.h"
#include "tests/test.h"

#define EVENTS 0
#define STATUS 1
#define SIZE 64

struct fixture {
    const struct virtio_input_info *info;
    struct virtio_input *input;
    struct driver *d;
    uint64_t buffer[SIZE]; /* by the chain's head */
    bool held[KEY_CNT];    /* what the guest makes of the events, taken over at SYN_REPORT */
    struct virtio_input_event pending[SIZE];
    unsigned n_pending, reports;
    int32_t abs[2];
    /* For calls on the device's loop. */
    const struct virtio_input_event *send;
    unsigned n_send;
};

static struct virtio_dev *create(struct loop *loop, void *data)
{
    struct fixture *f = data;
    f->input = virtio_input_create(loop, f->info);
    assert_non_null(f->input);
    return virtio_input_dev(f->input);
}

static void destroy(struct virtio_dev *dev, void *data)
{
    virtio_input_destroy(((struct fixture *)data)->input);
}

static struct fixture *set_up_with(void **state, const struct virtio_input_info *info)
{
    static struct fixture f;
    f = (struct fixture){ .info = info };
    struct host_model model = { create, destroy, &f };
    f.d = driver_host(&model);
    *state = &f;
    return &f;
}

static int keyboard(void **state)
{
    set_up_with(state, &virtio_input_keyboard);
    return 0;
}

static int pointer(void **state)
{
    set_up_with(state, &virtio_input_pointer);
    return 0;
}

static int tear_down(void **state)
{
    driver_destroy(((struct fixture *)*state)->d);
    return 0;
}

static void add_buffers_silently(struct fixture *f, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct driver_buffer b = { driver_alloc(f->d, sizeof(struct virtio_input_event), 8),
                                   sizeof(struct virtio_input_event), true };
        int head = driver_add(f->d, EVENTS, &b, 1, false);
        assert_true(head >= 0);
        f->buffer[head] = b.gpa;
    }
}

static void add_buffers(struct fixture *f, unsigned n)
{
    add_buffers_silently(f, n);
    driver_kick(f->d, EVENTS);
}

static void send_on_loop(void *data)
{
    struct fixture *f = data;
    for (unsigned i = 0; i < f->n_send; i++)
        virtio_input_event(f->input, f->send[i].type, f->send[i].code, (int32_t)f->send[i].value);
    virtio_input_report(f->input);
}

/* One report of the device's owner; returns when the device has dealt with it. */
static void send(struct fixture *f, const struct virtio_input_event *events, unsigned n)
{
    f->send = events;
    f->n_send = n;
    driver_call(f->d, send_on_loop, f);
}

static void send_key(struct fixture *f, uint16_t code, bool pressed)
{
    struct virtio_input_event event = { EV_KEY, code, pressed };
    send(f, &event, 1);
}

static void guest_takes_report(struct fixture *f)
{
    for (unsigned i = 0; i < f->n_pending; i++) {
        const struct virtio_input_event *e = &f->pending[i];
        if (e->type == EV_KEY)
            f->held[e->code] = e->value;
        else if (e->type == EV_ABS)
            f->abs[e->code] = (int32_t)e->value;
    }
    f->n_pending = 0;
    f->reports++;
}

/* Takes one event; false where none comes in time. */
static bool take(struct fixture *f, int timeout_ms, struct virtio_input_event *event)
{
    uint16_t head;
    uint32_t len;
    if (!driver_used(f->d, EVENTS, timeout_ms, &head, &len))
        return false;
    assert_int_equal(len, sizeof(*event));
    memcpy(event, driver_ptr(f->d, f->buffer[head]), sizeof(*event));
    if (event->type == EV_SYN)
        guest_takes_report(f);
    else
        f->pending[f->n_pending++] = *event;
    return true;
}

/* Takes what is there. A report must be there as a whole. */
static unsigned take_all(struct fixture *f)
{
    struct virtio_input_event event;
    unsigned n = 0;
    while (take(f, 0, &event))
        n++;
    assert_int_equal(f->n_pending, 0);
    return n;
}

static void expect(struct fixture *f, uint16_t type, uint16_t code, int32_t value)
{
    struct virtio_input_event event;
    assert_true(take(f, DRIVER_TIMEOUT_MS, &event));
    assert_int_equal(event.type, type);
    assert_int_equal(event.code, code);
    assert_int_equal(event.value, (uint32_t)value);
}

/* Waits until the device has handled the kicks that came before. */
static void nothing(void *data)
{
}

static void settle(struct fixture *f)
{
    /* Twice: a kick and a call that are ready together come in no order. */
    driver_call(f->d, nothing, NULL);
    driver_call(f->d, nothing, NULL);
}

static struct virtio_input_config ask(struct fixture *f, uint8_t select, uint8_t subsel)
{
    struct virtio_input_config config;
    uint8_t question[2] = { select, subsel };
    driver_set_config(f->d, 0, question, sizeof(question));
    driver_get_config(f->d, 0, &config, sizeof(config));
    assert_int_equal(config.select, select);
    assert_int_equal(config.subsel, subsel);
    return config;
}

static bool has(struct fixture *f, uint8_t select, uint8_t subsel, unsigned bit)
{
    struct virtio_input_config config = ask(f, select, subsel);
    return bit / 8 < config.size && config.u.bitmap[bit / 8] >> bit % 8 & 1;
}

static void the_keyboard_says_what_it_is(void **state)
{
    struct fixture *f = *state;
    driver_negotiate(f->d, 0, DRIVER_PROTOCOL_ALL);
    struct virtio_input_config c = ask(f, VIRTIO_INPUT_CFG_ID_NAME, 0);
    assert_int_equal(c.size, strlen("vitrine keyboard"));
    assert_memory_equal(c.u.string, "vitrine keyboard", c.size);
    assert_true(ask(f, VIRTIO_INPUT_CFG_ID_SERIAL, 0).size > 0);
    c = ask(f, VIRTIO_INPUT_CFG_ID_DEVIDS, 0);
    assert_int_equal(c.size, sizeof(c.u.ids));
    assert_int_equal(c.u.ids.bustype, BUS_VIRTUAL);
    for (unsigned key = KEY_ESC; key <= KEY_MICMUTE; key++)
        assert_true(has(f, VIRTIO_INPUT_CFG_EV_BITS, EV_KEY, key));
    assert_false(has(f, VIRTIO_INPUT_CFG_EV_BITS, EV_KEY, KEY_RESERVED));
    for (unsigned button = BTN_MISC; button < KEY_OK; button++)
        assert_false(has(f, VIRTIO_INPUT_CFG_EV_BITS, EV_KEY, button));
    for (unsigned button = BTN_TRIGGER_HAPPY; button < KEY_CNT; button++)
        assert_false(has(f, VIRTIO_INPUT_CFG_EV_BITS, EV_KEY, button));
    assert_true(has(f, VIRTIO_INPUT_CFG_EV_BITS, EV_LED, LED_CAPSL));
    assert_true(ask(f, VIRTIO_INPUT_CFG_EV_BITS, EV_REP).size > 0);
    assert_int_equal(ask(f, VIRTIO_INPUT_CFG_EV_BITS, EV_ABS).size, 0);
    assert_int_equal(ask(f, VIRTIO_INPUT_CFG_EV_BITS, EV_REL).size, 0);
    assert_int_equal(ask(f, VIRTIO_INPUT_CFG_ABS_INFO, ABS_X).size, 0);
    assert_int_equal(ask(f, VIRTIO_INPUT_CFG_UNSET, 0).size, 0);
    assert_int_equal(ask(f, 200, 200).size, 0);
}

static void the_pointer_says_what_it_is(void **state)
{
    struct fixture *f = *state;
    driver_negotiate(f->d, 0, DRIVER_PROTOCOL_ALL);
    for (unsigned axis = ABS_X; axis <= ABS_Y; axis++) {
        assert_true(has(f, VIRTIO_INPUT_CFG_EV_BITS, EV_ABS, axis));
        struct virtio_input_config c = ask(f, VIRTIO_INPUT_CFG_ABS_INFO, (uint8_t)axis);
        assert_int_equal(c.size, sizeof(c.u.abs));
        assert_int_equal(c.u.abs.min, 0);
        assert_int_equal(c.u.abs.max, GATE_ABS_MAX);
    }
    static const unsigned rel[] = { REL_WHEEL, REL_HWHEEL, REL_WHEEL_HI_RES, REL_HWHEEL_HI_RES };
    for (unsigned i = 0; i < 4; i++)
        assert_true(has(f, VIRTIO_INPUT_CFG_EV_BITS, EV_REL, rel[i]));
    for (unsigned button = BTN_LEFT; button <= BTN_EXTRA; button++)
        assert_true(has(f, VIRTIO_INPUT_CFG_EV_BITS, EV_KEY, button));
    assert_false(has(f, VIRTIO_INPUT_CFG_EV_BITS, EV_KEY, BTN_TOUCH));
    assert_true(has(f, VIRTIO_INPUT_CFG_PROP_BITS, 0, INPUT_PROP_POINTER));
    assert_false(has(f, VIRTIO_INPUT_CFG_PROP_BITS, 0, INPUT_PROP_DIRECT));
    assert_int_equal(ask(f, VIRTIO_INPUT_CFG_EV_BITS, EV_REP).size, 0);
}

static void a_report_arrives_as_it_was_made(void **state)
{
    struct fixture *f = *state;
    driver_up(f->d, 0, 2, SIZE);
    add_buffers(f, SIZE);
    const struct virtio_input_event events[] = {
        { EV_ABS, ABS_X, 100 },
        { EV_ABS, ABS_Y, 200 },
        { EV_KEY, BTN_LEFT, 1 },
        { EV_REL, REL_WHEEL_HI_RES, (uint32_t)-120 },
        { EV_REL, REL_WHEEL, (uint32_t)-1 },
        { EV_KEY, KEY_A, 1 }, /* which it does not have */
    };
    send(f, events, 6);
    expect(f, EV_ABS, ABS_X, 100);
    expect(f, EV_ABS, ABS_Y, 200);
    expect(f, EV_KEY, BTN_LEFT, 1);
    expect(f, EV_REL, REL_WHEEL_HI_RES, -120);
    expect(f, EV_REL, REL_WHEEL, -1);
    expect(f, EV_SYN, SYN_REPORT, 0);
    assert_int_equal(take_all(f), 0);
}

static void a_report_without_room_is_dropped_whole(void **state)
{
    struct fixture *f = *state;
    driver_up(f->d, 0, 2, SIZE);
    const struct virtio_input_event wheel[] = { { EV_REL, REL_WHEEL_HI_RES, 120 },
                                                { EV_REL, REL_WHEEL, 1 } };
    add_buffers(f, 2);
    send(f, wheel, 2);
    settle(f);
    assert_int_equal(take_all(f), 0);
    add_buffers(f, 1);
    settle(f);
    assert_int_equal(take_all(f), 0); /* motion is not made up for */
    send(f, wheel, 2);
    settle(f);
    assert_int_equal(take_all(f), 3);
}

static void a_release_without_room_comes_later(void **state)
{
    struct fixture *f = *state;
    driver_up(f->d, 0, 2, SIZE);
    add_buffers(f, 2);
    send_key(f, KEY_A, true);
    expect(f, EV_KEY, KEY_A, 1);
    expect(f, EV_SYN, SYN_REPORT, 0);
    send_key(f, KEY_A, false);
    add_buffers(f, 1); /* not yet enough */
    settle(f);
    assert_int_equal(take_all(f), 0);
    add_buffers(f, 1);
    expect(f, EV_KEY, KEY_A, 0);
    expect(f, EV_SYN, SYN_REPORT, 0);
}

/* Else the key would be typed with a shift that nobody holds. */
static void what_is_owed_comes_before_what_is_new(void **state)
{
    struct fixture *f = *state;
    driver_up(f->d, 0, 2, SIZE);
    add_buffers(f, 2);
    send_key(f, KEY_LEFTSHIFT, true);
    expect(f, EV_KEY, KEY_LEFTSHIFT, 1);
    expect(f, EV_SYN, SYN_REPORT, 0);
    send_key(f, KEY_LEFTSHIFT, false);
    add_buffers_silently(f, SIZE);
    send_key(f, KEY_A, true);
    expect(f, EV_KEY, KEY_LEFTSHIFT, 0);
    expect(f, EV_KEY, KEY_A, 1);
    expect(f, EV_SYN, SYN_REPORT, 0);
}

static void a_tap_without_room_leaves_nothing_behind(void **state)
{
    struct fixture *f = *state;
    driver_up(f->d, 0, 2, SIZE);
    send_key(f, KEY_A, true);
    send_key(f, KEY_A, false);
    add_buffers(f, SIZE);
    settle(f);
    assert_int_equal(take_all(f), 0);
}

static void more_keys_than_buffers_are_told_in_parts(void **state)
{
    struct fixture *f = *state;
    struct virtio_input_event events[100];
    driver_negotiate(f->d, 0, DRIVER_PROTOCOL_ALL);
    driver_start(f->d, 2, SIZE);
    for (unsigned i = 0; i < 100; i++)
        events[i] = (struct virtio_input_event){ EV_KEY, (uint16_t)(KEY_ESC + i), 1 };
    add_buffers(f, 5);
    send(f, events, 100);
    for (unsigned i = 0; i < 20; i++) {
        take_all(f);
        add_buffers(f, 7);
        settle(f);
    }
    take_all(f);
    for (unsigned i = 0; i < 100; i++)
        assert_true(f->held[KEY_ESC + i]);
}

static void what_is_held_is_told_to_a_driver_that_comes_later(void **state)
{
    struct fixture *f = *state;
    const struct virtio_input_event events[] = { { EV_ABS, ABS_X, 7 },
                                                 { EV_ABS, ABS_Y, 0 },
                                                 { EV_KEY, BTN_LEFT, 1 } };
    send(f, events, 3);
    for (unsigned i = 0; i < 3; i++) {
        driver_negotiate(f->d, i ? VIRTIO_RING_FEATURES : 0, DRIVER_PROTOCOL_ALL);
        driver_start(f->d, 2, SIZE);
        add_buffers(f, SIZE);
        expect(f, EV_KEY, BTN_LEFT, 1);
        expect(f, EV_ABS, ABS_X, 7);
        expect(f, EV_ABS, ABS_Y, 0);
        expect(f, EV_SYN, SYN_REPORT, 0);
        driver_stop(f->d);
    }
}

static void leds_are_taken(void **state)
{
    struct fixture *f = *state;
    driver_up(f->d, 0, 2, SIZE);
    for (unsigned i = 0; i < 200; i++) {
        struct virtio_input_event led = { EV_LED, LED_CAPSL, i % 2 };
        assert_int_equal(driver_request(f->d, STATUS, &led, sizeof(led), NULL, 0), 0);
    }
}

static void a_buffer_in_pieces_serves_as_well(void **state)
{
    struct fixture *f = *state;
    driver_up(f->d, 0, 2, SIZE);
    uint64_t gpa = driver_alloc(f->d, 16, 8);
    for (unsigned i = 0; i < 2; i++) {
        struct driver_buffer pieces[] = { { gpa + 8 * i, 3, true }, { gpa + 8 * i + 3, 5, true } };
        int head = driver_add(f->d, EVENTS, pieces, 2, i);
        assert_true(head >= 0);
        f->buffer[head] = gpa + 8 * i;
    }
    send_key(f, KEY_Z, true);
    expect(f, EV_KEY, KEY_Z, 1);
    expect(f, EV_SYN, SYN_REPORT, 0);
}

static void a_buffer_too_small_needs_a_reset(void **state)
{
    struct fixture *f = *state;
    driver_up(f->d, 0, 2, SIZE);
    struct driver_buffer small = { driver_alloc(f->d, 16, 8), 7, true };
    for (unsigned i = 0; i < 2; i++)
        assert_true(driver_add(f->d, EVENTS, &small, 1, false) >= 0);
    send_key(f, KEY_Z, true);
    assert_true(driver_status(f->d) & VIRTIO_CONFIG_S_NEEDS_RESET);
}

/* Whatever is pressed, and however the driver gives buffers: reports are whole, and in the end the
 * guest holds what is held. */
static void run_random(struct fixture *f, unsigned seed, uint64_t features)
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
        send(f, events, n);
        owed += take_all(f);
        if (i == 0 || rand_r(&seed) % 4 == 0) {
            unsigned give = i == 0 ? 16 : (unsigned)rand_r(&seed) % (owed + 1);
            add_buffers(f, give);
            owed -= i == 0 ? 0 : give;
        }
    }
    for (unsigned i = 0; i < 30; i++) {
        add_buffers(f, owed);
        settle(f);
        owed = take_all(f);
    }
    assert_memory_equal(f->held, wanted, sizeof(wanted));
    for (uint16_t code = 0; code < 40; code++) {
        if (wanted[code])
            send_key(f, code, false);
    }
    driver_stop(f->d);
}

static void the_guest_ends_up_with_what_is_held(void **state)
{
    struct fixture *f = *state;
    for (unsigned seed = 1; seed <= 10; seed++)
        run_random(f, seed, seed % 2 ? VIRTIO_RING_FEATURES : 0);
    assert_true(f->reports > 1000);
}

#define K(name) cmocka_unit_test_setup_teardown(name, keyboard, tear_down)
#define P(name) cmocka_unit_test_setup_teardown(name, pointer, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        K(the_keyboard_says_what_it_is),
        P(the_pointer_says_what_it_is),
        P(a_report_arrives_as_it_was_made),
        P(a_report_without_room_is_dropped_whole),
        K(a_release_without_room_comes_later),
        K(what_is_owed_comes_before_what_is_new),
        K(a_tap_without_room_leaves_nothing_behind),
        K(more_keys_than_buffers_are_told_in_parts),
        P(what_is_held_is_told_to_a_driver_that_comes_later),
        K(leds_are_taken),
        K(a_buffer_in_pieces_serves_as_well),
        K(a_buffer_too_small_needs_a_reset),
        K(the_guest_ends_up_with_what_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
