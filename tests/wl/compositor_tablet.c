// SPDX-License-Identifier: MIT
/* zwp_tablet_v2: one tablet with one tool at a time for each seat, and a pad that nobody wants. */
#include "tablet-v2-server.h"
#include "tests/wl/compositor_internal.h"
#include "vmm/base/util.h"

static void slot_gone(struct wl_resource *resource)
{
    struct wl_resource **slot = wl_resource_get_user_data(resource);
    if (slot && *slot == resource)
        *slot = NULL;
}

/* An object that the server makes; in a slot of the seat, or nowhere. */
static struct wl_resource *object_create(struct compositor_seat *seat,
                                         const struct wl_interface *interface, const void *impl,
                                         struct wl_resource **slot)
{
    struct wl_resource *resource = wl_resource_create(seat->compositor->client, interface, 1, 0);
    wl_resource_set_implementation(resource, impl, slot, slot_gone);
    if (slot)
        *slot = resource;
    return resource;
}

static void tool_set_cursor(struct wl_client *client, struct wl_resource *resource, uint32_t serial,
                            struct wl_resource *surface, int32_t hot_x, int32_t hot_y)
{
    struct wl_resource **slot = wl_resource_get_user_data(resource);
    struct compositor_seat *seat = container_of(slot, struct compositor_seat, tool);
    seat->tool_cursor_serial = surface ? 0 : serial;
}

static const struct zwp_tablet_tool_v2_interface tool_impl = {
    .set_cursor = tool_set_cursor,
    .destroy = compositor_destroy_request,
};
static const struct zwp_tablet_v2_interface tablet_impl = { .destroy = compositor_destroy_request };
static const struct zwp_tablet_pad_v2_interface pad_impl = { .destroy =
                                                                 compositor_destroy_request };
static const struct zwp_tablet_seat_v2_interface tablet_seat_impl = {
    .destroy = compositor_destroy_request
};

static void get_tablet_seat(struct wl_client *client, struct wl_resource *resource, uint32_t id,
                            struct wl_resource *wl_seat)
{
    struct compositor_seat *seat = wl_resource_get_user_data(wl_seat);
    seat->tablet_seat = wl_resource_create(client, &zwp_tablet_seat_v2_interface, 1, id);
    wl_resource_set_implementation(seat->tablet_seat, &tablet_seat_impl, &seat->tablet_seat,
                                   slot_gone);
}

static const struct zwp_tablet_manager_v2_interface manager_impl = {
    .get_tablet_seat = get_tablet_seat,
    .destroy = compositor_destroy_request,
};

void compositor_bind_tablets(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
    wl_resource_set_implementation(
        wl_resource_create(client, &zwp_tablet_manager_v2_interface, 1, id), &manager_impl, data,
        NULL);
}

void compositor_plug_tablet(struct compositor_seat *seat)
{
    struct wl_resource *tablet =
        object_create(seat, &zwp_tablet_v2_interface, &tablet_impl, &seat->tablet);
    zwp_tablet_seat_v2_send_tablet_added(seat->tablet_seat, tablet);
    zwp_tablet_v2_send_name(tablet, "a tablet");
    zwp_tablet_v2_send_done(tablet);
    struct wl_resource *pad = object_create(seat, &zwp_tablet_pad_v2_interface, &pad_impl, NULL);
    zwp_tablet_seat_v2_send_pad_added(seat->tablet_seat, pad);
    zwp_tablet_pad_v2_send_buttons(pad, 8);
    zwp_tablet_pad_v2_send_done(pad);
}

struct wl_resource *compositor_bring_tool(struct compositor_seat *seat, uint32_t type,
                                          bool has_pressure)
{
    struct wl_resource *tool =
        object_create(seat, &zwp_tablet_tool_v2_interface, &tool_impl, &seat->tool);
    zwp_tablet_seat_v2_send_tool_added(seat->tablet_seat, tool);
    zwp_tablet_tool_v2_send_type(tool, type);
    if (has_pressure)
        zwp_tablet_tool_v2_send_capability(tool, ZWP_TABLET_TOOL_V2_CAPABILITY_PRESSURE);
    zwp_tablet_tool_v2_send_done(tool);
    return tool;
}
