// SPDX-License-Identifier: MIT
#include <linux/input.h>

#include "input/gate.h"
#include "input/virtio_input.h"
#include "vmm/base/util.h"

/* Every key there is, but no button: a keyboard with buttons would pass for a mouse or a joystick. */
static const uint16_t keyboard_keys[][2] = {
    { KEY_ESC, KEY_MICMUTE },
    { KEY_OK, BTN_DPAD_UP - 1 },
    { BTN_DPAD_RIGHT + 1, BTN_TRIGGER_HAPPY - 1 },
    { 0, 0 },
};
static const uint16_t keyboard_leds[] = { LED_NUML, LED_CAPSL, LED_SCROLLL, VIRTIO_INPUT_END };

const struct virtio_input_info virtio_input_keyboard = {
    .name = "vitrine keyboard",
    .serial = "vitrine-keyboard-0",
    .product = 1,
    .keys = keyboard_keys,
    .led = keyboard_leds,
    .repeat = true,
};

/* udev takes absolute axes with mouse buttons, and neither a touch button nor INPUT_PROP_DIRECT, for
 * a mouse, and libinput then moves the pointer to where the axes say. */
static const uint16_t pointer_keys[][2] = { { BTN_LEFT, BTN_TASK }, { 0, 0 } };
static const uint16_t pointer_rel[] = { REL_HWHEEL, REL_WHEEL, REL_WHEEL_HI_RES, REL_HWHEEL_HI_RES,
                                        VIRTIO_INPUT_END };
static const uint16_t pointer_props[] = { INPUT_PROP_POINTER, VIRTIO_INPUT_END };
static const struct virtio_input_abs pointer_abs[] = {
    { .code = ABS_X, .max = GATE_ABS_MAX },
    { .code = ABS_Y, .max = GATE_ABS_MAX },
};

const struct virtio_input_info virtio_input_pointer = {
    .name = "vitrine pointer",
    .serial = "vitrine-pointer-0",
    .product = 2,
    .keys = pointer_keys,
    .rel = pointer_rel,
    .props = pointer_props,
    .abs = pointer_abs,
    .n_abs = ARRAY_LEN(pointer_abs),
};
