/* SPDX-License-Identifier: MIT */
/*
 * What a window says of itself to its desktop, and what it asks for, each where the compositor has the
 * protocol: a title bar drawn by the compositor (xdg-decoration; wl/shell.h where it has none), its content (content-type), tearing
 * (tearing-control), no screen saver (idle-inhibit), an icon (xdg-toplevel-icon), and to be put in front
 * at the start, as whoever started us was allowed to (xdg-activation).
 */
#ifndef VITRINE_WL_MANNERS_H
#define VITRINE_WL_MANNERS_H

#include <stdbool.h>

#include "wl/wayl.h"

struct wayl_act;
struct wayl_connection;
struct wl_surface;
struct xdg_toplevel;

#define WAYL_ICON_MAX 64

/* What all windows share. */
struct wayl_manners_shared {
    const struct wayl_connection *conn;
    struct wayl_manners_config config;
    char icon[WAYL_ICON_MAX]; /* empty: none */
    char *token;              /* for the first window that is mapped; NULL: none, or used */
};

struct wayl_manners {
    struct wayl_manners_shared *shared;
    struct wl_surface *surface;
    struct zxdg_toplevel_decoration_v1 *decoration; /* these: or NULL */
    struct wp_content_type_v1 *content;
    struct wp_tearing_control_v1 *tearing;
    struct zwp_idle_inhibitor_v1 *inhibitor;
    struct xdg_activation_token_v1 *raising; /* a token is asked for, to be raised with */
};

/* Takes XDG_ACTIVATION_TOKEN out of the environment, so that no child uses it too. */
void wayl_manners_shared_init(struct wayl_manners_shared *shared,
                              const struct wayl_connection *conn,
                              const struct wayl_manners_config *config);
void wayl_manners_shared_finish(struct wayl_manners_shared *shared);

/* Before the surface's first commit. What memory is short for is left out. */
void wayl_manners_init(struct wayl_manners *manners, struct wayl_manners_shared *shared,
                       struct wl_surface *surface, struct xdg_toplevel *toplevel);
/* Behind the first commit with a buffer. */
void wayl_manners_mapped(struct wayl_manners *manners);
/* At each configure. */
void wayl_manners_fullscreen(struct wayl_manners *manners, bool fullscreen);
/* Brings the window to the front, as the token's owner may; without a token (NULL), the compositor is asked
 * for one, by the user's last act in a window of ours. Some raise the window for that; most, as GNOME and
 * KDE, take it for a call for attention, unless the act was right now. False where it has no such protocol. */
bool wayl_manners_raise(struct wayl_manners *manners, const char *token,
                        const struct wayl_act *act);
/* Before the toplevel and the surface go. Harmless on a zeroed structure, and twice. */
void wayl_manners_finish(struct wayl_manners *manners);

#endif
