// SPDX-License-Identifier: MIT
/* A GPU process that is killed, and what the next one, which gets its journal, shows of the guest's
 * resources by itself. */
#include <string.h>
#include <unistd.h>

#include "gpu/gl/virgl.h"
#include "gpu/journal.h"
#include "tests/device/process_bed.h"
#include "tests/test.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"

static int set_up_3d(void **state)
{
    *state = process_bed_create(&(struct virtio_gpu_options){ .claim_3d = true });
    return 0;
}

static int set_up_virgl(void **state)
{
    static struct virgl_maker maker;

    virgl_maker_init(&maker, "surfaceless", true);
    *state = process_bed_create(&(struct virtio_gpu_options){ .maker = &maker.base });
    return 0;
}

static uint32_t *make_2d(struct process_bed *bed, uint32_t id, uint32_t w, uint32_t h)
{
    struct virtio_gpu_resource_create_2d create = {
        .hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
        .resource_id = id,
        .format = VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM,
        .width = w,
        .height = h,
    };
    struct {
        struct virtio_gpu_resource_attach_backing attach;
        struct virtio_gpu_mem_entry entry;
    } attach = {
        .attach = { .hdr.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING,
                    .resource_id = id,
                    .nr_entries = 1 },
        .entry = { .addr = driver_alloc(bed->driver, w * h * 4, 4096), .length = w * h * 4 },
    };
    assert_int_equal(process_bed_request(bed, &create, sizeof(create)), OK);
    assert_int_equal(process_bed_request(bed, &attach, sizeof(attach)), OK);
    return driver_ptr(bed->driver, attach.entry.addr);
}

static uint32_t set_scanout(struct process_bed *bed, uint32_t id)
{
    struct virtio_gpu_set_scanout cmd = {
        .hdr.type = VIRTIO_GPU_CMD_SET_SCANOUT,
        .r = { .width = W, .height = H },
        .resource_id = id,
    };
    return process_bed_request(bed, &cmd, sizeof(cmd));
}

static uint32_t transfer(struct process_bed *bed, uint32_t id, uint32_t w, uint32_t h)
{
    struct virtio_gpu_transfer_to_host_2d cmd = {
        .hdr.type = VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D,
        .r = { .width = w, .height = h },
        .resource_id = id,
    };
    return process_bed_request(bed, &cmd, sizeof(cmd));
}

static void a_blob_on_a_scanout_is_shown_again_by_itself(void **state)
{
    struct process_bed *bed = *state;
    uint32_t *pixels =
        process_bed_make_blob(bed, 7, 3 * 64 + 1); /* more than three blocks of the journal */

    assert_int_equal(process_bed_show_blob(bed, 7), OK);
    pixels[0] = 0x112233;
    assert_int_equal(process_bed_flush(bed, 7), OK);
    process_bed_see(bed, 1);
    for (unsigned i = 2; i < 6; i++) {
        process_bed_kill(bed);
        pixels[0] = i;
        process_bed_take_over(bed);
        process_bed_see(bed, i);
        assert_int_equal(bed->pixel, i);
    }
    assert_int_equal(bed->n_disables, 0);
    pixels[0] = 0x445566;
    assert_int_equal(process_bed_flush(bed, 7), OK);
    process_bed_see(bed, 6);
    assert_int_equal(bed->pixel, 0x445566);
}

static void a_host_resource_is_filled_from_its_backing(void **state)
{
    struct process_bed *bed = *state;
    uint32_t *pixels = make_2d(bed, 3, W, H);

    pixels[0] = 0xff0a0b0c;
    assert_int_equal(transfer(bed, 3, W, H), OK);
    assert_int_equal(set_scanout(bed, 3), OK);
    assert_int_equal(process_bed_flush(bed, 3), OK);
    process_bed_see(bed, 1);
    process_bed_kill(bed);
    process_bed_take_over(bed);
    process_bed_see(bed, 2);
    assert_int_equal(bed->pixel & 0xffffff, 0x0a0b0c);
    assert_int_equal(transfer(bed, 3, W, H), OK);
}

static void what_was_given_up_stays_so(void **state)
{
    struct process_bed *bed = *state;

    process_bed_make_blob(bed, 1, 2);
    process_bed_make_blob(bed, 2, 2);
    make_2d(bed, 3, W, H);
    assert_int_equal(process_bed_show_blob(bed, 2), OK);
    assert_int_equal(set_scanout(bed, 0), OK);
    assert_int_equal(process_bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, 1), OK);
    assert_int_equal(process_bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, 3), OK);
    process_bed_kill(bed);
    process_bed_take_over(bed);
    assert_int_equal(process_bed_flush(bed, 1), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    assert_int_equal(transfer(bed, 3, W, H), VIRTIO_GPU_RESP_ERR_UNSPEC); /* no backing */
    assert_int_equal(process_bed_flush(bed, 2), OK);
    assert_int_equal(process_bed_show_blob(bed, 2), OK);
    assert_int_equal(process_bed_flush(bed, 2), OK);
    process_bed_see(bed, 1);
    assert_int_equal(bed->n_presents, 1);
}

static void resources_that_come_and_go_leave_room_for_others(void **state)
{
    struct process_bed *bed = *state;

    for (unsigned i = 0; i < 3; i++) {
        for (uint32_t id = 1; id <= 1000; id++)
            make_2d(bed, id, 1, 1);
        for (uint32_t id = 1; id < 1000; id++)
            assert_int_equal(process_bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, id), OK);
        process_bed_kill(bed);
        process_bed_take_over(bed);
        assert_int_equal(transfer(bed, 1000, 1, 1), OK);
        assert_int_equal(process_bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, 1000), OK);
    }
}

/* As the machine does it: what was before a reset is nobody's, also where the process died meanwhile. */
static void a_guest_that_restarts_finds_nothing_of_before(void **state)
{
    struct process_bed *bed = *state;

    for (uint32_t i = 1; i <= 4; i++) {
        process_bed_make_blob(bed, i, 2);
        make_2d(bed, 100 + i, W, H);
        assert_int_equal(process_bed_show_blob(bed, i), OK);
        if (i == 2) {
            process_bed_kill(bed);
            process_bed_take_over(bed);
        }
        driver_stop(bed->driver);
        journal_clear(bed->journal);
        driver_start(bed->driver, 2, QUEUE_SIZE);
        assert_int_equal(process_bed_flush(bed, i), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
        process_bed_make_blob(bed, 50, 2);
        process_bed_kill(bed);
        process_bed_take_over(bed);
        assert_int_equal(process_bed_flush(bed, 100 + i), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
        assert_int_equal(process_bed_show_blob(bed, 50), OK);
        assert_int_equal(process_bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, 50), OK);
    }
}

static void set_cursor(struct process_bed *bed, uint32_t id)
{
    struct virtio_gpu_update_cursor cmd = {
        .hdr.type = VIRTIO_GPU_CMD_UPDATE_CURSOR,
        .resource_id = id,
        .hot_x = 5,
    };
    struct virtio_gpu_ctrl_hdr response;

    driver_request(bed->driver, 1, &cmd, sizeof(cmd), &response, sizeof(response));
    assert_int_equal(response.type, OK);
}

static void see_cursor(struct process_bed *bed, bool shown)
{
    while (bed->cursor_shown != shown)
        loop_run_once(bed->loop, -1);
}

static void the_cursor_is_shown_again(void **state)
{
    struct process_bed *bed = *state;
    uint32_t *pixels = make_2d(bed, 4, 64, 64);

    pixels[0] = 0xff123456;
    assert_int_equal(transfer(bed, 4, 64, 64), OK);
    set_cursor(bed, 4);
    see_cursor(bed, true);
    process_bed_kill(bed);
    bed->cursor_shown = false;
    bed->cursor_pixel = bed->hot_x = 0;
    process_bed_take_over(bed);
    see_cursor(bed, true);
    assert_int_equal(bed->cursor_pixel, 0xff123456);
    assert_int_equal(bed->hot_x, 5);
}

/* A picture and a cursor on the display of which no successor finds the resources, as textures have none:
 * here they have more pixels than it takes. */
static void show_what_is_lost(struct process_bed *bed)
{
    unsigned n = bed->n_presents;

    make_2d(bed, 3, W, H);
    make_2d(bed, 4, 64, 64);
    assert_int_equal(set_scanout(bed, 3), OK);
    assert_int_equal(process_bed_flush(bed, 3), OK);
    process_bed_see(bed, n + 1);
    set_cursor(bed, 4);
    see_cursor(bed, true);
    bed->gpu.host_memory_max = 4096;
    for (unsigned i = 0; i < 2; i++) { /* the second successor finds no note of them, either */
        process_bed_kill(bed);
        process_bed_take_over(bed);
    }
    assert_int_equal(process_bed_flush(bed, 3), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    assert_true(bed->cursor_shown);
    assert_int_equal(bed->n_disables, 0);
}

static void what_could_not_be_restored_can_be_hidden(void **state)
{
    struct process_bed *bed = *state;

    show_what_is_lost(bed);
    set_cursor(bed, 0);
    see_cursor(bed, false);
    assert_int_equal(set_scanout(bed, 0), OK);
    while (bed->n_disables < 1)
        loop_run_once(bed->loop, -1);
}

static void what_could_not_be_restored_ends_with_a_reset(void **state)
{
    struct process_bed *bed = *state;

    show_what_is_lost(bed);
    driver_stop(bed->driver);
    see_cursor(bed, false);
    while (bed->n_disables < 1)
        loop_run_once(bed->loop, -1);
}

static void commands_of_3d_fail_where_it_is_only_claimed(void **state)
{
    struct process_bed *bed = *state;
    struct virtio_gpu_ctx_create create = { .hdr = { .type = VIRTIO_GPU_CMD_CTX_CREATE,
                                                     .ctx_id = 1 } };
    struct virtio_gpu_cmd_submit submit = { .hdr = { .type = VIRTIO_GPU_CMD_SUBMIT_3D,
                                                     .ctx_id = 1 } };

    assert_true(driver_features(bed->driver) & 1u << VIRTIO_GPU_F_VIRGL);
    assert_int_equal(process_bed_request(bed, &create, sizeof(create)), VIRTIO_GPU_RESP_ERR_UNSPEC);
    assert_int_equal(process_bed_request(bed, &submit, sizeof(submit)), VIRTIO_GPU_RESP_ERR_UNSPEC);
    process_bed_make_blob(bed, 1, 2);
    process_bed_kill(bed);
    process_bed_take_over(bed);
    assert_int_equal(process_bed_show_blob(bed, 1), OK);
}

static uint32_t context(struct process_bed *bed, uint32_t type, uint32_t id)
{
    struct virtio_gpu_ctx_create cmd = { .hdr = { .type = type, .ctx_id = id } };
    return process_bed_request(bed, &cmd, sizeof(cmd));
}

static uint32_t make_texture(struct process_bed *bed, uint32_t id)
{
    struct virtio_gpu_resource_create_3d cmd = {
        .hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_3D,
        .resource_id = id,
        .target = 2, /* PIPE_TEXTURE_2D */
        .format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
        .bind = 2, /* VIRGL_BIND_RENDER_TARGET */
        .width = W,
        .height = H,
        .depth = 1,
        .array_size = 1,
    };
    return process_bed_request(bed, &cmd, sizeof(cmd));
}

static uint32_t submit(struct process_bed *bed, uint32_t ctx)
{
    struct {
        struct virtio_gpu_cmd_submit submit;
        uint32_t nop;
    } cmd = { .submit = { .hdr = { .type = VIRTIO_GPU_CMD_SUBMIT_3D, .ctx_id = ctx }, .size = 4 } };
    return process_bed_request(bed, &cmd, sizeof(cmd.submit) + 4);
}

static void contexts_and_textures_are_gone_and_new_ones_work(void **state)
{
    struct process_bed *bed = *state;

    if (!(driver_features(bed->driver) & 1u << VIRTIO_GPU_F_VIRGL)) {
        print_message("no OpenGL here\n");
        return;
    }
    uint32_t *pixels = make_2d(bed, 1, W, H); /* the console, as Linux makes it with 3D */
    assert_int_equal(context(bed, VIRTIO_GPU_CMD_CTX_CREATE, 1), OK);
    assert_int_equal(submit(bed, 1), OK);
    assert_int_equal(make_texture(bed, 2), OK);
    pixels[0] = 0xff111111;
    assert_int_equal(transfer(bed, 1, W, H), OK);
    assert_int_equal(set_scanout(bed, 1), OK);
    for (uint32_t i = 2; i < 5; i++) {
        process_bed_kill(bed);
        pixels[0] = 0xff000000 | i;
        process_bed_take_over(bed);
        process_bed_see(bed, i - 1);
        assert_int_equal(bed->pixel & 0xffffff, i);
        assert_int_equal(submit(bed, 1), VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID);
        assert_int_equal(context(bed, VIRTIO_GPU_CMD_CTX_DESTROY, 1),
                         VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID);
        assert_int_equal(process_bed_flush(bed, 2), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
        assert_int_equal(process_bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, 2),
                         VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
        assert_int_equal(context(bed, VIRTIO_GPU_CMD_CTX_CREATE, 1), OK);
        assert_int_equal(submit(bed, 1), OK);
        assert_int_equal(make_texture(bed, 2), OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, process_bed_set_up, process_bed_tear_down)
        TEST(a_blob_on_a_scanout_is_shown_again_by_itself),
        TEST(a_host_resource_is_filled_from_its_backing),
        TEST(what_was_given_up_stays_so),
        TEST(resources_that_come_and_go_leave_room_for_others),
        TEST(a_guest_that_restarts_finds_nothing_of_before),
        TEST(the_cursor_is_shown_again),
        TEST(what_could_not_be_restored_can_be_hidden),
        TEST(what_could_not_be_restored_ends_with_a_reset),
        cmocka_unit_test_setup_teardown(commands_of_3d_fail_where_it_is_only_claimed, set_up_3d,
                                        process_bed_tear_down),
        cmocka_unit_test_setup_teardown(contexts_and_textures_are_gone_and_new_ones_work,
                                        set_up_virgl, process_bed_tear_down),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
