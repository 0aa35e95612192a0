/* SPDX-License-Identifier: MIT */
/* Damaged regions: a few rectangles that cover at least what changed. */
#ifndef VITRINE_GPU_DAMAGE_H
#define VITRINE_GPU_DAMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "gpu/frame.h"

/* Empty when zeroed. Rectangles may overlap. */
struct damage {
    unsigned n;
    struct frame_rect rect[FRAME_MAX_DAMAGE];
};

/* Whether the rectangle (of any coordinates) is not empty and lies within width × height. */
bool rect_within(const struct frame_rect *rect, uint32_t width, uint32_t height);
/* The common part of two rectangles (coordinates and sums of any size); false where there is none. */
bool rect_intersect(const struct frame_rect *a, const struct frame_rect *b, struct frame_rect *out);

/* Adds a rectangle, which is not empty and ends within 32 bits. Beyond FRAME_MAX_DAMAGE it is joined
 * with the one that grows least by it. */
void damage_add(struct damage *damage, const struct frame_rect *rect);
void damage_add_all(struct damage *damage, const struct damage *other);
/* The whole of a picture, in one rectangle. */
void damage_set_full(struct damage *damage, uint32_t width, uint32_t height);

/* The pixels in it, those where rectangles overlap counted for each. */
uint64_t damage_area(const struct damage *damage);

#endif
