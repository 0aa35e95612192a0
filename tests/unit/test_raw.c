// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/test.h"
#include "vmm/base/fd.h"
#include "vmm/base/util.h"
#include "vmm/block/block.h"

#define SIZE 65536

struct bed {
    char path[64];
    int fd;
};

static int set_up(void **state)
{
    struct bed *bed = calloc(1, sizeof(*bed));
    strcpy(bed->path, "/tmp/vitrine-raw-XXXXXX");
    bed->fd = mkstemp(bed->path);
    assert_true(bed->fd >= 0);
    assert_int_equal(ftruncate(bed->fd, SIZE), 0);
    *state = bed;
    return 0;
}

static int tear_down(void **state)
{
    struct bed *bed = *state;
    close(bed->fd);
    unlink(bed->path);
    free(bed);
    return 0;
}

struct result {
    struct block_req req;
    int err;
    bool done;
};

static void note(struct block_req *req, int err)
{
    struct result *r = container_of(req, struct result, req);
    assert_false(r->done);
    r->done = true;
    r->err = err;
}

static int submit(struct block_dev *block, enum block_op op, uint64_t offset,
                  const struct iovec *iov, unsigned n)
{
    struct result r = { .req = {
                            .op = op, .offset = offset, .iov = iov, .n_iov = n, .done = note } };
    block_submit(block, &r.req);
    assert_true(r.done);
    return r.err;
}

static void what_was_written_is_read(void **state)
{
    struct bed *bed = *state;
    struct block_dev *block = block_raw_open(bed->path, false);
    assert_non_null(block);
    assert_int_equal(block->size, SIZE);
    assert_int_equal(block->block_size, 512);
    assert_false(block->read_only);
    char a[300], b[724], back[1024];
    memset(a, 'a', sizeof(a));
    memset(b, 'b', sizeof(b));
    const struct iovec out[] = { { a, sizeof(a) }, { b, sizeof(b) } };
    const struct iovec in[] = { { back, 1000 }, { back + 1000, 24 } };
    assert_int_equal(submit(block, BLOCK_WRITE, SIZE - 1024, out, 2), 0);
    assert_int_equal(submit(block, BLOCK_FLUSH, 0, NULL, 0), 0);
    assert_int_equal(submit(block, BLOCK_READ, SIZE - 1024, in, 2), 0);
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
    struct block_dev *block = block_raw_open(bed->path, false);
    assert_int_equal(ftruncate(bed->fd, SIZE / 2 + 100), 0);
    char back[1024];
    const struct iovec in[] = { { back, 512 }, { back + 512, 512 } };
    assert_int_equal(submit(block, BLOCK_READ, 0, in, 2), 0);
    assert_int_equal(submit(block, BLOCK_READ, SIZE / 2, in, 2), -EIO);
    assert_int_equal(submit(block, BLOCK_READ, SIZE - 1024, in, 2), -EIO);
    block_close(block);
}

static void a_read_only_disk_is_never_written(void **state)
{
    struct bed *bed = *state;
    struct block_dev *block = block_raw_open(bed->path, true);
    assert_true(block->read_only);
    char data[512] = "x";
    const struct iovec iov = { data, sizeof(data) };
    assert_int_equal(submit(block, BLOCK_WRITE, 0, &iov, 1), -EBADF);
    block_close(block);
}

static void what_is_no_disk_is_refused(void **state)
{
    struct bed *bed = *state;
    assert_null(block_raw_open("/tmp", true));
    assert_null(block_raw_open("/dev/null", false));
    assert_null(block_raw_open("/nonexistent/disk", false));
    assert_int_equal(ftruncate(bed->fd, 0), 0);
    assert_null(block_raw_open(bed->path, false));
    assert_int_equal(ftruncate(bed->fd, 1000), 0);
    assert_null(block_raw_open(bed->path, false));
    char fifo[80];
    snprintf(fifo, sizeof(fifo), "%s.fifo", bed->path);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_null(block_raw_open(fifo, true)); /* and does not wait for a writer */
    unlink(fifo);
}

static void a_disk_has_one_writer_or_many_readers(void **state)
{
    struct bed *bed = *state;
    struct block_dev *reader = block_raw_open(bed->path, true);
    struct block_dev *second = block_raw_open(bed->path, true);
    assert_non_null(second);
    assert_null(block_raw_open(bed->path, false));
    block_close(reader);
    block_close(second);
    struct block_dev *writer = block_raw_open(bed->path, false);
    assert_non_null(writer);
    assert_null(block_raw_open(bed->path, true));
    assert_null(block_raw_open(bed->path, false));
    block_close(writer);
    block_close(NULL);
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
