// SPDX-License-Identifier: MIT
/* Slots in the order of their use, found by a hash of the offset. What is dirty is fresh, and can be written
 * at any time. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/fd.h"
#include "vmm/base/list.h"
#include "vmm/base/util.h"
#include "vmm/block/qcow2.h"

#define BYTES (32 * MIB)
#define MIN_SLOTS 8u
#define MAX_SLOTS 4096u
#define BUCKETS 4096u
#define NONE UINT32_MAX

struct slot {
    struct list link;                   /* qcow2_cache.order: the one used last comes first */
    uint32_t next;                      /* of the same bucket, or NONE */
    uint64_t at;                        /* 0: empty */
    uint32_t low, high;                 /* the bytes that are not on disk yet: from, up to */
    uint32_t changed_low, changed_high; /* the bytes that were changed since the table moved */
    bool reloaded;  /* or since it was read: there may have been others before */
    uint8_t *table; /* NULL until it is needed */
};

struct qcow2_cache {
    unsigned cluster_bits;
    unsigned n, n_dirty;
    struct list order; /* struct slot.link */
    uint32_t bucket[BUCKETS];
    struct slot slot[];
};

struct qcow2_cache *qcow2_cache_create(unsigned cluster_bits)
{
    unsigned n = MIN(MAX((unsigned)(BYTES >> cluster_bits), MIN_SLOTS), MAX_SLOTS);
    struct qcow2_cache *cache = calloc(1, sizeof(*cache) + n * sizeof(cache->slot[0]));
    if (!cache)
        return NULL;
    cache->cluster_bits = cluster_bits;
    cache->n = n;
    list_init(&cache->order);
    for (unsigned i = 0; i < BUCKETS; i++)
        cache->bucket[i] = NONE;
    for (unsigned i = 0; i < n; i++)
        list_append(&cache->order, &cache->slot[i].link);
    return cache;
}

void qcow2_cache_destroy(struct qcow2_cache *cache)
{
    for (unsigned i = 0; cache && i < cache->n; i++)
        free(cache->slot[i].table);
    free(cache);
}

static uint32_t *bucket_of(struct qcow2_cache *cache, uint64_t at)
{
    return &cache->bucket[(at >> cache->cluster_bits) % BUCKETS];
}

static struct slot *find(struct qcow2_cache *cache, uint64_t at)
{
    for (uint32_t i = *bucket_of(cache, at); i != NONE; i = cache->slot[i].next) {
        if (cache->slot[i].at == at)
            return &cache->slot[i];
    }
    return NULL;
}

static void clean(struct qcow2_cache *cache, struct slot *slot)
{
    cache->n_dirty -= slot->high > 0;
    slot->low = slot->high = 0;
}

static void empty(struct qcow2_cache *cache, struct slot *slot)
{
    if (slot->at == 0)
        return;
    uint32_t *link = bucket_of(cache, slot->at);
    while (&cache->slot[*link] != slot)
        link = &cache->slot[*link].next;
    *link = slot->next;
    clean(cache, slot);
    slot->at = 0;
}

static void fill(struct qcow2_cache *cache, struct slot *slot, uint64_t at)
{
    uint32_t *bucket = bucket_of(cache, at);
    slot->at = at;
    slot->next = *bucket;
    *bucket = (uint32_t)(slot - cache->slot);
}

static int write_slot(struct qcow2 *q, struct qcow2_cache *cache, struct slot *slot)
{
    if (slot->high == 0)
        return 0;
    int err = fd_pwrite_full(q->file.fd, slot->table + slot->low, slot->high - slot->low,
                             slot->at + slot->low);
    if (err == 0)
        clean(cache, slot);
    return err;
}

/* The slot that was used longest ago; where that can't be written, one that need not be, so that a host without room can
 * be read from. The one that was used last stays as it is. */
static int choose(struct qcow2 *q, struct qcow2_cache *cache, struct slot **slot)
{
    struct list *link = cache->order.prev;
    *slot = container_of(link, struct slot, link);
    int err = write_slot(q, cache, *slot);
    for (; err < 0 && link != cache->order.next; link = link->prev) {
        *slot = container_of(link, struct slot, link);
        if ((*slot)->high == 0)
            return 0;
    }
    return err;
}

int qcow2_cache_get(struct qcow2 *q, struct qcow2_cache *cache, uint64_t at, bool fresh,
                    uint8_t **table)
{
    uint32_t len = 1u << cache->cluster_bits;
    struct slot *slot = find(cache, at);
    if (!slot) {
        int err = choose(q, cache, &slot);
        if (err < 0)
            return err;
        empty(cache, slot);
        if (!slot->table && !(slot->table = malloc(len)))
            return -ENOMEM;
        err = fresh ? 0 : fd_pread_full(q->file.fd, slot->table, len, at);
        if (err < 0)
            return err;
        fill(cache, slot, at);
        slot->reloaded = true;
    }
    if (fresh) {
        memset(slot->table, 0, len);
        qcow2_cache_changed(cache, at, 0, len);
    }
    list_remove(&slot->link);
    list_prepend(&cache->order, &slot->link);
    *table = slot->table;
    return 0;
}

static void add_range(uint32_t *low, uint32_t *high, uint32_t from, uint32_t to)
{
    *low = *high == 0 ? from : MIN(*low, from);
    *high = MAX(*high, to);
}

void qcow2_cache_changed(struct qcow2_cache *cache, uint64_t at, uint32_t offset, uint32_t len)
{
    struct slot *slot = find(cache, at);
    cache->n_dirty += slot->high == 0;
    add_range(&slot->low, &slot->high, offset, offset + len);
    add_range(&slot->changed_low, &slot->changed_high, offset, offset + len);
}

void qcow2_cache_forget(struct qcow2_cache *cache, uint64_t at)
{
    struct slot *slot = find(cache, at);
    if (slot)
        empty(cache, slot);
}

void qcow2_cache_move(struct qcow2_cache *cache, uint64_t from, const struct qcow2_place *to)
{
    struct slot *slot = find(cache, from);
    qcow2_cache_forget(cache, to->at);
    empty(cache, slot);
    fill(cache, slot, to->at);
    if (to->high > 0)
        qcow2_cache_changed(cache, to->at, to->low, to->high - to->low);
    slot->changed_low = slot->changed_high = 0;
    slot->reloaded = false;
}

void qcow2_cache_range(struct qcow2_cache *cache, uint64_t at, uint32_t *low, uint32_t *high)
{
    const struct slot *slot = find(cache, at);
    bool known = slot && !slot->reloaded;
    *low = known ? slot->changed_low : 0;
    *high = known ? slot->changed_high : 1u << cache->cluster_bits;
}

int qcow2_cache_write(struct qcow2 *q, struct qcow2_cache *cache)
{
    struct slot *slot;
    /* What is dirty was used lately. */
    list_for_each(slot, &cache->order, link) {
        if (cache->n_dirty == 0)
            break;
        int err = write_slot(q, cache, slot);
        if (err < 0)
            return err;
    }
    return 0;
}
