// SPDX-License-Identifier: MIT
/* Guest blobs beside a renderer: it knows each by its id and pages as long as it has any, and a guest that
 * gets their order wrong does no harm. */
#include <string.h>

#include "gpu/gl/virgl_compat.h"
#include "tests/device/virgl_bed.h"
#include "tests/test.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

#define OK VIRTIO_GPU_RESP_OK_NODATA
#define PARAMETER VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER
#define PAGE 4096u

static const struct virtio_gpu_mem_entry pages[] = {
    { .addr = BED_PIXELS_GPA + 3 * PAGE, .length = PAGE },
    { .addr = BED_PIXELS_GPA, .length = PAGE },
};

static uint32_t attach(struct bed *bed, uint32_t ctx, uint32_t id)
{
    return guest_simple(bed, VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, ctx, id);
}

static uint32_t detach(struct bed *bed, uint32_t ctx, uint32_t id)
{
    return guest_simple(bed, VIRTIO_GPU_CMD_CTX_DETACH_RESOURCE, ctx, id);
}

/* Whether virglrenderer knows a blob, whose pages are the guest's cached memory. */
static bool is_known(uint32_t id)
{
    uint32_t map_info = 0;

    if (virgl_renderer_resource_get_map_info(id, &map_info) != 0)
        return false;
    assert_int_equal(map_info, VIRGL_RENDERER_MAP_CACHE_CACHED);
    return true;
}

/* Asks for a blob to be a picture of a context's, which only those that are dmabufs can be. */
static uint32_t set_type(struct bed *bed, uint32_t ctx, uint32_t id)
{
    enum { PIPE_RESOURCE_SET_TYPE = 49, WORDS = 10 };
    const uint32_t words[1 + WORDS] = {
        PIPE_RESOURCE_SET_TYPE | WORDS << 16,
        id,
        FORMAT_BGRA,
        BIND_SAMPLER_VIEW,
        /* width, height, usage, modifier (2), stride, offset */
        16,
        16,
        0,
        0,
        0,
        64,
        0,
    };
    return guest_submit(bed, ctx, words, ARRAY_LEN(words));
}

static void draws_still(struct bed *bed)
{
    uint32_t words[CLEAR_WORDS];
    uint32_t *pixels = bed_ram(bed, BED_PIXELS_GPA);

    guest_scene(bed, 1000, 1000, 16, 16);
    guest_clear_words(words, 1, 1000, 0, 1, 0);
    assert_int_equal(guest_submit(bed, 1000, words, CLEAR_WORDS), OK);
    assert_int_equal(guest_transfer(bed, 1000, 1000, 16, 16, false), OK);
    assert_int_equal(pixels[255], 0xff00ff00);
    assert_int_equal(guest_simple(bed, VIRTIO_GPU_CMD_CTX_DESTROY, 1000, 0), OK);
    assert_int_equal(bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, 1000), OK);
}

static void the_renderer_knows_a_blob_while_it_has_pages(void **state)
{
    struct bed *bed = *state;

    assert_int_equal(bed_create_blob(bed, 1, 2 * PAGE, pages, 2), OK);
    assert_true(is_known(1));
    assert_int_equal(bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, 1), OK);
    assert_false(is_known(1));
    assert_int_equal(bed_attach(bed, 1, pages, 2), OK);
    assert_true(is_known(1));
    assert_int_equal(bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, 1), OK);
    assert_false(is_known(1));

    assert_int_equal(bed_create_blob(bed, 2, PAGE, NULL, 0), OK);
    assert_false(is_known(2));
    assert_int_equal(bed_attach(bed, 2, pages, 1), OK);
    assert_true(is_known(2));
    /* Its id is taken for all kinds of resources. */
    assert_int_equal(guest_texture(bed, 2, 16, 16), VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    assert_int_equal(bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, 2), OK);
    assert_int_equal(guest_texture(bed, 2, 16, 16), OK);
    draws_still(bed);
}

static void a_blob_that_is_refused_is_unknown(void **state)
{
    struct bed *bed = *state;
    const struct virtio_gpu_mem_entry outside = { .addr = UINT64_MAX - PAGE, .length = PAGE };

    assert_int_equal(bed_create_blob(bed, 1, 2 * PAGE + 1, pages, 2), PARAMETER);
    assert_int_equal(bed_create_blob(bed, 1, UINT64_MAX, pages, 2), PARAMETER);
    assert_int_equal(bed_create_blob(bed, 1, PAGE, &outside, 1), PARAMETER);
    assert_false(is_known(1));
    assert_int_equal(bed_create_blob(bed, 1, 2 * PAGE, NULL, 0), OK);
    assert_int_equal(bed_attach(bed, 1, pages, 1), PARAMETER);
    assert_false(is_known(1));
    assert_int_equal(bed_attach(bed, 1, pages, 2), OK);
    assert_true(is_known(1));
    draws_still(bed);
}

static void a_stop_takes_blobs_with_it(void **state)
{
    struct bed *bed = *state;

    assert_int_equal(bed_create_blob(bed, 1, 2 * PAGE, pages, 2), OK);
    assert_int_equal(guest_context(bed, 1), OK);
    assert_int_equal(attach(bed, 1, 1), OK);
    bed_stop(bed);
    bed_start(bed);
    assert_false(is_known(1));
    assert_int_equal(bed_create_blob(bed, 1, 2 * PAGE, pages, 2), OK);
    assert_true(is_known(1));
    draws_still(bed);
}

/* What a context has noted goes with the blob, however often and in whatever order. */
static void contexts_forget_blobs_that_are_gone(void **state)
{
    struct bed *bed = *state;

    for (unsigned round = 0; round < 24; round++) {
        const uint32_t first = 1, second = 2;
        assert_int_equal(guest_context(bed, 1), OK);
        assert_int_equal(guest_context(bed, 2), OK);
        assert_int_equal(bed_create_blob(bed, first, 2 * PAGE, pages, 2), OK);
        assert_int_equal(bed_create_blob(bed, second, PAGE, pages, 1), OK);
        for (unsigned i = 0; i <= round % 4; i++) {
            assert_int_equal(attach(bed, 1, first), OK);
            assert_int_equal(attach(bed, 1, second), OK);
            assert_int_equal(attach(bed, 2, first), OK);
        }
        if (round % 3 == 1)
            assert_int_equal(detach(bed, 1, first), OK);
        if (round % 3 == 2)
            assert_int_equal(detach(bed, 2, second), OK); /* never attached */
        if (round % 2)
            assert_int_equal(bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, first), OK);
        else
            assert_int_equal(bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, first), OK);
        /* Whoever still has it noted would look at it now. */
        assert_int_equal(set_type(bed, 1, 77), PARAMETER);
        assert_int_equal(set_type(bed, 2, first), PARAMETER);
        assert_int_equal(attach(bed, 1, first),
                         round % 2 ? OK : VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
        assert_int_equal(guest_simple(bed, VIRTIO_GPU_CMD_CTX_DESTROY, 1, 0), OK);
        assert_int_equal(bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, second), OK);
        if (round % 2)
            assert_int_equal(bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, first), OK);
        assert_int_equal(guest_simple(bed, VIRTIO_GPU_CMD_CTX_DESTROY, 2, 0), OK);
    }
    draws_still(bed);
}

static void a_blob_is_no_texture(void **state)
{
    struct bed *bed = *state;

    assert_int_equal(bed_create_blob(bed, 1, 2 * PAGE, pages, 2), OK);
    assert_int_equal(guest_context(bed, 1), OK);
    assert_int_equal(attach(bed, 1, 1), OK);
    assert_int_equal(guest_transfer(bed, 1, 1, 16, 16, true),
                     VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    assert_int_equal(guest_transfer(bed, 1, 1, 16, 16, false),
                     VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID);
    assert_int_equal(set_type(bed, 1, 1), PARAMETER);
    assert_int_equal(set_type(bed, 1, 1), PARAMETER);
    assert_true(is_known(1));
    draws_still(bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, virgl_bed_start, virgl_bed_stop)
        TEST(the_renderer_knows_a_blob_while_it_has_pages),
        TEST(a_blob_that_is_refused_is_unknown),
        TEST(a_stop_takes_blobs_with_it),
        TEST(contexts_forget_blobs_that_are_gone),
        TEST(a_blob_is_no_texture),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, virgl_bed_create, virgl_bed_destroy);
}
