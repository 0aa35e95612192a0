// SPDX-License-Identifier: MIT
/* The windows: that they are there, how large they are, how they and the compositor end. */
#include <drm_fourcc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocols-config.h"
#include "tests/test.h"
#include "tests/wl/fixture.h"
#include "vmm/base/util.h"
#include "xdg-shell-server.h"

#define W FIXTURE_WIDTH
#define H FIXTURE_HEIGHT
#define STATES(...) ((const uint32_t[]){ __VA_ARGS__, 0 })

static const uint32_t no_states[] = { 0 };

static void a_window_is_there_and_black_before_the_first_frame(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    assert_non_null(window);
    assert_true(window->has_content);
    assert_true(window->opaque);
    assert_int_equal(window->width, W);
    assert_int_equal(window->height, H);
    assert_string_equal(window->title, "A guest");
    assert_string_equal(window->app_id, "vitrine.test");
    assert_int_equal(window->min.width, 128);
    assert_int_equal(window->max.height, 0); /* as large as the user likes */
    assert_int_equal(window->acked, 2);      /* 1 was fixture_open()'s ping */
    fixture_close(&f);
}

static void a_poor_compositor_shows_a_black_window_too(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_poor, 1);
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    struct wl_shm_buffer *black = wl_shm_buffer_get(window->buffer);
    assert_non_null(black);
    assert_int_equal(wl_shm_buffer_get_width(black), W);
    assert_int_equal(wl_shm_buffer_get_height(black), H);
    fixture_close(&f);
}

static void each_scanout_has_a_window_with_its_number(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 3);
    assert_string_equal(compositor_window(f.compositor, 0)->title, "A guest (1)");
    assert_string_equal(compositor_window(f.compositor, 2)->title, "A guest (3)");
    assert_null(compositor_window(f.compositor, 3));
    assert_int_equal(f.rec.n_modes, 3);
    fixture_close(&f);
}

static void a_note_is_put_behind_the_title_and_taken_away(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 2);
    struct compositor_surface *window = compositor_window(f.compositor, 1);
    wayl_set_note(f.wayl, "graphics restarting");
    fixture_until(&f, strcmp(window->title, "A guest (2) — graphics restarting") == 0);
    wayl_set_note(f.wayl, NULL);
    fixture_until(&f, strcmp(window->title, "A guest (2)") == 0);
    fixture_close(&f);
}

static void nothing_is_attached_before_the_first_configure(void **state)
{
    struct fixture f = { .loop = loop_create() };
    struct test_buffer a;
    test_buffer_init(&a, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
    f.compositor = compositor_create(f.loop, &compositor_everything);
    f.compositor->hold_configure = true;
    fixture_finish_opening(&f, 1);
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    fixture_present(&f, 0, &a, NULL);
    compositor_sync(f.compositor);
    assert_int_equal(window->commits, 1);
    assert_false(window->has_content);
    compositor_configure(window, 0, 0, no_states);
    compositor_sync(f.compositor);
    assert_true(window->has_content);
    assert_int_equal(wayl_stats(f.wayl)->presented, 1);
    fixture_close(&f);
    test_buffer_drop(&a);
}

static void a_maximised_window_fills_what_it_is_given(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    compositor_configure(window, 1000, 500, STATES(XDG_TOPLEVEL_STATE_MAXIMIZED));
    compositor_sync(f.compositor);
    assert_int_equal(window->width, 1000);
    assert_int_equal(window->height, 500);
    assert_int_equal(window->acked, f.compositor->serial - 1);
    compositor_configure(window, 0, 0, no_states);
    compositor_sync(f.compositor);
    assert_int_equal(window->width, W);
    fixture_close(&f);
}

static void a_fullscreen_window_fills_the_screen(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    compositor_configure(window, 1920, 1080, STATES(XDG_TOPLEVEL_STATE_FULLSCREEN));
    compositor_sync(f.compositor);
    assert_int_equal(window->width, 1920);
    assert_int_equal(window->height, 1080);
    fixture_close(&f);
}

#if HAVE_XDG_SUSPENDED
static void a_suspended_window_is_hidden_at_once(void **state)
{
    struct compositor_config config = compositor_everything;
    config.wm_base = 6;
    struct fixture f;
    struct test_buffer a;
    fixture_open(&f, &config, 1); /* it waits for callbacks for ever */
    test_buffer_init(&a, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
    fixture_present(&f, 0, &a, NULL);
    compositor_sync(f.compositor);
    assert_int_equal(f.rec.n_done, 0);
    compositor_configure(compositor_window(f.compositor, 0), 0, 0,
                         STATES(XDG_TOPLEVEL_STATE_SUSPENDED));
    fixture_until(&f, f.rec.n_done == 1);
    fixture_present(&f, 0, &a, NULL);
    fixture_until(&f, f.rec.n_done == 2);
    fixture_close(&f);
    test_buffer_drop(&a);
}
#endif

static void the_users_wish_to_close_is_passed_on(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 2);
    xdg_toplevel_send_close(compositor_window(f.compositor, 1)->toplevel);
    compositor_sync(f.compositor);
    assert_int_equal(f.rec.n_close, 1);
    assert_int_equal(f.rec.closed_scanout, 1);
    assert_non_null(compositor_window(f.compositor, 1)); /* the owner decides */
    fixture_close(&f);
}

static void expect_headless(struct fixture *f, struct test_buffer *a, struct test_buffer *b)
{
    fixture_until(f, f->rec.n_lost == 1);
    assert_int_equal(a->base.locks, 0);
    unsigned done = f->rec.n_done;
    fixture_present(f, 0, b, NULL);
    assert_int_equal(f->rec.n_done, done); /* never from within present */
    fixture_until(f, f->rec.n_done > done && f->rec.done[f->rec.n_done - 1] == f->seq);
    assert_int_equal(b->base.locks, 0);
    struct display *display = wayl_display(f->wayl);
    display->ops->disable(display, 0);
    display->ops->cursor(display, 0, &(struct frame_cursor){ .buffer = &b->base });
    wayl_set_producer(f->wayl, &f->rec.producer);
    assert_int_equal(f->rec.n_lost, 1);
}

static void light(struct fixture *f, struct test_buffer *a, struct test_buffer *b)
{
    test_buffer_init(a, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
    test_buffer_init(b, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_ARGB8888);
    fixture_present(f, 0, a, NULL);
    compositor_sync(f->compositor);
    assert_int_equal(a->base.locks, 1);
}

static void open_lit(struct fixture *f, struct test_buffer *a, struct test_buffer *b)
{
    fixture_open(f, &compositor_everything, 1);
    light(f, a, b);
}

static void a_compositor_that_hangs_up_leaves_the_guest_running_headless(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    open_lit(&f, &a, &b);
    struct compositor_seat *seat = &f.compositor->seat[0];
    compositor_keyboard_enter(seat, compositor_window(f.compositor, 0), NULL, 0);
    compositor_key(seat, 30, true);
    compositor_sync(f.compositor);
    compositor_hang_up(f.compositor);
    expect_headless(&f, &a, &b);
    assert_string_equal(f.rec.input, "focus 0; key 30 1; frame; key 30 0; frame; focus -1; ");
    fixture_close(&f);
    test_buffer_drop(&a);
    test_buffer_drop(&b);
    assert_true(a.destroyed && b.destroyed);
}

static void a_protocol_error_leaves_the_guest_running_headless(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    open_lit(&f, &a, &b);
    wl_resource_post_error(compositor_window(f.compositor, 0)->xdg_surface, 3, "made up");
    expect_headless(&f, &a, &b);
    fixture_close(&f);
    test_buffer_drop(&a);
    test_buffer_drop(&b);
}

static void a_compositor_that_hangs_up_amid_an_import_costs_nothing(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    fixture_open(&f, &compositor_everything, 1);
    test_buffer_init(&a, FRAME_BUFFER_DMABUF, W, H, DRM_FORMAT_XRGB8888);
    test_buffer_init(&b, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_ARGB8888);
    f.compositor->hold_imports = true;
    fixture_present(&f, 0, &a, NULL);
    compositor_sync(f.compositor);
    compositor_hang_up(f.compositor);
    expect_headless(&f, &a, &b);
    test_buffer_drop(&a);
    assert_true(a.destroyed);
    fixture_close(&f);
    test_buffer_drop(&b);
}

/* Presents far more than the socket of a frozen compositor and libwayland's buffer hold, until nothing is
 * committed any more. The frames are hidden ones, so what they cost is made as quick as can be. */
static void fill_socket(struct fixture *f, struct test_buffer *a, struct test_buffer *b)
{
    uint64_t last = 0;
    unsigned stuck = 0;
    struct frame frame = { .source = { 0, 0, W, H }, .acquire_fence = -1 };
    frame.n_damage = FRAME_MAX_DAMAGE;
    for (unsigned i = 0; i < FRAME_MAX_DAMAGE; i++)
        frame.damage[i] = (struct frame_rect){ i, i, 1, 1 };
    struct display *display = wayl_display(f->wayl);
    for (unsigned i = 0; i < 100000 && stuck < 100; i++) {
        frame.seq = ++f->seq;
        frame.buffer = i % 2 ? &a->base : &b->base;
        display->ops->present(display, 0, &frame);
        loop_run_once(f->loop, 0);
        stuck = wayl_stats(f->wayl)->presented == last ? stuck + 1 : 0;
        last = wayl_stats(f->wayl)->presented;
        f->rec.n_done = 0;
    }
    assert_true(stuck == 100);
    assert_int_equal(f->rec.n_lost, 0);
}

static void a_frozen_compositor_stalls_nobody_and_is_sent_no_more_than_it_reads(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    fixture_open_impatient(&f, &compositor_everything, 1);
    light(&f, &a, &b);
    compositor_freeze(f.compositor);
    fill_socket(&f, &a, &b);
    uint64_t last = wayl_stats(f.wayl)->presented;
    fixture_until(&f, f.rec.n_done > 0);
    /* It goes on: so do we, with the newest frame. */
    compositor_thaw(f.compositor);
    fixture_until(&f, wayl_stats(f.wayl)->presented == last + 1);
    compositor_sync(f.compositor);
    assert_int_equal(f.rec.n_lost, 0);
    fixture_close(&f);
    test_buffer_drop(&a);
    test_buffer_drop(&b);
}

/* libwayland keeps no more than 28 of the fds that it can't send. */
static void a_frozen_compositor_is_sent_no_new_buffers(void **state)
{
    struct fixture f;
    struct test_buffer a, b, more[40];
    fixture_open_impatient(&f, &compositor_everything, 1);
    light(&f, &a, &b);
    compositor_freeze(f.compositor);
    fill_socket(&f, &a, &b);
    uint64_t last = wayl_stats(f.wayl)->presented;
    for (unsigned i = 0; i < ARRAY_LEN(more); i++) {
        test_buffer_init(&more[i], FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
        fixture_present(&f, 0, &more[i], NULL);
        loop_run_once(f.loop, 0);
    }
    assert_int_equal(f.rec.n_lost, 0);
    compositor_thaw(f.compositor);
    fixture_until(&f, wayl_stats(f.wayl)->presented == last + 1);
    fixture_settle(&f);
    assert_int_equal(more[ARRAY_LEN(more) - 1].base.locks, 1);
    fixture_close_with(&f, &a, &b);
    for (unsigned i = 0; i < ARRAY_LEN(more); i++)
        test_buffer_drop(&more[i]);
}

static void creation_fails_without(uint32_t compositor, uint32_t wm_base, bool shm)
{
    struct compositor_config config = compositor_everything;
    config.compositor = compositor;
    config.wm_base = wm_base;
    config.shm = shm;
    struct fixture f;
    fixture_open(&f, &config, 1);
    assert_null(f.wayl);
    fixture_close(&f);
}

static void creation_fails_without_xdg_wm_base(void **state)
{
    creation_fails_without(5, 0, true);
}

static void creation_fails_without_wl_shm(void **state)
{
    creation_fails_without(5, 5, false);
}

static void creation_fails_with_a_wl_compositor_that_is_too_old(void **state)
{
    creation_fails_without(3, 5, true);
}

static void creation_fails_where_no_compositor_is(void **state)
{
    struct fixture f;
    unsetenv("WAYLAND_SOCKET");
    unsetenv("WAYLAND_DISPLAY");
    unsetenv("XDG_RUNTIME_DIR");
    assert_false(fixture_connect(&f, 1));
    fixture_close(&f);
    setenv("XDG_RUNTIME_DIR", "/nonexistent", 1);
    assert_false(fixture_connect(&f, 1));
    fixture_close(&f);
    setenv("WAYLAND_DISPLAY", "wayland-7", 1);
    assert_false(fixture_connect(&f, 1));
    fixture_close(&f);
}

static void creation_fails_where_the_compositor_hangs_up(void **state)
{
    struct fixture f = { .loop = loop_create() };
    f.compositor = compositor_create(f.loop, &compositor_everything);
    compositor_hang_up(f.compositor);
    fixture_finish_opening(&f, 1);
    assert_null(f.wayl);
    fixture_close(&f);
}

static void a_title_of_any_bytes_is_made_fit_for_the_wire(void **state)
{
    char title[1000];
    memset(title, 'x', sizeof(title) - 1);
    memcpy(title, "b\xff\n", 3);
    title[sizeof(title) - 1] = '\0';
    struct fixture f = { .loop = loop_create(), .title = title };
    f.compositor = compositor_create(f.loop, &compositor_everything);
    fixture_finish_opening(&f, 1);
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    assert_memory_equal(window->title, "b??xx", 5);
    assert_true(strlen(window->title) < 256);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_is_there_and_black_before_the_first_frame),
        cmocka_unit_test(a_poor_compositor_shows_a_black_window_too),
        cmocka_unit_test(each_scanout_has_a_window_with_its_number),
        cmocka_unit_test(a_note_is_put_behind_the_title_and_taken_away),
        cmocka_unit_test(nothing_is_attached_before_the_first_configure),
        cmocka_unit_test(a_maximised_window_fills_what_it_is_given),
        cmocka_unit_test(a_fullscreen_window_fills_the_screen),
#if HAVE_XDG_SUSPENDED
        cmocka_unit_test(a_suspended_window_is_hidden_at_once),
#endif
        cmocka_unit_test(the_users_wish_to_close_is_passed_on),
        cmocka_unit_test(a_compositor_that_hangs_up_leaves_the_guest_running_headless),
        cmocka_unit_test(a_protocol_error_leaves_the_guest_running_headless),
        cmocka_unit_test(a_compositor_that_hangs_up_amid_an_import_costs_nothing),
        cmocka_unit_test(a_frozen_compositor_stalls_nobody_and_is_sent_no_more_than_it_reads),
        cmocka_unit_test(a_frozen_compositor_is_sent_no_new_buffers),
        cmocka_unit_test(creation_fails_without_xdg_wm_base),
        cmocka_unit_test(creation_fails_without_wl_shm),
        cmocka_unit_test(creation_fails_with_a_wl_compositor_that_is_too_old),
        cmocka_unit_test(creation_fails_where_no_compositor_is),
        cmocka_unit_test(creation_fails_where_the_compositor_hangs_up),
        cmocka_unit_test(a_title_of_any_bytes_is_made_fit_for_the_wire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
