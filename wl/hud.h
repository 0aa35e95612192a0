/* SPDX-License-Identifier: MIT */
/*
 * The frame timing of a window, drawn over its corner: frames a second, the latency from a frame's arrival
 * to the screen (half of them; 99 of 100), and the time between frames, each one a line of a graph whose
 * upper edge is 50 ms. A subsurface of its own, with commits of its own: the guest's picture is not
 * touched. It is drawn four times a second at most, and not at all while no frames come: nothing wakes
 * us then, nor while the compositor keeps both of its buffers. Main loop.
 */
#ifndef VITRINE_WL_HUD_H
#define VITRINE_WL_HUD_H

#include <stdint.h>

struct loop;
struct wayl_connection;
struct wayl_hud;
struct wl_surface;

/* NULL where the compositor has no subsurfaces, or memory is short; a line said so. */
struct wayl_hud *wayl_hud_create(struct loop *loop, const struct wayl_connection *conn,
                                 struct wl_surface *parent);
/* A frame that came latency_ns ago was shown. NULL is fine. */
void wayl_hud_frame(struct wayl_hud *hud, uint64_t latency_ns);
/* Before the parent's surface goes. Accepts NULL. */
void wayl_hud_destroy(struct wayl_hud *hud);

#endif
