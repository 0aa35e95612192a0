// SPDX-License-Identifier: MIT
#include <errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stddef.h>

#define LOG_MODULE "vhost-user"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/core/mem.h"
#include "vmm/virtio/vhost_user_frontend_internal.h"

#define STATUS_RUNNING                                                                             \
    (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK |          \
     VIRTIO_CONFIG_S_DRIVER_OK)

static int send_memory(struct vhost_user_frontend *f)
{
    const struct guest_mem *mem = f->dev.mem;
    struct vhost_user_memory memory = { .n_regions = mem->n_regions };
    int fds[VHOST_USER_MAX_REGIONS];
    for (unsigned i = 0; i < mem->n_regions; i++) {
        const struct guest_region *r = &mem->region[i];
        memory.region[i] = (struct vhost_user_region){
            .gpa = r->gpa,
            .size = r->size,
            .user_addr = r->user_addr,
            .mmap_offset = r->fd_offset,
        };
        fds[i] = r->fd;
    }
    return vhost_user_client_send(
        &f->client, VHOST_USER_SET_MEM_TABLE, &memory,
        VHOST_USER_MEMORY_HEADER + mem->n_regions * sizeof(memory.region[0]), fds, mem->n_regions);
}

/* The address by which the back-end finds a ring; false where it is not in RAM or misaligned. */
static bool user_address(const struct guest_mem *mem, uint64_t gpa, uint64_t len, uint64_t align,
                         uint64_t *addr)
{
    for (unsigned i = 0; i < mem->n_regions; i++) {
        const struct guest_region *r = &mem->region[i];
        if (gpa % align == 0 && gpa >= r->gpa && gpa - r->gpa < r->size &&
            len <= r->size - (gpa - r->gpa)) {
            *addr = r->user_addr + (gpa - r->gpa);
            return true;
        }
    }
    return false;
}

static bool ring_addresses(const struct vhost_user_frontend *f, const struct virtq *q,
                           struct vhost_user_vring_addr *addr)
{
    *addr = (struct vhost_user_vring_addr){ .index = q->index };
    const struct guest_mem *mem = f->dev.mem;
    return user_address(mem, q->desc_gpa, q->size * sizeof(struct vring_desc),
                        VRING_DESC_ALIGN_SIZE, &addr->desc) &&
           user_address(mem, q->driver_gpa, (3u + q->size) * sizeof(uint16_t),
                        VRING_AVAIL_ALIGN_SIZE, &addr->avail) &&
           user_address(mem, q->device_gpa,
                        3 * sizeof(uint16_t) + q->size * sizeof(struct vring_used_elem),
                        VRING_USED_ALIGN_SIZE, &addr->used);
}

static int send_event(struct vhost_user_frontend *f, uint32_t request, unsigned index, int fd)
{
    uint64_t word = index | (fd < 0 ? VHOST_USER_VRING_NOFD : 0);
    return vhost_user_client_send(&f->client, request, &word, sizeof(word), &fd, fd < 0 ? 0 : 1);
}

bool vhost_user_frontend_progress(const struct vhost_user_frontend *f, unsigned queue,
                                  uint16_t *used, bool *busy)
{
    const struct virtq *q = &f->dev.queue[queue];
    const uint64_t idx = offsetof(struct vring_avail, idx);
    if (!f->dev.started || !q->enabled || (q->driver_gpa | q->device_gpa) % sizeof(uint16_t))
        return false;
    const uint16_t *avail_idx = guest_mem_ptr(f->dev.mem, q->driver_gpa + idx, sizeof(*avail_idx));
    const uint16_t *used_idx = guest_mem_ptr(f->dev.mem, q->device_gpa + idx, sizeof(*used_idx));
    if (!avail_idx || !used_idx)
        return false;
    *used = __atomic_load_n(used_idx, __ATOMIC_RELAXED);
    *busy = __atomic_load_n(avail_idx, __ATOMIC_RELAXED) != *used;
    return true;
}

/* Where a back-end starts that has no table of chains in flight, or an empty one. */
static uint16_t goes_on_at(const struct vhost_user_frontend *f, unsigned queue)
{
    uint16_t used;
    bool busy;
    return vhost_user_frontend_progress(f, queue, &used, &busy) ? used : 0;
}

static int send_ring(struct vhost_user_frontend *f, const struct virtq *q)
{
    struct vhost_user_vring_state num = { .index = q->index, .num = q->size };
    struct vhost_user_vring_state base = { .index = q->index, .num = goes_on_at(f, q->index) };
    struct vhost_user_vring_addr addr;
    if (!ring_addresses(f, q, &addr)) {
        log_guest("%s: queue %u: a ring is misaligned or not in RAM", f->params.name, q->index);
        return -EINVAL;
    }
    tell(f, VHOST_USER_SET_VRING_NUM, &num, sizeof(num));
    tell(f, VHOST_USER_SET_VRING_BASE, &base, sizeof(base));
    tell(f, VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr));
    send_event(f, VHOST_USER_SET_VRING_ERR, q->index, f->err_fd);
    send_event(f, VHOST_USER_SET_VRING_CALL, q->index, q->call_fd);
    return send_event(f, VHOST_USER_SET_VRING_KICK, q->index, q->kick_fd);
}

int vhost_user_hand_over(struct vhost_user_frontend *f)
{
    struct virtio_dev *dev = &f->dev;
    uint64_t extra = f->features & BIT(VHOST_USER_F_PROTOCOL_FEATURES);
    vhost_user_client_deadline(&f->client, STOP_TIMEOUT_MS);
    /* What was signalled before the reset speaks of the past. */
    if (f->err_fd >= 0)
        fd_event_take(f->err_fd);
    tell_u64(f, VHOST_USER_SET_FEATURES, dev->features | extra);
    send_memory(f);
    if (f->inflight_fd >= 0)
        vhost_user_client_send(&f->client, VHOST_USER_SET_INFLIGHT_FD, &f->inflight,
                               sizeof(f->inflight), &f->inflight_fd, 1);
    for (unsigned i = 0; i < dev->n_queues; i++) {
        int err = dev->queue[i].enabled ? send_ring(f, &dev->queue[i]) : 0;
        if (err < 0)
            return err;
    }
    for (unsigned i = 0; i < dev->n_queues && extra; i++) {
        struct vhost_user_vring_state state = { .index = i, .num = 1 };
        if (dev->queue[i].enabled)
            tell(f, VHOST_USER_SET_VRING_ENABLE, &state, sizeof(state));
    }
    uint64_t status = STATUS_RUNNING;
    if (in_use(f, VHOST_USER_PROTOCOL_F_STATUS)) {
        if (in_use(f, VHOST_USER_PROTOCOL_F_REPLY_ACK))
            vhost_user_client_ask(&f->client, VHOST_USER_SET_STATUS, VHOST_USER_NEED_REPLY, &status,
                                  sizeof(status));
        else
            tell_u64(f, VHOST_USER_SET_STATUS, status);
    }
    return f->client.sock < 0 ? -EPIPE : 0;
}
