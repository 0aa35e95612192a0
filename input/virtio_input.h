/* SPDX-License-Identifier: MIT */
/*
 * The virtio input device (virtio 1.2, 5.8). Two queues: events to the driver, one event in each
 * buffer, and status (LEDs) from the driver.
 *
 * A report is published only when there are buffers for all its events through SYN_REPORT; a report
 * for which there are not is dropped whole. What it said is not lost: keys, buttons, absolute axes and
 * fingers are state, motion is a sum, and the guest catches up with them as soon as buffers come
 * (releases first), so that nothing sticks. A key that went down and up meanwhile is not told.
 *
 * Everything runs on the device's loop but config space, which a vCPU reads and writes.
 */
#ifndef VITRINE_INPUT_VIRTIO_INPUT_H
#define VITRINE_INPUT_VIRTIO_INPUT_H

#include <linux/input-event-codes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/virtio/device.h"

#define VIRTIO_INPUT_QUEUE_SIZE 64
/* The most events in one report, SYN_REPORT aside. */
#define VIRTIO_INPUT_REPORT_MAX 32
#define VIRTIO_INPUT_MAX_ABS 6
#define VIRTIO_INPUT_MAX_CONTACTS 10

struct virtio_input_abs {
    uint16_t code; /* ABS_* */
    int32_t min, max;
    int32_t resolution; /* units per millimetre; 0: unknown */
};

/* What a device is; constant, outlives the device. */
struct virtio_input_info {
    const char *name, *serial; /* at most 127 bytes */
    uint16_t product;
    const uint16_t (*keys)[2]; /* ranges of EV_KEY codes, both ends included; ends with {0, 0} */
    const uint16_t *rel, *led, *props;  /* codes; each ends with VIRTIO_INPUT_END, or is NULL */
    const struct virtio_input_abs *abs; /* n_abs of them, at most VIRTIO_INPUT_MAX_ABS */
    unsigned n_abs;
    bool repeat; /* the guest's kernel repeats held keys (consoles need it) */
};
#define VIRTIO_INPUT_END 0xffff

extern const struct virtio_input_info virtio_input_keyboard;
/* An absolute pointer with eight buttons and a wheel with high resolution, both directions. */
extern const struct virtio_input_info virtio_input_pointer;
/* Such a one for scanout i, numbered from 1 as the guest numbers its monitors. */
#define VIRTIO_INPUT_SCANOUT_POINTERS 16
extern const struct virtio_input_info virtio_input_scanout_pointer[VIRTIO_INPUT_SCANOUT_POINTERS];
/* The same with relative axes. */
extern const struct virtio_input_info virtio_input_mouse;
/* Up to VIRTIO_INPUT_MAX_CONTACTS fingers (ABS_MT_*, type B). */
extern const struct virtio_input_info virtio_input_touchscreen;
/* A pen on the screen, with an eraser, three buttons, pressure, distance and tilt. */
extern const struct virtio_input_info virtio_input_pen;

struct virtio_input;

/* NULL where memory is short. */
struct virtio_input *virtio_input_create(struct loop *loop, const struct virtio_input_info *info);
/* After its transport is gone. Accepts NULL. */
void virtio_input_destroy(struct virtio_input *input);
struct virtio_dev *virtio_input_dev(struct virtio_input *input);

/* Who is told of the LEDs that the driver lights or puts out, and that all are off when one starts; on
 * the device's loop. */
void virtio_input_on_led(struct virtio_input *input, void (*led)(void *data, uint16_t led, bool on),
                         void *data);

/* Adds an event to the report under way; keys and buttons that the device does not have are dropped. */
void virtio_input_event(struct virtio_input *input, uint16_t type, uint16_t code, int32_t value);
/* Ends the report and publishes it. */
void virtio_input_report(struct virtio_input *input);

#endif
