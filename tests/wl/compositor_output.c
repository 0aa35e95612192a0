// SPDX-License-Identifier: MIT
/* wl_output, wp_fractional_scale_manager_v1. */
#include <stdio.h>

#include "fractional-scale-v1-server.h"
#define LOG_MODULE "compositor"
#include "tests/wl/compositor_internal.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

static void output_gone(struct wl_resource *resource)
{
    struct compositor_output *output = wl_resource_get_user_data(resource);
    if (output && output->resource == resource)
        output->resource = NULL;
}

static const struct wl_output_interface output_impl = { .release = compositor_destroy_request };

void compositor_output_changed(struct compositor_output *output)
{
    struct wl_resource *resource = output->resource;
    if (!resource)
        return;
    uint32_t version = (uint32_t)wl_resource_get_version(resource);
    wl_output_send_geometry(resource, output->x, output->y, output->width_mm, output->height_mm,
                            WL_OUTPUT_SUBPIXEL_UNKNOWN, "Maker", output->name, output->transform);
    wl_output_send_mode(resource, WL_OUTPUT_MODE_CURRENT, output->width, output->height,
                        output->refresh_mhz);
    if (version >= WL_OUTPUT_SCALE_SINCE_VERSION)
        wl_output_send_scale(resource, output->scale);
    if (version >= WL_OUTPUT_DONE_SINCE_VERSION)
        wl_output_send_done(resource);
}

static void bind_output(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
    struct compositor_output *output = data;
    output->resource = wl_resource_create(client, &wl_output_interface, (int)version, id);
    wl_resource_set_implementation(output->resource, &output_impl, output, output_gone);
    if (version >= WL_OUTPUT_NAME_SINCE_VERSION)
        wl_output_send_name(output->resource, output->name);
    compositor_output_changed(output);
}

struct compositor_output *compositor_output_add(struct compositor *c, int32_t width, int32_t height,
                                                int32_t refresh_mhz, int32_t scale)
{
    unsigned place = 0;
    int32_t right = 0;
    for (unsigned i = 0; i < COMPOSITOR_OUTPUTS; i++) {
        if (c->output[i].global)
            right = MAX(right, c->output[i].x + c->output[i].width / c->output[i].scale);
    }
    while (c->output[place].global)
        BUG_ON(++place == COMPOSITOR_OUTPUTS);
    struct compositor_output *output = &c->output[place];
    *output = (struct compositor_output){
        .compositor = c,
        .x = right,
        .width = width,
        .height = height,
        .refresh_mhz = refresh_mhz,
        .width_mm = width / 4,
        .height_mm = height / 4,
        .scale = scale,
    };
    snprintf(output->name, sizeof(output->name), "TEST-%u", place + 1);
    output->global = wl_global_create(c->display, &wl_output_interface, (int)c->config.output,
                                      output, bind_output);
    BUG_ON(!output->global);
    return output;
}

void compositor_output_remove(struct compositor_output *output)
{
    if (output->resource)
        wl_resource_set_user_data(output->resource, NULL);
    wl_global_destroy(output->global);
    *output = (struct compositor_output){ 0 };
}

void compositor_surface_enter(struct compositor_surface *surface, struct compositor_output *output)
{
    wl_surface_send_enter(surface->resource, output->resource);
}

void compositor_surface_leave(struct compositor_surface *surface, struct compositor_output *output)
{
    wl_surface_send_leave(surface->resource, output->resource);
}

/* wp_fractional_scale_manager_v1 */

static const struct wp_fractional_scale_v1_interface scale_impl = {
    .destroy = compositor_destroy_request,
};

static void scale_gone(struct wl_resource *resource)
{
    struct compositor_surface *surface = wl_resource_get_user_data(resource);
    if (surface)
        surface->fractional_scale = NULL;
}

static void get_fractional_scale(struct wl_client *client, struct wl_resource *resource,
                                 uint32_t id, struct wl_resource *wl_surface)
{
    struct compositor_surface *surface = compositor_surface_of(wl_surface);
    if (surface->fractional_scale) {
        wl_resource_post_error(
            resource, WP_FRACTIONAL_SCALE_MANAGER_V1_ERROR_FRACTIONAL_SCALE_EXISTS, "it has one");
        return;
    }
    surface->fractional_scale =
        wl_resource_create(client, &wp_fractional_scale_v1_interface, 1, id);
    wl_resource_set_implementation(surface->fractional_scale, &scale_impl, surface, scale_gone);
}

static const struct wp_fractional_scale_manager_v1_interface manager_impl = {
    .destroy = compositor_destroy_request,
    .get_fractional_scale = get_fractional_scale,
};

void compositor_bind_fractional_scale(struct wl_client *client, void *data, uint32_t version,
                                      uint32_t id)
{
    wl_resource_set_implementation(
        wl_resource_create(client, &wp_fractional_scale_manager_v1_interface, (int)version, id),
        &manager_impl, data, NULL);
}

void compositor_preferred_scale(struct compositor_surface *surface, uint32_t scale)
{
    BUG_ON(!surface->fractional_scale);
    wp_fractional_scale_v1_send_preferred_scale(surface->fractional_scale, scale);
}

void compositor_outputs_bind(struct compositor *c)
{
    if (c->config.output)
        compositor_output_add(c, 1920, 1080, 75000, 1);
}
