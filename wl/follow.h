/* SPDX-License-Identifier: MIT */
/*
 * When a guest is told what to drive a window with. Each mode set takes a guest a while, and a window
 * that is dragged by its corner has a new size for each frame. So the next mode is told when the guest
 * shows a picture of the last one's size, which is once per frame at most, or when that takes too long:
 * the last size of a drag is told no later than that. What changes within one turn of the loop is told
 * once.
 */
#ifndef VITRINE_WL_FOLLOW_H
#define VITRINE_WL_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "gpu/frame.h"
#include "vmm/base/loop.h"

/* Unless the config says otherwise. */
#define WAYL_SETTLE_NS 100000000ull

struct wayl_follow {
    struct loop *loop;
    uint64_t settle_ns;
    void (*tell)(struct wayl_follow *follow, const struct display_mode *mode);
    struct display_mode wanted, told;
    uint32_t width, height; /* of the guest's picture; 0×0: none */
    bool waiting;           /* for the guest to follow, or for the timer */
    struct loop_task task;
    struct loop_timer timer;
};

/* The guest was told nothing, which means that the window is not there (0×0). tell is called from the
 * loop. 0 or a negative errno. */
int wayl_follow_init(struct wayl_follow *follow, struct loop *loop, uint64_t settle_ns,
                     void (*tell)(struct wayl_follow *follow, const struct display_mode *mode));
/* Harmless where init failed, or on a zeroed one. */
void wayl_follow_finish(struct wayl_follow *follow);

/* What the guest should drive the window with from now on. */
void wayl_follow_want(struct wayl_follow *follow, const struct display_mode *mode);
/* The same, told in this call: for windows that come and go. */
void wayl_follow_want_now(struct wayl_follow *follow, const struct display_mode *mode);
/* The guest shows a picture of that size. */
void wayl_follow_picture(struct wayl_follow *follow, uint32_t width, uint32_t height);
/* There is somebody new to tell: does so in this call. */
void wayl_follow_again(struct wayl_follow *follow);

#endif
