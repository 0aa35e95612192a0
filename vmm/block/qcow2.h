/* SPDX-License-Identifier: MIT */
/*
 * A qcow2 image (QEMU's docs/interop/qcow2.txt, versions 2 and 3) from the inside; for qcow2*.c alone.
 *
 * The image belongs to one loop, and its metadata is read and written there, with the loop waiting.
 * Only data of clusters that are there already moves asynchronously.
 *
 * What is on disk is never changed in place: a table that is changed moves to a free cluster first, and is
 * fresh from then on. A flush writes the fresh tables, and then the header, which names the top of both
 * trees in one sector: the image is the old one or the new one, wherever it is cut off (qcow2_flush.c).
 */
#ifndef VITRINE_BLOCK_QCOW2_H
#define VITRINE_BLOCK_QCOW2_H

#include "vmm/block/open.h"
#include "vmm/block/sync.h"

#define QCOW2_COPIED (1ull << 63)     /* the refcount is exactly one: it may be written in place */
#define QCOW2_COMPRESSED (1ull << 62) /* of an L2 entry */
#define QCOW2_ZERO 1ull               /* of an L2 entry, version 3 */
#define QCOW2_OFFSET 0x00fffffffffffe00ull
/* Of an entry of qcow2.l1 or qcow2.reftable, in memory alone: nothing on disk points to the table. */
#define QCOW2_FRESH 1ull

/* The longest L1 table, bytes: QEMU's limit. */
#define QCOW2_MAX_L1 (32u << 20)

enum qcow2_compression { QCOW2_ZLIB, QCOW2_ZSTD };

struct qcow2_header {
    unsigned version;
    unsigned cluster_bits; /* 9 to 21 */
    unsigned refcount_order;
    uint64_t size;    /* bytes, of the disk */
    uint64_t l1_at;   /* offsets in the file, bytes */
    uint32_t l1_size; /* entries */
    uint64_t reftable_at;
    uint32_t reftable_clusters;
    uint32_t n_snapshots;
    bool dirty, corrupt;
    uint64_t autoclear; /* features that end with the first write by who doesn't know them */
    enum qcow2_compression compression;
    char backing[1024]; /* empty: none */
    char backing_format[16];
};

/* Tables of one cluster each, by their offsets in the file. */
struct qcow2_cache;

/* Clusters in a row. */
struct qcow2_run {
    uint64_t at; /* bytes, of the file; 0: none */
    uint64_t n;  /* clusters */
};

/* Clusters to be freed with the next generation of the tables: until then, those on disk point to them. */
struct qcow2_free {
    struct qcow2_run run;
    uint64_t table; /* it was a table: where that is now; else 0 */
    bool refs;      /* a refcount block, not an L2 table */
    /* Clusters of the run: those that have lost their count, and those of them that nothing else has. */
    uint64_t done, gone;
};

/* A free cluster where a table was, which is kept from being allocated for data. It holds what the table was before
 * the last generation changed some of its bytes. */
struct qcow2_place {
    uint64_t at, table; /* where it is; where the table is now, or 0: that is not known */
    uint32_t low, high; /* the bytes: from, up to */
};

#define QCOW2_PLACES 64u

/* The L1 or the refcount table. It goes to and fro between two places, as the others do. */
struct qcow2_top {
    struct qcow2_run next; /* where the next generation has it, once that is known */
    struct qcow2_run
        spare; /* where the one before the last had it, which is kept from being allocated */
    uint64_t low, high; /* the entries that were changed since the last: from, up to */
    /* Where the one before the last had it, as long as now, and the entries that the last one changed. 0: it is
     * written as a whole. */
    uint64_t before, before_low, before_high;
    struct qcow2_free old; /* while settling: where the last one has it */
};

struct qcow2 {
    struct block_dev block;
    struct aio *aio;
    struct image_file file;
    struct block_sync sync; /* of flushes that change no table */
    char *path;
    struct qcow2_header h;
    uint32_t cluster; /* bytes */
    /* Host order. They may be longer than the header's, which are those on disk. */
    uint64_t *l1, *reftable;
    uint32_t l1_n; /* entries */
    uint64_t reftable_n;
    struct qcow2_top l1_top, reftable_top;
    struct qcow2_place place[QCOW2_PLACES];
    unsigned n_places;
    bool changed;  /* there is something fresh */
    bool settling; /* refcounts are the next generation's: nothing changes before that is on disk */
    struct qcow2_cache *l2, *refs;
    struct block_dev *backing;
    uint64_t free_hint; /* clusters before this one are in use */
    struct qcow2_free *frees;
    unsigned n_frees, frees_room;
    unsigned
        applied; /* while settling: of frees, and then of the top tables' `old`, those that are done */
    uint64_t freed;   /* clusters that were ever put there */
    uint64_t to_free; /* those of data that are there */
    bool busy;        /* a request is being submitted: others wait in `waiting` */
    struct block_req *waiting, *waiting_last; /* by next */
    uint8_t *scratch;                         /* a cluster, for what is copied on write */
    uint8_t *unpacked;                        /* the compressed cluster that was read last */
    uint64_t unpacked_entry;                  /* its L2 entry, or 0 */
    uint8_t *packed;                          /* two clusters */
};

/* qcow2_header.c: reads and checks. False with one log line. */
bool qcow2_header_read(struct qcow2_header *h, const struct image_file *file, const char *path,
                       bool read_only);

/* qcow2_cache.c */
struct qcow2_cache *qcow2_cache_create(unsigned cluster_bits);
void qcow2_cache_destroy(struct qcow2_cache *cache);
/* The table at the offset, which stays valid until the second next call; fresh: it is not on disk yet,
 * and is all zero. 0 or a negative errno. */
int qcow2_cache_get(struct qcow2 *q, struct qcow2_cache *cache, uint64_t at, bool fresh,
                    uint8_t **table);
/* A table that is in the cache goes to another place, which differs from it in bytes `low` up to `high`. */
void qcow2_cache_move(struct qcow2_cache *cache, uint64_t from, const struct qcow2_place *to);
/* The bytes of a table that were changed since it moved; all where that is not known. */
void qcow2_cache_range(struct qcow2_cache *cache, uint64_t at, uint32_t *low, uint32_t *high);
/* Bytes of a table that is in the cache, and fresh, were changed. */
void qcow2_cache_changed(struct qcow2_cache *cache, uint64_t at, uint32_t offset, uint32_t len);
/* What is at the offset is no table any more. */
void qcow2_cache_forget(struct qcow2_cache *cache, uint64_t at);
int qcow2_cache_write(struct qcow2 *q, struct qcow2_cache *cache);

/* qcow2_refs.c: refcounts. 0 or a negative errno. */
int qcow2_count(struct qcow2 *q, uint64_t cluster, uint64_t *count);
/* The blocks that count these clusters are fresh from now on: their counts change without an allocation. */
int qcow2_own_counts(struct qcow2 *q, struct qcow2_run run);
/* Takes a cluster where it is free still; *taken says so. */
int qcow2_take(struct qcow2 *q, uint64_t cluster, bool *taken);
/* Takes one reference off each cluster of the run, to which nothing on disk points. Adds to *gone, where given,
 * how many of them are free now. */
int qcow2_unref(struct qcow2 *q, struct qcow2_run run, uint64_t *gone);
/* A block for the index, counting nothing, in the file's cluster `home`, which somebody has to count. */
int qcow2_add_block(struct qcow2 *q, uint64_t index, uint64_t home);
bool qcow2_reserved(const struct qcow2 *q, uint64_t cluster);
uint64_t qcow2_per_block(const struct qcow2 *q);

/* qcow2_alloc.c */
/* A run of free clusters, up to n, that are taken now: their offset, and how many in *got. Or a
 * negative errno. */
int64_t qcow2_alloc(struct qcow2 *q, uint64_t n, uint64_t *got);
/* One for the table that is at `old` (0: a new one), and what it differs in. 0 or a negative errno. */
int qcow2_alloc_table(struct qcow2 *q, uint64_t old, struct qcow2_place *place);
/* Takes it off the list. */
struct qcow2_place qcow2_take_place(struct qcow2 *q, unsigned i);
/* Exactly n clusters in a row, at `at` where that is given and free. */
int64_t qcow2_alloc_run(struct qcow2 *q, uint64_t n, uint64_t at);

/* qcow2_flush.c */
/* An entry of the table is another one now. */
void qcow2_top_changed(struct qcow2 *q, struct qcow2_top *top, uint64_t index);
/* Nothing in the tables points to the clusters any more; on disk something may. Where memory is short
 * they stay counted, which is all the harm. */
void qcow2_free_later(struct qcow2 *q, uint64_t at, uint64_t n);
/* The same for where a table was, which is at `now`. */
void qcow2_free_place(struct qcow2 *q, uint64_t at, uint64_t now, bool refs);
/* Brings to disk what has changed: the next generation of the tables. */
int qcow2_flush_tables(struct qcow2 *q);
/* A flush that failed half-way is done, before anything else changes. */
int qcow2_settle(struct qcow2 *q);
/* A flush has failed with err: said once, and nothing is flushed any more. Gives -EIO: trying again would
 * succeed, without the data. */
int qcow2_lost(struct qcow2 *q, int err);
/* The image contradicts itself: says so, marks it, and gives -EIO. */
int qcow2_corrupt(struct qcow2 *q, const char *what, uint64_t at);

/* qcow2_map.c */
enum qcow2_kind { QCOW2_HOLE, QCOW2_ZEROES, QCOW2_DATA, QCOW2_PACKED };
struct qcow2_extent {
    enum qcow2_kind kind;
    uint64_t at;    /* QCOW2_DATA: where in the file */
    uint64_t entry; /* QCOW2_PACKED: the L2 entry */
    uint64_t len;   /* bytes */
    bool copied;    /* QCOW2_DATA: may be written in place */
};
/* What is at pos, and for how long (at most len). */
int qcow2_map(struct qcow2 *q, uint64_t pos, uint64_t len, struct qcow2_extent *extent);
/* The L2 entry of the cluster at pos; where its table is missing, 0. */
int qcow2_get_entry(struct qcow2 *q, uint64_t pos, uint64_t *entry);
/* Replaces it, and frees later what it was; makes the table where it is missing. Entries that point to
 * the same cluster as before keep it. */
int qcow2_set_entry(struct qcow2 *q, uint64_t pos, uint64_t entry);
void qcow2_packed_at(const struct qcow2 *q, uint64_t entry, uint64_t *at, uint32_t *len);

/* qcow2_packed.c: the whole cluster behind a compressed entry, in q->unpacked. 0 or a negative errno. */
int qcow2_unpack(struct qcow2 *q, uint64_t entry);

/* qcow2_write.c; all of these wait. */
int qcow2_read_now(struct qcow2 *q, uint64_t pos, uint8_t *buf, uint64_t len);
/* Zeroes where extent's data lies behind the end of the file but in its last cluster. */
int qcow2_read_data_now(struct qcow2 *q, uint64_t at, uint8_t *buf, uint64_t len);
int qcow2_write_now(struct qcow2 *q, uint64_t pos, const struct iovec *iov, unsigned n_iov,
                    uint64_t skip, uint64_t len);
int qcow2_write_zeroes(struct qcow2 *q, uint64_t pos, uint64_t len, bool unmap);
/* As block_ops.resize has it; with no request in flight. */
int qcow2_resize(struct qcow2 *q, uint64_t size);
int qcow2_discard(struct qcow2 *q, uint64_t pos, uint64_t len);

static inline bool qcow2_behind_end(const struct qcow2 *q, uint64_t end)
{
    int64_t size = image_file_size(&q->file);
    return size >= 0 && end > (uint64_t)size;
}

static inline uint64_t qcow2_be64(const uint8_t *table, uint64_t index)
{
    uint64_t value;
    __builtin_memcpy(&value, table + index * 8, 8);
    return __builtin_bswap64(value);
}

static inline void qcow2_put_be64(uint8_t *table, uint64_t index, uint64_t value)
{
    value = __builtin_bswap64(value);
    __builtin_memcpy(table + index * 8, &value, 8);
}

static inline uint64_t qcow2_l2_entries(const struct qcow2 *q)
{
    return q->cluster / 8;
}

#endif
