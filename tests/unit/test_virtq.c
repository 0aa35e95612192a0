// SPDX-License-Identifier: MIT
/* The device's side of the queue against well-behaved, hostile and random drivers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/ring.h"
#include "tests/test.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/core/mem.h"
#include "vmm/virtio/device.h"
#include "vmm/virtio/virtq.h"

#define RAM (4 * MIB)
#define RING_GPA 0x10000ull
#define TABLE_GPA 0x80000ull
#define DATA_GPA 0x100000ull
#define SIZE 8

static const struct virtio_ops ops = { .name = "test" };

struct bed {
    struct guest_mem mem;
    struct ring ring;
    struct virtio_dev dev;
    struct virtq q;
    struct virtq_chain chain;
};

static void start(struct bed *bed, uint16_t size, bool event_idx)
{
    ring_init(&bed->ring, &bed->mem, RING_GPA, size, event_idx, NULL);
    ring_give(&bed->ring, &bed->q);
    assert_int_equal(virtq_start(&bed->q, &bed->mem, event_idx, 0), 0);
}

/* Both sides' indices stand at idx, as they would after that many chains. */
static void start_at(struct bed *bed, uint16_t size, bool event_idx, uint16_t idx)
{
    ring_init(&bed->ring, &bed->mem, RING_GPA, size, event_idx, NULL);
    struct ring *ring = &bed->ring;
    ring->avail_idx = ring->kicked_idx = ring->last_used = idx;
    ring->avail->idx = ring->used->idx = idx;
    ring_give(ring, &bed->q);
    assert_int_equal(virtq_start(&bed->q, &bed->mem, event_idx, idx), 0);
}

static int set_up(void **state)
{
    struct bed *bed = calloc(1, sizeof(*bed));
    assert_int_equal(guest_mem_create(&bed->mem, RAM), 0);
    bed->dev.ops = &ops;
    bed->q.dev = &bed->dev;
    bed->q.call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    start(bed, SIZE, false);
    *state = bed;
    return 0;
}

static int tear_down(void **state)
{
    struct bed *bed = *state;
    virtq_stop(&bed->q);
    close(bed->q.call_fd);
    guest_mem_finish(&bed->mem);
    free(bed);
    return 0;
}

static struct vring_desc *table(struct bed *bed)
{
    return guest_mem_ptr(&bed->mem, TABLE_GPA, 0x10000);
}

static int pop(struct bed *bed)
{
    return virtq_pop(&bed->q, &bed->chain);
}

/* A chain that must break the queue, and leave it broken. */
static void assert_refused(struct bed *bed)
{
    assert_int_equal(pop(bed), -EPROTO);
    assert_int_equal(pop(bed), 0);
}

static void a_chain_comes_out_as_it_was_put_in(void **state)
{
    struct bed *bed = *state;
    struct ring_buf buf[] = { { DATA_GPA, 16, false },
                              { DATA_GPA + 4096, 512, false },
                              { DATA_GPA + 8192, 1, true } };
    int head = ring_add(&bed->ring, buf, 3);
    assert_int_equal(pop(bed), 1);
    assert_int_equal(bed->chain.head, head);
    assert_int_equal(bed->chain.n_out, 2);
    assert_int_equal(bed->chain.n_in, 1);
    for (int i = 0; i < 3; i++) {
        assert_ptr_equal(bed->chain.iov[i].iov_base,
                         guest_mem_ptr(&bed->mem, buf[i].gpa, buf[i].len));
        assert_int_equal(bed->chain.iov[i].iov_len, buf[i].len);
    }
    assert_int_equal(pop(bed), 0);
    assert_int_equal(ring_take(&bed->ring, NULL), -1);

    uint32_t len;
    virtq_push(&bed->q, bed->chain.head, 77);
    assert_int_equal(ring_take(&bed->ring, &len), head);
    assert_int_equal(len, 77);
}

static void an_indirect_chain_may_be_longer_than_the_queue(void **state)
{
    struct bed *bed = *state;
    struct ring_buf buf[100];
    for (int i = 0; i < 100; i++)
        buf[i] = (struct ring_buf){ DATA_GPA + (uint64_t)i * 64, 64, i >= 40 };
    assert_true(ring_add_indirect(&bed->ring, TABLE_GPA, buf, 100) >= 0);
    assert_int_equal(pop(bed), 1);
    assert_int_equal(bed->chain.n_out, 40);
    assert_int_equal(bed->chain.n_in, 60);
}

static void direct_buffers_may_come_before_an_indirect_table(void **state)
{
    struct bed *bed = *state;
    struct ring_buf buf[] = { { DATA_GPA, 8, false }, { DATA_GPA + 8, 8, true } };
    ring_fill_table(table(bed), buf, 2);
    bed->ring.desc[0] = (struct vring_desc){ DATA_GPA + 64, 8, VRING_DESC_F_NEXT, 1 };
    /* The write flag of a descriptor that refers to a table means nothing. */
    bed->ring.desc[1] =
        (struct vring_desc){ TABLE_GPA, 32, VRING_DESC_F_INDIRECT | VRING_DESC_F_WRITE, 0 };
    ring_publish(&bed->ring, 0);
    assert_int_equal(pop(bed), 1);
    assert_int_equal(bed->chain.n_out, 2);
    assert_int_equal(bed->chain.n_in, 1);
}

static void an_empty_buffer_is_left_out(void **state)
{
    struct bed *bed = *state;
    struct ring_buf buf[] = { { UINT64_MAX, 0, false }, { DATA_GPA, 8, false } };
    ring_add(&bed->ring, buf, 2);
    assert_int_equal(pop(bed), 1);
    assert_int_equal(bed->chain.n_out, 1);
}

static void a_loop_is_refused(void **state)
{
    struct bed *bed = *state;
    bed->ring.desc[0] = (struct vring_desc){ DATA_GPA, 8, VRING_DESC_F_NEXT, 1 };
    bed->ring.desc[1] = (struct vring_desc){ DATA_GPA, 8, VRING_DESC_F_NEXT, 0 };
    ring_publish(&bed->ring, 0);
    assert_refused(bed);
}

static void a_loop_of_empty_buffers_is_refused(void **state)
{
    struct bed *bed = *state;
    bed->ring.desc[0] = (struct vring_desc){ DATA_GPA, 0, VRING_DESC_F_NEXT, 0 };
    ring_publish(&bed->ring, 0);
    assert_refused(bed);
}

static void a_loop_in_an_indirect_table_is_refused(void **state)
{
    struct bed *bed = *state;
    table(bed)[0] = (struct vring_desc){ DATA_GPA, 8, VRING_DESC_F_NEXT, 0 };
    bed->ring.desc[0] = (struct vring_desc){ TABLE_GPA, 16, VRING_DESC_F_INDIRECT, 0 };
    ring_publish(&bed->ring, 0);
    assert_refused(bed);
}

static void a_head_past_the_table_is_refused(void **state)
{
    struct bed *bed = *state;
    ring_publish(&bed->ring, SIZE);
    assert_refused(bed);
}

static void a_successor_past_the_table_is_refused(void **state)
{
    struct bed *bed = *state;
    bed->ring.desc[0] = (struct vring_desc){ DATA_GPA, 8, VRING_DESC_F_NEXT, SIZE };
    ring_publish(&bed->ring, 0);
    assert_refused(bed);
}

static void an_available_index_out_of_reach_is_refused(void **state)
{
    struct bed *bed = *state;
    bed->ring.avail->idx = SIZE + 1;
    assert_refused(bed);
    start(bed, SIZE, false);
    bed->ring.avail->idx = UINT16_MAX; /* backwards */
    assert_refused(bed);
}

static void more_chains_than_the_queue_holds_are_refused(void **state)
{
    struct bed *bed = *state;
    bed->ring.desc[0] = (struct vring_desc){ DATA_GPA, 8, 0, 0 };
    for (int i = 0; i < SIZE; i++) {
        ring_publish(&bed->ring, 0);
        assert_int_equal(pop(bed), 1);
    }
    ring_publish(&bed->ring, 0);
    assert_refused(bed);
}

static void a_buffer_outside_ram_is_refused(void **state)
{
    struct bed *bed = *state;
    const struct ring_buf bad[] = { { RAM, 1, false },
                                    { RAM - 8, 16, true },
                                    { UINT64_MAX - 4, 16, false },
                                    { DATA_GPA, UINT32_MAX, false } };
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        start(bed, SIZE, false);
        ring_add(&bed->ring, &bad[i], 1);
        assert_refused(bed);
    }
}

static void a_readable_buffer_behind_a_writable_one_is_refused(void **state)
{
    struct bed *bed = *state;
    struct ring_buf buf[] = { { DATA_GPA, 8, true }, { DATA_GPA, 8, false } };
    ring_add(&bed->ring, buf, 2);
    assert_refused(bed);
}

static void a_chain_of_more_than_4_gib_is_refused(void **state)
{
    struct bed *bed = *state;
    struct ring_buf buf[VIRTQ_MAX_SEGMENTS];
    for (unsigned i = 0; i < ARRAY_LEN(buf); i++)
        buf[i] = (struct ring_buf){ 0, RAM, true };
    ring_add_indirect(&bed->ring, TABLE_GPA, buf, ARRAY_LEN(buf));
    assert_refused(bed);
}

static void a_chain_has_at_most_so_many_buffers(void **state)
{
    struct bed *bed = *state;
    struct ring_buf buf[VIRTQ_MAX_SEGMENTS + 1];
    for (unsigned i = 0; i < ARRAY_LEN(buf); i++)
        buf[i] = (struct ring_buf){ DATA_GPA, 1, true };
    ring_add_indirect(&bed->ring, TABLE_GPA, buf, VIRTQ_MAX_SEGMENTS);
    assert_int_equal(pop(bed), 1);
    assert_int_equal(bed->chain.n_in, VIRTQ_MAX_SEGMENTS);
    ring_add_indirect(&bed->ring, TABLE_GPA, buf, VIRTQ_MAX_SEGMENTS + 1);
    assert_refused(bed);
}

static void a_malformed_indirect_table_is_refused(void **state)
{
    struct bed *bed = *state;
    const struct vring_desc bad[] = {
        { TABLE_GPA, 0, VRING_DESC_F_INDIRECT, 0 },
        { TABLE_GPA, 17, VRING_DESC_F_INDIRECT, 0 },
        { TABLE_GPA, 16, VRING_DESC_F_INDIRECT | VRING_DESC_F_NEXT, 1 },
        { RAM - 16, 32, VRING_DESC_F_INDIRECT, 0 },
        { TABLE_GPA, 0xfffffff0, VRING_DESC_F_INDIRECT, 0 },
    };
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        start(bed, SIZE, false);
        bed->ring.desc[0] = bad[i];
        ring_publish(&bed->ring, 0);
        assert_refused(bed);
    }
}

static void an_indirect_table_within_another_is_refused(void **state)
{
    struct bed *bed = *state;
    table(bed)[0] = (struct vring_desc){ TABLE_GPA + 64, 16, VRING_DESC_F_INDIRECT, 0 };
    bed->ring.desc[0] = (struct vring_desc){ TABLE_GPA, 16, VRING_DESC_F_INDIRECT, 0 };
    ring_publish(&bed->ring, 0);
    assert_refused(bed);
}

static void an_indirect_successor_past_its_table_is_refused(void **state)
{
    struct bed *bed = *state;
    table(bed)[0] = (struct vring_desc){ DATA_GPA, 8, VRING_DESC_F_NEXT, 1 };
    bed->ring.desc[0] = (struct vring_desc){ TABLE_GPA, 16, VRING_DESC_F_INDIRECT, 0 };
    ring_publish(&bed->ring, 0);
    assert_refused(bed);
}

static void a_ring_must_be_aligned_in_ram_and_of_a_possible_size(void **state)
{
    struct bed *bed = *state;
    struct virtq good = bed->q;
    struct bad {
        uint16_t size;
        uint64_t desc, driver, device;
    } bad[] = {
        { 0, good.desc_gpa, good.driver_gpa, good.device_gpa },
        { 6, good.desc_gpa, good.driver_gpa, good.device_gpa },
        { 2048, good.desc_gpa, good.driver_gpa, good.device_gpa },
        { 8, good.desc_gpa + 8, good.driver_gpa, good.device_gpa },
        { 8, good.desc_gpa, good.driver_gpa + 1, good.device_gpa },
        { 8, good.desc_gpa, good.driver_gpa, good.device_gpa + 2 },
        { 8, RAM - 112, good.driver_gpa, good.device_gpa },
        { 8, good.desc_gpa, RAM - 20, good.device_gpa },
        { 8, good.desc_gpa, good.driver_gpa, RAM - 68 },
        { 8, good.desc_gpa, good.driver_gpa, UINT64_MAX - 3 },
    };
    virtq_stop(&bed->q);
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        bed->q.size = bad[i].size;
        bed->q.desc_gpa = bad[i].desc;
        bed->q.driver_gpa = bad[i].driver;
        bed->q.device_gpa = bad[i].device;
        assert_int_equal(virtq_start(&bed->q, &bed->mem, false, 0), -EINVAL);
    }
}

static void a_stopped_queue_yields_and_takes_nothing(void **state)
{
    struct bed *bed = *state;
    struct ring_buf buf = { DATA_GPA, 8, true };
    ring_add(&bed->ring, &buf, 1);
    assert_int_equal(virtq_stop(&bed->q), 0);
    assert_int_equal(pop(bed), 0);
    virtq_push(&bed->q, 0, 8);
    virtq_notify(&bed->q);
    assert_false(virtq_enable_kick(&bed->q));
    virtq_disable_kick(&bed->q);
    assert_int_equal(bed->ring.used->idx, 0);
    assert_false(fd_event_take(bed->q.call_fd));
}

static void a_successor_goes_on_where_a_queue_was_stopped(void **state)
{
    struct bed *bed = *state;
    struct ring_buf buf = { DATA_GPA, 8, true };
    ring_add(&bed->ring, &buf, 1);
    assert_int_equal(pop(bed), 1);
    virtq_push(&bed->q, bed->chain.head, 8);
    assert_int_equal(ring_take(&bed->ring, NULL), 0);
    int head = ring_add(&bed->ring, &buf, 1);

    uint16_t base = virtq_stop(&bed->q);
    assert_int_equal(base, 1);
    assert_int_equal(virtq_start(&bed->q, &bed->mem, false, base), 0);
    assert_int_equal(pop(bed), 1);
    virtq_push(&bed->q, bed->chain.head, 8);
    assert_int_equal(ring_take(&bed->ring, NULL), head);
    assert_int_equal(bed->ring.used->idx, 2);
}

static void indices_wrap(void **state)
{
    struct bed *bed = *state;
    struct ring_buf buf = { DATA_GPA, 8, true };
    start_at(bed, SIZE, false, UINT16_MAX - 2);
    for (int i = 0; i < 10; i++) {
        int head = ring_add(&bed->ring, &buf, 1);
        assert_int_equal(pop(bed), 1);
        assert_int_equal(pop(bed), 0);
        virtq_push(&bed->q, bed->chain.head, 8);
        assert_int_equal(ring_take(&bed->ring, NULL), head);
    }
    assert_int_equal(bed->ring.used->idx, 7);
}

/* One chain through the queue; true where the driver was interrupted for it. */
static bool round_trip(struct bed *bed)
{
    struct ring_buf buf = { DATA_GPA, 8, true };
    assert_true(ring_add(&bed->ring, &buf, 1) >= 0);
    assert_int_equal(pop(bed), 1);
    virtq_push(&bed->q, bed->chain.head, 8);
    virtq_notify(&bed->q);
    assert_true(ring_take(&bed->ring, NULL) >= 0);
    return fd_event_take(bed->q.call_fd);
}

static void without_event_index_the_flags_decide(void **state)
{
    struct bed *bed = *state;
    assert_true(round_trip(bed));
    assert_true(round_trip(bed));
    bed->ring.avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
    assert_false(round_trip(bed));
    bed->ring.avail->flags = 0;
    virtq_notify(&bed->q); /* nothing was pushed since */
    assert_false(fd_event_take(bed->q.call_fd));

    assert_true(ring_must_kick(&bed->ring));
    virtq_disable_kick(&bed->q);
    assert_false(ring_must_kick(&bed->ring));
    assert_false(virtq_enable_kick(&bed->q));
    assert_true(ring_must_kick(&bed->ring));
}

static void enabling_kicks_finds_what_came_meanwhile(void **state)
{
    struct bed *bed = *state;
    struct ring_buf buf = { DATA_GPA, 8, true };
    for (int event_idx = 0; event_idx < 2; event_idx++) {
        start(bed, SIZE, event_idx);
        assert_int_equal(pop(bed), 0);
        virtq_disable_kick(&bed->q);
        assert_int_equal(pop(bed), 0);
        ring_add(&bed->ring, &buf, 1);
        assert_true(virtq_enable_kick(&bed->q));
        assert_int_equal(pop(bed), 1);
        assert_false(virtq_enable_kick(&bed->q));
    }
}

static void with_event_index_the_driver_is_interrupted_when_it_asked(void **state)
{
    struct bed *bed = *state;
    /* Up to and over the wrap of the 16-bit indices. */
    for (unsigned at = 0; at < 2; at++) {
        start_at(bed, SIZE, true, at ? UINT16_MAX - 4 : 0);
        ring_want_interrupt(&bed->ring);
        assert_true(round_trip(bed));
        /* It asked for the one that was signalled, and for none since. */
        for (int i = 0; i < 20; i++)
            assert_false(round_trip(bed));
        ring_want_interrupt(&bed->ring);
        assert_true(round_trip(bed));
        assert_false(round_trip(bed));
    }
}

static void with_event_index_a_busy_device_is_not_kicked(void **state)
{
    struct bed *bed = *state;
    struct ring_buf buf = { DATA_GPA, 8, true };
    for (unsigned at = 0; at < 2; at++) {
        start_at(bed, SIZE, true, at ? UINT16_MAX - 1 : 0);
        assert_int_equal(pop(bed), 0); /* found empty: asks for a kick */
        for (int i = 0; i < 4; i++) {
            ring_add(&bed->ring, &buf, 1);
            assert_int_equal(ring_must_kick(&bed->ring), i == 0);
        }
        for (int i = 0; i < 4; i++) {
            assert_int_equal(pop(bed), 1);
            virtq_push(&bed->q, bed->chain.head, 8);
        }
        assert_int_equal(pop(bed), 0);
        ring_add(&bed->ring, &buf, 1);
        assert_true(ring_must_kick(&bed->ring));
    }
}

static void a_whole_turn_of_the_index_without_an_interrupt_interrupts(void **state)
{
    struct bed *bed = *state;
    struct ring_buf buf = { DATA_GPA, 8, true };
    start(bed, SIZE, true);
    ring_want_interrupt(&bed->ring);
    assert_true(round_trip(bed));
    for (unsigned i = 0; i < 65536; i++) {
        ring_add(&bed->ring, &buf, 1);
        assert_int_equal(pop(bed), 1);
        virtq_push(&bed->q, bed->chain.head, 8);
        ring_take(&bed->ring, NULL);
    }
    virtq_notify(&bed->q);
    assert_true(fd_event_take(bed->q.call_fd));
}

static uint32_t rnd(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(*seed >> 33);
}

/* A driver that keeps the rules: everything comes out whole, in order, and is used once. */
static void random_chains_come_out_whole(void **state)
{
    struct bed *bed = *state;
    uint64_t seed = 42;
    start_at(bed, 64, true, UINT16_MAX - 500);
    unsigned out_heads[64], n_heads = 0;
    struct ring_buf sent[64][16];
    unsigned n_sent[64];
    for (int turn = 0; turn < 20000; turn++) {
        unsigned n = 1 + rnd(&seed) % 16, n_out = rnd(&seed) % (n + 1);
        struct ring_buf buf[16];
        for (unsigned i = 0; i < n; i++)
            buf[i] =
                (struct ring_buf){ DATA_GPA + rnd(&seed) % MIB, 1 + rnd(&seed) % 5000, i >= n_out };
        uint64_t table_gpa = TABLE_GPA + bed->ring.free_head * 256ull;
        int head = rnd(&seed) % 2 ? ring_add(&bed->ring, buf, n)
                                  : ring_add_indirect(&bed->ring, table_gpa, buf, n);
        if (head >= 0) {
            memcpy(sent[head], buf, sizeof(buf));
            n_sent[head] = n;
        }
        if (rnd(&seed) % 2 && pop(bed) == 1) {
            unsigned h = bed->chain.head;
            assert_int_equal(bed->chain.n_out + bed->chain.n_in, n_sent[h]);
            for (unsigned i = 0; i < n_sent[h]; i++) {
                assert_ptr_equal(bed->chain.iov[i].iov_base,
                                 guest_mem_ptr(&bed->mem, sent[h][i].gpa, sent[h][i].len));
                assert_int_equal(bed->chain.iov[i].iov_len, sent[h][i].len);
                assert_int_equal(i >= bed->chain.n_out, sent[h][i].writable);
            }
            out_heads[n_heads++] = h;
        }
        while (n_heads > 0 && rnd(&seed) % 3) {
            unsigned pick = rnd(&seed) % n_heads; /* out of order */
            virtq_push(&bed->q, (uint16_t)out_heads[pick], 5);
            virtq_notify(&bed->q);
            assert_int_equal(ring_take(&bed->ring, NULL), out_heads[pick]);
            out_heads[pick] = out_heads[--n_heads];
        }
    }
    assert_false(bed->q.broken);
}

/* A driver that scribbles: whatever comes out lies in RAM, and nothing ends the process. */
static void random_garbage_yields_ram_or_is_refused(void **state)
{
    struct bed *bed = *state;
    uint64_t seed = 7;
    uint8_t *ram = guest_mem_ptr(&bed->mem, 0, RAM);
    unsigned popped = 0, refused = 0;
    for (int turn = 0; turn < 20000; turn++) {
        start(bed, SIZE, rnd(&seed) % 2);
        for (unsigned i = 0; i < SIZE + 16; i++) {
            struct vring_desc *d = i < SIZE ? &bed->ring.desc[i] : &table(bed)[i - SIZE];
            *d = (struct vring_desc){ .addr = rnd(&seed) % (RAM + RAM / 16),
                                      .len = rnd(&seed) % 20000,
                                      .flags = rnd(&seed) & 3,
                                      .next = rnd(&seed) % (SIZE + 1) };
            if (rnd(&seed) % 8 == 0) {
                d->addr = TABLE_GPA;
                d->len = 16 * (rnd(&seed) % 17);
                d->flags = VRING_DESC_F_INDIRECT;
            }
        }
        bed->ring.avail->idx = rnd(&seed) % (SIZE + 2);
        for (unsigned i = 0; i < SIZE; i++)
            bed->ring.avail->ring[i] = rnd(&seed) % (SIZE + 1);
        int got;
        while ((got = pop(bed)) == 1) {
            popped++;
            for (unsigned i = 0; i < bed->chain.n_out + bed->chain.n_in; i++) {
                struct iovec *iov = &bed->chain.iov[i];
                assert_true((uint8_t *)iov->iov_base >= ram);
                assert_true((uint8_t *)iov->iov_base + iov->iov_len <= ram + RAM);
            }
            virtq_push(&bed->q, bed->chain.head, 0);
        }
        refused += got < 0;
    }
    assert_true(popped > 1000);
    assert_true(refused > 1000);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_chain_comes_out_as_it_was_put_in),
        T(an_indirect_chain_may_be_longer_than_the_queue),
        T(direct_buffers_may_come_before_an_indirect_table),
        T(an_empty_buffer_is_left_out),
        T(a_loop_is_refused),
        T(a_loop_of_empty_buffers_is_refused),
        T(a_loop_in_an_indirect_table_is_refused),
        T(a_head_past_the_table_is_refused),
        T(a_successor_past_the_table_is_refused),
        T(an_available_index_out_of_reach_is_refused),
        T(more_chains_than_the_queue_holds_are_refused),
        T(a_buffer_outside_ram_is_refused),
        T(a_readable_buffer_behind_a_writable_one_is_refused),
        T(a_chain_of_more_than_4_gib_is_refused),
        T(a_chain_has_at_most_so_many_buffers),
        T(a_malformed_indirect_table_is_refused),
        T(an_indirect_table_within_another_is_refused),
        T(an_indirect_successor_past_its_table_is_refused),
        T(a_ring_must_be_aligned_in_ram_and_of_a_possible_size),
        T(a_stopped_queue_yields_and_takes_nothing),
        T(a_successor_goes_on_where_a_queue_was_stopped),
        T(indices_wrap),
        T(without_event_index_the_flags_decide),
        T(enabling_kicks_finds_what_came_meanwhile),
        T(with_event_index_the_driver_is_interrupted_when_it_asked),
        T(with_event_index_a_busy_device_is_not_kicked),
        T(a_whole_turn_of_the_index_without_an_interrupt_interrupts),
        T(random_chains_come_out_whole),
        T(random_garbage_yields_ram_or_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
