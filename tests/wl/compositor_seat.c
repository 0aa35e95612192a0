// SPDX-License-Identifier: MIT
/* wl_seat: the test sends the events by the resources of struct compositor_seat. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xkbcommon/xkbcommon.h>

#define LOG_MODULE "compositor"
#include "tests/wl/compositor_internal.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

static void device_gone(struct wl_resource *resource)
{
    struct wl_resource **slot = wl_resource_get_user_data(resource);
    if (*slot == resource)
        *slot = NULL;
}

static void set_cursor(struct wl_client *client, struct wl_resource *resource, uint32_t serial,
                       struct wl_resource *surface, int32_t hot_x, int32_t hot_y)
{
    struct wl_resource **slot = wl_resource_get_user_data(resource);
    struct compositor_seat *seat = container_of(slot, struct compositor_seat, pointer);
    seat->cursor = surface;
    seat->hot_x = hot_x;
    seat->hot_y = hot_y;
    seat->cursor_serial = serial;
    seat->cursor_shape = 0;
    seat->cursor_sets++;
}

static const struct wl_pointer_interface pointer_impl = {
    .set_cursor = set_cursor,
    .release = compositor_destroy_request,
};

static void get_pointer(struct wl_client *client, struct wl_resource *resource, uint32_t id)
{
    struct compositor_seat *seat = wl_resource_get_user_data(resource);
    seat->pointer =
        wl_resource_create(client, &wl_pointer_interface, wl_resource_get_version(resource), id);
    wl_resource_set_implementation(seat->pointer, &pointer_impl, &seat->pointer, device_gone);
}

static const struct wl_keyboard_interface keyboard_impl = {
    .release = compositor_destroy_request,
};

/* Of the layouts that the config names; zeros where it names none. */
static void send_keymap(struct compositor_seat *seat)
{
    struct xkb_context *context = xkb_context_new(XKB_CONTEXT_NO_ENVIRONMENT_NAMES);
    const struct xkb_rule_names names = { .layout = seat->compositor->config.layouts,
                                          .options = seat->compositor->config.options };
    struct xkb_keymap *keymap = NULL;
    if (names.layout)
        keymap = xkb_keymap_new_from_names(context, &names, XKB_KEYMAP_COMPILE_NO_FLAGS);
    char *text = keymap ? xkb_keymap_get_as_string(keymap, XKB_KEYMAP_FORMAT_TEXT_V1) : NULL;
    size_t size = text ? strlen(text) + 1 : 4096;
    int fd = fd_memfd_sealed("keymap", ALIGN_UP(size, 4096u));
    if (text) {
        ssize_t n = pwrite(fd, text, size, 0);
        BUG_ON(n != (ssize_t)size);
    }
    wl_keyboard_send_keymap(seat->keyboard, WL_KEYBOARD_KEYMAP_FORMAT_XKB_V1, fd, (uint32_t)size);
    close(fd);
    free(text);
    xkb_keymap_unref(keymap);
    xkb_context_unref(context);
}

static void get_keyboard(struct wl_client *client, struct wl_resource *resource, uint32_t id)
{
    struct compositor_seat *seat = wl_resource_get_user_data(resource);
    seat->keyboard =
        wl_resource_create(client, &wl_keyboard_interface, wl_resource_get_version(resource), id);
    wl_resource_set_implementation(seat->keyboard, &keyboard_impl, &seat->keyboard, device_gone);
    send_keymap(seat);
}

static const struct wl_touch_interface touch_impl = {
    .release = compositor_destroy_request,
};

static void get_touch(struct wl_client *client, struct wl_resource *resource, uint32_t id)
{
    struct compositor_seat *seat = wl_resource_get_user_data(resource);
    seat->touch =
        wl_resource_create(client, &wl_touch_interface, wl_resource_get_version(resource), id);
    wl_resource_set_implementation(seat->touch, &touch_impl, &seat->touch, device_gone);
}

static const struct wl_seat_interface seat_impl = {
    .get_touch = get_touch,
    .get_pointer = get_pointer,
    .get_keyboard = get_keyboard,
    .release = compositor_destroy_request,
};

static void seat_gone(struct wl_resource *resource)
{
    struct compositor_seat *seat = wl_resource_get_user_data(resource);
    seat->resource = NULL;
}

static void bind_seat(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
    struct compositor_seat *seat = data;
    seat->resource = wl_resource_create(client, &wl_seat_interface, (int)version, id);
    wl_resource_set_implementation(seat->resource, &seat_impl, seat, seat_gone);
    compositor_capabilities(seat, WL_SEAT_CAPABILITY_KEYBOARD | WL_SEAT_CAPABILITY_POINTER);
}

void compositor_capabilities(struct compositor_seat *seat, uint32_t capabilities)
{
    seat->capabilities = capabilities;
    wl_seat_send_capabilities(seat->resource, capabilities);
}

void compositor_keyboard_enter(struct compositor_seat *seat, struct compositor_surface *surface,
                               const uint32_t *keys, unsigned n)
{
    struct wl_array array;
    wl_array_init(&array);
    for (unsigned i = 0; i < n; i++)
        *(uint32_t *)wl_array_add(&array, sizeof(*keys)) = keys[i];
    wl_keyboard_send_enter(seat->keyboard, ++seat->compositor->serial, surface->resource, &array);
    wl_array_release(&array);
}

void compositor_modifiers(struct compositor_seat *seat, uint32_t depressed, uint32_t locked,
                          uint32_t group)
{
    wl_keyboard_send_modifiers(seat->keyboard, ++seat->compositor->serial, depressed, 0, locked,
                               group);
}

void compositor_pointer_enter(struct compositor_seat *seat, struct compositor_surface *surface,
                              double x, double y)
{
    wl_pointer_send_enter(seat->pointer, ++seat->compositor->serial, surface->resource,
                          wl_fixed_from_double(x), wl_fixed_from_double(y));
    if (wl_resource_get_version(seat->pointer) >= WL_POINTER_FRAME_SINCE_VERSION)
        wl_pointer_send_frame(seat->pointer);
}

void compositor_pointer_leave(struct compositor_seat *seat, struct compositor_surface *surface)
{
    wl_pointer_send_leave(seat->pointer, ++seat->compositor->serial, surface->resource);
    if (wl_resource_get_version(seat->pointer) >= WL_POINTER_FRAME_SINCE_VERSION)
        wl_pointer_send_frame(seat->pointer);
}

void compositor_key(struct compositor_seat *seat, uint32_t code, bool pressed)
{
    wl_keyboard_send_key(seat->keyboard, ++seat->compositor->serial, 0, code, pressed);
}

void compositor_seats_bind(struct compositor *c)
{
    for (unsigned i = 0; i < COMPOSITOR_SEATS; i++) {
        struct compositor_seat *seat = &c->seat[i];
        seat->compositor = c;
        seat->version = c->config.seat[i];
        if (seat->version)
            seat->global = wl_global_create(c->display, &wl_seat_interface, (int)seat->version,
                                            seat, bind_seat);
    }
}
