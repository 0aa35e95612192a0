// SPDX-License-Identifier: MIT
/*
 * All that a seat's devices, the guest's cursor and the compositor may do, in an order that a seed decides:
 * the sink hears of nothing that can't be, nothing sticks, and the connection lives.
 */
#include <drm_fourcc.h>
#include <linux/input-event-codes.h>
#include <stdio.h>
#include <stdlib.h>

#include "keyboard-shortcuts-inhibit-v1-server.h"
#include "pointer-constraints-v1-server.h"
#include "tablet-v2-server.h"
#include "tests/test.h"
#include "tests/wl/fixture.h"
#include "vmm/base/util.h"

#define STEPS 10000u
#define FULL_STEPS 300000u
#define SEEDS 6u
#define IMAGES 3u
#define FINGERS 4096u
#define ALL (WL_SEAT_CAPABILITY_KEYBOARD | WL_SEAT_CAPABILITY_POINTER | WL_SEAT_CAPABILITY_TOUCH)

struct storm {
    struct fixture f;
    struct test_buffer image[IMAGES];
    uint32_t random;
    struct compositor_surface *keys, *pointer; /* where the seat's are; NULL: nowhere */
    /* What the sink was told. */
    int focus;
    bool locked, inhibited, near;
    bool pressed[KEY_CNT];
    bool finger[FINGERS];
    unsigned rels, keys_heard, fingers_heard, tools_heard, locks_heard;
};

static uint32_t pick(struct storm *s, uint32_t n)
{
    return fixture_pick(&s->random, n);
}

static struct storm *of(struct input_sink *sink)
{
    return container_of(sink, struct storm, f.rec.sink);
}

static void on_focus(struct input_sink *sink, int scanout)
{
    assert_int_not_equal(of(sink)->focus, scanout);
    of(sink)->focus = scanout;
}

static void on_locked(struct input_sink *sink, bool locked)
{
    assert_int_not_equal(of(sink)->locked, locked);
    of(sink)->locked = locked;
    of(sink)->locks_heard++;
}

static void on_inhibited(struct input_sink *sink, bool inhibited)
{
    assert_int_not_equal(of(sink)->inhibited, inhibited);
    of(sink)->inhibited = inhibited;
}

static uint32_t on_leds(struct input_sink *sink)
{
    return of(sink)->f.rec.leds;
}

static void on_key(struct input_sink *sink, uint32_t code, bool pressed)
{
    struct storm *s = of(sink);
    assert_true(code < KEY_CNT && s->pressed[code] != pressed);
    s->pressed[code] = pressed;
    s->keys_heard++;
}

static void on_abs(struct input_sink *sink, unsigned scanout, double x, double y)
{
    assert_true(scanout < 2 && x >= 0 && x <= 1 && y >= 0 && y <= 1);
}

static void on_rel(struct input_sink *sink, double dx, double dy, double raw_dx, double raw_dy)
{
    assert_true(of(sink)->locked);
    of(sink)->rels++;
}

static void on_nothing(struct input_sink *sink)
{
}

static void on_wheel(struct input_sink *sink, int32_t horizontal, int32_t vertical)
{
}

static void on_down(struct input_sink *sink, int32_t finger, unsigned scanout, double x, double y)
{
    struct storm *s = of(sink);
    assert_true(finger >= 0 && finger < (int32_t)FINGERS && !s->finger[finger]);
    s->finger[finger] = true;
    s->fingers_heard++;
}

static void on_motion(struct input_sink *sink, int32_t finger, unsigned scanout, double x, double y)
{
    assert_true(of(sink)->finger[finger]);
}

static void on_up(struct input_sink *sink, int32_t finger)
{
    assert_true(of(sink)->finger[finger]);
    of(sink)->finger[finger] = false;
}

static void on_tool(struct input_sink *sink, const struct input_tool *tool)
{
    assert_true(tool->near || of(sink)->near);
    of(sink)->near = tool->near;
    of(sink)->tools_heard++;
}

static void on_tool_button(struct input_sink *sink, uint32_t code, bool pressed)
{
    assert_true(of(sink)->near);
}

static const struct input_sink_ops model_ops = {
    .focus = on_focus,
    .locked = on_locked,
    .inhibited = on_inhibited,
    .leds = on_leds,
    .key = on_key,
    .button = on_key,
    .abs = on_abs,
    .rel = on_rel,
    .leave = on_nothing,
    .wheel = on_wheel,
    .touch_down = on_down,
    .touch_motion = on_motion,
    .touch_up = on_up,
    .tool = on_tool,
    .tool_button = on_tool_button,
    .frame = on_nothing,
};

/* The compositor: it keeps to the protocol, and does all that this allows. */

static struct compositor_seat *seat_of(struct storm *s)
{
    return &s->f.compositor->seat[0];
}

static struct compositor_surface *some_window(struct storm *s)
{
    struct compositor_surface *window = compositor_window(s->f.compositor, pick(s, 2));
    return window && window->resource ? window : NULL;
}

static void keyboard_step(struct storm *s)
{
    static const uint32_t codes[] = { KEY_LEFTCTRL, KEY_LEFTALT, KEY_G, KEY_A, KEY_CAPSLOCK };
    struct compositor_seat *seat = seat_of(s);
    struct compositor_surface *window = some_window(s);
    if (!seat->keyboard)
        return;
    switch (pick(s, 6)) {
    case 0:
        if (s->keys)
            wl_keyboard_send_leave(seat->keyboard, 1, s->keys->resource);
        s->keys = pick(s, 4) ? window : NULL;
        if (s->keys) {
            compositor_keyboard_enter(seat, s->keys, codes, pick(s, ARRAY_LEN(codes)));
            compositor_modifiers(seat, pick(s, 128), pick(s, 32), 0);
        }
        break;
    case 1: /* the hotkey */
        compositor_modifiers(seat, 4 | 8, 0, 0);
        compositor_key(seat, KEY_G, true);
        compositor_key(seat, KEY_G, false);
        break;
    case 2:
        compositor_modifiers(seat, pick(s, 128), pick(s, 32), 0);
        break;
    default:
        compositor_key(seat, codes[pick(s, ARRAY_LEN(codes))], pick(s, 2));
        break;
    }
}

static void pointer_step(struct storm *s)
{
    struct compositor_seat *seat = seat_of(s);
    struct compositor_surface *window = some_window(s);
    if (!seat->pointer)
        return;
    switch (pick(s, 5)) {
    case 0:
        if (s->pointer)
            compositor_pointer_leave(seat, s->pointer);
        s->pointer = pick(s, 4) ? window : NULL;
        if (s->pointer)
            compositor_pointer_enter(seat, s->pointer, pick(s, 400), pick(s, 400));
        break;
    case 1:
        if (s->pointer)
            wl_pointer_send_motion(seat->pointer, 0, (int32_t)pick(s, 1000000), -500);
        break;
    case 2:
        wl_pointer_send_button(seat->pointer, 1, 0, BTN_LEFT + pick(s, 3), pick(s, 2));
        break;
    case 3:
        wl_pointer_send_axis_value120(seat->pointer, pick(s, 3), (int32_t)pick(s, 400) - 200);
        break;
    default:
        wl_pointer_send_frame(seat->pointer);
        break;
    }
}

static void capture_step(struct storm *s)
{
    struct compositor_seat *seat = seat_of(s);
    switch (pick(s, 10)) {
    case 0:
    case 1:
        if (!seat->lock || !seat->pointer)
            break;
        zwp_locked_pointer_v1_send_locked(seat->lock);
        compositor_relative_motion(seat, 4, 3, 2, 1);
        break;
    case 2:
        if (seat->lock)
            zwp_locked_pointer_v1_send_unlocked(seat->lock);
        break;
    case 3:
        if (seat->inhibitor)
            zwp_keyboard_shortcuts_inhibitor_v1_send_active(seat->inhibitor);
        break;
    case 4:
        if (seat->inhibitor)
            zwp_keyboard_shortcuts_inhibitor_v1_send_inactive(seat->inhibitor);
        break;
    default:
        if (seat->relative && seat->pointer)
            compositor_relative_motion(seat, 1, 2, 3, 4);
        break;
    }
}

static void touch_step(struct storm *s)
{
    struct compositor_seat *seat = seat_of(s);
    struct compositor_surface *window = some_window(s);
    int32_t id = (int32_t)pick(s, 20);
    if (!seat->touch)
        return;
    switch (pick(s, 5)) {
    case 0:
        if (window)
            wl_touch_send_down(seat->touch, 1, 0, window->resource, id, 1000, 1000);
        break;
    case 1:
        wl_touch_send_up(seat->touch, 1, 0, id);
        break;
    case 2:
        wl_touch_send_motion(seat->touch, 0, id, -77777, 88888);
        break;
    case 3:
        if (pick(s, 8) == 0)
            wl_touch_send_cancel(seat->touch);
        break;
    default:
        wl_touch_send_frame(seat->touch);
        break;
    }
}

static void pen_step(struct storm *s)
{
    struct compositor_seat *seat = seat_of(s);
    struct compositor_surface *window = some_window(s);
    if (!seat->tool) {
        if (!seat->tablet)
            compositor_plug_tablet(seat);
        compositor_bring_tool(seat, ZWP_TABLET_TOOL_V2_TYPE_PEN, pick(s, 2));
        return;
    }
    switch (pick(s, 7)) {
    case 0:
        if (window && seat->tablet)
            zwp_tablet_tool_v2_send_proximity_in(seat->tool, 1, seat->tablet, window->resource);
        break;
    case 1:
        zwp_tablet_tool_v2_send_proximity_out(seat->tool);
        break;
    case 2:
        zwp_tablet_tool_v2_send_pressure(seat->tool, pick(s, 100000));
        break;
    case 3:
        zwp_tablet_tool_v2_send_button(seat->tool, 1, BTN_STYLUS, pick(s, 2));
        break;
    case 4:
        if (pick(s, 20) == 0)
            zwp_tablet_tool_v2_send_removed(seat->tool);
        break;
    case 5:
        zwp_tablet_tool_v2_send_motion(seat->tool, (int32_t)pick(s, 90000), -1);
        break;
    default:
        zwp_tablet_tool_v2_send_frame(seat->tool, 0);
        break;
    }
}

static void guest_step(struct storm *s)
{
    struct display *display = wayl_display(s->f.wayl);
    unsigned scanout = pick(s, 3); /* one that has no window, too */
    struct frame_cursor cursor = {
        pick(s, 3) ? &s->image[pick(s, IMAGES)].base : NULL,
        pick(s, 100),
        pick(s, 100),
    };
    if (pick(s, 2))
        display->ops->cursor(display, scanout, &cursor);
    else
        display->ops->cursor_move(display, scanout, (int32_t)pick(s, 400) - 50, INT32_MIN);
    s->f.rec.leds = pick(s, 8);
}

static void desktop_step(struct storm *s)
{
    struct compositor_surface *window = some_window(s);
    switch (pick(s, 40)) {
    case 0:
        compositor_capabilities(seat_of(s), pick(s, 8));
        break;
    case 1:
    case 2:
        compositor_capabilities(seat_of(s), ALL);
        break;
    case 3:
        wayl_close(s->f.wayl, pick(s, 2));
        s->keys = s->pointer = NULL;
        break;
    case 4:
    case 5:
        wayl_open(s->f.wayl, pick(s, 2));
        break;
    case 6:
        if (window)
            compositor_configure(window, (int32_t)pick(s, 900), (int32_t)pick(s, 900),
                                 (const uint32_t[]){ pick(s, 3), 0 });
        break;
    default:
        compositor_repaint(s->f.compositor);
        break;
    }
}

static void step(struct storm *s)
{
    static void (*const steps[])(struct storm * s) = {
        keyboard_step, keyboard_step, pointer_step, capture_step,
        touch_step,    pen_step,      guest_step,   desktop_step,
    };
    steps[pick(s, ARRAY_LEN(steps))](s);
    compositor_sync(s->f.compositor);
    struct compositor_seat *seat = seat_of(s);
    if (!seat->keyboard)
        s->keys = NULL;
    if (!seat->pointer)
        s->pointer = NULL;
    assert_int_equal(s->f.rec.n_lost, 0);
}

static void assert_let_go(struct storm *s)
{
    for (unsigned code = 0; code < KEY_CNT; code++)
        assert_false(s->pressed[code]);
    for (unsigned finger = 0; finger < FINGERS; finger++)
        assert_false(s->finger[finger]);
    assert_false(s->locked || s->inhibited || s->near);
    assert_int_equal(s->focus, INPUT_NO_SCANOUT);
}

static void run_storm(uint32_t seed, unsigned n_steps)
{
    struct storm *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    s->random = seed;
    s->focus = INPUT_NO_SCANOUT;
    fixture_open(&s->f, &compositor_everything, 2);
    s->f.rec.sink.ops = &model_ops;
    for (unsigned i = 0; i < IMAGES; i++)
        test_buffer_init(&s->image[i], FRAME_BUFFER_SHM, 64, 64, DRM_FORMAT_ARGB8888);
    compositor_capabilities(seat_of(s), ALL);
    compositor_sync(s->f.compositor);
    for (unsigned i = 0; i < n_steps; i++)
        step(s);
    printf("%u locks, %u motions, %u keys, %u fingers, %u pens\n", s->locks_heard, s->rels,
           s->keys_heard, s->fingers_heard, s->tools_heard);
    /* It was no storm in a glass. */
    assert_true(s->locks_heard > 4 && s->rels > 4 && s->keys_heard > 100);
    assert_true(s->fingers_heard > 10 && s->tools_heard > 10);
    if (seed % 2)
        wl_global_remove(seat_of(s)->global);
    else
        compositor_capabilities(seat_of(s), 0);
    compositor_sync(s->f.compositor);
    if (seed % 2 == 0) { /* tablets are no capability of a seat */
        wayl_close(s->f.wayl, 0);
        wayl_close(s->f.wayl, 1);
    }
    assert_let_go(s);
    fixture_close(&s->f);
    for (unsigned i = 0; i < IMAGES; i++) {
        test_buffer_drop(&s->image[i]);
        assert_true(s->image[i].destroyed);
    }
    free(s);
}

static void nothing_sticks_in_any_order(void **state)
{
    bool full = getenv("VITRINE_FULL");
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        printf("seed %u\n", seed);
        run_storm(seed, full ? FULL_STEPS : STEPS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(nothing_sticks_in_any_order) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
