// SPDX-License-Identifier: MIT
#include "wl/manners.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wayland-client.h>

#include "content-type-v1-client.h"
#include "idle-inhibit-v1-client.h"
#include "protocols-config.h"
#include "tearing-control-v1-client.h"
#include "xdg-activation-v1-client.h"
#include "xdg-decoration-v1-client.h"
#include "xdg-shell-client.h"
#if HAVE_XDG_ICON
#include "xdg-toplevel-icon-v1-client.h"
#endif

#include "vmm/base/util.h"
#include "wl/connection.h"
#include "wl/seat.h"
#include "wl/text.h"

/* A message is at most 4096 bytes long, and desktops' tokens some 50. */
#define TOKEN_MAX 1024

static const uint32_t content_types[] = {
    [WAYL_CONTENT_ANY] = WP_CONTENT_TYPE_V1_TYPE_NONE,
    [WAYL_CONTENT_PHOTO] = WP_CONTENT_TYPE_V1_TYPE_PHOTO,
    [WAYL_CONTENT_VIDEO] = WP_CONTENT_TYPE_V1_TYPE_VIDEO,
    [WAYL_CONTENT_GAME] = WP_CONTENT_TYPE_V1_TYPE_GAME,
};

/* A token that can be sent, the caller's; NULL where it is none. */
static char *copy_token(const char *token)
{
    size_t size = token ? strlen(token) + 1 : 0;
    char *copy = size > 1 && size <= TOKEN_MAX ? malloc(size) : NULL;
    if (copy)
        wayl_text_utf8(copy, size, token);
    return copy;
}

void wayl_manners_shared_init(struct wayl_manners_shared *shared,
                              const struct wayl_connection *conn,
                              const struct wayl_manners_config *config)
{
    static const char variable[] = "XDG_ACTIVATION_TOKEN";
    *shared = (struct wayl_manners_shared){ .conn = conn, .config = *config };
    if (config->icon)
        wayl_text_utf8(shared->icon, sizeof(shared->icon), config->icon);
    shared->token = copy_token(getenv(variable));
    unsetenv(variable);
}

void wayl_manners_shared_finish(struct wayl_manners_shared *shared)
{
    free(shared->token);
    shared->token = NULL;
}

/* Whichever way it decides, the window's own size is that of its picture. */
static void decoration_configure(void *data, struct zxdg_toplevel_decoration_v1 *decoration,
                                 uint32_t mode)
{
}

static const struct zxdg_toplevel_decoration_v1_listener decoration_listener = {
    .configure = decoration_configure,
};

static void ask_for_title_bar(struct wayl_manners *manners, struct xdg_toplevel *toplevel)
{
    const struct wayl_connection *conn = manners->shared->conn;
    if (!conn->decoration)
        return;
    manners->decoration =
        zxdg_decoration_manager_v1_get_toplevel_decoration(conn->decoration, toplevel);
    if (!manners->decoration)
        return;
    zxdg_toplevel_decoration_v1_add_listener(manners->decoration, &decoration_listener, NULL);
    zxdg_toplevel_decoration_v1_set_mode(manners->decoration,
                                         manners->shared->config.bare
                                             ? ZXDG_TOPLEVEL_DECORATION_V1_MODE_CLIENT_SIDE
                                             : ZXDG_TOPLEVEL_DECORATION_V1_MODE_SERVER_SIDE);
}

static void say_content(struct wayl_manners *manners)
{
    const struct wayl_manners_shared *shared = manners->shared;
    if (shared->conn->content_type && shared->config.content != WAYL_CONTENT_ANY) {
        manners->content = wp_content_type_manager_v1_get_surface_content_type(
            shared->conn->content_type, manners->surface);
        if (manners->content)
            wp_content_type_v1_set_content_type(manners->content,
                                                content_types[shared->config.content]);
    }
    if (shared->conn->tearing && shared->config.tearing) {
        manners->tearing = wp_tearing_control_manager_v1_get_tearing_control(shared->conn->tearing,
                                                                             manners->surface);
        if (manners->tearing)
            wp_tearing_control_v1_set_presentation_hint(
                manners->tearing, WP_TEARING_CONTROL_V1_PRESENTATION_HINT_ASYNC);
    }
}

static void say_icon(struct wayl_manners *manners, struct xdg_toplevel *toplevel)
{
#if HAVE_XDG_ICON
    const struct wayl_manners_shared *shared = manners->shared;
    if (!shared->conn->icon || !shared->icon[0])
        return;
    struct xdg_toplevel_icon_v1 *icon =
        xdg_toplevel_icon_manager_v1_create_icon(shared->conn->icon);
    if (!icon)
        return;
    xdg_toplevel_icon_v1_set_name(icon, shared->icon);
    xdg_toplevel_icon_manager_v1_set_icon(shared->conn->icon, toplevel, icon);
    xdg_toplevel_icon_v1_destroy(icon);
#endif
}

void wayl_manners_init(struct wayl_manners *manners, struct wayl_manners_shared *shared,
                       struct wl_surface *surface, struct xdg_toplevel *toplevel)
{
    *manners = (struct wayl_manners){ .shared = shared, .surface = surface };
    ask_for_title_bar(manners, toplevel);
    say_content(manners);
    say_icon(manners, toplevel);
}

void wayl_manners_mapped(struct wayl_manners *manners)
{
    struct wayl_manners_shared *shared = manners->shared;
    if (shared->token && shared->conn->activation)
        xdg_activation_v1_activate(shared->conn->activation, shared->token, manners->surface);
    wayl_manners_shared_finish(shared);
}

static void token_done(void *data, struct xdg_activation_token_v1 *raising, const char *token)
{
    struct wayl_manners *manners = data;
    xdg_activation_v1_activate(manners->shared->conn->activation, token, manners->surface);
    xdg_activation_token_v1_destroy(raising);
    manners->raising = NULL;
}

static const struct xdg_activation_token_v1_listener token_listener = { .done = token_done };

/* wlroots looks at the serial, and refuses a surface that is not in focus; Mutter and KWin grant nothing
 * without one that is. So it is named where it is. */
static void prove_act(struct xdg_activation_token_v1 *token, const struct wayl_act *act)
{
    if (act->seat)
        xdg_activation_token_v1_set_serial(token, act->serial, act->seat);
    if (act->surface)
        xdg_activation_token_v1_set_surface(token, act->surface);
}

bool wayl_manners_raise(struct wayl_manners *manners, const char *token, const struct wayl_act *act)
{
    const struct wayl_connection *conn = manners->shared->conn;
    char *copy = copy_token(token);

    if (!conn->activation || !manners->surface) {
        free(copy);
        return false;
    }
    if (copy) {
        xdg_activation_v1_activate(conn->activation, copy, manners->surface);
        free(copy);
        return true;
    }
    if (!manners->raising) {
        manners->raising = xdg_activation_v1_get_activation_token(conn->activation);
        if (!manners->raising)
            return false;
        xdg_activation_token_v1_add_listener(manners->raising, &token_listener, manners);
        prove_act(manners->raising, act);
        xdg_activation_token_v1_commit(manners->raising);
    }
    return true;
}

void wayl_manners_fullscreen(struct wayl_manners *manners, bool fullscreen)
{
    const struct wayl_manners_shared *shared = manners->shared;
    bool inhibit = shared->config.idle == WAYL_IDLE_NEVER ||
                   (shared->config.idle == WAYL_IDLE_UNLESS_FULLSCREEN && fullscreen);
    if (!shared->conn->idle_inhibit || inhibit == (manners->inhibitor != NULL))
        return;
    if (inhibit) {
        manners->inhibitor = zwp_idle_inhibit_manager_v1_create_inhibitor(
            shared->conn->idle_inhibit, manners->surface);
    } else {
        zwp_idle_inhibitor_v1_destroy(manners->inhibitor);
        manners->inhibitor = NULL;
    }
}

void wayl_manners_finish(struct wayl_manners *manners)
{
    if (manners->decoration)
        zxdg_toplevel_decoration_v1_destroy(manners->decoration);
    if (manners->content)
        wp_content_type_v1_destroy(manners->content);
    if (manners->tearing)
        wp_tearing_control_v1_destroy(manners->tearing);
    if (manners->inhibitor)
        zwp_idle_inhibitor_v1_destroy(manners->inhibitor);
    if (manners->raising)
        xdg_activation_token_v1_destroy(manners->raising);
    *manners = (struct wayl_manners){ .shared = manners->shared };
}
