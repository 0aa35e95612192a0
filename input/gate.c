// SPDX-License-Identifier: MIT
#include "input/gate.h"

#include <string.h>

#include "input/gate_internal.h"

void gate_send(struct gate *gate, enum gate_device device, uint16_t type, uint16_t code,
               int32_t value)
{
    gate->dirty[device] = true;
    gate->ops->event(gate->target, device, type, code, value);
}

void gate_report(struct gate *gate, enum gate_device device)
{
    if (device == GATE_TOUCHSCREEN)
        gate->finger_changed = 0;
    if (device == GATE_PEN)
        gate->pen.changed = false;
    if (!gate->dirty[device])
        return;
    gate->dirty[device] = false;
    gate->ops->report(gate->target, device);
}

void gate_report_all(struct gate *gate)
{
    for (unsigned i = 0; i < GATE_DEVICE_COUNT; i++)
        gate_report(gate, i);
    memset(gate->changed, 0, sizeof(gate->changed));
}

bool gate_admits(const struct gate_source *source, enum gate_group group)
{
    const struct gate *gate = source->gate;
    if (source->grab && gate->let_go)
        return false;
    switch (source->rule) {
    case GATE_MUTED:
        return false;
    case GATE_WINDOWS:
        if (gate->shared_live[group])
            return false;
        if (group == GATE_KEYS)
            return gate->focused;
        /* Fingers and pens are told to a window only while they are over it. */
        return group == GATE_TOUCHING || gate->inside || gate->locked;
    case GATE_SHARED:
        return gate->focused && (source->grabbed || gate->shared_live[group]);
    case GATE_FOCUSED:
        return gate->focused;
    case GATE_ALWAYS:
        return true;
    }
    return false;
}

/* A key or button goes the other way for the guest; the caller knows that it does. */
static void tell(struct gate_source *source, uint32_t code, bool pressed)
{
    struct gate *gate = source->gate;
    enum gate_device device = GATE_KEYBOARD;
    /* Within one report, its last state would be all that some guests see. */
    if (gate_bit(gate->changed, code))
        gate_report_all(gate);
    gate_put_bit(gate->changed, code, true);
    if (gate_is_button(code)) {
        uint8_t *button = &gate->button_device[code - BTN_MOUSE];
        if (pressed)
            *button = source->relative ? GATE_MOUSE : gate->pointer;
        device = *button;
    }
    gate_send(gate, device, EV_KEY, (uint16_t)code, pressed);
}

static void give(struct gate_source *source, uint32_t code)
{
    gate_put_bit(source->given, code, true);
    if (source->gate->holders[code]++ == 0)
        tell(source, code, true);
}

static void take(struct gate_source *source, uint32_t code)
{
    gate_put_bit(source->given, code, false);
    if (--source->gate->holders[code] == 0)
        tell(source, code, false);
}

static void take_between(struct gate_source *source, uint32_t first, uint32_t end)
{
    for (uint32_t code = first; code < end; code++) {
        if (gate_bit(source->given, code))
            take(source, code);
    }
}

static void take_all(struct gate_source *source)
{
    take_between(source, 0, KEY_CNT);
    gate_sink_touch_cancel(&source->sink);
    gate_pen_leave(source);
}

static bool holds_any(const struct gate_source *source, enum gate_group group)
{
    for (uint32_t word = 0; word < GATE_WORDS; word++) {
        uint64_t held = source->held[word];
        for (uint32_t i = 0; held; i++, held >>= 1) {
            if (held & 1 && gate_is_button(word * 64 + i) == (group == GATE_POINTING))
                return true;
        }
    }
    return false;
}

/* A person holds these to change what other keys mean. */
static const uint16_t modifiers[] = { KEY_LEFTSHIFT, KEY_RIGHTSHIFT, KEY_LEFTCTRL, KEY_RIGHTCTRL,
                                      KEY_LEFTALT,   KEY_RIGHTALT,   KEY_LEFTMETA, KEY_RIGHTMETA };

static void give_modifiers(struct gate_source *source)
{
    for (unsigned i = 0; i < ARRAY_LEN(modifiers); i++) {
        uint32_t code = modifiers[i];
        if (gate_bit(source->held, code) && !gate_bit(source->given, code))
            give(source, code);
    }
}

/* Whether the windows and the shared sources hold nothing of the group. */
static bool is_idle(const struct gate *gate, enum gate_group group, bool *have_shared)
{
    bool idle = true;
    *have_shared = false;
    for (unsigned i = 0; i < gate->n_sources; i++) {
        const struct gate_source *source = gate->source[i];
        bool shared = source->rule == GATE_SHARED;
        *have_shared |= shared && source->has[group];
        if (shared || source->rule == GATE_WINDOWS)
            idle &= !holds_any(source, group);
    }
    return idle;
}

static void settle_shared(struct gate *gate, enum gate_group group, bool wanted)
{
    bool have_shared, idle = is_idle(gate, group, &have_shared);
    if (idle)
        gate->shared_live[group] = wanted && have_shared;
}

static void tell_leds(struct gate_source *source)
{
    if ((source->grabbed || source->rule == GATE_ALWAYS) && source->ops && source->ops->leds)
        source->ops->leds(source->data, source->gate->leds);
}

static void settle_grab(struct gate_source *source)
{
    const struct gate *gate = source->gate;
    bool mine = gate->focused || source->rule == GATE_ALWAYS;
    bool wanted = source->grab && mine && !gate->let_go;
    /* Once the focus is gone, the devices are the compositor's at once: it may take the release of a key
     * of which it saw no press. */
    if (wanted == source->grabbed ||
        (mine && (holds_any(source, GATE_KEYS) || holds_any(source, GATE_POINTING))))
        return;
    source->grabbed = source->ops->grab(source->data, wanted);
    if (source->grabbed)
        tell_leds(source);
    else if (source->rule == GATE_SHARED)
        take_all(source);
}

/* Whatever waited for nothing to be pressed. */
static void settle(struct gate *gate)
{
    settle_shared(gate, GATE_KEYS, gate->inhibited);
    settle_shared(gate, GATE_POINTING, gate->locked);
    for (unsigned i = 0; i < gate->n_sources; i++)
        settle_grab(gate->source[i]);
}

static void watch(struct gate *gate, bool on)
{
    for (unsigned i = 1; i < gate->n_sources; i++) {
        struct gate_source *source = gate->source[i];
        if (source->rule != GATE_ALWAYS && source->ops->watch)
            source->ops->watch(source->data, on);
    }
}

static void focus_lost(struct gate *gate)
{
    for (unsigned i = 0; i < gate->n_sources; i++) {
        if (gate->source[i]->rule != GATE_ALWAYS)
            take_all(gate->source[i]);
    }
}

static void sink_focus(struct input_sink *sink, int scanout)
{
    struct gate *gate = gate_source_of(sink)->gate;
    bool focused = scanout != INPUT_NO_SCANOUT;
    if (sink != &gate->windows.sink)
        return;
    bool came = focused && !gate->focused, went = !focused && gate->focused;
    if (came)
        watch(gate, true);
    gate->focused = focused;
    if (came) {
        gate->let_go = false;
        for (unsigned i = 1; i < gate->n_sources; i++) {
            struct gate_source *source = gate->source[i];
            if (source->rule != GATE_ALWAYS && gate_admits(source, GATE_KEYS))
                give_modifiers(source);
        }
    } else if (!focused) {
        focus_lost(gate);
    }
    settle(gate);
    /* No frame need follow: the sources may have nothing more to say. */
    gate_report_all(gate);
    if (went)
        watch(gate, false);
}

static void sink_locked(struct input_sink *sink, bool locked)
{
    struct gate *gate = gate_source_of(sink)->gate;
    if (sink != &gate->windows.sink || locked == gate->locked)
        return;
    gate->locked = gate->windows.relative = locked;
    gate->rel_rest[0] = gate->rel_rest[1] = 0;
    settle(gate);
}

static void sink_inhibited(struct input_sink *sink, bool inhibited)
{
    struct gate *gate = gate_source_of(sink)->gate;
    if (sink != &gate->windows.sink)
        return;
    gate->inhibited = inhibited;
    settle(gate);
}

/* Of what is grabbed, the guest holds nothing while the hotkey's two keys are still down. */
static void hotkey_pressed(struct gate *gate)
{
    gate->let_go = !gate->let_go;
    for (unsigned i = 0; gate->let_go && i < gate->n_sources; i++) {
        if (gate->source[i]->grab)
            take_all(gate->source[i]);
    }
    gate_report_all(gate);
}

static bool is_hotkey(const struct gate_source *source, uint32_t code)
{
    const struct gate_hotkey *hotkey = &source->gate->hotkey;
    return source->grab && (code == hotkey->first || code == hotkey->second) &&
           gate_bit(source->held, hotkey->first) && gate_bit(source->held, hotkey->second);
}

static void change(struct gate_source *source, uint32_t code, bool pressed)
{
    struct gate *gate = source->gate;
    bool given = gate_bit(source->given, code), was = gate_bit(source->held, code);
    gate_put_bit(source->held, code, pressed);
    if (pressed && !given && gate_admits(source, gate_is_button(code) ? GATE_POINTING : GATE_KEYS))
        give(source, code);
    else if (!pressed && given)
        take(source, code);
    if (pressed && !was && is_hotkey(source, code))
        hotkey_pressed(gate);
    if (!pressed && was)
        settle(gate);
}

static void sink_key(struct input_sink *sink, uint32_t code, bool pressed)
{
    if (code < KEY_CNT && !gate_is_button(code))
        change(gate_source_of(sink), code, pressed);
}

static void sink_button(struct input_sink *sink, uint32_t code, bool pressed)
{
    if (gate_is_button(code))
        change(gate_source_of(sink), code, pressed);
}

static void sink_leave(struct input_sink *sink)
{
    struct gate *gate = gate_source_of(sink)->gate;
    gate->inside = false;
    gate->wheel_rest[0] = gate->wheel_rest[1] = 0;
    take_between(&gate->windows, BTN_MOUSE, BTN_JOYSTICK);
    gate_report_all(gate);
}

static void sink_frame(struct input_sink *sink)
{
    gate_report_all(gate_source_of(sink)->gate);
}

static uint32_t sink_leds(struct input_sink *sink)
{
    return gate_source_of(sink)->gate->leds;
}

static const struct input_sink_ops sink_ops = {
    .focus = sink_focus,
    .locked = sink_locked,
    .inhibited = sink_inhibited,
    .leds = sink_leds,
    .key = sink_key,
    .button = sink_button,
    .abs = gate_sink_abs,
    .rel = gate_sink_rel,
    .leave = sink_leave,
    .wheel = gate_sink_wheel,
    .touch_down = gate_sink_touch_down,
    .touch_motion = gate_sink_touch_motion,
    .touch_up = gate_sink_touch_up,
    .touch_cancel = gate_sink_touch_cancel,
    .tool = gate_sink_tool,
    .tool_button = gate_sink_tool_button,
    .frame = sink_frame,
};

void gate_init(struct gate *gate, const struct gate_target_ops *ops, void *target)
{
    *gate = (struct gate){
        .windows = { .rule = GATE_WINDOWS },
        .ops = ops,
        .target = target,
        .hotkey = { KEY_LEFTCTRL, KEY_RIGHTCTRL },
        .layout[0] = { .width = 1, .height = 1 },
        .pointer = GATE_POINTER,
    };
    for (unsigned i = 0; i < GATE_MAX_SCANOUTS; i++)
        gate->told[i] = (struct gate_place){ -1, -1 };
    gate_add(gate, &gate->windows);
}

void gate_set_windows(struct gate *gate, enum gate_rule rule)
{
    gate->windows.rule = rule;
}

void gate_set_pointers(struct gate *gate, bool each)
{
    gate->each = each;
    gate->pointer = each ? GATE_SCANOUT_POINTER : GATE_POINTER;
}

void gate_set_hotkey(struct gate *gate, struct gate_hotkey hotkey)
{
    gate->hotkey = hotkey;
}

bool gate_add(struct gate *gate, struct gate_source *source)
{
    if (gate->n_sources == GATE_MAX_SOURCES)
        return false;
    source->gate = gate;
    source->sink.ops = &sink_ops;
    source->relative = source->rule != GATE_WINDOWS;
    gate->source[gate->n_sources++] = source;
    if (source->ops && source->ops->watch && (gate->focused || source->rule == GATE_ALWAYS))
        source->ops->watch(source->data, true);
    settle(gate);
    tell_leds(source);
    return true;
}

void gate_remove(struct gate_source *source)
{
    struct gate *gate = source->gate;
    unsigned i = 0;
    if (!gate)
        return;
    take_all(source);
    gate_report_all(gate);
    if (source->grabbed)
        source->ops->grab(source->data, false);
    while (gate->source[i] != source)
        i++;
    memmove(&gate->source[i], &gate->source[i + 1],
            (gate->n_sources - i - 1) * sizeof(gate->source[0]));
    gate->n_sources--;
    source->gate = NULL;
    source->grabbed = false;
    memset(source->held, 0, sizeof(source->held));
    settle(gate);
}

void gate_grab_again(struct gate_source *source)
{
    settle_grab(source);
    gate_report_all(source->gate);
}

void gate_set_has(struct gate_source *source, const bool has[GATE_GROUP_COUNT])
{
    memcpy(source->has, has, sizeof(source->has));
    settle(source->gate);
    tell_leds(source);
}

void gate_set_led(struct gate *gate, uint16_t led, bool on)
{
    uint32_t leds = led < 32 ? 1u << led : 0;
    leds = on ? gate->leds | leds : gate->leds & ~leds;
    if (leds == gate->leds)
        return;
    gate->leds = leds;
    for (unsigned i = 0; i < gate->n_sources; i++)
        tell_leds(gate->source[i]);
}

bool gate_is_pressed(const struct gate *gate, uint32_t code)
{
    return code < KEY_CNT && gate->holders[code] > 0;
}

bool gate_is_grabbed(const struct gate_source *source)
{
    return source->grabbed;
}
