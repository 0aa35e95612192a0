// SPDX-License-Identifier: MIT
#include "wl/layout.h"

#include "vmm/base/util.h"

#define SIZE_MAX_ 16384u

static bool layout_apply(struct wayl_layout *layout)
{
    uint32_t old_width = layout->width, old_height = layout->height;
    uint32_t pic_width = layout->pic_width, pic_height = layout->pic_height;
    uint32_t width = layout->given_width, height = layout->given_height;
    layout->width = pic_width;
    layout->height = pic_height;
    if (layout->scales && width && height) {
        if (layout->kind == WAYL_LAYOUT_EXACT) {
            layout->width = width;
            layout->height = height;
        } else if ((uint64_t)width * pic_height < (uint64_t)height * pic_width) {
            layout->width = width;
            layout->height = MAX((uint32_t)((uint64_t)width * pic_height / pic_width), 1u);
        } else {
            layout->height = height;
            layout->width = MAX((uint32_t)((uint64_t)height * pic_width / pic_height), 1u);
        }
    }
    return layout->width != old_width || layout->height != old_height;
}

void wayl_layout_init(struct wayl_layout *layout, uint32_t width, uint32_t height, bool scales)
{
    *layout = (struct wayl_layout){ .scales = scales, .pic_width = width, .pic_height = height };
    layout_apply(layout);
}

bool wayl_layout_picture(struct wayl_layout *layout, uint32_t width, uint32_t height)
{
    if (width == layout->pic_width && height == layout->pic_height)
        return false;
    layout->old_width = layout->width;
    layout->old_height = layout->height;
    layout->pic_width = width;
    layout->pic_height = height;
    if (layout->kind == WAYL_LAYOUT_FLOATING)
        layout->given_width = layout->given_height = 0;
    return layout_apply(layout);
}

bool wayl_layout_configure(struct wayl_layout *layout, enum wayl_layout_kind kind, uint32_t width,
                           uint32_t height)
{
    bool repeated =
        kind == WAYL_LAYOUT_FLOATING && width == layout->old_width && height == layout->old_height;
    layout->kind = kind;
    layout->given_width = repeated ? 0 : MIN(width, SIZE_MAX_);
    layout->given_height = repeated ? 0 : MIN(height, SIZE_MAX_);
    return layout_apply(layout);
}

static double clamp_unit(double v)
{
    return v > 0 ? MIN(v, 1.0) : 0; /* a NaN too */
}

void wayl_layout_point(const struct wayl_layout *layout, double surface_x, double surface_y,
                       double *x, double *y)
{
    *x = clamp_unit(surface_x / layout->width);
    *y = clamp_unit(surface_y / layout->height);
}

void wayl_layout_surface(const struct wayl_layout *layout, double pic_x, double pic_y,
                         double *surface_x, double *surface_y)
{
    *surface_x = pic_x * layout->width / layout->pic_width;
    *surface_y = pic_y * layout->height / layout->pic_height;
}

bool wayl_layout_damage(const struct frame *frame, const struct frame_rect *damage,
                        struct frame_rect *buffer_damage)
{
    const struct frame_rect *source = &frame->source;
    if (damage->x >= source->width || damage->y >= source->height)
        return false;
    uint32_t width = MIN(damage->width, source->width - damage->x);
    uint32_t height = MIN(damage->height, source->height - damage->y);
    uint32_t y = frame->y_inverted ? source->height - damage->y - height : damage->y;
    *buffer_damage = (struct frame_rect){
        .x = source->x + damage->x, .y = source->y + y, .width = width, .height = height
    };
    return width > 0 && height > 0;
}

struct frame_rect wayl_layout_source(const struct frame *frame)
{
    struct frame_rect source = frame->source;
    if (frame->y_inverted)
        source.y = frame->buffer->height - source.y - source.height;
    return source;
}
