/* SPDX-License-Identifier: MIT */
/*
 * The pace of guests whose flushes carry no fence: Linux fences them for guest blobs only, so a guest that
 * renders (virgl) would draw as fast as it can. What it does wait for, before its next flip, is the fence
 * of what it drew. So the fence of a submit or transfer that follows a flush is withheld until the frame
 * that shows the flush is done, for one refresh period at most from when it has signalled, and those before
 * it are out: a guest that is a frame ahead of itself is paced too.
 *
 * All fences of the device are on one timeline, so whatever one window waits for, all do. Hence a fence
 * waits for the fastest window only, of those that are seen and that the guest draws to, and only while
 * a flush of that one is not shown: a slower window is overdrawn rather than waited for, and a hidden
 * one is not there at all.
 *
 * Times are CLOCK_MONOTONIC's nanoseconds. Everything runs on the device's loop and nothing allocates;
 * a fence that is withheld costs one system call, the timer's.
 */
#ifndef VITRINE_GPU_PACE_H
#define VITRINE_GPU_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "gpu/frame.h"
#include "vmm/base/loop.h"

/* Where the display has not said it: 60 Hz. */
#define PACE_PERIOD_NS 16666667u
#define PACE_PERIOD_MIN_NS 1000000u
#define PACE_PERIOD_MAX_NS 100000000u

struct pace_scanout {
    bool hidden;
    uint32_t period_ns;
    uint32_t resource;   /* that was flushed last; 0: none */
    uint32_t flushed;    /* counts flushes, and wraps */
    uint32_t presented;  /* those that the last frame shows */
    uint32_t done;       /* those whose frame is done, never comes, or took longer than a period */
    uint64_t flushed_ns; /* when the last came */
    uint32_t waited;     /* the flush that a fence is withheld for */
    uint64_t until_ns;   /* and how long */
    uint32_t submits;    /* since a flush whose frame is not done */
    uint32_t draws;      /* see pace_take_draws() */
};

/* Why an answer is kept back, decided when its command came. */
struct pace_hold {
    bool held;
    bool counted;     /* as withheld */
    uint32_t flushed; /* it waits for this flush of the scanout */
    unsigned scanout;
};

struct pace {
    struct pace_scanout scanout[DISPLAY_MAX_SCANOUTS];
    struct loop_timer timer;
    uint64_t timer_ns; /* when it fires; 0: it is not set */
    uint32_t withheld; /* see pace_take_withheld() */
    /* Something that answers are kept back for may have come or gone. */
    void (*again)(struct pace *pace);
    uint64_t (*now_ns)(void); /* the clock; tests have their own */
};

/* All scanouts are seen, at 60 Hz. 0 or a negative errno. */
int pace_init(struct pace *pace, struct loop *loop, void (*again)(struct pace *pace));
/* Harmless where init has failed, or on a zeroed one. */
void pace_finish(struct pace *pace);

/* The display says whether anybody sees the scanout, and its refresh period (0: unknown). */
void pace_set(struct pace *pace, unsigned scanout, bool hidden, uint32_t period_ns);

/* An unfenced flush of a texture to a scanout that is looked at. */
void pace_flushed(struct pace *pace, unsigned scanout, uint32_t resource);
/* A frame begins that shows all that was flushed until now. */
void pace_presented(struct pace *pace, unsigned scanout);
/* That frame is done. */
void pace_done(struct pace *pace, unsigned scanout);
/* Nothing of what was flushed will be shown any more. */
void pace_skip(struct pace *pace, unsigned scanout);

/* A submit or a transfer came: what its fence is withheld for. */
struct pace_hold pace_hold(struct pace *pace);
/* Whether it is still to be withheld; if so, `again` is called when that changes. */
bool pace_holds(struct pace *pace, struct pace_hold *hold);

/* What was drawn in place. A submit came: it may draw into what is on a screen, which is known when
 * the same texture is flushed again; with another one, the guest draws to buffers in turn. */
void pace_submitted(struct pace *pace);
/* The guest uploads to a texture that is on the scanout. */
void pace_uploaded(struct pace *pace, unsigned scanout);
/* Both, counted since the last call. */
uint32_t pace_take_draws(struct pace *pace, unsigned scanout);
/* How often fences that had signalled were withheld, since the last call. */
uint32_t pace_take_withheld(struct pace *pace);

#endif
