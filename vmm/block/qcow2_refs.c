// SPDX-License-Identifier: MIT
/*
 * The refcount of each cluster of the file, 1 to 64 bits wide, in blocks of a cluster, which a table
 * lists. A block that is missing counts nothing; it is made where allocation first comes by, in the
 * first of the clusters that it counts.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODULE "disk"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/block/qcow2.h"

#define MAX_REFTABLE_BYTES (8 * MIB)
/* Clusters that count as used this far behind the file's end are a lie, and would be searched for hours. */
#define FAR_BEHIND_END (1u << 20)

static uint64_t per_block(const struct qcow2 *q)
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

/* The block that counts the cluster; NULL in *block where there is none. */
static int block_of(struct qcow2 *q, uint64_t cluster, uint64_t *at, uint8_t **block)
{
    uint64_t index = cluster / per_block(q);
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

static void list_block(struct qcow2 *q, uint64_t index, uint64_t at)
{
    q->reftable[index] = at;
    if (q->reftable_high == 0)
        q->reftable_low = index;
    q->reftable_low = MIN(q->reftable_low, index);
    q->reftable_high = MAX(q->reftable_high, index + 1);
}

/* Whether the image's own structures lie in what looked free: then its refcounts lie. */
static bool overlaps(const struct qcow2 *q, uint64_t at)
{
    uint64_t l1_end = q->h.l1_at + q->h.l1_size * 8ull;
    uint64_t table_end = q->h.reftable_at + (uint64_t)q->h.reftable_clusters * q->cluster;
    return at == 0 || (at >= q->h.l1_at && at < l1_end) ||
           (at >= q->h.reftable_at && at < table_end);
}

/* A new block that counts itself, in the first cluster that it counts. */
static int add_block(struct qcow2 *q, uint64_t index)
{
    uint64_t at = index * per_block(q) * q->cluster;
    uint8_t *block;
    if (overlaps(q, at))
        return qcow2_corrupt(q, "the refcount of a cluster that is in use", at);
    int err = qcow2_cache_get(q, q->refs, at, true, &block);
    if (err < 0)
        return err;
    write_count(q, at, block, 0, 1);
    list_block(q, index, at);
    return 0;
}

static int write_reftable(struct qcow2 *q, uint64_t at, uint32_t clusters)
{
    uint8_t *bytes = malloc(q->reftable_n * 8);
    uint8_t head[12];
    if (!bytes)
        return -ENOMEM;
    for (uint64_t i = 0; i < q->reftable_n; i++)
        qcow2_put_be64(bytes, i, q->reftable[i]);
    int err = fd_pwrite_full(q->file.fd, bytes, q->reftable_n * 8, at);
    free(bytes);
    if (err == 0 && fdatasync(q->file.fd) < 0)
        err = -errno;
    qcow2_put_be64(head, 0, at);
    for (unsigned i = 0; i < 4; i++)
        head[8 + i] = (uint8_t)(clusters >> (24 - 8 * i));
    return err < 0 ? err : fd_pwrite_full(q->file.fd, head, sizeof(head), 48);
}

/* A table of twice the size, behind everything that the old one can count. There first comes the table,
 * then the blocks that count both. */
static int grow_reftable(struct qcow2 *q)
{
    uint64_t old_n = q->reftable_n, old_at = q->h.reftable_at;
    uint32_t old_clusters = q->h.reftable_clusters;
    uint64_t clusters = 2ull * old_clusters, n = clusters * q->cluster / 8;
    uint64_t first = old_n * per_block(q), blocks = 1;
    uint64_t old_low = q->reftable_low, old_high = q->reftable_high;
    while (blocks * per_block(q) < clusters + blocks)
        blocks++;
    if (clusters * q->cluster > MAX_REFTABLE_BYTES ||
        first + clusters + blocks >= QCOW2_OFFSET / q->cluster)
        return -EFBIG;
    uint64_t *table = realloc(q->reftable, n * 8);
    if (!table)
        return -ENOMEM;
    memset(table + old_n, 0, (n - old_n) * 8);
    q->reftable = table;
    q->reftable_n = n;
    int err = 0;
    for (uint64_t i = 0; i < blocks && err == 0; i++) {
        uint64_t at = (first + clusters + i) * q->cluster;
        uint64_t counted =
            MIN(clusters + blocks - MIN(i * per_block(q), clusters + blocks), per_block(q));
        uint8_t *block;
        err = qcow2_cache_get(q, q->refs, at, true, &block);
        for (uint64_t c = 0; c < counted && err == 0; c++)
            write_count(q, at, block, c, 1);
        if (err == 0)
            list_block(q, old_n + i, at);
    }
    if (err == 0)
        err = qcow2_cache_write(q, q->refs);
    if (err == 0 && fdatasync(q->file.fd) < 0)
        err = -errno;
    if (err == 0)
        err = write_reftable(q, first * q->cluster, (uint32_t)clusters);
    if (err < 0) {
        for (uint64_t i = 0; i < blocks; i++)
            qcow2_cache_forget(q->refs, (first + clusters + i) * q->cluster);
        q->reftable_n = old_n;
        q->reftable_low = old_low;
        q->reftable_high = old_high;
        return err;
    }
    q->h.reftable_at = first * q->cluster;
    q->h.reftable_clusters = (uint32_t)clusters;
    q->reftable_low = q->reftable_high = 0;
    qcow2_free_later(q, old_at, old_clusters);
    return 0;
}

int64_t qcow2_alloc(struct qcow2 *q, uint64_t n, uint64_t *got)
{
    uint64_t first = 0, run = 0;
    int64_t size = image_file_size(&q->file);
    if (size < 0)
        return size;
    uint64_t end = (uint64_t)size / q->cluster + FAR_BEHIND_END;
    for (uint64_t cluster = q->free_hint; run < n; cluster++) {
        uint64_t at, index = cluster / per_block(q);
        uint8_t *block;
        if (cluster >= QCOW2_OFFSET / q->cluster)
            return -EFBIG;
        if (cluster >= end)
            return qcow2_corrupt(q, "the refcount of a cluster behind the end",
                                 cluster * q->cluster);
        while (index >= q->reftable_n) {
            int err = run > 0 ? 1 : grow_reftable(q);
            if (err < 0)
                return err;
            if (err > 0)
                goto found;
        }
        int err = block_of(q, cluster, &at, &block);
        if (err == 0 && !block) {
            if (run > 0)
                break;
            err = add_block(q, index);
            if (err == 0)
                err = block_of(q, cluster, &at, &block);
        }
        if (err < 0)
            return err;
        if (read_count(q, block, cluster % per_block(q)) != 0) {
            if (run > 0)
                break;
            continue;
        }
        if (overlaps(q, cluster * q->cluster))
            return qcow2_corrupt(q, "the refcount of a cluster that is in use",
                                 cluster * q->cluster);
        write_count(q, at, block, cluster % per_block(q), 1);
        first = run++ == 0 ? cluster : first;
    }
found:
    q->free_hint = first + run;
    *got = run;
    return (int64_t)(first * q->cluster);
}

int qcow2_unref(struct qcow2 *q, uint64_t at, uint64_t n, uint64_t *gone)
{
    for (uint64_t i = 0; i < n; i++) {
        uint64_t cluster = at / q->cluster + i, block_at;
        uint8_t *block;
        int err = block_of(q, cluster, &block_at, &block);
        if (err < 0)
            return err;
        uint64_t count = block ? read_count(q, block, cluster % per_block(q)) : 0;
        if (count == 0)
            return qcow2_corrupt(q, "no refcount for a cluster that is in use",
                                 cluster * q->cluster);
        write_count(q, block_at, block, cluster % per_block(q), count - 1);
        if (count > 1)
            continue;
        q->free_hint = MIN(q->free_hint, cluster);
        qcow2_cache_forget(q->refs, cluster * q->cluster);
        qcow2_cache_forget(q->l2, cluster * q->cluster);
        if (gone)
            ++*gone;
    }
    return 0;
}
