// SPDX-License-Identifier: MIT
#include "tests/ring.h"

#include <stdatomic.h>
#include <string.h>

#include "vmm/base/util.h"
#include "vmm/core/mem.h"
#include "vmm/virtio/virtq.h"

#define PAGE 4096ull

void ring_init(struct ring *ring, const struct guest_mem *mem, uint64_t gpa, uint16_t size,
               bool event_idx, uint64_t *end)
{
    *ring = (struct ring){ .mem = mem, .size = size, .event_idx = event_idx, .n_free = size };
    uint64_t desc_len = size * sizeof(struct vring_desc);
    uint64_t avail_len = sizeof(struct vring_avail) + (size + 1ull) * 2;
    uint64_t used_len =
        sizeof(struct vring_used) + size * sizeof(struct vring_used_elem) + sizeof(uint16_t);
    ring->desc_gpa = gpa;
    ring->avail_gpa = gpa + desc_len;
    ring->used_gpa = ALIGN_UP(ring->avail_gpa + avail_len, 4ull);
    ring->desc = guest_mem_ptr(mem, ring->desc_gpa, desc_len);
    ring->avail = guest_mem_ptr(mem, ring->avail_gpa, avail_len);
    ring->used = guest_mem_ptr(mem, ring->used_gpa, used_len);
    memset(ring->desc, 0, desc_len);
    memset(ring->avail, 0, avail_len);
    memset(ring->used, 0, used_len);
    for (unsigned i = 0; i < size; i++)
        ring->desc[i].next = (uint16_t)(i + 1);
    if (end)
        *end = ALIGN_UP(ring->used_gpa + used_len, PAGE);
}

void ring_give(const struct ring *ring, struct virtq *q)
{
    q->size = ring->size;
    q->desc_gpa = ring->desc_gpa;
    q->driver_gpa = ring->avail_gpa;
    q->device_gpa = ring->used_gpa;
    q->enabled = true;
}

void ring_publish(struct ring *ring, uint16_t head)
{
    ring->avail->ring[ring->avail_idx & (ring->size - 1)] = head;
    ring->avail_idx++;
    __atomic_store_n(&ring->avail->idx, ring->avail_idx, __ATOMIC_RELEASE);
}

static struct vring_desc describe(const struct ring_buf *buf)
{
    return (struct vring_desc){ .addr = buf->gpa,
                                .len = buf->len,
                                .flags = buf->writable ? VRING_DESC_F_WRITE : 0 };
}

void ring_fill_table(struct vring_desc *table, const struct ring_buf *buf, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        table[i] = describe(&buf[i]);
        if (i + 1 < n) {
            table[i].flags |= VRING_DESC_F_NEXT;
            table[i].next = (uint16_t)(i + 1);
        }
    }
}

int ring_add(struct ring *ring, const struct ring_buf *buf, unsigned n)
{
    if (n == 0 || n > ring->n_free)
        return -1;
    uint16_t head = ring->free_head, at = head;
    for (unsigned i = 0; i < n; i++) {
        uint16_t next = ring->desc[at].next;
        ring->desc[at] = describe(&buf[i]);
        ring->desc[at].next = next;
        if (i + 1 < n)
            ring->desc[at].flags |= VRING_DESC_F_NEXT;
        at = next;
    }
    ring->free_head = at;
    ring->n_free = (uint16_t)(ring->n_free - n);
    ring->chain_len[head] = (uint16_t)n;
    ring_publish(ring, head);
    return head;
}

int ring_add_indirect(struct ring *ring, uint64_t table_gpa, const struct ring_buf *buf, unsigned n)
{
    if (n == 0 || ring->n_free == 0)
        return -1;
    uint32_t len = n * (uint32_t)sizeof(struct vring_desc);
    ring_fill_table(guest_mem_ptr(ring->mem, table_gpa, len), buf, n);
    uint16_t head = ring->free_head;
    struct vring_desc *d = &ring->desc[head];
    ring->free_head = d->next;
    d->addr = table_gpa;
    d->len = len;
    d->flags = VRING_DESC_F_INDIRECT;
    ring->n_free--;
    ring->chain_len[head] = 1;
    ring_publish(ring, head);
    return head;
}

bool ring_must_kick(struct ring *ring)
{
    uint16_t old = ring->kicked_idx;
    ring->kicked_idx = ring->avail_idx;
    /* Pairs with the device's fence between avail_event (or flags) and avail->idx. */
    atomic_thread_fence(memory_order_seq_cst);
    if (!ring->event_idx)
        return !(ring->used->flags & VRING_USED_F_NO_NOTIFY);
    uint16_t event;
    memcpy(&event, &ring->used->ring[ring->size], sizeof(event));
    return vring_need_event(event, ring->avail_idx, old);
}

int ring_take(struct ring *ring, uint32_t *len)
{
    if (__atomic_load_n(&ring->used->idx, __ATOMIC_ACQUIRE) == ring->last_used)
        return -1;
    const struct vring_used_elem *elem = &ring->used->ring[ring->last_used & (ring->size - 1)];
    ring->last_used++;
    if (len)
        *len = elem->len;
    if (elem->id >= ring->size || ring->chain_len[elem->id] == 0)
        return -1;
    uint16_t head = (uint16_t)elem->id, at = head;
    for (unsigned i = 1; i < ring->chain_len[head]; i++)
        at = ring->desc[at].next;
    ring->n_free = (uint16_t)(ring->n_free + ring->chain_len[head]);
    ring->chain_len[head] = 0;
    ring->desc[at].next = ring->free_head;
    ring->free_head = head;
    return head;
}

bool ring_want_interrupt(struct ring *ring)
{
    ring->avail->ring[ring->size] = ring->last_used;
    /* Pairs with the device's fence between used->idx and used_event. */
    atomic_thread_fence(memory_order_seq_cst);
    return __atomic_load_n(&ring->used->idx, __ATOMIC_ACQUIRE) != ring->last_used;
}
