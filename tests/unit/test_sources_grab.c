// SPDX-License-Identifier: MIT
/* Grabs of devices that the kernel says something is down on, or somebody else holds. */
#include <errno.h>
#include <libinput.h>
#include <linux/input.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "input/sources_internal.h"
#include "tests/test.h"
#include "tests/unit/gate_bed.h"
#include "vmm/base/util.h"

#define FD 1000 /* of device 0, as libinput's and as ours: no such file is open */
#define MOST_TRIES 20

/* Two devices of one source. */
struct bed {
    struct loop *loop;
    struct gate gate;
    struct source source;
    struct source_device device[2];
};

/* The kernel's side. */
static struct node {
    bool down, busy;
    bool pressed_by_grab; /* the key goes down just before it is grabbed */
    bool grabbed;
} node[3];
static unsigned n_asked; /* what is down */

#define REPLACED __attribute__((visibility("default")))

REPLACED int ioctl(int fd, unsigned long request, ...)
{
    va_list args;
    va_start(args, request);
    void *arg = va_arg(args, void *);
    va_end(args);
    struct node *n = &node[fd - FD];
    assert_true(fd >= FD && fd < FD + (int)ARRAY_LEN(node));
    if (request == EVIOCGKEY(KEY_CNT / 8)) {
        n_asked++;
        memset(arg, n->down, 1);
        return 0;
    }
    if (request == EVIOCGLED(LED_CNT / 8)) {
        memset(arg, 0, LED_CNT / 8);
        return 0;
    }
    assert_true(request == EVIOCGRAB);
    if (arg && (n->busy || n->grabbed)) {
        errno = EBUSY;
        return -1;
    }
    n->grabbed = arg;
    n->down |= n->pressed_by_grab && arg;
    return 0;
}

void libinput_device_led_update(struct libinput_device *device, enum libinput_led leds)
{
}

static void on_event(void *target, enum gate_device device, uint16_t type, uint16_t code,
                     int32_t value)
{
}

static void on_report(void *target, enum gate_device device)
{
}

static const struct gate_target_ops target_ops = { .event = on_event, .report = on_report };

static void watch(void *data, bool on)
{
    source_grab_recount(data);
}

static const struct gate_source_ops source_ops = {
    .grab = source_grab,
    .watch = watch,
    .leds = source_leds,
};

static void plug(struct bed *bed, unsigned i)
{
    bed->device[i] = (struct source_device){ .source = &bed->source,
                                             .path = "a device",
                                             .fd = FD + (int)i,
                                             .peek_fd = FD + (int)i,
                                             .has[GATE_KEYS] = true };
    list_append(&bed->source.devices, &bed->device[i].link);
    if (gate_is_grabbed(&bed->source.gate))
        source_device_hold(&bed->device[i]);
}

static int set_up(void **state)
{
    struct bed *bed = calloc(1, sizeof(*bed));
    memset(node, 0, sizeof(node));
    bed->loop = loop_create();
    assert_non_null(bed->loop);
    gate_init(&bed->gate, &target_ops, NULL);
    list_init(&bed->source.devices);
    bed->source.gate = (struct gate_source){
        .ops = &source_ops, .data = &bed->source, .rule = GATE_FOCUSED, .grab = true
    };
    assert_int_equal(loop_timer_add(bed->loop, &bed->source.again, source_grab_again), 0);
    plug(bed, 0);
    assert_true(gate_add(&bed->gate, &bed->source.gate));
    *state = bed;
    return 0;
}

static int tear_down(void **state)
{
    struct bed *bed = *state;
    gate_remove(&bed->source.gate);
    assert_false(node[0].grabbed || node[1].grabbed || node[2].grabbed);
    loop_timer_remove(&bed->source.again);
    loop_destroy(bed->loop);
    free(bed);
    return 0;
}

static void focus(struct bed *bed, int scanout)
{
    CALL(&bed->gate.windows, focus, scanout);
}

static bool is_waiting(const struct bed *bed)
{
    return bed->source.again.due_ns > 0;
}

/* As often as it is tried, but sooner. */
static unsigned try_to_the_end(struct bed *bed)
{
    unsigned n = 0;
    for (; is_waiting(bed); n++) {
        assert_true(n <= MOST_TRIES);
        loop_timer_cancel(&bed->source.again);
        source_grab_again(&bed->source.again);
    }
    return n;
}

static void what_nothing_is_down_on_is_held_at_once(void **state)
{
    struct bed *bed = *state;
    focus(bed, 0);
    assert_true(node[0].grabbed && gate_is_grabbed(&bed->source.gate));
    assert_false(is_waiting(bed));
    focus(bed, INPUT_NO_SCANOUT);
    assert_false(node[0].grabbed || is_waiting(bed));
}

static void a_release_that_nobody_tells_is_found(void **state)
{
    struct bed *bed = *state;
    node[0].down = true;
    focus(bed, 0);
    assert_false(node[0].grabbed);
    assert_true(is_waiting(bed));
    loop_run_once(bed->loop, 5000); /* it is down still */
    assert_false(node[0].grabbed);
    node[0].down = false;
    loop_run_once(bed->loop, 5000);
    assert_true(node[0].grabbed && gate_is_grabbed(&bed->source.gate));
    assert_false(is_waiting(bed));
}

static void a_press_that_crosses_the_grab_undoes_it(void **state)
{
    struct bed *bed = *state;
    node[0].pressed_by_grab = true;
    focus(bed, 0);
    assert_false(node[0].grabbed || gate_is_grabbed(&bed->source.gate));
    node[0] = (struct node){ 0 };
    loop_run_once(bed->loop, 5000);
    assert_true(node[0].grabbed && gate_is_grabbed(&bed->source.gate));
}

static void what_stays_down_is_not_asked_after_for_ever(void **state)
{
    struct bed *bed = *state;
    node[0].down = true;
    focus(bed, 0);
    assert_int_equal(try_to_the_end(bed), MOST_TRIES);
    node[0].down = false;
    assert_false(node[0].grabbed);
    CALL(&bed->source.gate, key, KEY_A, true);
    CALL(&bed->source.gate, key, KEY_A, false);
    assert_true(node[0].grabbed);
    /* The next time, it is tried as often. */
    focus(bed, INPUT_NO_SCANOUT);
    node[0].down = true;
    focus(bed, 0);
    assert_int_equal(try_to_the_end(bed), MOST_TRIES);
}

static void somebody_else_is_waited_for_as_long(void **state)
{
    struct bed *bed = *state;
    node[0].busy = true;
    focus(bed, 0);
    assert_int_equal(try_to_the_end(bed), MOST_TRIES);
    assert_true(bed->source.refusal_said);
}

static void without_the_focus_nothing_is_tried(void **state)
{
    struct bed *bed = *state;
    node[0].down = true;
    focus(bed, 0);
    assert_true(is_waiting(bed));
    focus(bed, INPUT_NO_SCANOUT);
    assert_false(is_waiting(bed));
    unsigned before = n_asked;
    loop_run_once(bed->loop, 0);
    assert_int_equal(n_asked, before);
}

/* It had the key down when it was plugged in, while the others are held. */
static void a_device_that_comes_late_is_held_when_it_can_be(void **state)
{
    struct bed *bed = *state;
    focus(bed, 0);
    node[1].down = true;
    plug(bed, 1);
    assert_true(node[0].grabbed && !node[1].grabbed);
    assert_true(is_waiting(bed));
    node[1].down = false;
    loop_run_once(bed->loop, 5000);
    assert_true(node[0].grabbed && node[1].grabbed);
    assert_false(is_waiting(bed));
}

/* libinput closes the first device's file, and the kernel lets go of it. */
static void close_first(struct bed *bed)
{
    node[0].grabbed = false;
    source_grab_moved(&bed->device[0], -1);
}

static void a_device_that_is_opened_again_is_held_by_its_new_file(void **state)
{
    struct bed *bed = *state;
    focus(bed, 0);
    close_first(bed);
    assert_true(gate_is_grabbed(&bed->source.gate));
    assert_false(is_waiting(bed));
    source_grab_moved(&bed->device[0], FD + 2);
    loop_run_once(bed->loop, 5000);
    assert_true(node[2].grabbed && !node[0].grabbed);
    assert_false(is_waiting(bed));
    focus(bed, INPUT_NO_SCANOUT);
    assert_false(node[2].grabbed);
}

static void a_device_that_is_closed_keeps_none_from_being_held(void **state)
{
    struct bed *bed = *state;
    plug(bed, 1);
    close_first(bed);
    focus(bed, 0);
    assert_true(node[1].grabbed && gate_is_grabbed(&bed->source.gate));
    focus(bed, INPUT_NO_SCANOUT);
    source_grab_moved(&bed->device[0], FD + 2);
    assert_false(is_waiting(bed));
    focus(bed, 0);
    assert_true(node[1].grabbed && node[2].grabbed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_nothing_is_down_on_is_held_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_release_that_nobody_tells_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_press_that_crosses_the_grab_undoes_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_stays_down_is_not_asked_after_for_ever, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(somebody_else_is_waited_for_as_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_the_focus_nothing_is_tried, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_device_that_comes_late_is_held_when_it_can_be, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_device_that_is_opened_again_is_held_by_its_new_file,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_device_that_is_closed_keeps_none_from_being_held, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
