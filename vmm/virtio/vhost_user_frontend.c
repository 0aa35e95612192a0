// SPDX-License-Identifier: MIT
/*
 * Only creation and stop wait for the back-end. A start is a batch of messages whose last one asks
 * for an acknowledgement, and at most one read and one write of the configuration are under way.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOG_MODULE "vhost-user"
#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/core/mem.h"
#include "vmm/virtio/device.h"
#include "vmm/virtio/vhost_user_cache.h"
#include "vmm/virtio/vhost_user_client.h"
#include "vmm/virtio/vhost_user_frontend.h"

#define BIT(n) (1ull << (n))
#define WANTED                                                                                     \
    (BIT(VHOST_USER_PROTOCOL_F_MQ) | BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK) |                        \
     BIT(VHOST_USER_PROTOCOL_F_BACKEND_REQ) | BIT(VHOST_USER_PROTOCOL_F_CONFIG) |                  \
     BIT(VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD) | BIT(VHOST_USER_PROTOCOL_F_RESET_DEVICE) |         \
     BIT(VHOST_USER_PROTOCOL_F_STATUS))
/* The device types' own feature bits (virtio 1.2, 2.2), and what split queues have. Bits in between
 * change the ring's or the addresses' format, which the front-end would have to take part in. */
#define PASSED_ON ((BIT(24) - 1) | ~(BIT(50) - 1) | VIRTIO_RING_FEATURES)
#define STATUS_RUNNING                                                                             \
    (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK |          \
     VIRTIO_CONFIG_S_DRIVER_OK)
/* A device that takes longer to stop is given up. */
#define STOP_TIMEOUT_MS 2000

struct vhost_user_frontend {
    struct virtio_dev dev;
    struct virtio_ops ops; /* the same for all but name and id */
    struct vhost_user_frontend_params params;
    struct vhost_user_client client;
    int req_sock, err_fd; /* -1 once the back-end is dead */
    struct loop_fd source, req_source, err_source;
    struct vhost_user_reader req_reader;
    uint64_t features, protocol_features; /* the back-end's; those in use */
    uint64_t answer;                      /* the last reply of 64 bits */
    struct vhost_user_inflight_desc inflight;
    int inflight_fd; /* the table of chains in flight, which outlives the back-end; -1: there is none */
    struct vhost_user_cache cache;
    bool reading, writing;    /* GET_CONFIG, SET_CONFIG is under way */
    bool changed, read_again; /* what is being read is news; there is more news */
    bool stopping;            /* writes wait, so that a guest can't draw out the stop */
    struct loop_task post;    /* queued by a vCPU's write */
};

static bool in_use(const struct vhost_user_frontend *f, unsigned feature)
{
    return f->protocol_features & BIT(feature);
}

/* Watches nothing of the back-end's any more. */
static void hang_up(struct vhost_user_frontend *f)
{
    loop_fd_remove(&f->source);
    loop_fd_remove(&f->req_source);
    loop_fd_remove(&f->err_source);
    vhost_user_reader_reset(&f->req_reader);
    int fds[] = { f->req_sock, f->err_fd };
    fd_close_all(fds, ARRAY_LEN(fds));
    f->req_sock = f->err_fd = -1;
}

static void dead(struct vhost_user_client *client, const char *why)
{
    struct vhost_user_frontend *f = container_of(client, struct vhost_user_frontend, client);
    hang_up(f);
    log_line(f->params.replaceable ? LOG_DEBUG : LOG_ERROR, LOG_MODULE,
             "%s: the device's process %s", f->params.name, why);
    /* During creation there is no transport yet, and the caller is told by NULL. */
    if (f->dev.transport) {
        f->params.died(f->params.data);
        if (!f->params.replaceable)
            f->dev.transport->broken(&f->dev);
    }
}

static int tell(struct vhost_user_frontend *f, uint32_t request, const void *payload, size_t size)
{
    return vhost_user_client_send(&f->client, request, payload, size, NULL, 0);
}

/* Configuration space. */

static int read_config(struct vhost_user_frontend *f)
{
    struct vhost_user_config config = { .size = f->cache.len };
    f->reading = true;
    f->read_again = false;
    return vhost_user_client_ask(&f->client, VHOST_USER_GET_CONFIG, 0, &config,
                                 VHOST_USER_CONFIG_HEADER + config.size);
}

/* Hands on what vCPUs wrote, one run of bytes at a time where the back-end acknowledges them. */
static void write_config(struct vhost_user_frontend *f)
{
    struct vhost_user_config config;
    while (f->client.sock >= 0 && !f->writing && !f->stopping &&
           vhost_user_cache_collect(&f->cache, &config)) {
        size_t size = VHOST_USER_CONFIG_HEADER + config.size;
        vhost_user_client_deadline(&f->client, STOP_TIMEOUT_MS);
        if (in_use(f, VHOST_USER_PROTOCOL_F_REPLY_ACK))
            f->writing = vhost_user_client_ask(&f->client, VHOST_USER_SET_CONFIG,
                                               VHOST_USER_NEED_REPLY, &config, size) == 0;
        else
            tell(f, VHOST_USER_SET_CONFIG, &config, size);
    }
}

static void post_writes(struct loop_task *task)
{
    write_config(container_of(task, struct vhost_user_frontend, post));
}

static const char *config_read(struct vhost_user_frontend *f, const struct vhost_user_msg *msg)
{
    if (msg->header.size != VHOST_USER_CONFIG_HEADER + f->cache.len ||
        msg->payload.config.size != f->cache.len)
        return "answered with a configuration of another size";
    bool event = f->changed;
    f->reading = f->changed = false;
    vhost_user_cache_refresh(&f->cache, msg->payload.config.data, event);
    if (f->read_again) {
        f->changed = true;
        read_config(f);
    }
    if (event && f->dev.transport)
        f->dev.transport->config_changed(&f->dev);
    return NULL;
}

static void config_written(struct vhost_user_frontend *f)
{
    f->writing = false;
    if (f->answer != 0)
        log_debug("%s: the back-end refused a write to its configuration", f->params.name);
    write_config(f);
    /* Some devices show a write only once they took it. */
    if (f->client.sock >= 0 && !f->writing && !f->reading && !f->stopping)
        read_config(f);
}

static const char *inflight_made(struct vhost_user_frontend *f, struct vhost_user_msg *msg)
{
    if (msg->header.size < VHOST_USER_INFLIGHT_MIN || msg->header.size > sizeof(f->inflight))
        return "answered at the wrong length";
    /* It is cleared from here, which may wait for nobody: memory has seals, files have none. */
    if (fcntl(msg->fds[0], F_GET_SEALS) < 0)
        return "answered with a table that is not in memory";
    f->inflight = msg->payload.inflight;
    f->inflight_fd = steal_fd(&msg->fds[0]);
    return NULL;
}

static const char *reply(struct vhost_user_client *client, struct vhost_user_msg *msg)
{
    struct vhost_user_frontend *f = container_of(client, struct vhost_user_frontend, client);
    if (msg->header.request == VHOST_USER_GET_INFLIGHT_FD)
        return inflight_made(f, msg);
    if (msg->header.request == VHOST_USER_GET_CONFIG)
        return config_read(f, msg);
    /* A vring state is as long as a number. */
    if (msg->header.size != sizeof(uint64_t))
        return "answered at the wrong length";
    f->answer = msg->payload.u64;
    if (msg->header.request == VHOST_USER_SET_CONFIG)
        config_written(f);
    else if (msg->header.request == VHOST_USER_SET_STATUS && f->answer != 0 && f->dev.transport)
        f->dev.transport->broken(&f->dev);
    return NULL;
}

static const struct vhost_user_client_ops client_ops = { .reply = reply, .dead = dead };

static int ask_u64(struct vhost_user_frontend *f, uint32_t request, uint64_t *value)
{
    if (vhost_user_client_ask(&f->client, request, 0, NULL, 0) < 0 ||
        vhost_user_client_await(&f->client) < 0)
        return -EPIPE;
    *value = f->answer;
    return 0;
}

static int tell_u64(struct vhost_user_frontend *f, uint32_t request, uint64_t value)
{
    return tell(f, request, &value, sizeof(value));
}

/* What the loop watches. */

static void sock_ready(struct loop_fd *source, uint32_t events)
{
    struct vhost_user_frontend *f = container_of(source, struct vhost_user_frontend, source);
    vhost_user_client_deadline(&f->client, STOP_TIMEOUT_MS);
    vhost_user_client_readable(&f->client);
}

static void request_ready(struct loop_fd *source, uint32_t events)
{
    struct vhost_user_frontend *f = container_of(source, struct vhost_user_frontend, req_source);
    int err = vhost_user_read(&f->req_reader, f->req_sock);
    if (err < 0) {
        /* Whether the back-end lives, the main socket tells. */
        loop_fd_remove(source);
        return;
    }
    if (err == 0)
        return;
    struct vhost_user_header header = f->req_reader.msg.header;
    vhost_user_reader_reset(&f->req_reader);
    bool known = header.request == VHOST_USER_BACKEND_CONFIG_CHANGE_MSG && f->cache.len > 0;
    if (header.flags & VHOST_USER_NEED_REPLY) {
        uint64_t result = !known;
        vhost_user_send(f->req_sock, header.request, VHOST_USER_REPLY, &result, sizeof(result),
                        NULL, 0);
    }
    if (!known)
        return;
    if (f->reading) {
        f->read_again = true;
    } else {
        f->changed = true;
        vhost_user_client_deadline(&f->client, STOP_TIMEOUT_MS);
        read_config(f);
    }
}

static void err_signalled(struct loop_fd *source, uint32_t events)
{
    struct vhost_user_frontend *f = container_of(source, struct vhost_user_frontend, err_source);
    if (fd_event_take(f->err_fd) && f->dev.transport)
        f->dev.transport->broken(&f->dev);
}

/* The device's operations. */

static struct vhost_user_frontend *from_dev(struct virtio_dev *dev)
{
    return container_of(dev, struct vhost_user_frontend, dev);
}

static void get_config(struct virtio_dev *dev, uint32_t offset, void *data, uint32_t len)
{
    vhost_user_cache_read(&from_dev(dev)->cache, offset, data, len);
}

static void set_config(struct virtio_dev *dev, uint32_t offset, const void *data, uint32_t len)
{
    struct vhost_user_frontend *f = from_dev(dev);
    vhost_user_cache_write(&f->cache, offset, data, len);
    loop_post(dev->loop, &f->post);
}

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

/* Hands the device to the back-end: one that starts, or a successor that goes on. */
static int hand_over(struct vhost_user_frontend *f)
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

static int start(struct virtio_dev *dev)
{
    struct vhost_user_frontend *f = from_dev(dev);
    /* A table of zeros is one that is not in use yet. */
    if (f->inflight_fd >= 0)
        fallocate(f->inflight_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                  (off_t)(f->inflight.offset + f->inflight.size));
    if (f->params.fresh)
        f->params.fresh(f->params.data);
    if (f->client.sock < 0 && f->params.replaceable)
        return 0; /* a successor will find the device started */
    return hand_over(f);
}

static void stop(struct virtio_dev *dev)
{
    struct vhost_user_frontend *f = from_dev(dev);
    vhost_user_client_deadline(&f->client, STOP_TIMEOUT_MS);
    for (unsigned i = 0; i < dev->n_queues; i++) {
        struct vhost_user_vring_state state = { .index = i };
        if (dev->queue[i].enabled)
            vhost_user_client_ask(&f->client, VHOST_USER_GET_VRING_BASE, 0, &state, sizeof(state));
    }
    f->stopping = true;
    int err = vhost_user_client_await(&f->client);
    f->stopping = false;
    if (err < 0)
        return;
    write_config(f);
    if (in_use(f, VHOST_USER_PROTOCOL_F_STATUS))
        tell_u64(f, VHOST_USER_SET_STATUS, 0);
    else if (in_use(f, VHOST_USER_PROTOCOL_F_RESET_DEVICE))
        tell(f, VHOST_USER_RESET_DEVICE, NULL, 0);
}

/* Creation. */

static int open_request_channel(struct vhost_user_frontend *f)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return -errno;
    f->req_sock = pair[0];
    int err =
        vhost_user_client_send(&f->client, VHOST_USER_SET_BACKEND_REQ_FD, NULL, 0, &pair[1], 1);
    close(pair[1]);
    return err < 0 ? err
                   : loop_fd_add(f->dev.loop, &f->req_source, f->req_sock, EPOLLIN, request_ready);
}

static int ask_for_inflight(struct vhost_user_frontend *f)
{
    const struct vhost_user_inflight_desc want = {
        .n_queues = (uint16_t)f->params.n_queues,
        .queue_size = f->params.queue_size,
    };
    return vhost_user_client_ask(&f->client, VHOST_USER_GET_INFLIGHT_FD, 0, &want, sizeof(want));
}

static int negotiate(struct vhost_user_frontend *f)
{
    uint64_t protocol = 0, queues = f->params.n_queues;
    int err = ask_u64(f, VHOST_USER_GET_FEATURES, &f->features);
    if (err == 0 && f->features & BIT(VHOST_USER_F_PROTOCOL_FEATURES))
        err = ask_u64(f, VHOST_USER_GET_PROTOCOL_FEATURES, &protocol);
    f->protocol_features = protocol & WANTED;
    if (err == 0 && f->protocol_features)
        err = tell_u64(f, VHOST_USER_SET_PROTOCOL_FEATURES, f->protocol_features);
    if (err == 0)
        err = tell(f, VHOST_USER_SET_OWNER, NULL, 0);
    if (err == 0 && in_use(f, VHOST_USER_PROTOCOL_F_MQ))
        err = ask_u64(f, VHOST_USER_GET_QUEUE_NUM, &queues);
    if (err < 0)
        return err;
    if (!(f->features & BIT(VIRTIO_F_VERSION_1)) || queues < f->params.n_queues ||
        (f->cache.len > 0 && !in_use(f, VHOST_USER_PROTOCOL_F_CONFIG))) {
        log_error("%s: the device's process is no back-end for this device", f->params.name);
        return -EPIPE;
    }
    if (in_use(f, VHOST_USER_PROTOCOL_F_BACKEND_REQ))
        err = open_request_channel(f);
    if (err == 0 && in_use(f, VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD) && f->inflight_fd < 0)
        err = ask_for_inflight(f);
    if (err == 0 && f->cache.len > 0)
        err = read_config(f);
    return err < 0 ? err : vhost_user_client_await(&f->client);
}

static int connect_to(struct vhost_user_frontend *f, int sock)
{
    struct loop *loop = f->dev.loop;
    vhost_user_client_init(&f->client, &client_ops, sock);
    vhost_user_client_deadline(&f->client, f->params.connect_timeout_ms);
    f->err_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (f->err_fd < 0 || fd_set_nonblock(sock) < 0 ||
        loop_fd_add(loop, &f->err_source, f->err_fd, EPOLLIN, err_signalled) < 0 ||
        negotiate(f) < 0)
        return -EPIPE;
    return loop_fd_add(loop, &f->source, sock, EPOLLIN, sock_ready);
}

struct vhost_user_frontend *vhost_user_frontend_create(
    struct loop *loop, int sock, const struct vhost_user_frontend_params *params)
{
    struct vhost_user_frontend *f = calloc(1, sizeof(*f));
    if (!f) {
        close(sock);
        return NULL;
    }
    *f = (struct vhost_user_frontend){
        .dev = { .loop = loop, .ops = &f->ops, .n_queues = params->n_queues },
        .ops = { .name = params->name,
                 .device_id = params->device_id,
                 .get_config = get_config,
                 .set_config = set_config,
                 .start = start,
                 .stop = stop,
                 .external_queues = true },
        .params = *params,
        .req_sock = -1,
        .err_fd = -1,
        .inflight_fd = -1,
        .client.sock = -1,
    };
    vhost_user_cache_init(&f->cache, params->device_id, params->config_len);
    loop_task_init(&f->post, post_writes);
    f->dev.config_len = params->config_len;
    for (unsigned i = 0; i < params->n_queues; i++)
        f->dev.queue_size[i] = params->queue_size;

    if (connect_to(f, sock) < 0) {
        log_error("%s: the device's process can't be used", params->name);
        vhost_user_frontend_destroy(f);
        return NULL;
    }
    f->dev.offered = f->features & PASSED_ON;
    return f;
}

int vhost_user_frontend_reconnect(struct vhost_user_frontend *f, int sock)
{
    hang_up(f);
    vhost_user_client_close(&f->client);
    f->reading = f->writing = f->changed = f->read_again = false;
    int err = connect_to(f, sock);
    if (err == 0 && (f->dev.offered & ~f->features)) {
        log_error("%s: the device's new process lacks features that its driver may use",
                  f->params.name);
        err = -EPIPE;
    }
    if (err < 0 || !f->dev.started)
        return err;
    err = hand_over(f);
    if (err != -EINVAL)
        return err;
    f->dev.transport->broken(
        &f->dev); /* the driver's fault, who set it up while nobody was there */
    return 0;
}

void vhost_user_frontend_abandon(struct vhost_user_frontend *f)
{
    if (f->dev.transport)
        f->dev.transport->broken(&f->dev);
}

void vhost_user_frontend_destroy(struct vhost_user_frontend *frontend)
{
    if (!frontend)
        return;
    loop_task_cancel(frontend->dev.loop, &frontend->post);
    hang_up(frontend);
    vhost_user_client_close(&frontend->client);
    fd_close_all(&frontend->inflight_fd, 1);
    vhost_user_cache_finish(&frontend->cache);
    free(frontend);
}

struct virtio_dev *vhost_user_frontend_dev(struct vhost_user_frontend *frontend)
{
    return &frontend->dev;
}

bool vhost_user_frontend_alive(const struct vhost_user_frontend *frontend)
{
    return frontend->client.sock >= 0;
}
