// SPDX-License-Identifier: MIT
/*
 * The tables on disk are a generation: two trees, of L2 tables and of refcount blocks, whose tops the header
 * names within one sector. Nothing of it is changed in place: what changes moves to clusters that count as
 * free there, and what is freed keeps its count until a new generation is made. That takes three steps:
 *
 * - everything that needs a place gets one, so that the refcounts can be changed without an allocation;
 * - what is freed loses its count. From here on, until the new generation is on disk, clusters count as
 *   free that the old one points to, so nothing else may change ("settling");
 * - the tables are written, with the data a barrier comes, then the header, then another barrier.
 *
 * Cut off anywhere, an image is of the one generation or of the other: no cluster is used that doesn't count, and
 * none counts that isn't used.
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
/* The disk's size, encryption (none), the L1 table's size and offset, the refcount table's offset and
 * clusters. */
#define TOPS_AT 24

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

static void add_free(struct qcow2 *q, struct qcow2_free f)
{
    q->freed += f.run.n;
    q->changed = true;
    if (!q->frees || q->n_frees == q->frees_room) {
        unsigned room = MAX(2 * q->frees_room, 64u);
        struct qcow2_free *frees = realloc(q->frees, room * sizeof(*frees));
        if (!frees)
            return;
        q->frees = frees;
        q->frees_room = room;
    }
    q->frees[q->n_frees++] = f;
}

void qcow2_free_later(struct qcow2 *q, uint64_t at, uint64_t n)
{
    struct qcow2_free *last = q->n_frees > 0 ? &q->frees[q->n_frees - 1] : NULL;
    q->to_free += n;
    if (!last || last->table != 0 || last->run.at + last->run.n * q->cluster != at) {
        add_free(q, (struct qcow2_free){ .run = { at, n } });
        return;
    }
    q->freed += n;
    last->run.n += n;
}

void qcow2_free_place(struct qcow2 *q, uint64_t at, uint64_t now, bool refs)
{
    /* Another table may be there next. */
    for (unsigned i = 0; i < q->n_places; i++) {
        if (q->place[i].table == at)
            q->place[i].table = 0;
    }
    add_free(q, (struct qcow2_free){ .run = { at, 1 }, .table = now, .refs = refs });
}

void qcow2_top_changed(struct qcow2 *q, struct qcow2_top *top, uint64_t index)
{
    top->low = top->high == 0 ? index : MIN(top->low, index);
    top->high = MAX(top->high, index + 1);
    q->changed = true;
}

int qcow2_lost(struct qcow2 *q, int err)
{
    if (!q->block.lost)
        log_error("what was written to the disk %s last may be lost: %s", q->path, strerror(-err));
    q->block.lost = true;
    return -EIO;
}

static int barrier(struct qcow2 *q)
{
    return fdatasync(q->file.fd) < 0 ? qcow2_lost(q, -errno) : 0;
}

static uint64_t l1_clusters(const struct qcow2 *q, uint32_t entries)
{
    return ALIGN_UP(entries * 8ull, (uint64_t)q->cluster) / q->cluster;
}

static struct qcow2_run l1_run(const struct qcow2 *q)
{
    return (struct qcow2_run){ q->h.l1_at, l1_clusters(q, q->h.l1_size) };
}

static struct qcow2_run reftable_run(const struct qcow2 *q)
{
    return (struct qcow2_run){ q->h.reftable_at, q->h.reftable_clusters };
}

/* The n clusters, counted, in which a top table will be. */
static int find_place(struct qcow2 *q, struct qcow2_top *top, uint64_t n)
{
    if (top->next.at != 0 && top->next.n == n)
        return 0;
    if (top->next.at != 0) {
        int err = qcow2_unref(q, top->next, NULL);
        if (err < 0)
            return err;
        top->next.at = 0;
    }
    struct qcow2_run old = top->spare;
    top->spare = (struct qcow2_run){ 0 };
    if (old.at != 0)
        q->free_hint = MIN(q->free_hint, old.at / q->cluster);
    int64_t at = qcow2_alloc_run(q, n, old.n == n ? old.at : 0);
    if (at < 0) {
        /* The next try may find it: nothing else may have been there meanwhile. */
        top->spare = old;
        return (int)at;
    }
    top->next = (struct qcow2_run){ (uint64_t)at, n };
    return 0;
}

/* The first step. A block that moves is freed too, and may be counted by one that has not moved yet. */
static int find_places(struct qcow2 *q)
{
    int err = find_place(q, &q->l1_top, l1_clusters(q, q->l1_n));
    if (err == 0)
        err = qcow2_own_counts(q, l1_run(q));
    if (err == 0)
        err = qcow2_own_counts(q, reftable_run(q));
    for (uint64_t freed = q->freed + 1; err == 0 && freed != q->freed;) {
        freed = q->freed;
        for (unsigned i = 0; i < q->n_frees && err == 0; i++)
            err = qcow2_own_counts(q, q->frees[i].run);
        if (err == 0)
            err = find_place(q, &q->reftable_top, q->reftable_n * 8 / q->cluster);
        if (err == 0 && q->reftable_top.next.n != q->reftable_n * 8 / q->cluster)
            freed = q->freed + 1; /* it grew meanwhile */
    }
    return err;
}

/* The second step. Where it is cut short, it goes on from there: a host without room may have some later. */
static int apply_frees(struct qcow2 *q)
{
    if (!q->settling) {
        q->settling = true;
        q->applied = 0;
        q->l1_top.old = (struct qcow2_free){ .run = l1_run(q) };
        q->reftable_top.old = (struct qcow2_free){ .run = reftable_run(q) };
    }
    for (; q->applied < q->n_frees + 2; q->applied++) {
        struct qcow2_free *f = q->applied < q->n_frees    ? &q->frees[q->applied]
                               : q->applied == q->n_frees ? &q->l1_top.old
                                                          : &q->reftable_top.old;
        for (; f->done < f->run.n; f->done++) {
            struct qcow2_run one = { f->run.at + f->done * q->cluster, 1 };
            int err = qcow2_unref(q, one, &f->gone);
            if (err < 0)
                return err;
        }
    }
    return 0;
}

/* Entries from `done` up to n. */
static int write_entries(const struct qcow2 *q, const uint64_t *table, uint64_t at, uint64_t done,
                         uint64_t n)
{
    uint8_t bytes[8192];
    while (done < n) {
        uint64_t part = MIN(n - done, sizeof(bytes) / 8);
        for (uint64_t i = 0; i < part; i++)
            qcow2_put_be64(bytes, i, table[done + i] & ~QCOW2_FRESH);
        int err = fd_pwrite_full(q->file.fd, bytes, part * 8, at + done * 8);
        if (err < 0)
            return err;
        done += part;
    }
    return 0;
}

static uint64_t reftable_on_disk(const struct qcow2 *q)
{
    return (uint64_t)q->h.reftable_clusters * q->cluster / 8;
}

/* Of a table of n entries, of `last` on disk: only what is not there yet, where it goes back to where it was. */
static int write_top(const struct qcow2 *q, const struct qcow2_top *top, const uint64_t *table,
                     uint64_t n, uint64_t last)
{
    uint64_t low = top->low, high = top->high;
    if (top->next.at != top->before || n != last)
        return write_entries(q, table, top->next.at, 0, n);
    if (top->before_high > 0) {
        low = high == 0 ? top->before_low : MIN(low, top->before_low);
        high = MAX(high, top->before_high);
    }
    return write_entries(q, table, top->next.at, low, high);
}

static void put_be32(uint8_t *to, uint64_t value)
{
    for (unsigned i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

static int write_header(const struct qcow2 *q)
{
    uint8_t tops[36] = { 0 };
    qcow2_put_be64(tops, 0, q->block.size);
    put_be32(tops + 12, q->l1_n);
    qcow2_put_be64(tops + 16, 0, q->l1_top.next.at);
    qcow2_put_be64(tops + 24, 0, q->reftable_top.next.at);
    put_be32(tops + 32, q->reftable_top.next.n);
    return fd_pwrite_full(q->file.fd, tops, sizeof(tops), TOPS_AT);
}

/* Nothing has it any more. */
static void give_back(struct qcow2 *q, const struct qcow2_free *f)
{
    if (f->table == 0) {
        (void)!fallocate(q->file.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)f->run.at,
                         (off_t)(f->run.n * q->cluster));
    } else if (q->n_places < QCOW2_PLACES) {
        struct qcow2_place *place = &q->place[q->n_places++];
        *place = (struct qcow2_place){ .at = f->run.at, .table = f->table };
        qcow2_cache_range(f->refs ? q->refs : q->l2, f->table, &place->low, &place->high);
    }
}

/* The table, of n entries, is where it was to be; on disk there were `last`, at `at`. */
static void top_settled(struct qcow2_top *top, uint64_t *table, uint64_t n, uint64_t last,
                        uint64_t *at)
{
    const struct qcow2_free *old = &top->old;
    uint64_t next = top->next.at;
    for (uint64_t i = top->low; i < top->high; i++)
        table[i] &= ~QCOW2_FRESH;
    *top =
        (struct qcow2_top){ .before = n == last ? *at : 0,
                            .before_low = top->low,
                            .before_high = top->high,
                            /* If nothing else has it. */
                            .spare = old->gone == old->run.n ? old->run : (struct qcow2_run){ 0 } };
    *at = next;
}

/* The new generation is on disk. */
static void settled(struct qcow2 *q)
{
    top_settled(&q->l1_top, q->l1, q->l1_n, q->h.l1_size, &q->h.l1_at);
    top_settled(&q->reftable_top, q->reftable, q->reftable_n, reftable_on_disk(q),
                &q->h.reftable_at);
    q->h.size = q->block.size;
    q->h.l1_size = q->l1_n;
    q->h.reftable_clusters = (uint32_t)(q->reftable_n * 8 / q->cluster);
    for (unsigned i = 0; i < q->n_frees; i++) {
        if (q->frees[i].gone == q->frees[i].run.n)
            give_back(q, &q->frees[i]);
    }
    q->n_frees = 0;
    q->to_free = 0;
    q->changed = q->settling = false;
}

/* The third step. */
static int write_generation(struct qcow2 *q)
{
    int err = qcow2_cache_write(q, q->l2);
    if (err == 0)
        err = qcow2_cache_write(q, q->refs);
    if (err == 0)
        err = write_top(q, &q->l1_top, q->l1, q->l1_n, q->h.l1_size);
    if (err == 0)
        err = write_top(q, &q->reftable_top, q->reftable, q->reftable_n, reftable_on_disk(q));
    if (err == 0)
        err = barrier(q);
    if (err == 0)
        err = write_header(q);
    if (err == 0)
        err = barrier(q);
    if (err == 0)
        settled(q);
    return err;
}

/* The last two steps. */
static int settle(struct qcow2 *q)
{
    int err = apply_frees(q);
    return err < 0 ? err : write_generation(q);
}

int qcow2_settle(struct qcow2 *q)
{
    if (!q->settling)
        return 0;
    return q->h.corrupt || q->block.lost ? -EIO : settle(q);
}

int qcow2_flush_tables(struct qcow2 *q)
{
    if (q->h.corrupt || q->block.lost)
        return -EIO;
    if (!q->changed)
        return 0;
    int err = q->settling ? 0 : find_places(q);
    return err < 0 ? err : settle(q);
}
