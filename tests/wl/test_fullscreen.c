// SPDX-License-Identifier: MIT
/* A guest's fullscreen picture on the real weston's screen: bit for bit, at each scale, and dimmed while the guest
 * stands still. */
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

/* How many of the screen's pixels are those of the buffer; of the others, how many are at most half as bright. */
struct seen {
    unsigned same, dimmed, n;
};

static struct seen look(struct fixture *f, const struct test_buffer *buffer)
{
    unsigned width, height;
    uint8_t *rgb = screenshot_take(f, &width, &height);
    struct seen seen = { .n = width * height };
    assert_true(width == buffer->base.width && height == buffer->base.height);
    for (unsigned i = 0; i < width * height; i++) {
        uint32_t expected = colour(i % width, i / width);
        const uint8_t *p = &rgb[i * 3];
        if (expected == ((uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2]))
            seen.same++;
        else if (p[0] <= (expected >> 16) / 2 && p[1] <= (expected >> 8 & 255) / 2 &&
                 p[2] <= (expected & 255) / 2)
            seen.dimmed++;
    }
    free(rgb);
    return seen;
}

static void expect_bit_for_bit(struct fixture *f, const struct test_buffer *buffer)
{
    unsigned attempts = 0;
    for (struct seen seen = { 0 }; seen.same == 0 || seen.same < seen.n;) {
        seen = look(f, buffer);
        assert_true(++attempts < ATTEMPTS);
    }
}

/* All but some letters, and what is black anyway. */
static void expect_dimmed(struct fixture *f, const struct test_buffer *buffer)
{
    unsigned attempts = 0;
    for (struct seen seen = { 0 }; seen.same == 0 || seen.same > seen.n / 100;) {
        seen = look(f, buffer);
        assert_true(++attempts < ATTEMPTS);
        unsigned letters = seen.n - seen.same - seen.dimmed;
        if (seen.dimmed > 0)
            assert_true(letters > seen.n / 1000 && letters < seen.n / 20);
    }
}

static void check_at_scale(unsigned scale)
{
    struct fixture f = { .loop = loop_create(), .impatient = true, .fullscreen = true };
    struct test_buffer a;
    unsigned width = LOGICAL_W * scale, height = LOGICAL_H * scale;
    assert_true(fixture_finish_connecting(&f, 1));
    /* The guest is to drive its monitor with just the pixels of the screen. */
    fixture_until(&f, f.rec.mode[0].width == width && f.rec.mode[0].height == height);
    test_buffer_init(&a, FRAME_BUFFER_SHM, width, height, DRM_FORMAT_XRGB8888);
    draw(&a);
    fixture_present(&f, 0, &a, NULL);
    fixture_until(&f, f.rec.n_done == 1);
    expect_bit_for_bit(&f, &a);
    wayl_set_stands(f.wayl, "suspended");
    expect_dimmed(&f, &a);
    wayl_set_stands(f.wayl, NULL);
    expect_bit_for_bit(&f, &a);
    fixture_close(&f);
    test_buffer_drop(&a);
    assert_true(a.destroyed);
}

static void a_fullscreen_picture_arrives_bit_for_bit_and_dimmed(void **state)
{
    check_at_scale(1);
}

static void and_at_scale_2(void **state)
{
    check_at_scale(2);
}

int main(void)
{
    if (!weston_is_here())
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_fullscreen_picture_arrives_bit_for_bit_and_dimmed,
                                        weston_start, weston_stop),
        cmocka_unit_test_setup_teardown(and_at_scale_2, weston_start_scaled, weston_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
