// SPDX-License-Identifier: MIT
#include <errno.h>
#include <linux/virtio_ring.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_MODULE "vhost-user"
#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/virtio/vhost_user_io.h"
#include "vmm/virtio/vhost_user_rings.h"

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void vhost_user_rings_init(struct vhost_user_rings *rings, struct virtio_dev *dev)
{
    *rings = (struct vhost_user_rings){ .dev = dev };
    dev->mem = &rings->mem;
    dev->features = 0;
    dev->started = false;
    for (unsigned i = 0; i < VIRTIO_MAX_QUEUES; i++) {
        dev->queue[i] = (struct virtq){
            .dev = dev,
            .index = i,
            .max_size = VIRTQ_MAX_SIZE,
            .kick_fd = -1,
            .call_fd = -1,
        };
        rings->ring[i].err_fd = -1;
    }
}

void vhost_user_rings_finish(struct vhost_user_rings *rings)
{
    vhost_user_rings_stop(rings);
    for (unsigned i = 0; i < VIRTIO_MAX_QUEUES; i++) {
        close_fd(&rings->dev->queue[i].kick_fd);
        close_fd(&rings->dev->queue[i].call_fd);
        close_fd(&rings->ring[i].err_fd);
    }
    rings->dev->mem = NULL;
    guest_mem_finish(&rings->mem);
    vhost_user_inflight_unmap(&rings->inflight);
}

/* A ring runs while its queue is enabled. */
static bool running(const struct vhost_user_rings *rings, unsigned i)
{
    return rings->dev->queue[i].enabled;
}

/* Stopping. */

static void stop_rings(struct vhost_user_rings *rings)
{
    struct virtio_dev *dev = rings->dev;
    dev->started = false;
    for (unsigned i = 0; i < dev->n_queues; i++) {
        struct virtq *q = &dev->queue[i];
        if (!q->enabled)
            continue;
        virtio_kick_unwatch(q);
        rings->ring[i].base = virtq_stop(q);
        q->enabled = false;
    }
}

void vhost_user_rings_stop(struct vhost_user_rings *rings)
{
    struct virtio_dev *dev = rings->dev;
    if (dev->started || dev->suspended)
        dev->ops->stop(dev);
    dev->suspended = false;
    stop_rings(rings);
}

static void suspend(struct vhost_user_rings *rings)
{
    struct virtio_dev *dev = rings->dev;
    if (!dev->started || !dev->ops->suspend) {
        vhost_user_rings_stop(rings);
        return;
    }
    dev->ops->suspend(dev);
    dev->suspended = true;
    stop_rings(rings);
}

/* Memory. */

static bool same_file(int a, int b)
{
    struct stat sa, sb;
    return fstat(a, &sa) == 0 && fstat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
           sa.st_ino == sb.st_ino;
}

static bool same_memory(const struct guest_mem *a, const struct guest_mem *b)
{
    if (a->n_regions != b->n_regions)
        return false;
    for (unsigned i = 0; i < a->n_regions; i++) {
        const struct guest_region *ra = &a->region[i], *rb = &b->region[i];
        if (ra->gpa != rb->gpa || ra->size != rb->size || ra->user_addr != rb->user_addr ||
            ra->fd_offset != rb->fd_offset || !same_file(ra->fd, rb->fd))
            return false;
    }
    return true;
}

/* Only a file that holds the whole region: a mapping past its end would fault when touched. */
static int add_region(struct guest_mem *mem, const struct vhost_user_region *region, int *fd)
{
    struct stat st;
    uint64_t end;
    if (fstat(*fd, &st) < 0 || !S_ISREG(st.st_mode) ||
        __builtin_add_overflow(region->mmap_offset, region->size, &end) ||
        end > (uint64_t)st.st_size)
        return -EPROTO;
    int err = guest_mem_add(mem, region->gpa, region->size, steal_fd(fd), region->mmap_offset,
                            region->user_addr);
    return err == -EINVAL ? -EPROTO : err;
}

int vhost_user_rings_set_memory(struct vhost_user_rings *rings,
                                const struct vhost_user_memory *memory, int *fds, unsigned n_fds)
{
    struct guest_mem mem = { 0 };
    if (memory->n_regions > VHOST_USER_MAX_REGIONS || memory->n_regions != n_fds)
        return -EPROTO;
    for (unsigned i = 0; i < n_fds; i++) {
        int err = add_region(&mem, &memory->region[i], &fds[i]);
        if (err < 0) {
            guest_mem_finish(&mem);
            return err;
        }
    }
    if (same_memory(&mem, &rings->mem)) {
        guest_mem_finish(&mem);
        return 0;
    }
    /* Pointers into the old mapping are everywhere in a running model: it starts anew. */
    vhost_user_rings_stop(rings);
    guest_mem_finish(&rings->mem);
    rings->mem = mem;
    return 0;
}

/* The guest address of the front-end's address; false where it is in no region. */
static bool guest_address(const struct guest_mem *mem, uint64_t user_addr, uint64_t *gpa)
{
    for (unsigned i = 0; i < mem->n_regions; i++) {
        const struct guest_region *r = &mem->region[i];
        if (user_addr >= r->user_addr && user_addr - r->user_addr < r->size) {
            *gpa = r->gpa + (user_addr - r->user_addr);
            return true;
        }
    }
    return false;
}

/* What the front-end says of a ring. */

/* A front-end may tell of a pause and of the driver's reset alike, by stopping the rings. After a pause it
 * says what it said before; after a reset the rings begin anew, at index 0. */
static void expect(struct vhost_user_rings *rings, bool same)
{
    if (rings->dev->suspended && !same)
        vhost_user_rings_stop(rings);
}

static struct vhost_user_ring *idle_ring(struct vhost_user_rings *rings, uint32_t index)
{
    return index < rings->dev->n_queues && !running(rings, index) ? &rings->ring[index] : NULL;
}

int vhost_user_rings_set_num(struct vhost_user_rings *rings,
                             const struct vhost_user_vring_state *state)
{
    struct vhost_user_ring *ring = idle_ring(rings, state->index);
    if (!ring || state->num == 0 || state->num > VIRTQ_MAX_SIZE ||
        (state->num & (state->num - 1)) != 0)
        return -EPROTO;
    struct virtq *q = &rings->dev->queue[state->index];
    expect(rings, state->num == q->size);
    q->size = (uint16_t)state->num;
    ring->has_num = true;
    return 0;
}

int vhost_user_rings_set_addr(struct vhost_user_rings *rings,
                              const struct vhost_user_vring_addr *addr)
{
    struct vhost_user_ring *ring = idle_ring(rings, addr->index);
    if (!ring || addr->flags != 0)
        return -EPROTO;
    expect(rings, addr->desc == ring->addr.desc && addr->avail == ring->addr.avail &&
                      addr->used == ring->addr.used);
    ring->addr = *addr;
    ring->has_addr = true;
    return 0;
}

int vhost_user_rings_set_base(struct vhost_user_rings *rings,
                              const struct vhost_user_vring_state *state)
{
    struct vhost_user_ring *ring = idle_ring(rings, state->index);
    if (!ring || state->num > UINT16_MAX)
        return -EPROTO;
    expect(rings, state->num == ring->base);
    ring->base = (uint16_t)state->num;
    return 0;
}

int vhost_user_rings_get_base(struct vhost_user_rings *rings, struct vhost_user_vring_state *state)
{
    if (state->index >= rings->dev->n_queues)
        return -EPROTO;
    if (running(rings, state->index))
        suspend(rings);
    close_fd(&rings->dev->queue[state->index].kick_fd);
    state->num = rings->ring[state->index].base;
    return 0;
}

/* Gives a ring that runs its new kick. */
static int replace_kick(struct virtq *q, int fd)
{
    bool watched = q->enabled;
    if (watched)
        virtio_kick_unwatch(q);
    close_fd(&q->kick_fd);
    q->kick_fd = fd;
    return watched ? virtio_kick_watch(q) : 0;
}

int vhost_user_rings_set_event(struct vhost_user_rings *rings, enum vhost_user_event event,
                               uint64_t word, int *fd)
{
    uint64_t index = word & VHOST_USER_VRING_INDEX_MASK;
    bool none = word & VHOST_USER_VRING_NOFD;
    if ((word & ~(uint64_t)(VHOST_USER_VRING_INDEX_MASK | VHOST_USER_VRING_NOFD)) != 0 ||
        index >= rings->dev->n_queues || none != (*fd < 0))
        return -EPROTO;
    /* Without a kick the ring would have to be polled, which we don't do. */
    if (none && event == VHOST_USER_EVENT_KICK)
        return -ENOTSUP;
    if (!none && (!vhost_user_is_event(*fd) || fd_set_nonblock(*fd) < 0))
        return -EPROTO;

    struct virtq *q = &rings->dev->queue[index];
    if (event == VHOST_USER_EVENT_KICK)
        return replace_kick(q, steal_fd(fd));
    int *slot = event == VHOST_USER_EVENT_CALL ? &q->call_fd : &rings->ring[index].err_fd;
    close_fd(slot);
    *slot = steal_fd(fd);
    return 0;
}

int vhost_user_rings_enable(struct vhost_user_rings *rings,
                            const struct vhost_user_vring_state *state)
{
    if (state->index >= rings->dev->n_queues || state->num > 1)
        return -EPROTO;
    rings->ring[state->index].enabled = state->num;
    if (state->num == 0 && running(rings, state->index))
        suspend(rings);
    return 0;
}

int vhost_user_rings_set_inflight(struct vhost_user_rings *rings,
                                  const struct vhost_user_inflight_desc *desc, int fd)
{
    for (unsigned i = 0; i < rings->dev->n_queues; i++) {
        if (running(rings, i))
            return -EPROTO;
    }
    return vhost_user_inflight_map(&rings->inflight, desc, fd);
}

/* Running. */

static bool ready(const struct vhost_user_rings *rings, unsigned i)
{
    const struct vhost_user_ring *ring = &rings->ring[i];
    return ring->has_num && ring->has_addr && (ring->enabled || rings->always_enabled) &&
           rings->dev->queue[i].kick_fd >= 0;
}

static int start_ring(struct vhost_user_rings *rings, unsigned i)
{
    struct virtio_dev *dev = rings->dev;
    struct virtq *q = &dev->queue[i];
    const struct vhost_user_ring *ring = &rings->ring[i];
    if (!guest_address(&rings->mem, ring->addr.desc, &q->desc_gpa) ||
        !guest_address(&rings->mem, ring->addr.avail, &q->driver_gpa) ||
        !guest_address(&rings->mem, ring->addr.used, &q->device_gpa)) {
        log_warn("%s: the front-end's queue %u is not in the memory that it shared", dev->ops->name,
                 i);
        return -EINVAL;
    }
    q->inflight = vhost_user_inflight_region(&rings->inflight, i, q->size);
    int err = virtq_start(q, &rings->mem, virtio_has(dev, VIRTIO_RING_F_EVENT_IDX), ring->base);
    if (err < 0)
        return err;
    q->enabled = true;
    return virtio_kick_watch(q);
}

int vhost_user_rings_start(struct vhost_user_rings *rings)
{
    struct virtio_dev *dev = rings->dev;
    bool fresh[VIRTIO_MAX_QUEUES] = { false };
    bool any = false;
    for (unsigned i = 0; i < dev->n_queues; i++) {
        if (running(rings, i) || !ready(rings, i))
            continue;
        int err = start_ring(rings, i);
        if (err < 0) {
            vhost_user_rings_stop(rings);
            return err;
        }
        fresh[i] = any = true;
    }
    if (!any)
        return 0;
    if (!dev->started) {
        int err = dev->ops->start(dev);
        if (err < 0) {
            vhost_user_rings_stop(rings);
            return err;
        }
        dev->started = true;
        dev->suspended = false;
    }
    /* Chains may have waited for longer than the kick that told of them. */
    for (unsigned i = 0; i < dev->n_queues; i++) {
        if (fresh[i] && dev->ops->resume)
            dev->ops->resume(dev, &dev->queue[i]);
        if (fresh[i])
            dev->ops->kick(dev, &dev->queue[i]);
    }
    return 0;
}

void vhost_user_rings_reset(struct vhost_user_rings *rings)
{
    vhost_user_rings_stop(rings);
    for (unsigned i = 0; i < rings->dev->n_queues; i++) {
        struct vhost_user_ring *ring = &rings->ring[i];
        close_fd(&rings->dev->queue[i].kick_fd);
        *ring = (struct vhost_user_ring){ .err_fd = ring->err_fd };
    }
}

void vhost_user_rings_signal_error(const struct vhost_user_rings *rings)
{
    for (unsigned i = 0; i < rings->dev->n_queues; i++) {
        if (rings->ring[i].err_fd >= 0)
            fd_event_signal(rings->ring[i].err_fd);
    }
}
