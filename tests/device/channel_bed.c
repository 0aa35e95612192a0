// SPDX-License-Identifier: MIT
#include "tests/device/channel_bed.h"

#include <stdlib.h>
#include <unistd.h>

#include "tests/test.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"

/* What the GPU hears. */

static struct channel_bed *of_producer(struct producer *p)
{
    return container_of(p, struct channel_bed, producer);
}

static void on_mode(struct producer *p, unsigned scanout, const struct display_mode *mode)
{
    of_producer(p)->n_modes++;
    of_producer(p)->mode = *mode;
}

static void on_formats(struct producer *p, const struct display_format *formats, unsigned n)
{
    struct channel_bed *bed = of_producer(p);
    bed->n_formats_calls++;
    bed->n_formats = n;
    if (n > 0)
        bed->last_format = formats[n - 1];
}

static void on_done(struct producer *p, unsigned scanout, uint32_t seq)
{
    of_producer(p)->n_done++;
    of_producer(p)->done_seq = seq;
}

static void on_pace(struct producer *p, unsigned scanout, bool hidden, uint32_t period_ns)
{
    of_producer(p)->hidden = hidden;
    of_producer(p)->period_ns = period_ns;
}

static void on_import_failed(struct producer *p, struct frame_buffer *buffer)
{
    of_producer(p)->n_failed++;
    of_producer(p)->failed = buffer;
}

static void on_unwatched(struct producer *p)
{
    of_producer(p)->n_unwatched++;
}

static const struct display_events gpu_events = { on_mode, on_formats,       on_done,
                                                  on_pace, on_import_failed, on_unwatched };

static void on_released(struct gpu_buffer_owner *owner, struct gpu_buffer *buffer)
{
    struct channel_bed *bed = container_of(owner, struct channel_bed, owner);
    bed->n_released++;
    bed->released = buffer;
}

/* What the display is told. */

static struct channel_bed *of_display(struct display *d)
{
    return container_of(d, struct channel_bed, display);
}

static void on_present(struct display *d, unsigned scanout, const struct frame *frame)
{
    struct channel_bed *bed = of_display(d);
    bed->n_presents++;
    frame_buffer_ref(frame->buffer);
    frame_buffer_unref(bed->frame.buffer);
    if (frame->acquire_fence >= 0)
        close(frame->acquire_fence);
    bed->frame = *frame;
    if (bed->lock)
        frame_buffer_lock(frame->buffer);
}

static void on_disable(struct display *d, unsigned scanout)
{
    of_display(d)->n_disables++;
}

static void on_cursor(struct display *d, unsigned scanout, const struct frame_cursor *cursor)
{
    struct channel_bed *bed = of_display(d);
    bed->n_cursors++;
    if (cursor->buffer)
        frame_buffer_ref(cursor->buffer);
    frame_buffer_unref(bed->cursor.buffer);
    bed->cursor = *cursor;
}

static void on_cursor_move(struct display *d, unsigned scanout, int32_t x, int32_t y)
{
    struct channel_bed *bed = of_display(d);
    bed->n_moves++;
    bed->x = x;
    bed->y = y;
}

static const struct display_ops machine_ops = { on_present, on_disable, on_cursor, on_cursor_move };

/* The bed. */

static void on_machine_closed(void *data)
{
    ((struct channel_bed *)data)->machine_closed++;
}

void channel_bed_gpu_closed(void *data)
{
    ((struct channel_bed *)data)->gpu_closed++;
}

void channel_bed_settle(struct channel_bed *bed)
{
    for (unsigned i = 0; i < 400; i++) /* a wake-up takes one frame */
        loop_run_once(bed->loop, 0);
}

int channel_bed_set_up_machine(void **state)
{
    struct channel_bed *bed = calloc(1, sizeof(*bed));
    int sock[2];

    bed->loop = loop_create();
    bed->lock = true;
    bed->display.ops = &machine_ops;
    bed->producer.events = &gpu_events;
    bed->owner.released = on_released;
    assert_int_equal(channel_pair(sock), 0);
    bed->machine = channel_machine_create(bed->loop, on_machine_closed, bed);
    channel_machine_set_display(bed->machine, &bed->display);
    assert_int_equal(channel_machine_connect(bed->machine, sock[0]), 0);
    bed->raw = sock[1];
    *state = bed;
    return 0;
}

int channel_bed_set_up(void **state)
{
    channel_bed_set_up_machine(state);
    struct channel_bed *bed = *state;
    bed->gpu = channel_gpu_create(bed->loop, bed->raw, &bed->producer, channel_bed_gpu_closed, bed);
    bed->raw = -1;
    assert_non_null(bed->gpu);
    return 0;
}

void channel_bed_let_go(struct channel_bed *bed)
{
    while (bed->frame.buffer && bed->frame.buffer->locks > 0)
        frame_buffer_unlock(bed->frame.buffer);
    frame_buffer_unref(bed->frame.buffer);
    frame_buffer_unref(bed->cursor.buffer);
    bed->frame.buffer = bed->cursor.buffer = NULL;
}

int channel_bed_tear_down(void **state)
{
    struct channel_bed *bed = *state;

    channel_bed_let_go(bed);
    channel_machine_set_display(bed->machine, NULL);
    channel_machine_destroy(bed->machine);
    channel_gpu_destroy(bed->gpu);
    if (bed->raw >= 0)
        close(bed->raw);
    loop_destroy(bed->loop);
    free(bed);
    return 0;
}
