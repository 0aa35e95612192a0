// SPDX-License-Identifier: MIT
/*
 * Free clusters are those that the refcounts in memory count as free: what was freed since the last flush
 * still has its count (qcow2_flush.c), so nothing that the tables on disk point to is written over. A
 * refcount block that is missing is made where allocation first comes by, in the first of the clusters
 * that it counts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/util.h"
#include "vmm/block/qcow2.h"

#define MAX_REFTABLE_BYTES (8 * MIB)
/* Clusters that count as used this far behind the file's end are a lie, and would be searched for hours. */
#define FAR_BEHIND_END (1u << 20)

/* Twice as many blocks can be listed. The longer table is written with the next generation. */
static int grow_reftable(struct qcow2 *q)
{
    uint64_t n = 2 * q->reftable_n;
    if (n * 8 > MAX_REFTABLE_BYTES)
        return -EFBIG;
    uint64_t *table = realloc(q->reftable, n * 8);
    if (!table)
        return -ENOMEM;
    memset(table + q->reftable_n, 0, q->reftable_n * 8);
    q->reftable = table;
    q->reftable_n = n;
    return 0;
}

static bool listed(const struct qcow2 *q, uint64_t index)
{
    return index < q->reftable_n && (q->reftable[index] & QCOW2_OFFSET) != 0;
}

/* New blocks that could not be counted. */
static void drop_blocks(struct qcow2 *q, uint64_t index, uint64_t n)
{
    for (uint64_t i = index; i < index + n; i++) {
        if (listed(q, i))
            qcow2_cache_forget(q->refs, q->reftable[i] & QCOW2_OFFSET);
        if (i < q->reftable_n)
            q->reftable[i] = 0;
    }
}

/* There is a block for the cluster, which is in its own first cluster if it is new. */
static int need_block(struct qcow2 *q, uint64_t cluster)
{
    uint64_t index = cluster / qcow2_per_block(q), home = index * qcow2_per_block(q);
    bool taken;
    while (index >= q->reftable_n) {
        int err = grow_reftable(q);
        if (err < 0)
            return err;
    }
    if (listed(q, index))
        return 0;
    int err = qcow2_add_block(q, index, home);
    if (err == 0)
        err = qcow2_take(q, home, &taken);
    if (err < 0)
        drop_blocks(q, index, 1);
    return err;
}

/* Takes the cluster, if it is free. */
static int try_take(struct qcow2 *q, uint64_t cluster, uint64_t end, bool *taken)
{
    uint64_t count = 0;
    *taken = false;
    if (cluster >= QCOW2_OFFSET / q->cluster)
        return -EFBIG;
    if (cluster >= end)
        return qcow2_corrupt(q, "the refcount of a cluster behind the end", cluster * q->cluster);
    int err = need_block(q, cluster);
    if (err == 0)
        err = qcow2_count(q, cluster, &count);
    return err < 0 || count > 0 || qcow2_reserved(q, cluster) ? err : qcow2_take(q, cluster, taken);
}

int64_t qcow2_alloc(struct qcow2 *q, uint64_t n, uint64_t *got)
{
    uint64_t first = 0, run = 0;
    int64_t size = image_file_size(&q->file);
    int err = size < 0 ? (int)size : qcow2_settle(q);
    if (err < 0)
        return err;
    uint64_t end = (uint64_t)size / q->cluster + FAR_BEHIND_END;
    for (uint64_t cluster = q->free_hint; run < n; cluster++) {
        bool taken;
        /* A new block would be in the way. */
        if (run > 0 && !listed(q, cluster / qcow2_per_block(q)))
            break;
        err = try_take(q, cluster, end, &taken);
        if (err < 0 && run == 0)
            return err;
        if (err < 0 || (!taken && run > 0))
            break;
        first = taken && run == 0 ? cluster : first;
        run += taken;
    }
    q->free_hint = first + run;
    *got = run;
    return (int64_t)(first * q->cluster);
}

struct qcow2_place qcow2_take_place(struct qcow2 *q, unsigned i)
{
    struct qcow2_place place = q->place[i];
    q->place[i] = q->place[--q->n_places];
    return place;
}

/* The place that the table was at before, else any. */
static unsigned choose_place(const struct qcow2 *q, uint64_t old)
{
    for (unsigned i = 0; i < q->n_places; i++) {
        if (old != 0 && q->place[i].table == old)
            return i;
    }
    return q->n_places - 1;
}

int qcow2_alloc_table(struct qcow2 *q, uint64_t old, struct qcow2_place *place)
{
    int err = qcow2_settle(q);
    bool taken = false;
    while (err == 0 && !taken && q->n_places > 0) {
        *place = qcow2_take_place(q, choose_place(q, old));
        err = qcow2_take(q, place->at / q->cluster, &taken);
    }
    if (err < 0 || (taken && old != 0 && place->table == old))
        return err;
    uint64_t got;
    int64_t at = taken ? (int64_t)place->at : qcow2_alloc(q, 1, &got);
    *place = (struct qcow2_place){ .at = (uint64_t)at, .high = q->cluster };
    return at < 0 ? (int)at : 0;
}

/* The first cluster of n free ones in a row, as far as there are refcount blocks; 0: there are not as many. */
static int find_run(struct qcow2 *q, uint64_t n, uint64_t *first)
{
    uint64_t run = 0, end = q->reftable_n * qcow2_per_block(q);
    *first = 0;
    for (uint64_t c = q->free_hint; c < end; c++) {
        uint64_t index = c / qcow2_per_block(q), count = 1;
        if (listed(q, index)) {
            int err = qcow2_count(q, c, &count);
            if (err < 0)
                return err;
        } else {
            c = (index + 1) * qcow2_per_block(q) - 1;
        }
        run = count > 0 || qcow2_reserved(q, c) ? 0 : run + 1;
        if (run == n) {
            *first = c - n + 1;
            return 0;
        }
    }
    return 0;
}

/* Behind everything that is counted so far: n clusters, and then the blocks that count them. */
static int make_room(struct qcow2 *q, uint64_t n, uint64_t *first)
{
    uint64_t index = q->reftable_n, blocks = 1;
    bool taken;
    while (index > 0 && !listed(q, index - 1))
        index--;
    while (blocks * qcow2_per_block(q) < n + blocks)
        blocks++;
    *first = index * qcow2_per_block(q);
    if (*first + n + blocks >= QCOW2_OFFSET / q->cluster)
        return -EFBIG;
    int err = 0;
    while (index + blocks > q->reftable_n && err == 0)
        err = grow_reftable(q);
    for (uint64_t i = 0; i < blocks && err == 0; i++)
        err = qcow2_add_block(q, index + i, *first + n + i);
    for (uint64_t i = 0; i < blocks && err == 0; i++)
        err = qcow2_take(q, *first + n + i, &taken);
    if (err < 0)
        drop_blocks(q, index, blocks);
    return err;
}

/* Takes the run, unless a block that counts it has moved into it. */
static int take_run(struct qcow2 *q, struct qcow2_run run, bool *all)
{
    uint64_t i = 0, first = run.at / q->cluster;
    int err = qcow2_own_counts(q, run);
    for (*all = true; i < run.n && err == 0 && *all; i++)
        err = qcow2_take(q, first + i, all);
    if (err == 0 && *all)
        return 0;
    run.n = i - 1;
    int undone = i > 1 ? qcow2_unref(q, run, NULL) : 0;
    return err < 0 ? err : undone;
}

int64_t qcow2_alloc_run(struct qcow2 *q, uint64_t n, uint64_t at)
{
    bool all = false;
    uint64_t first = at / q->cluster;
    int err = qcow2_settle(q);
    if (err == 0 && at != 0)
        err = take_run(q, (struct qcow2_run){ at, n }, &all);
    while (err == 0 && !all) {
        err = find_run(q, n, &first);
        if (err == 0 && first == 0)
            err = make_room(q, n, &first);
        if (err == 0)
            err = take_run(q, (struct qcow2_run){ first * q->cluster, n }, &all);
    }
    return err < 0 ? err : (int64_t)(first * q->cluster);
}
