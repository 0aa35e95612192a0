// SPDX-License-Identifier: MIT
/* xdg-decoration, xdg-activation, idle-inhibit, content-type, tearing-control, xdg-toplevel-icon: what
 * the client asked for is written down in its surface. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "content-type-v1-server.h"
#include "idle-inhibit-v1-server.h"
#include "protocols-config.h"
#include "tearing-control-v1-server.h"
#include "xdg-activation-v1-server.h"
#include "xdg-decoration-v1-server.h"
#if HAVE_XDG_ICON
#include "xdg-toplevel-icon-v1-server.h"
#endif

#define LOG_MODULE "compositor"
#include "tests/wl/compositor_internal.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

/* An object of a surface. */
static struct wl_resource *object_of(struct wl_client *client, const struct wl_interface *interface,
                                     uint32_t id, const void *impl,
                                     struct compositor_surface *surface)
{
    struct wl_resource *resource = wl_resource_create(client, interface, 1, id);
    wl_resource_set_implementation(resource, impl, surface, NULL);
    return resource;
}

/* zxdg_decoration_manager_v1 */

static void decoration_set_mode(struct wl_client *client, struct wl_resource *resource,
                                uint32_t mode)
{
    struct compositor_surface *surface = compositor_surface_of(resource);
    surface->decoration_mode = mode;
    zxdg_toplevel_decoration_v1_send_configure(
        resource,
        surface->compositor->decoration_answer ? surface->compositor->decoration_answer : mode);
}

static const struct zxdg_toplevel_decoration_v1_interface decoration_impl = {
    .destroy = compositor_destroy_request,
    .set_mode = decoration_set_mode,
};

static void get_toplevel_decoration(struct wl_client *client, struct wl_resource *resource,
                                    uint32_t id, struct wl_resource *toplevel)
{
    struct compositor_surface *surface = compositor_surface_of(toplevel);
    struct wl_resource *decoration =
        object_of(client, &zxdg_toplevel_decoration_v1_interface, id, &decoration_impl, surface);
    if (surface->has_content)
        wl_resource_post_error(decoration, ZXDG_TOPLEVEL_DECORATION_V1_ERROR_UNCONFIGURED_BUFFER,
                               "it has a buffer already");
}

static const struct zxdg_decoration_manager_v1_interface decoration_manager_impl = {
    .destroy = compositor_destroy_request,
    .get_toplevel_decoration = get_toplevel_decoration,
};

/* xdg_activation_v1 */

static void activate(struct wl_client *client, struct wl_resource *resource, const char *token,
                     struct wl_resource *wl_surface)
{
    struct compositor *c = wl_resource_get_user_data(resource);
    struct compositor_surface *surface = compositor_surface_of(wl_surface);
    c->n_activations++;
    surface->activated_mapped = surface->has_content;
    snprintf(surface->token, sizeof(surface->token), "%s", token);
}

static void token_set_serial(struct wl_client *client, struct wl_resource *resource,
                             uint32_t serial, struct wl_resource *seat)
{
    struct compositor *c = wl_resource_get_user_data(resource);
    c->asked.serial = serial;
    c->asked.seat = wl_resource_get_user_data(seat);
}

static void token_set_app_id(struct wl_client *client, struct wl_resource *resource,
                             const char *app_id)
{
}

static void token_set_surface(struct wl_client *client, struct wl_resource *resource,
                              struct wl_resource *surface)
{
    struct compositor *c = wl_resource_get_user_data(resource);
    c->asked.surface = compositor_surface_of(surface);
}

static void token_commit(struct wl_client *client, struct wl_resource *resource)
{
    xdg_activation_token_v1_send_done(resource, "asked for");
}

static const struct xdg_activation_token_v1_interface token_impl = {
    .set_serial = token_set_serial,
    .set_app_id = token_set_app_id,
    .set_surface = token_set_surface,
    .commit = token_commit,
    .destroy = compositor_destroy_request,
};

static void get_activation_token(struct wl_client *client, struct wl_resource *resource,
                                 uint32_t id)
{
    struct compositor *c = wl_resource_get_user_data(resource);
    struct wl_resource *token =
        wl_resource_create(client, &xdg_activation_token_v1_interface, 1, id);
    memset(&c->asked, 0, sizeof(c->asked));
    wl_resource_set_implementation(token, &token_impl, c, NULL);
}

static const struct xdg_activation_v1_interface activation_impl = {
    .destroy = compositor_destroy_request,
    .get_activation_token = get_activation_token,
    .activate = activate,
};

/* zwp_idle_inhibit_manager_v1 */

static void inhibitor_gone(struct wl_resource *resource)
{
    struct compositor *c = wl_resource_get_user_data(resource);
    c->n_inhibitors--;
}

static const struct zwp_idle_inhibitor_v1_interface inhibitor_impl = {
    .destroy = compositor_destroy_request,
};

static void create_inhibitor(struct wl_client *client, struct wl_resource *resource, uint32_t id,
                             struct wl_resource *wl_surface)
{
    struct compositor *c = wl_resource_get_user_data(resource);
    struct wl_resource *inhibitor =
        wl_resource_create(client, &zwp_idle_inhibitor_v1_interface, 1, id);
    wl_resource_set_implementation(inhibitor, &inhibitor_impl, c, inhibitor_gone);
    c->n_inhibitors++;
}

static const struct zwp_idle_inhibit_manager_v1_interface inhibit_manager_impl = {
    .destroy = compositor_destroy_request,
    .create_inhibitor = create_inhibitor,
};

/* wp_content_type_manager_v1 */

static void set_content_type(struct wl_client *client, struct wl_resource *resource, uint32_t type)
{
    compositor_surface_of(resource)->content_type = type;
}

static const struct wp_content_type_v1_interface content_type_impl = {
    .destroy = compositor_destroy_request,
    .set_content_type = set_content_type,
};

static void get_surface_content_type(struct wl_client *client, struct wl_resource *resource,
                                     uint32_t id, struct wl_resource *wl_surface)
{
    object_of(client, &wp_content_type_v1_interface, id, &content_type_impl,
              compositor_surface_of(wl_surface));
}

static const struct wp_content_type_manager_v1_interface content_type_manager_impl = {
    .destroy = compositor_destroy_request,
    .get_surface_content_type = get_surface_content_type,
};

/* wp_tearing_control_manager_v1 */

static void set_presentation_hint(struct wl_client *client, struct wl_resource *resource,
                                  uint32_t hint)
{
    compositor_surface_of(resource)->tearing = hint;
}

static const struct wp_tearing_control_v1_interface tearing_impl = {
    .set_presentation_hint = set_presentation_hint,
    .destroy = compositor_destroy_request,
};

static void get_tearing_control(struct wl_client *client, struct wl_resource *resource, uint32_t id,
                                struct wl_resource *wl_surface)
{
    object_of(client, &wp_tearing_control_v1_interface, id, &tearing_impl,
              compositor_surface_of(wl_surface));
}

static const struct wp_tearing_control_manager_v1_interface tearing_manager_impl = {
    .destroy = compositor_destroy_request,
    .get_tearing_control = get_tearing_control,
};

/* xdg_toplevel_icon_manager_v1 */

#if HAVE_XDG_ICON
struct icon {
    char name[64];
};

static void icon_gone(struct wl_resource *resource)
{
    free(wl_resource_get_user_data(resource));
}

static void icon_set_name(struct wl_client *client, struct wl_resource *resource, const char *name)
{
    struct icon *icon = wl_resource_get_user_data(resource);
    snprintf(icon->name, sizeof(icon->name), "%s", name);
}

static const struct xdg_toplevel_icon_v1_interface icon_impl = {
    .destroy = compositor_destroy_request,
    .set_name = icon_set_name,
};

static void create_icon(struct wl_client *client, struct wl_resource *resource, uint32_t id)
{
    struct icon *icon = calloc(1, sizeof(*icon));
    BUG_ON(!icon);
    wl_resource_set_implementation(
        wl_resource_create(client, &xdg_toplevel_icon_v1_interface, 1, id), &icon_impl, icon,
        icon_gone);
}

static void set_icon(struct wl_client *client, struct wl_resource *resource,
                     struct wl_resource *toplevel, struct wl_resource *icon_resource)
{
    const struct icon *icon = wl_resource_get_user_data(icon_resource);
    struct compositor_surface *surface = compositor_surface_of(toplevel);
    snprintf(surface->icon, sizeof(surface->icon), "%s", icon->name);
}

static const struct xdg_toplevel_icon_manager_v1_interface icon_manager_impl = {
    .destroy = compositor_destroy_request,
    .create_icon = create_icon,
    .set_icon = set_icon,
};
#endif

#define BIND(name, wl_interface, impl)                                                             \
    void compositor_bind_##name(struct wl_client *client, void *data, uint32_t version,            \
                                uint32_t id)                                                       \
    {                                                                                              \
        struct wl_resource *resource = wl_resource_create(client, wl_interface, (int)version, id); \
        wl_resource_set_implementation(resource, impl, data, NULL);                                \
    }

BIND(decoration, &zxdg_decoration_manager_v1_interface, &decoration_manager_impl)
BIND(activation, &xdg_activation_v1_interface, &activation_impl)
BIND(idle_inhibit, &zwp_idle_inhibit_manager_v1_interface, &inhibit_manager_impl)
BIND(content_type, &wp_content_type_manager_v1_interface, &content_type_manager_impl)
BIND(tearing, &wp_tearing_control_manager_v1_interface, &tearing_manager_impl)
#if HAVE_XDG_ICON
BIND(icon, &xdg_toplevel_icon_manager_v1_interface, &icon_manager_impl)
#endif
