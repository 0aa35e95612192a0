// SPDX-License-Identifier: MIT
#include "input/devices.h"

#include <stdlib.h>

#include "input/gate.h"
#include "input/virtio_input.h"

struct input_devices {
    struct gate gate;
    struct virtio_input *device[GATE_DEVICE_COUNT];
};

static void event(void *target, enum gate_device device, uint16_t type, uint16_t code,
                  int32_t value)
{
    struct input_devices *devices = target;
    virtio_input_event(devices->device[device], type, code, value);
}

static void report(void *target, enum gate_device device)
{
    struct input_devices *devices = target;
    virtio_input_report(devices->device[device]);
}

static const struct gate_target_ops target_ops = { .event = event, .report = report };

struct input_devices *input_devices_create(struct loop *loop)
{
    struct input_devices *devices = calloc(1, sizeof(*devices));
    if (!devices)
        return NULL;
    devices->device[GATE_KEYBOARD] = virtio_input_create(loop, &virtio_input_keyboard);
    devices->device[GATE_POINTER] = virtio_input_create(loop, &virtio_input_pointer);
    if (!devices->device[GATE_KEYBOARD] || !devices->device[GATE_POINTER]) {
        input_devices_destroy(devices);
        return NULL;
    }
    gate_init(&devices->gate, &target_ops, devices);
    return devices;
}

void input_devices_destroy(struct input_devices *devices)
{
    if (!devices)
        return;
    for (unsigned i = 0; i < GATE_DEVICE_COUNT; i++)
        virtio_input_destroy(devices->device[i]);
    free(devices);
}

struct virtio_dev *input_devices_keyboard(struct input_devices *devices)
{
    return virtio_input_dev(devices->device[GATE_KEYBOARD]);
}

struct virtio_dev *input_devices_pointer(struct input_devices *devices)
{
    return virtio_input_dev(devices->device[GATE_POINTER]);
}

struct input_sink *input_devices_sink(struct input_devices *devices)
{
    return &devices->gate.sink;
}

struct gate *input_devices_gate(struct input_devices *devices)
{
    return &devices->gate;
}
