// SPDX-License-Identifier: MIT
/*
 * Everything at once, in an order that a seed decides: whatever happens, each frame is done once and in
 * its turn, no buffer stays locked, and the connection lives.
 */
#include <drm_fourcc.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/test.h"
#include "tests/wl/fixture.h"
#include "vmm/base/util.h"

#define W FIXTURE_WIDTH
#define H FIXTURE_HEIGHT
#define BUFFERS 4u
#define STEPS 3000u
#define SEEDS 12u

struct storm {
    struct fixture f;
    struct test_buffer buffer[BUFFERS];
    uint32_t random;
    unsigned n_presented, presents_left, depth;
    uint32_t last_done;
    unsigned done_seen;
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
        assert_int_equal(seq, s->last_done + 1); /* each once, the oldest first */
        s->last_done = seq;
    }
}

static void present_some(struct storm *s)
{
    struct test_buffer *buffer = &s->buffer[pick(s, BUFFERS)];
    bool cut = pick(s, 4) == 0;
    struct frame frame = {
        .buffer = &buffer->base,
        .source = { 0, 0, cut ? W / 2 : W, cut ? H / 2 : H },
        .seq = ++s->f.seq,
        .y_inverted = pick(s, 8) == 0,
        .acquire_fence = -1,
        .n_damage = pick(s, FRAME_MAX_DAMAGE + 1),
    };
    if (pick(s, 32) == 0)
        frame.source.x = W; /* it lies elsewhere */
    for (unsigned i = 0; i < frame.n_damage; i++)
        frame.damage[i] = (struct frame_rect){ pick(s, W), pick(s, H), pick(s, W), pick(s, H) };
    struct display *display = wayl_display(s->f.wayl);
    s->n_presented++;
    display->ops->present(display, 0, &frame);
}

/* The GPU's answer to an answer: sometimes the next frame, from within. */
static void then_present(void *data)
{
    struct storm *s = data;
    if (s->depth > 0 || s->presents_left == 0 || pick(s, 2))
        return;
    s->depth++;
    s->presents_left--;
    present_some(s);
    s->depth--;
}

static void do_step(struct storm *s)
{
    static const uint32_t states[] = { 0, 1, 2, 3, 5 };
    struct fixture *f = &s->f;
    struct compositor *c = f->compositor;
    struct compositor_surface *window = compositor_window(c, 0);
    struct display *display = wayl_display(f->wayl);
    switch (pick(s, 16)) {
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
        compositor_repaint(c);
        break;
    case 7:
        c->hold_releases = pick(s, 2) && c->n_held < 8;
        break;
    case 8:
        compositor_release_held(c);
        c->hold_releases = false;
        break;
    case 9:
        c->hold_imports = pick(s, 2);
        break;
    case 10:
        c->fail_imports = pick(s, 4) == 0;
        compositor_answer_imports(c);
        break;
    case 11: {
        uint32_t state = states[pick(s, ARRAY_LEN(states))];
        compositor_configure(window, (int32_t)pick(s, 2000), (int32_t)pick(s, 2000),
                             (const uint32_t[]){ state, 0 });
        break;
    }
    case 12:
        display->ops->disable(display, 0);
        break;
    case 13:
        if (window->buffer && pick(s, 2))
            compositor_release_early(window);
        break;
    case 14:
        display->ops->cursor(display, 0,
                             &(struct frame_cursor){ .buffer = &s->buffer[pick(s, BUFFERS)].base });
        break;
    default:
        loop_run_once(f->loop, 0);
        break;
    }
    if (c->n_held >= 8) {
        compositor_release_held(c);
        c->hold_releases = false;
    }
    loop_run_once(f->loop, 0);
    check_done(s);
}

static void run_storm(uint32_t seed, const struct compositor_config *config)
{
    struct storm s = { .random = seed };
    fixture_open_impatient(&s.f, config, 1);
    for (unsigned i = 0; i < BUFFERS; i++) {
        test_buffer_init(&s.buffer[i], i < 2 ? FRAME_BUFFER_DMABUF : FRAME_BUFFER_SHM, W, H,
                         i % 2 ? DRM_FORMAT_ARGB8888 : DRM_FORMAT_XRGB8888);
        s.buffer[i].rec = &s.f.rec;
    }
    s.f.rec.then = then_present;
    s.f.rec.then_data = &s;
    for (unsigned i = 0; i < STEPS; i++)
        do_step(&s);
    s.f.rec.then = NULL;
    fixture_until(&s.f, s.f.rec.n_done == s.n_presented);
    check_done(&s);
    assert_int_equal(s.f.rec.n_lost, 0);
    compositor_sync(s.f.compositor);
    fixture_close(&s.f);
    for (unsigned i = 0; i < BUFFERS; i++) {
        assert_int_equal(s.buffer[i].base.locks, 0);
        test_buffer_drop(&s.buffer[i]);
        assert_true(s.buffer[i].destroyed);
    }
}

static void whatever_happens_each_frame_is_done_once_and_in_turn(void **state)
{
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        print_message("seed %u\n", seed);
        run_storm(seed, seed % 3 ? &compositor_everything : &compositor_poor);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_happens_each_frame_is_done_once_and_in_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
