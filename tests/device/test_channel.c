// SPDX-License-Identifier: MIT
/* The frame channel: what the GPU says arrives at the display, and the other way. */
#include <drm_fourcc.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "gpu/channel_wire.h"
#include "tests/device/channel_bed.h"
#include "tests/test.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"

static void present(struct channel_bed *bed, struct gpu_buffer *b, uint32_t seq)
{
    struct frame frame = {
        .buffer = &b->base,
        .source = { 0, 0, b->base.width, b->base.height },
        .seq = seq,
        .acquire_fence = -1,
        .copied = 100,
        .draws = 2,
        .withheld = 1,
        .n_damage = 2,
        .damage = { { 1, 2, 3, 4 }, { 5, 6, 1, 1 } },
    };
    struct display *d = channel_gpu_display(bed->gpu);
    d->ops->present(d, 0, &frame);
}

static void count_tapped(void *data, unsigned scanout, const struct frame *frame)
{
    unsigned *n = data;
    assert_int_equal(scanout, 0);
    assert_int_equal(frame->buffer->kind, FRAME_BUFFER_SHM);
    *n += 1;
}

static void who_taps_sees_each_frame_and_so_does_the_display(void **state)
{
    struct channel_bed *bed = *state;
    struct gpu_buffer *b = gpu_buffer_create_shm(&bed->owner, 16, 8, DRM_FORMAT_XRGB8888);
    unsigned n = 0;
    channel_machine_set_tap(bed->machine, count_tapped, &n);
    present(bed, b, 1);
    channel_bed_settle(bed);
    assert_int_equal(n, 1);
    assert_int_equal(bed->n_presents, 1);
    channel_machine_set_tap(bed->machine, NULL, NULL);
    present(bed, b, 2);
    channel_bed_settle(bed);
    assert_int_equal(n, 1);
    assert_int_equal(bed->n_presents, 2);
    channel_bed_let_go(bed);
    gpu_buffer_unref(b);
}

static void a_frame_arrives_as_it_was_sent(void **state)
{
    struct channel_bed *bed = *state;
    struct gpu_buffer *b = gpu_buffer_create_shm(&bed->owner, 16, 8, DRM_FORMAT_XRGB8888);

    ((uint32_t *)b->map)[17] = 0xc0ffee;
    present(bed, b, 9);
    channel_bed_settle(bed);
    assert_int_equal(bed->n_presents, 1);
    const struct frame *f = &bed->frame;
    assert_int_equal(f->seq, 9);
    assert_int_equal(f->copied, 100);
    assert_int_equal(f->acquire_fence, -1);
    assert_int_equal(f->n_damage, 2);
    assert_int_equal(f->damage[1].y, 6);
    assert_int_equal(f->buffer->width, 16);
    assert_int_equal(f->buffer->fourcc, DRM_FORMAT_XRGB8888);
    assert_int_equal(f->buffer->plane[0].stride, 64);
    uint32_t pixel;
    assert_int_equal(pread(f->buffer->plane[0].fd, &pixel, 4, 68), 4);
    assert_int_equal(pixel, 0xc0ffee);

    struct producer *p = channel_machine_producer(bed->machine);
    p->events->done(p, 0, 8); /* was never presented */
    p->events->done(p, 0, 9);
    p->events->done(p, 0, 9);
    p->events->pace(p, 0, true, 1234567);
    channel_bed_settle(bed);
    assert_int_equal(bed->n_done, 1);
    assert_int_equal(bed->done_seq, 9);
    assert_true(bed->hidden);
    assert_int_equal(bed->period_ns, 1234567);
    assert_int_equal(channel_machine_stats(bed->machine)->draws, 2);
    assert_int_equal(channel_machine_stats(bed->machine)->withheld, 1);

    /* On screen: locked here as there. */
    assert_int_equal(b->base.locks, 1);
    frame_buffer_unlock(bed->frame.buffer);
    channel_bed_settle(bed);
    assert_int_equal(bed->n_released, 1);
    assert_int_equal(b->base.locks, 0);

    const struct channel_stats *stats = channel_machine_stats(bed->machine);
    assert_int_equal(stats->frames[FRAME_PATH_SHM], 1);
    assert_int_equal(stats->copied, 100);
    assert_int_equal(stats->buffers, 1);
    gpu_buffer_unref(b);
    channel_bed_settle(bed);
    assert_int_equal(stats->buffers, 0);
    assert_int_equal(stats->buffers_total, 1);
}

static void a_buffer_is_announced_once_and_locked_until_all_uses_end(void **state)
{
    struct channel_bed *bed = *state;
    struct gpu_buffer *b = gpu_buffer_create_shm(&bed->owner, 16, 8, DRM_FORMAT_XRGB8888);

    present(bed, b, 1);
    present(bed, b, 2);
    channel_bed_settle(bed);
    present(bed, b, 3);
    channel_bed_settle(bed);
    assert_int_equal(channel_machine_stats(bed->machine)->buffers_total, 1);
    frame_buffer_unlock(bed->frame.buffer);
    frame_buffer_unlock(bed->frame.buffer);
    channel_bed_settle(bed);
    assert_int_equal(bed->n_released, 0);
    /* A release that crosses another present on the way must not unlock that one. */
    frame_buffer_unlock(bed->frame.buffer);
    present(bed, b, 4);
    channel_bed_settle(bed);
    assert_int_equal(b->base.locks, 1);
    frame_buffer_unlock(bed->frame.buffer);
    channel_bed_settle(bed);
    assert_int_equal(bed->n_released, 1);
    assert_int_equal(b->base.locks, 0);
    gpu_buffer_unref(b);
}

static void a_display_that_shows_nothing_releases_at_once(void **state)
{
    struct channel_bed *bed = *state;
    struct gpu_buffer *b = gpu_buffer_create_shm(&bed->owner, 16, 8, DRM_FORMAT_XRGB8888);

    bed->lock = false;
    present(bed, b, 1);
    channel_bed_settle(bed);
    assert_int_equal(bed->n_released, 1);
    channel_machine_set_display(bed->machine, NULL);
    channel_bed_settle(bed);
    assert_int_equal(bed->n_unwatched, 1);
    assert_int_equal(bed->n_done, 1); /* the frame that the display never answered */
    present(bed, b, 2);
    channel_bed_settle(bed);
    assert_int_equal(bed->n_presents, 1);
    assert_int_equal(bed->n_released, 2);
    assert_int_equal(bed->done_seq, 2);
    gpu_buffer_unref(b);
}

static void more_frames_than_may_wait_are_dropped_and_done(void **state)
{
    struct channel_bed *bed = *state;
    struct gpu_buffer *b = gpu_buffer_create_shm(&bed->owner, 16, 8, DRM_FORMAT_XRGB8888);

    bed->lock = false;
    for (uint32_t i = 1; i <= 10; i++)
        present(bed, b, i);
    channel_bed_settle(bed);
    assert_int_equal(bed->n_presents, CHANNEL_MAX_OUTSTANDING);
    assert_int_equal(bed->n_done, 10 - CHANNEL_MAX_OUTSTANDING);
    assert_int_equal(channel_machine_stats(bed->machine)->dropped, 10 - CHANNEL_MAX_OUTSTANDING);
    gpu_buffer_unref(b);
}

static void more_buffers_than_slots_push_out_the_oldest(void **state)
{
    struct channel_bed *bed = *state;
    struct gpu_buffer *b[CHANNEL_MAX_SLOTS + 10];
    struct producer *p = channel_machine_producer(bed->machine);

    bed->lock = false;
    for (unsigned i = 0; i < ARRAY_LEN(b); i++) {
        b[i] = gpu_buffer_create_shm(&bed->owner, 1 + i, 8, DRM_FORMAT_XRGB8888);
        struct frame frame = {
            .buffer = &b[i]->base, .source = { 0, 0, 1, 1 }, .seq = i, .acquire_fence = -1
        };
        struct display *d = channel_gpu_display(bed->gpu);
        d->ops->present(d, 0, &frame);
        channel_bed_settle(bed);
        p->events->done(p, 0, i);
    }
    assert_int_equal(bed->n_presents, ARRAY_LEN(b));
    assert_int_equal(bed->frame.buffer->width, ARRAY_LEN(b));
    assert_int_equal(channel_machine_stats(bed->machine)->buffers, CHANNEL_MAX_SLOTS);
    assert_int_equal(bed->gpu_closed + bed->machine_closed, 0);
    for (unsigned i = 0; i < ARRAY_LEN(b); i++)
        gpu_buffer_unref(b[i]);
    channel_bed_settle(bed);
    assert_int_equal(channel_machine_stats(bed->machine)->buffers, 0);
}

static void modes_and_many_formats_arrive_and_are_told_again(void **state)
{
    struct channel_bed *bed = *state;
    struct producer *p = channel_machine_producer(bed->machine);
    struct display_format formats[1000];
    struct display_mode mode = { 800, 600, 60000, 300, 200 };

    for (unsigned i = 0; i < ARRAY_LEN(formats); i++)
        formats[i] = (struct display_format){ i, (uint64_t)i << 40 };
    p->events->mode(p, 0, &mode);
    p->events->formats(p, formats, ARRAY_LEN(formats));
    channel_bed_settle(bed);
    assert_int_equal(bed->n_modes, 1);
    assert_memory_equal(&bed->mode, &mode, sizeof(mode));
    assert_int_equal(bed->n_formats_calls, 1);
    assert_int_equal(bed->n_formats, 1000);
    assert_int_equal(bed->last_format.fourcc, 999);
    assert_true(bed->last_format.modifier == 999ull << 40);
    p->events->formats(p, NULL, 0);
    channel_bed_settle(bed);
    assert_int_equal(bed->n_formats_calls, 2);
    assert_int_equal(bed->n_formats, 0);
    p->events->pace(p, 3, true, 8000000);

    /* A successor of the GPU process hears them at once. */
    int sock[2];
    assert_int_equal(channel_pair(sock), 0);
    channel_gpu_destroy(bed->gpu);
    channel_bed_settle(bed);
    assert_int_equal(bed->machine_closed, 1);
    assert_int_equal(channel_machine_connect(bed->machine, sock[0]), 0);
    bed->gpu = channel_gpu_create(bed->loop, sock[1], &bed->producer, channel_bed_gpu_closed, bed);
    bed->hidden = false;
    channel_bed_settle(bed);
    assert_int_equal(bed->n_modes, 2);
    assert_true(bed->hidden);
    assert_int_equal(bed->period_ns, 8000000);
    assert_int_equal(bed->n_formats_calls, 3);
}

static void formats_are_told_once_somebody_looks_whoever_comes_first(void **state)
{
    struct channel_bed *bed = *state;
    struct producer *p = channel_machine_producer(bed->machine);

    channel_machine_set_display(bed->machine, NULL);
    p->events->formats(p, NULL, 0);
    channel_bed_settle(bed);
    assert_int_equal(bed->n_formats_calls, 0);
    channel_machine_set_display(bed->machine, &bed->display);
    channel_bed_settle(bed);
    assert_int_equal(bed->n_formats_calls, 1);
    channel_machine_set_display(bed->machine, NULL);
    channel_machine_set_display(bed->machine, &bed->display);
    channel_bed_settle(bed);
    assert_int_equal(bed->n_formats_calls, 1); /* those were another display's */
    p->events->formats(p, NULL, 0);
    channel_bed_settle(bed);
    assert_int_equal(bed->n_formats_calls, 2);
}

static void a_failed_import_names_the_buffer(void **state)
{
    struct channel_bed *bed = *state;
    struct gpu_buffer *b = gpu_buffer_create_shm(&bed->owner, 16, 8, DRM_FORMAT_XRGB8888);
    struct producer *p = channel_machine_producer(bed->machine);

    present(bed, b, 1);
    channel_bed_settle(bed);
    p->events->import_failed(p, bed->frame.buffer);
    channel_bed_settle(bed);
    assert_ptr_equal(bed->failed, &b->base);
    assert_int_equal(channel_machine_stats(bed->machine)->import_failures, 1);
    frame_buffer_unlock(bed->frame.buffer);
    channel_bed_settle(bed);
    gpu_buffer_unref(b);
    p->events->import_failed(p, bed->frame.buffer); /* crosses its end */
    channel_bed_settle(bed);
    assert_int_equal(bed->n_failed, 1);
}

static void cursors_arrive_and_only_the_last_move(void **state)
{
    struct channel_bed *bed = *state;
    struct gpu_buffer *b = gpu_buffer_create_shm(&bed->owner, 64, 64, DRM_FORMAT_ARGB8888);
    struct display *d = channel_gpu_display(bed->gpu);

    d->ops->cursor(d, 0, &(struct frame_cursor){ &b->base, 3, 4 });
    for (int i = 0; i < 1000; i++)
        d->ops->cursor_move(d, 0, i, -i);
    channel_bed_settle(bed);
    assert_int_equal(bed->n_cursors, 1);
    assert_int_equal(bed->cursor.hot_y, 4);
    assert_int_equal(bed->n_moves, 1);
    assert_int_equal(bed->x, 999);
    assert_int_equal(bed->y, -999);
    d->ops->cursor(d, 0, &(struct frame_cursor){ 0 });
    channel_bed_settle(bed);
    assert_null(bed->cursor.buffer);
    gpu_buffer_unref(b);
}

static void what_draws_is_told_in_plain_text(void **state)
{
    struct channel_bed *bed = *state;
    char long_name[300];

    assert_string_equal(channel_machine_backend(bed->machine), "");
    channel_gpu_about(bed->gpu, "virgl", "Some GPU\n\x1b[2J (TM)");
    channel_bed_settle(bed);
    assert_string_equal(channel_machine_backend(bed->machine), "virgl");
    assert_string_equal(channel_machine_renderer(bed->machine), "Some GPU??[2J (TM)");
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    channel_gpu_about(bed->gpu, "2d", long_name);
    channel_bed_settle(bed);
    assert_int_equal(strlen(channel_machine_renderer(bed->machine)), 127);
    assert_int_equal(bed->machine_closed, 0);
}

static void an_acquire_fence_travels_along(void **state)
{
    struct channel_bed *bed = *state;
    struct gpu_buffer *b = gpu_buffer_create_shm(&bed->owner, 16, 8, DRM_FORMAT_XRGB8888);
    struct frame frame = { .buffer = &b->base, .source = { 0, 0, 1, 1 }, .seq = 1 };
    struct display *d = channel_gpu_display(bed->gpu);

    frame.acquire_fence = open("/dev/null", O_RDWR | O_CLOEXEC);
    d->ops->present(d, 0, &frame);
    channel_bed_settle(bed);
    assert_true(bed->frame.acquire_fence >= 0);
    gpu_buffer_unref(b);
}

/* A pipe whose reading end is a fence: its writer learns when nobody has it any more. */
static void fences_that_nobody_takes_are_closed(void **state)
{
    struct channel_bed *bed = *state;
    struct gpu_buffer *b = gpu_buffer_create_shm(&bed->owner, 16, 8, DRM_FORMAT_XRGB8888);
    struct frame frame = { .buffer = &b->base, .source = { 0, 0, 1, 1 } };
    struct display *d = channel_gpu_display(bed->gpu);
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    channel_machine_set_display(bed->machine, NULL);
    for (frame.seq = 1; frame.seq <= 20; frame.seq++) {
        frame.acquire_fence = dup(ends[0]);
        d->ops->present(d, 0, &frame);
        if (frame.seq == 10)
            channel_machine_disconnect(bed->machine); /* the rest meet a channel that ends */
    }
    channel_bed_settle(bed);
    frame.acquire_fence = dup(ends[0]);
    d->ops->present(d, 0, &frame);
    struct pollfd writer = { .fd = ends[1] };
    assert_int_equal(poll(&writer, 1, 0), 0);
    close(ends[0]);
    assert_int_equal(poll(&writer, 1, 0), 1);
    assert_true(writer.revents & POLLERR);
    close(ends[1]);
    gpu_buffer_unref(b);
}

static void a_peer_that_ends_is_told_once_and_its_screens_go_dark(void **state)
{
    struct channel_bed *bed = *state;
    struct gpu_buffer *b = gpu_buffer_create_shm(&bed->owner, 16, 8, DRM_FORMAT_XRGB8888);

    present(bed, b, 1);
    channel_bed_settle(bed);
    channel_gpu_destroy(bed->gpu);
    bed->gpu = NULL;
    assert_int_equal(b->base.locks, 0);
    gpu_buffer_unref(b);
    channel_bed_settle(bed);
    assert_int_equal(bed->machine_closed, 1);
    assert_int_equal(bed->n_disables, 1);
    assert_int_equal(channel_machine_stats(bed->machine)->buffers, 0);
    frame_buffer_unlock(bed->frame.buffer); /* still on screen until now */
}

static void what_a_slow_reader_leaves_is_kept_in_order(void **state)
{
    struct channel_bed *bed = *state;
    struct gpu_buffer *b = gpu_buffer_create_shm(&bed->owner, 16, 8, DRM_FORMAT_XRGB8888);
    const uint32_t n = 300; /* more than the socket holds, less than the queue */

    channel_machine_set_display(bed->machine, NULL);
    for (uint32_t i = 1; i <= n; i++)
        present(bed, b, i);
    assert_int_equal(bed->gpu_closed, 0);
    channel_bed_settle(bed);
    assert_int_equal(bed->n_done, n);
    assert_int_equal(bed->done_seq, n);
    gpu_buffer_unref(b);
}

static void a_reader_that_never_reads_ends_the_channel(void **state)
{
    struct channel_bed *bed = *state;
    struct producer *p = channel_machine_producer(bed->machine);
    struct display_mode mode = { .width = 1 };

    for (uint32_t i = 0; i < 100000 && !bed->machine_closed; i++) {
        mode.height = i;
        p->events->mode(p, 0, &mode);
        if (i % 1000 == 999)
            loop_run_once(bed->loop, 0);
    }
    assert_int_equal(bed->machine_closed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, channel_bed_set_up, channel_bed_tear_down)
        TEST(who_taps_sees_each_frame_and_so_does_the_display),
        TEST(a_frame_arrives_as_it_was_sent),
        TEST(a_buffer_is_announced_once_and_locked_until_all_uses_end),
        TEST(a_display_that_shows_nothing_releases_at_once),
        TEST(more_frames_than_may_wait_are_dropped_and_done),
        TEST(more_buffers_than_slots_push_out_the_oldest),
        TEST(modes_and_many_formats_arrive_and_are_told_again),
        TEST(formats_are_told_once_somebody_looks_whoever_comes_first),
        TEST(a_failed_import_names_the_buffer),
        TEST(cursors_arrive_and_only_the_last_move),
        TEST(what_draws_is_told_in_plain_text),
        TEST(an_acquire_fence_travels_along),
        TEST(fences_that_nobody_takes_are_closed),
        TEST(a_peer_that_ends_is_told_once_and_its_screens_go_dark),
        TEST(what_a_slow_reader_leaves_is_kept_in_order),
        cmocka_unit_test_setup_teardown(a_reader_that_never_reads_ends_the_channel,
                                        channel_bed_set_up_machine, channel_bed_tear_down),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
