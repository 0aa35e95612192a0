// SPDX-License-Identifier: MIT
/* A GPU process that is killed, and the next one, which gets its journal and its table of chains in
 * flight. The guest's driver and the display behind the frame channel live on. */
#include <linux/virtio_gpu.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gpu/channel.h"
#include "gpu/gl/virgl.h"
#include "gpu/journal.h"
#include "gpu/process.h"
#include "tests/device/driver.h"
#include "tests/test.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"

#define OK VIRTIO_GPU_RESP_OK_NODATA
#define W 64u
#define H 32u
#define BYTES (W * H * 4)
#define QUEUE_SIZE 64

struct bed {
    struct loop *loop;
    pid_t child;
    struct driver *driver;
    struct channel_machine *channel;
    int journal;
    bool claim_3d, virgl;

    struct display display;
    unsigned n_presents, n_disables, n_cursors;
    uint32_t seq, pixel; /* the last frame's number and its first pixel */
    uint32_t cursor_pixel, hot_x;
};

static void on_present(struct display *display, unsigned scanout, const struct frame *frame)
{
    struct bed *bed = container_of(display, struct bed, display);
    bed->n_presents++;
    bed->seq = frame->seq;
    pread(frame->buffer->plane[0].fd, &bed->pixel, sizeof(bed->pixel), 0);
}

static void on_disable(struct display *display, unsigned scanout)
{
    container_of(display, struct bed, display)->n_disables++;
}

static void on_cursor(struct display *display, unsigned scanout, const struct frame_cursor *cursor)
{
    struct bed *bed = container_of(display, struct bed, display);
    bed->n_cursors++;
    bed->hot_x = cursor->hot_x;
    if (cursor->buffer)
        pread(cursor->buffer->plane[0].fd, &bed->cursor_pixel, 4, 0);
}

static void on_cursor_move(struct display *display, unsigned scanout, int32_t x, int32_t y)
{
}

static const struct display_ops display_ops = { on_present, on_disable, on_cursor, on_cursor_move };

static void on_closed(void *data)
{
}

/* Starts a process. Its vhost-user socket, whose peer it has. */
static int start_process(struct bed *bed)
{
    int vhost[2], frames[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, vhost), 0);
    assert_int_equal(channel_pair(frames), 0);
    bed->child = fork();
    assert_true(bed->child >= 0);
    if (bed->child == 0) {
        struct gpu_process_options options = {
            .socket_fd = vhost[1],
            .frames_fd = frames[1],
            .journal_fd = dup(bed->journal),
            .gpu.claim_3d = bed->claim_3d,
        };
        struct virgl_maker maker;
        virgl_maker_init(&maker, "surfaceless", true);
        if (bed->virgl)
            options.gpu.maker = &maker.base;
        close(vhost[0]);
        close(frames[0]);
        _exit(gpu_process_main(&options));
    }
    close(vhost[1]);
    close(frames[1]);
    assert_int_equal(channel_machine_connect(bed->channel, frames[0]), 0);
    return vhost[0];
}

static int set_up_with(void **state, bool claim_3d, bool virgl)
{
    const uint64_t want = 1ull << VIRTIO_GPU_F_VIRGL | 1ull << VIRTIO_GPU_F_CONTEXT_INIT;
    struct bed *bed = calloc(1, sizeof(*bed));

    bed->loop = loop_create();
    bed->claim_3d = claim_3d;
    bed->virgl = virgl;
    bed->display.ops = &display_ops;
    bed->channel = channel_machine_create(bed->loop, on_closed, bed);
    channel_machine_keep_pictures(bed->channel);
    channel_machine_set_display(bed->channel, &bed->display);
    struct producer *p = channel_machine_producer(bed->channel);
    p->events->formats(p, NULL, 0);
    bed->journal = journal_memfd();
    assert_true(bed->journal >= 0);
    bed->driver = driver_connect(start_process(bed));
    driver_up(bed->driver, 1u << VIRTIO_GPU_F_EDID | 1u << VIRTIO_GPU_F_RESOURCE_BLOB | want, 2,
              QUEUE_SIZE);
    *state = bed;
    return 0;
}

static int set_up(void **state)
{
    return set_up_with(state, false, false);
}

static int set_up_3d(void **state)
{
    return set_up_with(state, true, false);
}

static int set_up_virgl(void **state)
{
    return set_up_with(state, false, true);
}

static void kill_process(struct bed *bed)
{
    int status;
    assert_int_equal(kill(bed->child, SIGKILL), 0);
    assert_int_equal(waitpid(bed->child, &status, 0), bed->child);
    assert_true(WIFSIGNALED(status));
    channel_machine_disconnect(bed->channel);
}

static void take_over(struct bed *bed)
{
    driver_reconnect(bed->driver, start_process(bed));
}

static int tear_down(void **state)
{
    struct bed *bed = *state;
    int status;

    driver_destroy(bed->driver);
    assert_int_equal(waitpid(bed->child, &status, 0), bed->child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    channel_machine_set_display(bed->channel, NULL);
    channel_machine_destroy(bed->channel);
    loop_destroy(bed->loop);
    close(bed->journal);
    free(bed);
    return 0;
}

static uint32_t request_on(struct bed *bed, unsigned queue, const void *cmd, size_t len)
{
    struct virtio_gpu_ctrl_hdr response = { 0 };
    driver_request(bed->driver, queue, cmd, (uint32_t)len, &response, sizeof(response));
    return response.type;
}

static uint32_t request(struct bed *bed, const void *cmd, size_t len)
{
    return request_on(bed, 0, cmd, len);
}

static uint32_t simple(struct bed *bed, uint32_t type, uint32_t id)
{
    struct virtio_gpu_resource_unref cmd = { .hdr.type = type, .resource_id = id };
    return request(bed, &cmd, sizeof(cmd));
}

/* A blob of one entry for each page, every other page of memory. Its first page. */
static uint32_t *make_blob(struct bed *bed, uint32_t id, unsigned n_pages)
{
    size_t len = sizeof(struct virtio_gpu_resource_create_blob) +
                 n_pages * sizeof(struct virtio_gpu_mem_entry);
    struct virtio_gpu_resource_create_blob *cmd = calloc(1, len);
    struct virtio_gpu_mem_entry *entry = (struct virtio_gpu_mem_entry *)(void *)(cmd + 1);
    uint64_t gpa = driver_alloc_high(bed->driver, n_pages * 8192ull, 4096);

    *cmd = (struct virtio_gpu_resource_create_blob){
        .hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB,
        .resource_id = id,
        .blob_mem = VIRTIO_GPU_BLOB_MEM_GUEST,
        .nr_entries = n_pages,
        .size = n_pages * 4096ull,
    };
    for (unsigned i = 0; i < n_pages; i++)
        entry[i] = (struct virtio_gpu_mem_entry){ .addr = gpa + i * 8192ull, .length = 4096 };
    assert_int_equal(request(bed, cmd, len), OK);
    free(cmd);
    return driver_ptr(bed->driver, gpa);
}

static uint32_t show_blob(struct bed *bed, uint32_t id)
{
    struct virtio_gpu_set_scanout_blob show = {
        .hdr.type = VIRTIO_GPU_CMD_SET_SCANOUT_BLOB,
        .r = { .width = W, .height = H },
        .resource_id = id,
        .width = W,
        .height = H,
        .format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
        .strides[0] = W * 4,
    };
    return request(bed, &show, sizeof(show));
}

static uint32_t *make_2d(struct bed *bed, uint32_t id, uint32_t w, uint32_t h)
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
    assert_int_equal(request(bed, &create, sizeof(create)), OK);
    assert_int_equal(request(bed, &attach, sizeof(attach)), OK);
    return driver_ptr(bed->driver, attach.entry.addr);
}

static uint32_t set_scanout(struct bed *bed, uint32_t id)
{
    struct virtio_gpu_set_scanout cmd = {
        .hdr.type = VIRTIO_GPU_CMD_SET_SCANOUT,
        .r = { .width = W, .height = H },
        .resource_id = id,
    };
    return request(bed, &cmd, sizeof(cmd));
}

static uint32_t transfer(struct bed *bed, uint32_t id, uint32_t w, uint32_t h)
{
    struct virtio_gpu_transfer_to_host_2d cmd = {
        .hdr.type = VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D,
        .r = { .width = w, .height = h },
        .resource_id = id,
    };
    return request(bed, &cmd, sizeof(cmd));
}

static uint32_t flush(struct bed *bed, uint32_t id)
{
    struct virtio_gpu_resource_flush cmd = {
        .hdr.type = VIRTIO_GPU_CMD_RESOURCE_FLUSH,
        .r = { .width = W, .height = H },
        .resource_id = id,
    };
    return request(bed, &cmd, sizeof(cmd));
}

static void wait_for_frame(struct bed *bed, unsigned n)
{
    while (bed->n_presents < n)
        loop_run_once(bed->loop, -1);
    struct producer *p = channel_machine_producer(bed->channel);
    p->events->done(p, 0, bed->seq);
}

static void a_blob_on_a_scanout_is_shown_again_by_itself(void **state)
{
    struct bed *bed = *state;
    uint32_t *pixels = make_blob(bed, 7, 3 * 64 + 1); /* more than three blocks of the journal */

    assert_int_equal(show_blob(bed, 7), OK);
    pixels[0] = 0x112233;
    assert_int_equal(flush(bed, 7), OK);
    wait_for_frame(bed, 1);
    for (unsigned i = 2; i < 6; i++) {
        kill_process(bed);
        pixels[0] = i;
        take_over(bed);
        wait_for_frame(bed, i);
        assert_int_equal(bed->pixel, i);
    }
    assert_int_equal(bed->n_disables, 0);
    pixels[0] = 0x445566;
    assert_int_equal(flush(bed, 7), OK);
    wait_for_frame(bed, 6);
    assert_int_equal(bed->pixel, 0x445566);
}

static void a_host_resource_is_filled_from_its_backing(void **state)
{
    struct bed *bed = *state;
    uint32_t *pixels = make_2d(bed, 3, W, H);

    pixels[0] = 0xff0a0b0c;
    assert_int_equal(transfer(bed, 3, W, H), OK);
    assert_int_equal(set_scanout(bed, 3), OK);
    assert_int_equal(flush(bed, 3), OK);
    wait_for_frame(bed, 1);
    kill_process(bed);
    take_over(bed);
    wait_for_frame(bed, 2);
    assert_int_equal(bed->pixel & 0xffffff, 0x0a0b0c);
    assert_int_equal(transfer(bed, 3, W, H), OK);
}

static void what_was_given_up_stays_so(void **state)
{
    struct bed *bed = *state;

    make_blob(bed, 1, 2);
    make_blob(bed, 2, 2);
    make_2d(bed, 3, W, H);
    assert_int_equal(show_blob(bed, 2), OK);
    assert_int_equal(set_scanout(bed, 0), OK);
    assert_int_equal(simple(bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, 1), OK);
    assert_int_equal(simple(bed, VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, 3), OK);
    kill_process(bed);
    take_over(bed);
    assert_int_equal(flush(bed, 1), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    assert_int_equal(transfer(bed, 3, W, H), VIRTIO_GPU_RESP_ERR_UNSPEC); /* no backing */
    assert_int_equal(flush(bed, 2), OK);
    assert_int_equal(show_blob(bed, 2), OK);
    assert_int_equal(flush(bed, 2), OK);
    wait_for_frame(bed, 1);
    assert_int_equal(bed->n_presents, 1);
}

static void resources_that_come_and_go_leave_room_for_others(void **state)
{
    struct bed *bed = *state;

    for (unsigned i = 0; i < 3; i++) {
        for (uint32_t id = 1; id <= 1000; id++)
            make_2d(bed, id, 1, 1);
        for (uint32_t id = 1; id < 1000; id++)
            assert_int_equal(simple(bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, id), OK);
        kill_process(bed);
        take_over(bed);
        assert_int_equal(transfer(bed, 1000, 1, 1), OK);
        assert_int_equal(simple(bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, 1000), OK);
    }
}

/* As the machine does it: what was before a reset is nobody's, also where the process died meanwhile. */
static void a_guest_that_restarts_finds_nothing_of_before(void **state)
{
    struct bed *bed = *state;

    for (uint32_t i = 1; i <= 4; i++) {
        make_blob(bed, i, 2);
        make_2d(bed, 100 + i, W, H);
        assert_int_equal(show_blob(bed, i), OK);
        if (i == 2) {
            kill_process(bed);
            take_over(bed);
        }
        driver_stop(bed->driver);
        journal_clear(bed->journal);
        driver_start(bed->driver, 2, QUEUE_SIZE);
        assert_int_equal(flush(bed, i), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
        make_blob(bed, 50, 2);
        kill_process(bed);
        take_over(bed);
        assert_int_equal(flush(bed, 100 + i), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
        assert_int_equal(show_blob(bed, 50), OK);
        assert_int_equal(simple(bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, 50), OK);
    }
}

static void the_cursor_is_shown_again(void **state)
{
    struct bed *bed = *state;
    uint32_t *pixels = make_2d(bed, 4, 64, 64);
    struct virtio_gpu_update_cursor cmd = {
        .hdr.type = VIRTIO_GPU_CMD_UPDATE_CURSOR,
        .resource_id = 4,
        .hot_x = 5,
    };

    pixels[0] = 0xff123456;
    assert_int_equal(transfer(bed, 4, 64, 64), OK);
    assert_int_equal(request_on(bed, 1, &cmd, sizeof(cmd)), OK);
    while (bed->n_cursors < 1)
        loop_run_once(bed->loop, -1);
    kill_process(bed);
    bed->cursor_pixel = bed->hot_x = 0;
    take_over(bed);
    while (bed->n_cursors < 2)
        loop_run_once(bed->loop, -1);
    assert_int_equal(bed->cursor_pixel, 0xff123456);
    assert_int_equal(bed->hot_x, 5);
}

static void commands_of_3d_fail_where_it_is_only_claimed(void **state)
{
    struct bed *bed = *state;
    struct virtio_gpu_ctx_create create = { .hdr = { .type = VIRTIO_GPU_CMD_CTX_CREATE,
                                                     .ctx_id = 1 } };
    struct virtio_gpu_cmd_submit submit = { .hdr = { .type = VIRTIO_GPU_CMD_SUBMIT_3D,
                                                     .ctx_id = 1 } };

    assert_true(driver_features(bed->driver) & 1u << VIRTIO_GPU_F_VIRGL);
    assert_int_equal(request(bed, &create, sizeof(create)), VIRTIO_GPU_RESP_ERR_UNSPEC);
    assert_int_equal(request(bed, &submit, sizeof(submit)), VIRTIO_GPU_RESP_ERR_UNSPEC);
    make_blob(bed, 1, 2);
    kill_process(bed);
    take_over(bed);
    assert_int_equal(show_blob(bed, 1), OK);
}

static uint32_t context(struct bed *bed, uint32_t type, uint32_t id)
{
    struct virtio_gpu_ctx_create cmd = { .hdr = { .type = type, .ctx_id = id } };
    return request(bed, &cmd, sizeof(cmd));
}

static uint32_t make_texture(struct bed *bed, uint32_t id)
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
    return request(bed, &cmd, sizeof(cmd));
}

static uint32_t submit(struct bed *bed, uint32_t ctx)
{
    struct {
        struct virtio_gpu_cmd_submit submit;
        uint32_t nop;
    } cmd = { .submit = { .hdr = { .type = VIRTIO_GPU_CMD_SUBMIT_3D, .ctx_id = ctx }, .size = 4 } };
    return request(bed, &cmd, sizeof(cmd.submit) + 4);
}

static void contexts_and_textures_are_gone_and_new_ones_work(void **state)
{
    struct bed *bed = *state;

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
        kill_process(bed);
        pixels[0] = 0xff000000 | i;
        take_over(bed);
        wait_for_frame(bed, i - 1);
        assert_int_equal(bed->pixel & 0xffffff, i);
        assert_int_equal(submit(bed, 1), VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID);
        assert_int_equal(context(bed, VIRTIO_GPU_CMD_CTX_DESTROY, 1),
                         VIRTIO_GPU_RESP_ERR_INVALID_CONTEXT_ID);
        assert_int_equal(flush(bed, 2), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
        assert_int_equal(simple(bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, 2),
                         VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
        assert_int_equal(context(bed, VIRTIO_GPU_CMD_CTX_CREATE, 1), OK);
        assert_int_equal(submit(bed, 1), OK);
        assert_int_equal(make_texture(bed, 2), OK);
    }
}

/* The process dies at any moment while the guest floods it: each chain comes back once, fenced flushes,
 * which are kept, among them. */
static void each_chain_comes_back_once_whenever_the_process_dies(void **state)
{
    struct bed *bed = *state;
    struct virtio_gpu_resource_flush cmd = {
        .hdr = { .type = VIRTIO_GPU_CMD_RESOURCE_FLUSH, .flags = VIRTIO_GPU_FLAG_FENCE },
        .r = { .width = W, .height = H },
        .resource_id = 1,
    };
    uint64_t gpa[QUEUE_SIZE], fence = 0;
    unsigned errors = 0, seed = 5, deaths = getenv("VITRINE_FULL") ? 2000 : 60;

    for (unsigned i = 0; i < QUEUE_SIZE; i++)
        gpa[i] = driver_alloc(bed->driver, 4096, 4096);
    make_blob(bed, 1, 2);
    assert_int_equal(show_blob(bed, 1), OK);
    for (unsigned death = 0; death < deaths; death++) {
        uint64_t fence_of[QUEUE_SIZE] = { 0 }, response_of[QUEUE_SIZE] = { 0 };
        unsigned out = 0, n = 1 + (unsigned)rand_r(&seed) % (QUEUE_SIZE / 2);
        for (unsigned i = 0; i < n; i++) {
            cmd.hdr.fence_id = ++fence;
            memcpy(driver_ptr(bed->driver, gpa[i]), &cmd, sizeof(cmd));
            memset(driver_ptr(bed->driver, gpa[i] + 2048), 0, 24);
            struct driver_buffer buf[2] = {
                { .gpa = gpa[i], .len = sizeof(cmd) },
                { .gpa = gpa[i] + 2048, .len = 24, .writable = true },
            };
            int head = driver_add(bed->driver, 0, buf, 2, i % 2);
            assert_true(head >= 0);
            fence_of[head] = fence;
            response_of[head] = gpa[i] + 2048;
            out++;
            driver_kick(bed->driver, 0);
        }
        for (volatile unsigned spin = (unsigned)rand_r(&seed) % 200000; spin > 0; spin--)
            ;
        kill_process(bed);
        take_over(bed);
        uint16_t head;
        uint32_t len;
        while (out > 0) {
            assert_true(driver_used(bed->driver, 0, DRIVER_TIMEOUT_MS, &head, &len));
            assert_true(head < QUEUE_SIZE);
            assert_int_not_equal(fence_of[head], 0); /* else it comes back twice */
            struct virtio_gpu_ctrl_hdr *r = driver_ptr(bed->driver, response_of[head]);
            assert_true(r->type == OK || r->type == VIRTIO_GPU_RESP_ERR_UNSPEC);
            assert_int_equal(r->fence_id, fence_of[head]);
            errors += r->type != OK;
            fence_of[head] = 0;
            out--;
        }
        assert_false(driver_used(bed->driver, 0, 0, &head, &len));
    }
    assert_true(errors > 0); /* some were caught in flight */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(a_blob_on_a_scanout_is_shown_again_by_itself),
        TEST(a_host_resource_is_filled_from_its_backing),
        TEST(what_was_given_up_stays_so),
        TEST(resources_that_come_and_go_leave_room_for_others),
        TEST(a_guest_that_restarts_finds_nothing_of_before),
        TEST(the_cursor_is_shown_again),
        cmocka_unit_test_setup_teardown(commands_of_3d_fail_where_it_is_only_claimed, set_up_3d,
                                        tear_down),
        cmocka_unit_test_setup_teardown(contexts_and_textures_are_gone_and_new_ones_work,
                                        set_up_virgl, tear_down),
        TEST(each_chain_comes_back_once_whenever_the_process_dies),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
