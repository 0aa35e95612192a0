// SPDX-License-Identifier: MIT
/* Buffers on their way into the compositor: formats, asynchronous imports, refusals. */
#include <drm_fourcc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/test.h"
#include "tests/wl/fixture.h"
#include "vmm/base/util.h"

#define W FIXTURE_WIDTH
#define H FIXTURE_HEIGHT

static void open_dmabuf(struct fixture *f, const struct compositor_config *config,
                        struct test_buffer *a, struct test_buffer *b)
{
    fixture_open(f, config, 1);
    test_buffer_init(a, FRAME_BUFFER_DMABUF, W, H, DRM_FORMAT_XRGB8888);
    test_buffer_init(b, FRAME_BUFFER_DMABUF, W, H, DRM_FORMAT_XRGB8888);
}

static void the_producer_is_told_the_formats_of_the_feedback_table(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    assert_int_equal(f.rec.n_formats, 2);
    assert_int_equal(f.rec.format[0].fourcc, DRM_FORMAT_XRGB8888);
    assert_int_equal(f.rec.format[0].modifier, DRM_FORMAT_MOD_LINEAR);
    assert_int_equal(f.rec.mode[0].width, W);
    assert_int_equal(f.rec.mode[0].height, H);
    assert_int_equal(f.rec.mode[0].refresh_mhz, 75000);
    /* They change: those that no screen is made of are left out. */
    const struct compositor_format formats[] = { { DRM_FORMAT_NV12, DRM_FORMAT_MOD_LINEAR },
                                                 { DRM_FORMAT_XBGR8888, 42 } };
    compositor_send_formats(f.compositor, formats, 2);
    compositor_sync(f.compositor);
    assert_int_equal(f.rec.n_formats, 1);
    assert_int_equal(f.rec.format[0].modifier, 42);
    fixture_close(&f);
}

static void the_producer_is_told_the_formats_of_modifier_events(void **state)
{
    struct compositor_config config = compositor_everything;
    config.dmabuf = 3;
    struct fixture f;
    fixture_open(&f, &config, 1);
    assert_int_equal(f.rec.n_formats, 2);
    fixture_close(&f);
}

static void a_compositor_without_dmabufs_announces_no_formats(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_poor, 1);
    assert_int_equal(f.rec.formats_calls, 1);
    assert_int_equal(f.rec.n_formats, 0);
    fixture_close(&f);
}

static void a_buffer_is_imported_once_however_often_it_is_shown(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    open_dmabuf(&f, &compositor_everything, &a, &b);
    for (unsigned i = 0; i < 6; i++) {
        fixture_present(&f, 0, i % 2 ? &b : &a, NULL);
        compositor_sync(f.compositor); /* asked, answered */
        compositor_sync(f.compositor); /* committed */
        compositor_repaint(f.compositor);
        compositor_sync(f.compositor);
        assert_int_equal(f.rec.n_done, i + 1);
    }
    assert_int_equal(f.compositor->n_imports, 2);
    assert_int_equal(wayl_stats(f.wayl)->imports, 2);
    assert_int_equal(wayl_stats(f.wayl)->last_path, FRAME_PATH_UDMABUF);
    assert_int_equal(f.compositor->last_import.stride, W * 4);
    assert_int_equal(f.compositor->last_import.modifier, DRM_FORMAT_MOD_LINEAR);
    assert_int_equal(f.compositor->last_import.flags, 0);
    fixture_close_with(&f, &a, &b);
}

static void a_screen_is_imported_without_its_alpha_channel(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    struct test_buffer a;
    test_buffer_init(&a, FRAME_BUFFER_DMABUF, W, H, DRM_FORMAT_ARGB8888);
    fixture_present(&f, 0, &a, NULL);
    compositor_sync(f.compositor);
    assert_int_equal(f.compositor->last_import.format, DRM_FORMAT_XRGB8888);
    assert_true(compositor_window(f.compositor, 0)->opaque);
    fixture_close(&f);
    test_buffer_drop(&a);
}

static void a_linear_buffer_goes_as_implicit_where_nothing_else_is_known(void **state)
{
    const struct compositor_format implicit = { DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_INVALID };
    struct compositor_config config = compositor_everything;
    config.formats = &implicit;
    config.n_formats = 1;
    struct fixture f;
    struct test_buffer a, b;
    open_dmabuf(&f, &config, &a, &b);
    fixture_present(&f, 0, &a, NULL);
    compositor_sync(f.compositor);
    assert_int_equal(f.compositor->n_imports, 1);
    assert_true(f.compositor->last_import.modifier == DRM_FORMAT_MOD_INVALID);
    fixture_close_with(&f, &a, &b);
}

static void a_failed_import_is_reported_and_its_frame_done(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    open_dmabuf(&f, &compositor_everything, &a, &b);
    f.compositor->fail_imports = true;
    uint32_t seq = fixture_present(&f, 0, &a, NULL);
    fixture_until(&f, f.rec.n_failed == 1);
    assert_ptr_equal(f.rec.failed, &a.base);
    assert_int_equal(a.base.locks, 0);
    fixture_until(&f, f.rec.n_done == 1);
    assert_int_equal(f.rec.done[0], seq);
    assert_int_equal(wayl_stats(f.wayl)->import_failures, 1);
    assert_int_equal(wayl_stats(f.wayl)->presented, 0);
    /* It is not tried again, but it is said again. */
    fixture_present(&f, 0, &a, NULL);
    assert_int_equal(f.rec.n_failed, 2);
    assert_int_equal(f.compositor->n_imports, 1);
    fixture_close_with(&f, &a, &b);
}

static void a_format_that_was_not_offered_is_not_tried(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    open_dmabuf(&f, &compositor_everything, &a, &b);
    a.base.modifier = 77;
    fixture_present(&f, 0, &a, NULL);
    assert_int_equal(f.rec.n_failed, 1);
    b.base.fourcc = DRM_FORMAT_NV12;
    fixture_present(&f, 0, &b, NULL);
    assert_int_equal(f.rec.n_failed, 2);
    compositor_sync(f.compositor);
    assert_int_equal(f.compositor->n_imports, 0);
    assert_int_equal(f.rec.n_lost, 0);
    fixture_close_with(&f, &a, &b);
}

static void a_newer_frame_replaces_one_that_waits_for_its_import(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    open_dmabuf(&f, &compositor_everything, &a, &b);
    f.compositor->hold_imports = true;
    fixture_present(&f, 0, &a, NULL);
    fixture_present(&f, 0, &b, NULL);
    compositor_sync(f.compositor);
    assert_int_equal(f.compositor->n_imports, 2);
    assert_int_equal(a.base.locks, 0);
    assert_int_equal(b.base.locks, 1);
    compositor_answer_imports(f.compositor);
    compositor_sync(f.compositor);
    compositor_repaint(f.compositor);
    compositor_sync(f.compositor);
    assert_int_equal(wayl_stats(f.wayl)->presented, 1);
    assert_int_equal(wayl_stats(f.wayl)->dropped, 1);
    assert_int_equal(f.rec.n_done, 2); /* once for each */
    fixture_close_with(&f, &a, &b);
}

static void an_import_that_is_never_answered_stalls_nobody(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    fixture_open_impatient(&f, &compositor_everything, 1);
    test_buffer_init(&a, FRAME_BUFFER_DMABUF, W, H, DRM_FORMAT_XRGB8888);
    test_buffer_init(&b, FRAME_BUFFER_DMABUF, W, H, DRM_FORMAT_XRGB8888);
    f.compositor->hold_imports = true;
    fixture_present(&f, 0, &a, NULL);
    fixture_until(&f, f.rec.n_done == 1);
    fixture_close_with(&f, &a, &b);
}

static void a_buffer_that_goes_while_it_is_imported_is_let_go_of_afterwards(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    open_dmabuf(&f, &compositor_everything, &a, &b);
    f.compositor->hold_imports = true;
    fixture_present(&f, 0, &a, NULL);
    fixture_present(&f, 0, &b, NULL);
    compositor_sync(f.compositor);
    test_buffer_drop(&a); /* its maker's reference */
    assert_false(a.destroyed);
    compositor_answer_imports(f.compositor);
    compositor_sync(f.compositor);
    assert_true(a.destroyed);
    fixture_close(&f);
    test_buffer_drop(&b);
    assert_true(b.destroyed);
}

static void a_buffer_that_goes_takes_its_wl_buffer_with_it(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    open_dmabuf(&f, &compositor_everything, &a, &b);
    fixture_present(&f, 0, &a, NULL);
    compositor_sync(f.compositor);
    compositor_sync(f.compositor);
    fixture_present(&f, 0, &b, NULL);
    compositor_sync(f.compositor);
    compositor_sync(f.compositor);
    assert_int_equal(a.base.locks, 0);
    test_buffer_drop(&a);
    assert_true(a.destroyed);
    compositor_sync(f.compositor);
    fixture_close(&f);
    test_buffer_drop(&b);
}

static void expect_refused(struct fixture *f, struct test_buffer *buffer)
{
    unsigned failed = f->rec.n_failed;
    fixture_present(f, 0, buffer, NULL);
    assert_int_equal(f->rec.n_failed, failed + (buffer->base.kind == FRAME_BUFFER_DMABUF));
    assert_int_equal(buffer->base.locks, 0);
    compositor_sync(f->compositor);
    assert_int_equal(f->rec.n_lost, 0);
    test_buffer_drop(buffer);
}

static void buffers_that_lie_are_refused_before_the_compositor_sees_them(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    struct test_buffer a;
    for (unsigned kind = FRAME_BUFFER_DMABUF; kind <= FRAME_BUFFER_SHM; kind++) {
        const enum frame_buffer_kind k = (enum frame_buffer_kind)kind;
        test_buffer_init(&a, k, W, H, DRM_FORMAT_XRGB8888);
        a.base.height = H * 4; /* beyond the end of its memory */
        expect_refused(&f, &a);
        test_buffer_init(&a, k, W, H, DRM_FORMAT_XRGB8888);
        a.base.plane[0].offset = 0xfffffff0;
        expect_refused(&f, &a);
        test_buffer_init(&a, k, W, H, DRM_FORMAT_XRGB8888);
        a.base.plane[0].stride = W * 4 - 1;
        expect_refused(&f, &a);
        test_buffer_init(&a, k, W, H, DRM_FORMAT_XRGB8888);
        a.base.n_planes = 5;
        expect_refused(&f, &a);
        test_buffer_init(&a, k, W, H, DRM_FORMAT_XRGB8888);
        a.base.n_planes = 0;
        expect_refused(&f, &a);
        test_buffer_init(&a, k, W, H, DRM_FORMAT_XRGB8888);
        a.base.width = 1u << 30;
        expect_refused(&f, &a);
    }
    /* Shared memory that could shrink under the compositor. */
    test_buffer_init(&a, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
    close(a.base.plane[0].fd);
    a.base.plane[0].fd = memfd_create("unsealed", MFD_CLOEXEC);
    assert_int_equal(ftruncate(a.base.plane[0].fd, W * H * 4), 0);
    expect_refused(&f, &a);
    assert_int_equal(f.compositor->n_imports, 0);
    assert_int_equal(wayl_stats(f.wayl)->presented, 0);
    fixture_close(&f);
}

static void two_windows_may_show_the_same_buffer(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 2);
    struct test_buffer a;
    test_buffer_init(&a, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
    fixture_present(&f, 0, &a, NULL);
    fixture_present(&f, 1, &a, NULL);
    compositor_sync(f.compositor);
    assert_int_equal(a.base.locks, 2);
    compositor_release_early(compositor_window(f.compositor, 0));
    compositor_sync(f.compositor);
    assert_int_equal(a.base.locks, 1);
    assert_int_equal(a.released, 0); /* the other one still shows it */
    compositor_release_early(compositor_window(f.compositor, 1));
    compositor_sync(f.compositor);
    assert_int_equal(a.released, 1);
    fixture_close(&f);
    test_buffer_drop(&a);
    assert_true(a.destroyed);
}

static void a_poor_compositor_gets_shm_frames_and_refuses_cut_outs(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_poor, 1);
    struct test_buffer a;
    test_buffer_init(&a, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
    fixture_present(&f, 0, &a, NULL);
    compositor_sync(f.compositor);
    assert_int_equal(wayl_stats(f.wayl)->presented, 1);
    a.base.kind = FRAME_BUFFER_DMABUF;
    struct frame frame = {
        .buffer = &a.base, .source = { 0, 0, W / 2, H }, .seq = 2, .acquire_fence = -1
    };
    struct display *display = wayl_display(f.wayl);
    display->ops->present(display, 0, &frame);
    assert_int_equal(f.rec.n_failed, 1);
    fixture_close(&f);
    test_buffer_drop(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_producer_is_told_the_formats_of_the_feedback_table),
        cmocka_unit_test(the_producer_is_told_the_formats_of_modifier_events),
        cmocka_unit_test(a_compositor_without_dmabufs_announces_no_formats),
        cmocka_unit_test(a_buffer_is_imported_once_however_often_it_is_shown),
        cmocka_unit_test(a_screen_is_imported_without_its_alpha_channel),
        cmocka_unit_test(a_linear_buffer_goes_as_implicit_where_nothing_else_is_known),
        cmocka_unit_test(a_failed_import_is_reported_and_its_frame_done),
        cmocka_unit_test(a_format_that_was_not_offered_is_not_tried),
        cmocka_unit_test(a_newer_frame_replaces_one_that_waits_for_its_import),
        cmocka_unit_test(an_import_that_is_never_answered_stalls_nobody),
        cmocka_unit_test(a_buffer_that_goes_while_it_is_imported_is_let_go_of_afterwards),
        cmocka_unit_test(a_buffer_that_goes_takes_its_wl_buffer_with_it),
        cmocka_unit_test(buffers_that_lie_are_refused_before_the_compositor_sees_them),
        cmocka_unit_test(two_windows_may_show_the_same_buffer),
        cmocka_unit_test(a_poor_compositor_gets_shm_frames_and_refuses_cut_outs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
