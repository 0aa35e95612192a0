// SPDX-License-Identifier: MIT
#include "tests/qemu/puppet.h"

#include <fcntl.h>
#include <linux/uinput.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vmm/base/util.h"

#define END 0xffff

struct axis {
    uint16_t code;
    int32_t min, max, resolution;
};

struct kind {
    const char *name;
    uint16_t keys[10], rel[6], sw[2]; /* each ends with END, or is empty */
    struct axis abs[8];               /* ends with min == max */
    int prop;                         /* -1: none */
};

static const struct kind kinds[] = {
    {
        .name = "touchpad",
        .keys = { BTN_LEFT, BTN_TOUCH, BTN_TOOL_FINGER, BTN_TOOL_DOUBLETAP, BTN_TOOL_TRIPLETAP,
                  END },
        .abs = { { ABS_X, 0, 4000, 40 },
                 { ABS_Y, 0, 2400, 40 },
                 { ABS_MT_SLOT, 0, 4, 0 },
                 { ABS_MT_TRACKING_ID, 0, 0xffff, 0 },
                 { ABS_MT_POSITION_X, 0, 4000, 40 },
                 { ABS_MT_POSITION_Y, 0, 2400, 40 } },
        .prop = INPUT_PROP_POINTER,
    },
    {
        .name = "tablet",
        .keys = { BTN_TOOL_PEN, BTN_TOOL_RUBBER, BTN_TOUCH, BTN_STYLUS, BTN_STYLUS2, END },
        .abs = { { ABS_X, 0, 30000, 100 },
                 { ABS_Y, 0, 20000, 100 },
                 { ABS_PRESSURE, 0, 4095, 0 },
                 { ABS_DISTANCE, 0, 63, 0 },
                 { ABS_TILT_X, -64, 63, 57 },
                 { ABS_TILT_Y, -64, 63, 57 } },
        .prop = INPUT_PROP_DIRECT,
    },
    {
        .name = "wheel",
        .keys = { BTN_LEFT, BTN_RIGHT, END },
        .rel = { REL_X, REL_Y, REL_WHEEL, REL_HWHEEL, REL_WHEEL_HI_RES, REL_HWHEEL_HI_RES },
        .prop = -1,
    },
    { .name = "switch", .sw = { SW_LID, END }, .prop = -1 },
};

static void add_axis(int fd, const struct axis *axis)
{
    const struct uinput_abs_setup setup = {
        .code = axis->code,
        .absinfo = { .minimum = axis->min, .maximum = axis->max, .resolution = axis->resolution },
    };
    ioctl(fd, UI_SET_EVBIT, EV_ABS);
    ioctl(fd, UI_ABS_SETUP, &setup);
}

static int begin(void)
{
    return open("/dev/uinput", O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

static int end(int fd, const char *name)
{
    struct uinput_setup setup = { .id = { .bustype = BUS_VIRTUAL, .vendor = 1, .product = 1 } };
    snprintf(setup.name, sizeof(setup.name), "%s", name);
    if (ioctl(fd, UI_DEV_SETUP, &setup) < 0 || ioctl(fd, UI_DEV_CREATE) < 0)
        puts("uinput makes no device");
    return fd;
}

/* The kernel takes axes of any range. */
int puppet_pointer(int32_t min, int32_t max)
{
    int fd = begin();
    ioctl(fd, UI_SET_EVBIT, EV_KEY);
    ioctl(fd, UI_SET_KEYBIT, BTN_LEFT);
    add_axis(fd, &(struct axis){ ABS_X, min, max, 0 });
    add_axis(fd, &(struct axis){ ABS_Y, min, max, 0 });
    return end(fd, "strange");
}

static void add_codes(int fd, int type, unsigned long request, const uint16_t *codes, unsigned max)
{
    for (unsigned i = 0; i < max && codes[i] != END; i++) {
        ioctl(fd, UI_SET_EVBIT, type);
        ioctl(fd, request, codes[i]);
    }
}

int puppet_new(const char *kind)
{
    for (unsigned i = 0; i < ARRAY_LEN(kinds); i++) {
        const struct kind *k = &kinds[i];
        if (strcmp(k->name, kind) != 0)
            continue;
        int fd = begin();
        if (k->keys[0])
            add_codes(fd, EV_KEY, UI_SET_KEYBIT, k->keys, ARRAY_LEN(k->keys));
        if (k->rel[1])
            add_codes(fd, EV_REL, UI_SET_RELBIT, k->rel, ARRAY_LEN(k->rel));
        if (k->sw[1])
            add_codes(fd, EV_SW, UI_SET_SWBIT, k->sw, ARRAY_LEN(k->sw));
        for (const struct axis *axis = k->abs; axis->min < axis->max; axis++)
            add_axis(fd, axis);
        if (k->prop >= 0)
            ioctl(fd, UI_SET_PROPBIT, k->prop);
        return end(fd, kind);
    }
    printf("there is no %s\n", kind);
    return -1;
}

void puppet_event(int fd, uint16_t type, uint16_t code, int32_t value)
{
    const struct input_event event = { .type = type, .code = code, .value = value };
    if (write(fd, &event, sizeof(event)) != sizeof(event))
        puts("uinput takes no event");
}
