// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/test.h"
#include "tests/unit/block_bed.h"
#include "vmm/base/fd.h"

#define SIZE 65536

struct bed {
    struct block_bed base;
    char path[64];
    int fd;
};

/* The whole file runs with each of the two. */
static enum aio_kind kind;

static int set_up(void **state)
{
    struct bed *bed = calloc(1, sizeof(*bed));
    strcpy(bed->path, "/tmp/vitrine-raw-XXXXXX");
    bed->fd = mkstemp(bed->path);
    assert_true(bed->fd >= 0);
    assert_int_equal(ftruncate(bed->fd, SIZE), 0);
    block_bed_init(&bed->base, kind);
    *state = bed;
    return 0;
}

static int tear_down(void **state)
{
    struct bed *bed = *state;
    block_bed_finish(&bed->base);
    close(bed->fd);
    unlink(bed->path);
    free(bed);
    return 0;
}

static struct block_dev *open_image(struct bed *bed, const char *path, bool read_only)
{
    return block_open(bed->base.aio,
                      &(struct block_options){ .path = path, .read_only = read_only });
}

static struct block_dev *open_as(struct bed *bed, enum block_format format, bool direct)
{
    return block_open(bed->base.aio, &(struct block_options){
                                         .path = bed->path, .format = format, .direct = direct });
}

static int submit(struct bed *bed, struct block_dev *block, enum block_op op, uint64_t offset,
                  const struct iovec *iov, unsigned n)
{
    return block_do(&bed->base, block,
                    (struct block_req){ .op = op, .offset = offset, .iov = iov, .n_iov = n });
}

static void what_was_written_is_read(void **state)
{
    struct bed *bed = *state;
    struct block_dev *block = open_image(bed, bed->path, false);
    assert_non_null(block);
    assert_int_equal(block->size, SIZE);
    assert_int_equal(block->block_size, 512);
    assert_false(block->read_only);
    char a[300], b[724], back[1024];
    memset(a, 'a', sizeof(a));
    memset(b, 'b', sizeof(b));
    const struct iovec out[] = { { a, sizeof(a) }, { b, sizeof(b) } };
    const struct iovec in[] = { { back, 1000 }, { back + 1000, 24 } };
    assert_int_equal(submit(bed, block, BLOCK_WRITE, SIZE - 1024, out, 2), 0);
    assert_int_equal(submit(bed, block, BLOCK_FLUSH, 0, NULL, 0), 0);
    assert_int_equal(submit(bed, block, BLOCK_READ, SIZE - 1024, in, 2), 0);
    assert_memory_equal(back, a, 300);
    assert_memory_equal(back + 300, b, 724);
    block_close(block);

    char file[1024];
    assert_int_equal(fd_pread_full(bed->fd, file, sizeof(file), SIZE - 1024), 0);
    assert_memory_equal(file, back, sizeof(file));
}

static void a_file_that_shrank_answers_with_an_error(void **state)
{
    struct bed *bed = *state;
    struct block_dev *block = open_image(bed, bed->path, false);
    assert_int_equal(ftruncate(bed->fd, SIZE / 2 + 100), 0);
    char back[1024];
    const struct iovec in[] = { { back, 512 }, { back + 512, 512 } };
    assert_int_equal(submit(bed, block, BLOCK_READ, 0, in, 2), 0);
    assert_int_equal(submit(bed, block, BLOCK_READ, SIZE / 2, in, 2), -EIO);
    assert_int_equal(submit(bed, block, BLOCK_READ, SIZE - 1024, in, 2), -EIO);
    block_close(block);
}

static void a_read_only_disk_is_never_written(void **state)
{
    struct bed *bed = *state;
    struct block_dev *block = open_image(bed, bed->path, true);
    assert_true(block->read_only);
    char data[512] = "x";
    const struct iovec iov = { data, sizeof(data) };
    assert_int_equal(submit(bed, block, BLOCK_WRITE, 0, &iov, 1), -EBADF);
    block_close(block);
}

static void what_is_no_disk_is_refused(void **state)
{
    struct bed *bed = *state;
    assert_null(open_image(bed, "/tmp", true));
    assert_null(open_image(bed, "/dev/null", false));
    assert_null(open_image(bed, "/nonexistent/disk", false));
    assert_int_equal(ftruncate(bed->fd, 0), 0);
    assert_null(open_image(bed, bed->path, false));
    assert_int_equal(ftruncate(bed->fd, 1000), 0);
    assert_null(open_image(bed, bed->path, false));
    char fifo[80];
    snprintf(fifo, sizeof(fifo), "%s.fifo", bed->path);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_null(open_image(bed, fifo, true)); /* and does not wait for a writer */
    unlink(fifo);
}

static void a_disk_has_one_writer_or_many_readers(void **state)
{
    struct bed *bed = *state;
    struct block_dev *reader = open_image(bed, bed->path, true);
    struct block_dev *second = open_image(bed, bed->path, true);
    assert_non_null(second);
    assert_null(open_image(bed, bed->path, false));
    block_close(reader);
    block_close(second);
    struct block_dev *writer = open_image(bed, bed->path, false);
    assert_non_null(writer);
    assert_null(open_image(bed, bed->path, true));
    assert_null(open_image(bed, bed->path, false));
    block_close(writer);
    block_close(NULL);
}

/* More requests at once than a ring has room for, of every kind; each byte as the last write left it. */
static void many_requests_at_once(void **state)
{
    enum { N = 2000, LEN = 4096, AREA = 64 };
    struct bed *bed = *state;
    assert_int_equal(ftruncate(bed->fd, AREA * LEN), 0);
    struct block_dev *block = open_as(bed, BLOCK_FORMAT_ANY, false);
    struct block_result *r = calloc(N, sizeof(*r));
    struct iovec *iov = calloc(N, sizeof(*iov));
    uint8_t *data = calloc(N, LEN);
    for (unsigned turn = 0; turn < 3; turn++) {
        for (unsigned i = 0; i < N; i++) {
            iov[i] = (struct iovec){ data + (size_t)i * LEN, LEN };
            if (turn == 0)
                memset(iov[i].iov_base, (int)(1 + i % AREA), LEN);
            r[i] = (struct block_result){ .req = { .op = turn == 1 && i % 2 ? BLOCK_FLUSH
                                                         : turn == 0        ? BLOCK_WRITE
                                                                            : BLOCK_READ,
                                                   .offset = (uint64_t)(i % AREA) * LEN,
                                                   .iov = &iov[i],
                                                   .n_iov = 1,
                                                   .done = block_result_note } };
            block_submit(block, &r[i].req);
        }
        if (turn == 2)
            block_drain(block);
        for (unsigned i = 0; i < N; i++) {
            while (!r[i].done)
                loop_run_once(bed->base.loop,
                              1); /* what it answers before it sleeps wakes nobody */
            assert_int_equal(r[i].err, 0);
            for (unsigned b = 0; b < LEN; b += 511)
                assert_int_equal(data[(size_t)i * LEN + b], 1 + i % AREA);
        }
        if (turn == 1)
            memset(data, 0, (size_t)N * LEN);
    }
    block_close(block);
    free(data);
    free(iov);
    free(r);
}

static void what_is_erased_reads_as_zeroes(void **state)
{
    struct bed *bed = *state;
    static uint8_t data[SIZE], back[SIZE];
    struct stat before, after;
    struct block_dev *block = open_as(bed, BLOCK_FORMAT_ANY, false);
    memset(data, 7, SIZE);
    assert_int_equal(block_rw(&bed->base, block, BLOCK_WRITE, 0, data, SIZE), 0);
    assert_int_equal(fstat(bed->fd, &before), 0);
    assert_int_equal(block_erase(&bed->base, block, BLOCK_WRITE_ZEROES, 512, 8192, false), 0);
    assert_int_equal(block_erase(&bed->base, block, BLOCK_WRITE_ZEROES, 16384, 8192, true), 0);
    assert_int_equal(block_erase(&bed->base, block, BLOCK_DISCARD, 32768, 16384, false), 0);
    memset(data + 512, 0, 8192);
    memset(data + 16384, 0, 8192);
    memset(data + 32768, 0, 16384); /* a hole, on every file system that this runs on */
    assert_int_equal(block_rw(&bed->base, block, BLOCK_READ, 0, back, SIZE), 0);
    assert_memory_equal(back, data, SIZE);
    assert_int_equal(fstat(bed->fd, &after), 0);
    assert_int_equal(after.st_size, SIZE);
    assert_true(after.st_blocks < before.st_blocks);
    block_close(block);
}

static void direct_or_not_the_bytes_are_the_same(void **state)
{
    struct bed *bed = *state;
    static uint8_t back[SIZE];
    uint8_t *data = NULL;
    assert_int_equal(posix_memalign((void **)&data, 4096, SIZE), 0);
    memset(data, 1, SIZE);
    struct block_dev *block = open_as(bed, BLOCK_FORMAT_ANY, true);
    if (!block) { /* tmpfs, before Linux 6.6 */
        free(data);
        skip();
    }
    assert_int_equal(block_rw(&bed->base, block, BLOCK_WRITE, 0, data, SIZE), 0);
    for (unsigned i = 0; i < 100; i++) { /* aligned and not */
        uint64_t at = (i * 37 % 120) * 512;
        size_t len = 512 + i % 8 * 512;
        memset(data + at, (int)i, len);
        assert_int_equal(block_rw(&bed->base, block, BLOCK_WRITE, at, data + at, len), 0);
        assert_int_equal(block_rw(&bed->base, block, BLOCK_READ, at, back, len), 0);
        assert_memory_equal(back, data + at, len);
    }
    assert_int_equal(block_sync(&bed->base, block), 0);
    assert_int_equal(fd_pread_full(bed->fd, back, SIZE, 0), 0);
    assert_memory_equal(back, data, SIZE);
    block_close(block);
    free(data);
}

static void a_guest_cannot_turn_a_raw_disk_into_qcow2(void **state)
{
    struct bed *bed = *state;
    char sector[1024] = "QFI\xfb", back[1024], old[1024];
    struct iovec cut[] = { { sector, 2 }, { sector + 2, sizeof(sector) - 2 } };
    struct block_dev *block = open_as(bed, BLOCK_FORMAT_ANY, false);
    memset(old, 'o', sizeof(old));
    assert_int_equal(block_rw(&bed->base, block, BLOCK_WRITE, 0, old, sizeof(old)), 0);
    assert_int_equal(submit(bed, block, BLOCK_WRITE, 0, cut, 2), -EPERM);
    assert_int_equal(block_rw(&bed->base, block, BLOCK_READ, 0, back, sizeof(back)), 0);
    assert_memory_equal(back, old, sizeof(old));
    assert_int_equal(block_rw(&bed->base, block, BLOCK_WRITE, 512, sector, sizeof(sector)), 0);
    block_close(block);
    block = open_as(bed, BLOCK_FORMAT_RAW, false);
    assert_int_equal(submit(bed, block, BLOCK_WRITE, 0, cut, 2), 0);
    block_close(block);
}

static void a_size_that_changed_is_found(void **state)
{
    struct bed *bed = *state;
    struct block_dev *block = open_as(bed, BLOCK_FORMAT_ANY, false);
    assert_false(block->ops->remeasure(block));
    assert_int_equal(ftruncate(bed->fd, 2 * SIZE + 100), 0);
    assert_true(block->ops->remeasure(block));
    assert_int_equal(block->size, 2 * SIZE);
    block_close(block);
}

static void a_disk_grows_but_does_not_shrink(void **state)
{
    struct bed *bed = *state;
    uint8_t data[512] = "x", none[512] = { 0 };
    struct iovec iov = { data, sizeof(data) };
    struct block_dev *block = open_as(bed, BLOCK_FORMAT_RAW, false);
    assert_int_equal(block->ops->resize(block, SIZE - 512), -EINVAL);
    assert_int_equal(block->ops->resize(block, 3 * SIZE), 0);
    assert_int_equal(block->size, 3 * SIZE);
    assert_int_equal(lseek(bed->fd, 0, SEEK_END), 3 * SIZE);
    assert_int_equal(submit(bed, block, BLOCK_READ, 3 * SIZE - 512, &iov, 1), 0);
    assert_memory_equal(data, none, sizeof(none));
    block_close(block);
    block = open_image(bed, bed->path, true);
    assert_int_equal(block->ops->resize(block, 4 * SIZE), -EOPNOTSUPP);
    block_close(block);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_was_written_is_read),
        T(a_file_that_shrank_answers_with_an_error),
        T(a_read_only_disk_is_never_written),
        T(what_is_no_disk_is_refused),
        T(a_disk_has_one_writer_or_many_readers),
        T(many_requests_at_once),
        T(what_is_erased_reads_as_zeroes),
        T(direct_or_not_the_bytes_are_the_same),
        T(a_guest_cannot_turn_a_raw_disk_into_qcow2),
        T(a_size_that_changed_is_found),
        T(a_disk_grows_but_does_not_shrink),
    };
    kind = AIO_THREADS;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    struct loop *loop = loop_create();
    struct aio *aio = aio_create(loop, AIO_URING);
    aio_destroy(aio);
    loop_destroy(loop);
    if (!aio)
        return failed; /* a kernel or sandbox without io_uring */
    kind = AIO_URING;
    return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
