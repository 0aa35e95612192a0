/* SPDX-License-Identifier: MIT */
/*
 * The guest's input devices behind the gate: a keyboard, one absolute pointer or one for each scanout, and
 * a mouse; where somebody has one, a touchscreen and a pen, with which a guest may look different (an
 * on-screen keyboard). Main loop only.
 */
#ifndef VITRINE_INPUT_DEVICES_H
#define VITRINE_INPUT_DEVICES_H

#include <stdbool.h>

#include "input/gate.h"

struct input_devices;
struct loop;
struct virtio_dev;

struct input_devices_config {
    bool touchscreen, pen;
    unsigned scanout_pointers; /* of the first so many scanouts; 0: one pointer for all */
};

/* NULL where memory is short. */
struct input_devices *input_devices_create(struct loop *loop,
                                           const struct input_devices_config *config);
/* Gives the guest another of its devices, if it has none yet. Before screen and machine ask for them. False
 * where memory is short. */
bool input_devices_add(struct input_devices *devices, struct loop *loop, enum gate_device device);
/* Who hears that the guest's pointer is moved by others than the windows, or by them again (struct
 * gate_target_ops). */
void input_devices_on_apart(struct input_devices *devices, void (*apart)(void *data, bool apart),
                            void *data);
/* After the devices' transports are gone. Accepts NULL. */
void input_devices_destroy(struct input_devices *devices);

/* For virtio_pci_create(); NULL where the guest has none. */
struct virtio_dev *input_devices_dev(struct input_devices *devices, enum gate_device device);
/* For wl. */
struct input_sink *input_devices_sink(struct input_devices *devices);
/* For the other sources, and whoever knows the guest's layout: gate_set_layout(). */
struct gate *input_devices_gate(struct input_devices *devices);

#endif
