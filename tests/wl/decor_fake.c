// SPDX-License-Identifier: MIT
#include "tests/wl/decor_fake.h"

#include <fcntl.h>
#include <libdecor.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wayland-client.h>

#include "tests/test.h"
#include "vmm/base/util.h"
#include "xdg-shell-client.h"

struct decor_fake decor_fake;

struct libdecor {
    struct wl_display *display;
    struct wl_registry *registry;
    struct wl_callback *callback;
    struct wl_compositor *compositor;
    struct wl_subcompositor *subcompositor;
    struct xdg_wm_base *wm_base;
    bool ready;
};

struct libdecor_configuration {
    uint32_t serial;
    enum libdecor_window_state states;
    int width, height;
};

struct libdecor_state {
    int width, height;
};

struct libdecor_frame {
    struct libdecor *context;
    struct wl_surface *surface, *bar;
    struct wl_subsurface *subsurface;
    struct xdg_surface *xdg_surface;
    struct xdg_toplevel *toplevel;
    struct libdecor_frame_interface *interface;
    void *data;
    struct libdecor_configuration next;
    enum libdecor_window_state states;
    int width, height, min_width, min_height;
    bool configured;
};

static int title_of(enum libdecor_window_state states)
{
    return states & LIBDECOR_WINDOW_STATE_FULLSCREEN ? 0 : DECOR_TITLE;
}

static void wm_base_ping(void *data, struct xdg_wm_base *wm_base, uint32_t serial)
{
    xdg_wm_base_pong(wm_base, serial);
}

static const struct xdg_wm_base_listener wm_base_listener = { .ping = wm_base_ping };

static void registry_global(void *data, struct wl_registry *registry, uint32_t name,
                            const char *interface, uint32_t version)
{
    struct libdecor *context = data;
    if (strcmp(interface, wl_compositor_interface.name) == 0)
        context->compositor = wl_registry_bind(registry, name, &wl_compositor_interface, 4);
    if (strcmp(interface, wl_subcompositor_interface.name) == 0)
        context->subcompositor = wl_registry_bind(registry, name, &wl_subcompositor_interface, 1);
    if (strcmp(interface, xdg_wm_base_interface.name) != 0)
        return;
    context->wm_base = wl_registry_bind(registry, name, &xdg_wm_base_interface, MIN(version, 2u));
    xdg_wm_base_add_listener(context->wm_base, &wm_base_listener, NULL);
}

static void registry_global_remove(void *data, struct wl_registry *registry, uint32_t name)
{
}

static const struct wl_registry_listener registry_listener = {
    .global = registry_global,
    .global_remove = registry_global_remove,
};

static void callback_done(void *data, struct wl_callback *callback, uint32_t serial)
{
    struct libdecor *context = data;
    wl_callback_destroy(callback);
    context->callback = NULL;
    context->ready = !decor_fake.unready;
}

static const struct wl_callback_listener callback_listener = { .done = callback_done };

struct libdecor *libdecor_new(struct wl_display *display, struct libdecor_interface *interface)
{
    struct libdecor *context = calloc(1, sizeof(*context));
    assert_non_null(context);
    context->display = display;
    context->registry = wl_display_get_registry(display);
    wl_registry_add_listener(context->registry, &registry_listener, context);
    decor_fake.contexts++;
    decor_fake.made++;
    wl_display_roundtrip(display); /* as plugins do: whoever has no listener yet misses something */
    context->callback = wl_display_sync(display);
    if (context->callback)
        wl_callback_add_listener(context->callback, &callback_listener, context);
    return context;
}

void libdecor_unref(struct libdecor *context)
{
    if (context->callback)
        wl_callback_destroy(context->callback);
    if (context->compositor)
        wl_compositor_destroy(context->compositor);
    if (context->subcompositor)
        wl_subcompositor_destroy(context->subcompositor);
    if (context->wm_base)
        xdg_wm_base_destroy(context->wm_base);
    wl_registry_destroy(context->registry);
    free(context);
    assert_int_equal(decor_fake.frames, 0);
    decor_fake.contexts--;
}

int libdecor_dispatch(struct libdecor *context, int timeout)
{
    assert_int_equal(timeout, 0);
    assert_int_equal(wl_display_get_error(context->display), 0);
    decor_fake.dispatches++;
    return 0;
}

static void toplevel_configure(void *data, struct xdg_toplevel *toplevel, int32_t width,
                               int32_t height, struct wl_array *array)
{
    static const enum libdecor_window_state known[] = {
        [XDG_TOPLEVEL_STATE_MAXIMIZED] = LIBDECOR_WINDOW_STATE_MAXIMIZED,
        [XDG_TOPLEVEL_STATE_FULLSCREEN] = LIBDECOR_WINDOW_STATE_FULLSCREEN,
        [XDG_TOPLEVEL_STATE_TILED_LEFT] = LIBDECOR_WINDOW_STATE_TILED_LEFT,
        [XDG_TOPLEVEL_STATE_TILED_BOTTOM] = LIBDECOR_WINDOW_STATE_TILED_BOTTOM,
    };
    struct libdecor_frame *frame = data;
    frame->next = (struct libdecor_configuration){ .width = width, .height = height };
    const uint32_t *state = array->data;
    for (size_t i = 0; i < array->size / sizeof(*state); i++) {
        if (state[i] < ARRAY_LEN(known))
            frame->next.states |= known[state[i]];
    }
}

static void toplevel_close(void *data, struct xdg_toplevel *toplevel)
{
    struct libdecor_frame *frame = data;
    unsigned frames = decor_fake.frames;
    frame->interface->close(frame, frame->data);
    assert_int_equal(decor_fake.frames, frames); /* plugins draw its buttons behind that */
}

static void toplevel_bounds(void *data, struct xdg_toplevel *toplevel, int32_t width,
                            int32_t height)
{
}

static void toplevel_capabilities(void *data, struct xdg_toplevel *toplevel, struct wl_array *array)
{
}

static const struct xdg_toplevel_listener toplevel_listener = {
    .configure = toplevel_configure,
    .close = toplevel_close,
    .configure_bounds = toplevel_bounds,
    .wm_capabilities = toplevel_capabilities,
};

static void surface_configure(void *data, struct xdg_surface *xdg_surface, uint32_t serial)
{
    struct libdecor_frame *frame = data;
    struct libdecor_configuration configuration = frame->next;
    configuration.serial = serial;
    frame->interface->configure(frame, &configuration, frame->data);
}

static const struct xdg_surface_listener surface_listener = { .configure = surface_configure };

struct libdecor_frame *libdecor_decorate(struct libdecor *context, struct wl_surface *surface,
                                         struct libdecor_frame_interface *interface, void *data)
{
    struct libdecor_frame *frame = calloc(1, sizeof(*frame));
    assert_non_null(frame);
    *frame = (struct libdecor_frame){
        .context = context, .surface = surface, .interface = interface, .data = data
    };
    decor_fake.frames++;
    if (!context->ready)
        return frame;
    frame->xdg_surface = xdg_wm_base_get_xdg_surface(context->wm_base, surface);
    xdg_surface_add_listener(frame->xdg_surface, &surface_listener, frame);
    frame->toplevel = xdg_surface_get_toplevel(frame->xdg_surface);
    xdg_toplevel_add_listener(frame->toplevel, &toplevel_listener, frame);
    return frame;
}

static void hide_bar(struct libdecor_frame *frame)
{
    if (!frame->bar)
        return;
    wl_subsurface_destroy(frame->subsurface);
    wl_surface_destroy(frame->bar);
    frame->subsurface = NULL;
    frame->bar = NULL;
}

static void show_bar(struct libdecor_frame *frame)
{
    if (!frame->bar) {
        frame->bar = wl_compositor_create_surface(frame->context->compositor);
        frame->subsurface = wl_subcompositor_get_subsurface(frame->context->subcompositor,
                                                            frame->bar, frame->surface);
    }
    wl_subsurface_set_position(frame->subsurface, 0, -DECOR_TITLE);
    wl_surface_commit(frame->bar);
}

void libdecor_frame_unref(struct libdecor_frame *frame)
{
    if (frame->toplevel)
        xdg_toplevel_destroy(frame->toplevel);
    if (frame->xdg_surface)
        xdg_surface_destroy(frame->xdg_surface);
    hide_bar(frame);
    free(frame);
    decor_fake.frames--;
}

void libdecor_frame_set_title(struct libdecor_frame *frame, const char *title)
{
    xdg_toplevel_set_title(frame->toplevel, title);
    frame->interface->commit(frame, frame->data);
}

void libdecor_frame_set_app_id(struct libdecor_frame *frame, const char *app_id)
{
    xdg_toplevel_set_app_id(frame->toplevel, app_id);
}

void libdecor_frame_set_min_content_size(struct libdecor_frame *frame, int width, int height)
{
    frame->min_width = width;
    frame->min_height = height;
}

struct xdg_surface *libdecor_frame_get_xdg_surface(struct libdecor_frame *frame)
{
    return frame->xdg_surface;
}

struct xdg_toplevel *libdecor_frame_get_xdg_toplevel(struct libdecor_frame *frame)
{
    return frame->toplevel;
}

struct libdecor_state *libdecor_state_new(int width, int height)
{
    struct libdecor_state *state = calloc(1, sizeof(*state));
    assert_non_null(state);
    assert_in_range(width, 1, 16384);
    assert_in_range(height, 1, 16384);
    *state = (struct libdecor_state){ width, height };
    return state;
}

void libdecor_state_free(struct libdecor_state *state)
{
    free(state);
}

bool libdecor_configuration_get_content_size(struct libdecor_configuration *configuration,
                                             struct libdecor_frame *frame, int *width, int *height)
{
    if (configuration->width == 0 || configuration->height == 0)
        return false;
    *width = configuration->width;
    *height = configuration->height - title_of(configuration->states);
    return true;
}

bool libdecor_configuration_get_window_state(struct libdecor_configuration *configuration,
                                             enum libdecor_window_state *states)
{
    *states = configuration->states;
    return true;
}

void libdecor_frame_commit(struct libdecor_frame *frame, struct libdecor_state *state,
                           struct libdecor_configuration *configuration)
{
    frame->configured |= configuration != NULL;
    assert_true(frame->configured);
    if (configuration)
        frame->states = configuration->states;
    frame->width = state->width;
    frame->height = state->height;
    int title = title_of(frame->states);
    if (title)
        show_bar(frame);
    else
        hide_bar(frame);
    xdg_toplevel_set_min_size(frame->toplevel, frame->min_width, frame->min_height + title);
    xdg_surface_set_window_geometry(frame->xdg_surface, 0, -title, frame->width,
                                    frame->height + title);
    if (configuration)
        xdg_surface_ack_configure(frame->xdg_surface, configuration->serial);
}

static char folder[] = "/tmp/vitrine-decor-XXXXXX";
static char plugin[sizeof(folder) + sizeof("/fake.so")];

int decor_fake_setup(void **state)
{
    if (!mkdtemp(folder))
        return -1;
    snprintf(plugin, sizeof(plugin), "%s/fake.so", folder);
    int fd = open(plugin, O_CREAT | O_CLOEXEC | O_WRONLY, 0600);
    if (fd < 0)
        return -1;
    close(fd);
    return setenv("LIBDECOR_PLUGIN_DIR", folder, 1);
}

int decor_fake_teardown(void **state)
{
    unlink(plugin);
    return rmdir(folder);
}
