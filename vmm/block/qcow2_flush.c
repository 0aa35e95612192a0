// SPDX-License-Identifier: MIT
/*
 * What points comes to disk after what it points to, with a barrier in between: refcounts that went up;
 * the table that lists their blocks; L2 tables, behind the data that they point to; the L1 table; and
 * only then the refcounts that went down. Cut off anywhere, an image may have clusters that count as used
 * and aren't, but none that is used and doesn't count.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODULE "disk"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/block/qcow2.h"

/* Offsets in the header (docs/interop/qcow2.txt). */
#define INCOMPATIBLE_AT 72
#define CORRUPT_BYTE 0x02 /* in the last of its eight bytes */

int qcow2_corrupt(struct qcow2 *q, const char *what, uint64_t at)
{
    if (q->h.corrupt)
        return -EIO;
    q->h.corrupt = true;
    log_error("the disk %s contradicts itself: %s is wrong, at byte %llu of the file; it is not "
              "written any more ('qemu-img check' says more)",
              q->path, what, (unsigned long long)at);
    uint8_t byte;
    if (!q->block.read_only && q->h.version == 3 &&
        fd_pread_full(q->file.fd, &byte, 1, INCOMPATIBLE_AT + 7) == 0) {
        byte |= CORRUPT_BYTE;
        if (fd_pwrite_full(q->file.fd, &byte, 1, INCOMPATIBLE_AT + 7) < 0)
            log_warn("%s can't be marked corrupt", q->path);
    }
    return -EIO;
}

void qcow2_free_later(struct qcow2 *q, uint64_t at, uint64_t n)
{
    struct qcow2_free *last = q->n_frees > 0 ? &q->frees[q->n_frees - 1] : NULL;
    if (last && last->at + last->n * q->cluster == at) {
        last->n += n;
        return;
    }
    if (!q->frees || q->n_frees == q->frees_room) {
        unsigned room = MAX(2 * q->frees_room, 64u);
        struct qcow2_free *frees = realloc(q->frees, room * sizeof(*frees));
        if (!frees)
            return;
        q->frees = frees;
        q->frees_room = room;
    }
    q->frees[q->n_frees++] = (struct qcow2_free){ at, n };
}

bool qcow2_tables_dirty(const struct qcow2 *q)
{
    return q->n_frees > 0 || q->l1_high > 0 || q->reftable_high > 0 || qcow2_cache_dirty(q->l2) ||
           qcow2_cache_dirty(q->refs);
}

static int barrier(const struct qcow2 *q)
{
    return fdatasync(q->file.fd) < 0 ? -errno : 0;
}

/* Entries from `low` up to `high` of a table in host order. */
static int write_entries(const struct qcow2 *q, const uint64_t *table, uint64_t at, uint64_t low,
                         uint64_t high)
{
    uint8_t bytes[512];
    while (low < high) {
        uint64_t n = MIN(high - low, sizeof(bytes) / 8);
        for (uint64_t i = 0; i < n; i++)
            qcow2_put_be64(bytes, i, table[low + i]);
        int err = fd_pwrite_full(q->file.fd, bytes, n * 8, at + low * 8);
        if (err < 0)
            return err;
        low += n;
    }
    return 0;
}

static int write_refs(struct qcow2 *q)
{
    bool listed = q->reftable_high > 0;
    if (!listed && !qcow2_cache_dirty(q->refs))
        return 0;
    int err = qcow2_cache_write(q, q->refs);
    if (err == 0 && listed)
        err = barrier(q);
    if (err == 0)
        err = write_entries(q, q->reftable, q->h.reftable_at, q->reftable_low, q->reftable_high);
    if (err == 0)
        q->reftable_low = q->reftable_high = 0;
    return err;
}

static int write_tables(struct qcow2 *q)
{
    int err = 0;
    if (qcow2_cache_dirty(q->l2) || q->l1_high > 0)
        err = barrier(q);
    if (err == 0 && qcow2_cache_dirty(q->l2))
        err = qcow2_cache_write(q, q->l2);
    if (err < 0 || q->l1_high == 0)
        return err;
    err = barrier(q);
    if (err == 0)
        err = write_entries(q, q->l1, q->h.l1_at, q->l1_low, q->l1_high);
    if (err == 0)
        q->l1_low = q->l1_high = 0;
    return err;
}

/* Nothing points to them any more. Their space goes back to the host. */
static int apply_frees(struct qcow2 *q)
{
    int err = q->n_frees > 0 ? barrier(q) : 0;
    unsigned n = q->n_frees;
    for (unsigned i = 0; i < n && err == 0; i++) {
        struct qcow2_free f = q->frees[i];
        uint64_t gone = 0;
        err = qcow2_unref(q, f.at, f.n, &gone);
        if (err == 0 && gone == f.n)
            (void)!fallocate(q->file.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)f.at,
                             (off_t)(f.n * q->cluster));
    }
    if (n > 0) {
        /* What an error left is lost to the image, and no more than that. */
        q->n_frees = 0;
        int written = qcow2_cache_write(q, q->refs);
        err = err < 0 ? err : written;
    }
    return err;
}

int qcow2_flush_tables(struct qcow2 *q)
{
    /* On the way down from here only refcounts change, and may be written. */
    if (q->flushing)
        return qcow2_cache_write(q, q->refs);
    if (q->h.corrupt)
        return -EIO;
    q->flushing = true;
    int err = write_refs(q);
    if (err == 0)
        err = write_tables(q);
    if (err == 0)
        err = apply_frees(q);
    q->flushing = false;
    return err;
}
