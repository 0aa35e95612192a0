// SPDX-License-Identifier: MIT
/* qcow2 images that were cut off, or whose tables lie: an error, never more. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/qcow2_target.h"
#include "tests/unit/block_bed.h"
#include "tests/unit/qemu_img.h"
#include "vmm/base/fd.h"

static char dir[40];

struct image {
    uint8_t *data;
    size_t len;
};

static struct image make(const char *options, const char *io)
{
    char path[64];
    struct image image;
    assert_int_equal(
        sh("rm -f $D/* && qemu-img create -f qcow2 -o %s $D/a 64k && qemu-io -f qcow2 %s "
           "$D/a",
           options, io),
        0);
    snprintf(path, sizeof(path), "%s/a", dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    image.len = (size_t)lseek(fd, 0, SEEK_END);
    image.data = malloc(image.len);
    assert_int_equal(fd_pread_full(fd, image.data, image.len, 0), 0);
    close(fd);
    return image;
}

static void an_image_may_be_cut_off_anywhere(void **state)
{
    struct image image = make("cluster_size=512", "-c 'write 0 4k' -c 'write -z 8k 4k'");
    assert_true(qcow2_target(image.data, image.len));
    for (size_t len = 0; len < image.len; len += len < 128 || getenv("VITRINE_FULL") ? 1 : 61)
        qcow2_target(image.data, len);
    free(image.data);
}

static void put_size(uint8_t *image, uint64_t size)
{
    size = __builtin_bswap64(size);
    memcpy(image + 24, &size, 8);
}

static void a_size_that_no_disk_has_is_refused(void **state)
{
    static const uint64_t sizes[] = { 0,          1,          511,
                                      65537,      1ull << 63, (1ull << 63) - 512,
                                      UINT64_MAX, 0 - 512ull, 1ull << 62,
                                      1ull << 55 };
    static const char *const options[] = { "cluster_size=512", "cluster_size=2M", "compat=0.10" };
    for (unsigned o = 0; o < ARRAY_LEN(options); o++) {
        struct image image = make(options[o], "-c 'write 0 4k'");
        assert_true(qcow2_target(image.data, image.len));
        for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
            put_size(image.data, sizes[i]);
            assert_false(qcow2_target(image.data, image.len));
        }
        free(image.data);
    }
}

/* Each field of the header, and each byte of the tables, with what is worst. */
static void every_field_may_lie(void **state)
{
    static const char *const options[] = { "cluster_size=512", "cluster_size=512,compat=0.10",
                                           "cluster_size=1k,refcount_bits=1" };
    static const uint64_t worst[] = { 0,
                                      1,
                                      0x200,
                                      0x1ff,
                                      INT64_MAX,
                                      UINT64_MAX,
                                      1ull << 63,
                                      (1ull << 63) | 0x200,
                                      (1ull << 62) | 0x3ff,
                                      1ull << 55 };
    unsigned opened = 0;
    for (unsigned o = 0; o < ARRAY_LEN(options); o++) {
        struct image image = make(options[o], "-c 'write 0 4k' -c 'write 20k 4k'");
        uint8_t *copy = malloc(image.len);
        for (size_t at = 0; at + 8 <= image.len; at += at < 112 ? 4 : 8) {
            uint8_t old[8];
            memcpy(old, image.data + at, 8);
            if (at >= 112 && memcmp(old, "\0\0\0\0\0\0\0\0", 8) == 0 && at % 512)
                continue;
            /* In turn, but for the header: all of them take a minute. */
            bool all = at < 112 || getenv("VITRINE_FULL");
            for (unsigned i = all ? 0 : (unsigned)(at / 8 % 4); i < ARRAY_LEN(worst);
                 i += all ? 1 : 4) {
                uint64_t value = __builtin_bswap64(worst[i]);
                memcpy(copy, image.data, image.len);
                memcpy(copy + at, (uint8_t *)&value + (at < 112 && i % 2 ? 4 : 0),
                       at < 112 ? 4 : 8);
                opened += qcow2_target(copy, image.len);
            }
        }
        free(copy);
        free(image.data);
    }
    assert_true(opened > 500);
}

static void a_lie_marks_the_image_and_ends_its_writes(void **state)
{
    struct block_bed bed;
    char path[64];
    uint8_t sector[512] = "x", feature;
    struct image image = make("cluster_size=64k", "-c 'write 0 64k'");
    snprintf(path, sizeof(path), "%s/a", dir);
    /* The refcount of every cluster that there is says: free. */
    memset(image.data + 2 * 65536, 0, 65536);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(fd_pwrite_full(fd, image.data, image.len, 0), 0);
    assert_int_equal(fd_pwrite_full(fd, image.data, image.len, 0), 0);
    block_bed_init(&bed, AIO_ANY);
    struct block_dev *block = block_open(bed.aio, &(struct block_options){ .path = path });
    assert_non_null(block);
    assert_int_equal(block_rw(&bed, block, BLOCK_READ, 0, sector, sizeof(sector)), 0);
    assert_int_equal(block_erase(&bed, block, BLOCK_DISCARD, 0, 65536, false), -EIO);
    assert_int_equal(block_rw(&bed, block, BLOCK_WRITE, 0, sector, sizeof(sector)), -EIO);
    assert_int_equal(block_sync(&bed, block), -EIO);
    block_close(block);
    assert_int_equal(fd_pread_full(fd, &feature, 1, 79), 0);
    assert_int_equal(feature, 2);
    assert_null(block_open(bed.aio, &(struct block_options){ .path = path }));
    block_bed_finish(&bed);
    close(fd);
    free(image.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_may_be_cut_off_anywhere),
        cmocka_unit_test(a_size_that_no_disk_has_is_refused),
        cmocka_unit_test(every_field_may_lie),
        cmocka_unit_test(a_lie_marks_the_image_and_ends_its_writes),
    };
    int status = begin_images(dir, sizeof(dir));
    if (status != 0)
        return status;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sh("rm -rf $D");
    return failed;
}
