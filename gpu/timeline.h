/* SPDX-License-Identifier: MIT */
/*
 * The renderer's one timeline, as the device sees it: fenced commands that are answered, in order, once
 * all that was rendered before them is done. Completing a fence completes those before it in the eyes
 * of a guest, so errors wait for their turn too.
 *
 * An answer is in the guest's memory already; what is kept back is that it is used.
 */
#ifndef VITRINE_GPU_TIMELINE_H
#define VITRINE_GPU_TIMELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "gpu/backend.h"
#include "gpu/pace.h"

struct virtq;

/* The chains that the device's queues can have out: QEMU gives them 1024 entries each. */
#define TIMELINE_MAX 2048

struct timeline_answer {
    struct virtq *q;
    uint32_t serial;
    uint32_t written; /* bytes of the answer */
    struct pace_hold hold;
    uint16_t head;
};

struct timeline {
    struct gpu_backend *backend;
    struct pace *pace;
    uint32_t made, passed; /* the last fence that was made, and that signalled; they wrap */
    unsigned first, n;     /* the answers that wait, a ring */
    struct timeline_answer answer[TIMELINE_MAX];
};

/* Makes a fence behind all that was asked of the renderer until now. Its serial, or 0 where there is no
 * memory. */
uint32_t timeline_fence(struct timeline *timeline);
/* Whether a fence has signalled; true for 0. */
bool timeline_passed(const struct timeline *timeline, uint32_t serial);
/* Gives a chain back once the fence that was made last has signalled and the pace withholds it no more. */
void timeline_keep(struct timeline *timeline, struct virtq *q, uint16_t head, uint32_t written,
                   const struct pace_hold *hold);
/* The renderer says that a fence and those before it have signalled. */
void timeline_signalled(struct timeline *timeline, uint32_t serial);
/* Something has changed that the pace withholds answers for. */
void timeline_go_on(struct timeline *timeline);
/* Gives all chains back that wait, whatever for. */
void timeline_give_up(struct timeline *timeline);
/* Forgets the answers: the queues are gone. */
void timeline_drop(struct timeline *timeline);

#endif
