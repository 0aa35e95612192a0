// SPDX-License-Identifier: MIT
/*
 * The refcount of each cluster of the file, 1 to 64 bits wide, in blocks of a cluster, which a table
 * lists. A block that is missing counts nothing. One that changes moves, if it can to a cluster that it
 * counts itself, so that one change does not lead to another.
 */
#include <errno.h>
#include <string.h>

#define LOG_MODULE "disk"
#include "vmm/base/util.h"
#include "vmm/block/qcow2.h"

uint64_t qcow2_per_block(const struct qcow2 *q)
{
    return (uint64_t)q->cluster * 8 >> q->h.refcount_order;
}

static uint64_t read_count(const struct qcow2 *q, const uint8_t *block, uint64_t i)
{
    uint64_t value = 0;
    unsigned bits = 1u << q->h.refcount_order;
    if (bits < 8)
        return block[i * bits / 8] >> (i * bits % 8) & ((1u << bits) - 1);
    for (unsigned b = 0; b < bits / 8; b++)
        value = value << 8 | block[i * (bits / 8) + b];
    return value;
}

static void write_count(struct qcow2 *q, uint64_t block_at, uint8_t *block, uint64_t i,
                        uint64_t value)
{
    unsigned bits = 1u << q->h.refcount_order;
    if (bits < 8) {
        uint8_t *byte = &block[i * bits / 8];
        unsigned shift = (unsigned)(i * bits % 8), mask = ((1u << bits) - 1) << shift;
        *byte = (uint8_t)((*byte & ~mask) | (value << shift & mask));
        qcow2_cache_changed(q->refs, block_at, (uint32_t)(i * bits / 8), 1);
        return;
    }
    for (unsigned b = 0; b < bits / 8; b++)
        block[i * (bits / 8) + b] = (uint8_t)(value >> (bits - 8 - 8 * b));
    qcow2_cache_changed(q->refs, block_at, (uint32_t)(i * (bits / 8)), bits / 8);
}

/* The block of that index; NULL in *block where there is none. */
static int get_block(struct qcow2 *q, uint64_t index, uint64_t *at, uint8_t **block)
{
    *block = NULL;
    *at = index < q->reftable_n ? q->reftable[index] & QCOW2_OFFSET : 0;
    if (*at == 0)
        return 0;
    if (*at % q->cluster)
        return qcow2_corrupt(q, "a refcount block", *at);
    int err = qcow2_cache_get(q, q->refs, *at, false, block);
    return err == -EIO && qcow2_behind_end(q, *at + q->cluster)
               ? qcow2_corrupt(q, "a refcount block", *at)
               : err;
}

static bool in_run(struct qcow2_run run, uint64_t at, uint64_t cluster)
{
    return at >= run.at && at < run.at + run.n * cluster;
}

bool qcow2_reserved(const struct qcow2 *q, uint64_t cluster)
{
    uint64_t at = cluster * q->cluster;
    for (unsigned i = 0; i < q->n_places; i++) {
        if (q->place[i].at == at)
            return true;
    }
    return in_run(q->l1_top.spare, at, q->cluster) || in_run(q->reftable_top.spare, at, q->cluster);
}

/* Whether the image's own structures lie in what looked free: then its refcounts lie. */
static bool overlaps(const struct qcow2 *q, uint64_t cluster)
{
    uint64_t at = cluster * q->cluster, l1_end = q->h.l1_at + q->h.l1_size * 8ull;
    uint64_t table_end = q->h.reftable_at + (uint64_t)q->h.reftable_clusters * q->cluster;
    return at == 0 || (at >= q->h.l1_at && at < l1_end) ||
           (at >= q->h.reftable_at && at < table_end);
}

static void list_block(struct qcow2 *q, uint64_t index, uint64_t home)
{
    q->reftable[index] = home * q->cluster | QCOW2_FRESH;
    qcow2_top_changed(q, &q->reftable_top, index);
}

/* A free cluster that the block at `old` counts itself: where it was before, where any table was, or another.
 * False: there is none. */
static bool own_home(struct qcow2 *q, uint64_t index, uint64_t old, const uint8_t *block,
                     struct qcow2_place *home)
{
    uint64_t first = index * qcow2_per_block(q), end = first + qcow2_per_block(q);
    unsigned found = q->n_places;
    for (unsigned i = 0; i < q->n_places; i++) {
        uint64_t c = q->place[i].at / q->cluster;
        if (c >= first && c < end && (found == q->n_places || q->place[i].table == old))
            found = i;
    }
    if (found < q->n_places) {
        *home = qcow2_take_place(q, found);
        if (home->table != old)
            *home = (struct qcow2_place){ .at = home->at, .high = q->cluster };
        return true;
    }
    for (uint64_t c = MAX(first, q->free_hint); c < end; c++) {
        if (read_count(q, block, c - first) == 0 && !qcow2_reserved(q, c) && !overlaps(q, c)) {
            *home = (struct qcow2_place){ .at = c * q->cluster, .high = q->cluster };
            return true;
        }
    }
    return false;
}

static int no_count(struct qcow2 *q, uint64_t cluster)
{
    return qcow2_corrupt(q, "no refcount for a cluster that is in use", cluster * q->cluster);
}

/* Likewise where there has to be one. */
static int need_block(struct qcow2 *q, uint64_t index, uint64_t *at, uint8_t **block)
{
    int err = get_block(q, index, at, block);
    if (err != 0 || *block)
        return err;
    no_count(q, index * qcow2_per_block(q));
    return -EIO;
}

/* The block of that index, which there is, fresh. */
static int own_block(struct qcow2 *q, uint64_t index, uint64_t *at, uint8_t **block)
{
    int err = need_block(q, index, at, block);
    if (err != 0 || (q->reftable[index] & QCOW2_FRESH))
        return err;
    uint64_t old = *at;
    struct qcow2_place home;
    bool own = own_home(q, index, old, *block, &home);
    if (!own) {
        err = qcow2_alloc_table(q, old, &home);
        if (err < 0)
            return err;
        err = need_block(q, index, at, block);
        if (err != 0) {
            qcow2_unref(q, (struct qcow2_run){ home.at, 1 }, NULL);
            return err;
        }
    }
    *at = home.at;
    qcow2_cache_move(q->refs, old, &home);
    if (own)
        write_count(q, *at, *block, home.at / q->cluster % qcow2_per_block(q), 1);
    list_block(q, index, home.at / q->cluster);
    qcow2_free_place(q, old, home.at, true);
    return 0;
}

int qcow2_add_block(struct qcow2 *q, uint64_t index, uint64_t home)
{
    uint8_t *block;
    if (overlaps(q, home))
        return qcow2_corrupt(q, "the refcount of a cluster that is in use", home * q->cluster);
    int err = qcow2_cache_get(q, q->refs, home * q->cluster, true, &block);
    if (err == 0)
        list_block(q, index, home);
    return err;
}

int qcow2_count(struct qcow2 *q, uint64_t cluster, uint64_t *count)
{
    uint64_t at;
    uint8_t *block;
    int err = get_block(q, cluster / qcow2_per_block(q), &at, &block);
    *count = err == 0 && block ? read_count(q, block, cluster % qcow2_per_block(q)) : 0;
    return err;
}

int qcow2_own_counts(struct qcow2 *q, struct qcow2_run run)
{
    uint64_t c = run.at / q->cluster, end = c + run.n;
    while (c < end) {
        uint64_t at, index = c / qcow2_per_block(q);
        uint8_t *block;
        if (index >= q->reftable_n || (q->reftable[index] & QCOW2_OFFSET) == 0)
            return no_count(q, c);
        int err = (q->reftable[index] & QCOW2_FRESH) ? 0 : own_block(q, index, &at, &block);
        if (err < 0)
            return err;
        c = (index + 1) * qcow2_per_block(q);
    }
    return 0;
}

int qcow2_take(struct qcow2 *q, uint64_t cluster, bool *taken)
{
    uint64_t at, i = cluster % qcow2_per_block(q);
    uint8_t *block;
    *taken = false;
    if (overlaps(q, cluster))
        return qcow2_corrupt(q, "the refcount of a cluster that is in use", cluster * q->cluster);
    int err = own_block(q, cluster / qcow2_per_block(q), &at, &block);
    /* The block may have moved there. */
    if (err != 0 || read_count(q, block, i) != 0)
        return err;
    write_count(q, at, block, i, 1);
    *taken = true;
    return 0;
}

int qcow2_unref(struct qcow2 *q, struct qcow2_run run, uint64_t *gone)
{
    uint64_t first = run.at / q->cluster;
    int err = qcow2_own_counts(q, run);
    for (uint64_t c = first; c < first + run.n && err == 0; c++) {
        uint64_t at, i = c % qcow2_per_block(q);
        uint8_t *block;
        err = own_block(q, c / qcow2_per_block(q), &at, &block);
        uint64_t count = err == 0 ? read_count(q, block, i) : 1;
        if (count == 0)
            return no_count(q, c);
        if (err < 0)
            break;
        write_count(q, at, block, i, count - 1);
        if (count > 1)
            continue;
        q->free_hint = MIN(q->free_hint, c);
        qcow2_cache_forget(q->refs, c * q->cluster);
        qcow2_cache_forget(q->l2, c * q->cluster);
        if (gone)
            ++*gone;
    }
    return err;
}
