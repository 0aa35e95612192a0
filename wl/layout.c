// SPDX-License-Identifier: MIT
#include "wl/layout.h"

#include "vmm/base/util.h"

#define SIZE_MAX_ 16384u

/* Pixels of so many logical ones, rounded half up as wp_fractional_scale_v1 has it. */
static uint32_t to_pixels(uint32_t logical, uint32_t scale)
{
    uint64_t pixels = ((uint64_t)logical * scale + WAYL_SCALE_ONE / 2) / WAYL_SCALE_ONE;
    return (uint32_t)MIN(MAX(pixels, WAYL_MODE_MIN), WAYL_LAYOUT_MAX);
}

static uint32_t to_logical(uint32_t pixels, uint32_t scale)
{
    uint64_t logical = ((uint64_t)pixels * WAYL_SCALE_ONE + scale / 2) / scale;
    return (uint32_t)MIN(MAX(logical, 1u), WAYL_LAYOUT_MAX);
}

/* The largest size of that shape within bounds. */
static struct wayl_size fit(struct wayl_size shape, struct wayl_size within)
{
    struct wayl_size size = within;
    if ((uint64_t)within.width * shape.height < (uint64_t)within.height * shape.width)
        size.height = (uint32_t)((uint64_t)within.width * shape.height / shape.width);
    else
        size.width = (uint32_t)((uint64_t)within.height * shape.width / shape.height);
    return (struct wayl_size){ MAX(size.width, 1u), MAX(size.height, 1u) };
}

static struct wayl_size cut_to_bounds(struct wayl_size size, struct wayl_size bounds)
{
    if (bounds.width == 0 || bounds.height == 0 ||
        (size.width <= bounds.width && size.height <= bounds.height))
        return size;
    return fit(size, bounds);
}

static bool near(uint32_t a, uint32_t b, uint32_t by)
{
    return MAX(a, b) - MIN(a, b) <= by;
}

/* The screen's own mode, where the window's size stands for it but for what the rounding took. */
static struct wayl_size find_mode(const struct wayl_layout *layout)
{
    uint32_t scale = layout->scale;
    struct wayl_size mode = { to_pixels(layout->asked.width, scale),
                              to_pixels(layout->asked.height, scale) };
    uint32_t rounding = scale / WAYL_SCALE_ONE + 1;
    if (layout->kind == WAYL_LAYOUT_FULLSCREEN && near(layout->exact.width, mode.width, rounding) &&
        near(layout->exact.height, mode.height, rounding))
        return layout->exact;
    return mode;
}

/* Without a viewporter, a picture is as large as it is, or a whole number of times smaller. */
static void apply_unscaled(struct wayl_layout *layout)
{
    struct wayl_size size = layout->picture.width ? layout->picture : layout->asked;
    uint32_t n = layout->scale / WAYL_SCALE_ONE;
    if (layout->picture.width && n > 1 && layout->scale % WAYL_SCALE_ONE == 0 &&
        size.width % n == 0 && size.height % n == 0) {
        layout->buffer_scale = n;
        size = (struct wayl_size){ size.width / n, size.height / n };
    }
    layout->window = size;
}

static struct frame_rect place_picture(const struct wayl_layout *layout)
{
    struct wayl_size window = layout->window, picture = layout->picture;
    struct frame_rect all = { .width = window.width, .height = window.height };
    if (!layout->scales || layout->fill || picture.width == 0 ||
        wayl_size_equal(picture, layout->mode))
        return all;
    struct wayl_size size = fit(picture, window);
    if (near(size.width, window.width, 1) && near(size.height, window.height, 1))
        return all; /* its shape, but for the rounding */
    bool centred = !layout->cornered || layout->kind == WAYL_LAYOUT_FULLSCREEN;
    return (struct frame_rect){
        .x = centred ? (window.width - size.width) / 2 : 0,
        .y = centred ? (window.height - size.height) / 2 : 0,
        .width = size.width,
        .height = size.height,
    };
}

static void apply(struct wayl_layout *layout)
{
    layout->mode = find_mode(layout);
    layout->buffer_scale = 1;
    if (layout->scales)
        layout->window = layout->asked;
    else
        apply_unscaled(layout);
    layout->shown = place_picture(layout);
}

void wayl_layout_init(struct wayl_layout *layout, uint32_t width, uint32_t height, bool scales,
                      bool fill)
{
    *layout = (struct wayl_layout){
        .scales = scales,
        .fill = fill,
        .scale = WAYL_SCALE_ONE,
        .asked = { width, height },
        .floating = { width, height },
    };
    apply(layout);
}

/* The guest chose it by itself. */
static bool is_a_choice(const struct wayl_layout *layout, struct wayl_size picture)
{
    for (unsigned i = 0; i < MIN(layout->n_told, (unsigned)WAYL_LAYOUT_TOLD); i++) {
        if (wayl_size_equal(picture, layout->told[i]))
            return false;
    }
    return picture.width > 0;
}

void wayl_layout_picture(struct wayl_layout *layout, uint32_t width, uint32_t height)
{
    struct wayl_size picture = { width, height }, before = layout->window;
    if (wayl_size_equal(picture, layout->picture))
        return;
    layout->picture = picture;
    if (layout->kind == WAYL_LAYOUT_FLOATING && !layout->sized && is_a_choice(layout, picture)) {
        layout->floating = (struct wayl_size){ to_logical(width, layout->scale),
                                               to_logical(height, layout->scale) };
        layout->asked = cut_to_bounds(layout->floating, layout->bounds);
    }
    apply(layout);
    if (!wayl_size_equal(layout->window, before))
        layout->old = before;
}

void wayl_layout_configure(struct wayl_layout *layout, enum wayl_layout_kind kind, uint32_t width,
                           uint32_t height)
{
    struct wayl_size given = { MIN(width, WAYL_LAYOUT_MAX), MIN(height, WAYL_LAYOUT_MAX) };
    bool from_floating = layout->kind == WAYL_LAYOUT_FLOATING;
    bool free = given.width == 0 || given.height == 0;
    bool repeated = kind == WAYL_LAYOUT_FLOATING && from_floating &&
                    (wayl_size_equal(given, layout->window) || wayl_size_equal(given, layout->old));
    layout->kind = kind;
    if (!free && !repeated && (kind == WAYL_LAYOUT_FLOATING || kind == WAYL_LAYOUT_RESIZING)) {
        /* Coming back from being maximised, it gets the size that it had. */
        layout->sized |= from_floating || kind == WAYL_LAYOUT_RESIZING ||
                         !wayl_size_equal(given, layout->floating);
        layout->floating = given;
    }
    if (free || repeated)
        layout->asked = cut_to_bounds(layout->floating,
                                      layout->sized ? (struct wayl_size){ 0 } : layout->bounds);
    else
        layout->asked = given;
    apply(layout);
}

bool wayl_layout_resize(struct wayl_layout *layout, uint32_t width, uint32_t height)
{
    if (layout->kind != WAYL_LAYOUT_FLOATING)
        return false;
    layout->old = layout->window;
    layout->floating = layout->asked =
        (struct wayl_size){ MIN(width, WAYL_LAYOUT_MAX), MIN(height, WAYL_LAYOUT_MAX) };
    layout->sized = true;
    apply(layout);
    return true;
}

void wayl_layout_bounds(struct wayl_layout *layout, uint32_t width, uint32_t height)
{
    /* They hold for the configure that follows. */
    layout->bounds = (struct wayl_size){ width, height };
}

void wayl_layout_scale(struct wayl_layout *layout, uint32_t scale)
{
    layout->scale = MIN(MAX(scale, WAYL_SCALE_MIN), WAYL_SCALE_MAX);
    apply(layout);
}

void wayl_layout_output(struct wayl_layout *layout, uint32_t width, uint32_t height)
{
    layout->exact = (struct wayl_size){ width, height };
    apply(layout);
}

void wayl_layout_told(struct wayl_layout *layout, uint32_t width, uint32_t height)
{
    layout->told[layout->n_told++ % WAYL_LAYOUT_TOLD] = (struct wayl_size){ width, height };
}

static double clamp_unit(double v)
{
    return v > 0 ? MIN(v, 1.0) : 0; /* a NaN too */
}

void wayl_layout_point(const struct wayl_layout *layout, bool on_bars, double surface_x,
                       double surface_y, double *x, double *y)
{
    const struct frame_rect *shown = &layout->shown;
    *x = clamp_unit((surface_x - (on_bars ? shown->x : 0)) / shown->width);
    *y = clamp_unit((surface_y - (on_bars ? shown->y : 0)) / shown->height);
}

void wayl_layout_surface(const struct wayl_layout *layout, double pic_x, double pic_y,
                         double *surface_x, double *surface_y)
{
    struct wayl_size picture = layout->picture.width ? layout->picture : layout->mode;
    *surface_x = pic_x * layout->shown.width / picture.width;
    *surface_y = pic_y * layout->shown.height / picture.height;
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
