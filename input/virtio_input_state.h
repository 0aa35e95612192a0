/* SPDX-License-Identifier: MIT */
/*
 * What a driver makes of an input device's events: which keys are down, where the axes are, how far it
 * moved, which fingers touch. Two such pictures tell what must be said to turn one into the other. Pure.
 */
#ifndef VITRINE_INPUT_VIRTIO_INPUT_STATE_H
#define VITRINE_INPUT_VIRTIO_INPUT_STATE_H

#include <linux/input-event-codes.h>
#include <stdbool.h>
#include <stdint.h>

#include "input/virtio_input.h"

struct virtio_input_event;

#define VIRTIO_INPUT_NO_CONTACT (-1)

/* One of type B's slots. */
struct virtio_input_contact {
    int32_t id; /* ABS_MT_TRACKING_ID; VIRTIO_INPUT_NO_CONTACT: no finger, and no place */
    int32_t x, y;
};

struct virtio_input_state {
    uint64_t keys[(KEY_CNT + 63) / 64];
    uint32_t rel[REL_CNT];             /* all motion so far, modulo 2^32 */
    int32_t abs[VIRTIO_INPUT_MAX_ABS]; /* by the axis's place in info->abs */
    bool abs_known[VIRTIO_INPUT_MAX_ABS];
    int32_t slot; /* that the next event is of */
    struct virtio_input_contact contact[VIRTIO_INPUT_MAX_CONTACTS];
};

/* What a driver knows that has heard nothing. */
void virtio_input_state_init(struct virtio_input_state *state);
/* Takes an event in; what is no state and codes that the device does not have change nothing. */
void virtio_input_state_apply(struct virtio_input_state *state,
                              const struct virtio_input_info *info,
                              const struct virtio_input_event *event);
/* Whether there is nothing to be told. */
bool virtio_input_state_equal(const struct virtio_input_state *a,
                              const struct virtio_input_state *b);
/* Up to max events of one report that bring `told` nearer to `state`, releases first: all of them, or
 * those that there is room for. 0 where nothing is to be told, or no part of it fits; 6 events are room
 * for any part. */
unsigned virtio_input_state_difference(const struct virtio_input_state *state,
                                       const struct virtio_input_state *told,
                                       const struct virtio_input_info *info,
                                       struct virtio_input_event *events, unsigned max);

bool virtio_input_has_key(const struct virtio_input_info *info, uint16_t code);

#endif
