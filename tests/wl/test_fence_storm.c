// SPDX-License-Identifier: MIT
/*
 * Fences, releases and failures in an order that a seed decides, in two windows: each window's frames
 * are done once and in their turn, no commit overtakes one whose fence is unsignalled, no rule of the
 * protocol is broken (the compositor would hang up), and in the end nothing is left: no lock, no
 * syncobj, no file descriptor.
 */
#include <drm_fourcc.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fds.h"
#include "tests/test.h"
#include "tests/wl/fence_bed.h"
#include "vmm/base/util.h"

#define W FIXTURE_WIDTH
#define H FIXTURE_HEIGHT
#define WINDOWS 2u
#define BUFFERS 6u
#define FENCES 4u
#define STEPS 2500u
#define SEEDS 12u

struct storm {
    struct fixture f;
    struct test_buffer *buffer[BUFFERS]; /* the last two are shared memory */
    struct fence fence[FENCES];
    bool signalled[FENCES];
    uint32_t random;
    /* Frames that wait for their done, the oldest first. */
    uint32_t waiting[WINDOWS][64];
    unsigned n_waiting[WINDOWS];
    unsigned done_seen;
    unsigned presents_left, depth;
};

static uint32_t pick(struct storm *s, uint32_t n)
{
    return fixture_pick(&s->random, n);
}

static void check_done(struct storm *s)
{
    struct recorder *rec = &s->f.rec;
    for (; s->done_seen < rec->n_done; s->done_seen++) {
        uint32_t seq = rec->done[s->done_seen % FIXTURE_DONE_MAX];
        bool found = false;
        for (unsigned w = 0; w < WINDOWS && !found; w++) {
            found = s->n_waiting[w] > 0 && s->waiting[w][0] == seq;
            if (found)
                memmove(&s->waiting[w][0], &s->waiting[w][1],
                        --s->n_waiting[w] * sizeof(s->waiting[w][0]));
        }
        assert_true(found);
    }
}

static struct test_buffer *new_buffer(unsigned i)
{
    struct test_buffer *buffer = calloc(1, sizeof(*buffer));
    assert_non_null(buffer);
    test_buffer_init(buffer, i < BUFFERS - 2 ? FRAME_BUFFER_DMABUF : FRAME_BUFFER_SHM, W, H,
                     i % 2 ? DRM_FORMAT_ARGB8888 : DRM_FORMAT_XRGB8888);
    return buffer;
}

/* A fence as a frame may have it: most are fences. */
static int some_fence(struct storm *s)
{
    int pipe_fds[2];
    switch (pick(s, 10)) {
    case 0:
    case 1:
    case 2:
        return -1;
    case 3:
        return open("/dev/null", O_RDWR | O_CLOEXEC);
    case 4:
        assert_int_equal(pipe(pipe_fds), 0);
        close(pipe_fds[1]); /* hung up: readable */
        return pipe_fds[0];
    case 5:
        assert_int_equal(pipe(pipe_fds), 0);
        close(pipe_fds[0]); /* nothing that may be read, but hung up too */
        return pipe_fds[1];
    default:
        return fence_dup(&s->fence[pick(s, FENCES)]);
    }
}

static void present_some(struct storm *s)
{
    unsigned w = pick(s, WINDOWS);
    struct frame frame = { .buffer = &s->buffer[pick(s, BUFFERS)]->base,
                           .source = { 0, 0, W, H },
                           .seq = ++s->f.seq,
                           .y_inverted = pick(s, 4) == 0,
                           .acquire_fence = some_fence(s) };
    struct display *display = wayl_display(s->f.wayl);
    assert_true(s->n_waiting[w] < ARRAY_LEN(s->waiting[w]));
    s->waiting[w][s->n_waiting[w]++] = frame.seq;
    display->ops->present(display, w, &frame);
}

/* The GPU's answer to a done or a release: sometimes the next frame, from within. */
static void then_present(void *data)
{
    struct storm *s = data;
    check_done(s);
    if (s->depth > 0 || s->presents_left == 0 || pick(s, 2))
        return;
    s->depth++;
    s->presents_left--;
    present_some(s);
    s->depth--;
}

/* A buffer goes, whatever is done with it, and another one takes its place. */
static void replace_buffer(struct storm *s)
{
    unsigned i = pick(s, BUFFERS);
    struct test_buffer *old = s->buffer[i];
    if (old->base.refs > 1)
        return; /* the struct must outlive what refers to it */
    test_buffer_drop(old);
    assert_true(old->destroyed);
    free(old);
    s->buffer[i] = new_buffer(i);
    s->buffer[i]->rec = &s->f.rec;
}

static void renew_fence(struct storm *s)
{
    unsigned i = pick(s, FENCES);
    if (!s->signalled[i]) {
        fence_signal(&s->fence[i]);
        s->signalled[i] = true;
        return;
    }
    fence_finish(&s->fence[i]);
    fence_init(&s->fence[i]);
    s->signalled[i] = false;
}

static void do_step(struct storm *s)
{
    static const unsigned failures[] = { FENCE_FAIL_CREATE, FENCE_FAIL_EVENTFD, FENCE_FAIL_POINTS };
    struct fixture *f = &s->f;
    struct compositor *c = f->compositor;
    struct compositor_surface *window = compositor_window(c, pick(s, WINDOWS));
    struct display *display = wayl_display(f->wayl);
    switch (pick(s, 18)) {
    case 0:
    case 1:
    case 2:
    case 3:
        s->presents_left = 3;
        present_some(s);
        break;
    case 4:
    case 5:
    case 6:
        renew_fence(s);
        break;
    case 7:
    case 8:
        compositor_repaint_surface(window);
        break;
    case 9:
        c->hold_releases = pick(s, 2);
        break;
    case 10:
        compositor_release_held(c);
        break;
    case 11:
        c->hold_imports = pick(s, 2);
        break;
    case 12:
        c->fail_imports = pick(s, 8) == 0;
        compositor_answer_imports(c);
        break;
    case 13:
        replace_buffer(s);
        break;
    case 14:
        if (window->buffer && pick(s, 2))
            compositor_release_early(window);
        break;
    case 15:
        if (pick(s, 4) == 0)
            display->ops->disable(display, pick(s, WINDOWS));
        break;
    case 16:
        /* What fails once is not tried again in that window, so only late. */
        if (f->seq > STEPS / 4 && pick(s, 8) == 0)
            fences_fail(failures[pick(s, ARRAY_LEN(failures))]);
        else
            fences_fail(FENCE_FAIL_NOTHING);
        break;
    default:
        compositor_configure(window, (int32_t)pick(s, 2000), (int32_t)pick(s, 2000),
                             (const uint32_t[]){ pick(s, 3), 0 });
        break;
    }
    if (c->n_held >= 6 || c->n_held_points >= 6)
        compositor_release_held(c);
    loop_run_once(f->loop, 0);
    check_done(s);
    assert_int_equal(f->rec.n_lost, 0);
}

static void open_storm(struct storm *s, bool timelines)
{
    fence_bed_open(&s->f, WINDOWS,
                   &(struct fence_bed_options){ .timelines = timelines, .impatient = true });
    for (unsigned i = 0; i < BUFFERS; i++) {
        s->buffer[i] = new_buffer(i);
        s->buffer[i]->rec = &s->f.rec;
    }
    for (unsigned i = 0; i < FENCES; i++)
        fence_init(&s->fence[i]);
    s->f.rec.then = then_present;
    s->f.rec.then_data = s;
}

static void run_storm(uint32_t seed, bool timelines)
{
    struct storm s = { .random = seed };
    unsigned fds = count_fds();
    open_storm(&s, timelines);
    for (unsigned i = 0; i < STEPS; i++)
        do_step(&s);
    s.f.rec.then = NULL;
    fences_fail(FENCE_FAIL_NOTHING);
    if (seed % 2) /* half of the fences, or half of the time none */
        for (unsigned i = 0; i < FENCES; i++)
            fence_signal(&s.fence[i]);
    while (s.n_waiting[0] + s.n_waiting[1] > 0) {
        loop_run_once(s.f.loop, 1000);
        check_done(&s);
    }
    compositor_release_held(s.f.compositor);
    compositor_sync(s.f.compositor);
    assert_int_equal(s.f.rec.n_lost, 0);
    assert_int_equal(s.f.compositor->overtaken, 0);
    assert_true(wayl_stats(s.f.wayl)->presented > STEPS / 20);
    if (seed % 3 == 0)
        compositor_hang_up(s.f.compositor);
    fixture_close(&s.f);
    for (unsigned i = 0; i < BUFFERS; i++) {
        assert_int_equal(s.buffer[i]->base.locks, 0);
        test_buffer_drop(s.buffer[i]);
        assert_true(s.buffer[i]->destroyed);
        free(s.buffer[i]);
    }
    for (unsigned i = 0; i < FENCES; i++)
        fence_finish(&s.fence[i]);
    assert_int_equal(fences_live(), 0);
    assert_int_equal(count_fds(), fds);
}

static void in_any_order_fences_lose_nothing(void **state)
{
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        print_message("seed %u\n", seed);
        run_storm(seed, seed % 4 != 0);
    }
}

int main(void)
{
    if (!fences_init())
        return 77;
    const struct CMUnitTest tests[] = { cmocka_unit_test(in_any_order_fences_lose_nothing) };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fences_finish();
    return failed;
}
