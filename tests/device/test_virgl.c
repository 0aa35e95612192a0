// SPDX-License-Identifier: MIT
/* What a guest's 3D driver does, and sees. */
#include <stdlib.h>
#include <string.h>

#include "tests/device/virgl_bed.h"
#include "tests/test.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"

#define OK VIRTIO_GPU_RESP_OK_NODATA
#define W 64u
#define H 32u
#define RED 0xffff0000u
#define GREEN 0xff00ff00u

static struct virtio_gpu_rect whole(void)
{
    return (struct virtio_gpu_rect){ .width = W, .height = H };
}

static void fill(struct bed *bed, uint32_t ctx, uint32_t surface, uint32_t texture, bool red)
{
    uint32_t words[CLEAR_WORDS];
    guest_clear_words(words, surface, texture, red, !red, 0);
    assert_int_equal(guest_submit(bed, ctx, words, CLEAR_WORDS), OK);
}

static void the_capability_sets_are_those_of_virgl(void **state)
{
    struct bed *bed = *state;
    struct virtio_gpu_get_capset_info ask = { .hdr.type = VIRTIO_GPU_CMD_GET_CAPSET_INFO };
    struct virtio_gpu_resp_capset_info info;
    struct virtio_gpu_config config;

    bed->dev->ops->get_config(bed->dev, 0, &config, sizeof(config));
    assert_int_equal(config.num_capsets, 2);
    for (uint32_t i = 0; i < 2; i++) {
        ask.capset_index = i;
        assert_int_equal(bed_command(bed, BED_CONTROL, &ask, sizeof(ask), &info, sizeof(info)),
                         VIRTIO_GPU_RESP_OK_CAPSET_INFO);
        assert_int_equal(info.capset_id,
                         i == 0 ? VIRTIO_GPU_CAPSET_VIRGL : VIRTIO_GPU_CAPSET_VIRGL2);
        assert_true(info.capset_max_size > 300);
        size_t room = sizeof(struct virtio_gpu_ctrl_hdr) + info.capset_max_size;
        struct virtio_gpu_get_capset get = {
            .hdr.type = VIRTIO_GPU_CMD_GET_CAPSET,
            .capset_id = info.capset_id,
            .capset_version = info.capset_max_version,
        };
        uint32_t *answer = malloc(room);
        assert_int_equal(bed_command(bed, BED_CONTROL, &get, sizeof(get), answer, room),
                         VIRTIO_GPU_RESP_OK_CAPSET);
        /* The first word of the set is the version that it is of. */
        assert_int_equal(answer[sizeof(struct virtio_gpu_ctrl_hdr) / 4], info.capset_max_version);
        assert_int_equal(bed_command(bed, BED_CONTROL, &get, sizeof(get), answer, room - 1),
                         VIRTIO_GPU_RESP_ERR_UNSPEC);
        get.capset_version++;
        assert_int_equal(bed_command(bed, BED_CONTROL, &get, sizeof(get), answer, room),
                         VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
        free(answer);
    }
    ask.capset_index = 2;
    assert_int_equal(bed_command(bed, BED_CONTROL, &ask, sizeof(ask), &info, sizeof(info)),
                     VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
}

static void what_is_drawn_comes_back_to_the_guests_pages(void **state)
{
    struct bed *bed = *state;
    uint32_t *pixels = bed_ram(bed, BED_PIXELS_GPA);

    guest_scene(bed, 1, 5, W, H);
    fill(bed, 1, 1, 5, true);
    assert_int_equal(guest_transfer(bed, 1, 5, W, H, false), OK);
    for (unsigned i = 0; i < W * H; i++)
        assert_int_equal(pixels[i], RED);
}

static void what_the_guest_uploads_comes_back_from_where_it_went(void **state)
{
    struct bed *bed = *state;
    uint32_t *pixels = bed_ram(bed, BED_PIXELS_GPA);
    struct virtio_gpu_transfer_host_3d part = {
        .hdr = { .type = VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D, .ctx_id = 1 },
        .box = { .x = 3, .y = 2, .w = 5, .h = 4, .d = 1 },
        .offset = 40,
        .resource_id = 5,
        .stride = 5 * 4,
    };

    guest_scene(bed, 1, 5, W, H);
    for (uint32_t i = 0; i < W * H; i++)
        pixels[i] = 0xff000000 | i;
    assert_int_equal(guest_transfer(bed, 1, 5, W, H, true), OK);
    memset(pixels, 0, W * H * 4);
    assert_int_equal(guest_command(bed, &part, sizeof(part)), OK);
    for (uint32_t y = 0; y < 4; y++)
        for (uint32_t x = 0; x < 5; x++)
            assert_int_equal(pixels[10 + y * 5 + x], 0xff000000 | ((y + 2) * W + x + 3));
    assert_int_equal(pixels[9], 0);
    assert_int_equal(pixels[30], 0);
}

static void fenced_commands_are_answered_in_order_once_they_are_done(void **state)
{
    struct bed *bed = *state;
    struct bed_pending p[40];
    uint32_t words[CLEAR_WORDS];

    guest_scene(bed, 1, 5, W, H);
    for (uint32_t i = 0; i < ARRAY_LEN(p); i++) {
        guest_clear_words(words, i + 1, 5, 1, 0, 0);
        p[i] = guest_submit_fenced(bed, 1, words, CLEAR_WORDS, 100 + i);
        /* The renderer's word comes by the loop, which did not run. */
        assert_false(bed_answered(bed, &p[i], NULL));
    }
    for (unsigned done = 0; done < ARRAY_LEN(p);) {
        struct virtio_gpu_ctrl_hdr response = { 0 };
        loop_run_once(bed->loop, -1);
        while (done < ARRAY_LEN(p) && bed_answered(bed, &p[done], &response)) {
            assert_int_equal(response.type, OK);
            assert_int_equal(response.flags, VIRTIO_GPU_FLAG_FENCE);
            assert_int_equal(response.fence_id, 100 + done);
            assert_int_equal(response.ctx_id, 1);
            done++;
        }
        for (unsigned i = done; i < ARRAY_LEN(p); i++)
            assert_false(bed_answered(bed, &p[i], &response));
    }
}

static void an_error_with_a_fence_waits_for_its_turn(void **state)
{
    struct bed *bed = *state;
    uint32_t words[CLEAR_WORDS];
    struct virtio_gpu_ctrl_hdr first = { 0 }, second = { 0 };
    struct virtio_gpu_resource_unref nothing = {
        .hdr = { .type = VIRTIO_GPU_CMD_RESOURCE_UNREF,
                 .flags = VIRTIO_GPU_FLAG_FENCE,
                 .fence_id = 8 },
        .resource_id = 99,
    };

    guest_scene(bed, 1, 5, W, H);
    guest_clear_words(words, 1, 5, 1, 0, 0);
    struct bed_pending a = guest_submit_fenced(bed, 1, words, CLEAR_WORDS, 7);
    struct bed_pending b = bed_submit(bed, BED_CONTROL, &nothing, sizeof(nothing), 24);
    assert_false(bed_answered(bed, &b, &second));
    guest_wait(bed, &b, &second);
    assert_true(bed_answered(bed, &a, &first));
    assert_int_equal(first.type, OK);
    assert_int_equal(second.type, VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    assert_int_equal(second.fence_id, 8);
}

static void a_flush_that_was_shown_waits_for_what_was_drawn_before_it(void **state)
{
    struct bed *bed = *state;
    struct virtio_gpu_mem_entry pages = { .addr = BED_PIXELS_GPA + 0x10000, .length = W * H * 4 };
    uint32_t words[CLEAR_WORDS];
    struct virtio_gpu_ctrl_hdr drawn = { 0 }, flushed = { 0 };

    guest_scene(bed, 1, 5, W, H);
    assert_int_equal(bed_create_blob(bed, 6, W * H * 4, &pages, 1), OK);
    assert_int_equal(guest_simple(bed, VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, 1, 6), OK);
    assert_int_equal(bed_set_scanout_blob(bed, 0, 6, W, H), OK);
    guest_clear_words(words, 1, 5, 1, 0, 0);
    struct bed_pending a = guest_submit_fenced(bed, 1, words, CLEAR_WORDS, 7);
    struct bed_pending b = bed_flush_fenced(bed, 6, whole(), 8);
    assert_int_equal(bed->n_frames, 1);
    bed_done(bed, 0, bed_last(bed)->seq);
    assert_false(bed_answered(bed, &b, &flushed));
    guest_wait(bed, &b, &flushed);
    assert_true(bed_answered(bed, &a, &drawn));
    assert_int_equal(flushed.fence_id, 8);
    assert_int_equal(flushed.type, OK);
}

static void a_guest_has_many_thousand_buffers(void **state)
{
    struct bed *bed = *state;
    struct virtio_gpu_resource_create_3d c = {
        .target = TARGET_BUFFER,
        .format = FORMAT_R8,
        .bind = BIND_VERTEX_BUFFER,
        .width = 64,
        .height = 1,
        .depth = 1,
        .array_size = 1,
    };

    for (c.resource_id = 1; c.resource_id <= 10000; c.resource_id++)
        assert_int_equal(guest_create_3d(bed, &c), OK);
}

static void there_is_one_ring(void **state)
{
    struct bed *bed = *state;
    struct virtio_gpu_cmd_submit cmd = {
        .hdr = { .type = VIRTIO_GPU_CMD_SUBMIT_3D,
                 .flags = VIRTIO_GPU_FLAG_FENCE | VIRTIO_GPU_FLAG_INFO_RING_IDX,
                 .fence_id = 3,
                 .ctx_id = 1 },
    };
    struct virtio_gpu_ctrl_hdr response = { 0 };

    assert_int_equal(guest_context(bed, 1), OK);
    struct bed_pending p = bed_submit(bed, BED_CONTROL, &cmd, sizeof(cmd), sizeof(response));
    guest_wait(bed, &p, &response);
    assert_int_equal(response.type, OK);
    assert_int_equal(response.flags, cmd.hdr.flags);
    for (unsigned ring = 1; ring < 256; ring += 63) {
        cmd.hdr.ring_idx = (uint8_t)ring;
        p = bed_submit(bed, BED_CONTROL, &cmd, sizeof(cmd), sizeof(response));
        guest_wait(bed, &p, &response);
        assert_int_equal(response.type, VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
        assert_int_equal(response.ring_idx, ring);
    }
}

static void a_stop_forgets_what_is_under_way(void **state)
{
    struct bed *bed = *state;
    uint32_t words[CLEAR_WORDS];

    for (unsigned i = 0; i < 3; i++) {
        guest_scene(bed, 1, 5, W, H);
        guest_clear_words(words, 1, 5, 1, 0, 0);
        guest_submit_fenced(bed, 1, words, CLEAR_WORDS, 1);
        bed_stop(bed);
        for (unsigned n = 0; n < 10; n++)
            loop_run_once(bed->loop, 1);
        bed_start(bed);
    }
    struct bed_pending p;
    guest_scene(bed, 1, 5, W, H);
    p = guest_submit_fenced(bed, 1, words, CLEAR_WORDS, 9);
    guest_wait(bed, &p, NULL);
}

static void contexts_have_one_name_each(void **state)
{
    struct bed *bed = *state;
    const uint32_t id = VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID;
    const uint32_t parameter = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;
    struct virtio_gpu_ctx_create cmd = {
        .hdr = { .type = VIRTIO_GPU_CMD_CTX_CREATE, .ctx_id = UINT32_MAX },
        .nlen = 64,
        .context_init = VIRTIO_GPU_CAPSET_VIRGL,
    };

    assert_int_equal(guest_context(bed, 0), id);
    assert_int_equal(guest_context(bed, 1), OK);
    assert_int_equal(guest_context(bed, 1), id);
    assert_int_equal(guest_simple(bed, VIRTIO_GPU_CMD_CTX_DESTROY, 2, 0), id);
    assert_int_equal(guest_simple(bed, VIRTIO_GPU_CMD_CTX_DESTROY, 1, 0), OK);
    assert_int_equal(guest_simple(bed, VIRTIO_GPU_CMD_CTX_DESTROY, 1, 0), id);
    assert_int_equal(guest_submit(bed, 1, NULL, 0), id);
    assert_int_equal(guest_transfer(bed, 1, 5, W, H, true), id);

    memset(cmd.debug_name, 'x', sizeof(cmd.debug_name));
    assert_int_equal(guest_command(bed, &cmd, sizeof(cmd)), OK);
    cmd.hdr.ctx_id = 7;
    cmd.nlen = 65;
    assert_int_equal(guest_command(bed, &cmd, sizeof(cmd)), parameter);
    cmd.nlen = 1;
    for (uint32_t init = 3; init < 256; init++) {
        cmd.context_init = init;
        assert_int_equal(guest_command(bed, &cmd, sizeof(cmd)), parameter);
    }
    cmd.context_init = 0x102;
    assert_int_equal(guest_command(bed, &cmd, sizeof(cmd)), parameter);
}

static void a_resource_is_used_where_it_is_attached_only(void **state)
{
    struct bed *bed = *state;
    uint32_t words[CLEAR_WORDS];

    guest_scene(bed, 1, 5, W, H);
    assert_int_equal(guest_context(bed, 2), OK);
    guest_clear_words(words, 1, 5, 1, 0, 0);
    assert_int_equal(guest_submit(bed, 2, words, CLEAR_WORDS),
                     VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    assert_int_equal(guest_transfer(bed, 2, 5, W, H, true), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    assert_int_equal(guest_transfer(bed, 1, 5, W, H, true), OK);
    assert_int_equal(guest_simple(bed, VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE, 1, 5), OK);
    assert_int_equal(guest_transfer(bed, 1, 5, W, H, true), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    assert_int_equal(guest_simple(bed, VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, 1, 9),
                     VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    assert_int_equal(guest_simple(bed, VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, 9, 5),
                     VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID);
}

static void wait_for_frames(struct bed *bed, unsigned n)
{
    while (bed->n_frames < n)
        loop_run_once(bed->loop, -1);
}

static void a_texture_is_shown_once_it_is_drawn(void **state)
{
    struct bed *bed = *state;

    guest_scene(bed, 1, 5, W, H);
    assert_int_equal(bed_set_scanout(bed, 0, 5, whole()), OK);
    for (unsigned i = 1; i <= 4; i++) {
        fill(bed, 1, i, 5, i % 2);
        assert_int_equal(bed_flush(bed, 5, whole()), OK);
        wait_for_frames(bed, i);
        const struct frame *f = bed_last(bed);
        assert_int_equal(bed_pixel(f, 0, 0) | 0xff000000, i % 2 ? RED : GREEN);
        assert_int_equal(bed_pixel(f, W - 1, H - 1) | 0xff000000, i % 2 ? RED : GREEN);
        assert_int_equal(f->copied, W * H * 4);
        bed_release(bed, i - 1);
        bed_done(bed, 0, f->seq);
    }
}

static void a_picture_that_the_guest_draws_itself_is_shown_too(void **state)
{
    struct bed *bed = *state;
    uint32_t *pixels = bed_ram(bed, BED_PIXELS_GPA);
    struct virtio_gpu_mem_entry pages = { .addr = BED_PIXELS_GPA, .length = W * H * 4 };

    for (uint32_t i = 0; i < W * H; i++)
        pixels[i] = i * 5;
    assert_int_equal(bed_create_2d(bed, 3, FORMAT_BGRX, W, H), OK);
    assert_int_equal(bed_attach(bed, 3, &pages, 1), OK);
    assert_int_equal(bed_transfer(bed, 3, whole(), 0), OK);
    assert_int_equal(bed_transfer(bed, 3, whole(), 4), VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER);
    assert_int_equal(bed_set_scanout(bed, 0, 3, whole()), OK);
    assert_int_equal(bed_flush(bed, 3, whole()), OK);
    wait_for_frames(bed, 1);
    for (uint32_t y = 0; y < H; y++)
        for (uint32_t x = 0; x < W; x++)
            assert_int_equal(bed_pixel(bed_last(bed), x, y) & 0xffffff, (y * W + x) * 5);
}

static void a_texture_is_a_cursor(void **state)
{
    struct bed *bed = *state;

    guest_scene(bed, 1, 5, 64, 64);
    fill(bed, 1, 1, 5, true);
    assert_int_equal(bed_update_cursor(bed, 5, 3, 4, 0, 0), OK);
    assert_int_equal(bed->n_cursors, 1);
    struct frame shown = { .buffer = bed->cursor.buffer };
    assert_int_equal(bed_pixel(&shown, 0, 0), RED);
    assert_int_equal(bed_pixel(&shown, 63, 63), RED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, virgl_bed_start, virgl_bed_stop)
        TEST(the_capability_sets_are_those_of_virgl),
        TEST(what_is_drawn_comes_back_to_the_guests_pages),
        TEST(what_the_guest_uploads_comes_back_from_where_it_went),
        TEST(fenced_commands_are_answered_in_order_once_they_are_done),
        TEST(an_error_with_a_fence_waits_for_its_turn),
        TEST(a_flush_that_was_shown_waits_for_what_was_drawn_before_it),
        TEST(a_guest_has_many_thousand_buffers),
        TEST(there_is_one_ring),
        TEST(a_stop_forgets_what_is_under_way),
        TEST(contexts_have_one_name_each),
        TEST(a_resource_is_used_where_it_is_attached_only),
        TEST(a_texture_is_shown_once_it_is_drawn),
        TEST(a_picture_that_the_guest_draws_itself_is_shown_too),
        TEST(a_texture_is_a_cursor),
    };
    log_set_level(getenv("VERBOSE") ? LOG_DEBUG : LOG_ERROR);
    return cmocka_run_group_tests(tests, virgl_bed_create, virgl_bed_destroy);
}
