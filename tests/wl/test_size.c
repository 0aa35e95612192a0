// SPDX-License-Identifier: MIT
/* How large windows are, in which scale, and what the guest is told of it. */
#include <drm_fourcc.h>

#include "tests/test.h"
#include "tests/wl/fixture.h"
#include "vmm/base/util.h"
#include "xdg-shell-server.h"

#define W FIXTURE_WIDTH
#define H FIXTURE_HEIGHT
#define STATES(...) ((const uint32_t[]){ __VA_ARGS__, 0 })
#define BUFFERS 8

/* One window, whose guest draws a picture of any size when the test says so. */
struct bed {
    struct fixture f;
    struct compositor_surface *window;
    struct test_buffer buffer[BUFFERS];
    unsigned n_buffers;
};

static void shows(struct bed *bed, uint32_t width, uint32_t height)
{
    struct fixture *f = &bed->f;
    assert_true(bed->n_buffers < BUFFERS);
    struct test_buffer *buffer = &bed->buffer[bed->n_buffers++];
    test_buffer_init(buffer, FRAME_BUFFER_SHM, width, height, DRM_FORMAT_XRGB8888);
    uint64_t presented = wayl_stats(f->wayl)->presented;
    fixture_present(f, 0, buffer, NULL);
    fixture_until(f, wayl_stats(f->wayl)->presented == presented + 1);
    compositor_sync(f->compositor);
    compositor_repaint(f->compositor);
    fixture_until(f, f->rec.n_done && f->rec.done[f->rec.n_done - 1] == f->seq);
}

static void open_bed(struct bed *bed, const struct compositor_config *config)
{
    *bed = (struct bed){ 0 };
    fixture_open(&bed->f, config, 1);
    bed->window = compositor_window(bed->f.compositor, 0);
    shows(bed, W, H);
}

static void close_bed(struct bed *bed)
{
    assert_int_equal(bed->f.rec.n_lost, 0);
    fixture_close(&bed->f);
    for (unsigned i = 0; i < bed->n_buffers; i++) {
        test_buffer_drop(&bed->buffer[i]);
        assert_true(bed->buffer[i].destroyed);
    }
}

/* All that the client has to say to what it was told is said. */
static void settle(struct bed *bed)
{
    compositor_sync(bed->f.compositor);
    compositor_sync(bed->f.compositor);
}

static void configure(struct bed *bed, int32_t width, int32_t height, uint32_t state)
{
    compositor_configure(bed->window, width, height, STATES(state));
    settle(bed);
}

static void expect_mode(const struct bed *bed, uint32_t width, uint32_t height)
{
    assert_int_equal(bed->f.rec.mode[0].width, width);
    assert_int_equal(bed->f.rec.mode[0].height, height);
}

static void expect_rect(struct rect rect, int32_t x, int32_t y, int32_t width, int32_t height)
{
    assert_int_equal(rect.x, x);
    assert_int_equal(rect.y, y);
    assert_int_equal(rect.width, width);
    assert_int_equal(rect.height, height);
}

static void expect_picture(const struct bed *bed, int32_t width, int32_t height)
{
    assert_int_equal(bed->window->width, width);
    assert_int_equal(bed->window->height, height);
}

static void the_guest_is_told_its_windows_size_and_scaled_between_bars_until_it_follows(
    void **state)
{
    struct bed bed;
    open_bed(&bed, &compositor_everything);
    assert_null(compositor_bars(bed.window));
    configure(&bed, 500, 400, XDG_TOPLEVEL_STATE_RESIZING);
    expect_mode(&bed, 500, 400);
    expect_picture(&bed, 500, 312); /* 320×200 as large as it fits */
    struct compositor_surface *bars = compositor_bars(bed.window);
    assert_non_null(bars);
    assert_true(bars->opaque);
    expect_rect((struct rect){ bars->x, bars->y, bars->width, bars->height }, 0, -44, 500, 400);
    expect_rect(bed.window->geometry, 0, -44, 500, 400);
    shows(&bed, 500, 400);
    expect_picture(&bed, 500, 400);
    assert_null(compositor_bars(bed.window));
    expect_rect(bed.window->geometry, 0, 0, 500, 400);
    assert_int_equal(bed.f.rec.n_modes, 2);
    assert_int_equal(bed.f.rec.layout[0].width, 500); /* the owner heard the same */
    close_bed(&bed);
}

static void a_window_takes_the_size_that_its_owner_says_while_it_floats(void **state)
{
    struct bed bed;
    open_bed(&bed, &compositor_everything);
    assert_true(wayl_resize(bed.f.wayl, 0, 600, 480));
    settle(&bed);
    expect_mode(&bed, 600, 480);
    shows(&bed, 600, 480);
    expect_picture(&bed, 600, 480);
    configure(&bed, 600, 480, XDG_TOPLEVEL_STATE_ACTIVATED);
    expect_picture(&bed, 600, 480);
    assert_false(wayl_resize(bed.f.wayl, 1, 600, 480));
    configure(&bed, 1000, 800, XDG_TOPLEVEL_STATE_MAXIMIZED);
    assert_false(wayl_resize(bed.f.wayl, 0, 640, 480));
    expect_mode(&bed, 1000, 800);
    configure(&bed, 0, 0, XDG_TOPLEVEL_STATE_ACTIVATED);
    expect_rect(bed.window->geometry, 0, 0, 600, 480);
    close_bed(&bed);
}

static void a_guest_that_never_follows_stays_between_bars(void **state)
{
    struct bed bed;
    open_bed(&bed, &compositor_everything);
    configure(&bed, 1000, 200, XDG_TOPLEVEL_STATE_MAXIMIZED);
    shows(&bed, W, H);
    expect_picture(&bed, 320, 200);
    expect_rect(bed.window->geometry, -340, 0, 1000, 200);
    shows(&bed, 100, 400); /* nor what was told: of another shape */
    expect_picture(&bed, 50, 200);
    expect_rect(bed.window->geometry, -475, 0, 1000, 200);
    configure(&bed, 0, 0, XDG_TOPLEVEL_STATE_ACTIVATED);
    expect_rect(bed.window->geometry, -135, 0, 320, 200);
    close_bed(&bed);
}

static void a_window_may_be_filled_instead(void **state)
{
    struct bed bed = { .f = { .loop = loop_create(), .fill = true } };
    bed.f.compositor = compositor_create(bed.f.loop, &compositor_everything);
    fixture_finish_opening(&bed.f, 1);
    bed.window = compositor_window(bed.f.compositor, 0);
    shows(&bed, W, H);
    configure(&bed, 1000, 200, XDG_TOPLEVEL_STATE_MAXIMIZED);
    expect_picture(&bed, 1000, 200);
    assert_null(compositor_bars(bed.window));
    close_bed(&bed);
}

static void a_drag_is_told_as_fast_as_the_guest_follows(void **state)
{
    struct bed bed;
    open_bed(&bed, &compositor_everything);
    for (int32_t i = 1; i <= 40; i++)
        compositor_configure(bed.window, 400 + i, 300, STATES(XDG_TOPLEVEL_STATE_RESIZING));
    settle(&bed);
    assert_int_equal(bed.f.rec.n_modes, 2); /* what comes at once is one */
    expect_mode(&bed, 440, 300);
    configure(&bed, 500, 300, XDG_TOPLEVEL_STATE_RESIZING);
    configure(&bed, 510, 300, XDG_TOPLEVEL_STATE_RESIZING);
    expect_mode(&bed, 440, 300); /* which the guest has not got yet */
    shows(&bed, 440, 300);
    settle(&bed);
    assert_int_equal(bed.f.rec.n_modes, 3);
    expect_mode(&bed, 510, 300);
    shows(&bed, 510, 300);
    configure(&bed, 510, 300, XDG_TOPLEVEL_STATE_ACTIVATED);
    assert_int_equal(bed.f.rec.n_modes, 3);
    expect_picture(&bed, 510, 300);
    close_bed(&bed);
}

static void a_guest_that_does_not_follow_is_told_the_last_size_all_the_same(void **state)
{
    struct bed bed = { 0 };
    fixture_open_impatient(&bed.f, &compositor_everything, 1);
    bed.window = compositor_window(bed.f.compositor, 0);
    configure(&bed, 400, 300, XDG_TOPLEVEL_STATE_RESIZING);
    configure(&bed, 500, 300, XDG_TOPLEVEL_STATE_RESIZING);
    fixture_until(&bed.f, bed.f.rec.mode[0].width == 500);
    close_bed(&bed);
}

static void a_fullscreen_guest_gets_the_outputs_own_mode_and_rate(void **state)
{
    struct bed bed;
    open_bed(&bed, &compositor_everything);
    struct compositor *c = bed.f.compositor;
    struct compositor_output *other = compositor_output_add(c, 2560, 1440, 144000, 1);
    settle(&bed);
    compositor_surface_enter(bed.window, other);
    compositor_preferred_scale(bed.window, 132);
    settle(&bed);
    shows(&bed, 352, 220);
    assert_int_equal(bed.f.rec.mode[0].refresh_mhz, 144000);
    /* 2560 / 1.1 and 1440 / 1.1 as a compositor may round them */
    configure(&bed, 2327, 1309, XDG_TOPLEVEL_STATE_FULLSCREEN);
    expect_mode(&bed, 2560, 1440);
    shows(&bed, 2560, 1440);
    assert_null(compositor_bars(bed.window));
    expect_picture(&bed, 2327, 1309);
    close_bed(&bed);
}

static void at_each_scale_a_picture_has_the_logical_size_times_the_scale(void **state)
{
    static const uint32_t scales[] = { 120, 150, 180, 240 };
    static const struct rect sizes[] = { { 0, 0, 333, 251 }, { 0, 0, 640, 480 } };
    for (unsigned i = 0; i < ARRAY_LEN(scales); i++) {
        struct bed bed;
        open_bed(&bed, &compositor_everything);
        compositor_preferred_scale(bed.window, scales[i]);
        settle(&bed);
        shows(&bed, bed.f.rec.mode[0].width, bed.f.rec.mode[0].height);
        expect_picture(&bed, W, H); /* it stays as large as it was */
        for (unsigned j = 0; j < ARRAY_LEN(sizes); j++) {
            int32_t width = sizes[j].width, height = sizes[j].height;
            configure(&bed, width, height, XDG_TOPLEVEL_STATE_RESIZING);
            uint32_t pixels = ((uint32_t)width * scales[i] + 60) / 120;
            uint32_t rows = ((uint32_t)height * scales[i] + 60) / 120;
            expect_mode(&bed, pixels, rows);
            shows(&bed, pixels, rows);
            expect_picture(&bed, width, height);
            assert_null(compositor_bars(bed.window));
            assert_int_equal(bed.window->scale, 1); /* the viewport does it */
        }
        close_bed(&bed);
    }
}

static void expect_millimetres(const struct bed *bed, uint32_t width, uint32_t height)
{
    assert_int_equal(bed->f.rec.mode[0].width_mm, width);
    assert_int_equal(bed->f.rec.mode[0].height_mm, height);
}

static void a_guest_knows_how_large_its_pixels_are_on_the_screen(void **state)
{
    struct bed bed;
    open_bed(&bed, &compositor_everything);
    struct compositor_output *output = &bed.f.compositor->output[0];
    expect_millimetres(&bed, 85, 53); /* 96 pixels an inch: nothing is known yet */
    compositor_surface_enter(bed.window, output);
    settle(&bed);
    expect_millimetres(&bed, 80, 50); /* 4 pixels a millimetre */
    output->transform = WL_OUTPUT_TRANSFORM_90;
    output->width_mm = 1920 / 8;
    compositor_output_changed(output);
    settle(&bed);
    expect_millimetres(&bed, 80, 25);
    output->width_mm = output->height_mm = 0; /* a projector */
    compositor_output_changed(output);
    compositor_preferred_scale(bed.window, 240);
    settle(&bed);
    expect_mode(&bed, 2 * W, 2 * H);
    expect_millimetres(&bed, 85, 53);
    close_bed(&bed);
}

static void a_window_that_is_moved_takes_the_scale_of_where_it_is(void **state)
{
    struct compositor_config config = compositor_everything;
    config.fractional_scale = 0;
    struct bed bed;
    open_bed(&bed, &config);
    struct compositor *c = bed.f.compositor;
    struct compositor_output *sharp = compositor_output_add(c, 3840, 2160, 60000, 2);
    settle(&bed);
    compositor_surface_enter(bed.window, &c->output[0]);
    settle(&bed);
    assert_int_equal(bed.f.rec.mode[0].refresh_mhz, 75000);
    compositor_surface_enter(bed.window, sharp); /* on both: the sharper one rules */
    settle(&bed);
    expect_mode(&bed, 2 * W, 2 * H);
    shows(&bed, 2 * W, 2 * H);
    expect_picture(&bed, W, H);
    compositor_surface_leave(bed.window, &c->output[0]);
    settle(&bed);
    assert_int_equal(bed.f.rec.mode[0].refresh_mhz, 60000);
    compositor_output_remove(sharp);
    settle(&bed);
    expect_mode(&bed, W, H);
    shows(&bed, W, H);
    assert_int_equal(bed.f.rec.mode[0].refresh_mhz, 75000); /* of what is left */
    close_bed(&bed);
}

static void without_a_viewporter_whole_scales_are_the_buffers(void **state)
{
    struct compositor_config config = compositor_everything;
    config.viewporter = 0;
    struct bed bed;
    open_bed(&bed, &config);
    assert_null(bed.window->fractional_scale); /* of no use then */
    struct compositor_output *sharp = compositor_output_add(bed.f.compositor, 3840, 2160, 60000, 2);
    settle(&bed);
    compositor_surface_enter(bed.window, sharp);
    settle(&bed);
    expect_mode(&bed, 2 * W, 2 * H);
    shows(&bed, 2 * W, 2 * H);
    assert_int_equal(bed.window->scale, 2);
    shows(&bed, 2 * W, 2 * H - 1); /* would be a protocol error */
    assert_int_equal(bed.window->scale, 1);
    close_bed(&bed);
}

static void a_size_to_choose_is_within_the_bounds(void **state)
{
    struct bed bed;
    open_bed(&bed, &compositor_everything);
    xdg_toplevel_send_configure_bounds(bed.window->toplevel, 200, 100);
    configure(&bed, 0, 0, XDG_TOPLEVEL_STATE_ACTIVATED);
    expect_picture(&bed, 160, 100);
    expect_mode(&bed, 160, 100);
    close_bed(&bed);
}

static void a_pointer_on_the_bars_is_at_the_pictures_edge(void **state)
{
    struct bed bed;
    open_bed(&bed, &compositor_everything);
    struct compositor_seat *seat = &bed.f.compositor->seat[0];
    configure(&bed, 500, 400, XDG_TOPLEVEL_STATE_RESIZING); /* the picture: 0,44 500×312 */
    wl_pointer_send_enter(seat->pointer, 1, compositor_bars(bed.window)->resource,
                          wl_fixed_from_int(250), wl_fixed_from_int(20));
    wl_pointer_send_frame(seat->pointer);
    wl_pointer_send_motion(seat->pointer, 0, wl_fixed_from_int(125), wl_fixed_from_int(200));
    wl_pointer_send_frame(seat->pointer);
    wl_pointer_send_enter(seat->pointer, 2, bed.window->resource, wl_fixed_from_int(125),
                          wl_fixed_from_int(156));
    wl_pointer_send_frame(seat->pointer);
    settle(&bed);
    assert_string_equal(bed.f.rec.input, "abs 0 0.500 0.000; frame; abs 0 0.250 0.500; frame; "
                                         "leave; abs 0 0.250 0.500; frame; ");
    close_bed(&bed);
}

static void absurd_sizes_and_scales_harm_nobody(void **state)
{
    static const int32_t sizes[] = { INT32_MAX, INT32_MIN, -1, 1, 0 };
    struct bed bed;
    open_bed(&bed, &compositor_everything);
    for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
        for (unsigned j = 0; j < ARRAY_LEN(sizes); j++) {
            xdg_toplevel_send_configure_bounds(bed.window->toplevel, sizes[j], sizes[i]);
            configure(&bed, sizes[i], sizes[j], i % 2 ? 2 : 3);
            compositor_preferred_scale(bed.window, (uint32_t)sizes[j]);
            settle(&bed);
            assert_true(bed.window->width >= 1 && bed.window->height >= 1);
            assert_in_range(bed.f.rec.mode[0].width, 64, 16384);
            assert_in_range(bed.f.rec.mode[0].height, 64, 16384);
        }
    }
    struct compositor_output *output = &bed.f.compositor->output[0];
    compositor_surface_enter(bed.window, output);
    for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
        output->width = output->height = output->scale = sizes[i];
        output->width_mm = output->height_mm = output->refresh_mhz = sizes[i];
        compositor_output_changed(output);
        settle(&bed);
    }
    close_bed(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            the_guest_is_told_its_windows_size_and_scaled_between_bars_until_it_follows),
        cmocka_unit_test(a_window_takes_the_size_that_its_owner_says_while_it_floats),
        cmocka_unit_test(a_guest_that_never_follows_stays_between_bars),
        cmocka_unit_test(a_window_may_be_filled_instead),
        cmocka_unit_test(a_drag_is_told_as_fast_as_the_guest_follows),
        cmocka_unit_test(a_guest_that_does_not_follow_is_told_the_last_size_all_the_same),
        cmocka_unit_test(a_fullscreen_guest_gets_the_outputs_own_mode_and_rate),
        cmocka_unit_test(at_each_scale_a_picture_has_the_logical_size_times_the_scale),
        cmocka_unit_test(a_guest_knows_how_large_its_pixels_are_on_the_screen),
        cmocka_unit_test(a_window_that_is_moved_takes_the_scale_of_where_it_is),
        cmocka_unit_test(without_a_viewporter_whole_scales_are_the_buffers),
        cmocka_unit_test(a_size_to_choose_is_within_the_bounds),
        cmocka_unit_test(a_pointer_on_the_bars_is_at_the_pictures_edge),
        cmocka_unit_test(absurd_sizes_and_scales_harm_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
