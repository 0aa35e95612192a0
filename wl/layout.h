/* SPDX-License-Identifier: MIT */
/*
 * How large a window is and how the guest's picture lies in it; no protocol here.
 *
 * A window is as large as the picture unless the compositor rules otherwise: maximised it fills what
 * it is given, tiled or fullscreen it is the largest of the picture's shape that fits. A size that the
 * compositor merely repeats from before the picture changed its own is not a rule.
 */
#ifndef VITRINE_WL_LAYOUT_H
#define VITRINE_WL_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "gpu/frame.h"

enum wayl_layout_kind {
    WAYL_LAYOUT_FLOATING,
    WAYL_LAYOUT_WITHIN, /* tiled, fullscreen, being resized: at most the size given */
    WAYL_LAYOUT_EXACT,  /* maximised */
};

struct wayl_layout {
    bool scales;                        /* the compositor has wp_viewporter */
    uint32_t width, height;             /* the window, logical pixels; the result */
    uint32_t pic_width, pic_height;     /* the picture */
    uint32_t old_width, old_height;     /* the window before the picture's size changed last */
    uint32_t given_width, given_height; /* by the compositor; 0: as we like */
    enum wayl_layout_kind kind;
};

void wayl_layout_init(struct wayl_layout *layout, uint32_t width, uint32_t height, bool scales);
/* Both return whether the window's size changed. Sizes are 1 to 16384; of those given, 0 is free. */
bool wayl_layout_picture(struct wayl_layout *layout, uint32_t width, uint32_t height);
bool wayl_layout_configure(struct wayl_layout *layout, enum wayl_layout_kind kind, uint32_t width,
                           uint32_t height);

/* A place on the window's surface as a place on the picture: 0 ≤ *x, *y ≤ 1. */
void wayl_layout_point(const struct wayl_layout *layout, double surface_x, double surface_y,
                       double *x, double *y);

/* The other way: a place on the picture, in its pixels, as one on the window's surface. Not confined to
 * the picture. */
void wayl_layout_surface(const struct wayl_layout *layout, double pic_x, double pic_y,
                         double *surface_x, double *surface_y);

/* A damaged rectangle of the picture as one of the buffer that the frame shows; false where nothing of
 * it lies in the picture. */
bool wayl_layout_damage(const struct frame *frame, const struct frame_rect *damage,
                        struct frame_rect *buffer_damage);
/* The picture's rectangle on the buffer after it was turned as the frame says. */
struct frame_rect wayl_layout_source(const struct frame *frame);

#endif
