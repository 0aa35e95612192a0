// SPDX-License-Identifier: MIT
/* Frame timing over the windows, and what is counted of it. */
#include <drm_fourcc.h>
#include <string.h>
#include <wayland-server.h>

#include "tests/test.h"
#include "tests/wl/fixture.h"
#include "vmm/base/loop.h"

struct bed {
    struct fixture f;
    struct test_buffer buffer[2];
    unsigned n;
};

static void open_bed(struct bed *bed, const struct compositor_config *config, bool hud)
{
    *bed = (struct bed){ .f = { .loop = loop_create(), .hud = hud } };
    bed->f.compositor = compositor_create(bed->f.loop, config);
    fixture_finish_opening(&bed->f, 1);
    for (unsigned i = 0; i < 2; i++)
        test_buffer_init(&bed->buffer[i], FRAME_BUFFER_SHM, 64, 64, DRM_FORMAT_XRGB8888);
}

static void close_bed(struct bed *bed)
{
    fixture_close(&bed->f);
    for (unsigned i = 0; i < 2; i++)
        test_buffer_drop(&bed->buffer[i]);
}

static struct compositor_surface *hud_of(struct bed *bed)
{
    return compositor_subsurface(compositor_window(bed->f.compositor, 0));
}

/* A frame that is shown and done. */
static void show_frame(struct bed *bed)
{
    uint32_t seq = fixture_present(&bed->f, 0, &bed->buffer[bed->n++ % 2], NULL);
    compositor_sync(bed->f.compositor);
    compositor_repaint(bed->f.compositor);
    compositor_sync(bed->f.compositor);
    fixture_until(&bed->f, bed->f.rec.n_done > 0 && bed->f.rec.done[bed->f.rec.n_done - 1] == seq);
}

static void a_window_without_it_has_nothing_over_it(void **state)
{
    struct bed bed;
    open_bed(&bed, &compositor_everything, false);
    for (unsigned i = 0; i < 10; i++)
        show_frame(&bed);
    assert_null(hud_of(&bed));
    close_bed(&bed);
}

static void frames_are_counted_and_drawn_over_the_window(void **state)
{
    struct bed bed;
    open_bed(&bed, &compositor_everything, true);
    struct compositor_surface *hud = hud_of(&bed);
    assert_non_null(hud);
    assert_false(hud->has_content);
    show_frame(&bed);
    struct compositor_surface *window = compositor_window(bed.f.compositor, 0);
    unsigned commits = window->commits;
    fixture_until(&bed.f, (compositor_sync(bed.f.compositor), hud->has_content));
    assert_int_equal(window->commits, commits); /* its own commits do */
    assert_true(hud->deaf);                     /* what is pointed at is the window */
    assert_false(hud->below);
    assert_int_equal(hud->x, 12);
    assert_int_equal(hud->y, 12);
    assert_int_equal(wayl_stats(bed.f.wayl)->latency.count, 1);
    assert_true(wayl_latency_percentile(&wayl_stats(bed.f.wayl)->latency, 100) > 0);
    close_bed(&bed);
}

/* Says "no frames" once, and sleeps. */
static void an_idle_guest_costs_no_drawing(void **state)
{
    struct bed bed;
    open_bed(&bed, &compositor_everything, true);
    struct compositor_surface *hud = hud_of(&bed);
    for (unsigned round = 0; round < 2; round++) {
        unsigned before = hud->commits;
        show_frame(&bed);
        fixture_until(&bed.f, (compositor_repaint(bed.f.compositor),
                               compositor_sync(bed.f.compositor), hud->commits >= before + 2));
        int64_t end = fixture_now_ms() + 600; /* more than two of its periods */
        while (fixture_now_ms() < end)
            loop_run_once(bed.f.loop, 50);
        compositor_sync(bed.f.compositor);
        assert_int_equal(hud->commits, before + 2);
    }
    close_bed(&bed);
}

/* Nothing wakes the loop for more than two of its periods. */
static void expect_sleep(struct bed *bed)
{
    compositor_sync(bed->f.compositor);
    loop_run_once(bed->f.loop, 0);
    int64_t start = fixture_now_ms();
    loop_run_once(bed->f.loop, 600);
    assert_true(fixture_now_ms() - start >= 599);
}

/* A compositor that keeps both buffers is waited for, not asked. */
static void buffers_that_are_kept_cost_no_wakeups(void **state)
{
    struct bed bed;
    open_bed(&bed, &compositor_everything, true);
    struct compositor *c = bed.f.compositor;
    struct compositor_surface *hud = hud_of(&bed);
    show_frame(&bed);
    c->hold_releases = true;
    fixture_until(&bed.f, (compositor_sync(c), hud->commits >= 2));
    for (unsigned i = 0; i < 2; i++) {
        c->hold_releases = false; /* of the window's buffers */
        show_frame(&bed);
        c->hold_releases = true;
        if (i == 0)
            loop_run_once(bed.f.loop, 1000); /* it was to be drawn now */
        expect_sleep(&bed);
        assert_int_equal(hud->commits, 2);
    }
    c->hold_releases = false;
    compositor_release_held(c);
    compositor_sync(c);
    assert_int_equal(hud->commits, 3); /* at once */
    fixture_until(&bed.f, (compositor_sync(c), hud->commits >= 4));
    expect_sleep(&bed);
    assert_int_equal(hud->commits, 4);
    close_bed(&bed);
}

static void it_goes_and_comes_with_its_window(void **state)
{
    struct bed bed;
    open_bed(&bed, &compositor_everything, true);
    show_frame(&bed);
    wayl_close(bed.f.wayl, 0);
    compositor_sync(bed.f.compositor);
    assert_null(compositor_window(bed.f.compositor, 0));
    assert_true(wayl_open(bed.f.wayl, 0));
    compositor_sync(bed.f.compositor);
    struct compositor_surface *hud = hud_of(&bed);
    assert_non_null(hud);
    show_frame(&bed);
    fixture_until(&bed.f, (compositor_sync(bed.f.compositor), hud->has_content));
    close_bed(&bed);
}

static void a_compositor_with_little_still_has_latencies(void **state)
{
    struct bed bed;
    open_bed(&bed, &compositor_poor, true); /* neither subsurfaces nor presentation-time */
    for (unsigned i = 0; i < 5; i++)
        show_frame(&bed);
    assert_null(hud_of(&bed));
    assert_int_equal(wayl_stats(bed.f.wayl)->latency.count, 5);
    close_bed(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_without_it_has_nothing_over_it),
        cmocka_unit_test(frames_are_counted_and_drawn_over_the_window),
        cmocka_unit_test(an_idle_guest_costs_no_drawing),
        cmocka_unit_test(buffers_that_are_kept_cost_no_wakeups),
        cmocka_unit_test(it_goes_and_comes_with_its_window),
        cmocka_unit_test(a_compositor_with_little_still_has_latencies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
