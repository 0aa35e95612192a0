// SPDX-License-Identifier: MIT
/* qcow2 images on a host whose disk is full now and then, which grow. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/unit/block_bed.h"
#include "tests/unit/qemu_img.h"
#include "vmm/base/fd.h"

#define SIZE (4 * MIB)
#define OPS 400

static char dir[40];

/* How many more writes succeed before one finds no room; 0: all. That one writes its first half, where it is
 * long, and what is then asked for the rest finds none. */
static unsigned room;
static bool full;

#define REPLACED __attribute__((visibility("default")))

REPLACED ssize_t pwrite64(int fd, const void *buf, size_t len, off64_t offset)
{
    if (room > 0 && --room == 0)
        full = true;
    else if (!full)
        return syscall(SYS_pwrite64, fd, buf, len, offset);
    if (len >= 1024)
        return syscall(SYS_pwrite64, fd, buf, len / 2, offset);
    full = false;
    errno = ENOSPC;
    return -1;
}

REPLACED ssize_t pwritev64(int fd, const struct iovec *iov, int n, off64_t offset)
{
    ssize_t all = 0;
    for (int i = 0; i < n; i++) {
        ssize_t done = pwrite64(fd, iov[i].iov_base, iov[i].iov_len, offset + all);
        if (done < 0)
            return all > 0 ? all : done;
        all += done;
        if ((size_t)done < iov[i].iov_len)
            break;
    }
    return all;
}

static uint32_t rnd(uint64_t *seed, uint32_t n)
{
    *seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(*seed >> 33) % n;
}

static struct block_dev *open_disk(struct block_bed *bed, bool read_only)
{
    char path[64];
    snprintf(path, sizeof(path), "%s/a.qcow2", dir);
    struct block_dev *block =
        block_open(bed->aio, &(struct block_options){ .path = path, .read_only = read_only });
    assert_non_null(block);
    return block;
}

static void holds(struct block_bed *bed, struct block_dev *block, const uint8_t *disk, size_t size)
{
    uint8_t *buf = malloc(size);
    assert_int_equal(block->size, size);
    assert_int_equal(block_rw(bed, block, BLOCK_READ, 0, buf, size), 0);
    assert_memory_equal(buf, disk, size);
    free(buf);
}

/* What finds no room is tried again when there is some. Returns whether it found none. */
static bool operate(struct block_bed *bed, struct block_dev *block, uint8_t *disk, uint64_t *seed)
{
    uint32_t sector = rnd(seed, SIZE / 512), n = 1 + rnd(seed, rnd(seed, 6) ? 16 : 200);
    uint64_t at = sector * 512ull;
    size_t len = MIN(n, SIZE / 512 - sector) * 512;
    unsigned what = rnd(seed, 8);
    bool unmap = rnd(seed, 2), failed = false;
    int err;
    memset(disk + at, what < 2 ? 0 : (int)rnd(seed, 256), len);
    if (room == 0)
        room = 1 + rnd(seed, 12);
    do {
        err = what < 2 ? block_erase(bed, block, BLOCK_WRITE_ZEROES, at, len, unmap)
                       : block_rw(bed, block, BLOCK_WRITE, at, disk + at, len);
        if (err == 0 && what > 5)
            err = block_sync(bed, block);
        assert_true(err == 0 || err == -ENOSPC);
        failed |= err < 0;
        if (err < 0 && rnd(seed, 2)) {
            /* Other requests come meanwhile. */
            uint64_t other = rnd(seed, SIZE / 512) * 512ull;
            if (block_rw(bed, block, BLOCK_WRITE, other, disk + other, 512) < 0)
                assert_int_equal(block_rw(bed, block, BLOCK_WRITE, other, disk + other, 512), 0);
        }
    } while (err < 0);
    return failed;
}

static void nothing_is_lost_where_there_is_no_room(void **state)
{
    static const char *const options[] = { "cluster_size=64k", "cluster_size=512",
                                           "compat=0.10,cluster_size=4k",
                                           "cluster_size=1k,refcount_bits=1" };
    for (unsigned o = 0; o < ARRAY_LEN(options); o++) {
        struct block_bed bed;
        uint8_t *disk = calloc(1, SIZE);
        uint64_t seed = 5 + o;
        unsigned failures = 0;
        assert_int_equal(sh("qemu-img create -f qcow2 -o %s $D/a.qcow2 4M", options[o]), 0);
        block_bed_init(&bed, AIO_THREADS);
        struct block_dev *block = open_disk(&bed, false);
        for (unsigned i = 0; i < OPS; i++)
            failures += operate(&bed, block, disk, &seed);
        room = 0;
        holds(&bed, block, disk, SIZE);
        block_close(block);
        assert_true(failures > OPS / 16);
        assert_int_equal(sh("qemu-img check -f qcow2 $D/a.qcow2"), 0);
        block = open_disk(&bed, true);
        holds(&bed, block, disk, SIZE);
        block_close(block);
        block_bed_finish(&bed);
        free(disk);
    }
}

/* There is memory for 16 tables of 2 MiB, each of which has 512 GiB of the disk. */
static void reads_need_no_room(void **state)
{
    struct block_bed bed;
    uint8_t sector[512], buf[512];
    assert_int_equal(sh("rm -f $D/*; qemu-img create -f qcow2 -o cluster_size=2M $D/a.qcow2 10T"),
                     0);
    memset(sector, 3, sizeof(sector));
    block_bed_init(&bed, AIO_ANY);
    struct block_dev *block = open_disk(&bed, false);
    for (unsigned i = 0; i < 17; i++)
        assert_int_equal(block_rw(&bed, block, BLOCK_WRITE, i * (512ull << 30), sector, 512), 0);
    assert_int_equal(block_sync(&bed, block), 0);
    for (unsigned i = 0; i < 14; i++)
        assert_int_equal(
            block_rw(&bed, block, BLOCK_WRITE, i * (512ull << 30) + 2 * MIB, sector, 512), 0);
    /* The last one would have a table written that has changed. */
    room = 1;
    for (unsigned i = 14; i < 17; i++) {
        assert_int_equal(block_rw(&bed, block, BLOCK_READ, i * (512ull << 30), buf, 512), 0);
        assert_memory_equal(buf, sector, 512);
    }
    assert_int_equal(room, 0);
    block_close(block);
    block_bed_finish(&bed);
    assert_int_equal(sh("qemu-img check -f qcow2 $D/a.qcow2"), 0);
}

/* There is memory for 4096 refcount blocks, each of which counts 32 KiB; one cluster in each of more is given back. */
static void a_flush_that_frees_much_goes_on_when_there_is_room(void **state)
{
    struct block_bed bed;
    uint64_t size = 150 * MIB, seed = 1;
    unsigned failures = 0;
    assert_int_equal(sh("rm -f $D/*; qemu-img create -f qcow2 -o cluster_size=512,refcount_bits=64,"
                        "preallocation=metadata $D/a.qcow2 150M"),
                     0);
    block_bed_init(&bed, AIO_ANY);
    struct block_dev *block = open_disk(&bed, false);
    for (uint64_t at = 0; at < size; at += 32 * KIB)
        assert_int_equal(block_erase(&bed, block, BLOCK_DISCARD, at, 512, true), 0);
    int err;
    do {
        room = 1 + rnd(&seed, 4000);
        err = block_sync(&bed, block);
        assert_true(err == 0 || err == -ENOSPC);
        failures += err < 0;
    } while (err < 0);
    room = 0;
    assert_true(failures > 5);
    block_close(block);
    block_bed_finish(&bed);
    assert_int_equal(sh("qemu-img check -f qcow2 $D/a.qcow2"), 0);
}

/* A driver that writes, discards and never flushes. */
static void what_was_freed_is_used_again(void **state)
{
    struct block_bed bed;
    struct stat st;
    char path[64];
    uint8_t sector[512];
    assert_int_equal(sh("rm -f $D/*; qemu-img create -f qcow2 -o cluster_size=2M $D/a.qcow2 8M"),
                     0);
    snprintf(path, sizeof(path), "%s/a.qcow2", dir);
    memset(sector, 3, sizeof(sector));
    block_bed_init(&bed, AIO_ANY);
    struct block_dev *block = open_disk(&bed, false);
    for (unsigned i = 0; i < 1200; i++) {
        assert_int_equal(block_rw(&bed, block, BLOCK_WRITE, 0, sector, sizeof(sector)), 0);
        assert_int_equal(block_erase(&bed, block, BLOCK_DISCARD, 0, 2 * MIB, true), 0);
    }
    assert_int_equal(stat(path, &st), 0);
    assert_true((uint64_t)st.st_size < 1100 * MIB);
    block_close(block);
    block_bed_finish(&bed);
    assert_int_equal(sh("qemu-img check -f qcow2 $D/a.qcow2"), 0);
}

/* How it is made, in the shell; and the size that it has then. */
static const struct growing {
    const char *make;
    size_t size;
} growing[] = {
    { "qemu-img create -f qcow2 $D/a.qcow2 1M", MIB },
    { "qemu-img create -f qcow2 -o cluster_size=512 $D/a.qcow2 1M", MIB },
    { "qemu-img create -f qcow2 -o compat=0.10,cluster_size=4k $D/a.qcow2 1M", MIB },
    { "qemu-img create -f qcow2 $D/a.qcow2 1M && qemu-img snapshot -c s $D/a.qcow2", MIB },
    /* It was longer, and what it held is there still. */
    { "qemu-img create -f qcow2 $D/a.qcow2 2M && qemu-io -f qcow2 -c 'write -P 5 0 2M' $D/a.qcow2 "
      "&& "
      "qemu-img resize -f qcow2 --shrink $D/a.qcow2 992k",
      992 * KIB },
    /* Its last cluster is half behind its end; the backing file is longer, and shines through nowhere. */
    { "head -c 3M /dev/urandom >$D/base && qemu-img create -f qcow2 -F raw -b base "
      "-o cluster_size=64k $D/a.qcow2 992k",
      992 * KIB },
    { "head -c 3M /dev/urandom >$D/base && qemu-img create -f qcow2 -F raw -b base "
      "-o compat=0.10,cluster_size=4k $D/a.qcow2 1022k",
      1022 * KIB },
};

static void grow(const struct growing *g)
{
    struct block_bed bed;
    size_t first = g->size + 512 * 3, last = 8 * MIB;
    uint8_t *disk = calloc(1, last), *buf = malloc(last);
    assert_int_equal(sh("rm -f $D/*; %s", g->make), 0);
    block_bed_init(&bed, AIO_ANY);
    struct block_dev *block = open_disk(&bed, false);
    assert_int_equal(block->size, g->size);
    assert_int_equal(block_rw(&bed, block, BLOCK_READ, 0, disk, g->size), 0);
    memset(disk + g->size - 1024, 7, 1024);
    assert_int_equal(
        block_rw(&bed, block, BLOCK_WRITE, g->size - 1024, disk + g->size - 1024, 1024), 0);
    assert_int_equal(block->ops->resize(block, g->size - 512), -EINVAL);
    assert_int_equal(block->ops->resize(block, first), 0);
    holds(&bed, block, disk, first);
    assert_int_equal(block->ops->resize(block, last), 0);
    assert_int_equal(block->ops->resize(block, 1ull << 62), -EFBIG);
    holds(&bed, block, disk, last);
    memset(disk + last - 3 * MIB, 9, 3 * MIB);
    assert_int_equal(
        block_rw(&bed, block, BLOCK_WRITE, last - 3 * MIB, disk + last - 3 * MIB, 3 * MIB), 0);
    block_close(block);
    block = open_disk(&bed, true);
    holds(&bed, block, disk, last);
    assert_int_equal(block->ops->resize(block, 2 * last), -EOPNOTSUPP);
    block_close(block);
    block_bed_finish(&bed);
    assert_int_equal(sh("qemu-img check -f qcow2 $D/a.qcow2"), 0);
    assert_int_equal(sh("qemu-img info $D/a.qcow2 | grep -q '8388608 bytes'"), 0);
    free(disk);
    free(buf);
}

static void a_disk_grows(void **state)
{
    for (unsigned i = 0; i < ARRAY_LEN(growing); i++)
        grow(&growing[i]);
}

/* Its snapshots would take the new size for theirs. */
static void version_2_with_snapshots_does_not_grow(void **state)
{
    struct block_bed bed;
    assert_int_equal(sh("qemu-img create -f qcow2 -o compat=0.10 $D/a.qcow2 1M && "
                        "qemu-img snapshot -c s $D/a.qcow2"),
                     0);
    block_bed_init(&bed, AIO_ANY);
    struct block_dev *block = open_disk(&bed, false);
    assert_int_equal(block->ops->resize(block, 2 * MIB), -EOPNOTSUPP);
    assert_int_equal(block->size, MIB);
    block_close(block);
    block_bed_finish(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(nothing_is_lost_where_there_is_no_room),
                                        cmocka_unit_test(reads_need_no_room),
                                        cmocka_unit_test(
                                            a_flush_that_frees_much_goes_on_when_there_is_room),
                                        cmocka_unit_test(what_was_freed_is_used_again),
                                        cmocka_unit_test(a_disk_grows),
                                        cmocka_unit_test(version_2_with_snapshots_does_not_grow) };
    int status = begin_images(dir, sizeof(dir));
    if (status != 0)
        return status;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sh("rm -rf $D");
    return failed;
}
