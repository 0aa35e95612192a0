// SPDX-License-Identifier: MIT
/* What lies over the last picture of a guest that stands still. */
#include <drm_fourcc.h>
#include <string.h>

#include "tests/test.h"
#include "tests/wl/fixture.h"
#include "vmm/base/util.h"
#include "xdg-shell-server.h"

#define W FIXTURE_WIDTH
#define H FIXTURE_HEIGHT
#define WHY "suspended: a disk can't be written"
#define STATES(...) ((const uint32_t[]){ __VA_ARGS__, 0 })

struct bed {
    struct fixture f;
    struct compositor_surface *window;
    struct test_buffer buffer;
};

static void settle(struct bed *bed)
{
    compositor_sync(bed->f.compositor);
    compositor_sync(bed->f.compositor);
    assert_int_equal(bed->f.rec.n_lost, 0);
}

static void open_bed(struct bed *bed, const struct compositor_config *config)
{
    *bed = (struct bed){ 0 };
    fixture_open(&bed->f, config, 1);
    bed->window = compositor_window(bed->f.compositor, 0);
    test_buffer_init(&bed->buffer, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
}

static void show_picture(struct bed *bed)
{
    fixture_present(&bed->f, 0, &bed->buffer, NULL);
    settle(bed);
    assert_true(bed->window->has_content);
}

static void close_bed(struct bed *bed)
{
    settle(bed);
    fixture_close(&bed->f);
    test_buffer_drop(&bed->buffer);
    assert_true(bed->buffer.destroyed);
}

/* The n-th subsurface over the window that shows anything, from below; or NULL. */
static struct compositor_surface *over(struct bed *bed, unsigned n)
{
    struct compositor_surface *surface;
    list_for_each(surface, &bed->f.compositor->surfaces, link) {
        if (surface->parent == bed->window && !surface->below && surface->has_content && n-- == 0)
            return surface;
    }
    return NULL;
}

static const uint32_t *pixels_of(struct compositor_surface *surface, unsigned *width,
                                 unsigned *height)
{
    struct wl_shm_buffer *shm = wl_shm_buffer_get(surface->buffer);
    assert_non_null(shm);
    assert_int_equal(wl_shm_buffer_get_format(shm), WL_SHM_FORMAT_ARGB8888);
    *width = (unsigned)wl_shm_buffer_get_width(shm);
    *height = (unsigned)wl_shm_buffer_get_height(shm);
    return wl_shm_buffer_get_data(shm);
}

/* It dims a window of that size, whose picture begins at x and y: half of the light at most is left. */
static void check_shade(struct bed *bed, int32_t x, int32_t y, int32_t width, int32_t height)
{
    struct compositor_surface *shade = over(bed, 0);
    unsigned columns, rows;
    assert_non_null(shade);
    const uint32_t *pixels = pixels_of(shade, &columns, &rows);
    for (unsigned i = 0; i < columns * rows; i++) {
        assert_true(pixels[i] >> 24 >= 0x80 && pixels[i] >> 24 < 0xff);
        assert_int_equal(pixels[i] & 0xffffff, 0);
    }
    bool scaled = shade->width > 0;
    assert_int_equal(scaled ? shade->width : (int32_t)columns, width);
    assert_int_equal(scaled ? shade->height : (int32_t)rows, height);
    assert_int_equal(columns * rows, scaled ? 16 : width * height);
    if (scaled) /* on all sides of what is stretched is more of the same */
        assert_memory_equal(&shade->source, (&(struct rect){ 1, 1, 2, 2 }), sizeof(struct rect));
    assert_int_equal(shade->x, -x);
    assert_int_equal(shade->y, -y);
    assert_true(shade->deaf);
}

/* In the middle of that window, at that many 120ths of a pixel for each logical one. Returns how high the
 * letters are. */
static unsigned check_label(struct bed *bed, int32_t x, int32_t y, int32_t width, int32_t height,
                            unsigned scale)
{
    struct compositor_surface *label = over(bed, 1);
    unsigned columns, rows, top = UINT32_MAX, bottom = 0;
    assert_non_null(label);
    const uint32_t *pixels = pixels_of(label, &columns, &rows);
    for (unsigned i = 0; i < columns * rows; i++) {
        uint32_t alpha = pixels[i] >> 24, green = pixels[i] >> 8 & 0xff;
        assert_true(green <= alpha); /* premultiplied */
        if (alpha < 0xff)
            continue;
        assert_true(green >= 0xc0); /* a letter's */
        top = MIN(top, i / columns);
        bottom = MAX(bottom, i / columns);
    }
    int32_t wide = label->width > 0 ? label->width : (int32_t)columns;
    int32_t high = label->width > 0 ? label->height : (int32_t)rows;
    assert_true(top > 0 && bottom > top && bottom < rows - 1);
    assert_int_equal(columns, ((unsigned)wide * scale + 60) / 120);
    assert_int_equal(rows, ((unsigned)high * scale + 60) / 120);
    assert_true(wide < width && high < height);
    assert_int_equal(label->x, (width - wide) / 2 - x);
    assert_int_equal(label->y, (height - high) / 2 - y);
    assert_true(label->deaf);
    return bottom - top + 1;
}

static unsigned count_surfaces(struct bed *bed)
{
    const struct compositor_surface *surface;
    unsigned n = 0;
    list_for_each(surface, &bed->f.compositor->surfaces, link)
        n++;
    return n;
}

static void nothing_is_there_while_the_guest_runs(void **state)
{
    struct bed bed;
    open_bed(&bed, &compositor_everything);
    show_picture(&bed);
    unsigned surfaces = count_surfaces(&bed);
    wayl_set_stands(bed.f.wayl, WHY);
    settle(&bed);
    assert_true(count_surfaces(&bed) > surfaces);
    wayl_set_stands(bed.f.wayl, NULL);
    settle(&bed);
    assert_int_equal(count_surfaces(&bed), surfaces);
    unsigned commits = bed.window->commits;
    show_picture(&bed);
    assert_int_equal(bed.window->commits, commits + 1);
    close_bed(&bed);
}

static void the_picture_is_dimmed_and_keeps_its_buffer(void **state)
{
    struct bed bed;
    open_bed(&bed, &compositor_everything);
    show_picture(&bed);
    struct wl_resource *picture = bed.window->buffer;
    unsigned commits = bed.window->commits;
    for (unsigned i = 0; i < 2; i++) {
        wayl_set_stands(bed.f.wayl, WHY);
        settle(&bed);
        check_shade(&bed, 0, 0, W, H);
        check_label(&bed, 0, 0, W, H, 120);
        assert_ptr_equal(bed.window->buffer, picture);
        assert_int_equal(bed.window->commits, ++commits); /* by which it is there */
        wayl_set_stands(bed.f.wayl, "suspended");
        settle(&bed);
        check_label(&bed, 0, 0, W, H, 120);
        assert_int_equal(bed.window->commits, ++commits);
        wayl_set_stands(bed.f.wayl, NULL);
        settle(&bed);
        assert_null(over(&bed, 0));
        assert_ptr_equal(bed.window->buffer, picture);
        assert_int_equal(bed.window->commits, ++commits);
    }
    assert_int_equal(bed.buffer.released, 0);
    close_bed(&bed);
}

static void it_follows_the_window(void **state)
{
    struct bed bed;
    open_bed(&bed, &compositor_everything);
    show_picture(&bed);
    wayl_set_stands(bed.f.wayl, "suspended");
    /* Between bars, since the guest can't draw for it. */
    compositor_configure(bed.window, 2 * W, 3 * H, STATES(XDG_TOPLEVEL_STATE_FULLSCREEN));
    settle(&bed);
    assert_non_null(compositor_bars(bed.window));
    check_shade(&bed, 0, H / 2, 2 * W, 3 * H);
    unsigned height = check_label(&bed, 0, H / 2, 2 * W, 3 * H, 120);
    compositor_preferred_scale(bed.window, 180);
    settle(&bed);
    assert_true(check_label(&bed, 0, H / 2, 2 * W, 3 * H, 180) > height);
    compositor_configure(bed.window, 1600, 1000, STATES(XDG_TOPLEVEL_STATE_MAXIMIZED));
    settle(&bed);
    check_shade(&bed, 0, 0, 1600, 1000);
    check_label(&bed, 0, 0, 1600, 1000, 180);
    close_bed(&bed);
}

static void a_window_that_is_too_small_for_the_text_is_dimmed(void **state)
{
    static const int32_t sizes[][2] = { { 1, 1 }, { 128, 96 }, { 1000, 5 }, { 5, 1000 } };
    struct bed bed;
    open_bed(&bed, &compositor_everything);
    show_picture(&bed);
    wayl_set_stands(bed.f.wayl, WHY);
    for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
        compositor_configure(bed.window, sizes[i][0], sizes[i][1],
                             STATES(XDG_TOPLEVEL_STATE_MAXIMIZED));
        settle(&bed);
        assert_int_equal(over(&bed, 0)->width, sizes[i][0]);
        assert_int_equal(over(&bed, 0)->height, sizes[i][1]);
        assert_null(over(&bed, 1));
        compositor_configure(bed.window, 640, 400, STATES(XDG_TOPLEVEL_STATE_MAXIMIZED));
        settle(&bed);
        check_label(&bed, 0, 0, 640, 400, 120);
    }
    close_bed(&bed);
}

/* Which says by its note what the guest does. */
static void a_window_without_a_picture_is_not_dimmed_before_it_has_one(void **state)
{
    struct bed bed;
    open_bed(&bed, &compositor_everything);
    wayl_set_stands(bed.f.wayl, "suspended");
    settle(&bed);
    assert_null(over(&bed, 0));
    show_picture(&bed);
    check_shade(&bed, 0, 0, W, H);
    check_label(&bed, 0, 0, W, H, 120);
    wayl_close(bed.f.wayl, 0);
    settle(&bed);
    assert_true(wayl_open(bed.f.wayl, 0));
    settle(&bed);
    bed.window = compositor_window(bed.f.compositor, 0);
    assert_null(over(&bed, 0));
    show_picture(&bed);
    check_shade(&bed, 0, 0, W, H);
    wayl_close(bed.f.wayl, 0);
    wayl_set_stands(bed.f.wayl, NULL);
    assert_true(wayl_open(bed.f.wayl, 0));
    settle(&bed);
    bed.window = compositor_window(bed.f.compositor, 0);
    show_picture(&bed);
    assert_null(over(&bed, 0));
    close_bed(&bed);
}

static void a_compositor_with_little_does_what_it_can(void **state)
{
    struct compositor_config config = compositor_poor;
    struct bed bed;
    for (unsigned i = 0; i < 2; i++) {
        config.subcompositor = i;
        open_bed(&bed, &config);
        show_picture(&bed);
        wayl_set_stands(bed.f.wayl, WHY);
        settle(&bed);
        if (i == 1) {
            check_shade(&bed, 0, 0, W, H); /* in its size: nothing stretches it */
            check_label(&bed, 0, 0, W, H, 120);
        } else {
            assert_null(over(&bed, 0));
        }
        wayl_set_stands(bed.f.wayl, NULL);
        settle(&bed);
        assert_null(over(&bed, 0));
        close_bed(&bed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_there_while_the_guest_runs),
        cmocka_unit_test(the_picture_is_dimmed_and_keeps_its_buffer),
        cmocka_unit_test(it_follows_the_window),
        cmocka_unit_test(a_window_that_is_too_small_for_the_text_is_dimmed),
        cmocka_unit_test(a_window_without_a_picture_is_not_dimmed_before_it_has_one),
        cmocka_unit_test(a_compositor_with_little_does_what_it_can),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
