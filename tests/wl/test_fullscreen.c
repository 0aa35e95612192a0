// SPDX-License-Identifier: MIT
/* A guest's fullscreen picture on the real weston's screen: bit for bit, at each scale. */
#include <drm_fourcc.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "tests/test.h"
#include "tests/wl/fixture.h"
#include "tests/wl/screenshot.h"
#include "tests/wl/weston.h"

/* Of weston's screen, at scale 1. */
#define LOGICAL_W 640u
#define LOGICAL_H 480u
#define ATTEMPTS 20

/* No two pixels beside each other are alike: whatever blends or moves them is seen. */
static uint32_t colour(unsigned x, unsigned y)
{
    return ((x * 7 + y * 13) & 255) << 16 | ((x ^ y) & 1 ? 0xff00u : 0) | ((x * y) & 255);
}

static void draw(struct test_buffer *buffer)
{
    uint32_t width = buffer->base.width, height = buffer->base.height;
    uint32_t *pixels = mmap(NULL, width * height * 4, PROT_READ | PROT_WRITE, MAP_SHARED,
                            buffer->base.plane[0].fd, 0);
    assert_true(pixels != MAP_FAILED);
    for (unsigned i = 0; i < width * height; i++)
        pixels[i] =
            0xffu << 24 | colour(i % width, i / width); /* screenshots keep what is no alpha */
    munmap(pixels, width * height * 4);
}

static bool fills_the_screen(struct fixture *f, const struct test_buffer *buffer)
{
    unsigned width, height;
    uint8_t *rgb = screenshot_take(f, &width, &height);
    bool same = width == buffer->base.width && height == buffer->base.height;
    for (unsigned i = 0; same && i < width * height; i++)
        same = colour(i % width, i / width) ==
               ((uint32_t)rgb[i * 3] << 16 | (uint32_t)rgb[i * 3 + 1] << 8 | rgb[i * 3 + 2]);
    free(rgb);
    return same;
}

static void check_at_scale(unsigned scale)
{
    struct fixture f = { .loop = loop_create(), .impatient = true, .fullscreen = true };
    struct test_buffer a;
    unsigned width = LOGICAL_W * scale, height = LOGICAL_H * scale, attempts = 0;
    assert_true(fixture_finish_connecting(&f, 1));
    /* The guest is to drive its monitor with just the pixels of the screen. */
    fixture_until(&f, f.rec.mode[0].width == width && f.rec.mode[0].height == height);
    test_buffer_init(&a, FRAME_BUFFER_SHM, width, height, DRM_FORMAT_XRGB8888);
    draw(&a);
    fixture_present(&f, 0, &a, NULL);
    fixture_until(&f, f.rec.n_done == 1);
    while (!fills_the_screen(&f, &a))
        assert_true(++attempts < ATTEMPTS);
    fixture_close(&f);
    test_buffer_drop(&a);
    assert_true(a.destroyed);
}

static void a_fullscreen_picture_arrives_bit_for_bit(void **state)
{
    check_at_scale(1);
}

static void a_fullscreen_picture_arrives_bit_for_bit_at_scale_2(void **state)
{
    check_at_scale(2);
}

int main(void)
{
    if (!weston_is_here())
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_fullscreen_picture_arrives_bit_for_bit, weston_start,
                                        weston_stop),
        cmocka_unit_test_setup_teardown(a_fullscreen_picture_arrives_bit_for_bit_at_scale_2,
                                        weston_start_scaled, weston_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
