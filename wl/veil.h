/* SPDX-License-Identifier: MIT */
/*
 * What lies over the last picture of a guest that stands still: the whole window dimmed, and a line that
 * says why. Two subsurfaces above the window's surface, in step with its commits: a few pixels that the
 * compositor stretches, and the letters. The picture keeps its buffer, and both are gone without a trace
 * when the guest goes on. What is pointed at is the window.
 */
#ifndef VITRINE_WL_VEIL_H
#define VITRINE_WL_VEIL_H

#include <stdbool.h>
#include <stdint.h>

#include "wl/layout.h"

struct wayl_connection;
struct wl_buffer;
struct wl_surface;

#define WAYL_VEIL_TEXT_MAX 128

struct wayl_veil_layer {
    struct wl_surface *surface;
    struct wl_subsurface *subsurface;
    struct wp_viewport *viewport;   /* or NULL: the compositor has none */
    struct wl_buffer *buffer, *old; /* attached last, and before that */
    struct wayl_size size;          /* of the buffer, in pixels; 0×0: nothing is shown */
};

/* A window's; zeroed: none. */
struct wayl_veil {
    struct wayl_veil_layer shade, label;
    char text[WAYL_VEIL_TEXT_MAX];
    /* Of the layout, as it was staged last. */
    struct wayl_size window;
    struct frame_rect shown;
    uint32_t scale;
};

/* Makes the window's next commit show it, as the layout says, with that text in UTF-8. Where memory is short or
 * the compositor has no subsurfaces, there is none. */
void wayl_veil_stage(struct wayl_veil *veil, const struct wayl_connection *conn,
                     struct wl_surface *parent, const struct wayl_layout *layout, const char *text);
/* Whether it is there, and not as the layout says by now. */
bool wayl_veil_differs(const struct wayl_veil *veil, const struct wayl_layout *layout);
/* It goes, at once. Before the window's surface goes; harmless where there is none. */
void wayl_veil_finish(struct wayl_veil *veil);

#endif
