// SPDX-License-Identifier: MIT
#define LOG_MODULE "wayland"
#include "wl/input.h"

#include "input/sink.h"
#include "vmm/base/log.h"

void wayl_input_init(struct wayl_input *input, struct input_sink *sink)
{
    *input = (struct wayl_input){ .sink = sink, .focus = INPUT_NO_SCANOUT };
}

/* Whether the sink has to hear of it. *accepted: the device's own state changed. */
static bool hold(struct wayl_input *input, struct wayl_keys *held, uint32_t code, bool pressed,
                 bool *accepted)
{
    *accepted = code < KEY_CNT && wayl_keys_has(held, code) != pressed;
    if (!*accepted)
        return false;
    held->down[code / 8] ^= (uint8_t)(1u << code % 8);
    if (!pressed)
        return --input->holders[code] == 0;
    BUG_ON(input->holders[code] == UINT8_MAX); /* there are fewer seats */
    return input->holders[code]++ == 0;
}

bool wayl_input_key(struct wayl_input *input, struct wayl_keys *held, uint32_t code, bool pressed)
{
    bool accepted;
    if (hold(input, held, code, pressed, &accepted))
        input->sink->ops->key(input->sink, code, pressed);
    return accepted;
}

bool wayl_input_button(struct wayl_input *input, struct wayl_keys *held, uint32_t code,
                       bool pressed)
{
    bool accepted;
    if (hold(input, held, code, pressed, &accepted))
        input->sink->ops->button(input->sink, code, pressed);
    return accepted;
}

static void release_all(struct wayl_input *input, struct wayl_keys *held,
                        bool (*change)(struct wayl_input *, struct wayl_keys *, uint32_t, bool))
{
    bool any = false;
    for (uint32_t code = 0; code < KEY_CNT; code++)
        any |= wayl_keys_has(held, code) && change(input, held, code, false);
    if (any)
        input->sink->ops->frame(input->sink);
}

void wayl_input_release_keys(struct wayl_input *input, struct wayl_keys *held)
{
    release_all(input, held, wayl_input_key);
}

void wayl_input_release_buttons(struct wayl_input *input, struct wayl_keys *held)
{
    release_all(input, held, wayl_input_button);
}

static void set_focus(struct wayl_input *input, int scanout)
{
    if (scanout == input->focus)
        return;
    input->focus = scanout;
    input->sink->ops->focus(input->sink, scanout);
}

void wayl_input_focus(struct wayl_input *input, unsigned scanout)
{
    input->focused[scanout]++;
    set_focus(input, (int)scanout);
}

void wayl_input_unfocus(struct wayl_input *input, unsigned scanout)
{
    BUG_ON(input->focused[scanout] == 0);
    input->focused[scanout]--;
    if (input->focus != (int)scanout || input->focused[scanout] > 0)
        return;
    for (int i = 0; i < DISPLAY_MAX_SCANOUTS; i++) {
        if (input->focused[i] > 0) {
            set_focus(input, i);
            return;
        }
    }
    set_focus(input, INPUT_NO_SCANOUT);
}

void wayl_input_enter(struct wayl_input *input, unsigned scanout)
{
    input->pointers[scanout]++;
}

void wayl_input_leave(struct wayl_input *input, unsigned scanout)
{
    BUG_ON(input->pointers[scanout] == 0);
    input->pointers[scanout]--;
    for (unsigned i = 0; i < DISPLAY_MAX_SCANOUTS; i++) {
        if (input->pointers[i] > 0)
            return;
    }
    input->sink->ops->leave(input->sink);
}

/* Whether the first came or the last went. */
static bool count(unsigned *n, bool more)
{
    BUG_ON(!more && *n == 0);
    *n += more ? 1 : -1u;
    return *n == (more ? 1 : 0);
}

void wayl_input_locked(struct wayl_input *input, bool locked)
{
    if (count(&input->locks, locked))
        input->sink->ops->locked(input->sink, locked);
}

void wayl_input_inhibited(struct wayl_input *input, bool inhibited)
{
    if (count(&input->inhibitors, inhibited))
        input->sink->ops->inhibited(input->sink, inhibited);
}

bool wayl_input_is_modifier(uint32_t code)
{
    switch (code) {
    case KEY_LEFTSHIFT:
    case KEY_RIGHTSHIFT:
    case KEY_LEFTCTRL:
    case KEY_RIGHTCTRL:
    case KEY_LEFTALT:
    case KEY_RIGHTALT:
    case KEY_LEFTMETA:
    case KEY_RIGHTMETA:
        return true;
    default:
        return false;
    }
}
