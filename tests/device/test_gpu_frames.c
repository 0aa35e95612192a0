// SPDX-License-Identifier: MIT
/* When frames are presented, what is copied for them, and when a fenced flush is answered. */
#include <drm_fourcc.h>
#include <time.h>

#include "tests/device/gpu_bed.h"
#include "tests/test.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"

#define OK VIRTIO_GPU_RESP_OK_NODATA
#define BGRX VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM
#define W 64u
#define H 32u
#define FULL (W * H * 4)

static struct virtio_gpu_rect rect(uint32_t x, uint32_t y, uint32_t w, uint32_t h)
{
    return (struct virtio_gpu_rect){ .x = x, .y = y, .width = w, .height = h };
}

static uint64_t pixels_gpa(uint32_t id)
{
    return BED_PIXELS_GPA + id * 0x10000;
}

/* A blob of W × H pixels, as a guest's compositor has two of. */
static void make_blob(struct bed *bed, uint32_t id)
{
    struct virtio_gpu_mem_entry entry = { .addr = pixels_gpa(id), .length = FULL };
    assert_int_equal(bed_create_blob(bed, id, FULL, &entry, 1), OK);
}

static void show(struct bed *bed, unsigned scanout, uint32_t id)
{
    assert_int_equal(bed_set_scanout_blob(bed, scanout, id, W, H), OK);
}

static void draw(struct bed *bed, uint32_t id, uint32_t x, uint32_t y, uint32_t pixel)
{
    bed_ram(bed, pixels_gpa(id))[y * W + x] = pixel;
}

static bool answered(struct bed *bed, const struct bed_pending *p, uint64_t fence)
{
    struct virtio_gpu_ctrl_hdr response = { 0 };
    if (!bed_answered(bed, p, &response))
        return false;
    assert_int_equal(response.type, OK);
    assert_int_equal(response.flags, VIRTIO_GPU_FLAG_FENCE);
    assert_int_equal(response.fence_id, fence);
    return true;
}

static void a_frame_waits_for_the_one_before_and_gathers_damage(void **state)
{
    struct bed *bed = *state;

    make_blob(bed, 1);
    show(bed, 0, 1);
    assert_int_equal(bed_flush(bed, 1, rect(0, 0, W, H)), OK);
    assert_int_equal(bed_flush(bed, 1, rect(1, 1, 2, 2)), OK);
    assert_int_equal(bed_flush(bed, 1, rect(30, 8, 4, 4)), OK);
    assert_int_equal(bed->n_frames, 1);
    assert_int_equal(bed->frame[0].frame.seq, 1);
    bed_done(bed, 0, 7); /* no frame of ours */
    assert_int_equal(bed->n_frames, 1);
    bed_done(bed, 0, 1);
    assert_int_equal(bed->n_frames, 2);
    assert_int_equal(bed_last(bed)->n_damage, 2);
    bed_done(bed, 0, 2);
    assert_int_equal(bed->n_frames, 2);
}

static void the_first_frame_of_a_geometry_damages_all_of_it(void **state)
{
    struct bed *bed = *state;

    make_blob(bed, 1);
    show(bed, 0, 1);
    assert_int_equal(bed_flush(bed, 1, rect(3, 3, 1, 1)), OK);
    assert_int_equal(bed_last(bed)->n_damage, 1);
    assert_int_equal(bed_last(bed)->damage[0].width, W);
    assert_int_equal(bed_last(bed)->copied, FULL);
}

static void a_flush_is_clipped_to_the_scanout(void **state)
{
    struct bed *bed = *state;

    make_blob(bed, 1);
    show(bed, 0, 1);
    assert_int_equal(bed_flush(bed, 1, rect(0, 0, W, H)), OK);
    bed_done(bed, 0, 1);
    assert_int_equal(bed_flush(bed, 1, rect(W, 0, 5, 5)), OK);
    assert_int_equal(bed->n_frames, 1);
    assert_int_equal(bed_flush(bed, 1, rect(W - 2, H - 1, UINT32_MAX, UINT32_MAX)), OK);
    assert_int_equal(bed->n_frames, 2);
    assert_int_equal(bed_last(bed)->damage[0].x, W - 2);
    assert_int_equal(bed_last(bed)->damage[0].width, 2);
    assert_int_equal(bed_last(bed)->damage[0].height, 1);
}

static void only_what_is_stale_is_copied(void **state)
{
    struct bed *bed = *state;

    make_blob(bed, 1);
    show(bed, 0, 1);
    assert_int_equal(bed_flush(bed, 1, rect(0, 0, W, H)), OK);
    bed_done(bed, 0, 1);
    draw(bed, 1, 2, 3, 0xaa);
    assert_int_equal(bed_flush(bed, 1, rect(2, 3, 1, 1)), OK); /* into a new, second buffer */
    assert_int_equal(bed_last(bed)->copied, FULL);
    assert_int_equal(bed_last(bed)->n_damage, 1);
    assert_int_equal(bed_last(bed)->damage[0].width, 1);
    assert_int_equal(bed_pixel(bed_last(bed), 2, 3), 0xaa);
    assert_ptr_not_equal(bed->frame[0].frame.buffer, bed->frame[1].frame.buffer);

    bed_release(bed, 0);
    bed_done(bed, 0, 2);
    draw(bed, 1, 40, 5, 0xbb);
    assert_int_equal(bed_flush(bed, 1, rect(40, 5, 2, 1)), OK); /* the first again */
    assert_ptr_equal(bed_last(bed)->buffer, bed->frame[0].frame.buffer);
    assert_int_equal(bed_last(bed)->copied, (1 + 2) * 4);
    assert_int_equal(bed_pixel(bed_last(bed), 2, 3), 0xaa);
    assert_int_equal(bed_pixel(bed_last(bed), 40, 5), 0xbb);

    bed_release(bed, 2);
    bed_release(bed, 1); /* both are free now, and this one is older */
    bed_done(bed, 0, 3);
    assert_int_equal(bed_flush(bed, 1, rect(0, 0, 1, 1)), OK); /* the one with least to do */
    assert_ptr_equal(bed_last(bed)->buffer, bed->frame[0].frame.buffer);
    assert_int_equal(bed_last(bed)->copied, 4);
}

static void nothing_is_copied_twice_into_a_frame(void **state)
{
    struct bed *bed = *state;

    make_blob(bed, 1);
    show(bed, 0, 1);
    assert_int_equal(bed_flush(bed, 1, rect(0, 0, W, H)), OK);
    bed_release(bed, 0);
    assert_int_equal(bed_flush(bed, 1, rect(0, 0, W - 1, H)), OK);
    assert_int_equal(bed_flush(bed, 1, rect(1, 0, W - 1, H)), OK);
    bed_done(bed, 0, 1);
    assert_int_equal(bed->n_frames, 2);
    assert_ptr_equal(bed->frame[0].frame.buffer, bed->frame[1].frame.buffer);
    assert_int_equal(bed_last(bed)->copied, FULL);
}

static void copies_of_pictures_are_host_memory_too(void **state)
{
    struct bed *bed = *state;
    const struct virtio_gpu_mem_entry entry = { .addr = BED_PIXELS_GPA, .length = 8 << 20 };

    assert_int_equal(bed_create_blob(bed, 1, entry.length, &entry, 1), OK);
    assert_int_equal(bed_set_scanout_blob(bed, 0, 1, 2048, 1024), OK);
    for (unsigned i = 1; i <= 3; i++) { /* two copies are the 16 MiB of the bed */
        assert_int_equal(bed_flush(bed, 1, rect(0, 0, 1, 1)), OK);
        assert_int_equal(bed->n_frames, MIN(i, 2u));
        bed_done(bed, 0, i);
    }
    assert_int_equal(bed_create_2d(bed, 2, BGRX, 1, 1), VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
    bed_release(bed, 0);
    assert_int_equal(bed->n_frames, 3);
    assert_ptr_equal(bed_last(bed)->buffer, bed->frame[0].frame.buffer);

    assert_int_equal(bed_set_scanout_blob(bed, 0, 0, 0, 0), OK);
    assert_int_equal(bed_create_2d(bed, 2, BGRX, 1, 1), VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
    bed_forget_frames(bed); /* which the display had kept */
    assert_int_equal(bed_create_2d(bed, 2, BGRX, 2048, 2048), OK);
}

static void a_display_that_holds_all_buffers_is_waited_for(void **state)
{
    struct bed *bed = *state;

    make_blob(bed, 1);
    show(bed, 0, 1);
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(bed_flush(bed, 1, rect(0, 0, 1, 1)), OK);
        assert_int_equal(bed->n_frames, i);
        bed_done(bed, 0, i);
    }
    assert_int_equal(bed_flush(bed, 1, rect(0, 0, 1, 1)), OK);
    assert_int_equal(bed->n_frames, 3);
    bed_release(bed, 1);
    assert_int_equal(bed->n_frames, 4);
    assert_ptr_equal(bed_last(bed)->buffer, bed->frame[1].frame.buffer);
}

static void a_fenced_flush_is_answered_when_its_frame_is_done(void **state)
{
    struct bed *bed = *state;

    make_blob(bed, 1);
    show(bed, 0, 1);
    struct bed_pending p = bed_flush_fenced(bed, 1, rect(0, 0, W, H), 77);
    assert_false(answered(bed, &p, 77));
    bed_done(bed, 0, 1);
    assert_true(answered(bed, &p, 77));

    /* While a frame is under way, a flush waits for its own frame, not for that one. */
    assert_int_equal(bed_flush(bed, 1, rect(0, 0, 1, 1)), OK);
    p = bed_flush_fenced(bed, 1, rect(0, 0, 1, 1), 78);
    bed_done(bed, 0, 2);
    assert_int_equal(bed->n_frames, 3);
    assert_false(answered(bed, &p, 78));
    bed_done(bed, 0, 3);
    assert_true(answered(bed, &p, 78));
}

static void the_release_of_the_replaced_buffer_answers_a_flush(void **state)
{
    struct bed *bed = *state;

    make_blob(bed, 1);
    make_blob(bed, 2);
    show(bed, 0, 1);
    assert_int_equal(bed_flush(bed, 1, rect(0, 0, W, H)), OK);
    bed_done(bed, 0, 1);
    show(bed, 0, 2);
    struct bed_pending p = bed_flush_fenced(bed, 2, rect(0, 0, W, H), 5);
    assert_int_equal(bed->n_frames, 2);
    assert_false(answered(bed, &p, 5));
    bed_release(bed, 0);
    assert_true(answered(bed, &p, 5));
    /* The frame is still under way. */
    show(bed, 0, 1);
    assert_int_equal(bed_flush(bed, 1, rect(0, 0, W, H)), OK);
    assert_int_equal(bed->n_frames, 2);
}

static void the_release_of_its_own_buffer_does_not(void **state)
{
    struct bed *bed = *state;

    make_blob(bed, 1);
    show(bed, 0, 1);
    struct bed_pending p = bed_flush_fenced(bed, 1, rect(0, 0, W, H), 5);
    bed_release(bed, 0);
    assert_false(answered(bed, &p, 5));
    bed_done(bed, 0, 1);
    assert_true(answered(bed, &p, 5));
}

static int64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void a_silent_display_holds_a_flush_for_40_ms(void **state)
{
    struct bed *bed = *state;

    make_blob(bed, 1);
    show(bed, 0, 1);
    int64_t start = now_ms();
    struct bed_pending p = bed_flush_fenced(bed, 1, rect(0, 0, W, H), 1);
    struct bed_pending q = bed_flush_fenced(bed, 1, rect(0, 0, 1, 1), 2);
    while (!answered(bed, &p, 1))
        loop_run_once(bed->loop, -1);
    assert_true(now_ms() - start >= 39);
    while (!answered(bed, &q, 2))
        loop_run_once(bed->loop, -1);
    bed_done(bed, 0, 1); /* late, and harmless */
    assert_int_equal(bed->n_frames, 2);
}

static void what_is_not_shown_is_answered_at_once(void **state)
{
    struct bed *bed = *state;

    make_blob(bed, 1);
    make_blob(bed, 2);
    struct bed_pending p = bed_flush_fenced(bed, 1, rect(0, 0, W, H), 1);
    assert_true(answered(bed, &p, 1));
    show(bed, 0, 1);
    p = bed_flush_fenced(bed, 2, rect(0, 0, W, H), 2);
    assert_true(answered(bed, &p, 2));
    p = bed_flush_fenced(bed, 1, rect(W, H, 1, 1), 3);
    assert_true(answered(bed, &p, 3));
    p = bed_flush_fenced(bed, 1, rect(0, 0, W, H), 4);
    assert_false(answered(bed, &p, 4));
    bed->producer->events->unwatched(bed->producer);
    assert_true(answered(bed, &p, 4));
    p = bed_flush_fenced(bed, 1, rect(0, 0, W, H), 5);
    assert_true(answered(bed, &p, 5));
    assert_int_equal(bed->n_frames, 1); /* and nothing was copied for nobody */
    bed_formats(bed, NULL, 0);
    assert_int_equal(bed->n_frames, 2);
}

static void what_is_shown_no_more_is_answered(void **state)
{
    struct bed *bed = *state;

    make_blob(bed, 1);
    make_blob(bed, 2);
    show(bed, 0, 1);
    struct bed_pending p = bed_flush_fenced(bed, 1, rect(0, 0, W, H), 1);
    struct bed_pending q = bed_flush_fenced(bed, 1, rect(0, 0, 1, 1), 2);
    show(bed, 0, 2); /* the second flush will never be shown; the first is on its way */
    assert_true(answered(bed, &q, 2));
    assert_false(answered(bed, &p, 1));
    assert_int_equal(bed_set_scanout(bed, 0, 0, rect(0, 0, 0, 0)), OK);
    assert_true(answered(bed, &p, 1));
}

static void scanouts_do_not_wait_for_each_other(void **state)
{
    struct bed *bed = *state;

    make_blob(bed, 1);
    make_blob(bed, 2);
    show(bed, 0, 1);
    show(bed, 1, 2);
    struct bed_pending p = bed_flush_fenced(bed, 1, rect(0, 0, W, H), 1);
    struct bed_pending q = bed_flush_fenced(bed, 2, rect(0, 0, W, H), 2);
    bed_done(bed, 1, 1);
    assert_true(answered(bed, &q, 2));
    bed_done(bed, 0, 1);
    assert_true(answered(bed, &p, 1));
}

static void a_mirrored_flush_waits_for_both_scanouts(void **state)
{
    struct bed *bed = *state;

    make_blob(bed, 1);
    show(bed, 0, 1);
    show(bed, 1, 1);
    struct bed_pending p = bed_flush_fenced(bed, 1, rect(0, 0, W, H), 1);
    assert_int_equal(bed->n_frames, 2);
    bed_done(bed, 1, 1);
    assert_false(answered(bed, &p, 1));
    bed_done(bed, 0, 1);
    assert_true(answered(bed, &p, 1));
}

static void more_fences_than_can_wait_are_answered(void **state)
{
    struct bed *bed = *state;
    struct bed_pending p[70];

    make_blob(bed, 1);
    show(bed, 0, 1);
    for (unsigned i = 0; i < ARRAY_LEN(p); i++)
        p[i] = bed_flush_fenced(bed, 1, rect(0, 0, 1, 1), i);
    for (unsigned i = 64; i < ARRAY_LEN(p); i++)
        assert_true(answered(bed, &p[i], i));
    bed_done(bed, 0, 1);
    assert_true(answered(bed, &p[0], 0));
    bed_done(bed, 0, 2);
    for (unsigned i = 1; i < 64; i++)
        assert_true(answered(bed, &p[i], i));
}

static void new_formats_show_the_picture_anew(void **state)
{
    struct bed *bed = *state;

    make_blob(bed, 1);
    show(bed, 0, 1);
    bed_formats(bed, NULL, 0);
    assert_int_equal(bed->n_frames, 0); /* nothing was flushed yet */
    assert_int_equal(bed_flush(bed, 1, rect(0, 0, 1, 1)), OK);
    bed_done(bed, 0, 1);
    bed_formats(bed, NULL, 0);
    assert_int_equal(bed->n_frames, 2);
    assert_int_equal(bed_last(bed)->damage[0].width, W);
}

static void a_display_that_comes_later_is_shown_what_is_lit(void **state)
{
    struct bed *bed = *state;

    virtio_gpu_set_display(bed->gpu, NULL);
    make_blob(bed, 1);
    show(bed, 0, 1);
    draw(bed, 1, 9, 9, 0x123456);
    assert_int_equal(bed_flush(bed, 1, rect(0, 0, 1, 1)), OK);
    assert_int_equal(bed->n_frames, 0);
    virtio_gpu_set_display(bed->gpu, &bed->display);
    assert_int_equal(bed_flush(bed, 1, rect(0, 0, 1, 1)), OK);
    assert_int_equal(bed->n_frames, 0); /* it has not said yet what it imports */
    bed_formats(bed, NULL, 0);
    assert_int_equal(bed->n_frames, 1);
    assert_int_equal(bed_pixel(bed_last(bed), 9, 9), 0x123456);
}

static void a_blob_with_an_offset_and_a_stride_is_shown_right(void **state)
{
    struct bed *bed = *state;
    struct virtio_gpu_mem_entry entry = { .addr = BED_PIXELS_GPA, .length = 0x10000 };
    struct virtio_gpu_set_scanout_blob cmd = {
        .hdr.type = VIRTIO_GPU_CMD_SET_SCANOUT_BLOB,
        .r = rect(2, 1, 8, 8),
        .resource_id = 1,
        .width = 16,
        .height = 16,
        .format = VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM,
        .strides[0] = 100,
        .offsets[0] = 40,
    };

    assert_int_equal(bed_create_blob(bed, 1, 0x10000, &entry, 1), OK);
    assert_int_equal(bed_command(bed, BED_CONTROL, &cmd, sizeof(cmd), NULL, sizeof(cmd.hdr)), OK);
    /* Pixel (3, 4) of the picture: column 5, row 5 of the layout. */
    bed_ram(bed, BED_PIXELS_GPA)[(40 + 5 * 100 + 5 * 4) / 4] = 0x00332211;
    assert_int_equal(bed_flush(bed, 1, rect(0, 0, 16, 16)), OK);
    assert_int_equal(bed_last(bed)->buffer->width, 8);
    assert_int_equal(bed_pixel(bed_last(bed), 3, 4) & 0xffffff, 0x112233);
    assert_int_equal(bed_last(bed)->copied, 8 * 8 * 4);

    cmd.strides[0] = 63;
    assert_int_equal(bed_command(bed, BED_CONTROL, &cmd, sizeof(cmd), NULL, sizeof(cmd.hdr)),
                     VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    cmd.strides[0] = UINT32_MAX - 3;
    assert_int_equal(bed_command(bed, BED_CONTROL, &cmd, sizeof(cmd), NULL, sizeof(cmd.hdr)),
                     VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
}

static void a_blob_that_loses_its_pages_goes_dark(void **state)
{
    struct bed *bed = *state;

    make_blob(bed, 1);
    show(bed, 0, 1);
    assert_int_equal(bed_flush(bed, 1, rect(0, 0, W, H)), OK);
    assert_int_equal(bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, 1), OK);
    assert_int_equal(bed->n_disables, 1);
    assert_int_equal(bed_flush(bed, 1, rect(0, 0, W, H)), OK);
    assert_int_equal(bed_set_scanout_blob(bed, 0, 1, W, H), VIRTIO_GPU_RESP_ERR_UNSPEC);
}

static void cursors_wait_for_a_buffer_and_the_latest_wins(void **state)
{
    struct bed *bed = *state;
    struct virtio_gpu_mem_entry entry = { .addr = BED_PIXELS_GPA, .length = 64 * 64 * 4 };
    struct frame_buffer *held[3];

    assert_int_equal(bed_create_blob(bed, 1, 64 * 64 * 4, &entry, 1), OK);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(bed_update_cursor(bed, 1, 0, 0, 0, 0), OK);
        held[i] = bed->cursor.buffer;
        frame_buffer_lock(held[i]);
    }
    assert_int_equal(bed->n_cursors, 3);
    for (uint32_t i = 0; i < 3; i++) {
        bed_ram(bed, BED_PIXELS_GPA)[0] = i;
        assert_int_equal(bed_update_cursor(bed, 1, i, 0, 0, 0), OK);
    }
    assert_int_equal(bed->n_cursors, 3);
    frame_buffer_unlock(held[0]);
    assert_int_equal(bed->n_cursors, 4);
    assert_int_equal(bed->cursor.hot_x, 2);
    struct frame f = { .buffer = bed->cursor.buffer };
    assert_int_equal(bed_pixel(&f, 0, 0), 2);
    frame_buffer_unlock(held[1]);
    frame_buffer_unlock(held[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_set_up, bed_tear_down)
        TEST(a_frame_waits_for_the_one_before_and_gathers_damage),
        TEST(the_first_frame_of_a_geometry_damages_all_of_it),
        TEST(a_flush_is_clipped_to_the_scanout),
        TEST(only_what_is_stale_is_copied),
        TEST(nothing_is_copied_twice_into_a_frame),
        TEST(copies_of_pictures_are_host_memory_too),
        TEST(a_display_that_holds_all_buffers_is_waited_for),
        TEST(a_fenced_flush_is_answered_when_its_frame_is_done),
        TEST(the_release_of_the_replaced_buffer_answers_a_flush),
        TEST(the_release_of_its_own_buffer_does_not),
        TEST(a_silent_display_holds_a_flush_for_40_ms),
        TEST(what_is_not_shown_is_answered_at_once),
        TEST(what_is_shown_no_more_is_answered),
        TEST(scanouts_do_not_wait_for_each_other),
        TEST(a_mirrored_flush_waits_for_both_scanouts),
        TEST(more_fences_than_can_wait_are_answered),
        TEST(new_formats_show_the_picture_anew),
        TEST(a_display_that_comes_later_is_shown_what_is_lit),
        TEST(a_blob_with_an_offset_and_a_stride_is_shown_right),
        TEST(a_blob_that_loses_its_pages_goes_dark),
        TEST(cursors_wait_for_a_buffer_and_the_latest_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
