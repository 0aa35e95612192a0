// SPDX-License-Identifier: MIT
/*
 * The three rings lie in memory that the driver writes at any time, so each field is loaded exactly
 * once, atomically, and what was loaded is what is validated and used.
 *
 * Two pairs of accesses carry the data: the driver's release of avail->idx with our acquire of it,
 * and our release of used->idx with the driver's acquire. Two more decide whether a side may sleep.
 * Each is a store, a full fence and a load on both sides, so that at least one of them sees the
 * other's store: used->idx / used_event against the driver's used_event / used->idx (interrupts),
 * and avail_event / avail->idx against the driver's avail->idx / avail_event (kicks).
 */
#include <assert.h>
#include <errno.h>
#include <linux/virtio_ring.h>
#include <stdatomic.h>
#include <stddef.h>

#define LOG_MODULE "virtq"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/core/mem.h"
#include "vmm/virtio/device.h"
#include "vmm/virtio/inflight.h"
#include "vmm/virtio/virtq.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "rings are little endian");
static_assert(sizeof(struct vring_desc) == 16, "a descriptor has 16 bytes");

#define load_relaxed(p) __atomic_load_n(p, __ATOMIC_RELAXED)
#define store_relaxed(p, v) __atomic_store_n(p, v, __ATOMIC_RELAXED)

static const char *queue_name(const struct virtq *q)
{
    return q->dev && q->dev->ops ? q->dev->ops->name : "device";
}

static int broken(struct virtq *q, const char *why)
{
    q->broken = true;
    log_guest("%s: queue %u: %s", queue_name(q), q->index, why);
    return -EPROTO;
}

static uint16_t avail_idx(const struct virtq *q)
{
    const struct vring_avail *avail = q->avail;
    /* Pairs with the driver's release: the entries and descriptors before idx are visible. */
    return __atomic_load_n(&avail->idx, __ATOMIC_ACQUIRE);
}

static uint16_t *used_event(const struct virtq *q)
{
    struct vring_avail *avail = q->avail;
    return &avail->ring[q->size];
}

static uint16_t *avail_event(const struct virtq *q)
{
    struct vring_used *used = q->used;
    return (uint16_t *)(void *)&used->ring[q->size];
}

/* Goes on where a predecessor was, if there was one. */
static int adopt(struct virtq *q)
{
    if (!q->inflight)
        return 0;
    int n = inflight_adopt(q->inflight, q->size, q->used_idx, &q->n_popped);
    if (n == -EINVAL) {
        log_warn("%s: queue %u: its table of chains in flight is another's", queue_name(q),
                 q->index);
        return n;
    }
    if (n >= 0) {
        q->n_left = (unsigned)n;
        q->last_avail = (uint16_t)(q->used_idx + n);
    }
    return 0;
}

int virtq_start(struct virtq *q, const struct guest_mem *mem, bool event_idx, uint16_t base)
{
    unsigned size = q->size;
    if (size == 0 || size > VIRTQ_MAX_SIZE || (size & (size - 1))) {
        log_guest("%s: queue %u has the impossible size %u", queue_name(q), q->index, size);
        return -EINVAL;
    }
    void *desc = NULL, *avail = NULL, *used = NULL;
    if (!(q->desc_gpa % VRING_DESC_ALIGN_SIZE))
        desc = guest_mem_ptr(mem, q->desc_gpa, size * sizeof(struct vring_desc));
    /* The event fields stand behind the rings' last entries. */
    if (!(q->driver_gpa % VRING_AVAIL_ALIGN_SIZE))
        avail = guest_mem_ptr(mem, q->driver_gpa,
                              sizeof(struct vring_avail) + (size + 1) * sizeof(uint16_t));
    if (!(q->device_gpa % VRING_USED_ALIGN_SIZE))
        used = guest_mem_ptr(mem, q->device_gpa,
                             sizeof(struct vring_used) + size * sizeof(struct vring_used_elem) +
                                 sizeof(uint16_t));
    if (!desc || !avail || !used) {
        log_guest("%s: queue %u: a ring is misaligned or not in RAM", queue_name(q), q->index);
        return -EINVAL;
    }
    q->mem = mem;
    q->desc = desc;
    q->avail = avail;
    q->used = used;
    q->event_idx = event_idx;
    q->last_avail = base;
    q->used_idx = q->signalled_used = load_relaxed(&((struct vring_used *)used)->idx);
    q->signalled_valid = q->armed = q->kick_off = q->broken = false;
    q->n_left = 0;
    int err = adopt(q);
    if (err < 0)
        virtq_stop(q);
    return err;
}

uint16_t virtq_stop(struct virtq *q)
{
    q->mem = NULL;
    q->desc = q->avail = q->used = NULL;
    return q->last_avail;
}

/* Asks for a kick at the next chain; false where that had been done before. */
static bool arm(struct virtq *q)
{
    if (!q->event_idx || (q->armed && q->avail_event == q->last_avail))
        return false;
    store_relaxed(avail_event(q), q->last_avail);
    q->avail_event = q->last_avail;
    q->armed = true;
    /* Pairs with the driver's fence between avail->idx and avail_event. */
    atomic_thread_fence(memory_order_seq_cst);
    return true;
}

/* A walk through one chain's descriptors. */
struct walk {
    const struct vring_desc *table;
    uint32_t n_table, index;
    uint64_t total; /* bytes described so far */
    bool indirect;
};

static int enter_indirect(struct virtq *q, struct walk *w, uint64_t addr, uint32_t len,
                          uint16_t flags)
{
    if (w->indirect)
        return broken(q, "an indirect table within an indirect table");
    if (flags & VRING_DESC_F_NEXT)
        return broken(q, "an indirect descriptor with a successor");
    if (len == 0 || len % sizeof(struct vring_desc))
        return broken(q, "an indirect table of odd length");
    if (addr % _Alignof(struct vring_desc))
        return broken(q, "an indirect table that is not aligned");
    w->table = guest_mem_ptr(q->mem, addr, len);
    if (!w->table)
        return broken(q, "an indirect table outside RAM");
    w->n_table = len / sizeof(struct vring_desc);
    w->index = 0;
    w->indirect = true;
    return 0;
}

static int add_buffer(struct virtq *q, struct virtq_chain *chain, struct walk *w, uint64_t addr,
                      uint32_t len, bool writable)
{
    if (!writable && chain->n_in > 0)
        return broken(q, "a readable buffer behind a writable one");
    if (len == 0)
        return 0;
    w->total += len;
    if (w->total > UINT32_MAX)
        return broken(q, "a chain of more than 4 GiB");
    unsigned n = chain->n_out + chain->n_in;
    if (n == VIRTQ_MAX_SEGMENTS)
        return broken(q, "a chain of too many buffers");
    void *base = guest_mem_ptr(q->mem, addr, len);
    if (!base)
        return broken(q, "a buffer outside RAM");
    chain->iov[n] = (struct iovec){ .iov_base = base, .iov_len = len };
    if (writable)
        chain->n_in++;
    else
        chain->n_out++;
    return 0;
}

static int walk_chain(struct virtq *q, struct virtq_chain *chain)
{
    struct walk w = { .table = q->desc, .n_table = q->size, .index = chain->head };
    /* A loop ends here at the latest: one step for each buffer and one into an indirect table. */
    for (unsigned steps = 0; steps <= VIRTQ_MAX_SEGMENTS; steps++) {
        if (w.index >= w.n_table)
            return broken(q, "a descriptor index past the table");
        const struct vring_desc *d = &w.table[w.index];
        uint64_t addr = load_relaxed(&d->addr);
        uint32_t len = load_relaxed(&d->len);
        uint16_t flags = load_relaxed(&d->flags);
        uint16_t next = load_relaxed(&d->next);

        int err;
        if (flags & VRING_DESC_F_INDIRECT) {
            err = enter_indirect(q, &w, addr, len, flags);
            if (err < 0)
                return err;
            continue;
        }
        err = add_buffer(q, chain, &w, addr, len, flags & VRING_DESC_F_WRITE);
        if (err < 0)
            return err;
        if (!(flags & VRING_DESC_F_NEXT))
            return 1;
        w.index = next;
    }
    return broken(q, "a chain without end");
}

int virtq_pop(struct virtq *q, struct virtq_chain *chain)
{
    if (!q->desc || q->broken)
        return 0;
    uint16_t idx = avail_idx(q);
    if (idx == q->last_avail && !q->kick_off && arm(q))
        idx = avail_idx(q);
    uint16_t waiting = (uint16_t)(idx - q->last_avail);
    if (waiting == 0)
        return 0;
    if (waiting > q->size)
        return broken(q, "an available index out of reach");
    if ((uint16_t)(q->last_avail - q->used_idx) >= q->size)
        return broken(q, "more chains than the queue holds");

    const struct vring_avail *avail = q->avail;
    uint16_t head = load_relaxed(&avail->ring[q->last_avail & (q->size - 1)]);
    if (q->inflight && head < q->size)
        inflight_take(q->inflight, head, q->n_popped++);
    q->last_avail++;
    chain->head = head;
    chain->n_out = chain->n_in = 0;
    return walk_chain(q, chain);
}

int virtq_pop_left(struct virtq *q, struct virtq_chain *chain)
{
    if (!q->desc || q->broken || q->n_left == 0 ||
        !inflight_oldest(q->inflight, q->size, &chain->head))
        return 0;
    q->n_left--;
    chain->n_out = chain->n_in = 0;
    return walk_chain(q, chain);
}

unsigned virtq_available(const struct virtq *q)
{
    if (!q->desc || q->broken)
        return 0;
    uint16_t waiting = (uint16_t)(avail_idx(q) - q->last_avail);
    /* An index out of reach is for virtq_pop() to find. */
    return MIN(waiting, q->size);
}

bool virtq_await_more(struct virtq *q, unsigned seen)
{
    if (!q->desc || q->broken)
        return false;
    if (q->event_idx) {
        q->avail_event = (uint16_t)(q->last_avail + seen);
        q->armed = true;
        store_relaxed(avail_event(q), q->avail_event);
    } else {
        struct vring_used *used = q->used;
        store_relaxed(&used->flags, 0);
    }
    /* Pairs with the driver's fence between avail->idx and avail_event (or used->flags). */
    atomic_thread_fence(memory_order_seq_cst);
    return virtq_available(q) != seen;
}

void virtq_push_all(struct virtq *q, const struct virtq_used *chains, unsigned n)
{
    if (!q->used)
        return;
    struct vring_used *used = q->used;
    for (unsigned i = 0; i < n; i++) {
        struct vring_used_elem *elem = &used->ring[(q->used_idx + i) & (q->size - 1)];
        store_relaxed(&elem->id, chains[i].head);
        store_relaxed(&elem->len, chains[i].written);
        if (q->inflight && chains[i].head < q->size)
            inflight_giving(q->inflight, chains[i].head);
    }
    /* So many since the last interrupt that the distance can't be told any more: interrupt. */
    if ((uint16_t)(q->signalled_used - q->used_idx - 1) < n)
        q->signalled_valid = false;
    q->used_idx = (uint16_t)(q->used_idx + n);
    /* Pairs with the driver's acquire: the elements and the buffers' bytes before idx. */
    __atomic_store_n(&used->idx, q->used_idx, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < n; i++) {
        if (q->inflight && chains[i].head < q->size)
            inflight_given(q->inflight, chains[i].head, q->used_idx);
    }
}

void virtq_push(struct virtq *q, uint16_t head, uint32_t written)
{
    virtq_push_all(q, &(struct virtq_used){ head, written }, 1);
}

static bool driver_wants_interrupt(struct virtq *q)
{
    /* Pairs with the driver's fence between used_event (or flags) and used->idx. */
    atomic_thread_fence(memory_order_seq_cst);
    if (!q->event_idx) {
        const struct vring_avail *avail = q->avail;
        return !(load_relaxed(&avail->flags) & VRING_AVAIL_F_NO_INTERRUPT);
    }
    return !q->signalled_valid ||
           vring_need_event(load_relaxed(used_event(q)), q->used_idx, q->signalled_used);
}

void virtq_notify(struct virtq *q)
{
    if (!q->used || (q->signalled_valid && q->signalled_used == q->used_idx))
        return;
    bool interrupt = driver_wants_interrupt(q);
    q->signalled_used = q->used_idx;
    q->signalled_valid = true;
    if (interrupt && q->call_fd >= 0)
        fd_event_signal(q->call_fd);
}

bool virtq_enable_kick(struct virtq *q)
{
    if (!q->desc)
        return false;
    q->kick_off = false;
    if (!q->event_idx) {
        struct vring_used *used = q->used;
        store_relaxed(&used->flags, 0);
        /* Pairs with the driver's fence between avail->idx and used->flags. */
        atomic_thread_fence(memory_order_seq_cst);
    } else {
        arm(q);
    }
    return avail_idx(q) != q->last_avail;
}

void virtq_disable_kick(struct virtq *q)
{
    if (!q->desc)
        return;
    q->kick_off = true;
    if (!q->event_idx) {
        struct vring_used *used = q->used;
        store_relaxed(&used->flags, VRING_USED_F_NO_NOTIFY);
    }
}
