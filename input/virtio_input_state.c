// SPDX-License-Identifier: MIT
#include "input/virtio_input_state.h"

#include <linux/input.h>
#include <linux/virtio_input.h>
#include <string.h>

#include "vmm/base/util.h"

void virtio_input_state_init(struct virtio_input_state *state)
{
    *state = (struct virtio_input_state){ 0 };
    for (unsigned i = 0; i < VIRTIO_INPUT_MAX_CONTACTS; i++)
        state->contact[i].id = VIRTIO_INPUT_NO_CONTACT;
}

bool virtio_input_has_key(const struct virtio_input_info *info, uint16_t code)
{
    for (unsigned i = 0; info->keys[i][1] != 0; i++) {
        if (code >= info->keys[i][0] && code <= info->keys[i][1])
            return true;
    }
    return false;
}

static void apply_abs(struct virtio_input_state *state, const struct virtio_input_info *info,
                      uint16_t code, int32_t value)
{
    struct virtio_input_contact *contact = &state->contact[state->slot];
    switch (code) {
    case ABS_MT_SLOT:
        if (value >= 0 && value < VIRTIO_INPUT_MAX_CONTACTS)
            state->slot = value;
        break;
    case ABS_MT_TRACKING_ID:
        *contact = (struct virtio_input_contact){ .id = value };
        break;
    case ABS_MT_POSITION_X:
        contact->x = value;
        break;
    case ABS_MT_POSITION_Y:
        contact->y = value;
        break;
    default:
        for (unsigned i = 0; i < info->n_abs; i++) {
            if (info->abs[i].code != code)
                continue;
            state->abs[i] = value;
            state->abs_known[i] = true;
        }
    }
}

void virtio_input_state_apply(struct virtio_input_state *state,
                              const struct virtio_input_info *info,
                              const struct virtio_input_event *event)
{
    if (event->type == EV_KEY && event->code < KEY_CNT) {
        uint64_t mask = 1ull << event->code % 64;
        uint64_t *word = &state->keys[event->code / 64];
        *word = event->value ? *word | mask : *word & ~mask;
    } else if (event->type == EV_REL && event->code < REL_CNT) {
        state->rel[event->code] += event->value;
    } else if (event->type == EV_ABS) {
        apply_abs(state, info, event->code, (int32_t)event->value);
    }
}

static bool same_contact(const struct virtio_input_contact *a, const struct virtio_input_contact *b)
{
    return a->id == b->id && a->x == b->x && a->y == b->y;
}

bool virtio_input_state_equal(const struct virtio_input_state *a,
                              const struct virtio_input_state *b)
{
    if (memcmp(a->keys, b->keys, sizeof(a->keys)) != 0 ||
        memcmp(a->rel, b->rel, sizeof(a->rel)) != 0)
        return false;
    for (unsigned i = 0; i < VIRTIO_INPUT_MAX_ABS; i++) {
        if (a->abs_known[i] != b->abs_known[i] || a->abs[i] != b->abs[i])
            return false;
    }
    for (unsigned i = 0; i < VIRTIO_INPUT_MAX_CONTACTS; i++) {
        if (!same_contact(&a->contact[i], &b->contact[i]))
            return false;
    }
    /* Events go on with the slot that was named last. */
    return a->slot == b->slot;
}

/* Events being put together. */
struct report {
    struct virtio_input_event *events;
    unsigned n, max;
};

static void add(struct report *report, uint16_t type, uint16_t code, int32_t value)
{
    report->events[report->n++] = (struct virtio_input_event){ type, code, (uint32_t)value };
}

static void add_keys(struct report *report, const struct virtio_input_state *state,
                     const struct virtio_input_state *told, bool pressed)
{
    for (uint32_t word = 0; word < ARRAY_LEN(state->keys); word++) {
        uint64_t differ = state->keys[word] ^ told->keys[word];
        uint64_t which = differ & (pressed ? state->keys[word] : told->keys[word]);
        for (; which && report->n < report->max; which &= which - 1)
            add(report, EV_KEY, (uint16_t)(word * 64 + (unsigned)__builtin_ctzll(which)), pressed);
    }
}

static void add_axes(struct report *report, const struct virtio_input_state *state,
                     const struct virtio_input_state *told, const struct virtio_input_info *info)
{
    for (unsigned i = 0; i < info->n_abs && report->n < report->max; i++) {
        if (state->abs_known[i] && (!told->abs_known[i] || told->abs[i] != state->abs[i]))
            add(report, EV_ABS, info->abs[i].code, state->abs[i]);
    }
}

/* All of it or none: a wheel's detents and its fine turning are one motion. */
static void add_motion(struct report *report, const struct virtio_input_state *state,
                       const struct virtio_input_state *told)
{
    unsigned n = report->n;
    for (uint16_t i = 0; i < REL_CNT; i++) {
        if (state->rel[i] == told->rel[i])
            continue;
        if (report->n == report->max) {
            report->n = n;
            return;
        }
        add(report, EV_REL, i, (int32_t)(state->rel[i] - told->rel[i]));
    }
}

/* A finger that is gone, or is another one now: lifted first. */
static void lift_contacts(struct report *report, const struct virtio_input_state *state,
                          const struct virtio_input_state *told, int32_t *slot)
{
    for (int32_t i = 0; i < VIRTIO_INPUT_MAX_CONTACTS && report->n + 2 <= report->max; i++) {
        int32_t id = told->contact[i].id;
        if (id == VIRTIO_INPUT_NO_CONTACT || id == state->contact[i].id)
            continue;
        add(report, EV_ABS, ABS_MT_SLOT, i);
        add(report, EV_ABS, ABS_MT_TRACKING_ID, VIRTIO_INPUT_NO_CONTACT);
        *slot = i;
    }
}

static void add_contacts(struct report *report, const struct virtio_input_state *state,
                         const struct virtio_input_state *told, int32_t *slot)
{
    for (int32_t i = 0; i < VIRTIO_INPUT_MAX_CONTACTS; i++) {
        const struct virtio_input_contact *new = &state->contact[i], *old = &told->contact[i];
        bool comes = new->id != old->id;
        if (new->id == VIRTIO_INPUT_NO_CONTACT || same_contact(new, old) ||
            (comes && old->id != VIRTIO_INPUT_NO_CONTACT) ||
            report->n + (comes ? 4 : 3) > report->max)
            continue;
        add(report, EV_ABS, ABS_MT_SLOT, i);
        if (comes)
            add(report, EV_ABS, ABS_MT_TRACKING_ID, new->id);
        add(report, EV_ABS, ABS_MT_POSITION_X, new->x);
        add(report, EV_ABS, ABS_MT_POSITION_Y, new->y);
        *slot = i;
    }
}

unsigned virtio_input_state_difference(const struct virtio_input_state *state,
                                       const struct virtio_input_state *told,
                                       const struct virtio_input_info *info,
                                       struct virtio_input_event *events, unsigned max)
{
    struct report report = { .events = events, .max = max };
    int32_t slot = told->slot;
    add_keys(&report, state, told, false);
    lift_contacts(&report, state, told, &slot);
    add_contacts(&report, state, told, &slot);
    add_keys(&report, state, told, true);
    add_axes(&report, state, told, info);
    add_motion(&report, state, told);
    if (slot != state->slot && report.n < report.max)
        add(&report, EV_ABS, ABS_MT_SLOT, state->slot);
    return report.n;
}
