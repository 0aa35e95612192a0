// SPDX-License-Identifier: MIT
#include <assert.h>
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

#define SCANOUT_POINTER(number)                                                                    \
    {                                                                                              \
        .name = "vitrine pointer " #number, .serial = "vitrine-pointer-" #number, .product = 2,    \
        .keys = pointer_keys, .rel = pointer_rel, .props = pointer_props, .abs = pointer_abs,      \
        .n_abs = ARRAY_LEN(pointer_abs),                                                           \
    }
const struct virtio_input_info virtio_input_scanout_pointer[] = {
    SCANOUT_POINTER(1),  SCANOUT_POINTER(2),  SCANOUT_POINTER(3),  SCANOUT_POINTER(4),
    SCANOUT_POINTER(5),  SCANOUT_POINTER(6),  SCANOUT_POINTER(7),  SCANOUT_POINTER(8),
    SCANOUT_POINTER(9),  SCANOUT_POINTER(10), SCANOUT_POINTER(11), SCANOUT_POINTER(12),
    SCANOUT_POINTER(13), SCANOUT_POINTER(14), SCANOUT_POINTER(15), SCANOUT_POINTER(16),
};
static_assert(VIRTIO_INPUT_SCANOUT_POINTERS == GATE_MAX_SCANOUTS, "one for each");

static const uint16_t mouse_rel[] = {
    REL_X, REL_Y, REL_HWHEEL, REL_WHEEL, REL_WHEEL_HI_RES, REL_HWHEEL_HI_RES, VIRTIO_INPUT_END
};

const struct virtio_input_info virtio_input_mouse = {
    .name = "vitrine mouse",
    .serial = "vitrine-mouse-0",
    .product = 3,
    .keys = pointer_keys,
    .rel = mouse_rel,
    .props = pointer_props,
};

static const uint16_t touchscreen_keys[][2] = { { BTN_TOUCH, BTN_TOUCH }, { 0, 0 } };
static const uint16_t direct_props[] = { INPUT_PROP_DIRECT, VIRTIO_INPUT_END };
static const struct virtio_input_abs touchscreen_abs[] = {
    { .code = ABS_MT_SLOT, .max = VIRTIO_INPUT_MAX_CONTACTS - 1 },
    { .code = ABS_MT_TRACKING_ID, .max = 0xffff },
    { .code = ABS_MT_POSITION_X, .max = GATE_ABS_MAX },
    { .code = ABS_MT_POSITION_Y, .max = GATE_ABS_MAX },
};
static_assert(VIRTIO_INPUT_MAX_CONTACTS == GATE_FINGERS, "the gate's fingers are the slots");

const struct virtio_input_info virtio_input_touchscreen = {
    .name = "vitrine touchscreen",
    .serial = "vitrine-touchscreen-0",
    .product = 4,
    .keys = touchscreen_keys,
    .props = direct_props,
    .abs = touchscreen_abs,
    .n_abs = ARRAY_LEN(touchscreen_abs),
};

static const uint16_t pen_keys[][2] = { { BTN_STYLUS3, BTN_STYLUS3 },
                                        { BTN_TOOL_PEN, BTN_TOOL_RUBBER },
                                        { BTN_TOUCH, BTN_STYLUS2 },
                                        { 0, 0 } };
/* libinput wants to know a tablet's size and takes tilt in units per radian; which size it is does not
 * matter, since a screen is what is written on. */
#define PEN_RESOLUTION 100
#define TILT_RESOLUTION 57
static const struct virtio_input_abs pen_abs[] = {
    { .code = ABS_X, .max = GATE_ABS_MAX, .resolution = PEN_RESOLUTION },
    { .code = ABS_Y, .max = GATE_ABS_MAX, .resolution = PEN_RESOLUTION },
    { .code = ABS_PRESSURE, .max = GATE_PRESSURE_MAX },
    { .code = ABS_DISTANCE, .max = GATE_DISTANCE_MAX },
    { ABS_TILT_X, -GATE_TILT_MAX, GATE_TILT_MAX, TILT_RESOLUTION },
    { ABS_TILT_Y, -GATE_TILT_MAX, GATE_TILT_MAX, TILT_RESOLUTION },
};

const struct virtio_input_info virtio_input_pen = {
    .name = "vitrine pen",
    .serial = "vitrine-pen-0",
    .product = 5,
    .keys = pen_keys,
    .props = direct_props,
    .abs = pen_abs,
    .n_abs = ARRAY_LEN(pen_abs),
};
