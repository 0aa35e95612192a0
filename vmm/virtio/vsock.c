// SPDX-License-Identifier: MIT
/*
 * The kernel serves two queues, what the guest receives and what it sends. The third is for events, of
 * which there is one, that the connections are gone after a migration: nothing is ever in it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_ring.h>
#include <linux/virtio_vsock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LOG_MODULE "vsock"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"
#include "vmm/core/mem.h"
#include "vmm/virtio/device.h"
#include "vmm/virtio/vsock.h"

#define BIT(n) (1ull << (n))
enum { RX, TX, EVENT, N_QUEUES };
#define N_VHOST_QUEUES EVENT
#define QUEUE_SIZE 256
/* What is passed on of the kernel's features: those of the device, and what split queues have. */
#define PASSED_ON ((BIT(24) - 1) | VIRTIO_RING_FEATURES)

struct vsock {
    struct virtio_dev dev;
    uint32_t cid;
    int vhost;
    int err_fd; /* the kernel says here that a ring is broken */
    struct loop_fd err;
};

static struct vsock *from_dev(struct virtio_dev *dev)
{
    return container_of(dev, struct vsock, dev);
}

static void ring_broke(struct loop_fd *source, uint32_t events)
{
    struct vsock *vsock = container_of(source, struct vsock, err);
    if (fd_event_take(vsock->err_fd))
        virtio_dev_broken(&vsock->dev);
}

static int set_memory(struct vsock *vsock)
{
    const struct guest_mem *mem = vsock->dev.mem;
    union {
        struct vhost_memory table;
        uint8_t bytes[sizeof(struct vhost_memory) +
                      GUEST_MEM_MAX_REGIONS * sizeof(struct vhost_memory_region)];
    } memory = { .table = { .nregions = mem->n_regions } };
    for (unsigned i = 0; i < mem->n_regions; i++)
        memory.table.regions[i] = (struct vhost_memory_region){
            .guest_phys_addr = mem->region[i].gpa,
            .memory_size = mem->region[i].size,
            .userspace_addr = (uint64_t)(uintptr_t)mem->region[i].hva,
        };
    return ioctl(vsock->vhost, VHOST_SET_MEM_TABLE, &memory) < 0 ? -errno : 0;
}

/* -EINVAL where it is not in RAM. */
static int set_addresses(struct vsock *vsock, const struct virtq *q)
{
    const struct guest_mem *mem = vsock->dev.mem;
    void *desc = guest_mem_ptr(mem, q->desc_gpa, q->size * sizeof(struct vring_desc));
    void *avail = guest_mem_ptr(mem, q->driver_gpa, (3u + q->size) * sizeof(uint16_t));
    void *used = guest_mem_ptr(mem, q->device_gpa,
                               3 * sizeof(uint16_t) + q->size * sizeof(struct vring_used_elem));
    struct vhost_vring_addr addr = {
        .index = q->index,
        .desc_user_addr = (uint64_t)(uintptr_t)desc,
        .avail_user_addr = (uint64_t)(uintptr_t)avail,
        .used_user_addr = (uint64_t)(uintptr_t)used,
    };
    if (!desc || !avail || !used) {
        log_guest("vsock: queue %u: a ring is not in RAM", q->index);
        return -EINVAL;
    }
    return ioctl(vsock->vhost, VHOST_SET_VRING_ADDR, &addr) < 0 ? -errno : 0;
}

static int set_ring(struct vsock *vsock, const struct virtq *q)
{
    struct vhost_vring_state num = { .index = q->index, .num = q->size };
    struct vhost_vring_state base = { .index = q->index };
    struct vhost_vring_file kick = { .index = q->index, .fd = q->kick_fd };
    struct vhost_vring_file call = { .index = q->index, .fd = q->call_fd };
    struct vhost_vring_file err = { .index = q->index, .fd = vsock->err_fd };
    if (ioctl(vsock->vhost, VHOST_SET_VRING_NUM, &num) < 0 ||
        ioctl(vsock->vhost, VHOST_SET_VRING_BASE, &base) < 0)
        return -errno;
    int result = set_addresses(vsock, q);
    if (result < 0)
        return result;
    if (ioctl(vsock->vhost, VHOST_SET_VRING_CALL, &call) < 0 ||
        ioctl(vsock->vhost, VHOST_SET_VRING_ERR, &err) < 0 ||
        ioctl(vsock->vhost, VHOST_SET_VRING_KICK, &kick) < 0)
        return -errno;
    return 0;
}

static int set_running(struct vsock *vsock, int running)
{
    return ioctl(vsock->vhost, VHOST_VSOCK_SET_RUNNING, &running) < 0 ? -errno : 0;
}

static int vsock_start(struct virtio_dev *dev)
{
    struct vsock *vsock = from_dev(dev);
    fd_event_take(vsock->err_fd); /* what was signalled before a reset */
    int err = ioctl(vsock->vhost, VHOST_SET_FEATURES, &dev->features) < 0 ? -errno : 0;
    if (err == 0)
        err = set_memory(vsock);
    for (unsigned i = 0; i < N_VHOST_QUEUES && err == 0; i++)
        err = dev->queue[i].enabled ? set_ring(vsock, &dev->queue[i]) : -EINVAL;
    if (err == 0)
        err = set_running(vsock, 1);
    if (err < 0) {
        log_guest("vsock: the driver's queues can't be used: %s", strerror(-err));
        return err;
    }
    /* A kick that came before was lost, since the kernel looks into TX only when it is kicked and runs;
     * with event index, the driver does not kick again. */
    fd_event_signal(dev->queue[TX].kick_fd);
    return 0;
}

/* The kernel waits until its worker has let go of the queues. */
static void vsock_stop(struct virtio_dev *dev)
{
    struct vsock *vsock = from_dev(dev);
    int err = set_running(vsock, 0);
    if (err < 0)
        log_warn("the host's vhost-vsock does not stop: %s", strerror(-err));
}

/* The third queue's; the kernel has the others' kicks. */
static void vsock_kick(struct virtio_dev *dev, struct virtq *q)
{
}

static void vsock_get_config(struct virtio_dev *dev, uint32_t offset, void *data, uint32_t len)
{
    const struct virtio_vsock_config config = { .guest_cid = from_dev(dev)->cid };
    memset(data, 0, len);
    if (offset < sizeof(config))
        memcpy(data, (const uint8_t *)&config + offset, MIN(len, sizeof(config) - offset));
}

static const struct virtio_ops vsock_ops = {
    .name = "vsock",
    .device_id = VIRTIO_ID_VSOCK,
    .get_config = vsock_get_config,
    .start = vsock_start,
    .stop = vsock_stop,
    .kick = vsock_kick,
    .external_queues = true,
};

static bool open_vhost(struct vsock *vsock)
{
    uint64_t features, cid = vsock->cid;
    vsock->vhost = open("/dev/vhost-vsock", O_RDWR | O_CLOEXEC);
    if (vsock->vhost < 0) {
        log_error("--cid: /dev/vhost-vsock can't be opened: %s%s", strerror(errno),
                  errno == ENOENT ? "; modprobe vhost_vsock makes it" : "");
        return false;
    }
    if (ioctl(vsock->vhost, VHOST_SET_OWNER) < 0 ||
        ioctl(vsock->vhost, VHOST_GET_FEATURES, &features) < 0) {
        log_error("--cid: the host's vhost-vsock can't be used: %s", strerror(errno));
        return false;
    }
    if (ioctl(vsock->vhost, VHOST_VSOCK_SET_GUEST_CID, &cid) < 0) {
        if (errno == EADDRINUSE)
            log_error("--cid %u: another VM has this number; take another one", vsock->cid);
        else
            log_error("--cid %u: the kernel refuses it: %s", vsock->cid, strerror(errno));
        return false;
    }
    vsock->dev.offered = features & PASSED_ON;
    return true;
}

struct virtio_dev *virtio_vsock_create(struct loop *loop, uint32_t cid)
{
    struct vsock *vsock = calloc(1, sizeof(*vsock));
    if (!vsock) {
        log_error("out of memory");
        return NULL;
    }
    *vsock = (struct vsock){
        .dev = { .ops = &vsock_ops,
                 .loop = loop,
                 .n_queues = N_QUEUES,
                 .queue_size = { QUEUE_SIZE, QUEUE_SIZE, QUEUE_SIZE },
                 .config_len = sizeof(struct virtio_vsock_config) },
        .cid = cid,
        .vhost = -1,
        .err_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
    };
    if (open_vhost(vsock) && vsock->err_fd >= 0 &&
        loop_fd_add(loop, &vsock->err, vsock->err_fd, EPOLLIN, ring_broke) == 0)
        return &vsock->dev;
    virtio_vsock_destroy(&vsock->dev);
    return NULL;
}

void virtio_vsock_destroy(struct virtio_dev *dev)
{
    if (!dev)
        return;
    struct vsock *vsock = from_dev(dev);
    int fds[] = { vsock->vhost, vsock->err_fd };
    loop_fd_remove(&vsock->err);
    fd_close_all(fds, ARRAY_LEN(fds));
    free(vsock);
}
