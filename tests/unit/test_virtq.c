// SPDX-License-Identifier: MIT
/* The device's side of the queue with drivers that keep the rules. */
#include <string.h>

#include "tests/unit/virtq_bed.h"
#include "vmm/base/fd.h"

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

/* A driver that keeps the rules: everything comes out whole, and is used once. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_chain_comes_out_as_it_was_put_in),
        T(an_indirect_chain_may_be_longer_than_the_queue),
        T(direct_buffers_may_come_before_an_indirect_table),
        T(an_empty_buffer_is_left_out),
        T(a_stopped_queue_yields_and_takes_nothing),
        T(a_successor_goes_on_where_a_queue_was_stopped),
        T(indices_wrap),
        T(without_event_index_the_flags_decide),
        T(enabling_kicks_finds_what_came_meanwhile),
        T(with_event_index_the_driver_is_interrupted_when_it_asked),
        T(with_event_index_a_busy_device_is_not_kicked),
        T(a_whole_turn_of_the_index_without_an_interrupt_interrupts),
        T(random_chains_come_out_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
