// SPDX-License-Identifier: MIT
/* A longer disk: the longer L1 table and the size come to disk with the next generation of the tables. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/util.h"
#include "vmm/block/qcow2.h"

static int grow_l1(struct qcow2 *q, uint64_t size)
{
    uint64_t n = (size - 1) / q->cluster / qcow2_l2_entries(q) + 1;
    if (n > QCOW2_MAX_L1 / 8)
        return -EFBIG;
    if (n <= q->l1_n)
        return 0;
    uint64_t *l1 = realloc(q->l1, n * 8);
    if (!l1)
        return -ENOMEM;
    memset(l1 + q->l1_n, 0, (n - q->l1_n) * 8);
    q->l1 = l1;
    q->l1_n = (uint32_t)n;
    return 0;
}

/* Behind the old end there may be what was never the disk's: the rest of its last cluster, and what a longer
 * backing file has there. */
static int clear_behind(struct qcow2 *q, uint64_t old, uint64_t size)
{
    uint64_t entry = 0, end = old;
    int err = old % q->cluster ? qcow2_get_entry(q, old, &entry) : 0;
    if (entry != 0)
        end = MIN(ALIGN_UP(old, (uint64_t)q->cluster), size);
    if (q->backing)
        end = MAX(end, MIN(q->backing->size, size));
    return err < 0 ? err : qcow2_write_zeroes(q, old, end - old, true);
}

int qcow2_resize(struct qcow2 *q, uint64_t size)
{
    uint64_t old = q->block.size;
    if (size < old)
        return -EINVAL;
    /* A snapshot of version 2 does not know its size. */
    if (q->block.read_only || (q->h.version == 2 && q->h.n_snapshots > 0))
        return -EOPNOTSUPP;
    if (size == old || q->h.corrupt)
        return q->h.corrupt ? -EIO : 0;
    int err = qcow2_settle(q);
    if (err == 0)
        err = grow_l1(q, size);
    if (err == 0)
        err = clear_behind(q, old, size);
    if (err < 0)
        return err;
    q->block.size = size;
    q->changed = true;
    err = qcow2_flush_tables(q);
    /* A flush that has begun carries the new size, and will come to its end: unless nothing does any more. */
    if (err < 0 && q->settling && !q->h.corrupt && !q->block.lost)
        return 0;
    if (err < 0)
        q->block.size = old;
    return err;
}
