/* SPDX-License-Identifier: MIT */
/*
 * One axis of a wl_pointer, turned into the 120ths of a wheel detent that the guest's wheel speaks. A
 * seat tells the same movement in up to three ways in one frame; the most exact one counts.
 */
#ifndef VITRINE_WL_SCROLL_H
#define VITRINE_WL_SCROLL_H

#include <stdbool.h>
#include <stdint.h>

struct wayl_scroll {
    /* What the frame brought so far. */
    bool has_v120, has_discrete;
    int32_t v120, discrete;
    double distance;
    /* Of a continuous movement (a touchpad's): what was less than 1/120, kept for the next frame. */
    double rest;
};

void wayl_scroll_distance(struct wayl_scroll *scroll, double distance); /* wl_pointer.axis */
void wayl_scroll_discrete(struct wayl_scroll *scroll, int32_t steps);   /* axis_discrete */
void wayl_scroll_v120(struct wayl_scroll *scroll, int32_t v120);        /* axis_value120 */
/* The fingers were lifted: the rest is void. */
void wayl_scroll_stop(struct wayl_scroll *scroll);
/* Ends the frame: the movement in 120ths of a detent. */
int32_t wayl_scroll_frame(struct wayl_scroll *scroll);

#endif
