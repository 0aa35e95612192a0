/* SPDX-License-Identifier: MIT */
/* virtio-input before a guest's driver (driver.h) that takes its events as Linux does: by reports. */
#ifndef VITRINE_TESTS_DEVICE_INPUT_BED_H
#define VITRINE_TESTS_DEVICE_INPUT_BED_H

#include <linux/input-event-codes.h>
#include <linux/virtio_input.h>
#include <stdatomic.h>

#include "input/gate.h"
#include "input/virtio_input.h"
#include "tests/device/driver.h"

#define INPUT_BED_EVENTS 0 /* queues */
#define INPUT_BED_STATUS 1
#define INPUT_BED_SIZE 64

struct input_bed {
    const struct virtio_input_info *info;
    struct virtio_input *input;
    struct driver *d;
    uint64_t buffer[INPUT_BED_SIZE]; /* by the chain's head */
    bool held[KEY_CNT];              /* what the guest makes of the events, at each SYN_REPORT */
    int32_t abs[ABS_CNT];
    int32_t slot;
    struct {
        int32_t id, x, y; /* id 0: never heard of; -1: lifted */
    } contact[VIRTIO_INPUT_MAX_CONTACTS];
    struct virtio_input_event pending[INPUT_BED_SIZE];
    unsigned n_pending, reports;
    atomic_uint n_leds;
    atomic_uint leds; /* that the driver lit */
    void (*_Atomic led_told)(
        struct input_bed *f); /* called then, on the device's loop; may be NULL */
    /* For calls on the device's loop. */
    const struct virtio_input_event *send;
    unsigned n_send;
};

struct input_bed *input_bed_set_up(void **state, const struct virtio_input_info *info);
int input_bed_tear_down(void **state);

/* Event buffers; silently: without a kick. */
void input_bed_add_buffers(struct input_bed *f, unsigned n);
void input_bed_add_buffers_silently(struct input_bed *f, unsigned n);
/* One report of the device's owner; returns when the device has dealt with it. */
void input_bed_send(struct input_bed *f, const struct virtio_input_event *events, unsigned n);
void input_bed_send_key(struct input_bed *f, uint16_t code, bool pressed);
/* Waits until the device has handled the kicks that came before. */
void input_bed_settle(struct input_bed *f);

/* Takes one event; false where none comes in time. */
bool input_bed_take(struct input_bed *f, int timeout_ms, struct virtio_input_event *event);
/* Takes what is there, and returns how many. A report must be there as a whole. */
unsigned input_bed_take_all(struct input_bed *f);
void input_bed_expect(struct input_bed *f, uint16_t type, uint16_t code, int32_t value);

/* The configuration space. */
struct virtio_input_config input_bed_ask(struct input_bed *f, uint8_t select, uint8_t subsel);
bool input_bed_has(struct input_bed *f, uint8_t select, uint8_t subsel, unsigned bit);

#endif
