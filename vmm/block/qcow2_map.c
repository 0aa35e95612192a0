// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>

#include "vmm/base/util.h"
#include "vmm/block/qcow2.h"

static uint64_t l1_index(const struct qcow2 *q, uint64_t pos)
{
    return pos / q->cluster / qcow2_l2_entries(q);
}

static uint64_t l2_index(const struct qcow2 *q, uint64_t pos)
{
    return pos / q->cluster % qcow2_l2_entries(q);
}

/* The L2 table for pos; NULL in *table where there is none. */
static int get_table(struct qcow2 *q, uint64_t pos, uint64_t *at, uint8_t **table)
{
    *at = q->l1[l1_index(q, pos)] & QCOW2_OFFSET;
    *table = NULL;
    if (*at == 0)
        return 0;
    if (*at % q->cluster)
        return qcow2_corrupt(q, "an L1 entry", q->h.l1_at + l1_index(q, pos) * 8);
    int err = qcow2_cache_get(q, q->l2, *at, false, table);
    return err == -EIO && qcow2_behind_end(q, *at + q->cluster)
               ? qcow2_corrupt(q, "an L1 entry", q->h.l1_at + l1_index(q, pos) * 8)
               : err;
}

static int classify(struct qcow2 *q, uint64_t entry, uint64_t table_at, struct qcow2_extent *e)
{
    e->entry = entry;
    e->at = entry & QCOW2_OFFSET;
    e->copied = entry & QCOW2_COPIED;
    if (entry & QCOW2_COMPRESSED) {
        e->kind = QCOW2_PACKED;
        return 0;
    }
    bool zero = entry & QCOW2_ZERO;
    if (e->at % q->cluster || (zero && q->h.version == 2))
        return qcow2_corrupt(q, "an entry of an L2 table", table_at);
    e->kind = zero ? QCOW2_ZEROES : e->at ? QCOW2_DATA : QCOW2_HOLE;
    return 0;
}

static bool goes_on(const struct qcow2_extent *e, const struct qcow2_extent *next)
{
    if (e->kind == QCOW2_PACKED || next->kind != e->kind)
        return false;
    return e->kind != QCOW2_DATA || (next->at == e->at + e->len && next->copied == e->copied);
}

int qcow2_map(struct qcow2 *q, uint64_t pos, uint64_t len, struct qcow2_extent *e)
{
    uint64_t at, in_cluster = pos % q->cluster, i = l2_index(q, pos);
    uint8_t *table;
    int err = get_table(q, pos, &at, &table);
    if (err < 0)
        return err;
    if (!table) {
        uint64_t covered = (qcow2_l2_entries(q) - i) * q->cluster - in_cluster;
        *e = (struct qcow2_extent){ .kind = QCOW2_HOLE, .len = MIN(len, covered) };
        return 0;
    }
    err = classify(q, qcow2_be64(table, i), at, e);
    if (err < 0)
        return err;
    e->len = q->cluster;
    while (e->len - in_cluster < len && ++i < qcow2_l2_entries(q)) {
        struct qcow2_extent next = { 0 };
        /* What is wrong behind here is found when it is asked for. */
        if (classify(q, qcow2_be64(table, i), at, &next) < 0 || !goes_on(e, &next))
            break;
        e->len += q->cluster;
    }
    e->at += e->kind == QCOW2_DATA ? in_cluster : 0;
    e->len = MIN(e->len - in_cluster, len);
    return 0;
}

int qcow2_get_entry(struct qcow2 *q, uint64_t pos, uint64_t *entry)
{
    uint64_t at;
    uint8_t *table;
    int err = get_table(q, pos, &at, &table);
    *entry = err == 0 && table ? qcow2_be64(table, l2_index(q, pos)) : 0;
    return err;
}

/* The L2 table for pos, fresh: a new one where there is none, else a copy of what is on disk. */
static int get_own_table(struct qcow2 *q, uint64_t pos, uint64_t *at, uint8_t **table)
{
    uint64_t index = l1_index(q, pos), old_at;
    uint8_t *old;
    int err = get_table(q, pos, &old_at, &old);
    if (err < 0)
        return err;
    *at = old_at;
    *table = old;
    if (old && (q->l1[index] & QCOW2_FRESH))
        return 0;
    struct qcow2_place place;
    err = qcow2_alloc_table(q, old_at, &place);
    if (err < 0)
        return err;
    *at = place.at;
    err = qcow2_cache_get(q, q->l2, old ? old_at : *at, !old, table);
    if (err < 0) {
        qcow2_unref(q, (struct qcow2_run){ *at, 1 }, NULL);
        return err;
    }
    if (old) {
        qcow2_cache_move(q->l2, old_at, &place);
        qcow2_free_place(q, old_at, *at, false);
    }
    q->l1[index] = *at | QCOW2_COPIED | QCOW2_FRESH;
    qcow2_top_changed(q, &q->l1_top, index);
    return 0;
}

static void free_entry(struct qcow2 *q, uint64_t old, uint64_t entry)
{
    uint64_t at = old & QCOW2_OFFSET;
    if (old & QCOW2_COMPRESSED) {
        uint32_t len;
        qcow2_packed_at(q, old, &at, &len);
        uint64_t first = at / q->cluster, last = (at + len - 1) / q->cluster;
        q->unpacked_entry = 0;
        qcow2_free_later(q, first * q->cluster, last - first + 1);
        return;
    }
    bool kept = !(entry & QCOW2_COMPRESSED) && (entry & QCOW2_OFFSET) == at;
    if (at != 0 && !kept)
        qcow2_free_later(q, at, 1);
}

int qcow2_set_entry(struct qcow2 *q, uint64_t pos, uint64_t entry)
{
    uint64_t at = 0, i = l2_index(q, pos);
    uint8_t *table;
    int err = qcow2_settle(q);
    if (err == 0)
        err = get_own_table(q, pos, &at, &table);
    if (err != 0)
        return err;
    uint64_t old = qcow2_be64(table, i);
    if (!(old & QCOW2_COMPRESSED) && (old & QCOW2_OFFSET) % q->cluster)
        return qcow2_corrupt(q, "an entry of an L2 table", at);
    qcow2_put_be64(table, i, entry);
    qcow2_cache_changed(q->l2, at, (uint32_t)i * 8, 8);
    free_entry(q, old, entry);
    return 0;
}

/* Compressed data begins at any byte, and ends in a whole number of 512-byte sectors. */
void qcow2_packed_at(const struct qcow2 *q, uint64_t entry, uint64_t *at, uint32_t *len)
{
    unsigned shift = 62 - (q->h.cluster_bits - 8);
    *at = entry & ((1ull << shift) - 1);
    uint32_t sectors = (uint32_t)(entry >> shift & ((1u << (q->h.cluster_bits - 8)) - 1)) + 1;
    *len = sectors * 512 - (uint32_t)(*at & 511);
}
