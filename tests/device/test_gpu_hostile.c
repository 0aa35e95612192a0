// SPDX-License-Identifier: MIT
/* Commands cut short, overlong, scattered and random: an error each, and never a crash. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/device/gpu_bed.h"
#include "tests/test.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"
#include "vmm/virtio/virtq.h"

#define OK VIRTIO_GPU_RESP_OK_NODATA
#define BGRX VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM

static const struct {
    uint32_t type;
    int queue;
    size_t len;
} commands[] = {
    { VIRTIO_GPU_CMD_GET_DISPLAY_INFO, BED_CONTROL, sizeof(struct virtio_gpu_ctrl_hdr) },
    { VIRTIO_GPU_CMD_GET_EDID, BED_CONTROL, sizeof(struct virtio_gpu_cmd_get_edid) },
    { VIRTIO_GPU_CMD_RESOURCE_CREATE_2D, BED_CONTROL,
      sizeof(struct virtio_gpu_resource_create_2d) },
    { VIRTIO_GPU_CMD_RESOURCE_UNREF, BED_CONTROL, sizeof(struct virtio_gpu_resource_unref) },
    { VIRTIO_GPU_CMD_SET_SCANOUT, BED_CONTROL, sizeof(struct virtio_gpu_set_scanout) },
    { VIRTIO_GPU_CMD_RESOURCE_FLUSH, BED_CONTROL, sizeof(struct virtio_gpu_resource_flush) },
    { VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D, BED_CONTROL,
      sizeof(struct virtio_gpu_transfer_to_host_2d) },
    { VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, BED_CONTROL,
      sizeof(struct virtio_gpu_resource_attach_backing) },
    { VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, BED_CONTROL,
      sizeof(struct virtio_gpu_resource_detach_backing) },
    { VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB, BED_CONTROL,
      sizeof(struct virtio_gpu_resource_create_blob) },
    { VIRTIO_GPU_CMD_SET_SCANOUT_BLOB, BED_CONTROL, sizeof(struct virtio_gpu_set_scanout_blob) },
    { VIRTIO_GPU_CMD_UPDATE_CURSOR, BED_CURSOR, sizeof(struct virtio_gpu_update_cursor) },
    { VIRTIO_GPU_CMD_MOVE_CURSOR, BED_CURSOR, sizeof(struct virtio_gpu_update_cursor) },
};

static void a_command_cut_short_is_an_error_at_every_length(void **state)
{
    struct bed *bed = *state;
    struct virtio_gpu_resp_edid response;

    for (unsigned i = 0; i < ARRAY_LEN(commands); i++) {
        char cmd[256] = { 0 };
        memcpy(cmd, &commands[i].type, sizeof(commands[i].type));
        for (size_t len = 1; len < commands[i].len; len++)
            assert_true(bed_command(bed, commands[i].queue, cmd, len, &response,
                                    sizeof(response)) >= VIRTIO_GPU_RESP_ERR_UNSPEC);
    }
    assert_int_equal(bed->broken, 0);
}

static void a_response_that_does_not_fit_is_an_error_or_none(void **state)
{
    struct bed *bed = *state;
    struct virtio_gpu_ctrl_hdr cmd = { .type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO };
    uint8_t response[sizeof(struct virtio_gpu_resp_display_info)];

    for (size_t room = 0; room < sizeof(response); room++) {
        struct bed_pending p = bed_submit(bed, BED_CONTROL, &cmd, sizeof(cmd), room);
        struct virtio_gpu_ctrl_hdr hdr = { 0 };
        assert_true(bed_answered(bed, &p, &hdr));
        assert_int_equal(hdr.type, room < sizeof(hdr) ? 0 : VIRTIO_GPU_RESP_ERR_UNSPEC);
        memcpy(response, guest_mem_ptr(&bed->mem, p.response_gpa, sizeof(response)),
               sizeof(response));
        for (size_t i = room < sizeof(hdr) ? 0 : sizeof(hdr); i < sizeof(response); i++)
            assert_int_equal(response[i], 0xee);
    }
}

static void no_byte_of_the_host_is_in_a_response(void **state)
{
    struct bed *bed = *state;
    struct virtio_gpu_cmd_get_edid cmd = { .hdr.type = VIRTIO_GPU_CMD_GET_EDID, .scanout = 1 };
    struct virtio_gpu_resp_edid edid;

    assert_int_equal(bed_command(bed, BED_CONTROL, &cmd, sizeof(cmd), &edid, sizeof(edid)),
                     VIRTIO_GPU_RESP_OK_EDID);
    assert_int_equal(edid.size, 0); /* disconnected */
    for (unsigned i = 0; i < sizeof(edid.edid); i++)
        assert_int_equal(edid.edid[i], 0);
}

static void more_entries_than_were_sent_are_an_error(void **state)
{
    struct bed *bed = *state;
    static const uint32_t counts[] = { 2, 65536, 65537, 1u << 28, UINT32_MAX };
    struct {
        struct virtio_gpu_resource_attach_backing cmd;
        struct virtio_gpu_mem_entry entry;
    } attach = { .cmd = { .hdr.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING, .resource_id = 1 },
                 .entry = { .addr = BED_PIXELS_GPA, .length = 4096 } };

    assert_int_equal(bed_create_2d(bed, 1, BGRX, 8, 8), OK);
    for (unsigned i = 0; i < ARRAY_LEN(counts); i++) {
        attach.cmd.nr_entries = counts[i];
        assert_true(bed_command(bed, BED_CONTROL, &attach, sizeof(attach), NULL, 24) >=
                    VIRTIO_GPU_RESP_ERR_UNSPEC);
    }
    attach.cmd.nr_entries = 1;
    assert_int_equal(bed_command(bed, BED_CONTROL, &attach, sizeof(attach), NULL, 24), OK);
}

static void entries_of_backings_that_went_count_no_more(void **state)
{
    struct bed *bed = *state;
    static struct virtio_gpu_mem_entry e[3000];

    for (unsigned i = 0; i < ARRAY_LEN(e); i++)
        e[i] = (struct virtio_gpu_mem_entry){ .addr = BED_PIXELS_GPA + i * 1000, .length = 100 };
    assert_int_equal(bed_create_blob(bed, 1, 8, NULL, 0), OK);
    for (unsigned i = 0; i < 400; i++) { /* 1.2 million in all, of which 2^20 may be there */
        assert_int_equal(bed_attach(bed, 1, e, ARRAY_LEN(e)), OK);
        assert_int_equal(bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, 1), OK);
    }
    uint32_t id = 2;
    while (bed_create_blob(bed, id, 8, e, ARRAY_LEN(e)) == OK)
        id++;
    assert_int_equal(id - 2, (1u << 20) / ARRAY_LEN(e));
}

static void a_full_queue_does_not_keep_the_loop_to_itself(void **state)
{
    struct bed *bed = *state;
    struct ring *ring = &bed->ring[BED_CONTROL];
    struct ring_buf buf = { .gpa = BED_PIXELS_GPA, .len = 8 };
    unsigned n = 0;

    while (ring_add(ring, &buf, 1) >= 0)
        n++;
    assert_int_equal(n, 256);
    bed->dev->ops->kick(bed->dev, &bed->dev->queue[BED_CONTROL]);
    for (unsigned i = 0; i < n; i++)
        assert_true(ring_take(ring, NULL) >= 0);
    /* The device stopped to let others on, and goes on without a kick. */
    assert_true(ring_add(ring, &buf, 1) >= 0);
    assert_int_equal(ring_take(ring, NULL), -1);
    loop_run_once(bed->loop, 0);
    assert_true(ring_take(ring, NULL) >= 0);
}

static void a_command_in_single_bytes_is_a_command(void **state)
{
    struct bed *bed = *state;
    struct ring_buf buf[sizeof(struct virtio_gpu_resource_flush) + 24];
    struct virtio_gpu_resource_flush cmd = {
        .hdr = { .type = VIRTIO_GPU_CMD_RESOURCE_FLUSH, .flags = 1, .fence_id = 9 },
        .r = { .width = 8, .height = 8 },
        .resource_id = 1,
    };
    uint32_t written;

    assert_int_equal(bed_create_2d(bed, 1, BGRX, 8, 8), OK);
    assert_int_equal(bed_set_scanout(bed, 0, 1, cmd.r), OK);
    memcpy(bed_ram(bed, BED_PIXELS_GPA), &cmd, sizeof(cmd));
    for (unsigned i = 0; i < ARRAY_LEN(buf); i++)
        buf[i] =
            (struct ring_buf){ .gpa = BED_PIXELS_GPA + i, .len = 1, .writable = i >= sizeof(cmd) };
    assert_true(ring_add(&bed->ring[BED_CONTROL], buf, ARRAY_LEN(buf)) >= 0);
    bed->dev->ops->kick(bed->dev, &bed->dev->queue[BED_CONTROL]);
    assert_int_equal(bed->n_frames, 1);
    assert_int_equal(ring_take(&bed->ring[BED_CONTROL], &written), -1);
    bed_done(bed, 0, 1);
    assert_true(ring_take(&bed->ring[BED_CONTROL], &written) >= 0);
    assert_int_equal(written, 24);
    uint32_t type;
    memcpy(&type, (char *)bed_ram(bed, BED_PIXELS_GPA) + sizeof(cmd), sizeof(type));
    assert_int_equal(type, OK);
}

static void a_malformed_chain_breaks_the_device_once(void **state)
{
    struct bed *bed = *state;
    struct ring_buf outside = { .gpa = BED_RAM, .len = 24 };

    assert_true(ring_add(&bed->ring[BED_CONTROL], &outside, 1) >= 0);
    bed->dev->ops->kick(bed->dev, &bed->dev->queue[BED_CONTROL]);
    assert_int_equal(bed->broken, 1);
}

/* A small generator of its own, so that a seed means the same everywhere. */
static uint32_t draw(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

/* Mostly plausible values, so that the commands get somewhere. */
static uint32_t word(uint64_t *seed)
{
    static const uint32_t odd[] = { 0,      1,      2,      4,          8,          64,
                                    0x1000, 0x4001, 0x8000, 0x7fffffff, 0x80000000, 0xffffffff };
    switch (draw(seed) % 4) {
    case 0:
        return odd[draw(seed) % ARRAY_LEN(odd)];
    case 1:
        return draw(seed) % 130;
    case 2:
        return draw(seed) % 6;
    default:
        return draw(seed) % 100 == 0 ? draw(seed) : draw(seed) % 3;
    }
}

static size_t make_command(uint64_t *seed, unsigned which, uint32_t *cmd)
{
    size_t len = commands[which].len;

    for (size_t i = 0; i < len / 4; i++)
        cmd[i] = word(seed);
    cmd[0] = commands[which].type;
    cmd[1] = draw(seed) % 2;
    if (commands[which].type == VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING ||
        commands[which].type == VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB) {
        unsigned n = draw(seed) % 5;
        for (unsigned i = 0; i < n; i++) {
            struct virtio_gpu_mem_entry e = {
                .addr = draw(seed) % 8 ? BED_PIXELS_GPA + draw(seed) % 256 * 4096 : word(seed),
                .length = draw(seed) % 8 ? (1 + draw(seed) % 4) * 4096 : word(seed),
            };
            memcpy((char *)cmd + len + i * sizeof(e), &e, sizeof(e));
        }
        uint32_t *n_entries =
            commands[which].type == VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING ? &cmd[7] : &cmd[9];
        *n_entries = draw(seed) % 8 ? n : word(seed);
        len += n * sizeof(struct virtio_gpu_mem_entry);
    }
    if (commands[which].type == VIRTIO_GPU_CMD_SET_SCANOUT_BLOB && draw(seed) % 2) {
        struct virtio_gpu_set_scanout_blob *s = (void *)cmd;
        s->format = BGRX;
        s->strides[0] = s->width * 4;
        s->r = (struct virtio_gpu_rect){ .width = s->width, .height = s->height };
    }
    return draw(seed) % 16 ? len : draw(seed) % (len + 1);
}

static void forget_frames(struct bed *bed, uint64_t *seed)
{
    for (unsigned i = 0; i < bed->n_frames; i++) {
        struct frame_buffer *b = bed->frame[i].frame.buffer;
        if (b->locks > 0)
            frame_buffer_unlock(b);
        frame_buffer_unref(b);
    }
    bed->n_frames = 0;
}

static void random_commands_never_crash(void **state)
{
    struct bed *bed = *state;
    const char *rounds_text = getenv("FUZZ_ROUNDS");
    unsigned rounds = rounds_text ? (unsigned)atoi(rounds_text) : 60000;
    const char *seed_text = getenv("FUZZ_SEED");
    uint64_t seed = seed_text ? strtoull(seed_text, NULL, 0) : 1;
    unsigned good = 0;

    for (unsigned i = 0; i < rounds; i++) {
        uint32_t cmd[128] = { 0 };
        unsigned which = draw(&seed) % ARRAY_LEN(commands);
        size_t len = make_command(&seed, which, cmd);
        struct virtio_gpu_ctrl_hdr hdr = { 0 };
        if (len == 0)
            continue;
        struct bed_pending p = bed_submit(bed, commands[which].queue, cmd, len,
                                          draw(&seed) % 16 ? 2048 : draw(&seed) % 40);
        bed_answered(bed, &p, &hdr);
        good += hdr.type >= VIRTIO_GPU_RESP_OK_NODATA && hdr.type < VIRTIO_GPU_RESP_ERR_UNSPEC;
        switch (draw(&seed) % 16) {
        case 0:
            bed_done(bed, draw(&seed) % 2, word(&seed));
            break;
        case 1:
            if (bed->n_frames > 0)
                bed_done(bed, bed->frame[bed->n_frames - 1].scanout, bed_last(bed)->seq);
            break;
        case 2:
            forget_frames(bed, &seed);
            break;
        case 3:
            if (bed->n_frames > 0)
                bed->producer->events->import_failed(bed->producer, bed_last(bed)->buffer);
            break;
        case 4:
            if (draw(&seed) % 32 == 0)
                bed_formats(bed, NULL, 0);
            if (draw(&seed) % 32 == 0)
                virtio_gpu_set_display(bed->gpu, draw(&seed) % 2 ? &bed->display : NULL);
            if (draw(&seed) % 8 == 0)
                bed_formats(bed, NULL, 0);
            break;
        case 5:
            if (draw(&seed) % 64 == 0)
                bed->dev->ops->stop(bed->dev);
            break;
        }
        if (bed->n_frames > BED_MAX_FRAMES - 8)
            forget_frames(bed, &seed);
        assert_int_equal(bed->broken, 0);
    }
    print_message("%u commands, %u of them done\n", rounds, good);
    assert_true(good > rounds / 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_set_up, bed_tear_down)
        TEST(a_command_cut_short_is_an_error_at_every_length),
        TEST(a_response_that_does_not_fit_is_an_error_or_none),
        TEST(no_byte_of_the_host_is_in_a_response),
        TEST(more_entries_than_were_sent_are_an_error),
        TEST(entries_of_backings_that_went_count_no_more),
        TEST(a_full_queue_does_not_keep_the_loop_to_itself),
        TEST(a_command_in_single_bytes_is_a_command),
        TEST(a_malformed_chain_breaks_the_device_once),
        TEST(random_commands_never_crash),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
