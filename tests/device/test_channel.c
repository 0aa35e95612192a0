// SPDX-License-Identifier: MIT
/* The frame channel: both ends in one loop, a GPU and a display at them that are played; then the
 * machine's end alone, against a GPU process that lies. */
#include <drm_fourcc.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gpu/buffer.h"
#include "gpu/channel.h"
#include "gpu/channel_wire.h"
#include "tests/test.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"

struct bed {
    struct loop *loop;
    struct channel_machine *machine;
    struct channel_gpu *gpu;
    int raw; /* the peer of the machine's end, where the test plays the GPU process */
    unsigned machine_closed, gpu_closed;

    /* The GPU. */
    struct producer producer;
    struct gpu_buffer_owner owner;
    unsigned n_released, n_modes, n_formats_calls, n_done, n_failed, n_unwatched;
    struct gpu_buffer *released;
    struct display_mode mode;
    unsigned n_formats;
    struct display_format last_format;
    uint32_t done_seq;
    uint64_t presented_ns;
    struct frame_buffer *failed;

    /* The display. */
    struct display display;
    bool lock;
    unsigned n_presents, n_disables, n_cursors, n_moves;
    struct frame frame; /* the last one; its buffer is referenced */
    struct frame_cursor cursor;
    int32_t x, y;
};

/* What the GPU hears. */

static struct bed *of_producer(struct producer *p)
{
    return container_of(p, struct bed, producer);
}

static void on_mode(struct producer *p, unsigned scanout, const struct display_mode *mode)
{
    of_producer(p)->n_modes++;
    of_producer(p)->mode = *mode;
}

static void on_formats(struct producer *p, const struct display_format *formats, unsigned n)
{
    struct bed *bed = of_producer(p);
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

static void on_presented(struct producer *p, unsigned scanout, uint32_t seq, uint64_t time_ns,
                         uint32_t refresh_ns)
{
    of_producer(p)->presented_ns = time_ns;
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

static const struct display_events gpu_events = { on_mode,      on_formats,       on_done,
                                                  on_presented, on_import_failed, on_unwatched };

static void on_released(struct gpu_buffer_owner *owner, struct gpu_buffer *buffer)
{
    struct bed *bed = container_of(owner, struct bed, owner);
    bed->n_released++;
    bed->released = buffer;
}

/* What the display is told. */

static struct bed *of_display(struct display *d)
{
    return container_of(d, struct bed, display);
}

static void on_present(struct display *d, unsigned scanout, const struct frame *frame)
{
    struct bed *bed = of_display(d);
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
    struct bed *bed = of_display(d);
    bed->n_cursors++;
    if (cursor->buffer)
        frame_buffer_ref(cursor->buffer);
    frame_buffer_unref(bed->cursor.buffer);
    bed->cursor = *cursor;
}

static void on_cursor_move(struct display *d, unsigned scanout, int32_t x, int32_t y)
{
    struct bed *bed = of_display(d);
    bed->n_moves++;
    bed->x = x;
    bed->y = y;
}

static const struct display_ops machine_ops = { on_present, on_disable, on_cursor, on_cursor_move };

/* The bed. */

static void on_machine_closed(void *data)
{
    ((struct bed *)data)->machine_closed++;
}

static void on_gpu_closed(void *data)
{
    ((struct bed *)data)->gpu_closed++;
}

static void settle(struct bed *bed)
{
    for (unsigned i = 0; i < 40; i++)
        loop_run_once(bed->loop, 0);
}

static int set_up_machine(void **state)
{
    struct bed *bed = calloc(1, sizeof(*bed));
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

static int set_up(void **state)
{
    set_up_machine(state);
    struct bed *bed = *state;
    bed->gpu = channel_gpu_create(bed->loop, bed->raw, &bed->producer, on_gpu_closed, bed);
    bed->raw = -1;
    assert_non_null(bed->gpu);
    return 0;
}

static void let_go(struct bed *bed)
{
    while (bed->frame.buffer && bed->frame.buffer->locks > 0)
        frame_buffer_unlock(bed->frame.buffer);
    frame_buffer_unref(bed->frame.buffer);
    frame_buffer_unref(bed->cursor.buffer);
    bed->frame.buffer = bed->cursor.buffer = NULL;
}

static int tear_down(void **state)
{
    struct bed *bed = *state;

    let_go(bed);
    channel_machine_set_display(bed->machine, NULL);
    channel_machine_destroy(bed->machine);
    channel_gpu_destroy(bed->gpu);
    if (bed->raw >= 0)
        close(bed->raw);
    loop_destroy(bed->loop);
    free(bed);
    return 0;
}

static void present(struct bed *bed, struct gpu_buffer *b, uint32_t seq)
{
    struct frame frame = {
        .buffer = &b->base,
        .source = { 0, 0, b->base.width, b->base.height },
        .seq = seq,
        .acquire_fence = -1,
        .copied = 100,
        .n_damage = 2,
        .damage = { { 1, 2, 3, 4 }, { 5, 6, 1, 1 } },
    };
    struct display *d = channel_gpu_display(bed->gpu);
    d->ops->present(d, 0, &frame);
}

static void a_frame_arrives_as_it_was_sent(void **state)
{
    struct bed *bed = *state;
    struct gpu_buffer *b = gpu_buffer_create_shm(&bed->owner, 16, 8, DRM_FORMAT_XRGB8888);

    ((uint32_t *)b->map)[17] = 0xc0ffee;
    present(bed, b, 9);
    settle(bed);
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
    p->events->presented(p, 0, 9, 1234567, 16);
    settle(bed);
    assert_int_equal(bed->n_done, 1);
    assert_int_equal(bed->done_seq, 9);
    assert_int_equal(bed->presented_ns, 1234567);

    /* On screen: locked here as there. */
    assert_int_equal(b->base.locks, 1);
    frame_buffer_unlock(bed->frame.buffer);
    settle(bed);
    assert_int_equal(bed->n_released, 1);
    assert_int_equal(b->base.locks, 0);

    const struct channel_stats *stats = channel_machine_stats(bed->machine);
    assert_int_equal(stats->frames[FRAME_PATH_SHM], 1);
    assert_int_equal(stats->copied, 100);
    assert_int_equal(stats->buffers, 1);
    gpu_buffer_unref(b);
    settle(bed);
    assert_int_equal(stats->buffers, 0);
    assert_int_equal(stats->buffers_total, 1);
}

static void a_buffer_is_announced_once_and_locked_until_all_uses_end(void **state)
{
    struct bed *bed = *state;
    struct gpu_buffer *b = gpu_buffer_create_shm(&bed->owner, 16, 8, DRM_FORMAT_XRGB8888);

    present(bed, b, 1);
    present(bed, b, 2);
    settle(bed);
    present(bed, b, 3);
    settle(bed);
    assert_int_equal(channel_machine_stats(bed->machine)->buffers_total, 1);
    frame_buffer_unlock(bed->frame.buffer);
    frame_buffer_unlock(bed->frame.buffer);
    settle(bed);
    assert_int_equal(bed->n_released, 0);
    /* A release that crosses another present on the way must not unlock that one. */
    frame_buffer_unlock(bed->frame.buffer);
    present(bed, b, 4);
    settle(bed);
    assert_int_equal(b->base.locks, 1);
    frame_buffer_unlock(bed->frame.buffer);
    settle(bed);
    assert_int_equal(bed->n_released, 1);
    assert_int_equal(b->base.locks, 0);
    gpu_buffer_unref(b);
}

static void a_display_that_shows_nothing_releases_at_once(void **state)
{
    struct bed *bed = *state;
    struct gpu_buffer *b = gpu_buffer_create_shm(&bed->owner, 16, 8, DRM_FORMAT_XRGB8888);

    bed->lock = false;
    present(bed, b, 1);
    settle(bed);
    assert_int_equal(bed->n_released, 1);
    channel_machine_set_display(bed->machine, NULL);
    settle(bed);
    assert_int_equal(bed->n_unwatched, 1);
    assert_int_equal(bed->n_done, 1); /* the frame that the display never answered */
    present(bed, b, 2);
    settle(bed);
    assert_int_equal(bed->n_presents, 1);
    assert_int_equal(bed->n_released, 2);
    assert_int_equal(bed->done_seq, 2);
    gpu_buffer_unref(b);
}

static void more_frames_than_may_wait_are_dropped_and_done(void **state)
{
    struct bed *bed = *state;
    struct gpu_buffer *b = gpu_buffer_create_shm(&bed->owner, 16, 8, DRM_FORMAT_XRGB8888);

    bed->lock = false;
    for (uint32_t i = 1; i <= 10; i++)
        present(bed, b, i);
    settle(bed);
    assert_int_equal(bed->n_presents, CHANNEL_MAX_OUTSTANDING);
    assert_int_equal(bed->n_done, 10 - CHANNEL_MAX_OUTSTANDING);
    assert_int_equal(channel_machine_stats(bed->machine)->dropped, 10 - CHANNEL_MAX_OUTSTANDING);
    gpu_buffer_unref(b);
}

static void more_buffers_than_slots_push_out_the_oldest(void **state)
{
    struct bed *bed = *state;
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
        settle(bed);
        p->events->done(p, 0, i);
    }
    assert_int_equal(bed->n_presents, ARRAY_LEN(b));
    assert_int_equal(bed->frame.buffer->width, ARRAY_LEN(b));
    assert_int_equal(channel_machine_stats(bed->machine)->buffers, CHANNEL_MAX_SLOTS);
    assert_int_equal(bed->gpu_closed + bed->machine_closed, 0);
    for (unsigned i = 0; i < ARRAY_LEN(b); i++)
        gpu_buffer_unref(b[i]);
    settle(bed);
    assert_int_equal(channel_machine_stats(bed->machine)->buffers, 0);
}

static void modes_and_many_formats_arrive_and_are_told_again(void **state)
{
    struct bed *bed = *state;
    struct producer *p = channel_machine_producer(bed->machine);
    struct display_format formats[1000];
    struct display_mode mode = { 800, 600, 60000, 300, 200 };

    for (unsigned i = 0; i < ARRAY_LEN(formats); i++)
        formats[i] = (struct display_format){ i, (uint64_t)i << 40 };
    p->events->mode(p, 0, &mode);
    p->events->formats(p, formats, ARRAY_LEN(formats));
    settle(bed);
    assert_int_equal(bed->n_modes, 1);
    assert_memory_equal(&bed->mode, &mode, sizeof(mode));
    assert_int_equal(bed->n_formats_calls, 1);
    assert_int_equal(bed->n_formats, 1000);
    assert_int_equal(bed->last_format.fourcc, 999);
    assert_true(bed->last_format.modifier == 999ull << 40);
    p->events->formats(p, NULL, 0);
    settle(bed);
    assert_int_equal(bed->n_formats_calls, 2);
    assert_int_equal(bed->n_formats, 0);

    /* A successor of the GPU process hears them at once. */
    int sock[2];
    assert_int_equal(channel_pair(sock), 0);
    channel_gpu_destroy(bed->gpu);
    settle(bed);
    assert_int_equal(bed->machine_closed, 1);
    assert_int_equal(channel_machine_connect(bed->machine, sock[0]), 0);
    bed->gpu = channel_gpu_create(bed->loop, sock[1], &bed->producer, on_gpu_closed, bed);
    settle(bed);
    assert_int_equal(bed->n_modes, 2);
    assert_int_equal(bed->n_formats_calls, 3);
}

static void formats_are_told_once_somebody_looks_whoever_comes_first(void **state)
{
    struct bed *bed = *state;
    struct producer *p = channel_machine_producer(bed->machine);

    channel_machine_set_display(bed->machine, NULL);
    p->events->formats(p, NULL, 0);
    settle(bed);
    assert_int_equal(bed->n_formats_calls, 0);
    channel_machine_set_display(bed->machine, &bed->display);
    settle(bed);
    assert_int_equal(bed->n_formats_calls, 1);
    channel_machine_set_display(bed->machine, NULL);
    channel_machine_set_display(bed->machine, &bed->display);
    settle(bed);
    assert_int_equal(bed->n_formats_calls, 1); /* those were another display's */
    p->events->formats(p, NULL, 0);
    settle(bed);
    assert_int_equal(bed->n_formats_calls, 2);
}

static void a_failed_import_names_the_buffer(void **state)
{
    struct bed *bed = *state;
    struct gpu_buffer *b = gpu_buffer_create_shm(&bed->owner, 16, 8, DRM_FORMAT_XRGB8888);
    struct producer *p = channel_machine_producer(bed->machine);

    present(bed, b, 1);
    settle(bed);
    p->events->import_failed(p, bed->frame.buffer);
    settle(bed);
    assert_ptr_equal(bed->failed, &b->base);
    assert_int_equal(channel_machine_stats(bed->machine)->import_failures, 1);
    frame_buffer_unlock(bed->frame.buffer);
    settle(bed);
    gpu_buffer_unref(b);
    p->events->import_failed(p, bed->frame.buffer); /* crosses its end */
    settle(bed);
    assert_int_equal(bed->n_failed, 1);
}

static void cursors_arrive_and_only_the_last_move(void **state)
{
    struct bed *bed = *state;
    struct gpu_buffer *b = gpu_buffer_create_shm(&bed->owner, 64, 64, DRM_FORMAT_ARGB8888);
    struct display *d = channel_gpu_display(bed->gpu);

    d->ops->cursor(d, 0, &(struct frame_cursor){ &b->base, 3, 4 });
    for (int i = 0; i < 1000; i++)
        d->ops->cursor_move(d, 0, i, -i);
    settle(bed);
    assert_int_equal(bed->n_cursors, 1);
    assert_int_equal(bed->cursor.hot_y, 4);
    assert_int_equal(bed->n_moves, 1);
    assert_int_equal(bed->x, 999);
    assert_int_equal(bed->y, -999);
    d->ops->cursor(d, 0, &(struct frame_cursor){ 0 });
    settle(bed);
    assert_null(bed->cursor.buffer);
    gpu_buffer_unref(b);
}

static void an_acquire_fence_travels_along(void **state)
{
    struct bed *bed = *state;
    struct gpu_buffer *b = gpu_buffer_create_shm(&bed->owner, 16, 8, DRM_FORMAT_XRGB8888);
    struct frame frame = { .buffer = &b->base, .source = { 0, 0, 1, 1 }, .seq = 1 };
    struct display *d = channel_gpu_display(bed->gpu);

    frame.acquire_fence = open("/dev/null", O_RDWR | O_CLOEXEC);
    d->ops->present(d, 0, &frame);
    settle(bed);
    assert_true(bed->frame.acquire_fence >= 0);
    gpu_buffer_unref(b);
}

static void a_peer_that_ends_is_told_once_and_its_screens_go_dark(void **state)
{
    struct bed *bed = *state;
    struct gpu_buffer *b = gpu_buffer_create_shm(&bed->owner, 16, 8, DRM_FORMAT_XRGB8888);

    present(bed, b, 1);
    settle(bed);
    channel_gpu_destroy(bed->gpu);
    bed->gpu = NULL;
    assert_int_equal(b->base.locks, 0);
    gpu_buffer_unref(b);
    settle(bed);
    assert_int_equal(bed->machine_closed, 1);
    assert_int_equal(bed->n_disables, 1);
    assert_int_equal(channel_machine_stats(bed->machine)->buffers, 0);
    frame_buffer_unlock(bed->frame.buffer); /* still on screen until now */
}

static void what_a_slow_reader_leaves_is_kept_in_order(void **state)
{
    struct bed *bed = *state;
    struct gpu_buffer *b = gpu_buffer_create_shm(&bed->owner, 16, 8, DRM_FORMAT_XRGB8888);
    const uint32_t n = 300; /* more than the socket holds, less than the queue */

    channel_machine_set_display(bed->machine, NULL);
    for (uint32_t i = 1; i <= n; i++)
        present(bed, b, i);
    assert_int_equal(bed->gpu_closed, 0);
    settle(bed);
    assert_int_equal(bed->n_done, n);
    assert_int_equal(bed->done_seq, n);
    gpu_buffer_unref(b);
}

static void a_reader_that_never_reads_ends_the_channel(void **state)
{
    struct bed *bed = *state;
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

/* A GPU process that lies. */

static struct channel_buffer_new good_buffer(void)
{
    return (struct channel_buffer_new){
        .head.type = CHANNEL_BUFFER_NEW,
        .slot = 1,
        .serial = 1,
        .kind = FRAME_BUFFER_SHM,
        .path = FRAME_PATH_SHM,
        .width = 16,
        .height = 16,
        .fourcc = DRM_FORMAT_XRGB8888,
        .n_planes = 1,
        .plane[0].stride = 64,
    };
}

static struct channel_present good_present(void)
{
    return (struct channel_present){
        .head.type = CHANNEL_PRESENT,
        .slot = 1,
        .seq = 1,
        .source = { 0, 0, 16, 16 },
        .n_damage = 1,
        .damage[0] = { 0, 0, 16, 16 },
    };
}

static int raw_bed(struct bed **bed)
{
    void *state;
    set_up_machine(&state);
    *bed = state;
    return fd_memfd_sealed("lie", 4096);
}

/* Sends the good buffer, then a message; the machine must close exactly if it is bad. */
static void expect(bool ok, bool with_buffer, const void *msg, size_t len, const int *fds,
                   unsigned n_fds)
{
    struct bed *bed;
    int memfd = raw_bed(&bed);
    struct channel_buffer_new good = good_buffer();

    if (with_buffer)
        assert_true(fd_send(bed->raw, &good, sizeof(good), &memfd, 1) > 0);
    assert_true(fd_send(bed->raw, msg, len, fds ? fds : &memfd, n_fds) > 0);
    settle(bed);
    assert_int_equal(bed->machine_closed, ok ? 0 : 1);
    close(memfd);
    void *state = bed;
    tear_down(&state);
}

static void buffers_must_keep_the_rules(void **state)
{
    const struct channel_buffer_new good = good_buffer();
    struct channel_buffer_new b;
    int unsealed = memfd_create("lie", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int two[2] = { unsealed, null };

    assert_int_equal(ftruncate(unsealed, 4096), 0);
    expect(true, false, &good, sizeof(good), NULL, 1);
    expect(false, false, &good, sizeof(good), &unsealed, 1);
    expect(false, false, &good, sizeof(good), &null, 1);
    expect(false, false, &good, sizeof(good), two, 2);
    expect(false, false, &good, sizeof(good), NULL, 0);
    expect(false, true, &good, sizeof(good), NULL, 1); /* the slot is taken */
#define BAD(field, value)                                                                          \
    b = good;                                                                                      \
    b.field = value;                                                                               \
    expect(false, false, &b, sizeof(b), NULL, 1)
    BAD(slot, CHANNEL_MAX_SLOTS);
    BAD(kind, 2);
    BAD(kind, FRAME_BUFFER_DMABUF); /* whose path is shm */
    BAD(path, FRAME_PATH_COUNT);
    BAD(path, FRAME_PATH_UDMABUF);
    BAD(width, 0);
    BAD(width, 17);
    BAD(width, UINT32_MAX);
    BAD(height, 65);
    BAD(height, 16385);
    BAD(n_planes, 0);
    BAD(n_planes, 5);
    BAD(fourcc, DRM_FORMAT_NV12);
    BAD(plane[0].stride, 63);
    BAD(plane[0].stride, UINT32_MAX - 3);
    BAD(plane[0].offset, 4096 - 1023);
    BAD(plane[0].offset, UINT32_MAX);
    BAD(head.scanout, DISPLAY_MAX_SCANOUTS);
    b = good;
    b.plane[0].offset = 4096 - 1024;
    expect(true, false, &b, sizeof(b), NULL, 1);
    close(unsealed);
    close(null);
}

static void presents_must_keep_the_rules(void **state)
{
    const struct channel_present good = good_present();
    struct channel_present p;
    int two[2] = { 0, 1 };

    expect(true, true, &good, sizeof(good), NULL, 0);
    expect(true, true, &good, sizeof(good), NULL, 1);
    expect(false, true, &good, sizeof(good), two, 2);
    expect(false, false, &good, sizeof(good), NULL, 0);
#undef BAD
#define BAD(field, value)                                                                          \
    p = good;                                                                                      \
    p.field = value;                                                                               \
    expect(false, true, &p, sizeof(p), NULL, 0)
    BAD(slot, 2);
    BAD(slot, CHANNEL_NO_SLOT);
    BAD(source.width, 17);
    BAD(source.width, 0);
    BAD(source.x, UINT32_MAX);
    BAD(source.y, 1);
    BAD(n_damage, FRAME_MAX_DAMAGE + 1);
    BAD(damage[0].height, 17);
    BAD(damage[0].x, 16);
    BAD(damage[0].width, 0);
    BAD(y_inverted, 2);
    BAD(head.scanout, DISPLAY_MAX_SCANOUTS);
}

static void other_messages_must_keep_the_rules(void **state)
{
    struct channel_cursor cursor = { .head.type = CHANNEL_CURSOR, .slot = 1 };
    struct channel_buffer_ref gone = { .head.type = CHANNEL_BUFFER_GONE, .slot = 1, .serial = 1 };
    struct channel_done done = { .head.type = CHANNEL_DONE };
    struct channel_cursor_move move = { .head.type = CHANNEL_CURSOR_MOVE };

    expect(false, true, &cursor, sizeof(cursor), NULL, 0); /* no alpha */
    cursor.slot = 7;
    expect(false, true, &cursor, sizeof(cursor), NULL, 0);
    cursor.slot = CHANNEL_NO_SLOT;
    expect(true, true, &cursor, sizeof(cursor), NULL, 0);
    expect(true, true, &gone, sizeof(gone), NULL, 0);
    gone.serial = 2;
    expect(false, true, &gone, sizeof(gone), NULL, 0);
    expect(false, true, &done, sizeof(done), NULL, 0);
    expect(false, true, &move, sizeof(move), NULL, 1);
}

static void every_length_but_the_right_one_is_refused(void **state)
{
    static const struct {
        uint32_t type;
        size_t len;
    } types[] = {
        { CHANNEL_BUFFER_NEW, sizeof(struct channel_buffer_new) },
        { CHANNEL_BUFFER_GONE, sizeof(struct channel_buffer_ref) },
        { CHANNEL_PRESENT, sizeof(struct channel_present) },
        { CHANNEL_DISABLE, sizeof(struct channel_disable) },
        { CHANNEL_CURSOR, sizeof(struct channel_cursor) },
        { CHANNEL_CURSOR_MOVE, sizeof(struct channel_cursor_move) },
    };
    union {
        struct channel_head head;
        char bytes[sizeof(union channel_msg) + 100];
    } msg;

    for (unsigned i = 0; i < ARRAY_LEN(types); i++)
        for (size_t len = 1; len < sizeof(msg); len += len < 90 ? 1 : 7) {
            if (len == types[i].len)
                continue;
            memset(&msg, 0, sizeof(msg));
            msg.head.type = types[i].type;
            expect(false, false, &msg, len, NULL, 0);
        }
}

static void random_messages_never_crash(void **state)
{
    uint64_t seed = 42;

    for (unsigned round = 0; round < 3000; round++) {
        struct bed *bed;
        int memfd = raw_bed(&bed);
        struct channel_buffer_new good = good_buffer();
        fd_send(bed->raw, &good, sizeof(good), &memfd, 1);
        for (unsigned n = 0; n < 8; n++) {
            struct channel_present msg = good_present();
            uint32_t *words = (uint32_t *)&msg;
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            words[0] = seed >> 60 & 1 ? CHANNEL_PRESENT : 1 + (seed >> 33) % 7;
            static const size_t lens[] = { 8, 16, 24, 80, sizeof(msg) };
            size_t len = words[0] == CHANNEL_PRESENT ? sizeof(msg) : lens[(seed >> 36) % 5];
            if (seed >> 40 & 1)
                words[(seed >> 41) % (len / 4)] = (uint32_t)(seed >> 50) % 40;
            if (seed >> 59 & 1)
                memset((char *)&msg + 8, (int)(seed >> 42), 4 * ((seed >> 44) % 4));
            fd_send(bed->raw, &msg, len, &memfd, (seed >> 58) % 4 == 0);
        }
        settle(bed);
        close(memfd);
        void *bed_state = bed;
        tear_down(&bed_state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(a_frame_arrives_as_it_was_sent),
        TEST(a_buffer_is_announced_once_and_locked_until_all_uses_end),
        TEST(a_display_that_shows_nothing_releases_at_once),
        TEST(more_frames_than_may_wait_are_dropped_and_done),
        TEST(more_buffers_than_slots_push_out_the_oldest),
        TEST(modes_and_many_formats_arrive_and_are_told_again),
        TEST(formats_are_told_once_somebody_looks_whoever_comes_first),
        TEST(a_failed_import_names_the_buffer),
        TEST(cursors_arrive_and_only_the_last_move),
        TEST(an_acquire_fence_travels_along),
        TEST(a_peer_that_ends_is_told_once_and_its_screens_go_dark),
        TEST(what_a_slow_reader_leaves_is_kept_in_order),
        cmocka_unit_test_setup_teardown(a_reader_that_never_reads_ends_the_channel, set_up_machine,
                                        tear_down),
        cmocka_unit_test(buffers_must_keep_the_rules),
        cmocka_unit_test(presents_must_keep_the_rules),
        cmocka_unit_test(other_messages_must_keep_the_rules),
        cmocka_unit_test(every_length_but_the_right_one_is_refused),
        cmocka_unit_test(random_messages_never_crash),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
