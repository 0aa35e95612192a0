// SPDX-License-Identifier: MIT
/*
 * What is seen of a frame, pixel by pixel, on a screenshot of a real compositor: whichever way it lies
 * in its buffer. Here that is a weston of our own and shared memory; in the emulated desktop (with
 * fence_kernel.c) the session's, which draws with GL, and dmabufs too.
 */
#include <drm_fourcc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/test.h"
#include "tests/wl/fence.h"
#include "tests/wl/fixture.h"
#include "tests/wl/screenshot.h"
#include "tests/wl/weston.h"
#include "vmm/base/util.h"

/* The picture; the buffer may be larger. */
#define W 321u
#define H 203u
#define BUFFER_W 480u
#define BUFFER_H 400u
#define ATTEMPTS 20

struct scene {
    struct fixture f;
    struct test_buffer buffer;
    uint32_t *pixels;
    struct frame_rect source;
    bool y_inverted;
};

/* Each pixel of a picture is its own; shade tells pictures apart. */
static uint32_t colour(unsigned x, unsigned y, unsigned shade)
{
    return 0xffu << 24 | (x & 255) << 16 | (y & 255) << 8 | (x >> 8 << 6) | (shade & 63);
}

/* Draws a rectangle of the picture to where it lies in the buffer. */
static void draw(struct scene *s, const struct frame_rect *rect, unsigned shade)
{
    for (unsigned y = rect->y; y < rect->y + rect->height; y++) {
        unsigned row = s->source.y + (s->y_inverted ? H - 1 - y : y);
        for (unsigned x = rect->x; x < rect->x + rect->width; x++)
            s->pixels[row * BUFFER_W + s->source.x + x] = colour(x, y, shade);
    }
}

static void show(struct scene *s, const struct frame_rect *damage, int fence)
{
    struct frame frame = { .buffer = &s->buffer.base,
                           .source = s->source,
                           .seq = ++s->f.seq,
                           .y_inverted = s->y_inverted,
                           .acquire_fence = fence,
                           .n_damage = 1,
                           .damage = { *damage } };
    struct display *display = wayl_display(s->f.wayl);
    display->ops->present(display, 0, &frame);
}

static void open_scene(struct scene *s, enum frame_buffer_kind kind,
                       const struct frame_rect *source, bool y_inverted)
{
    *s = (struct scene){ .source = *source, .y_inverted = y_inverted };
    assert_true(fixture_connect(&s->f, 1));
    test_buffer_init(&s->buffer, kind, BUFFER_W, BUFFER_H, DRM_FORMAT_XRGB8888);
    int *fd = &s->buffer.base.plane[0].fd;
    size_t size = ALIGN_UP(BUFFER_W * BUFFER_H * 4, 4096u);
    if (kind == FRAME_BUFFER_DMABUF) {
        close(*fd);
        *fd = fences_buffer(size);
        assert_true(*fd >= 0);
    }
    s->pixels = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
    assert_true(s->pixels != MAP_FAILED);
    memset(s->pixels, 0xee, size);
}

static void close_scene(struct scene *s)
{
    munmap(s->pixels, ALIGN_UP(BUFFER_W * BUFFER_H * 4, 4096u));
    assert_int_equal(wayl_stats(s->f.wayl)->path[s->buffer.base.path],
                     wayl_stats(s->f.wayl)->presented);
    fixture_close(&s->f);
    test_buffer_drop(&s->buffer);
    assert_true(s->buffer.destroyed);
}

/* The picture of one shade, and of another one in a rectangle. */
struct expected {
    unsigned shade, rect_shade;
    struct frame_rect rect;
};

static uint32_t expected_pixel(const struct expected *e, unsigned x, unsigned y)
{
    bool inside = x - e->rect.x < e->rect.width && y - e->rect.y < e->rect.height;
    return colour(x, y, inside ? e->rect_shade : e->shade);
}

static bool row_matches(const struct expected *e, const uint8_t *rgb, unsigned y)
{
    for (unsigned x = 0; x < W; x++, rgb += 3) {
        if ((0xffu << 24 | (uint32_t)rgb[0] << 16 | (uint32_t)rgb[1] << 8 | rgb[2]) !=
            expected_pixel(e, x, y))
            return false;
    }
    return true;
}

/* Whether all of it is on the screen, right below each other. */
static bool is_on_screen(struct scene *s, const struct expected *e)
{
    unsigned width, height, rows = 0;
    uint8_t *pixels = screenshot_take(&s->f, &width, &height);
    for (unsigned y = 0; rows == 0 && y + H <= height; y++) {
        for (unsigned x = 0; rows == 0 && x + W <= width; x++) {
            const uint8_t *at = pixels + ((size_t)y * width + x) * 3;
            while (rows < H && row_matches(e, at + (size_t)rows * width * 3, rows))
                rows++;
        }
    }
    free(pixels);
    return rows == H;
}

static void expect(struct scene *s, const struct expected *e)
{
    unsigned attempts = 0;
    while (!is_on_screen(s, e))
        assert_true(++attempts < ATTEMPTS);
}

static const struct frame_rect all = { 0, 0, W, H };
static const struct frame_rect top_left = { 0, 0, W, H };
static const struct frame_rect inside = { 37, 61, W, H }; /* in the buffer, off its middle */

/* The kinds of buffers that can be had here. */
static unsigned kinds(void)
{
    return fences_dmabufs() ? FRAME_BUFFER_SHM + 1 : 1;
}

static enum frame_buffer_kind kind_of(unsigned i)
{
    return i == 0 ? FRAME_BUFFER_SHM : FRAME_BUFFER_DMABUF;
}

static void a_picture_is_seen_as_it_lies(const struct frame_rect *source, bool y_inverted)
{
    for (unsigned i = 0; i < kinds(); i++) {
        struct scene s;
        open_scene(&s, kind_of(i), source, y_inverted);
        draw(&s, &all, 1);
        show(&s, &all, -1);
        expect(&s, &(struct expected){ .shade = 1 });
        assert_int_equal(s.f.rec.n_failed, 0);
        close_scene(&s);
    }
}

static void a_part_of_a_buffer_is_seen_alone(void **state)
{
    a_picture_is_seen_as_it_lies(&inside, false);
}

static void a_picture_that_lies_upside_down_is_seen_upright(void **state)
{
    a_picture_is_seen_as_it_lies(&top_left, true);
}

static void a_part_that_lies_upside_down_is_seen_upright_and_alone(void **state)
{
    a_picture_is_seen_as_it_lies(&inside, true);
}

static void what_changed_in_place_is_seen_where_it_changed(void **state)
{
    static const struct frame_rect change = { 20, 10, 90, 30 };
    for (unsigned i = 0; i < kinds() * 2; i++) {
        struct scene s;
        open_scene(&s, kind_of(i / 2), &inside, i % 2);
        draw(&s, &all, 1);
        show(&s, &all, -1);
        expect(&s, &(struct expected){ .shade = 1 });
        draw(&s, &change, 2);
        show(&s, &change, -1);
        expect(&s, &(struct expected){ .shade = 1, .rect_shade = 2, .rect = change });
        close_scene(&s);
    }
}

static void a_frame_whose_fence_is_unsignalled_is_not_seen(void **state)
{
    struct scene s;
    struct fence fence;
    open_scene(&s, kind_of(kinds() - 1), &top_left, true);
    draw(&s, &all, 1);
    fence_init(&fence);
    show(&s, &all, fence_dup(&fence));
    assert_false(is_on_screen(&s, &(struct expected){ .shade = 1 }));
    draw(&s, &all, 2); /* it was not drawn to the end */
    fence_signal(&fence);
    expect(&s, &(struct expected){ .shade = 2 });
    fence_finish(&fence);
    close_scene(&s);
}

/* A compositor that is there already is what is asked for. */
static int start(void **state)
{
    return getenv("DESKTOP_COMPOSITOR") ? 0 : weston_start(state);
}

static int stop(void **state)
{
    return getenv("DESKTOP_COMPOSITOR") ? 0 : weston_stop(state);
}

int main(void)
{
    if (!weston_is_here() || !fences_init())
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_part_of_a_buffer_is_seen_alone),
        cmocka_unit_test(a_picture_that_lies_upside_down_is_seen_upright),
        cmocka_unit_test(a_part_that_lies_upside_down_is_seen_upright_and_alone),
        cmocka_unit_test(what_changed_in_place_is_seen_where_it_changed),
        cmocka_unit_test(a_frame_whose_fence_is_unsignalled_is_not_seen),
    };
    int failed = cmocka_run_group_tests(tests, start, stop);
    fences_finish();
    return failed;
}
