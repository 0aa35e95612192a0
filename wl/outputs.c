// SPDX-License-Identifier: MIT
#include "wl/outputs.h"

#include <stdlib.h>
#include <string.h>
#include <wayland-client.h>

#define LOG_MODULE "wayland"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

/* 3: release */
#define OUTPUT_VERSION 3
#define SIZE_LIMIT 65535 /* pixels, millimetres */

static void described(struct wayl_output *output)
{
    output->outputs->ops->changed(output->outputs, output);
}

/* Before version 2 nothing says that the description is complete. */
static void event_end(struct wayl_output *output)
{
    if (wl_output_get_version(output->wl) < WL_OUTPUT_DONE_SINCE_VERSION)
        described(output);
}

static uint32_t in_range(int32_t value)
{
    return value > 0 ? (uint32_t)MIN(value, SIZE_LIMIT) : 0;
}

static void output_geometry(void *data, struct wl_output *wl, int32_t x, int32_t y,
                            int32_t width_mm, int32_t height_mm, int32_t subpixel, const char *make,
                            const char *model, int32_t transform)
{
    struct wayl_output *output = data;
    output->width_mm = in_range(width_mm);
    output->height_mm = in_range(height_mm);
    output->turned = transform & 1; /* WL_OUTPUT_TRANSFORM_90, _270, and both flipped */
    event_end(output);
}

static void output_mode(void *data, struct wl_output *wl, uint32_t flags, int32_t width,
                        int32_t height, int32_t refresh)
{
    struct wayl_output *output = data;
    if (!(flags & WL_OUTPUT_MODE_CURRENT))
        return;
    output->width = in_range(width);
    output->height = in_range(height);
    output->refresh_mhz = refresh > 0 ? (uint32_t)refresh : 0;
    event_end(output);
}

static void output_done(void *data, struct wl_output *wl)
{
    described(data);
}

static void output_scale(void *data, struct wl_output *wl, int32_t scale)
{
    struct wayl_output *output = data;
    output->scale = scale > 0 ? (uint32_t)scale : 1;
}

static void output_name(void *data, struct wl_output *wl, const char *name)
{
}

static void output_description(void *data, struct wl_output *wl, const char *description)
{
}

static const struct wl_output_listener output_listener = {
    .geometry = output_geometry,
    .mode = output_mode,
    .done = output_done,
    .scale = output_scale,
    .name = output_name,
    .description = output_description,
};

static void output_destroy(struct wayl_output *output)
{
    output->outputs->used &= ~(1u << output->index);
    list_remove(&output->link);
    if (wl_output_get_version(output->wl) >= WL_OUTPUT_RELEASE_SINCE_VERSION)
        wl_output_release(output->wl);
    else
        wl_output_destroy(output->wl);
    free(output);
}

void wayl_outputs_init(struct wayl_outputs *outputs, const struct wayl_outputs_ops *ops)
{
    *outputs = (struct wayl_outputs){ .ops = ops };
    list_init(&outputs->list);
}

bool wayl_outputs_global(struct wayl_outputs *outputs, struct wl_registry *registry, uint32_t name,
                         const char *interface, uint32_t version)
{
    if (strcmp(interface, wl_output_interface.name) != 0)
        return false;
    unsigned index = 0;
    while (index < WAYL_OUTPUTS_MAX && outputs->used & 1u << index)
        index++;
    if (index == WAYL_OUTPUTS_MAX) {
        log_debug("more than %d outputs: one is passed over", WAYL_OUTPUTS_MAX);
        return true;
    }
    struct wayl_output *output = calloc(1, sizeof(*output));
    if (!output)
        return true;
    *output = (struct wayl_output){
        .outputs = outputs,
        .wl = wl_registry_bind(registry, name, &wl_output_interface, MIN(version, OUTPUT_VERSION)),
        .name = name,
        .index = index,
        .scale = 1,
    };
    if (!output->wl) {
        free(output);
        return true;
    }
    outputs->used |= 1u << index;
    wl_output_add_listener(output->wl, &output_listener, output);
    list_append(&outputs->list, &output->link);
    return true;
}

void wayl_outputs_global_remove(struct wayl_outputs *outputs, uint32_t name)
{
    struct wayl_output *output, *tmp;
    list_for_each_safe(output, tmp, &outputs->list, link) {
        if (output->name != name)
            continue;
        outputs->ops->gone(outputs, output);
        output_destroy(output);
    }
}

void wayl_outputs_finish(struct wayl_outputs *outputs)
{
    while (!list_empty(&outputs->list))
        output_destroy(list_first(&outputs->list, struct wayl_output, link));
}

const struct wayl_output *wayl_outputs_find(const struct wayl_outputs *outputs,
                                            const struct wl_output *wl)
{
    const struct wayl_output *output;
    list_for_each(output, &outputs->list, link) {
        if (output->wl == wl)
            return output;
    }
    return NULL;
}

const struct wayl_output *wayl_outputs_get(const struct wayl_outputs *outputs, unsigned index)
{
    const struct wayl_output *output;
    list_for_each(output, &outputs->list, link) {
        if (output->index == index)
            return output;
    }
    return NULL;
}

uint32_t wayl_outputs_refresh(const struct wayl_outputs *outputs)
{
    uint32_t fastest = 0;
    const struct wayl_output *output;
    list_for_each(output, &outputs->list, link)
        fastest = MAX(fastest, output->refresh_mhz);
    return fastest;
}
