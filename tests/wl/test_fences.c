// SPDX-License-Identifier: MIT
/* Acquire fences without timelines: in the dmabuf where the compositor's device reads it, else waited
 * for in the loop. */
#include <drm_fourcc.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/test.h"
#include "tests/wl/fence_bed.h"
#include "vmm/base/util.h"

static const struct fence_bed_options on_a_device = { 0 };
static const struct fence_bed_options by_software = { .no_device = true };

#define W FIXTURE_WIDTH
#define H FIXTURE_HEIGHT

static bool readable(const struct test_buffer *buffer)
{
    struct pollfd pfd = { .fd = buffer->base.plane[0].fd, .events = POLLIN };
    return poll(&pfd, 1, 0) == 1;
}

static void where_software_reads_the_commit_waits_for_the_fence(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    struct fence fence;
    fence_bed_open_pair(&f, &by_software, &a, &b);
    fence_init(&fence);
    fence_bed_show(&f, 0, &a, fence_dup(&fence));
    assert_int_equal(wayl_stats(f.wayl)->presented, 0);
    assert_int_equal(wayl_stats(f.wayl)->fences[WAYL_FENCE_WAITED], 1);
    fence_signal(&fence);
    fixture_until(&f, wayl_stats(f.wayl)->presented == 1);
    fence_finish(&fence);
    fixture_close_with(&f, &a, &b);
}

static void where_a_device_reads_the_dmabuf_carries_the_fence(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    struct fence fence;
    fence_bed_open_pair(&f, &on_a_device, &a, &b);
    const struct wayl_stats *stats = wayl_stats(f.wayl);
    fence_init(&fence);
    fence_bed_show(&f, 0, &a, fence_dup(&fence));
    if (fences_dmabufs()) {
        assert_int_equal(stats->presented, 1);
        assert_int_equal(stats->fences[WAYL_FENCE_DMABUF], 1);
        assert_false(readable(&a));
        fence_bed_show(&f, 0, &b, -1); /* does not overtake it */
        assert_int_equal(stats->presented, 1);
        fence_signal(&fence);
        assert_true(readable(&a));
        fixture_until(&f, stats->presented == 2);
    } else { /* not even this can stop it */
        assert_int_equal(stats->presented, 0);
        assert_int_equal(stats->fences[WAYL_FENCE_WAITED], 1);
        fence_signal(&fence);
        fixture_until(&f, stats->presented == 1);
    }
    fence_finish(&fence);
    fixture_close_with(&f, &a, &b);
}

static void a_fence_that_is_signalled_costs_nothing(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    struct fence fence;
    fence_bed_open_pair(&f, &on_a_device, &a, &b);
    fence_init(&fence);
    fence_signal(&fence);
    fence_bed_show(&f, 0, &a, fence_dup(&fence));
    const struct wayl_stats *stats = wayl_stats(f.wayl);
    assert_int_equal(stats->presented, 1);
    for (unsigned i = 0; i < WAYL_FENCE_COUNT; i++)
        assert_int_equal(stats->fences[i], 0);
    fence_finish(&fence);
    fixture_close_with(&f, &a, &b);
}

static void a_fence_that_is_never_signalled_stalls_nobody(void **state)
{
    for (unsigned on_device = 0; on_device < 2; on_device++) {
        struct fixture f;
        struct test_buffer a, b, other;
        struct fence fence;
        fence_bed_open(&f, 2,
                       &(struct fence_bed_options){ .no_device = !on_device, .impatient = true });
        fence_bed_buffer(&a);
        fence_bed_buffer(&b);
        fence_bed_buffer(&other);
        fence_init(&fence);
        fence_bed_show(&f, 0, &a, fence_dup(&fence));
        uint64_t presented = wayl_stats(f.wayl)->presented;
        for (unsigned i = 0; i < 3; i++) { /* the other window, frame by frame */
            fence_bed_show(&f, 1, &other, -1);
            compositor_repaint_surface(compositor_window(f.compositor, 1));
            fixture_until(&f, f.rec.n_done > 0 && f.rec.done[f.rec.n_done - 1] == f.seq);
        }
        for (unsigned i = 0; i < 3; i++) { /* its own guest goes on, slowly */
            unsigned n = f.rec.n_done;
            fence_bed_present(&f, 0, i % 2 ? &a : &b, fence_dup(&fence));
            fixture_until(&f, f.rec.n_done > n);
        }
        assert_int_equal(wayl_stats(f.wayl)->presented, presented + 3);
        fence_signal(&fence);
        fixture_until(&f, wayl_stats(f.wayl)->presented == presented + 4);
        fence_finish(&fence);
        test_buffer_drop(&other);
        fixture_close_with(&f, &a, &b);
        assert_true(other.destroyed);
    }
}

/* Runs the loop for longer than a frame that is drawn may take. False where it took longer than one that
 * is not: the machine is too busy to tell. */
static bool run_a_while(struct fixture *f)
{
    int64_t start = fixture_now_ms();
    while (fixture_now_ms() - start < 800)
        loop_run_once(f->loop, 50);
    return fixture_now_ms() - start < 1900;
}

static void what_takes_long_to_draw_is_waited_for(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    struct fence fence;
    fence_bed_open(&f, 1, &(struct fence_bed_options){ .no_device = true, .impatient = true });
    fence_bed_buffer(&a);
    fence_bed_buffer(&b);
    const struct wayl_stats *stats = wayl_stats(f.wayl);
    /* In a window that is seen, and in one that is not. */
    bool timely = true;
    for (unsigned i = 0; i < 2 && timely; i++) {
        assert_int_equal(f.rec.hidden[0], i);
        fence_init(&fence);
        fence_bed_present(&f, 0, i ? &b : &a, fence_dup(&fence));
        timely = run_a_while(&f);
        assert_true(!timely || f.rec.n_done == i);
        assert_int_equal(stats->presented, i);
        fence_signal(&fence);
        fixture_until(&f, f.rec.n_done == i + 1 && stats->presented == i + 1);
        fence_finish(&fence);
    }
    assert_int_equal(stats->dropped, 0);
    fixture_close_with(&f, &a, &b);
}

/* What a GPU process that is not itself any more may send in the place of a fence. */
static void files_that_are_no_fences_do_no_harm(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    int sock[2], pipe_fds[2];
    fence_bed_open_pair(&f, &on_a_device, &a, &b);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sock), 0);
    assert_int_equal(pipe(pipe_fds), 0);
    close(sock[1]);
    int fds[] = {
        open("/dev/null", O_RDWR),
        open("/", O_RDONLY | O_DIRECTORY),
        open("/proc/self/exe", O_RDONLY),
        open("/", O_PATH),
        sock[0],                      /* hung up */
        dup(a.base.plane[0].fd),      /* the buffer itself */
        pipe_fds[1],                  /* never readable */
        epoll_create1(EPOLL_CLOEXEC), /* neither */
        dup(pipe_fds[0]),             /* silent, and hung up later */
    };
    for (unsigned i = 0; i < ARRAY_LEN(fds); i++) {
        fence_bed_show(&f, 0, i % 2 ? &a : &b, fds[i]);
    }
    close(pipe_fds[0]);
    fence_bed_show(&f, 0, &a, -1);
    compositor_repaint(f.compositor);
    fixture_settle(&f);
    fixture_until(&f, f.rec.done[f.rec.n_done - 1] == f.seq);
    assert_int_equal(f.rec.n_done, f.seq);
    fixture_close_with(&f, &a, &b);
}

static void a_window_that_closes_lets_go_of_its_fences(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    struct fence fence;
    fence_bed_open_pair(&f, &on_a_device, &a, &b);
    fence_init(&fence);
    fence_bed_show(&f, 0, &a, fence_dup(&fence));
    fence_bed_show(&f, 0, &b, fence_dup(&fence));
    struct display *display = wayl_display(f.wayl);
    display->ops->disable(display, 0); /* drops the one that waits */
    assert_int_equal(b.base.locks, 0);
    fence_bed_present(&f, 0, &b, fence_dup(&fence));
    fixture_close_with(&f, &a, &b); /* the loop asserts that nothing is left registered */
    fence_finish(&fence);
}

int main(void)
{
    if (!fences_init())
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_software_reads_the_commit_waits_for_the_fence),
        cmocka_unit_test(where_a_device_reads_the_dmabuf_carries_the_fence),
        cmocka_unit_test(a_fence_that_is_signalled_costs_nothing),
        cmocka_unit_test(a_fence_that_is_never_signalled_stalls_nobody),
        cmocka_unit_test(what_takes_long_to_draw_is_waited_for),
        cmocka_unit_test(files_that_are_no_fences_do_no_harm),
        cmocka_unit_test(a_window_that_closes_lets_go_of_its_fences),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fences_finish();
    return failed;
}
