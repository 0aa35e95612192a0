// SPDX-License-Identifier: MIT
#include "input/devices.h"

#include <stdlib.h>

#include "input/virtio_input.h"

struct input_devices {
    struct gate gate;
    struct virtio_input *device[GATE_DEVICE_COUNT];
    void (*apart)(void *data, bool apart); /* or NULL */
    void *apart_data;
};

static const struct virtio_input_info *const models[GATE_SCANOUT_POINTER] = {
    [GATE_KEYBOARD] = &virtio_input_keyboard, [GATE_POINTER] = &virtio_input_pointer,
    [GATE_MOUSE] = &virtio_input_mouse,       [GATE_TOUCHSCREEN] = &virtio_input_touchscreen,
    [GATE_PEN] = &virtio_input_pen,
};

static const struct virtio_input_info *model(enum gate_device device)
{
    return device < GATE_SCANOUT_POINTER
               ? models[device]
               : &virtio_input_scanout_pointer[device - GATE_SCANOUT_POINTER];
}

static void event(void *target, enum gate_device device, uint16_t type, uint16_t code,
                  int32_t value)
{
    struct input_devices *devices = target;
    if (devices->device[device])
        virtio_input_event(devices->device[device], type, code, value);
}

static void report(void *target, enum gate_device device)
{
    struct input_devices *devices = target;
    if (devices->device[device])
        virtio_input_report(devices->device[device]);
}

static void apart(void *target, bool is_apart)
{
    struct input_devices *devices = target;
    if (devices->apart)
        devices->apart(devices->apart_data, is_apart);
}

static const struct gate_target_ops target_ops = {
    .event = event,
    .report = report,
    .apart = apart,
};

static void led(void *data, uint16_t led, bool on)
{
    struct input_devices *devices = data;
    gate_set_led(&devices->gate, led, on);
}

bool input_devices_add(struct input_devices *devices, struct loop *loop, enum gate_device device)
{
    if (!devices->device[device])
        devices->device[device] = virtio_input_create(loop, model(device));
    return devices->device[device];
}

void input_devices_on_apart(struct input_devices *devices, void (*on_apart)(void *data, bool apart),
                            void *data)
{
    devices->apart = on_apart;
    devices->apart_data = data;
}

static bool is_wanted(const struct input_devices_config *config, enum gate_device device)
{
    switch (device) {
    case GATE_TOUCHSCREEN:
        return config->touchscreen;
    case GATE_PEN:
        return config->pen;
    case GATE_POINTER:
        return config->scanout_pointers == 0;
    default:
        return device < GATE_SCANOUT_POINTER + config->scanout_pointers;
    }
}

struct input_devices *input_devices_create(struct loop *loop,
                                           const struct input_devices_config *config)
{
    struct input_devices *devices = calloc(1, sizeof(*devices));
    if (!devices)
        return NULL;
    for (unsigned i = 0; i < GATE_DEVICE_COUNT; i++) {
        if (is_wanted(config, i) && !input_devices_add(devices, loop, i)) {
            input_devices_destroy(devices);
            return NULL;
        }
    }
    gate_init(&devices->gate, &target_ops, devices);
    gate_set_pointers(&devices->gate, config->scanout_pointers > 0);
    virtio_input_on_led(devices->device[GATE_KEYBOARD], led, devices);
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

struct virtio_dev *input_devices_dev(struct input_devices *devices, enum gate_device device)
{
    return devices->device[device] ? virtio_input_dev(devices->device[device]) : NULL;
}

struct input_sink *input_devices_sink(struct input_devices *devices)
{
    return &devices->gate.windows.sink;
}

struct gate *input_devices_gate(struct input_devices *devices)
{
    return &devices->gate;
}
