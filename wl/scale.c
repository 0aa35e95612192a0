// SPDX-License-Identifier: MIT
#include "wl/scale.h"

#include <wayland-client.h>

#include "fractional-scale-v1-client.h"
#include "vmm/base/util.h"
#include "wl/connection.h"
#include "wl/layout.h"
#include "wl/outputs.h"

/* Tenths of a millimetre in an inch, and the dots that an inch has where nothing is known of it. */
#define INCH_TENTHS 254u
#define INCH_DOTS 96u

static void fraction_preferred(void *data, struct wp_fractional_scale_v1 *fractional,
                               uint32_t fraction)
{
    struct wayl_scale *scale = data;
    scale->fraction = fraction;
    scale->changed(scale);
}

static const struct wp_fractional_scale_v1_listener fractional_listener = {
    .preferred_scale = fraction_preferred,
};

static void surface_enter(void *data, struct wl_surface *surface, struct wl_output *wl)
{
    struct wayl_scale *scale = data;
    const struct wayl_output *output = wayl_outputs_find(scale->outputs, wl);
    if (!output)
        return;
    scale->entered |= 1u << output->index;
    scale->last = (int)output->index;
    scale->changed(scale);
}

static void leave(struct wayl_scale *scale, unsigned index)
{
    if (!(scale->entered & 1u << index))
        return;
    scale->entered &= ~(1u << index);
    if (scale->last == (int)index)
        scale->last = scale->entered ? __builtin_ctz(scale->entered) : -1;
    scale->changed(scale);
}

static void surface_leave(void *data, struct wl_surface *surface, struct wl_output *wl)
{
    struct wayl_scale *scale = data;
    const struct wayl_output *output = wayl_outputs_find(scale->outputs, wl);
    if (output)
        leave(scale, output->index);
}

#ifdef WL_SURFACE_PREFERRED_BUFFER_SCALE_SINCE_VERSION
static void surface_preferred_scale(void *data, struct wl_surface *surface, int32_t preferred)
{
    struct wayl_scale *scale = data;
    scale->preferred = preferred > 0 ? (uint32_t)preferred : 0;
    scale->changed(scale);
}

static void surface_preferred_transform(void *data, struct wl_surface *surface, uint32_t transform)
{
}
#endif

static const struct wl_surface_listener surface_listener = {
    .enter = surface_enter,
    .leave = surface_leave,
#ifdef WL_SURFACE_PREFERRED_BUFFER_SCALE_SINCE_VERSION
    .preferred_buffer_scale = surface_preferred_scale,
    .preferred_buffer_transform = surface_preferred_transform,
#endif
};

bool wayl_scale_init(struct wayl_scale *scale, const struct wayl_connection *conn,
                     struct wl_surface *surface, const struct wayl_outputs *outputs,
                     void (*changed)(struct wayl_scale *scale))
{
    *scale = (struct wayl_scale){ .outputs = outputs, .changed = changed, .last = -1 };
    wl_surface_add_listener(surface, &surface_listener, scale);
    /* Fractions take a viewport. */
    if (!conn->fractional_scale || !conn->viewporter)
        return true;
    scale->fractional =
        wp_fractional_scale_manager_v1_get_fractional_scale(conn->fractional_scale, surface);
    if (scale->fractional)
        wp_fractional_scale_v1_add_listener(scale->fractional, &fractional_listener, scale);
    return scale->fractional;
}

void wayl_scale_finish(struct wayl_scale *scale)
{
    if (scale->fractional)
        wp_fractional_scale_v1_destroy(scale->fractional);
    scale->fractional = NULL;
}

uint32_t wayl_scale_get(const struct wayl_scale *scale)
{
    uint32_t whole = scale->preferred;
    if (scale->fraction > 0)
        return scale->fraction;
    for (unsigned i = 0; scale->preferred == 0 && i < WAYL_OUTPUTS_MAX; i++) {
        if (scale->entered & 1u << i)
            whole = MAX(whole, wayl_outputs_get(scale->outputs, i)->scale);
    }
    return MIN(MAX(whole, 1u), WAYL_SCALE_MAX / WAYL_SCALE_ONE) * WAYL_SCALE_ONE;
}

const struct wayl_output *wayl_scale_output(const struct wayl_scale *scale)
{
    return scale->last < 0 ? NULL : wayl_outputs_get(scale->outputs, (unsigned)scale->last);
}

void wayl_scale_output_gone(struct wayl_scale *scale, const struct wayl_output *output)
{
    leave(scale, output->index);
}

static uint32_t divide(uint64_t value, uint64_t by)
{
    return (uint32_t)((value + by / 2) / by);
}

void wayl_scale_mode(const struct wayl_scale *scale, const struct wayl_layout *layout,
                     struct display_mode *mode)
{
    const struct wayl_output *output = wayl_scale_output(scale);
    *mode = (struct display_mode){
        .width = layout->mode.width,
        .height = layout->mode.height,
        .refresh_mhz = output ? output->refresh_mhz : wayl_outputs_refresh(scale->outputs),
    };
    if (output && output->width && output->height && output->width_mm && output->height_mm) {
        bool turned = output->turned;
        uint64_t across = turned ? output->height : output->width;
        uint64_t down = turned ? output->width : output->height;
        uint64_t across_mm = turned ? output->height_mm : output->width_mm;
        uint64_t down_mm = turned ? output->width_mm : output->height_mm;
        mode->width_mm = divide(mode->width * across_mm, across);
        mode->height_mm = divide(mode->height * down_mm, down);
        return;
    }
    /* The compositor's scale is all that tells how small the pixels are. */
    uint64_t dots = 10ull * INCH_DOTS * layout->scale;
    mode->width_mm = divide((uint64_t)mode->width * INCH_TENTHS * WAYL_SCALE_ONE, dots);
    mode->height_mm = divide((uint64_t)mode->height * INCH_TENTHS * WAYL_SCALE_ONE, dots);
}
