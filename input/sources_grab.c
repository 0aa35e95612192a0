// SPDX-License-Identifier: MIT
/*
 * Devices held exclusively. A key that is down when a device is grabbed would stay down for the
 * compositor, which does not see it go up. Nothing may be down, therefore, and that is asked of the
 * kernel before and after: libinput may not have told us yet. The asking takes an fd of its own, since
 * the answer costs its reader the events that it has not read. The kernel lets go when an fd closes,
 * however the process ends.
 *
 * When the focus goes from one VM to another, which hold the same devices, either may hear of it first.
 * And of a key that was down before libinput opened its node, libinput never tells the release. So a device
 * that somebody else holds, or on which something is down, is asked for again, for some ten seconds: first
 * soon, then less often. Behind that, a release on any device is what it is asked for again at.
 */
#include <errno.h>
#include <fcntl.h>
#include <libinput.h>
#include <linux/input.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LOG_MODULE "input"
#include "input/sources_internal.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

#define AGAIN_NS 20000000ull
#define DOUBLINGS 5
#define TRIES 20

int source_peek_open(const char *path)
{
    /* No types at all: it gets no events, and nothing is queued for it. */
    struct input_mask none = { .type = EV_SYN };
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && ioctl(fd, EVIOCSMASK, &none) < 0)
        log_debug("%s: EVIOCSMASK: %s", path, strerror(errno));
    return fd;
}

static bool anything_down(const struct source_device *device)
{
    uint8_t keys[KEY_CNT / 8] = { 0 };
    if (device->peek_fd < 0 || ioctl(device->peek_fd, EVIOCGKEY(sizeof(keys)), keys) < 0)
        return false;
    for (unsigned i = 0; i < sizeof(keys); i++) {
        if (keys[i])
            return true;
    }
    return false;
}

static uint32_t leds_of(const struct source_device *device)
{
    uint8_t leds[LED_CNT / 8] = { 0 };
    if (device->peek_fd < 0 || ioctl(device->peek_fd, EVIOCGLED(sizeof(leds)), leds) < 0)
        return 0;
    return leds[0];
}

/* libinput's bits are the kernel's: num, caps and scroll lock. */
static void set_leds(const struct source_device *device, uint32_t leds)
{
    libinput_device_led_update(device->device, (enum libinput_led)(leds & 7));
}

static void release(struct source_device *device)
{
    if (!device->held)
        return;
    device->held = false;
    set_leds(device, device->leds_before);
    if (ioctl(device->fd, EVIOCGRAB, 0) < 0 && errno != ENODEV)
        log_warn("%s can't be let go of: %s", device->path, strerror(errno));
    else
        log_debug("%s is let go of", device->path);
}

static void say_refused(const struct source_device *device, int err)
{
    struct source *source = device->source;
    if (!source->refusal_said)
        log_warn("%s can't be held exclusively (%s), so the host acts on it too", device->path,
                 err == -EBUSY ? "another program holds it" : strerror(-err));
    source->refusal_said = true;
}

/* 0, -EAGAIN where something is down, or what the kernel says. */
static int hold(struct source_device *device)
{
    if (anything_down(device))
        return -EAGAIN;
    if (ioctl(device->fd, EVIOCGRAB, 1) < 0)
        return -errno;
    device->held = true;
    device->leds_before = leds_of(device);
    log_debug("%s is held", device->path);
    if (anything_down(device)) {
        release(device);
        return -EAGAIN;
    }
    return 0;
}

/* For the time being the device can't be held, or for good. */
static void put_off(struct source_device *device, int err)
{
    struct source *source = device->source;
    if ((err == -EBUSY || err == -EAGAIN) && source->n_again < TRIES)
        loop_timer_set(&source->again, AGAIN_NS << MIN(source->n_again, DOUBLINGS));
    else if (err != -EAGAIN)
        say_refused(device, err);
}

/* False where it is put off. What libinput has closed is held when it is open again. */
static bool hold_or_put_off(struct source_device *device)
{
    int err = device->fd < 0 ? 0 : hold(device);
    if (err < 0)
        put_off(device, err);
    return err == 0;
}

void source_device_hold(struct source_device *device)
{
    source_grab_recount(device->source);
    hold_or_put_off(device);
}

/* Whether all that are open are held. */
static bool hold_all(struct source *source)
{
    struct source_device *device;
    list_for_each(device, &source->devices, link) {
        if (!hold_or_put_off(device))
            return false;
    }
    source_grab_recount(source);
    return true;
}

void source_grab_recount(struct source *source)
{
    source->n_again = 0;
    loop_timer_cancel(&source->again);
}

bool source_grab(void *data, bool on)
{
    struct source *source = data;
    struct source_device *device;
    if (on && hold_all(source))
        return true;
    if (!on)
        source_grab_recount(source);
    list_for_each(device, &source->devices, link)
        release(device);
    return false;
}

void source_grab_again(struct loop_timer *timer)
{
    struct source *source = container_of(timer, struct source, again);
    struct source_device *device;
    source->n_again++;
    if (!gate_is_grabbed(&source->gate)) {
        gate_grab_again(&source->gate);
        return;
    }
    /* One that came meanwhile, or was opened again. */
    list_for_each(device, &source->devices, link) {
        if (!device->held)
            hold_or_put_off(device);
    }
}

void source_grab_moved(struct source_device *device, int fd)
{
    struct source *source = device->source;
    device->fd = fd;
    device->held = false;
    if (fd < 0 || !gate_is_grabbed(&source->gate))
        return;
    /* Soon, for libinput is not done with it yet. */
    source_grab_recount(source);
    loop_timer_set(&source->again, AGAIN_NS);
}

void source_leds(void *data, uint32_t leds)
{
    struct source *source = data;
    struct source_device *device;
    list_for_each(device, &source->devices, link) {
        if (device->has[GATE_KEYS])
            set_leds(device, leds);
    }
}
