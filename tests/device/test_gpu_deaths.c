// SPDX-License-Identifier: MIT
/* A GPU process that is killed with the guest's commands in flight, and the next one, which gets the table
 * of them. */
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "tests/device/process_bed.h"
#include "tests/test.h"
#include "vmm/base/log.h"
#include "vmm/virtio/inflight.h"

/* Queue 0's part of the table of chains in flight. */
static const struct inflight_region *map_inflight(struct process_bed *bed, size_t *size)
{
    int fd = driver_inflight_fd(bed->driver);
    struct stat st;

    assert_int_equal(fstat(fd, &st), 0);
    *size = (size_t)st.st_size;
    void *table = mmap(NULL, *size, PROT_READ, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(table, MAP_FAILED);
    return table;
}

static bool has_taken(const struct inflight_region *region)
{
    for (unsigned head = 0; head < QUEUE_SIZE; head++)
        if (__atomic_load_n(&region->desc[head].inflight, __ATOMIC_ACQUIRE))
            return true;
    return false;
}

static bool has_used(const struct driver_queue *queue)
{
    return __atomic_load_n(&queue->used->idx, __ATOMIC_ACQUIRE) != queue->last_used;
}

/* The process dies at any moment while the guest floods it: each chain comes back once, fenced flushes,
 * which are kept, among them. Every other time it dies with a chain of which the table says so. */
static void each_chain_comes_back_once_whenever_the_process_dies(void **state)
{
    struct process_bed *bed = *state;
    struct virtio_gpu_resource_flush cmd = {
        .hdr = { .type = VIRTIO_GPU_CMD_RESOURCE_FLUSH, .flags = VIRTIO_GPU_FLAG_FENCE },
        .r = { .width = W, .height = H },
        .resource_id = 1,
    };
    uint64_t gpa[QUEUE_SIZE], fence = 0;
    unsigned errors = 0, seed = 5, deaths = getenv("VITRINE_FULL") ? 2000 : 60;
    size_t size;
    const struct inflight_region *table = map_inflight(bed, &size);

    for (unsigned i = 0; i < QUEUE_SIZE; i++)
        gpa[i] = driver_alloc(bed->driver, 4096, 4096);
    process_bed_make_blob(bed, 1, 2);
    assert_int_equal(process_bed_show_blob(bed, 1), OK);
    for (unsigned death = 0; death < deaths; death++) {
        uint64_t fence_of[QUEUE_SIZE] = { 0 }, response_of[QUEUE_SIZE] = { 0 };
        const struct driver_queue *queue = driver_queue(bed->driver, 0);
        unsigned out = 0, n = 1 + (unsigned)rand_r(&seed) % (QUEUE_SIZE / 2);
        for (unsigned i = 0; i < n; i++) {
            cmd.hdr.fence_id = ++fence;
            memcpy(driver_ptr(bed->driver, gpa[i]), &cmd, sizeof(cmd));
            memset(driver_ptr(bed->driver, gpa[i] + 2048), 0, 24);
            struct driver_buffer buf[2] = {
                { .gpa = gpa[i], .len = sizeof(cmd) },
                { .gpa = gpa[i] + 2048, .len = 24, .writable = true },
            };
            int head = driver_add(bed->driver, 0, buf, 2, i % 2);
            assert_true(head >= 0);
            fence_of[head] = fence;
            response_of[head] = gpa[i] + 2048;
            out++;
            driver_kick(bed->driver, 0);
        }
        while (death % 2 == 1 && !has_taken(table) && !has_used(queue))
            sched_yield();
        for (volatile unsigned spin = (unsigned)rand_r(&seed) % 200000; spin > 0; spin--)
            ;
        process_bed_kill(bed);
        process_bed_take_over(bed);
        uint16_t head;
        uint32_t len;
        while (out > 0) {
            assert_true(driver_used(bed->driver, 0, DRIVER_TIMEOUT_MS, &head, &len));
            assert_true(head < QUEUE_SIZE);
            assert_int_not_equal(fence_of[head], 0); /* else it comes back twice */
            struct virtio_gpu_ctrl_hdr *r = driver_ptr(bed->driver, response_of[head]);
            assert_true(r->type == OK || r->type == VIRTIO_GPU_RESP_ERR_UNSPEC);
            assert_int_equal(r->fence_id, fence_of[head]);
            errors += r->type != OK;
            fence_of[head] = 0;
            out--;
        }
        assert_false(driver_used(bed->driver, 0, 0, &head, &len));
    }
    assert_true(errors > 0); /* some were caught in flight */
    munmap((void *)table, size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_chain_comes_back_once_whenever_the_process_dies,
                                        process_bed_set_up, process_bed_tear_down),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
