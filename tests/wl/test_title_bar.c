// SPDX-License-Identifier: MIT
/* libdecor with the plugin of this machine, where there is one, on the real weston, which draws no title
 * bars for anybody. */
#include <drm_fourcc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/test.h"
#include "tests/wl/fixture.h"
#include "tests/wl/screenshot.h"
#include "tests/wl/weston.h"

/* For sanitizers: what the plugin's fonts leave at the end. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig\n";
}

#define W FIXTURE_WIDTH
#define H FIXTURE_HEIGHT
#define ATTEMPTS 20

struct screen {
    uint8_t *rgb;
    unsigned width, height;
};

static uint32_t pixel(const struct screen *screen, unsigned x, unsigned y)
{
    const uint8_t *p = screen->rgb + (y * screen->width + x) * 3;
    return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

/* Red grows with x, green with y. */
static uint32_t colour(unsigned x, unsigned y)
{
    return (x & 255) << 16 | y << 8 | (x >= 256 ? 0x80 : 0x40);
}

static void draw(struct test_buffer *buffer)
{
    uint32_t *pixels =
        mmap(NULL, W * H * 4, PROT_READ | PROT_WRITE, MAP_SHARED, buffer->base.plane[0].fd, 0);
    assert_true(pixels != MAP_FAILED);
    for (unsigned i = 0; i < W * H; i++)
        pixels[i] = 0xffu << 24 | colour(i % W, i / W);
    munmap(pixels, W * H * 4);
}

static bool is_there(const struct screen *screen, unsigned left, unsigned top)
{
    for (unsigned i = 0; i < W * H; i++) {
        if (pixel(screen, left + i % W, top + i / W) != colour(i % W, i / W))
            return false;
    }
    return true;
}

/* Where the guest's picture is, every pixel of it. */
static bool find_picture(const struct screen *screen, unsigned *left, unsigned *top)
{
    for (*top = 0; *top + H <= screen->height; ++*top) {
        for (*left = 0; *left + W <= screen->width; ++*left) {
            if (is_there(screen, *left, *top))
                return true;
        }
    }
    return false;
}

/* A bar is of one colour, where no text and no button is, and that is not the desktop's. */
static bool has_bar_above(const struct screen *screen, unsigned left, unsigned top)
{
    if (top < 20)
        return false;
    uint32_t bar = pixel(screen, left + 10, top - 10);
    for (unsigned x = left + 10; x < left + 60; x++) {
        for (unsigned y = top - 15; y < top - 5; y++) {
            if (pixel(screen, x, y) != bar)
                return false;
        }
    }
    return bar != pixel(screen, 0, 0);
}

static bool is_shown(struct fixture *f, bool with_bar)
{
    struct screen screen;
    unsigned left, top;
    screen.rgb = screenshot_take(f, &screen.width, &screen.height);
    bool found =
        find_picture(&screen, &left, &top) && has_bar_above(&screen, left, top) == with_bar;
    free(screen.rgb);
    return found;
}

static void expect_shown(bool with_bar)
{
    struct fixture f = { .loop = loop_create(), .impatient = true, .manners.bare = !with_bar };
    struct test_buffer buffer;
    unsigned attempts = 0;
    assert_true(fixture_finish_connecting(&f, 1));
    test_buffer_init(&buffer, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
    draw(&buffer);
    fixture_present(&f, 0, &buffer, NULL);
    fixture_until(&f, f.rec.n_done == 1);
    while (!is_shown(&f, with_bar))
        assert_true(++attempts < ATTEMPTS);
    assert_int_equal(f.rec.n_lost, 0);
    fixture_close(&f);
    test_buffer_drop(&buffer);
    assert_true(buffer.destroyed);
}

static void the_guests_picture_is_whole_below_a_title_bar(void **state)
{
    expect_shown(true);
}

static void or_without_one(void **state)
{
    expect_shown(false);
}

int main(void)
{
    if (!weston_is_here())
        return 77;
    const char *folder = getenv("LIBDECOR_PLUGIN_DIR");
    char plugin[300];
    snprintf(plugin, sizeof(plugin), "%s/libdecor-cairo.so", folder);
    if (access(plugin, R_OK) != 0) {
        printf("libdecor's cairo plugin is not installed: there is no %s\n", plugin);
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_guests_picture_is_whole_below_a_title_bar, weston_start,
                                        weston_stop),
        cmocka_unit_test_setup_teardown(or_without_one, weston_start, weston_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
