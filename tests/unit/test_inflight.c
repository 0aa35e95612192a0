// SPDX-License-Identifier: MIT
/* A queue whose device dies, and its successor's. */
#include <errno.h>
#include <string.h>

#include "tests/unit/virtq_bed.h"
#include "vmm/base/log.h"
#include "vmm/virtio/inflight.h"

static union {
    struct inflight_region region;
    uint8_t bytes[sizeof(struct inflight_region) + SIZE * sizeof(struct inflight_desc)];
} table_memory;

static struct inflight_region *const region = &table_memory.region;

/* The device's process is gone; the next one has the same rings and table. */
static int take_over(struct bed *bed)
{
    virtq_stop(&bed->q);
    return virtq_start(&bed->q, &bed->mem, false, 0);
}

static int start_tracked(void **state)
{
    set_up(state);
    struct bed *bed = *state;
    memset(&table_memory, 0, sizeof(table_memory));
    bed->q.inflight = region;
    return take_over(bed);
}

static void add(struct bed *bed, unsigned n)
{
    const struct ring_buf buf = { .gpa = DATA_GPA, .len = 16 };
    for (unsigned i = 0; i < n; i++)
        assert_true(ring_add(&bed->ring, &buf, 1) >= 0);
}

/* Takes what was left, and gives it back: the number of chains. */
static unsigned answer_left(struct bed *bed)
{
    unsigned n = 0;
    while (virtq_pop_left(&bed->q, &bed->chain) > 0) {
        virtq_push(&bed->q, bed->chain.head, 0);
        n++;
    }
    return n;
}

static void assert_all_back(struct bed *bed, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        assert_true(ring_take(&bed->ring, NULL) >= 0);
    assert_int_equal(ring_take(&bed->ring, NULL), -1);
}

static void what_was_taken_is_left_and_what_waits_is_popped(void **state)
{
    struct bed *bed = *state;
    add(bed, 5);
    assert_int_equal(pop(bed), 1);
    virtq_push(&bed->q, bed->chain.head, 0);
    assert_int_equal(pop(bed), 1);
    assert_int_equal(pop(bed), 1);
    assert_int_equal(take_over(bed), 0);
    assert_int_equal(answer_left(bed), 2);
    assert_int_equal(pop(bed), 1);
    virtq_push(&bed->q, bed->chain.head, 0);
    assert_int_equal(pop(bed), 1);
    virtq_push(&bed->q, bed->chain.head, 0);
    assert_int_equal(pop(bed), 0);
    assert_all_back(bed, 5);
}

static void the_oldest_is_left_first_whatever_its_head(void **state)
{
    struct bed *bed = *state;
    uint16_t heads[6];
    add(bed, 6);
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(pop(bed), 1);
        heads[i] = bed->chain.head;
    }
    /* The first two come back and are used again, so that heads and ages differ. */
    virtq_push(&bed->q, heads[1], 0);
    virtq_push(&bed->q, heads[0], 0);
    assert_true(ring_take(&bed->ring, NULL) >= 0 && ring_take(&bed->ring, NULL) >= 0);
    add(bed, 1);
    assert_int_equal(pop(bed), 1);
    uint16_t youngest = bed->chain.head;
    assert_int_equal(take_over(bed), 0);
    for (unsigned i = 2; i < 6; i++) {
        assert_int_equal(virtq_pop_left(&bed->q, &bed->chain), 1);
        assert_int_equal(bed->chain.head, heads[i]);
        virtq_push(&bed->q, bed->chain.head, 0);
    }
    assert_int_equal(virtq_pop_left(&bed->q, &bed->chain), 1);
    assert_int_equal(bed->chain.head, youngest);
}

/* Death at each step of giving a chain back, as the table and the used ring then stand. */
static void a_death_while_a_chain_is_given_back_loses_and_doubles_nothing(void **state)
{
    struct bed *bed = *state;
    add(bed, 2);
    assert_int_equal(pop(bed), 1);
    uint16_t head = bed->chain.head;
    assert_int_equal(pop(bed), 1);

    inflight_giving(region, head); /* and the used ring says nothing yet */
    assert_int_equal(take_over(bed), 0);
    assert_int_equal(answer_left(bed), 2);
    assert_all_back(bed, 2);

    add(bed, 2);
    assert_int_equal(pop(bed), 1);
    head = bed->chain.head;
    assert_int_equal(pop(bed), 1);
    virtq_push(&bed->q, head, 0);
    region->desc[head].inflight = 1; /* what follows the used ring's store was not done */
    region->used_idx--;
    assert_int_equal(take_over(bed), 0);
    assert_int_equal(answer_left(bed), 1);
    assert_all_back(bed, 2);
}

static void a_table_of_another_queue_breaks_the_device(void **state)
{
    struct bed *bed = *state;
    region->desc_num = 2 * SIZE;
    assert_int_equal(take_over(bed), -EINVAL);
    region->desc_num = SIZE;
    region->version = 2;
    assert_int_equal(take_over(bed), -EINVAL);
    region->version = INFLIGHT_VERSION;
    assert_int_equal(take_over(bed), 0);
}

static void what_a_broken_table_says_is_bounded(void **state)
{
    struct bed *bed = *state;
    uint64_t seed = 42;
    for (unsigned i = 0; i < 10000; i++) {
        for (size_t b = 0; b < sizeof(table_memory); b++)
            table_memory.bytes[b] = (uint8_t)rnd(&seed);
        region->features = rnd(&seed) % 8 == 0;
        region->version = rnd(&seed) % 8 ? INFLIGHT_VERSION : 7;
        region->desc_num = rnd(&seed) % 8 ? SIZE : 3;
        if (rnd(&seed) % 2)
            region->last_batch_head = (uint16_t)(rnd(&seed) % SIZE);
        for (unsigned d = 0; d < SIZE; d++)
            if (rnd(&seed) % 2)
                region->desc[d].next = (uint16_t)(rnd(&seed) % SIZE);
        struct vring_desc *desc = bed->ring.desc;
        for (unsigned d = 0; d < SIZE; d++)
            desc[d] = (struct vring_desc){ .addr = rnd(&seed) % (2 * RAM),
                                           .len = rnd(&seed) % 4096,
                                           .flags = (uint16_t)(rnd(&seed) % 8),
                                           .next = (uint16_t)(rnd(&seed) % (2 * SIZE)) };
        int err = take_over(bed);
        assert_true(err == 0 || err == -EINVAL);
        assert_true(answer_left(bed) <= SIZE);
        for (unsigned n = 0; pop(bed) > 0; n++) {
            assert_true(n <= SIZE);
            virtq_push(&bed->q, bed->chain.head, 0);
        }
    }
}

int main(void)
{
#define TRACKED(name) cmocka_unit_test_setup_teardown(name, start_tracked, tear_down)
    const struct CMUnitTest tests[] = {
        TRACKED(what_was_taken_is_left_and_what_waits_is_popped),
        TRACKED(the_oldest_is_left_first_whatever_its_head),
        TRACKED(a_death_while_a_chain_is_given_back_loses_and_doubles_nothing),
        TRACKED(a_table_of_another_queue_breaks_the_device),
        TRACKED(what_a_broken_table_says_is_bounded),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
