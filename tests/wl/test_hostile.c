// SPDX-License-Identifier: MIT
/* What no compositor should do, done to us: the guest lives, and where the windows can't, one line says
 * why. */
#include <drm_fourcc.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fds.h"
#include "tests/test.h"
#include "tests/unit/capture.h"
#include "tests/wl/fixture.h"
#include "vmm/base/util.h"
#include "xdg-shell-server.h"

#define W FIXTURE_WIDTH
#define H FIXTURE_HEIGHT

static bool is_done(const struct fixture *f, uint32_t seq)
{
    for (unsigned i = 0; i < f->rec.n_done && i < FIXTURE_DONE_MAX; i++) {
        if (f->rec.done[i] == seq)
            return true;
    }
    return false;
}

/* A frame that is shown, on a compositor that lives. */
static void show(struct fixture *f, struct test_buffer *buffer)
{
    uint64_t n = wayl_stats(f->wayl)->presented;
    uint32_t seq = fixture_present(f, 0, buffer, NULL);
    fixture_until(f, wayl_stats(f->wayl)->presented == n + 1);
    compositor_sync(f->compositor);
    compositor_repaint(f->compositor);
    fixture_until(f, is_done(f, seq));
    assert_int_equal(f->rec.n_lost, 0);
}

static void check_sizes(const struct compositor_config *config)
{
    static const int32_t sides[] = { 0, 1, -1, INT32_MIN, INT32_MAX, 65535, 1 << 20 };
    static const uint32_t states[] = { 0,
                                       XDG_TOPLEVEL_STATE_MAXIMIZED,
                                       XDG_TOPLEVEL_STATE_FULLSCREEN,
                                       XDG_TOPLEVEL_STATE_RESIZING,
                                       XDG_TOPLEVEL_STATE_TILED_LEFT,
                                       0xdeadbeef };
    struct fixture f;
    struct test_buffer a, b;
    fixture_open(&f, config, 1);
    test_buffer_init(&a, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
    test_buffer_init(&b, FRAME_BUFFER_SHM, W / 2, H * 2, DRM_FORMAT_XRGB8888);
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    for (unsigned i = 0; i < ARRAY_LEN(sides) * ARRAY_LEN(sides) * ARRAY_LEN(states); i++) {
        compositor_configure(window, sides[i % 7], sides[i / 7 % 7],
                             (const uint32_t[]){ states[i / 49], 0 });
        compositor_sync(f.compositor);
        if (i % 5 == 0) {
            f.rec.n_done = 0;
            show(&f, i % 2 ? &a : &b);
        }
        assert_int_equal(f.rec.n_lost, 0);
        if (config->viewporter)
            assert_true(window->width > 0 && window->width <= 16384 && window->height > 0 &&
                        window->height <= 16384);
    }
    fixture_close_with(&f, &a, &b);
}

static void no_size_is_absurd_enough(void **state)
{
    check_sizes(&compositor_everything);
    check_sizes(&compositor_poor);
}

static void a_storm_of_configures_is_answered_by_the_last_one(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    for (unsigned i = 0; i < 200; i++) {
        for (unsigned k = 0; k < 10; k++)
            compositor_configure(window, (int32_t)(100 + i), (int32_t)(100 + k),
                                 (const uint32_t[]){ XDG_TOPLEVEL_STATE_MAXIMIZED, 0 });
        compositor_sync(f.compositor);
        assert_int_equal(window->acked, f.compositor->serial - 1);
    }
    assert_int_equal(f.rec.n_lost, 0);
    fixture_close(&f);
}

/* With an absurd period, hidden frames would be done at once, and a guest spin. */
static void no_refresh_rate_is_believed_blindly(void **state)
{
    static const uint32_t periods[] = { 1, UINT32_MAX, 0 };
    struct fixture f;
    struct test_buffer a, b;
    fixture_open(&f, &compositor_everything, 1);
    test_buffer_init(&a, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
    test_buffer_init(&b, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
    for (unsigned i = 0; i < ARRAY_LEN(periods); i++) {
        f.compositor->refresh_ns = periods[i];
        show(&f, i % 2 ? &a : &b);
        compositor_sync(f.compositor);
        assert_true(f.rec.period_ns >= 1000000 && f.rec.period_ns <= 100000000);
    }
    fixture_close_with(&f, &a, &b);
}

/* Whatever it says of its monitor, the guest is told of one that can be. */
static void no_monitor_is_absurd_enough(void **state)
{
    static const int32_t values[] = { 0, -1, 1, 7, 1 << 20, INT32_MAX, INT32_MIN };
    static const uint32_t scales[] = { 0, 1, 120, 121, 65535, INT32_MAX, UINT32_MAX };
    struct fixture f;
    struct test_buffer a, b;
    fixture_open(&f, &compositor_everything, 1);
    test_buffer_init(&a, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
    test_buffer_init(&b, FRAME_BUFFER_SHM, W * 2, H, DRM_FORMAT_XRGB8888);
    struct compositor_output *output = &f.compositor->output[0];
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    compositor_surface_enter(window, output);
    for (unsigned i = 0; i < 7 * 7; i++) {
        output->width = output->width_mm = values[i % 7];
        output->height = output->height_mm = values[i / 7];
        output->refresh_mhz = output->scale = values[(i + i / 7) % 7];
        compositor_output_changed(output);
        compositor_preferred_scale(window, scales[i % 7]);
        compositor_configure(window, 800, 600,
                             (const uint32_t[]){ i % 2 ? XDG_TOPLEVEL_STATE_FULLSCREEN
                                                       : XDG_TOPLEVEL_STATE_MAXIMIZED,
                                                 0 });
        compositor_sync(f.compositor);
        f.rec.n_done = 0;
        show(&f, i % 2 ? &a : &b);
        assert_in_range(f.rec.mode[0].width, 64, 16384);
        assert_in_range(f.rec.mode[0].height, 64, 16384);
        assert_in_range(window->width, 1, 16384);
        assert_in_range(window->height, 1, 16384);
    }
    fixture_close_with(&f, &a, &b);
}

static void formats_that_nobody_knows_are_passed_over(void **state)
{
    static const struct compositor_format formats[] = {
        { 0, 0 },
        { 0xffffffff, UINT64_MAX },
        { DRM_FORMAT_NV12, DRM_FORMAT_MOD_LINEAR },
        { DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_LINEAR },
        { DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_LINEAR },
    };
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    compositor_send_formats(f.compositor, formats, ARRAY_LEN(formats));
    compositor_sync(f.compositor);
    assert_int_equal(f.rec.n_formats, 1);
    assert_int_equal(f.rec.format[0].fourcc, DRM_FORMAT_XRGB8888);
    fixture_close(&f);
}

/* Files that can't be read at an offset, or have no end, or no content. */
static void a_table_in_a_file_that_is_none_costs_dmabufs_only(void **state)
{
    static const uint16_t indices[] = { 0, 1, 2 };
    static const char *const names[] = { "/dev/null", "/dev/zero", "/", "/proc/self/mem" };
    unsigned fds = count_fds();
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    for (unsigned i = 0; i < ARRAY_LEN(names) + 2; i++) {
        int fd = i < 2 ? ends[i] : open(names[i - 2], O_RDONLY | O_CLOEXEC);
        assert_true(fd >= 0);
        struct compositor_feedback feedback = { .table_fd = fd,
                                                .table_size = 48,
                                                .n_tranches = 1,
                                                .tranche[0].indices = BYTES_OF(indices) };
        compositor_send_feedback(f.compositor, &feedback);
        compositor_sync(f.compositor);
        close(fd);
        assert_int_equal(f.rec.n_formats, 0);
        assert_int_equal(f.rec.n_lost, 0);
    }
    fixture_close(&f);
    assert_int_equal(count_fds(), fds);
}

/* Two windows live, with whatever there is, until they are done or lost. */
static void live(struct fixture *f, struct test_buffer *a, struct test_buffer *b)
{
    struct compositor *c = f->compositor;
    struct display *display = wayl_display(f->wayl);
    fixture_present(f, 0, a, NULL);
    fixture_present(f, 1, b, NULL);
    compositor_sync(c);
    compositor_sync(c);
    compositor_repaint(c);
    struct compositor_surface *window = compositor_window(c, 0);
    if (window && c->seat[0].keyboard)
        compositor_keyboard_enter(&c->seat[0], window, NULL, 0);
    if (window)
        compositor_configure(window, 500, 400,
                             (const uint32_t[]){ XDG_TOPLEVEL_STATE_FULLSCREEN, 0 });
    display->ops->cursor(display, 0, &(struct frame_cursor){ .buffer = &b->base });
    fixture_present(f, 0, b, NULL);
    compositor_sync(c);
    compositor_repaint(c);
    display->ops->cursor(display, 0, &(struct frame_cursor){ 0 });
    compositor_sync(c);
    compositor_repaint(c);
}

/* One life, which ends behind a message. Returns whether there were that many. */
static bool live_until(unsigned hang_up_after)
{
    struct compositor_config config = compositor_everything;
    config.hang_up_after = hang_up_after;
    struct fixture f = { .loop = loop_create() };
    struct test_buffer a, b;
    struct capture said;
    test_buffer_init(&a, FRAME_BUFFER_DMABUF, W, H, DRM_FORMAT_XRGB8888);
    test_buffer_init(&b, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_ARGB8888);
    capture_begin(&said);
    f.compositor = compositor_create(f.loop, &config);
    fixture_finish_opening(&f, 2);
    if (f.wayl)
        live(&f, &a, &b);
    bool hung_up = f.compositor->n_messages >= hang_up_after;
    if (f.wayl && hung_up) {
        fixture_until(&f, f.rec.n_lost == 1);
        fixture_until(&f, f.rec.n_done == f.seq);
        assert_int_equal(a.base.locks, 0);
        assert_int_equal(b.base.locks, 0);
    }
    fixture_close_with(&f, &a, &b);
    capture_end(&said);
    if (said.lines != hung_up)
        print_message("behind message %u:\n%s", hang_up_after, said.text);
    assert_int_equal(said.lines, hung_up);
    return hung_up;
}

static void a_hang_up_behind_any_message_is_survived_and_said_once(void **state)
{
    unsigned fds = count_fds(), n = 1;
    while (live_until(n))
        n++;
    print_message("%u messages\n", n - 1);
    assert_true(n > 100);
    assert_int_equal(count_fds(), fds);
}

static void garbage_ends_the_connection_and_nothing_else(void **state)
{
    uint32_t seed = 1;
    for (unsigned round = 0; round < 200; round++) {
        struct fixture f;
        struct test_buffer a, b;
        struct capture said;
        uint32_t words[16];
        fixture_open(&f, &compositor_everything, 1);
        test_buffer_init(&a, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
        test_buffer_init(&b, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
        show(&f, &a);
        /* Objects that there are, and events that those may have, of any length. */
        words[0] = fixture_pick(&seed, round % 2 ? 40 : UINT32_MAX);
        words[1] = fixture_pick(&seed, 80) << 16 | fixture_pick(&seed, round % 3 ? 12 : 65536);
        for (unsigned i = 2; i < ARRAY_LEN(words); i++)
            words[i] = fixture_pick(&seed, UINT32_MAX);
        capture_begin(&said);
        compositor_garble(f.compositor, words, sizeof(words));
        for (unsigned i = 0; i < 10 && f.rec.n_lost == 0; i++)
            loop_run_once(f.loop, 0);
        compositor_hang_up(f.compositor); /* the rest of a long message never comes */
        fixture_until(&f, f.rec.n_lost == 1);
        uint32_t seq = fixture_present(&f, 0, &b, NULL);
        fixture_until(&f, is_done(&f, seq));
        capture_end(&said);
        if (said.lines != 1)
            print_message("round %u:\n%s", round, said.text);
        assert_int_equal(said.lines, 1);
        fixture_close_with(&f, &a, &b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_size_is_absurd_enough),
        cmocka_unit_test(a_storm_of_configures_is_answered_by_the_last_one),
        cmocka_unit_test(no_refresh_rate_is_believed_blindly),
        cmocka_unit_test(no_monitor_is_absurd_enough),
        cmocka_unit_test(formats_that_nobody_knows_are_passed_over),
        cmocka_unit_test(a_table_in_a_file_that_is_none_costs_dmabufs_only),
        cmocka_unit_test(a_hang_up_behind_any_message_is_survived_and_said_once),
        cmocka_unit_test(garbage_ends_the_connection_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
