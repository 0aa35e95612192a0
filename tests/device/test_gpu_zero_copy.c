// SPDX-License-Identifier: MIT
/* Guest memory shown as it is. /dev/udmabuf is played by this file (its functions take the place of
 * gpu/udmabuf.c's), so that which ranges are asked for can be seen without the device. */
#include <drm_fourcc.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gpu/udmabuf.h"
#include "tests/device/gpu_bed.h"
#include "tests/test.h"
#include "vmm/base/util.h"

#define OK VIRTIO_GPU_RESP_OK_NODATA
#define W 64u
#define H 32u
#define FULL (W * H * 4)
#define PAGE 4096u

static struct {
    unsigned creates, n_ranges;
    bool refuse;
    struct udmabuf_range range[UDMABUF_MAX_RANGES];
} fake;

int udmabuf_open(void)
{
    memset(&fake, 0, sizeof(fake));
    return open("/dev/null", O_RDWR | O_CLOEXEC);
}

int udmabuf_create(int device, const struct udmabuf_range *ranges, unsigned n)
{
    fake.creates++;
    if (fake.refuse)
        return -EINVAL;
    fake.n_ranges = n;
    memcpy(fake.range, ranges, n * sizeof(*ranges));
    return fcntl(ranges[0].fd, F_DUPFD_CLOEXEC, 3);
}

static struct virtio_gpu_rect rect(uint32_t x, uint32_t y, uint32_t w, uint32_t h)
{
    return (struct virtio_gpu_rect){ .x = x, .y = y, .width = w, .height = h };
}

static const struct display_format linear[] = {
    { DRM_FORMAT_ARGB8888, DRM_FORMAT_MOD_LINEAR },
    { DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_INVALID },
    { DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_LINEAR },
};

static void make_blob(struct bed *bed, uint32_t id)
{
    struct virtio_gpu_mem_entry e[2] = {
        { .addr = BED_PIXELS_GPA + id * 0x10000, .length = PAGE },
        { .addr = BED_PIXELS_GPA + id * 0x10000 + PAGE, .length = PAGE },
    };
    assert_int_equal(bed_create_blob(bed, id, FULL, e, 2), OK);
}

static void show(struct bed *bed, uint32_t id)
{
    assert_int_equal(bed_set_scanout_blob(bed, 0, id, W, H), OK);
}

static void a_hundred_flips_copy_nothing_and_make_two_buffers(void **state)
{
    struct bed *bed = *state;

    bed_formats(bed, linear, ARRAY_LEN(linear));
    make_blob(bed, 1);
    make_blob(bed, 2);
    for (unsigned i = 0; i < 100; i++) {
        show(bed, 1 + i % 2);
        assert_int_equal(bed_flush(bed, 1 + i % 2, rect(0, 0, W, H)), OK);
        const struct frame *f = bed_last(bed);
        assert_int_equal(f->copied, 0);
        assert_int_equal(f->buffer->kind, FRAME_BUFFER_DMABUF);
        assert_int_equal(f->buffer->path, FRAME_PATH_UDMABUF);
        assert_int_equal(f->buffer->fourcc, DRM_FORMAT_XRGB8888);
        assert_int_equal(f->buffer->modifier, DRM_FORMAT_MOD_LINEAR);
        assert_int_equal(f->buffer->plane[0].stride, W * 4);
        bed_done(bed, 0, f->seq);
    }
    assert_int_equal(bed->n_frames, 100);
    assert_int_equal(fake.creates, 2);
}

static void neighbouring_pages_are_one_range(void **state)
{
    struct bed *bed = *state;
    struct virtio_gpu_mem_entry e[4] = {
        { .addr = BED_PIXELS_GPA + 0x8000, .length = PAGE },
        { .addr = BED_PIXELS_GPA + 0x9000, .length = 2 * PAGE },
        { .addr = BED_PIXELS_GPA + 0x1000, .length = PAGE },
        { .addr = BED_PIXELS_GPA, .length = PAGE },
    };

    bed_formats(bed, linear, ARRAY_LEN(linear));
    assert_int_equal(bed_create_blob(bed, 1, 5 * PAGE, e, 4), OK);
    show(bed, 1);
    assert_int_equal(bed_flush(bed, 1, rect(0, 0, W, H)), OK);
    assert_int_equal(fake.n_ranges, 3);
    assert_int_equal(fake.range[0].size, 3 * PAGE);
    int fd;
    uint64_t offset;
    assert_true(guest_mem_locate(&bed->mem, BED_PIXELS_GPA + 0x8000, 1, &fd, &offset));
    assert_int_equal(fake.range[0].fd, fd);
    assert_int_equal(fake.range[0].offset, offset);
    assert_int_equal(fake.range[2].offset, offset - 0x8000);
}

static void pages_that_do_not_fit_are_copied(void **state)
{
    struct bed *bed = *state;
    struct virtio_gpu_mem_entry odd = { .addr = BED_PIXELS_GPA + 16, .length = FULL };
    struct virtio_gpu_mem_entry many[UDMABUF_MAX_RANGES + 1];

    bed_formats(bed, linear, ARRAY_LEN(linear));
    assert_int_equal(bed_create_blob(bed, 1, FULL, &odd, 1), OK);
    show(bed, 1);
    assert_int_equal(bed_flush(bed, 1, rect(0, 0, W, H)), OK);
    assert_int_equal(bed_last(bed)->buffer->kind, FRAME_BUFFER_SHM);
    bed_done(bed, 0, 1);

    for (unsigned i = 0; i < ARRAY_LEN(many); i++)
        many[i] =
            (struct virtio_gpu_mem_entry){ .addr = BED_PIXELS_GPA + i * 2 * PAGE, .length = PAGE };
    assert_int_equal(bed_create_blob(bed, 2, FULL, many, ARRAY_LEN(many)), OK);
    show(bed, 2);
    assert_int_equal(bed_flush(bed, 2, rect(0, 0, W, H)), OK);
    assert_int_equal(bed_last(bed)->buffer->kind, FRAME_BUFFER_SHM);
    bed_done(bed, 0, 2);
    assert_int_equal(fake.creates, 0);
    assert_int_equal(bed_create_blob(bed, 3, FULL, many, ARRAY_LEN(many) - 1), OK);
    show(bed, 3);
    assert_int_equal(bed_flush(bed, 3, rect(0, 0, W, H)), OK);
    assert_int_equal(bed_last(bed)->buffer->kind, FRAME_BUFFER_DMABUF);
    assert_int_equal(fake.n_ranges, UDMABUF_MAX_RANGES);
}

static void a_refusal_is_asked_for_once_and_copied(void **state)
{
    struct bed *bed = *state;

    bed_formats(bed, linear, ARRAY_LEN(linear));
    fake.refuse = true;
    make_blob(bed, 1);
    show(bed, 1);
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(bed_flush(bed, 1, rect(0, 0, W, H)), OK);
        assert_int_equal(bed_last(bed)->buffer->kind, FRAME_BUFFER_SHM);
        bed_done(bed, 0, i);
    }
    assert_int_equal(fake.creates, 1);
}

static void a_failed_import_is_copied_at_once_until_the_layout_changes(void **state)
{
    struct bed *bed = *state;

    bed_formats(bed, linear, ARRAY_LEN(linear));
    make_blob(bed, 1);
    make_blob(bed, 2);
    bed_ram(bed, BED_PIXELS_GPA + 0x10000)[5] = 0x5555;
    show(bed, 1);
    struct bed_pending p = bed_flush_fenced(bed, 1, rect(0, 0, W, H), 3);
    assert_int_equal(bed_last(bed)->buffer->kind, FRAME_BUFFER_DMABUF);
    bed->producer->events->import_failed(bed->producer, bed_last(bed)->buffer);
    assert_int_equal(bed->n_frames, 2);
    assert_int_equal(bed_last(bed)->buffer->kind, FRAME_BUFFER_SHM);
    assert_int_equal(bed_last(bed)->copied, FULL);
    assert_int_equal(bed_pixel(bed_last(bed), 5, 0), 0x5555);
    bed_done(bed, 0, 1);
    assert_false(bed_answered(bed, &p, NULL));
    bed_done(bed, 0, 2);
    assert_true(bed_answered(bed, &p, NULL));

    show(bed, 2);
    assert_int_equal(bed_flush(bed, 2, rect(0, 0, W, H)), OK);
    assert_int_equal(bed_last(bed)->buffer->kind, FRAME_BUFFER_SHM);
    bed_done(bed, 0, 3);
    assert_int_equal(bed_set_scanout_blob(bed, 0, 1, W / 2, H), OK);
    assert_int_equal(bed_flush(bed, 1, rect(0, 0, W, H)), OK);
    assert_int_equal(bed_last(bed)->buffer->kind, FRAME_BUFFER_DMABUF);
}

static void formats_that_come_late_end_the_copying(void **state)
{
    struct bed *bed = *state;

    make_blob(bed, 1);
    show(bed, 1);
    assert_int_equal(bed_flush(bed, 1, rect(0, 0, W, H)), OK);
    assert_int_equal(bed_last(bed)->buffer->kind, FRAME_BUFFER_SHM);
    bed_formats(bed, linear, ARRAY_LEN(linear));
    assert_int_equal(bed->n_frames, 2);
    assert_int_equal(bed_last(bed)->buffer->kind, FRAME_BUFFER_DMABUF);
    assert_int_equal(bed_last(bed)->copied, 0);
    bed_done(bed, 0, 1);
    bed_done(bed, 0, 2);
    bed_formats(bed, linear, 1); /* no X-format any more */
    assert_int_equal(bed_last(bed)->buffer->kind, FRAME_BUFFER_SHM);
}

static void an_implicit_modifier_is_used_where_there_is_no_other(void **state)
{
    struct bed *bed = *state;

    bed_formats(bed, linear, 2);
    make_blob(bed, 1);
    show(bed, 1);
    assert_int_equal(bed_flush(bed, 1, rect(0, 0, W, H)), OK);
    assert_true(bed_last(bed)->buffer->modifier == DRM_FORMAT_MOD_INVALID);
}

static void a_host_resource_is_copied_once(void **state)
{
    struct bed *bed = *state;
    struct virtio_gpu_mem_entry entry = { .addr = BED_PIXELS_GPA, .length = FULL };

    bed_formats(bed, linear, ARRAY_LEN(linear));
    assert_int_equal(bed_create_2d(bed, 1, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, W, H), OK);
    assert_int_equal(bed_attach(bed, 1, &entry, 1), OK);
    assert_int_equal(bed_set_scanout(bed, 0, 1, rect(0, 0, W, H)), OK);
    bed_ram(bed, BED_PIXELS_GPA)[W] = 0x77;
    assert_int_equal(bed_transfer(bed, 1, rect(0, 0, W, H), 0), OK);
    assert_int_equal(bed_flush(bed, 1, rect(0, 0, W, H)), OK);
    assert_int_equal(bed_last(bed)->buffer->kind, FRAME_BUFFER_DMABUF);
    assert_int_equal(bed_last(bed)->copied, FULL);
    assert_int_equal(bed_pixel(bed_last(bed), 0, 1), 0x77);
    bed_done(bed, 0, 1);
    assert_int_equal(bed_flush(bed, 1, rect(0, 0, W, H)), OK);
    assert_int_equal(bed_last(bed)->copied, 0);
    assert_int_equal(fake.creates, 1);
    bed->producer->events->import_failed(bed->producer, bed_last(bed)->buffer);
    assert_int_equal(bed_last(bed)->buffer->kind, FRAME_BUFFER_SHM);
    assert_int_equal(bed_last(bed)->copied, 0);
    assert_int_equal(bed_pixel(bed_last(bed), 0, 1), 0x77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_set_up, bed_tear_down)
        TEST(a_hundred_flips_copy_nothing_and_make_two_buffers),
        TEST(neighbouring_pages_are_one_range),
        TEST(pages_that_do_not_fit_are_copied),
        TEST(a_refusal_is_asked_for_once_and_copied),
        TEST(a_failed_import_is_copied_at_once_until_the_layout_changes),
        TEST(formats_that_come_late_end_the_copying),
        TEST(an_implicit_modifier_is_used_where_there_is_no_other),
        TEST(a_host_resource_is_copied_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
