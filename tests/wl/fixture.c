// SPDX-License-Identifier: MIT
#include "tests/wl/fixture.h"

#include <drm_fourcc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/test.h"
#include "vmm/base/fd.h"
#include "vmm/base/util.h"

static struct recorder *of_producer(struct producer *producer)
{
    return container_of(producer, struct recorder, producer);
}

static void on_mode(struct producer *producer, unsigned scanout, const struct display_mode *mode)
{
    struct recorder *rec = of_producer(producer);
    rec->mode[scanout] = *mode;
    rec->n_modes++;
}

static void on_formats(struct producer *producer, const struct display_format *formats, unsigned n)
{
    struct recorder *rec = of_producer(producer);
    memcpy(rec->format, formats, MIN(n, FIXTURE_FORMATS_MAX) * sizeof(*formats));
    rec->n_formats = n;
    rec->formats_calls++;
}

static void on_done(struct producer *producer, unsigned scanout, uint32_t seq)
{
    struct recorder *rec = of_producer(producer);
    rec->done[rec->n_done++ % FIXTURE_DONE_MAX] = seq;
    rec->done_scanout = scanout;
    if (rec->then)
        rec->then(rec->then_data);
}

static void on_pace(struct producer *producer, unsigned scanout, bool hidden, uint32_t period_ns)
{
    struct recorder *rec = of_producer(producer);
    rec->n_pace++;
    rec->hidden[scanout] = hidden;
    rec->period_ns = period_ns;
}

static void on_import_failed(struct producer *producer, struct frame_buffer *buffer)
{
    struct recorder *rec = of_producer(producer);
    rec->failed = buffer;
    rec->n_failed++;
    if (rec->then)
        rec->then(rec->then_data);
}

static const struct display_events events = {
    .mode = on_mode,
    .formats = on_formats,
    .done = on_done,
    .pace = on_pace,
    .import_failed = on_import_failed,
};

static void note(struct input_sink *sink, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void note(struct input_sink *sink, const char *fmt, ...)
{
    struct recorder *rec = container_of(sink, struct recorder, sink);
    size_t used = strlen(rec->input);
    va_list args;
    va_start(args, fmt);
    vsnprintf(rec->input + used, sizeof(rec->input) - used, fmt, args);
    va_end(args);
}

static void on_focus(struct input_sink *sink, int scanout)
{
    note(sink, "focus %d; ", scanout);
}

static void on_key(struct input_sink *sink, uint32_t code, bool pressed)
{
    note(sink, "key %u %d; ", code, pressed);
}

static void on_button(struct input_sink *sink, uint32_t code, bool pressed)
{
    note(sink, "button %u %d; ", code, pressed);
}

static void on_abs(struct input_sink *sink, unsigned scanout, double x, double y)
{
    note(sink, "abs %u %.3f %.3f; ", scanout, x, y);
}

static void on_locked(struct input_sink *sink, bool locked)
{
    note(sink, "locked %d; ", locked);
}

static void on_inhibited(struct input_sink *sink, bool inhibited)
{
    note(sink, "inhibited %d; ", inhibited);
}

static void on_rel(struct input_sink *sink, double dx, double dy, double raw_dx, double raw_dy)
{
    note(sink, "rel %g %g %g %g; ", dx, dy, raw_dx, raw_dy);
}

static void on_leave(struct input_sink *sink)
{
    note(sink, "leave; ");
}

static void on_wheel(struct input_sink *sink, int32_t horizontal, int32_t vertical)
{
    note(sink, "wheel %d %d; ", horizontal, vertical);
}

static void on_frame(struct input_sink *sink)
{
    note(sink, "frame; ");
}

static uint32_t on_leds(struct input_sink *sink)
{
    return container_of(sink, struct recorder, sink)->leds;
}

static void on_touch_down(struct input_sink *sink, int32_t finger, unsigned scanout, double x,
                          double y)
{
    note(sink, "down %d %u %.3f %.3f; ", finger % 16, scanout, x, y);
}

static void on_touch_motion(struct input_sink *sink, int32_t finger, unsigned scanout, double x,
                            double y)
{
    note(sink, "motion %d %u %.3f %.3f; ", finger % 16, scanout, x, y);
}

static void on_touch_up(struct input_sink *sink, int32_t finger)
{
    note(sink, "up %d; ", finger % 16);
}

static void on_tool(struct input_sink *sink, const struct input_tool *tool)
{
    if (!tool->near) {
        note(sink, "pen away; ");
        return;
    }
    note(sink, "%s %u %.3f %.3f%s", tool->eraser ? "eraser" : "pen", tool->scanout, tool->x,
         tool->y, tool->touching ? " touching" : "");
    if (tool->pressure > 0)
        note(sink, " pressure %.2f", tool->pressure);
    if (tool->distance > 0)
        note(sink, " distance %.2f", tool->distance);
    if (tool->tilt_x != 0 || tool->tilt_y != 0)
        note(sink, " tilt %g %g", tool->tilt_x, tool->tilt_y);
    note(sink, "; ");
}

static void on_tool_button(struct input_sink *sink, uint32_t code, bool pressed)
{
    note(sink, "pen button %u %d; ", code, pressed);
}

static const struct input_sink_ops sink_ops = {
    .leds = on_leds,
    .touch_down = on_touch_down,
    .touch_motion = on_touch_motion,
    .touch_up = on_touch_up,
    .tool = on_tool,
    .tool_button = on_tool_button,
    .locked = on_locked,
    .inhibited = on_inhibited,
    .rel = on_rel,
    .focus = on_focus,
    .key = on_key,
    .button = on_button,
    .abs = on_abs,
    .leave = on_leave,
    .wheel = on_wheel,
    .frame = on_frame,
};

static void on_close(void *data, unsigned scanout)
{
    struct recorder *rec = data;
    rec->n_close++;
    rec->closed_scanout = scanout;
    if (rec->closes)
        wayl_close(container_of(rec, struct fixture, rec)->wayl, scanout);
}

static void on_lost(void *data)
{
    struct recorder *rec = data;
    rec->n_lost++;
}

static void on_layout(void *data, unsigned scanout, const struct display_mode *mode)
{
    struct recorder *rec = data;
    rec->layout[scanout] = *mode;
}

static const struct wayl_events wayl_events = {
    .close = on_close,
    .mode = on_layout,
    .lost = on_lost,
};

int64_t fixture_now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

uint32_t fixture_pick(uint32_t *seed, uint32_t n)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % n;
}

static bool connect_windows(struct fixture *f, unsigned n_windows)
{
    const struct wayl_config config = { .app_id = "vitrine.test",
                                        .title = f->title ? f->title : "A guest",
                                        .n_outputs = n_windows,
                                        .width = FIXTURE_WIDTH,
                                        .height = FIXTURE_HEIGHT,
                                        .manners = f->manners,
                                        .fullscreen = f->fullscreen,
                                        .hud = f->hud,
                                        .confine = f->confine,
                                        .lock_on_click = f->lock_on_click,
                                        .max_outputs = f->max_windows,
                                        .fill = f->fill,
                                        .hidden_ms = f->impatient ? 0 : FIXTURE_PATIENT_MS,
                                        .settle_ms = f->impatient ? 0 : FIXTURE_PATIENT_MS,
                                        .root = f->root };
    /* What this machine's libdecor would draw is no part of a test, unless that brings a stand-in. */
    setenv("LIBDECOR_PLUGIN_DIR", "/nonexistent", 0);
    f->rec.producer.events = &events;
    f->rec.sink.ops = &sink_ops;
    f->wayl = wayl_create(f->loop, &config, &f->rec.sink, &wayl_events, &f->rec);
    return f->wayl != NULL;
}

void fixture_open(struct fixture *f, const struct compositor_config *config, unsigned n_windows)
{
    *f = (struct fixture){ .loop = loop_create() };
    assert_non_null(f->loop);
    f->compositor = compositor_create(f->loop, config);
    fixture_finish_opening(f, n_windows);
}

void fixture_open_impatient(struct fixture *f, const struct compositor_config *config,
                            unsigned n_windows)
{
    *f = (struct fixture){ .loop = loop_create(), .impatient = true };
    assert_non_null(f->loop);
    f->compositor = compositor_create(f->loop, config);
    fixture_finish_opening(f, n_windows);
}

void fixture_open_some(struct fixture *f, const struct compositor_config *config,
                       unsigned n_windows, unsigned max_windows)
{
    *f = (struct fixture){ .loop = loop_create(), .max_windows = max_windows };
    assert_non_null(f->loop);
    f->compositor = compositor_create(f->loop, config);
    fixture_finish_opening(f, n_windows);
}

void fixture_finish_opening(struct fixture *f, unsigned n_windows)
{
    compositor_serve(f->compositor);
    connect_windows(f, n_windows);
    compositor_unserve(f->compositor);
    if (!f->wayl)
        return;
    wayl_set_producer(f->wayl, &f->rec.producer);
    compositor_sync(f->compositor); /* the windows are created */
    compositor_sync(f->compositor); /* and configured */
}

bool fixture_connect(struct fixture *f, unsigned n_windows)
{
    *f = (struct fixture){ .loop = loop_create(), .impatient = true };
    assert_non_null(f->loop);
    return fixture_finish_connecting(f, n_windows);
}

bool fixture_finish_connecting(struct fixture *f, unsigned n_windows)
{
    if (!connect_windows(f, n_windows))
        return false;
    wayl_set_producer(f->wayl, &f->rec.producer);
    return true;
}

void fixture_close(struct fixture *f)
{
    wayl_destroy(f->wayl);
    if (f->compositor)
        compositor_destroy(f->compositor);
    loop_destroy(f->loop);
}

static void buffer_released(struct frame_buffer *base)
{
    struct test_buffer *buffer = container_of(base, struct test_buffer, base);
    buffer->released++;
    if (buffer->rec && buffer->rec->then)
        buffer->rec->then(buffer->rec->then_data);
}

static void buffer_destroyed(struct frame_buffer *base)
{
    container_of(base, struct test_buffer, base)->destroyed = true;
}

static const struct frame_buffer_ops buffer_ops = {
    .released = buffer_released,
    .destroy = buffer_destroyed,
};

void test_buffer_init(struct test_buffer *buffer, enum frame_buffer_kind kind, uint32_t width,
                      uint32_t height, uint32_t fourcc)
{
    *buffer = (struct test_buffer){ 0 };
    frame_buffer_init(&buffer->base, &buffer_ops);
    buffer->base.kind = kind;
    buffer->base.path = kind == FRAME_BUFFER_SHM ? FRAME_PATH_SHM : FRAME_PATH_UDMABUF;
    buffer->base.width = width;
    buffer->base.height = height;
    buffer->base.fourcc = fourcc;
    buffer->base.modifier = DRM_FORMAT_MOD_LINEAR;
    buffer->base.n_planes = 1;
    buffer->base.plane[0].stride = width * 4;
    buffer->base.plane[0].fd =
        fd_memfd_sealed("test", ALIGN_UP((uint64_t)width * height * 4, 4096u));
    assert_true(buffer->base.plane[0].fd >= 0);
}

void test_buffer_drop(struct test_buffer *buffer)
{
    frame_buffer_unref(&buffer->base);
}

uint32_t fixture_present(struct fixture *f, unsigned scanout, struct test_buffer *buffer,
                         const struct frame_rect *damage)
{
    struct frame_rect whole = { 0, 0, buffer->base.width, buffer->base.height };
    struct frame frame = {
        .buffer = &buffer->base,
        .source = whole,
        .seq = ++f->seq,
        .acquire_fence = -1,
        .n_damage = 1,
        .damage = { damage ? *damage : whole },
    };
    struct display *display = wayl_display(f->wayl);
    display->ops->present(display, scanout, &frame);
    return frame.seq;
}

void fixture_settle(struct fixture *f)
{
    compositor_sync(f->compositor);
    compositor_sync(f->compositor);
    assert_int_equal(f->rec.n_lost, 0);
}

void fixture_close_with(struct fixture *f, struct test_buffer *a, struct test_buffer *b)
{
    fixture_close(f);
    test_buffer_drop(a);
    test_buffer_drop(b);
    assert_true(a->destroyed);
    assert_true(b->destroyed);
}
