// SPDX-License-Identifier: MIT
#include "tests/device/input_bed.h"

#include <string.h>

#include "tests/test.h"

static void on_led(void *data, uint16_t led, bool on)
{
    struct input_bed *f = data;
    if (on)
        atomic_fetch_or(&f->leds, 1u << led);
    else
        atomic_fetch_and(&f->leds, ~(1u << led));
    atomic_fetch_add(&f->n_leds, 1);
    void (*told)(struct input_bed *) = f->led_told;
    if (told)
        told(f);
}

static struct virtio_dev *create(struct loop *loop, void *data)
{
    struct input_bed *f = data;
    f->input = virtio_input_create(loop, f->info);
    assert_non_null(f->input);
    virtio_input_on_led(f->input, on_led, f);
    return virtio_input_dev(f->input);
}

static void destroy(struct virtio_dev *dev, void *data)
{
    virtio_input_destroy(((struct input_bed *)data)->input);
}

struct input_bed *input_bed_set_up(void **state, const struct virtio_input_info *info)
{
    static struct input_bed f;
    f = (struct input_bed){ .info = info };
    struct host_model model = { create, destroy, &f };
    f.d = driver_host(&model);
    *state = &f;
    return &f;
}

int input_bed_tear_down(void **state)
{
    driver_destroy(((struct input_bed *)*state)->d);
    return 0;
}

void input_bed_add_buffers_silently(struct input_bed *f, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct driver_buffer b = { driver_alloc(f->d, sizeof(struct virtio_input_event), 8),
                                   sizeof(struct virtio_input_event), true };
        int head = driver_add(f->d, INPUT_BED_EVENTS, &b, 1, false);
        assert_true(head >= 0);
        f->buffer[head] = b.gpa;
    }
}

void input_bed_add_buffers(struct input_bed *f, unsigned n)
{
    input_bed_add_buffers_silently(f, n);
    driver_kick(f->d, INPUT_BED_EVENTS);
}

static void send_on_loop(void *data)
{
    struct input_bed *f = data;
    for (unsigned i = 0; i < f->n_send; i++)
        virtio_input_event(f->input, f->send[i].type, f->send[i].code, (int32_t)f->send[i].value);
    virtio_input_report(f->input);
}

void input_bed_send(struct input_bed *f, const struct virtio_input_event *events, unsigned n)
{
    f->send = events;
    f->n_send = n;
    driver_call(f->d, send_on_loop, f);
}

void input_bed_send_key(struct input_bed *f, uint16_t code, bool pressed)
{
    struct virtio_input_event event = { EV_KEY, code, pressed };
    input_bed_send(f, &event, 1);
}

static void guest_takes_abs(struct input_bed *f, uint16_t code, int32_t value)
{
    assert_in_range(f->slot, 0, VIRTIO_INPUT_MAX_CONTACTS - 1);
    switch (code) {
    case ABS_MT_SLOT:
        f->slot = value;
        break;
    case ABS_MT_TRACKING_ID:
        f->contact[f->slot].id = value;
        break;
    case ABS_MT_POSITION_X:
        f->contact[f->slot].x = value;
        break;
    case ABS_MT_POSITION_Y:
        f->contact[f->slot].y = value;
        break;
    default:
        f->abs[code] = value;
    }
}

static void guest_takes_report(struct input_bed *f)
{
    for (unsigned i = 0; i < f->n_pending; i++) {
        const struct virtio_input_event *e = &f->pending[i];
        if (e->type == EV_KEY)
            f->held[e->code] = e->value;
        else if (e->type == EV_ABS)
            guest_takes_abs(f, e->code, (int32_t)e->value);
    }
    f->n_pending = 0;
    f->reports++;
}

bool input_bed_take(struct input_bed *f, int timeout_ms, struct virtio_input_event *event)
{
    uint16_t head;
    uint32_t len;
    if (!driver_used(f->d, INPUT_BED_EVENTS, timeout_ms, &head, &len))
        return false;
    assert_int_equal(len, sizeof(*event));
    memcpy(event, driver_ptr(f->d, f->buffer[head]), sizeof(*event));
    if (event->type == EV_SYN)
        guest_takes_report(f);
    else
        f->pending[f->n_pending++] = *event;
    return true;
}

unsigned input_bed_take_all(struct input_bed *f)
{
    struct virtio_input_event event;
    unsigned n = 0;
    while (input_bed_take(f, 0, &event))
        n++;
    assert_int_equal(f->n_pending, 0);
    return n;
}

void input_bed_expect(struct input_bed *f, uint16_t type, uint16_t code, int32_t value)
{
    struct virtio_input_event event;
    assert_true(input_bed_take(f, DRIVER_TIMEOUT_MS, &event));
    assert_int_equal(event.type, type);
    assert_int_equal(event.code, code);
    assert_int_equal(event.value, (uint32_t)value);
}

/* Waits until the device has handled the kicks that came before. */
static void nothing(void *data)
{
}

void input_bed_settle(struct input_bed *f)
{
    /* Twice: a kick and a call that are ready together come in no order. */
    driver_call(f->d, nothing, NULL);
    driver_call(f->d, nothing, NULL);
}

struct virtio_input_config input_bed_ask(struct input_bed *f, uint8_t select, uint8_t subsel)
{
    struct virtio_input_config config;
    uint8_t question[2] = { select, subsel };
    driver_set_config(f->d, 0, question, sizeof(question));
    driver_get_config(f->d, 0, &config, sizeof(config));
    assert_int_equal(config.select, select);
    assert_int_equal(config.subsel, subsel);
    return config;
}

bool input_bed_has(struct input_bed *f, uint8_t select, uint8_t subsel, unsigned bit)
{
    struct virtio_input_config config = input_bed_ask(f, select, subsel);
    return bit / 8 < config.size && config.u.bitmap[bit / 8] >> bit % 8 & 1;
}
