// SPDX-License-Identifier: MIT
/* Whoever has an image open, QEMU or we, keeps the other's writers off it. */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/block_bed.h"
#include "tests/unit/capture.h"
#include "tests/unit/qemu_img.h"

static char dir[40], path[64];

static struct block_dev *open_disk(struct block_bed *bed, bool read_only)
{
    return block_open(bed->aio, &(struct block_options){ .path = path,
                                                         .format = BLOCK_FORMAT_RAW,
                                                         .read_only = read_only });
}

static int set_up(void **state)
{
    struct block_bed *bed = calloc(1, sizeof(*bed));
    block_bed_init(bed, AIO_ANY);
    assert_int_equal(sh("rm -f $D/* && truncate -s 1M $D/a"), 0);
    *state = bed;
    return 0;
}

static int tear_down(void **state)
{
    block_bed_finish(*state);
    free(*state);
    return 0;
}

static void our_writer_keeps_qemu_off(void **state)
{
    struct block_dev *block = open_disk(*state, false);
    assert_non_null(block);
    assert_int_equal(sh("qemu-io -f raw -c 'write 0 512' $D/a"), 1);
    assert_null(open_disk(*state, true));
    block_close(block);
    assert_int_equal(sh("qemu-io -f raw -c 'write 0 512' $D/a"), 0);
}

static void our_reader_lets_qemu_read(void **state)
{
    struct block_dev *block = open_disk(*state, true);
    assert_non_null(block);
    assert_int_equal(sh("qemu-io -f raw -c 'write 0 512' $D/a"), 1);
    assert_int_equal(sh("qemu-io -f raw -r -c 'read 0 512' $D/a"), 0);
    block_close(block);
}

/* A qemu-io that has the image open until its input ends. */
struct qemu_io {
    pid_t pid;
    int sock;
};

static struct qemu_io start(bool read_only)
{
    int pair[2];
    char answer[4096] = "";
    size_t n = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    struct qemu_io io = { fork(), pair[0] };
    if (io.pid == 0) {
        dup2(pair[1], 0);
        dup2(pair[1], 1);
        execlp("qemu-io", "qemu-io", "-f", "raw", path, read_only ? "-r" : NULL, NULL);
        _exit(127);
    }
    close(pair[1]);
    assert_int_equal(write(io.sock, "read 0 512\n", 11), 11);
    while (!strstr(answer, "ops/sec")) {
        ssize_t got = read(io.sock, answer + n, sizeof(answer) - 1 - n);
        assert_true(got > 0);
        n += (size_t)got;
    }
    return io;
}

static void end(struct qemu_io io)
{
    close(io.sock);
    assert_int_equal(waitpid(io.pid, NULL, 0), io.pid);
}

static void qemus_writer_keeps_us_off_and_is_named(void **state)
{
    struct qemu_io io = start(false);
    char process[40];
    struct capture capture;
    capture_begin(&capture);
    struct block_dev *writer = open_disk(*state, false), *reader = open_disk(*state, true);
    capture_end(&capture);
    end(io);
    assert_null(writer);
    assert_null(reader);
    snprintf(process, sizeof(process), "qemu-io (process %d)", io.pid);
    assert_non_null(strstr(capture.text, process));
    writer = open_disk(*state, false);
    assert_non_null(writer);
    block_close(writer);
}

static void qemus_reader_lets_us_read(void **state)
{
    struct qemu_io io = start(true);
    struct block_dev *block = open_disk(*state, true);
    assert_non_null(block);
    block_close(block);
    end(io);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(our_writer_keeps_qemu_off),
        T(our_reader_lets_qemu_read),
        T(qemus_writer_keeps_us_off_and_is_named),
        T(qemus_reader_lets_us_read),
    };
    int status = begin_images(dir, sizeof(dir));
    if (status != 0)
        return status;
    snprintf(path, sizeof(path), "%s/a", dir);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sh("rm -rf $D");
    return failed;
}
