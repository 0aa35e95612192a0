/* SPDX-License-Identifier: MIT */
/* The guest's input devices, a keyboard and one absolute pointer, behind the gate. Main loop only. */
#ifndef VITRINE_INPUT_DEVICES_H
#define VITRINE_INPUT_DEVICES_H

struct gate;
struct input_devices;
struct input_sink;
struct loop;
struct virtio_dev;

/* NULL where memory is short. */
struct input_devices *input_devices_create(struct loop *loop);
/* After the devices' transports are gone. Accepts NULL. */
void input_devices_destroy(struct input_devices *devices);

/* For virtio_pci_create(). */
struct virtio_dev *input_devices_keyboard(struct input_devices *devices);
struct virtio_dev *input_devices_pointer(struct input_devices *devices);
/* For wl. */
struct input_sink *input_devices_sink(struct input_devices *devices);
/* For whoever knows the guest's layout: gate_set_layout(). */
struct gate *input_devices_gate(struct input_devices *devices);

#endif
