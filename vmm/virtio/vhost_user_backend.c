// SPDX-License-Identifier: MIT
/*
 * One table says of each request how long its payload is, how many fds come along, what must have
 * been negotiated, and who handles it; a message that does not fit the table reaches no handler. A
 * handler returns 0, or 1 where it has replied, or a negative errno: -EPROTO ends the connection;
 * any other error does too, unless the front-end asked for an answer and can be told.
 */
#include <errno.h>
#include <linux/virtio_config.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOG_MODULE "vhost-user"
#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/virtio/vhost_user_backend.h"
#include "vmm/virtio/vhost_user_io.h"
#include "vmm/virtio/vhost_user_rings.h"

#define BIT(n) (1ull << (n))
#define PROTOCOL_FEATURES                                                                          \
    (BIT(VHOST_USER_PROTOCOL_F_MQ) | BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK) |                        \
     BIT(VHOST_USER_PROTOCOL_F_BACKEND_REQ) | BIT(VHOST_USER_PROTOCOL_F_CONFIG) |                  \
     BIT(VHOST_USER_PROTOCOL_F_RESET_DEVICE) | BIT(VHOST_USER_PROTOCOL_F_STATUS))
/* Messages taken before the loop's other sources have their turn. */
#define MESSAGES_AT_ONCE 32

struct vhost_user_backend {
    struct virtio_dev *dev;
    struct vhost_user_rings rings;
    struct loop_fd source;
    int sock, req_sock, gpu_sock; /* -1 where there is none */
    struct vhost_user_reader reader;
    uint64_t protocol_features;
    uint8_t status; /* the driver's, and DEVICE_NEEDS_RESET */
    void (*gone)(void *data);
    void *data;
};

static bool negotiated(const struct vhost_user_backend *b, unsigned feature)
{
    return b->protocol_features & BIT(feature);
}

static int reply(struct vhost_user_backend *b, const struct vhost_user_msg *msg,
                 const void *payload, uint32_t size)
{
    int err =
        vhost_user_send(b->sock, msg->header.request, VHOST_USER_REPLY, payload, size, NULL, 0);
    /* A front-end that leaves so many replies unread is broken. */
    if (err == -EAGAIN)
        return -EPROTO;
    return err < 0 ? -EPIPE : 1;
}

static int reply_u64(struct vhost_user_backend *b, const struct vhost_user_msg *msg, uint64_t value)
{
    return reply(b, msg, &value, sizeof(value));
}

/* The model's transport. */

static void transport_config_changed(struct virtio_dev *dev)
{
    struct vhost_user_backend *b = dev->transport_data;
    if (b->req_sock < 0)
        return;
    /* A full socket holds unread messages of the same kind, so this one is not missed. */
    vhost_user_send(b->req_sock, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, 0, NULL, 0, NULL, 0);
}

static void transport_broken(struct virtio_dev *dev)
{
    struct vhost_user_backend *b = dev->transport_data;
    if (b->status & VIRTIO_CONFIG_S_NEEDS_RESET)
        return;
    b->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
    log_guest("%s: the driver broke the rules, and must reset the device", dev->ops->name);
    vhost_user_rings_signal_error(&b->rings);
}

static const struct virtio_transport_ops transport_ops = {
    .config_changed = transport_config_changed,
    .broken = transport_broken,
};

/* Whether the driver is ready, as far as the front-end says. QEMU's (10) for gpu and input negotiates
 * STATUS and then says FEATURES_OK alone: its rings are enabled when the driver is ready. */
static bool driver_ok(const struct vhost_user_backend *b)
{
    return !negotiated(b, VHOST_USER_PROTOCOL_F_STATUS) ||
           b->status == VIRTIO_CONFIG_S_FEATURES_OK || (b->status & VIRTIO_CONFIG_S_DRIVER_OK);
}

/* Starts what is ready, where the driver allows. A ring that does not work is the driver's fault. */
static int start_ready(struct vhost_user_backend *b)
{
    if (!driver_ok(b))
        return 0;
    if (b->status & VIRTIO_CONFIG_S_NEEDS_RESET)
        return 0;
    if (vhost_user_rings_start(&b->rings) < 0)
        transport_broken(b->dev);
    return 0;
}

static void reset_device(struct vhost_user_backend *b)
{
    vhost_user_rings_reset(&b->rings);
    b->status = 0;
}

/* Handlers: features and status. */

static uint64_t offered(const struct vhost_user_backend *b)
{
    return b->dev->offered | BIT(VIRTIO_F_VERSION_1) | VIRTIO_RING_FEATURES |
           BIT(VHOST_USER_F_PROTOCOL_FEATURES);
}

static int get_features(struct vhost_user_backend *b, struct vhost_user_msg *msg)
{
    return reply_u64(b, msg, offered(b));
}

static int set_features(struct vhost_user_backend *b, struct vhost_user_msg *msg)
{
    /* QEMU's front-ends pass on what they offered to the guest themselves; resetting a queue is the
     * front-end's work, which stops the queue here. */
    uint64_t features = msg->payload.u64 & ~BIT(VIRTIO_F_RING_RESET);
    if (features & ~offered(b))
        return -EPROTO;
    uint64_t device = features & ~BIT(VHOST_USER_F_PROTOCOL_FEATURES);
    if (b->dev->started && device != b->dev->features)
        return -EBUSY;
    if (device != b->dev->features)
        vhost_user_rings_stop(&b->rings); /* where it is suspended, which another driver ends */
    b->dev->features = device;
    b->rings.always_enabled = !(features & BIT(VHOST_USER_F_PROTOCOL_FEATURES));
    return 0;
}

/* A model without successors has no use for a table of chains in flight. */
static uint64_t protocol_features(const struct vhost_user_backend *b)
{
    return PROTOCOL_FEATURES |
           (b->dev->ops->resume ? BIT(VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD) : 0);
}

static int get_protocol_features(struct vhost_user_backend *b, struct vhost_user_msg *msg)
{
    return reply_u64(b, msg, protocol_features(b));
}

static int set_protocol_features(struct vhost_user_backend *b, struct vhost_user_msg *msg)
{
    if (msg->payload.u64 & ~protocol_features(b))
        return -EPROTO;
    b->protocol_features = msg->payload.u64;
    return 0;
}

static int get_queue_num(struct vhost_user_backend *b, struct vhost_user_msg *msg)
{
    return reply_u64(b, msg, b->dev->n_queues);
}

/* SET_OWNER begins a session, which the connection does already; RESET_OWNER is deprecated, and the
 * spec would have it ignored. */
static int ignore(struct vhost_user_backend *b, struct vhost_user_msg *msg)
{
    return 0;
}

static int reset(struct vhost_user_backend *b, struct vhost_user_msg *msg)
{
    reset_device(b);
    return 0;
}

static int get_status(struct vhost_user_backend *b, struct vhost_user_msg *msg)
{
    return reply_u64(b, msg, b->status);
}

static int set_status(struct vhost_user_backend *b, struct vhost_user_msg *msg)
{
    if (msg->payload.u64 > UINT8_MAX)
        return -EPROTO;
    if (msg->payload.u64 == 0) {
        reset_device(b);
        return 0;
    }
    /* NEEDS_RESET is the device's bit, and only a reset clears it. */
    b->status = (uint8_t)((msg->payload.u64 & ~(uint64_t)VIRTIO_CONFIG_S_NEEDS_RESET) |
                          (b->status & VIRTIO_CONFIG_S_NEEDS_RESET));
    return start_ready(b);
}

/* Handlers: memory and queues. */

static int set_mem_table(struct vhost_user_backend *b, struct vhost_user_msg *msg)
{
    const struct vhost_user_memory *memory = &msg->payload.memory;
    uint64_t listed =
        VHOST_USER_MEMORY_HEADER + (uint64_t)memory->n_regions * sizeof(struct vhost_user_region);
    if (msg->header.size != listed && msg->header.size != sizeof(*memory))
        return -EPROTO;
    bool started = b->dev->started;
    int err = vhost_user_rings_set_memory(&b->rings, memory, msg->fds, msg->n_fds);
    return err < 0 || !started ? err : start_ready(b);
}

static int set_vring_num(struct vhost_user_backend *b, struct vhost_user_msg *msg)
{
    return vhost_user_rings_set_num(&b->rings, &msg->payload.state);
}

static int set_vring_addr(struct vhost_user_backend *b, struct vhost_user_msg *msg)
{
    return vhost_user_rings_set_addr(&b->rings, &msg->payload.addr);
}

static int set_vring_base(struct vhost_user_backend *b, struct vhost_user_msg *msg)
{
    return vhost_user_rings_set_base(&b->rings, &msg->payload.state);
}

static int get_vring_base(struct vhost_user_backend *b, struct vhost_user_msg *msg)
{
    struct vhost_user_vring_state state = msg->payload.state;
    int err = vhost_user_rings_get_base(&b->rings, &state);
    /* A front-end that does not tell of the driver resets a broken device so. */
    if (!(b->status & VIRTIO_CONFIG_S_DRIVER))
        b->status &= (uint8_t)~VIRTIO_CONFIG_S_NEEDS_RESET;
    return err < 0 ? err : reply(b, msg, &state, sizeof(state));
}

static int set_event(struct vhost_user_backend *b, struct vhost_user_msg *msg,
                     enum vhost_user_event event)
{
    int none = -1;
    return vhost_user_rings_set_event(&b->rings, event, msg->payload.u64,
                                      msg->n_fds > 0 ? &msg->fds[0] : &none);
}

static int set_vring_kick(struct vhost_user_backend *b, struct vhost_user_msg *msg)
{
    int err = set_event(b, msg, VHOST_USER_EVENT_KICK);
    return err < 0 ? err : start_ready(b);
}

static int set_vring_call(struct vhost_user_backend *b, struct vhost_user_msg *msg)
{
    return set_event(b, msg, VHOST_USER_EVENT_CALL);
}

static int set_vring_err(struct vhost_user_backend *b, struct vhost_user_msg *msg)
{
    return set_event(b, msg, VHOST_USER_EVENT_ERR);
}

static int set_vring_enable(struct vhost_user_backend *b, struct vhost_user_msg *msg)
{
    int err = vhost_user_rings_enable(&b->rings, &msg->payload.state);
    return err < 0 || msg->payload.state.num == 0 ? err : start_ready(b);
}

static int get_inflight_fd(struct vhost_user_backend *b, struct vhost_user_msg *msg)
{
    struct vhost_user_inflight_desc desc = msg->payload.inflight;
    autoclose int fd = vhost_user_inflight_make(&desc);
    if (fd < 0)
        return -EPROTO;
    int err = vhost_user_send(b->sock, msg->header.request, VHOST_USER_REPLY, &desc, sizeof(desc),
                              &fd, 1);
    if (err == -EAGAIN)
        return -EPROTO;
    return err < 0 ? -EPIPE : 1;
}

static int set_inflight_fd(struct vhost_user_backend *b, struct vhost_user_msg *msg)
{
    return vhost_user_rings_set_inflight(&b->rings, &msg->payload.inflight, msg->fds[0]);
}

/* Handlers: configuration space and sockets. */

static int get_config(struct vhost_user_backend *b, struct vhost_user_msg *msg)
{
    struct vhost_user_config *config = &msg->payload.config;
    if (config->size > VHOST_USER_MAX_CONFIG ||
        msg->header.size != VHOST_USER_CONFIG_HEADER + config->size)
        return -EPROTO;
    /* No payload is the spec's way to say no. */
    if (config->offset > VHOST_USER_MAX_CONFIG - config->size)
        return reply(b, msg, NULL, 0);
    memset(config->data, 0, sizeof(config->data));
    if (config->size > 0)
        b->dev->ops->get_config(b->dev, config->offset, config->data, config->size);
    return reply(b, msg, config, msg->header.size);
}

static int set_config(struct vhost_user_backend *b, struct vhost_user_msg *msg)
{
    const struct vhost_user_config *config = &msg->payload.config;
    if (config->size > VHOST_USER_MAX_CONFIG || config->flags > VHOST_USER_CONFIG_MIGRATION ||
        config->offset > VHOST_USER_MAX_CONFIG - config->size ||
        msg->header.size != VHOST_USER_CONFIG_HEADER + config->size)
        return -EPROTO;
    /* A model with nothing to write to ignores writes, as the virtio spec says. */
    if (b->dev->ops->set_config && config->size > 0)
        b->dev->ops->set_config(b->dev, config->offset, config->data, config->size);
    return 0;
}

static int take_socket(struct vhost_user_msg *msg, int *slot)
{
    int type;
    socklen_t len = sizeof(type);
    if (getsockopt(msg->fds[0], SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
        fd_set_nonblock(msg->fds[0]) < 0)
        return -EPROTO;
    if (*slot >= 0)
        close(*slot);
    *slot = steal_fd(&msg->fds[0]);
    return 0;
}

static int set_backend_req_fd(struct vhost_user_backend *b, struct vhost_user_msg *msg)
{
    return take_socket(msg, &b->req_sock);
}

/* QEMU gives its vhost-user-gpu a socket of its own to display by. Frames leave us another way, so
 * it is held open and left idle. */
static int gpu_set_socket(struct vhost_user_backend *b, struct vhost_user_msg *msg)
{
    return take_socket(msg, &b->gpu_sock);
}

struct request {
    const char *name;
    int (*handle)(struct vhost_user_backend *b, struct vhost_user_msg *msg);
    uint32_t min, max; /* bytes of payload */
    uint8_t min_fds, max_fds;
    uint64_t needs; /* protocol feature bits */
};

#define U64 sizeof(uint64_t)
#define STATE sizeof(struct vhost_user_vring_state)
#define ADDR sizeof(struct vhost_user_vring_addr)
#define FIXED(size) .min = (size), .max = (size)
#define CONFIG_SIZE .min = VHOST_USER_CONFIG_HEADER, .max = sizeof(struct vhost_user_config)
#define INFLIGHT .min = VHOST_USER_INFLIGHT_MIN, .max = sizeof(struct vhost_user_inflight_desc)
#define FDS(lo, hi) .min_fds = (lo), .max_fds = (hi)
#define NEEDS(feature) .needs = BIT(VHOST_USER_PROTOCOL_F_##feature)

static const struct request requests[VHOST_USER_REQUEST_COUNT] = {
    [VHOST_USER_GET_FEATURES] = { "GET_FEATURES", get_features },
    [VHOST_USER_SET_FEATURES] = { "SET_FEATURES", set_features, FIXED(U64) },
    [VHOST_USER_SET_OWNER] = { "SET_OWNER", ignore },
    [VHOST_USER_RESET_OWNER] = { "RESET_OWNER", ignore },
    [VHOST_USER_SET_MEM_TABLE] = { "SET_MEM_TABLE", set_mem_table, .min = VHOST_USER_MEMORY_HEADER,
                                   .max = sizeof(struct vhost_user_memory),
                                   FDS(0, VHOST_USER_MAX_REGIONS) },
    [VHOST_USER_SET_VRING_NUM] = { "SET_VRING_NUM", set_vring_num, FIXED(STATE) },
    [VHOST_USER_SET_VRING_ADDR] = { "SET_VRING_ADDR", set_vring_addr, FIXED(ADDR) },
    [VHOST_USER_SET_VRING_BASE] = { "SET_VRING_BASE", set_vring_base, FIXED(STATE) },
    [VHOST_USER_GET_VRING_BASE] = { "GET_VRING_BASE", get_vring_base, FIXED(STATE) },
    [VHOST_USER_SET_VRING_KICK] = { "SET_VRING_KICK", set_vring_kick, FIXED(U64), FDS(0, 1) },
    [VHOST_USER_SET_VRING_CALL] = { "SET_VRING_CALL", set_vring_call, FIXED(U64), FDS(0, 1) },
    [VHOST_USER_SET_VRING_ERR] = { "SET_VRING_ERR", set_vring_err, FIXED(U64), FDS(0, 1) },
    [VHOST_USER_GET_PROTOCOL_FEATURES] = { "GET_PROTOCOL_FEATURES", get_protocol_features },
    [VHOST_USER_SET_PROTOCOL_FEATURES] = { "SET_PROTOCOL_FEATURES", set_protocol_features,
                                           FIXED(U64) },
    [VHOST_USER_GET_QUEUE_NUM] = { "GET_QUEUE_NUM", get_queue_num, NEEDS(MQ) },
    [VHOST_USER_SET_VRING_ENABLE] = { "SET_VRING_ENABLE", set_vring_enable, FIXED(STATE) },
    [VHOST_USER_SET_BACKEND_REQ_FD] = { "SET_BACKEND_REQ_FD", set_backend_req_fd, FDS(1, 1),
                                        NEEDS(BACKEND_REQ) },
    [VHOST_USER_GET_CONFIG] = { "GET_CONFIG", get_config, CONFIG_SIZE, NEEDS(CONFIG) },
    [VHOST_USER_SET_CONFIG] = { "SET_CONFIG", set_config, CONFIG_SIZE, NEEDS(CONFIG) },
    [VHOST_USER_GET_INFLIGHT_FD] = { "GET_INFLIGHT_FD", get_inflight_fd, INFLIGHT,
                                     NEEDS(INFLIGHT_SHMFD) },
    [VHOST_USER_SET_INFLIGHT_FD] = { "SET_INFLIGHT_FD", set_inflight_fd, INFLIGHT, FDS(1, 1),
                                     NEEDS(INFLIGHT_SHMFD) },
    [VHOST_USER_GPU_SET_SOCKET] = { "GPU_SET_SOCKET", gpu_set_socket, FDS(1, 1) },
    [VHOST_USER_RESET_DEVICE] = { "RESET_DEVICE", reset, NEEDS(RESET_DEVICE) },
    [VHOST_USER_SET_STATUS] = { "SET_STATUS", set_status, FIXED(U64), NEEDS(STATUS) },
    [VHOST_USER_GET_STATUS] = { "GET_STATUS", get_status, NEEDS(STATUS) },
};

/* Why the message fits no entry of the table; NULL where it does. */
static const char *misfit(const struct vhost_user_backend *b, const struct vhost_user_msg *msg,
                          const struct request *r)
{
    uint32_t flags = msg->header.flags;
    if ((flags & VHOST_USER_VERSION_MASK) != VHOST_USER_VERSION || (flags & VHOST_USER_REPLY))
        return "has flags that no request has";
    if (!r || !r->handle)
        return "is not one that we know";
    if (msg->header.size < r->min || msg->header.size > r->max)
        return "is of the wrong length";
    if (msg->n_fds < r->min_fds || msg->n_fds > r->max_fds)
        return "has the wrong number of fds";
    if ((b->protocol_features & r->needs) != r->needs)
        return "was not negotiated";
    return NULL;
}

static int dispatch(struct vhost_user_backend *b, struct vhost_user_msg *msg)
{
    uint32_t id = msg->header.request;
    const struct request *r = id < VHOST_USER_REQUEST_COUNT ? &requests[id] : NULL;
    const char *name = r && r->name ? r->name : "message";
    const char *why = misfit(b, msg, r);
    if (why) {
        log_warn("%s: the front-end's %s (%u, %u bytes, %u fds) %s: disconnecting",
                 b->dev->ops->name, name, id, msg->header.size, msg->n_fds, why);
        return -EPROTO;
    }
    /* What the message sets may not alter how it is answered. */
    bool answer = (msg->header.flags & VHOST_USER_NEED_REPLY) &&
                  negotiated(b, VHOST_USER_PROTOCOL_F_REPLY_ACK);
    int err = r->handle(b, msg);
    if (err == -EPIPE)
        return err;
    if (err < 0 && (err == -EPROTO || !answer)) {
        log_warn("%s: the front-end's %s can't be followed (%s): disconnecting", b->dev->ops->name,
                 name, strerror(-err));
        return -EPROTO;
    }
    return err <= 0 && answer ? reply_u64(b, msg, err < 0) : 0;
}

/* The connection. */

static void disconnect(struct vhost_user_backend *b)
{
    loop_fd_remove(&b->source);
    vhost_user_reader_reset(&b->reader);
    vhost_user_rings_finish(&b->rings);
    int socks[] = { b->sock, b->req_sock, b->gpu_sock };
    fd_close_all(socks, ARRAY_LEN(socks));
    b->sock = b->req_sock = b->gpu_sock = -1;
    b->dev->transport = NULL;
}

static void readable(struct loop_fd *source, uint32_t events)
{
    struct vhost_user_backend *b = container_of(source, struct vhost_user_backend, source);
    int err = 1;
    for (unsigned i = 0; i < MESSAGES_AT_ONCE && err == 1; i++) {
        err = vhost_user_read(&b->reader, b->sock);
        if (err < 1)
            break;
        err = dispatch(b, &b->reader.msg);
        err = err < 0 ? err : 1;
        vhost_user_reader_reset(&b->reader);
    }
    if (err >= 0)
        return;
    if (err == -EPIPE)
        log_debug("%s: the front-end hung up", b->dev->ops->name);
    disconnect(b);
    b->gone(b->data);
}

static bool listens(int sock)
{
    int yes = 0;
    socklen_t len = sizeof(yes);
    return getsockopt(sock, SOL_SOCKET, SO_ACCEPTCONN, &yes, &len) == 0 && yes;
}

/* The one front-end takes the listening socket's place. */
static void arrived(struct loop_fd *source, uint32_t events)
{
    struct vhost_user_backend *b = container_of(source, struct vhost_user_backend, source);
    struct loop *loop = source->loop;
    autoclose int sock = accept4(b->sock, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (sock < 0)
        return;
    loop_fd_remove(source);
    close(b->sock);
    b->sock = -1;
    int err = loop_fd_add(loop, source, sock, EPOLLIN, readable);
    if (err < 0) {
        log_error("%s: cannot serve the front-end: %s", b->dev->ops->name, strerror(-err));
        disconnect(b);
        b->gone(b->data);
        return;
    }
    b->sock = steal_fd(&sock);
    log_debug("%s: a front-end connected", b->dev->ops->name);
}

struct vhost_user_backend *vhost_user_backend_create(struct loop *loop, struct virtio_dev *dev,
                                                     int sock, void (*gone)(void *data), void *data)
{
    autoclose int owned = sock;
    struct vhost_user_backend *b = calloc(1, sizeof(*b));
    if (!b)
        return NULL;
    *b = (struct vhost_user_backend){
        .dev = dev,
        .sock = sock,
        .req_sock = -1,
        .gpu_sock = -1,
        .gone = gone,
        .data = data,
    };
    int err = fd_set_nonblock(sock);
    if (err == 0)
        err = loop_fd_add(loop, &b->source, sock, EPOLLIN, listens(sock) ? arrived : readable);
    if (err < 0) {
        log_error("%s: cannot serve the socket: %s", dev->ops->name, strerror(-err));
        free(b);
        return NULL;
    }
    vhost_user_rings_init(&b->rings, dev);
    dev->loop = loop;
    dev->transport = &transport_ops;
    dev->transport_data = b;
    steal_fd(&owned);
    return b;
}

void vhost_user_backend_destroy(struct vhost_user_backend *backend)
{
    if (!backend)
        return;
    if (backend->sock >= 0)
        disconnect(backend);
    free(backend);
}
