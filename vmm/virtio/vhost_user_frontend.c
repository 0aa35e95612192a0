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
#include "vmm/virtio/vhost_user_frontend_internal.h"

#define WANTED                                                                                     \
    (BIT(VHOST_USER_PROTOCOL_F_MQ) | BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK) |                        \
     BIT(VHOST_USER_PROTOCOL_F_BACKEND_REQ) | BIT(VHOST_USER_PROTOCOL_F_CONFIG) |                  \
     BIT(VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD) | BIT(VHOST_USER_PROTOCOL_F_RESET_DEVICE) |         \
     BIT(VHOST_USER_PROTOCOL_F_STATUS))
/* The device types' own feature bits (virtio 1.2, 2.2), and what split queues have. Bits in between
 * change the ring's or the addresses' format, which the front-end would have to take part in. */
#define PASSED_ON ((BIT(24) - 1) | ~(BIT(50) - 1) | VIRTIO_RING_FEATURES)

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
    struct vhost_user_frontend *f = from_dev(dev);
    if (f->params.config)
        memcpy(data, (const uint8_t *)f->params.config + offset, len);
    else
        vhost_user_cache_read(&f->cache, offset, data, len);
}

static void set_config(struct virtio_dev *dev, uint32_t offset, const void *data, uint32_t len)
{
    struct vhost_user_frontend *f = from_dev(dev);
    vhost_user_cache_write(&f->cache, offset, data, len);
    loop_post(dev->loop, &f->post);
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
    int err = vhost_user_hand_over(f);
    return err == -EPIPE && f->params.replaceable ? 0 : err;
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
                 .set_config = params->config ? NULL : set_config,
                 .start = start,
                 .stop = stop,
                 .external_queues = true },
        .params = *params,
        .req_sock = -1,
        .err_fd = -1,
        .inflight_fd = -1,
        .client.sock = -1,
    };
    vhost_user_cache_init(&f->cache, params->device_id, params->config ? 0 : params->config_len);
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
    err = vhost_user_hand_over(f);
    if (err != -EINVAL)
        return err;
    f->dev.transport->broken(
        &f->dev); /* the driver's fault, who set it up while nobody was there */
    return 0;
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
