// SPDX-License-Identifier: MIT
/* Flushes that come at once, of a host that could not write what it took: who is told? */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "tests/unit/block_bed.h"
#include "tests/unit/qemu_img.h"

static char dir[40];

/* The kernel's side: an error is told once, to the sync that looks first. Syncs end when they may. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned calls, inside, most; /* at once */
    bool error, may_end;
} host = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

__attribute__((visibility("default"))) int fdatasync(int fd)
{
    pthread_mutex_lock(&host.lock);
    bool error = host.error;
    host.error = false;
    host.calls++;
    host.inside++;
    host.most = MAX(host.most, host.inside);
    pthread_cond_broadcast(&host.changed);
    while (!host.may_end)
        pthread_cond_wait(&host.changed, &host.lock);
    host.inside--;
    pthread_mutex_unlock(&host.lock);
    errno = EIO;
    return error ? -1 : 0;
}

static void let_end(bool may)
{
    pthread_mutex_lock(&host.lock);
    host.may_end = may;
    pthread_cond_broadcast(&host.changed);
    pthread_mutex_unlock(&host.lock);
}

static struct block_dev *open_disk(struct block_bed *bed, const char *name)
{
    char path[64];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    struct block_dev *block = block_open(bed->aio, &(struct block_options){ .path = path });
    assert_non_null(block);
    return block;
}

/* Three flushes, the first of which the host has begun when the others come. */
static void flush_at_once(struct block_bed *bed, struct block_dev *block, struct block_result *r)
{
    host.calls = host.most = 0;
    let_end(false);
    for (unsigned i = 0; i < 3; i++) {
        r[i] = (struct block_result){ .req = { .op = BLOCK_FLUSH, .done = block_result_note } };
        block_submit(block, &r[i].req);
        loop_run_once(bed->loop, 0);
        pthread_mutex_lock(&host.lock);
        while (host.calls == 0)
            pthread_cond_wait(&host.changed, &host.lock);
        pthread_mutex_unlock(&host.lock);
    }
    /* Had they been handed to the threads, they would have begun: these come behind them. */
    struct block_dev *other = open_disk(bed, "other");
    for (unsigned i = 0; i < 8; i++) {
        struct block_result erase = {
            .req = { .op = BLOCK_DISCARD, .length = 4096, .done = block_result_note }
        };
        block_submit(other, &erase.req);
        while (!erase.done)
            loop_run_once(bed->loop, 1000);
    }
    let_end(true);
    block_drain(block);
    block_close(other);
    for (unsigned i = 0; i < 3; i++)
        assert_true(r[i].done);
    assert_int_equal(host.most, 1);
    assert_int_equal(host.calls, 2); /* the second is for both that came meanwhile */
}

static void check(const char *name)
{
    struct block_bed bed;
    struct block_result r[3];
    block_bed_init(&bed, AIO_THREADS);
    struct block_dev *block = open_disk(&bed, name);
    flush_at_once(&bed, block, r);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(r[i].err, 0);
    host.error = true;
    flush_at_once(&bed, block, r);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(r[i].err, -EIO);
    assert_true(block->lost);
    assert_int_equal(block_sync(&bed, block), -EIO);
    block_close(block);
    block_bed_finish(&bed);
}

static void an_error_is_everybodys_raw(void **state)
{
    assert_int_equal(sh("truncate -s 1M $D/a.raw"), 0);
    check("a.raw");
}

static void an_error_is_everybodys_qcow2(void **state)
{
    assert_int_equal(sh("qemu-img create -f qcow2 $D/a.qcow2 1M"), 0);
    check("a.qcow2");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(an_error_is_everybodys_raw),
                                        cmocka_unit_test(an_error_is_everybodys_qcow2) };
    int status = begin_images(dir, sizeof(dir));
    if (status != 0)
        return status;
    let_end(true);
    int failed = sh("truncate -s 1M $D/other") == 0 ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
    sh("rm -rf $D");
    return failed;
}
