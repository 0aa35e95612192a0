// SPDX-License-Identifier: MIT
/* Title bars that are ours to draw, by libdecor (decor_fake.h), because the compositor draws none. */
#include <drm_fourcc.h>
#include <linux/input-event-codes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"
#include "tests/wl/decor_fake.h"
#include "tests/wl/fixture.h"
#include "vmm/base/util.h"
#include "xdg-decoration-v1-server.h"
#include "xdg-shell-server.h"

#define W FIXTURE_WIDTH
#define H FIXTURE_HEIGHT
#define TITLE DECOR_TITLE
#define STATES(...) ((const uint32_t[]){ __VA_ARGS__, 0 })

static const uint32_t no_states[] = { 0 };

static struct compositor_config like_gnome(void)
{
    struct compositor_config config = compositor_everything;
    config.decoration = 0;
    return config;
}

static void open_framed(struct fixture *f, unsigned n_windows)
{
    struct compositor_config config = like_gnome();
    fixture_open(f, &config, n_windows);
    assert_non_null(f->wayl);
    assert_int_equal(decor_fake.frames, n_windows);
}

static void close_all(struct fixture *f)
{
    assert_int_equal(f->rec.n_lost, 0);
    fixture_close(f);
    assert_int_equal(decor_fake.frames, 0);
    assert_int_equal(decor_fake.contexts, 0);
}

static void expect_geometry(const struct compositor_surface *window, int32_t x, int32_t y,
                            int32_t width, int32_t height)
{
    assert_int_equal(window->geometry.x, x);
    assert_int_equal(window->geometry.y, y);
    assert_int_equal(window->geometry.width, width);
    assert_int_equal(window->geometry.height, height);
}

static void configure(struct fixture *f, int32_t width, int32_t height, const uint32_t *states)
{
    struct compositor_surface *window = compositor_window(f->compositor, 0);
    compositor_configure(window, width, height, states);
    uint32_t serial = f->compositor->serial;
    compositor_sync(f->compositor);
    compositor_sync(f->compositor);
    assert_int_equal(window->acked, serial);
}

static void present(struct fixture *f, struct test_buffer *buffer, uint32_t width, uint32_t height)
{
    test_buffer_init(buffer, FRAME_BUFFER_SHM, width, height, DRM_FORMAT_XRGB8888);
    uint64_t presented = wayl_stats(f->wayl)->presented;
    fixture_present(f, 0, buffer, NULL);
    fixture_until(f, wayl_stats(f->wayl)->presented == presented + 1);
    compositor_sync(f->compositor);
}

static void a_window_has_a_title_bar_where_the_compositor_draws_none(void **state)
{
    struct fixture f;
    open_framed(&f, 2);
    for (unsigned i = 0; i < 2; i++) {
        struct compositor_surface *window = compositor_window(f.compositor, i);
        assert_true(window->has_content);
        assert_int_equal(window->width, W);
        assert_int_equal(window->height, H);
        assert_string_equal(window->title, i ? "A guest (2)" : "A guest (1)");
        assert_string_equal(window->app_id, "vitrine.test");
        assert_int_equal(window->min.width, 128);
        assert_int_equal(window->min.height, 96 + TITLE);
        assert_int_equal(window->geometry.y, -TITLE);
        assert_int_equal(window->geometry.height, H + TITLE);
    }
    close_all(&f);
}

static void expect_no_frame(const struct compositor_config *config, bool bare)
{
    struct fixture f = { .loop = loop_create(), .manners.bare = bare };
    unsigned made = decor_fake.made;
    f.compositor = compositor_create(f.loop, config);
    fixture_finish_opening(&f, 1);
    assert_non_null(f.wayl);
    assert_true(compositor_window(f.compositor, 0)->has_content);
    assert_int_equal(compositor_window(f.compositor, 0)->geometry.height, 0);
    assert_int_equal(decor_fake.made, made);
    close_all(&f);
}

static void libdecor_is_loaded_only_where_it_is_needed_and_can_draw(void **state)
{
    struct compositor_config config = like_gnome();
    expect_no_frame(&compositor_everything, false);
    expect_no_frame(&config, true);
    config.subcompositor = 0;
    expect_no_frame(&config, false);
    expect_no_frame(&compositor_poor, false);
}

static void without_a_plugin_there_is_no_title_bar(void **state)
{
    struct compositor_config config = like_gnome();
    char *folder = strdup(getenv("LIBDECOR_PLUGIN_DIR"));
    setenv("LIBDECOR_PLUGIN_DIR", "/nonexistent:/proc/self/fdinfo", 1);
    expect_no_frame(&config, false);
    setenv("LIBDECOR_PLUGIN_DIR", folder, 1);
    free(folder);
}

static void a_plugin_that_does_not_come_up_leaves_windows_without_a_title_bar(void **state)
{
    struct compositor_config config = like_gnome();
    struct fixture f;
    decor_fake.unready = true;
    fixture_open(&f, &config, 2);
    decor_fake.unready = false;
    assert_int_equal(decor_fake.contexts, 1);
    assert_int_equal(decor_fake.frames, 0);
    assert_true(compositor_window(f.compositor, 1)->has_content);
    assert_int_equal(compositor_window(f.compositor, 1)->geometry.height, 0);
    close_all(&f);
}

static void who_wants_no_title_bar_gets_none_of_the_compositors(void **state)
{
    struct fixture f = { .loop = loop_create(), .manners.bare = true };
    f.compositor = compositor_create(f.loop, &compositor_everything);
    fixture_finish_opening(&f, 1);
    assert_int_equal(compositor_window(f.compositor, 0)->decoration_mode,
                     ZXDG_TOPLEVEL_DECORATION_V1_MODE_CLIENT_SIDE);
    close_all(&f);
}

static void the_guest_has_what_is_left_within_the_frame(void **state)
{
    struct fixture f;
    struct test_buffer before, after;
    open_framed(&f, 1);
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    present(&f, &before, W, H);
    configure(&f, 500, 400, no_states);
    expect_geometry(window, 0, -TITLE, 500, 400);
    fixture_until(&f, f.rec.mode[0].height == 400 - TITLE);
    assert_int_equal(f.rec.mode[0].width, 500);
    present(&f, &after, 500, 400 - TITLE);
    assert_int_equal(window->width, 500);
    assert_int_equal(window->height, 400 - TITLE);
    assert_null(compositor_bars(window));
    configure(&f, 0, 0, no_states); /* as we like */
    expect_geometry(window, 0, -TITLE, 500, 400);
    configure(&f, 800, 600, STATES(XDG_TOPLEVEL_STATE_MAXIMIZED));
    expect_geometry(window, 0, -TITLE, 800, 600);
    fixture_until(&f, f.rec.mode[0].height == 600 - TITLE);
    fixture_close_with(&f, &before, &after);
}

static void a_fullscreen_window_has_no_frame(void **state)
{
    struct fixture f;
    struct test_buffer buffer;
    open_framed(&f, 1);
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    configure(&f, 640, 480, STATES(XDG_TOPLEVEL_STATE_FULLSCREEN));
    present(&f, &buffer, 640, 480);
    assert_int_equal(window->width, 640);
    assert_int_equal(window->height, 480);
    expect_geometry(window, 0, 0, 640, 480);
    close_all(&f);
    test_buffer_drop(&buffer);
}

static void absurd_sizes_leave_a_window(void **state)
{
    static const int32_t sizes[] = { 1, 5, TITLE, TITLE + 1, 16384, 1000000, INT32_MAX };
    struct fixture f;
    open_framed(&f, 1);
    for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
        for (unsigned j = 0; j < ARRAY_LEN(sizes); j++) {
            configure(&f, sizes[i], sizes[j], STATES(XDG_TOPLEVEL_STATE_MAXIMIZED));
            struct compositor_surface *window = compositor_window(f.compositor, 0);
            assert_int_equal(window->width, MIN(sizes[i], 16384));
            assert_int_equal(window->height, MIN(MAX(sizes[j] - TITLE, 1), 16384));
        }
    }
    close_all(&f);
}

static void a_picture_of_another_shape_begins_in_the_frames_corner(void **state)
{
    struct fixture f;
    struct test_buffer wide, tall;
    open_framed(&f, 1);
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    configure(&f, 500, 400 + TITLE, no_states);
    present(&f, &wide, 100, 40);
    assert_int_equal(window->width, 500);
    assert_int_equal(window->height, 200);
    struct compositor_surface *bars = compositor_bars(window);
    assert_non_null(bars);
    assert_int_equal(bars->x, 0);
    assert_int_equal(bars->y, 0);
    assert_int_equal(bars->width, 500);
    assert_int_equal(bars->height, 400);
    expect_geometry(window, 0, -TITLE, 500, 400 + TITLE);
    present(&f, &tall, 100, 200);
    assert_int_equal(window->width, 200);
    assert_int_equal(bars->x, 0);
    expect_geometry(window, 0, -TITLE, 500, 400 + TITLE);
    fixture_close_with(&f, &wide, &tall);
    assert_int_equal(decor_fake.contexts, 0);
}

static void it_is_in_the_middle_of_a_fullscreen_window(void **state)
{
    struct fixture f;
    struct test_buffer tall, square;
    open_framed(&f, 1);
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    present(&f, &tall, 100, 200);
    for (unsigned i = 0; i < 2; i++) { /* the second time nothing has changed */
        configure(&f, 600, 400, STATES(XDG_TOPLEVEL_STATE_FULLSCREEN));
        assert_int_equal(compositor_bars(window)->x, -200);
        expect_geometry(window, -200, 0, 600, 400);
    }
    /* A picture that needs no bars, and a frame again. */
    present(&f, &square, 600, 400);
    assert_null(compositor_bars(window));
    expect_geometry(window, 0, 0, 600, 400);
    configure(&f, 300, 200, no_states);
    expect_geometry(window, 0, -TITLE, 300, 200);
    fixture_close_with(&f, &tall, &square);
}

static void a_picture_that_the_guest_chose_sizes_the_frame(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    open_framed(&f, 1);
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    present(&f, &a, W, H);
    present(&f, &b, 720, 400);
    assert_int_equal(window->width, 720);
    expect_geometry(window, 0, -TITLE, 720, 400 + TITLE);
    fixture_close_with(&f, &a, &b);
}

static void its_button_closes_the_window_and_another_can_be_opened(void **state)
{
    struct fixture f;
    struct compositor_config config = like_gnome();
    fixture_open_some(&f, &config, 1, 2);
    f.rec.closes = true;
    xdg_toplevel_send_close(compositor_window(f.compositor, 0)->toplevel);
    fixture_until(&f, f.rec.n_close == 1);
    assert_int_equal(decor_fake.frames, 0);
    assert_true(wayl_open(f.wayl, 1));
    assert_true(wayl_open(f.wayl, 0));
    compositor_sync(f.compositor);
    compositor_sync(f.compositor);
    assert_int_equal(decor_fake.frames, 2);
    assert_true(compositor_window(f.compositor, 1)->has_content);
    close_all(&f);
}

static void the_title_follows_the_machine(void **state)
{
    struct fixture f;
    struct test_buffer buffer;
    open_framed(&f, 1);
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    present(&f, &buffer, W, H);
    unsigned commits = window->commits;
    wayl_set_note(f.wayl, "paused");
    compositor_sync(f.compositor);
    assert_string_equal(window->title, "A guest — paused");
    assert_int_equal(window->commits, commits + 1); /* so that the bar is drawn anew */
    close_all(&f);
    test_buffer_drop(&buffer);
}

static void the_pointer_on_the_title_bar_is_not_the_guests(void **state)
{
    struct fixture f;
    open_framed(&f, 1);
    struct compositor_seat *seat = &f.compositor->seat[0];
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    struct compositor_surface *bar = compositor_subsurface(window);
    compositor_sync(f.compositor);
    assert_non_null(bar);
    compositor_pointer_enter(seat, bar, 10, 10);
    compositor_pointer_leave(seat, bar);
    expect_input(&f, "");
    assert_int_equal(seat->cursor_sets, 0);
    compositor_pointer_enter(seat, window, W / 2.0, H / 2.0);
    expect_input(&f, "abs 0 0.500 0.500; frame; ");
    close_all(&f);
}

static void libdecor_has_its_turn_behind_events_and_never_waits(void **state)
{
    struct fixture f;
    open_framed(&f, 1);
    unsigned before = decor_fake.dispatches;
    compositor_sync(f.compositor);
    assert_true(decor_fake.dispatches > before);
    close_all(&f);
}

static void a_hang_up_at_any_point_leaves_nothing(void **state)
{
    for (unsigned after = 1; after < 160; after++) {
        struct compositor_config config = like_gnome();
        struct fixture f = { .loop = loop_create() };
        config.hang_up_after = after;
        f.compositor = compositor_create(f.loop, &config);
        fixture_finish_opening(&f, 1);
        wayl_destroy(f.wayl);
        assert_int_equal(decor_fake.frames, 0);
        assert_int_equal(decor_fake.contexts, 0);
        compositor_destroy(f.compositor);
        loop_destroy(f.loop);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_has_a_title_bar_where_the_compositor_draws_none),
        cmocka_unit_test(libdecor_is_loaded_only_where_it_is_needed_and_can_draw),
        cmocka_unit_test(without_a_plugin_there_is_no_title_bar),
        cmocka_unit_test(a_plugin_that_does_not_come_up_leaves_windows_without_a_title_bar),
        cmocka_unit_test(who_wants_no_title_bar_gets_none_of_the_compositors),
        cmocka_unit_test(the_guest_has_what_is_left_within_the_frame),
        cmocka_unit_test(a_fullscreen_window_has_no_frame),
        cmocka_unit_test(absurd_sizes_leave_a_window),
        cmocka_unit_test(a_picture_of_another_shape_begins_in_the_frames_corner),
        cmocka_unit_test(it_is_in_the_middle_of_a_fullscreen_window),
        cmocka_unit_test(a_picture_that_the_guest_chose_sizes_the_frame),
        cmocka_unit_test(its_button_closes_the_window_and_another_can_be_opened),
        cmocka_unit_test(the_title_follows_the_machine),
        cmocka_unit_test(the_pointer_on_the_title_bar_is_not_the_guests),
        cmocka_unit_test(libdecor_has_its_turn_behind_events_and_never_waits),
        cmocka_unit_test(a_hang_up_at_any_point_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, decor_fake_setup, decor_fake_teardown);
}
