// SPDX-License-Identifier: MIT
/* The device's side of the queue with drivers that break the rules: nothing of theirs comes through,
 * and nothing ends the process. */
#include <errno.h>

#include "tests/unit/virtq_bed.h"

/* A chain that must break the queue, and leave it broken. */
static inline void assert_refused(struct bed *bed)
{
    assert_int_equal(pop(bed), -EPROTO);
    assert_int_equal(pop(bed), 0);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
        T(random_garbage_yields_ram_or_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
