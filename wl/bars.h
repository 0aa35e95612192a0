/* SPDX-License-Identifier: MIT */
/*
 * What is black beside a picture that is not of its window's shape: a subsurface below the picture's
 * surface that is as large as the window, and reaches out beyond it. So the picture stays on the
 * window's own surface, where a compositor can scan it out, and costs nothing where there are no bars.
 * The window's geometry (xdg_surface) is then the bars', and pointers may be on them.
 */
#ifndef VITRINE_WL_BARS_H
#define VITRINE_WL_BARS_H

#include <stdbool.h>
#include <stdint.h>

struct wayl_connection;
struct wayl_layout;
struct wayl_shell;
struct wl_buffer;
struct wl_surface;

/* A window's; zeroed: none yet. */
struct wayl_bars {
    struct wl_surface *surface; /* or NULL: never needed */
    struct wl_subsurface *subsurface;
    struct wp_viewport *viewport;
    bool shown;
};

/* Whether the compositor has what bars take. */
bool wayl_bars_possible(const struct wayl_connection *conn);
/* Makes the window's next commit show bars, or none, as the layout says. black: of one pixel. */
void wayl_bars_stage(struct wayl_bars *bars, const struct wayl_connection *conn,
                     struct wl_surface *parent, struct wayl_shell *shell,
                     const struct wayl_layout *layout, struct wl_buffer *black);
/* Before the window's surface goes. */
void wayl_bars_finish(struct wayl_bars *bars);

#endif
