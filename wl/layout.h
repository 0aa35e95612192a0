/* SPDX-License-Identifier: MIT */
/*
 * How large a window is, where the guest's picture lies in it, and what mode the guest should drive it
 * with; no protocol here.
 *
 * The compositor's size is the window's, and the mode follows: as many pixels as the screen has there.
 * Until the guest's picture has that size, and where it never gets it, the picture is scaled into the
 * window: in its own shape between black bars, or, if `fill`, over the whole of it. While nobody but us
 * has sized the window, it is the other way round: it becomes as large as the picture that the guest
 * chose. A size that the compositor merely repeats from before is nobody's wish, and a picture of a
 * size that we asked for is the guest's answer, not its choice: it may be long overtaken.
 *
 * Sizes are 1 to WAYL_LAYOUT_MAX; scales are in 120ths of a pixel for each logical pixel.
 */
#ifndef VITRINE_WL_LAYOUT_H
#define VITRINE_WL_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "gpu/frame.h"

#define WAYL_LAYOUT_MAX 16384u
#define WAYL_SCALE_ONE 120u
#define WAYL_SCALE_MIN (WAYL_SCALE_ONE / 4)
#define WAYL_SCALE_MAX (WAYL_SCALE_ONE * 8)
/* The smallest mode that a guest is asked for. */
#define WAYL_MODE_MIN 64u
/* Modes that the guest was told and may yet come to show. */
#define WAYL_LAYOUT_TOLD 4

enum wayl_layout_kind {
    WAYL_LAYOUT_FLOATING,
    WAYL_LAYOUT_RESIZING, /* by the user's hand */
    WAYL_LAYOUT_HELD,     /* tiled or maximised */
    WAYL_LAYOUT_FULLSCREEN,
};

struct wayl_size {
    uint32_t width, height; /* 0×0: none */
};

struct wayl_layout {
    /* The results. */
    struct wayl_size window; /* logical pixels */
    struct frame_rect shown; /* where the picture lies in it, logical pixels; without one, all */
    uint32_t buffer_scale;   /* whole pixels for each logical one: wl_surface.set_buffer_scale */
    struct wayl_size mode;   /* pixels: what the guest should drive it with */
    /* What they follow from. */
    bool scales; /* the compositor has wp_viewporter */
    bool fill;   /* over the window instead of between bars */
    /* A frame that is drawn by us holds the window (wl/shell.h), unless that is fullscreen: the picture
     * is in its corner, so that there are bars only at the right or below. */
    bool cornered;
    enum wayl_layout_kind kind;
    uint32_t scale;
    struct wayl_size asked;    /* the window's size, logical, if scaling is at hand */
    struct wayl_size floating; /* what it is where the compositor leaves it to us */
    struct wayl_size bounds;   /* what a window had better fit in */
    struct wayl_size exact;    /* the mode of the output that the window is to fill */
    struct wayl_size picture;
    struct wayl_size old; /* the window's size before it last changed with the picture */
    bool sized;           /* somebody but us has chosen the window's size */
    struct wayl_size told[WAYL_LAYOUT_TOLD];
    unsigned n_told; /* in all */
};

/* A window of that many logical pixels, at scale 1. */
void wayl_layout_init(struct wayl_layout *layout, uint32_t width, uint32_t height, bool scales,
                      bool fill);
/* What comes in; the results are up to date behind each. Sizes of 0 leave it to us. */
void wayl_layout_configure(struct wayl_layout *layout, enum wayl_layout_kind kind, uint32_t width,
                           uint32_t height);
/* The user wants the window of this size. False where it is not floating. */
bool wayl_layout_resize(struct wayl_layout *layout, uint32_t width, uint32_t height);
void wayl_layout_bounds(struct wayl_layout *layout, uint32_t width, uint32_t height);
void wayl_layout_scale(struct wayl_layout *layout, uint32_t scale);
/* The mode of the output that a fullscreen window is on, or 0×0. */
void wayl_layout_output(struct wayl_layout *layout, uint32_t width, uint32_t height);
/* The guest's picture; 0×0: there is none. */
void wayl_layout_picture(struct wayl_layout *layout, uint32_t width, uint32_t height);
/* The guest was told to drive the window with that. */
void wayl_layout_told(struct wayl_layout *layout, uint32_t width, uint32_t height);

static inline bool wayl_size_equal(struct wayl_size a, struct wayl_size b)
{
    return a.width == b.width && a.height == b.height;
}

/* Whether there is something of the window beside the picture. */
static inline bool wayl_layout_has_bars(const struct wayl_layout *layout)
{
    return layout->shown.width != layout->window.width ||
           layout->shown.height != layout->window.height;
}

/* A place on the picture's surface, or, if on_bars, on the whole window, as a place on the picture:
 * 0 ≤ *x, *y ≤ 1. */
void wayl_layout_point(const struct wayl_layout *layout, bool on_bars, double surface_x,
                       double surface_y, double *x, double *y);

/* The other way: a place on the picture, in its pixels, as one on the picture's surface. Not confined to
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
