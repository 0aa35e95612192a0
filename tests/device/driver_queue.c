// SPDX-License-Identifier: MIT
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "tests/device/driver_internal.h"
#include "tests/test.h"
#include "vmm/base/fd.h"

#define HALF (DRIVER_RAM_SIZE / 2)

void driver_ram_init(struct driver *d)
{
    d->ram_fd = fd_memfd_sealed("driver-ram", DRIVER_RAM_SIZE);
    assert_true(d->ram_fd >= 0);
    d->ram = mmap(NULL, DRIVER_RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, d->ram_fd, 0);
    assert_ptr_not_equal(d->ram, MAP_FAILED);
    /* Address 0 is left out: to a test it means nothing. */
    d->low_next = 4096;
    d->high_next = HALF;
}

void driver_ram_finish(struct driver *d)
{
    munmap(d->ram, DRIVER_RAM_SIZE);
    close(d->ram_fd);
}

static uint64_t bump(struct driver *d, uint64_t *next, uint64_t end, uint64_t size, uint64_t align)
{
    uint64_t offset = ALIGN_UP(*next, align);
    assert_true(size <= end && offset <= end - size);
    *next = offset + size;
    memset(d->ram + offset, 0, size);
    return offset;
}

uint64_t driver_alloc(struct driver *d, uint64_t size, uint64_t align)
{
    return bump(d, &d->low_next, HALF, size, align);
}

uint64_t driver_alloc_high(struct driver *d, uint64_t size, uint64_t align)
{
    return DRIVER_HIGH_RAM + bump(d, &d->high_next, DRIVER_RAM_SIZE, size, align) - HALF;
}

void *driver_ptr(struct driver *d, uint64_t gpa)
{
    uint64_t offset = gpa < DRIVER_HIGH_RAM ? gpa : gpa - DRIVER_HIGH_RAM + HALF;
    assert_true(offset < DRIVER_RAM_SIZE && (gpa < HALF || gpa >= DRIVER_HIGH_RAM));
    return d->ram + offset;
}

static int event(void)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert_true(fd >= 0);
    return fd;
}

void driver_queue_init(struct driver *d, unsigned queue, uint16_t size)
{
    struct driver_queue *q = &d->queue[queue];
    uint64_t avail_size = (3u + size) * sizeof(uint16_t);
    uint64_t used_size = 3 * sizeof(uint16_t) + size * sizeof(struct vring_used_elem);
    *q = (struct driver_queue){ .size = size, .n_free = size };
    q->desc_gpa = driver_alloc_high(d, size * sizeof(struct vring_desc), VRING_DESC_ALIGN_SIZE);
    q->avail_gpa = driver_alloc(d, avail_size, VRING_AVAIL_ALIGN_SIZE);
    q->used_gpa = driver_alloc_high(d, used_size, VRING_USED_ALIGN_SIZE);
    q->desc = driver_ptr(d, q->desc_gpa);
    q->avail = driver_ptr(d, q->avail_gpa);
    q->used = driver_ptr(d, q->used_gpa);
    for (uint16_t i = 0; i < size; i++)
        q->next[i] = i + 1;
    q->kick_fd = event();
    q->call_fd = event();
    q->err_fd = event();
}

void driver_queue_finish(struct driver_queue *q)
{
    int fds[] = { q->kick_fd, q->call_fd, q->err_fd };
    fd_close_all(fds, ARRAY_LEN(fds));
    q->kick_fd = q->call_fd = q->err_fd = -1;
}

struct driver_queue *driver_queue(struct driver *d, unsigned queue)
{
    assert_true(queue < d->n_queues);
    return &d->queue[queue];
}

static struct vring_desc descriptor(const struct driver_buffer *b, bool more, uint16_t next)
{
    return (struct vring_desc){
        .addr = b->gpa,
        .len = b->len,
        .flags =
            (uint16_t)((b->writable ? VRING_DESC_F_WRITE : 0) | (more ? VRING_DESC_F_NEXT : 0)),
        .next = more ? next : 0,
    };
}

static void fill_indirect(struct driver *d, struct driver_queue *q, uint16_t head,
                          const struct driver_buffer *buffers, unsigned n)
{
    uint64_t gpa = driver_alloc(d, n * sizeof(struct vring_desc), VRING_DESC_ALIGN_SIZE);
    struct vring_desc *table = driver_ptr(d, gpa);
    for (unsigned i = 0; i < n; i++)
        table[i] = descriptor(&buffers[i], i + 1 < n, (uint16_t)(i + 1));
    q->desc[head] = (struct vring_desc){
        .addr = gpa,
        .len = (uint32_t)(n * sizeof(struct vring_desc)),
        .flags = VRING_DESC_F_INDIRECT,
    };
}

int driver_add(struct driver *d, unsigned queue, const struct driver_buffer *buffers, unsigned n,
               bool indirect)
{
    struct driver_queue *q = driver_queue(d, queue);
    unsigned needed = indirect ? 1 : n;
    assert_true(n > 0);
    if (needed > q->n_free)
        return -1;
    uint16_t head = q->first_free;
    uint16_t at = head;
    if (indirect) {
        fill_indirect(d, q, head, buffers, n);
        at = q->next[head];
    } else {
        for (unsigned i = 0; i < n; i++) {
            q->desc[at] = descriptor(&buffers[i], i + 1 < n, q->next[at]);
            at = q->next[at];
        }
    }
    q->first_free = at;
    q->n_free -= (uint16_t)needed;
    q->chain_len[head] = (uint16_t)needed;
    q->avail->ring[q->avail_idx % q->size] = head;
    q->avail_idx++;
    __atomic_store_n(&q->avail->idx, q->avail_idx, __ATOMIC_RELEASE);
    return head;
}

void driver_kick_always(struct driver *d, unsigned queue)
{
    fd_event_signal(driver_queue(d, queue)->kick_fd);
}

void driver_kick(struct driver *d, unsigned queue)
{
    struct driver_queue *q = driver_queue(d, queue);
    atomic_thread_fence(memory_order_seq_cst);
    if (d->features & (1ull << VIRTIO_RING_F_EVENT_IDX)) {
        const uint16_t *avail_event = (const uint16_t *)(const void *)&q->used->ring[q->size];
        uint16_t at = __atomic_load_n(avail_event, __ATOMIC_RELAXED);
        uint16_t old = q->kicked_idx;
        q->kicked_idx = q->avail_idx;
        if (!vring_need_event(at, q->avail_idx, old))
            return;
    } else if (__atomic_load_n(&q->used->flags, __ATOMIC_RELAXED) & VRING_USED_F_NO_NOTIFY) {
        return;
    }
    fd_event_signal(q->kick_fd);
}

bool driver_poll(int fd, int timeout_ms)
{
    struct pollfd pfd = { .fd = fd, .events = POLLIN };
    return poll(&pfd, 1, timeout_ms) > 0;
}

/* Asks for an interrupt at the next used chain; true where there is one already. */
static bool arm(struct driver *d, struct driver_queue *q)
{
    if (d->features & (1ull << VIRTIO_RING_F_EVENT_IDX))
        __atomic_store_n(&q->avail->ring[q->size], q->last_used, __ATOMIC_RELAXED);
    atomic_thread_fence(memory_order_seq_cst);
    return __atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE) != q->last_used;
}

bool driver_used(struct driver *d, unsigned queue, int timeout_ms, uint16_t *head, uint32_t *len)
{
    struct driver_queue *q = driver_queue(d, queue);
    while (!arm(d, q)) {
        if (timeout_ms == 0 || !driver_poll(q->call_fd, timeout_ms))
            return false;
        fd_event_take(q->call_fd);
    }
    struct vring_used_elem elem = q->used->ring[q->last_used % q->size];
    q->last_used++;
    assert_true(elem.id < q->size && q->chain_len[elem.id] > 0);
    uint16_t last = (uint16_t)elem.id;
    for (unsigned i = 1; i < q->chain_len[elem.id]; i++)
        last = q->next[last];
    q->next[last] = q->first_free;
    q->first_free = (uint16_t)elem.id;
    q->n_free += q->chain_len[elem.id];
    q->chain_len[elem.id] = 0;
    if (head)
        *head = (uint16_t)elem.id;
    if (len)
        *len = elem.len;
    return true;
}

uint32_t driver_request(struct driver *d, unsigned queue, const void *out, uint32_t out_len,
                        void *in, uint32_t in_len)
{
    struct driver_buffer buffers[2];
    unsigned n = 0;
    uint64_t mark = d->low_next;
    if (out_len > 0) {
        buffers[n] = (struct driver_buffer){ driver_alloc(d, out_len, 16), out_len, false };
        memcpy(driver_ptr(d, buffers[n++].gpa), out, out_len);
    }
    uint64_t in_gpa = 0;
    if (in_len > 0) {
        in_gpa = driver_alloc(d, in_len, 16);
        buffers[n++] = (struct driver_buffer){ in_gpa, in_len, true };
    }
    uint16_t head;
    uint32_t len;
    int added = driver_add(d, queue, buffers, n, false);
    assert_true(added >= 0);
    driver_kick(d, queue);
    if (!driver_used(d, queue, DRIVER_TIMEOUT_MS, &head, &len))
        fail_msg("queue %u: no answer to the request", queue);
    assert_int_equal(head, added);
    assert_true(len <= in_len);
    if (in_len > 0)
        memcpy(in, driver_ptr(d, in_gpa), len);
    d->low_next = mark;
    return len;
}
