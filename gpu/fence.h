/* SPDX-License-Identifier: MIT */
/*
 * Flushes that wait: a RESOURCE_FLUSH with a fence is answered when what it flushed is shown on every
 * scanout that shows the resource, or after 40 ms (Linux waits 50 for it).
 *
 * On each scanout a flush goes through two steps: it waits for a frame to be presented that holds its
 * damage (`waiting`), then for that frame to be shown (`armed` too). Responses go out in any order.
 *
 * Linux holds that a later fence's completion completes those before it. So a fenced command that is
 * answered at once, such as the upload of a cursor image, ends the wait of a flush before it too: that
 * flip is then paced a little early, once.
 */
#ifndef VITRINE_GPU_FENCE_H
#define VITRINE_GPU_FENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/list.h"
#include "vmm/base/loop.h"

struct virtq;

#define FENCE_MAX 64
#define FENCE_TIMEOUT_NS (40 * 1000 * 1000ull)

struct fence {
    struct list link;
    struct virtq *q;
    uint16_t head;
    uint32_t waiting, armed; /* a bit for each scanout; armed is a part of waiting */
    uint64_t deadline_ns;    /* CLOCK_MONOTONIC */
    uint32_t written;        /* bytes of the answer, which is in guest memory already */
};

struct fences {
    struct list free, pending; /* pending: the earliest deadline first */
    struct loop_timer timer;   /* fires at the first deadline or before */
    bool timer_set;
    /* Gives the chain of a flush back that need not wait any more. */
    void (*answer)(struct fences *fences, struct virtq *q, uint16_t head, uint32_t written);
    struct fence fence[FENCE_MAX];
};

/* 0 or a negative errno. */
int fences_init(struct fences *fences, struct loop *loop,
                void (*answer)(struct fences *fences, struct virtq *q, uint16_t head,
                               uint32_t written));
void fences_finish(struct fences *fences);

/* Keeps a chain until the scanouts in `waiting` (not 0) have shown it. False where too many wait. */
bool fences_add(struct fences *fences, struct virtq *q, uint16_t head, uint32_t written,
                uint32_t waiting);

/* The scanout presents what all that wait for it flushed. */
void fences_arm(struct fences *fences, unsigned scanout);
/* The scanout's frame is shown: those armed on it wait for it no more. */
void fences_shown(struct fences *fences, unsigned scanout);
/* Nothing that was flushed to the scanout and not presented will be shown. */
void fences_skip(struct fences *fences, unsigned scanout);
/* The scanout shows nothing any more. */
void fences_skip_all(struct fences *fences, unsigned scanout);
/* Forgets all, without an answer: the queues are gone. */
void fences_drop(struct fences *fences);

#endif
