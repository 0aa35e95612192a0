// SPDX-License-Identifier: MIT
#include "wl/veil.h"

#include <stdio.h>
#include <string.h>
#include <wayland-client.h>

#include "viewporter-client.h"
#include "vmm/base/util.h"
#include "wl/banner.h"
#include "wl/connection.h"
#include "wl/drawn.h"

#define SHADE 0x99000000u /* premultiplied: the picture keeps two fifths of its light */
#define BOX 0xd9000000u   /* behind the letters */
#define INK 0xffe8e8e8u
#define MAX_DOT 4u  /* logical pixels of a letter's dot */
#define PADDING 4u  /* dots around the text */
#define LINES 28u   /* letters are no higher than that part of the window */
#define PER_CENT 85 /* and the box no wider than that of it */

static void fill(uint32_t *pixels, uint32_t width, uint32_t height, const void *data)
{
    const uint32_t *colour = data;
    for (size_t i = 0; i < (size_t)width * height; i++)
        pixels[i] = *colour;
}

struct line {
    const char *text;
    unsigned dot; /* pixels */
};

/* Of the corner's quarter circle: what lies outside stays as dim as the rest of the window. */
static bool is_outside(uint32_t x, uint32_t y, uint32_t width, uint32_t height, uint32_t radius)
{
    uint32_t dx = MIN(x, width - 1 - x), dy = MIN(y, height - 1 - y);
    if (dx >= radius || dy >= radius)
        return false;
    uint32_t right = 2 * (radius - dx) - 1, up = 2 * (radius - dy) - 1;
    return right * right + up * up > 4 * radius * radius;
}

static void draw_label(uint32_t *pixels, uint32_t width, uint32_t height, const void *data)
{
    const struct line *line = data;
    uint32_t text_width = wayl_banner_width(line->text) * line->dot;
    uint32_t text_height = WAYL_BANNER_HEIGHT * line->dot;
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++) {
            if (!is_outside(x, y, width, height, PADDING * line->dot))
                pixels[(size_t)y * width + x] = BOX;
        }
    }
    wayl_banner_text(pixels, width, height, (width - text_width) / 2, (height - text_height) / 2,
                     line->dot, INK, line->text);
}

static bool layer_init(struct wayl_veil_layer *layer, const struct wayl_connection *conn,
                       struct wl_surface *parent)
{
    struct wl_region *nothing = wl_compositor_create_region(conn->compositor);
    layer->surface = wl_compositor_create_surface(conn->compositor);
    if (layer->surface)
        layer->subsurface =
            wl_subcompositor_get_subsurface(conn->subcompositor, layer->surface, parent);
    if (layer->surface && conn->viewporter)
        layer->viewport = wp_viewporter_get_viewport(conn->viewporter, layer->surface);
    if (layer->surface && nothing)
        wl_surface_set_input_region(layer->surface, nothing);
    if (nothing)
        wl_region_destroy(nothing);
    return nothing && layer->subsurface && (layer->viewport || !conn->viewporter);
}

static void layer_finish(struct wayl_veil_layer *layer)
{
    if (layer->viewport)
        wp_viewport_destroy(layer->viewport);
    if (layer->subsurface)
        wl_subsurface_destroy(layer->subsurface);
    if (layer->surface)
        wl_surface_destroy(layer->surface);
    if (layer->buffer)
        wl_buffer_destroy(layer->buffer);
    if (layer->old)
        wl_buffer_destroy(layer->old);
}

/* The next commit shows another buffer, or none (NULL). */
static void layer_attach(struct wayl_veil_layer *layer, struct wl_buffer *buffer,
                         struct wayl_size size)
{
    if (layer->old)
        wl_buffer_destroy(layer->old);
    layer->old = layer->buffer;
    layer->buffer = buffer;
    layer->size = buffer ? size : (struct wayl_size){ 0 };
    wl_surface_attach(layer->surface, buffer, 0, 0);
    wl_surface_damage_buffer(layer->surface, 0, 0, INT32_MAX, INT32_MAX);
}

/* left and top: in the window; like size, in logical pixels. */
static void layer_place(struct wayl_veil_layer *layer, const struct wayl_layout *layout,
                        uint32_t left, uint32_t top, struct wayl_size size)
{
    if (layer->viewport)
        wp_viewport_set_destination(layer->viewport, (int32_t)size.width, (int32_t)size.height);
    wl_subsurface_set_position(layer->subsurface, (int32_t)left - (int32_t)layout->shown.x,
                               (int32_t)top - (int32_t)layout->shown.y);
    wl_surface_commit(layer->surface);
}

/* The middle of a few pixels, because what is stretched is smoothed: wlroots' pixman renderer has a single one
 * fade towards the edges, as if nothing were beside it. */
static void stage_shade(struct wayl_veil *veil, const struct wayl_connection *conn,
                        const struct wayl_layout *layout)
{
    static const uint32_t colour = SHADE;
    struct wayl_size size = conn->viewporter ? (struct wayl_size){ 4, 4 } : layout->window;
    if (!wayl_size_equal(size, veil->shade.size))
        layer_attach(&veil->shade,
                     wayl_drawn_create(conn->shm, size.width, size.height, true, fill, &colour),
                     size);
    if (veil->shade.viewport)
        wp_viewport_set_source(veil->shade.viewport, wl_fixed_from_int(1), wl_fixed_from_int(1),
                               wl_fixed_from_int(2), wl_fixed_from_int(2));
    layer_place(&veil->shade, layout, 0, 0, layout->window);
}

/* How large the letters are, in pixels of a dot; 0: the text does not fit. letters: the text's width, in dots. */
static unsigned choose_dot(const struct wayl_layout *layout, uint32_t scale, uint32_t letters)
{
    uint64_t width = (uint64_t)layout->window.width * scale / WAYL_SCALE_ONE;
    uint64_t height = (uint64_t)layout->window.height * scale / WAYL_SCALE_ONE;
    uint64_t by_width = width * PER_CENT / 100 / (letters + 2 * PADDING);
    uint64_t by_height = MAX(height / (WAYL_BANNER_HEIGHT * LINES), 1u);
    if (height < WAYL_BANNER_HEIGHT + 2 * PADDING)
        return 0;
    return (unsigned)MIN(MIN(by_width, by_height), MAX_DOT * scale / WAYL_SCALE_ONE);
}

static uint32_t to_logical_up(uint32_t pixels, uint32_t scale)
{
    return (pixels * WAYL_SCALE_ONE + scale - 1) / scale;
}

static uint32_t to_pixels(uint32_t logical, uint32_t scale)
{
    return (logical * scale + WAYL_SCALE_ONE / 2) / WAYL_SCALE_ONE;
}

/* Whole logical pixels, as many of the compositor's as they take. */
static void stage_label(struct wayl_veil *veil, const struct wayl_connection *conn,
                        const struct wayl_layout *layout, const char *text)
{
    uint32_t scale = conn->viewporter ? layout->scale : WAYL_SCALE_ONE;
    uint32_t letters = wayl_banner_width(text);
    struct line line = { .text = text, .dot = choose_dot(layout, scale, letters) };
    struct wayl_size logical = {
        to_logical_up((letters + 2 * PADDING) * line.dot, scale),
        to_logical_up((WAYL_BANNER_HEIGHT + 2 * PADDING) * line.dot, scale),
    };
    struct wayl_size size = { to_pixels(logical.width, scale), to_pixels(logical.height, scale) };
    if (line.dot == 0 || letters == 0) {
        layer_attach(&veil->label, NULL, size);
        wl_surface_commit(veil->label.surface);
        return;
    }
    if (!wayl_size_equal(size, veil->label.size) || strcmp(text, veil->text) != 0)
        layer_attach(&veil->label,
                     wayl_drawn_create(conn->shm, size.width, size.height, true, draw_label, &line),
                     size);
    layer_place(&veil->label, layout, (layout->window.width - logical.width) / 2,
                (layout->window.height - logical.height) / 2, logical);
}

bool wayl_veil_differs(const struct wayl_veil *veil, const struct wayl_layout *layout)
{
    return veil->shade.surface &&
           (!wayl_size_equal(veil->window, layout->window) || veil->scale != layout->scale ||
            memcmp(&veil->shown, &layout->shown, sizeof(veil->shown)) != 0);
}

void wayl_veil_stage(struct wayl_veil *veil, const struct wayl_connection *conn,
                     struct wl_surface *parent, const struct wayl_layout *layout, const char *text)
{
    char line[WAYL_VEIL_TEXT_MAX];
    snprintf(line, sizeof(line), "%s", text);
    if (!conn->subcompositor ||
        (veil->shade.surface && !wayl_veil_differs(veil, layout) && strcmp(line, veil->text) == 0))
        return;
    if (!veil->shade.surface &&
        (!layer_init(&veil->shade, conn, parent) || !layer_init(&veil->label, conn, parent))) {
        wayl_veil_finish(veil);
        return;
    }
    stage_shade(veil, conn, layout);
    stage_label(veil, conn, layout, line);
    strcpy(veil->text, line);
    veil->window = layout->window;
    veil->shown = layout->shown;
    veil->scale = layout->scale;
}

void wayl_veil_finish(struct wayl_veil *veil)
{
    layer_finish(&veil->label);
    layer_finish(&veil->shade);
    *veil = (struct wayl_veil){ 0 };
}
