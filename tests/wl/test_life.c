// SPDX-License-Identifier: MIT
/*
 * Windows that come and go, grow and shrink and are moved about, in an order that a seed decides, while a
 * guest draws on all of its monitors and follows what it is told, late or not at all. Whatever happens,
 * each frame is done once and in turn, a picture that the guest was asked for fits its window, nothing
 * is kept, and the connection lives.
 *
 * With VITRINE_FULL in the environment, for many more seeds.
 */
#include <drm_fourcc.h>
#include <stdlib.h>

#include "tests/test.h"
#include "tests/wl/fixture.h"
#ifdef FRAMED
#include "tests/wl/decor_fake.h"
#endif
#include "vmm/base/util.h"
#include "xdg-shell-server.h"

#define WINDOWS 4u
#define STEPS 10000u
#define FEWER_STEPS 2000u
#define SHARP 2 /* the scale of the second output */

/* One of the guest's monitors. It draws into two buffers of its mode in turn. */
struct monitor {
    struct display_mode told;
    uint32_t width, height;
    struct test_buffer *buffer[2];
    unsigned next, n_presented, n_done;
    uint32_t last_seq; /* presented */
    bool follows;
};

struct life {
    struct fixture f;
    struct producer producer;
    struct compositor_output *output[2];
    struct monitor monitor[WINDOWS];
    uint32_t random;
    unsigned n_buffers;
};

static uint32_t pick(struct life *life, uint32_t n)
{
    life->random = life->random * 1664525u + 1013904223u;
    return (life->random >> 8) % n;
}

/* The guest's graphics card. */

static void on_mode(struct producer *producer, unsigned scanout, const struct display_mode *mode)
{
    struct life *life = container_of(producer, struct life, producer);
    assert_true((mode->width == 0) == (mode->height == 0));
    assert_true(mode->width <= 16384 && mode->height <= 16384);
    life->monitor[scanout].told = *mode;
}

static void on_formats(struct producer *producer, const struct display_format *formats, unsigned n)
{
}

static void on_done(struct producer *producer, unsigned scanout, uint32_t seq)
{
    struct life *life = container_of(producer, struct life, producer);
    struct monitor *monitor = &life->monitor[scanout];
    monitor->n_done++;
    assert_int_equal(monitor->last_seq - seq, monitor->n_presented - monitor->n_done);
}

static void on_pace(struct producer *producer, unsigned scanout, bool hidden, uint32_t period_ns)
{
}

static void on_import_failed(struct producer *producer, struct frame_buffer *buffer)
{
    fail_msg("a buffer could not be shown");
}

static const struct display_events events = {
    .mode = on_mode,
    .formats = on_formats,
    .done = on_done,
    .pace = on_pace,
    .import_failed = on_import_failed,
};

/* Buffers that are on screen live on until they are released. */
static void drop_buffers(struct life *life, struct monitor *monitor)
{
    for (unsigned i = 0; i < 2; i++) {
        if (monitor->buffer[i])
            test_buffer_drop(monitor->buffer[i]);
        monitor->buffer[i] = NULL;
    }
}

static void buffer_released(struct frame_buffer *base)
{
}

static void buffer_destroyed(struct frame_buffer *base)
{
    struct test_buffer *buffer = container_of(base, struct test_buffer, base);
    unsigned *n = (unsigned *)(void *)buffer->rec;
    --*n;
    free(buffer);
}

static const struct frame_buffer_ops buffer_ops = {
    .released = buffer_released,
    .destroy = buffer_destroyed,
};

static void set_mode(struct life *life, struct monitor *monitor, uint32_t width, uint32_t height)
{
    drop_buffers(life, monitor);
    monitor->width = width;
    monitor->height = height;
    for (unsigned i = 0; width && i < 2; i++) {
        struct test_buffer *buffer = calloc(1, sizeof(*buffer));
        assert_non_null(buffer);
        test_buffer_init(buffer, i ? FRAME_BUFFER_DMABUF : FRAME_BUFFER_SHM, width, height,
                         DRM_FORMAT_XRGB8888);
        buffer->base.ops = &buffer_ops;
        buffer->rec = (void *)&life->n_buffers; /* where the count of buffers is */
        life->n_buffers++;
        monitor->buffer[i] = buffer;
    }
}

static void present(struct life *life, unsigned scanout)
{
    struct monitor *monitor = &life->monitor[scanout];
    struct test_buffer *buffer = monitor->buffer[monitor->next++ % 2];
    struct frame frame = {
        .buffer = &buffer->base,
        .source = { 0, 0, monitor->width, monitor->height },
        .seq = ++monitor->last_seq,
        .acquire_fence = -1,
        .n_damage = 1,
        .damage = { { 0, 0, monitor->width, monitor->height } },
    };
    monitor->n_presented++;
    struct display *display = wayl_display(life->f.wayl);
    display->ops->present(display, scanout, &frame);
}

static void draw(struct life *life, unsigned scanout)
{
    struct monitor *monitor = &life->monitor[scanout];
    if (monitor->follows && pick(life, 3))
        set_mode(life, monitor, monitor->told.width, monitor->told.height);
    else if (pick(life, 40) == 0) /* the guest's user has a will of its own */
        set_mode(life, monitor, 64 + pick(life, 400), 64 + pick(life, 300));
    if (monitor->buffer[0] && monitor->n_presented - monitor->n_done < 4)
        present(life, scanout);
}

/* The user and the desktop. */

static void configure(struct life *life, struct compositor_surface *window)
{
    static const uint32_t states[] = {
        XDG_TOPLEVEL_STATE_ACTIVATED, XDG_TOPLEVEL_STATE_MAXIMIZED,  XDG_TOPLEVEL_STATE_FULLSCREEN,
        XDG_TOPLEVEL_STATE_RESIZING,  XDG_TOPLEVEL_STATE_TILED_LEFT,
    };
    bool free = pick(life, 4) == 0;
    const uint32_t state[] = { states[pick(life, ARRAY_LEN(states))], 0 };
    if (pick(life, 8) == 0)
        xdg_toplevel_send_configure_bounds(window->toplevel, (int32_t)pick(life, 500),
                                           (int32_t)pick(life, 500));
    compositor_configure(window, free ? 0 : (int32_t)pick(life, 500),
                         free ? 0 : (int32_t)pick(life, 400), state);
}

static void move(struct life *life, struct compositor_surface *window)
{
    static const uint32_t scales[] = { 120, 150, 180, 240, 113 };
    struct compositor_output *output = life->output[pick(life, 2)];
    if (window->fractional_scale)
        compositor_preferred_scale(window, scales[pick(life, ARRAY_LEN(scales))]);
    if (!output || !output->resource)
        return;
    if (pick(life, 2))
        compositor_surface_enter(window, output);
    else
        compositor_surface_leave(window, output);
}

static void change_outputs(struct life *life)
{
    struct compositor_output **second = &life->output[1];
    if (!*second) {
        *second = compositor_output_add(life->f.compositor, 800, 600, 144000, SHARP);
    } else if (!(*second)->resource) {
        return; /* the client is about to bind it, and must find it */
    } else if (pick(life, 2)) {
        compositor_output_remove(*second);
        *second = NULL;
    } else {
        (*second)->scale = 1 + (int32_t)pick(life, 3);
        (*second)->transform = (int32_t)pick(life, 8);
        compositor_output_changed(*second);
    }
}

static void do_step(struct life *life)
{
    struct fixture *f = &life->f;
    struct compositor *c = f->compositor;
    unsigned scanout = pick(life, WINDOWS);
    struct compositor_surface *window = compositor_window(c, pick(life, WINDOWS));
    struct display *display = wayl_display(f->wayl);
    switch (pick(life, 16)) {
    case 0:
    case 1:
    case 2:
        for (unsigned i = 0; i < WINDOWS; i++)
            draw(life, i);
        break;
    case 3:
    case 4:
        compositor_repaint(c);
        break;
    case 5:
    case 6:
    case 7:
        for (unsigned n = pick(life, 8); window && n > 0; n--)
            configure(life, window);
        break;
    case 8:
        if (window)
            move(life, window);
        break;
    case 9:
        change_outputs(life);
        break;
    case 10:
        wayl_open(f->wayl, scanout);
        break;
    case 11:
        wayl_close(f->wayl, scanout);
        break;
    case 12:
        if (window)
            xdg_toplevel_send_close(window->toplevel);
        break;
    case 13:
        display->ops->disable(display, scanout);
        break;
    case 14:
        life->monitor[scanout].follows = !life->monitor[scanout].follows;
        break;
    default:
        c->hold_imports = pick(life, 2);
        if (!c->hold_imports)
            compositor_answer_imports(c);
        break;
    }
    loop_run_once(f->loop, 0);
}

static bool all_is_done(struct life *life)
{
    compositor_repaint(life->f.compositor);
    for (unsigned i = 0; i < WINDOWS; i++) {
        if (life->monitor[i].n_done != life->monitor[i].n_presented)
            return false;
    }
    return true;
}

/* The guest follows at once. True when there is no more to follow and each picture fits its window. */
static bool all_fits(struct life *life)
{
    bool fits = all_is_done(life);
    for (unsigned i = 0; fits && i < WINDOWS; i++) {
        struct monitor *monitor = &life->monitor[i];
        if (monitor->width == monitor->told.width && monitor->height == monitor->told.height)
            continue;
        set_mode(life, monitor, monitor->told.width, monitor->told.height);
        present(life, i);
        fits = false;
    }
    for (unsigned i = 0; fits && i < WINDOWS; i++)
        fits = !compositor_bars(compositor_window(life->f.compositor, i));
    return fits;
}

static void come_to_rest(struct life *life)
{
    struct fixture *f = &life->f;
    f->compositor->hold_imports = false;
    compositor_answer_imports(f->compositor);
    fixture_until(f, all_is_done(life));
    for (unsigned i = 0; i < WINDOWS; i++)
        assert_true(wayl_open(f->wayl, i));
    compositor_sync(f->compositor);
    compositor_sync(f->compositor);
    fixture_until(f, all_fits(life));
    assert_int_equal(f->rec.n_lost, 0);
}

#ifdef FRAMED
#define setup decor_fake_setup
#define teardown decor_fake_teardown
#else
#define setup NULL
#define teardown NULL
#endif

static void run_life(uint32_t seed, const struct compositor_config *like, unsigned steps)
{
    struct compositor_config frameless = *like, *config = &frameless;
#ifdef FRAMED
    config->decoration = 0;
#endif
    struct life life = { .random = seed, .producer.events = &events };
    life.f = (struct fixture){ .loop = loop_create(), .impatient = true, .max_windows = WINDOWS };
    life.f.compositor = compositor_create(life.f.loop, config);
    fixture_finish_opening(&life.f, 1);
    wayl_set_producer(life.f.wayl, &life.producer);
    life.f.rec.closes = true;
    life.output[0] = config->output ? &life.f.compositor->output[0] : NULL;
    for (unsigned i = 0; i < steps; i++)
        do_step(&life);
    come_to_rest(&life);
    compositor_sync(life.f.compositor);
    assert_int_equal(life.f.rec.n_lost, 0);
    fixture_close(&life.f);
    for (unsigned i = 0; i < WINDOWS; i++)
        drop_buffers(&life, &life.monitor[i]);
    assert_int_equal(life.n_buffers, 0);
}

static void windows_live_and_die_while_the_guest_draws(void **state)
{
    uint32_t seeds = getenv("VITRINE_FULL") ? 50 : 1;
    for (uint32_t seed = 1; seed <= seeds; seed++) {
        print_message("seed %u\n", seed);
        run_life(seed, &compositor_everything, STEPS);
    }
}

static void they_do_without_what_is_optional(void **state)
{
    struct compositor_config config = compositor_everything;
    config.fractional_scale = 0;
    run_life(4, &config, FEWER_STEPS);
    config.subcompositor = 0;
    run_life(5, &config, FEWER_STEPS);
    config.viewporter = 0;
    run_life(6, &config, FEWER_STEPS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_live_and_die_while_the_guest_draws),
        cmocka_unit_test(they_do_without_what_is_optional),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
