// SPDX-License-Identifier: MIT
/* A guest's 3D driver that breaks the rules: an error each, nothing outside its memory touched, and the
 * device works on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/device/virgl_bed.h"
#include "tests/test.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"

#define OK VIRTIO_GPU_RESP_OK_NODATA
#define PARAMETER VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER
#define W 64u
#define H 32u
#define BYTES (W * H * 4)

static const struct {
    uint32_t type;
    size_t len;
} commands[] = {
    { VIRTIO_GPU_CMD_GET_CAPSET_INFO, sizeof(struct virtio_gpu_get_capset_info) },
    { VIRTIO_GPU_CMD_GET_CAPSET, sizeof(struct virtio_gpu_get_capset) },
    { VIRTIO_GPU_CMD_CTX_CREATE, sizeof(struct virtio_gpu_ctx_create) },
    { VIRTIO_GPU_CMD_CTX_DESTROY, sizeof(struct virtio_gpu_ctrl_hdr) },
    { VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, sizeof(struct virtio_gpu_ctx_resource) },
    { VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE, sizeof(struct virtio_gpu_ctx_resource) },
    { VIRTIO_GPU_CMD_RESOURCE_CREATE_3D, sizeof(struct virtio_gpu_resource_create_3d) },
    { VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D, sizeof(struct virtio_gpu_transfer_host_3d) },
    { VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D, sizeof(struct virtio_gpu_transfer_host_3d) },
    { VIRTIO_GPU_CMD_SUBMIT_3D, sizeof(struct virtio_gpu_cmd_submit) },
    { VIRTIO_GPU_CMD_RESOURCE_CREATE_2D, sizeof(struct virtio_gpu_resource_create_2d) },
    { VIRTIO_GPU_CMD_RESOURCE_UNREF, sizeof(struct virtio_gpu_resource_unref) },
    { VIRTIO_GPU_CMD_SET_SCANOUT, sizeof(struct virtio_gpu_set_scanout) },
    { VIRTIO_GPU_CMD_RESOURCE_FLUSH, sizeof(struct virtio_gpu_resource_flush) },
    { VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, sizeof(struct virtio_gpu_resource_detach_backing) },
};

static void draws_still(struct bed *bed)
{
    uint32_t words[CLEAR_WORDS];
    uint32_t *pixels = bed_ram(bed, BED_PIXELS_GPA);

    guest_scene(bed, 1000, 1000, W, H);
    guest_clear_words(words, 1, 1000, 0, 1, 0);
    assert_int_equal(guest_submit(bed, 1000, words, CLEAR_WORDS), OK);
    assert_int_equal(guest_transfer(bed, 1000, 1000, W, H, false), OK);
    assert_int_equal(pixels[W * H - 1], 0xff00ff00);
    assert_int_equal(guest_simple(bed, VIRTIO_GPU_CMD_CTX_DESTROY, 1000, 0), OK);
    assert_int_equal(bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, 1000), OK);
}

static void a_command_cut_short_is_an_error_at_every_length(void **state)
{
    struct bed *bed = *state;

    for (unsigned i = 0; i < ARRAY_LEN(commands); i++) {
        char cmd[256] = { 0 };
        memcpy(cmd, &commands[i].type, sizeof(commands[i].type));
        for (size_t len = 1; len < commands[i].len; len++)
            assert_true(guest_command(bed, cmd, len) >= VIRTIO_GPU_RESP_ERR_UNSPEC);
    }
    draws_still(bed);
}

static void commands_of_all_ones_are_errors(void **state)
{
    struct bed *bed = *state;

    for (unsigned i = 0; i < ARRAY_LEN(commands); i++) {
        struct virtio_gpu_ctrl_hdr hdr = { .type = commands[i].type, .ctx_id = UINT32_MAX };
        char cmd[256];
        memset(cmd, 0xff, sizeof(cmd));
        memcpy(cmd, &hdr, sizeof(hdr));
        assert_true(guest_command(bed, cmd, commands[i].len) >= VIRTIO_GPU_RESP_ERR_UNSPEC);
    }
    draws_still(bed);
}

/* The device as it was: a context that made a mistake is of no more use. */
static uint32_t transfer_anew(struct bed *bed, const struct virtio_gpu_transfer_host_3d *t)
{
    struct virtio_gpu_transfer_host_3d cmd = *t;

    guest_simple(bed, VIRTIO_GPU_CMD_CTX_DESTROY, 1, 0);
    assert_int_equal(guest_context(bed, 1), OK);
    assert_int_equal(guest_simple(bed, VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, 1, 5), OK);
    cmd.hdr.ctx_id = 1;
    cmd.resource_id = 5;
    cmd.hdr.type = VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D;
    uint32_t there = guest_command(bed, &cmd, sizeof(cmd));
    cmd.hdr.type = VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D;
    uint32_t back = guest_command(bed, &cmd, sizeof(cmd));
    assert_int_equal(there == OK, back == OK);
    return there;
}

static void transfers_keep_within_the_texture_and_the_backing(void **state)
{
    struct bed *bed = *state;
    uint32_t *pixels = bed_ram(bed, BED_PIXELS_GPA);
    const struct virtio_gpu_transfer_host_3d good = {
        .box = { .w = W, .h = H, .d = 1 },
        .stride = W * 4,
    };
    static const struct virtio_gpu_transfer_host_3d bad[] = {
        { .box = { .w = W + 1, .h = H, .d = 1 } },
        { .box = { .w = W, .h = H + 1, .d = 1 } },
        { .box = { .w = W, .h = H, .d = 2 } },
        { .box = { .x = 1, .w = W, .h = H, .d = 1 } },
        { .box = { .y = UINT32_MAX, .w = W, .h = 1, .d = 1 } },
        { .box = { .x = 0x80000000, .w = 0x80000000, .h = 1, .d = 1 } },
        { .box = { .w = UINT32_MAX, .h = 1, .d = 1 } },
        { .box = { .z = UINT32_MAX, .w = 1, .h = 1, .d = 1 } },
        { .box = { .z = 1, .w = 1, .h = 1, .d = UINT32_MAX } },
        { .box = { .w = W, .h = H, .d = 1 }, .level = 1 },
        { .box = { .w = W, .h = H, .d = 1 }, .level = UINT32_MAX },
        { .box = { .w = W, .h = H, .d = 1 }, .offset = 4 },
        { .box = { .w = W, .h = H, .d = 1 }, .offset = UINT64_MAX },
        { .box = { .w = W, .h = H, .d = 1 }, .offset = UINT32_MAX - 3 },
        { .box = { .w = W, .h = H, .d = 1 }, .stride = W * 4 + 4 },
        { .box = { .w = W, .h = H, .d = 1 }, .stride = W * 4 - 4 },
        { .box = { .w = W, .h = H, .d = 1 }, .stride = UINT32_MAX },
        { .box = { .w = W, .h = H, .d = 1 }, .stride = 0x08000000 },
        { .box = { .w = W, .h = 2, .d = 1 }, .stride = 0x80000000 },
        { .box = { .w = W, .h = H, .d = 1 }, .stride = W * 4, .layer_stride = 1 },
    };

    guest_scene(bed, 1, 5, W, H);
    memset(pixels, 0x5a, 2 * BYTES);
    assert_int_equal(transfer_anew(bed, &good), OK);
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(transfer_anew(bed, &bad[i]), PARAMETER);
    for (unsigned i = BYTES / 4; i < 2 * BYTES / 4; i++)
        assert_int_equal(pixels[i], 0x5a5a5a5a);
    assert_int_equal(transfer_anew(bed, &good), OK);
}

static void a_backing_is_what_was_attached(void **state)
{
    struct bed *bed = *state;
    uint32_t *pixels = bed_ram(bed, BED_PIXELS_GPA);
    /* Twice the same page, and parts of pages that meet within a pixel. */
    struct virtio_gpu_mem_entry overlap[2] = {
        { .addr = BED_PIXELS_GPA, .length = BYTES / 2 },
        { .addr = BED_PIXELS_GPA, .length = BYTES / 2 },
    };
    struct virtio_gpu_mem_entry scattered[3] = {
        { .addr = BED_PIXELS_GPA + 0x8001, .length = 1001 },
        { .addr = BED_PIXELS_GPA + 0x4003, .length = 2002 },
        { .addr = BED_PIXELS_GPA, .length = BYTES - 3003 },
    };
    struct virtio_gpu_mem_entry small = { .addr = BED_PIXELS_GPA, .length = BYTES - 1 };
    uint32_t words[CLEAR_WORDS];

    guest_scene(bed, 1, 5, W, H);
    guest_clear_words(words, 1, 5, 1, 1, 1);
    assert_int_equal(guest_submit(bed, 1, words, CLEAR_WORDS), OK);
    assert_int_equal(bed_attach(bed, 5, overlap, 2), VIRTIO_GPU_RESP_ERR_UNSPEC);
    assert_int_equal(bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, 5), OK);
    assert_int_equal(guest_transfer(bed, 1, 5, W, H, false), VIRTIO_GPU_RESP_ERR_UNSPEC);

    assert_int_equal(bed_attach(bed, 5, overlap, 2), OK);
    memset(pixels, 0, BYTES);
    assert_int_equal(guest_transfer(bed, 1, 5, W, H, false), OK);
    assert_int_equal(pixels[BYTES / 8 - 1], UINT32_MAX);
    assert_int_equal(pixels[BYTES / 8], 0);
    assert_int_equal(bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, 5), OK);

    assert_int_equal(bed_attach(bed, 5, scattered, 3), OK);
    memset(pixels, 0, 0x10000);
    assert_int_equal(guest_transfer(bed, 1, 5, W, H, false), OK);
    const uint8_t *bytes = (const uint8_t *)pixels;
    assert_int_equal(bytes[0x8000], 0);
    assert_int_equal(bytes[0x8001], 0xff);
    assert_int_equal(bytes[0x8001 + 1000], 0xff);
    assert_int_equal(bytes[0x8001 + 1001], 0);
    assert_int_equal(bytes[0x4002], 0);
    assert_int_equal(bytes[0x4003 + 2001], 0xff);
    assert_int_equal(bytes[BYTES - 3004], 0xff);
    assert_int_equal(bytes[BYTES - 3003], 0);
    assert_int_equal(bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, 5), OK);

    assert_int_equal(bed_attach(bed, 5, &small, 1), OK);
    assert_int_equal(guest_transfer(bed, 1, 5, W, H, false), PARAMETER);
    assert_int_equal(bed_attach(bed, 6, &small, 1), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
}

static void textures_that_cannot_be_are_refused(void **state)
{
    struct bed *bed = *state;
    const struct virtio_gpu_resource_create_3d good = {
        .target = TARGET_2D,
        .format = FORMAT_BGRA,
        .bind = BIND_RENDER_TARGET,
        .width = 16,
        .height = 16,
        .depth = 1,
        .array_size = 1,
    };
    uint32_t sizes[] = { 0, 1 << 20, INT32_MAX, UINT32_MAX };

    for (unsigned i = 0; i < ARRAY_LEN(sizes) * 2; i++) {
        struct virtio_gpu_resource_create_3d c = good;
        c.resource_id = 7;
        *(i % 2 ? &c.width : &c.height) = sizes[i / 2];
        assert_true(guest_create_3d(bed, &c) >= VIRTIO_GPU_RESP_ERR_UNSPEC);
    }
    for (unsigned i = 0; i < 7; i++) {
        struct virtio_gpu_resource_create_3d c = good;
        uint32_t *field[] = { &c.target, &c.format, &c.array_size, &c.last_level,
                              &c.flags,  &c.depth,  &c.width };
        c.resource_id = 7;
        *field[i] = UINT32_MAX;
        assert_true(guest_create_3d(bed, &c) >= VIRTIO_GPU_RESP_ERR_UNSPEC);
    }
    struct virtio_gpu_resource_create_3d c = good;
    assert_int_equal(guest_create_3d(bed, &c), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    c.resource_id = UINT32_MAX;
    assert_int_equal(guest_create_3d(bed, &c), OK);
    assert_int_equal(guest_create_3d(bed, &c), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    draws_still(bed);
}

/* Nobody draws to them, so that no page of theirs is taken. */
static void the_memory_of_all_textures_is_limited(void **state)
{
    struct bed *bed = *state;
    const uint32_t too_much = VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY;
    const struct virtio_gpu_resource_create_3d quarter[] = {
        { .target = TARGET_2D, .format = FORMAT_BGRA, .width = 4096, .height = 4096 },
        { .target = TARGET_2D,
          .format = FORMAT_BGRA,
          .width = 1024,
          .height = 1024,
          .array_size = 16 },
        { .target = TARGET_3D, .format = FORMAT_BGRA, .width = 512, .height = 512, .depth = 64 },
        { .target = TARGET_BUFFER,
          .format = FORMAT_R8,
          .width = VIRGL_BED_MEMORY / 4,
          .height = 1 },
    };

    for (unsigned i = 0; i < ARRAY_LEN(quarter); i++) {
        struct virtio_gpu_resource_create_3d c = quarter[i];
        c.resource_id = i + 1;
        c.bind = c.target == TARGET_BUFFER ? BIND_VERTEX_BUFFER : BIND_SAMPLER_VIEW;
        c.depth = MAX(c.depth, 1u);
        if (c.array_size > 1)
            c.target = TARGET_2D_ARRAY;
        c.array_size = MAX(c.array_size, 1u);
        assert_int_equal(guest_create_3d(bed, &c), OK);
    }
    assert_int_equal(guest_texture(bed, 9, 1, 1), too_much);
    assert_int_equal(bed_create_2d(bed, 9, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 64, 64), too_much);
    for (uint32_t id = 1; id <= ARRAY_LEN(quarter); id++) {
        assert_int_equal(bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, id), OK);
        assert_int_equal(guest_texture(bed, id, 4096, 4096), OK);
        assert_int_equal(guest_texture(bed, 9, 1, 1), too_much);
    }
    assert_int_equal(bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, 1), OK);
    draws_still(bed);
}

static void what_is_no_picture_is_on_no_screen(void **state)
{
    struct bed *bed = *state;
    struct virtio_gpu_rect r = { .width = 1, .height = 1 };
    struct virtio_gpu_resource_create_3d c[] = {
        { .target = TARGET_BUFFER,
          .format = FORMAT_R8,
          .bind = BIND_VERTEX_BUFFER,
          .width = 4096,
          .height = 1,
          .depth = 1,
          .array_size = 1 },
        { .target = TARGET_3D,
          .format = FORMAT_BGRA,
          .bind = BIND_SAMPLER_VIEW,
          .width = 64,
          .height = 64,
          .depth = 2,
          .array_size = 1 },
        { .target = TARGET_CUBE,
          .format = FORMAT_BGRA,
          .bind = BIND_SAMPLER_VIEW,
          .width = 64,
          .height = 64,
          .depth = 1,
          .array_size = 6 },
    };

    for (unsigned i = 0; i < ARRAY_LEN(c); i++) {
        uint32_t id = c[i].resource_id = i + 1;
        assert_int_equal(guest_create_3d(bed, &c[i]), OK);
        assert_int_equal(bed_set_scanout(bed, 0, id, r), PARAMETER);
        assert_int_equal(bed_flush(bed, id, r), PARAMETER);
        assert_int_equal(bed_update_cursor(bed, id, 0, 0, 0, 0), PARAMETER);
        assert_true(bed_transfer(bed, id, r, 0) >= VIRTIO_GPU_RESP_ERR_UNSPEC);
    }
    assert_int_equal(bed->n_frames, 0);
}

/* A submit whose words are in a chain that has fewer of them, and one that is itself cut. */
static void submits_cut_at_each_byte_are_errors(void **state)
{
    struct bed *bed = *state;
    struct {
        struct virtio_gpu_cmd_submit cmd;
        uint32_t words[CLEAR_WORDS];
    } s = { .cmd = { .hdr = { .type = VIRTIO_GPU_CMD_SUBMIT_3D, .ctx_id = 1 } } };

    guest_scene(bed, 1, 5, W, H);
    guest_clear_words(s.words, 1, 5, 1, 1, 1);
    s.cmd.size = sizeof(s.words);
    for (size_t len = sizeof(s.cmd); len < sizeof(s.cmd) + sizeof(s.words); len++)
        assert_int_equal(guest_command(bed, &s, len), PARAMETER);
    for (uint32_t size = 0; size < sizeof(s.words); size++) {
        /* Whole commands are right as they are. */
        bool whole = size == 0 || size == 6 * 4 || size == 10 * 4;
        s.cmd.size = size;
        assert_int_equal(guest_command(bed, &s, sizeof(s)), whole ? OK : PARAMETER);
        guest_simple(bed, VIRTIO_GPU_CMD_CTX_DESTROY, 1, 0);
        assert_int_equal(guest_context(bed, 1), OK);
        assert_int_equal(guest_simple(bed, VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, 1, 5), OK);
    }
    static const uint32_t huge[] = { (4u << 20) + 4, 0x7ffffffc, 0xfffffffc, UINT32_MAX };
    for (unsigned i = 0; i < ARRAY_LEN(huge); i++) {
        s.cmd.size = huge[i];
        assert_int_equal(guest_command(bed, &s, sizeof(s)), PARAMETER);
    }
    draws_still(bed);
}

static void a_submit_may_be_as_scattered_as_a_chain_can_be(void **state)
{
    struct bed *bed = *state;
    struct ring *ring = &bed->ring[BED_CONTROL];
    struct ring_buf buf[101];
    char *at = (char *)bed_ram(bed, BED_PIXELS_GPA + 0x100000);
    struct virtio_gpu_cmd_submit cmd = {
        .hdr = { .type = VIRTIO_GPU_CMD_SUBMIT_3D, .ctx_id = 1 },
        .size = CLEAR_WORDS * 4,
    };
    uint32_t words[CLEAR_WORDS], type;

    guest_scene(bed, 1, 5, W, H);
    guest_clear_words(words, 1, 5, 1, 1, 1);
    memcpy(at, &cmd, sizeof(cmd));
    memcpy(at + sizeof(cmd), words, sizeof(words));
    for (unsigned i = 0; i < 100; i++)
        buf[i] = (struct ring_buf){ .gpa = BED_PIXELS_GPA + 0x100000 + i, .len = 1 };
    buf[99].len = sizeof(cmd) + sizeof(words) - 99;
    buf[100] = (struct ring_buf){ .gpa = BED_PIXELS_GPA, .len = 24, .writable = true };
    assert_true(ring_add(ring, buf, ARRAY_LEN(buf)) >= 0);
    bed->dev->ops->kick(bed->dev, &bed->dev->queue[BED_CONTROL]);
    assert_true(ring_take(ring, NULL) >= 0);
    memcpy(&type, bed_ram(bed, BED_PIXELS_GPA), sizeof(type));
    assert_int_equal(type, OK);
}

static void contexts_are_not_to_be_had_without_end(void **state)
{
    struct bed *bed = *state;
    uint32_t n = 0;

    while (guest_context(bed, n + 1) == OK)
        n++;
    assert_int_equal(n, 512);
    assert_int_equal(guest_simple(bed, VIRTIO_GPU_CMD_CTX_DESTROY, 1, 0), OK);
    assert_int_equal(guest_context(bed, n + 1), OK);
}

/* A small generator of its own, so that a seed means the same everywhere. */
static uint32_t draw(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

static uint32_t word(uint64_t *seed)
{
    static const uint32_t odd[] = { 0, 1, 2, 4, 8, 64, 0x1000, 0x4001, 0x7fffffff, 0xffffffff };
    switch (draw(seed) % 4) {
    case 0:
        return odd[draw(seed) % ARRAY_LEN(odd)];
    case 1:
        return draw(seed) % 80;
    default:
        return draw(seed) % 4;
    }
}

static void random_commands_never_crash(void **state)
{
    struct bed *bed = *state;
    const char *rounds_text = getenv("FUZZ_ROUNDS"), *seed_text = getenv("FUZZ_SEED");
    unsigned rounds = rounds_text ? (unsigned)atoi(rounds_text) : 6000;
    uint64_t seed = seed_text ? strtoull(seed_text, NULL, 0) : 1;
    unsigned good = 0;

    for (unsigned i = 0; i < rounds; i++) {
        uint32_t cmd[64] = { 0 };
        unsigned which = draw(&seed) % ARRAY_LEN(commands);
        size_t len = commands[which].len;
        struct virtio_gpu_ctrl_hdr *hdr = (void *)cmd;

        for (size_t k = 0; k < len / 4; k++)
            cmd[k] = word(&seed);
        hdr->type = commands[which].type;
        hdr->flags = draw(&seed) % 4;
        hdr->ring_idx = draw(&seed) % 8 == 0;
        hdr->ctx_id = draw(&seed) % 4;
        if (hdr->type == VIRTIO_GPU_CMD_RESOURCE_CREATE_3D && draw(&seed) % 2) {
            struct virtio_gpu_resource_create_3d *c = (void *)cmd;
            c->target = TARGET_2D;
            c->format = FORMAT_BGRA;
            c->bind = BIND_RENDER_TARGET;
            c->depth = c->array_size = 1;
            c->nr_samples = c->last_level = 0;
            c->flags = draw(&seed) % 2;
        }
        if (hdr->type == VIRTIO_GPU_CMD_SUBMIT_3D) {
            struct virtio_gpu_cmd_submit *c = (void *)cmd;
            guest_clear_words(cmd + sizeof(*c) / 4, 1 + draw(&seed) % 3, draw(&seed) % 4, 1, 0, 0);
            c->size = CLEAR_WORDS * 4;
            cmd[sizeof(*c) / 4 + draw(&seed) % CLEAR_WORDS] = word(&seed);
            len += c->size;
        }
        if (hdr->type == VIRTIO_GPU_CMD_SUBMIT_3D || draw(&seed) % 16)
            good += guest_command(bed, cmd, len) < VIRTIO_GPU_RESP_ERR_UNSPEC;
        else
            guest_command(bed, cmd, 1 + draw(&seed) % len);
        if (draw(&seed) % 4 == 0) {
            struct virtio_gpu_mem_entry e = { .addr = BED_PIXELS_GPA,
                                              .length = draw(&seed) % 0x10000 + 1 };
            bed_attach(bed, draw(&seed) % 4, &e, 1);
        }
        if (bed->n_frames > 0) {
            bed_done(bed, bed->frame[bed->n_frames - 1].scanout, bed_last(bed)->seq);
            bed_forget_frames(bed);
        }
        if (draw(&seed) % 512 == 0) {
            bed_stop(bed);
            bed_start(bed);
        }
        assert_int_equal(bed->broken, 0);
    }
    print_message("%u commands, %u of them done\n", rounds, good);
    assert_true(good > rounds / 20);
    bed_stop(bed);
    bed_start(bed);
    draws_still(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, virgl_bed_start, virgl_bed_stop)
        TEST(a_command_cut_short_is_an_error_at_every_length),
        TEST(commands_of_all_ones_are_errors),
        TEST(transfers_keep_within_the_texture_and_the_backing),
        TEST(a_backing_is_what_was_attached),
        TEST(textures_that_cannot_be_are_refused),
        TEST(the_memory_of_all_textures_is_limited),
        TEST(what_is_no_picture_is_on_no_screen),
        TEST(submits_cut_at_each_byte_are_errors),
        TEST(a_submit_may_be_as_scattered_as_a_chain_can_be),
        TEST(contexts_are_not_to_be_had_without_end),
        TEST(random_commands_never_crash),
    };
    log_set_level(getenv("VERBOSE") ? LOG_DEBUG : LOG_ERROR);
    return cmocka_run_group_tests(tests, virgl_bed_create, virgl_bed_destroy);
}
