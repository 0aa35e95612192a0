/* SPDX-License-Identifier: MIT */
/*
 * How many pixels a window has for each logical one, from what the compositor says best:
 * wp_fractional_scale_v1, then wl_surface.preferred_buffer_scale, then the outputs that the surface is
 * on; and which output it is on, for the size and the rate of the guest's screen.
 */
#ifndef VITRINE_WL_SCALE_H
#define VITRINE_WL_SCALE_H

#include <stdbool.h>
#include <stdint.h>

struct display_mode;
struct wayl_connection;
struct wayl_layout;
struct wayl_output;
struct wayl_outputs;
struct wl_surface;
struct wp_fractional_scale_v1;

/* A window's. */
struct wayl_scale {
    const struct wayl_outputs *outputs;
    void (*changed)(struct wayl_scale *scale); /* anything of it */
    struct wp_fractional_scale_v1 *fractional; /* or NULL: the compositor has none */
    uint32_t fraction;                         /* 120ths; 0: none said yet */
    uint32_t preferred;                        /* whole; 0: none said yet */
    uint32_t entered;                          /* outputs, a bit for each index */
    int last;                                  /* the one entered last that it is still on; or -1 */
};

/* Listens to the surface, whose only listener this is. False where memory is short. */
bool wayl_scale_init(struct wayl_scale *scale, const struct wayl_connection *conn,
                     struct wl_surface *surface, const struct wayl_outputs *outputs,
                     void (*changed)(struct wayl_scale *scale));
/* Before the surface goes. */
void wayl_scale_finish(struct wayl_scale *scale);

/* 120ths of a pixel for each logical one. */
uint32_t wayl_scale_get(const struct wayl_scale *scale);
/* The output that the window is on; NULL: none is known. */
const struct wayl_output *wayl_scale_output(const struct wayl_scale *scale);
/* An output is going. */
void wayl_scale_output_gone(struct wayl_scale *scale, const struct wayl_output *output);
/* The layout's mode as a monitor's: its size on the user's screen, and how often it is refreshed. */
void wayl_scale_mode(const struct wayl_scale *scale, const struct wayl_layout *layout,
                     struct display_mode *mode);

#endif
