// SPDX-License-Identifier: MIT
/* What takes the pointer and the shortcuts away from the desktop: the test says when it does. Asking
 * twice for the same ends the connection, as the protocols have it. */
#include "keyboard-shortcuts-inhibit-v1-server.h"
#include "pointer-constraints-v1-server.h"
#include "relative-pointer-v1-server.h"
#include "tests/wl/compositor_internal.h"
#include "vmm/base/util.h"

static struct compositor_seat *seat_of_pointer(struct wl_resource *pointer)
{
    struct wl_resource **slot = wl_resource_get_user_data(pointer);
    return container_of(slot, struct compositor_seat, pointer);
}

/* Resources of a seat, each in a slot of it that empties itself. */
static void slot_gone(struct wl_resource *resource)
{
    struct wl_resource **slot = wl_resource_get_user_data(resource);
    if (*slot == resource)
        *slot = NULL;
}

static void slot_fill(struct wl_resource **slot, struct wl_client *client,
                      const struct wl_interface *interface, const void *impl, uint32_t id)
{
    *slot = wl_resource_create(client, interface, 1, id);
    wl_resource_set_implementation(*slot, impl, slot, slot_gone);
}

static void set_hint(struct wl_client *client, struct wl_resource *resource, wl_fixed_t x,
                     wl_fixed_t y)
{
    struct wl_resource **slot = wl_resource_get_user_data(resource);
    struct compositor_seat *seat = container_of(slot, struct compositor_seat, lock);
    seat->hint_x = wl_fixed_to_double(x);
    seat->hint_y = wl_fixed_to_double(y);
    seat->hints++;
}

static const struct zwp_locked_pointer_v1_interface lock_impl = {
    .destroy = compositor_destroy_request,
    .set_cursor_position_hint = set_hint,
};

static const struct zwp_confined_pointer_v1_interface confine_impl = {
    .destroy = compositor_destroy_request,
};

/* Whether it may be made: one constraint for a surface and a seat. */
static bool constrain(struct compositor_seat *seat, struct wl_resource *resource,
                      struct wl_resource *surface)
{
    if (seat->lock || seat->confine) {
        wl_resource_post_error(resource, ZWP_POINTER_CONSTRAINTS_V1_ERROR_ALREADY_CONSTRAINED,
                               "already constrained");
        return false;
    }
    seat->constrained = compositor_surface_of(surface);
    return true;
}

static void lock_pointer(struct wl_client *client, struct wl_resource *resource, uint32_t id,
                         struct wl_resource *surface, struct wl_resource *pointer,
                         struct wl_resource *region, uint32_t lifetime)
{
    struct compositor_seat *seat = seat_of_pointer(pointer);
    if (constrain(seat, resource, surface))
        slot_fill(&seat->lock, client, &zwp_locked_pointer_v1_interface, &lock_impl, id);
}

static void confine_pointer(struct wl_client *client, struct wl_resource *resource, uint32_t id,
                            struct wl_resource *surface, struct wl_resource *pointer,
                            struct wl_resource *region, uint32_t lifetime)
{
    struct compositor_seat *seat = seat_of_pointer(pointer);
    if (constrain(seat, resource, surface))
        slot_fill(&seat->confine, client, &zwp_confined_pointer_v1_interface, &confine_impl, id);
}

static const struct zwp_pointer_constraints_v1_interface constraints_impl = {
    .destroy = compositor_destroy_request,
    .lock_pointer = lock_pointer,
    .confine_pointer = confine_pointer,
};

void compositor_bind_pointer_constraints(struct wl_client *client, void *data, uint32_t version,
                                         uint32_t id)
{
    wl_resource_set_implementation(
        wl_resource_create(client, &zwp_pointer_constraints_v1_interface, 1, id), &constraints_impl,
        data, NULL);
}

static const struct zwp_relative_pointer_v1_interface relative_impl = {
    .destroy = compositor_destroy_request,
};

static void get_relative_pointer(struct wl_client *client, struct wl_resource *resource,
                                 uint32_t id, struct wl_resource *pointer)
{
    slot_fill(&seat_of_pointer(pointer)->relative, client, &zwp_relative_pointer_v1_interface,
              &relative_impl, id);
}

static const struct zwp_relative_pointer_manager_v1_interface relative_manager_impl = {
    .destroy = compositor_destroy_request,
    .get_relative_pointer = get_relative_pointer,
};

void compositor_bind_relative_pointer(struct wl_client *client, void *data, uint32_t version,
                                      uint32_t id)
{
    wl_resource_set_implementation(
        wl_resource_create(client, &zwp_relative_pointer_manager_v1_interface, 1, id),
        &relative_manager_impl, data, NULL);
}

static const struct zwp_keyboard_shortcuts_inhibitor_v1_interface inhibitor_impl = {
    .destroy = compositor_destroy_request,
};

static void inhibit_shortcuts(struct wl_client *client, struct wl_resource *resource, uint32_t id,
                              struct wl_resource *surface, struct wl_resource *wl_seat)
{
    struct compositor_seat *seat = wl_resource_get_user_data(wl_seat);
    if (seat->inhibitor) {
        wl_resource_post_error(resource,
                               ZWP_KEYBOARD_SHORTCUTS_INHIBIT_MANAGER_V1_ERROR_ALREADY_INHIBITED,
                               "already inhibited");
        return;
    }
    slot_fill(&seat->inhibitor, client, &zwp_keyboard_shortcuts_inhibitor_v1_interface,
              &inhibitor_impl, id);
}

static const struct zwp_keyboard_shortcuts_inhibit_manager_v1_interface inhibit_impl = {
    .destroy = compositor_destroy_request,
    .inhibit_shortcuts = inhibit_shortcuts,
};

void compositor_bind_shortcuts_inhibit(struct wl_client *client, void *data, uint32_t version,
                                       uint32_t id)
{
    wl_resource_set_implementation(
        wl_resource_create(client, &zwp_keyboard_shortcuts_inhibit_manager_v1_interface, 1, id),
        &inhibit_impl, data, NULL);
}

void compositor_relative_motion(struct compositor_seat *seat, double dx, double dy, double dx_raw,
                                double dy_raw)
{
    zwp_relative_pointer_v1_send_relative_motion(
        seat->relative, 0, 0, wl_fixed_from_double(dx), wl_fixed_from_double(dy),
        wl_fixed_from_double(dx_raw), wl_fixed_from_double(dy_raw));
    if (wl_resource_get_version(seat->pointer) >= WL_POINTER_FRAME_SINCE_VERSION)
        wl_pointer_send_frame(seat->pointer);
}
