// SPDX-License-Identifier: MIT
#include "wl/outputs.h"

#include <stdlib.h>
#include <string.h>
#include <wayland-client.h>

#include "vmm/base/util.h"

struct output {
    struct list link;
    struct wl_output *wl;
    uint32_t name;
    uint32_t refresh_mhz;
};

static void output_geometry(void *data, struct wl_output *wl, int32_t x, int32_t y,
                            int32_t width_mm, int32_t height_mm, int32_t subpixel, const char *make,
                            const char *model, int32_t transform)
{
}

static void output_mode(void *data, struct wl_output *wl, uint32_t flags, int32_t width,
                        int32_t height, int32_t refresh)
{
    struct output *output = data;
    if (flags & WL_OUTPUT_MODE_CURRENT)
        output->refresh_mhz = refresh > 0 ? (uint32_t)refresh : 0;
}

static const struct wl_output_listener output_listener = {
    .geometry = output_geometry,
    .mode = output_mode,
};

static void output_destroy(struct output *output)
{
    list_remove(&output->link);
    wl_output_destroy(output->wl);
    free(output);
}

void wayl_outputs_init(struct wayl_outputs *outputs)
{
    list_init(&outputs->list);
}

bool wayl_outputs_global(struct wayl_outputs *outputs, struct wl_registry *registry, uint32_t name,
                         const char *interface, uint32_t version)
{
    if (strcmp(interface, wl_output_interface.name) != 0)
        return false;
    struct output *output = calloc(1, sizeof(*output));
    if (!output)
        return true;
    output->name = name;
    output->wl = wl_registry_bind(registry, name, &wl_output_interface, 1);
    if (!output->wl) {
        free(output);
        return true;
    }
    wl_output_add_listener(output->wl, &output_listener, output);
    list_append(&outputs->list, &output->link);
    return true;
}

void wayl_outputs_global_remove(struct wayl_outputs *outputs, uint32_t name)
{
    struct output *output, *tmp;
    list_for_each_safe(output, tmp, &outputs->list, link) {
        if (output->name == name)
            output_destroy(output);
    }
}

void wayl_outputs_finish(struct wayl_outputs *outputs)
{
    while (!list_empty(&outputs->list))
        output_destroy(list_first(&outputs->list, struct output, link));
}

uint32_t wayl_outputs_refresh(const struct wayl_outputs *outputs)
{
    uint32_t fastest = 0;
    struct output *output;
    list_for_each(output, &outputs->list, link)
        fastest = MAX(fastest, output->refresh_mhz);
    return fastest;
}
