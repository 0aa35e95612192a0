// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/device/driver_internal.h"
#include "tests/test.h"
#include "vmm/base/fd.h"

#define BIT(n) (1ull << (n))

struct driver *driver_connect(int sock)
{
    struct driver *d = calloc(1, sizeof(*d));
    assert_non_null(d);
    d->sock = sock;
    d->req_sock = d->inflight_fd = -1;
    assert_int_equal(fd_set_nonblock(sock), 0);
    driver_ram_init(d);
    return d;
}

struct driver *driver_host(const struct host_model *model)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    struct driver *d = driver_connect(pair[0]);
    d->host = host_start(model, pair[1]);
    return d;
}

void driver_call(struct driver *d, void (*fn)(void *data), void *data)
{
    host_call(d->host, fn, data);
}

void driver_destroy(struct driver *d)
{
    host_stop(d->host);
    for (unsigned i = 0; i < d->n_queues; i++)
        driver_queue_finish(&d->queue[i]);
    driver_ram_finish(d);
    int socks[] = { d->sock, d->req_sock, d->inflight_fd };
    fd_close_all(socks, ARRAY_LEN(socks));
    free(d);
}

/* Messages. */

int driver_sock(struct driver *d)
{
    return d->sock;
}

void driver_send(struct driver *d, uint32_t request, uint32_t flags, const void *payload,
                 uint32_t size, const int *fds, unsigned n_fds)
{
    int err;
    while ((err = vhost_user_send(d->sock, request, flags, payload, size, fds, n_fds)) == -EAGAIN) {
        struct pollfd pfd = { .fd = d->sock, .events = POLLOUT };
        assert_int_equal(poll(&pfd, 1, DRIVER_TIMEOUT_MS), 1);
    }
    assert_int_equal(err, 0);
}

bool driver_recv(struct driver *d, struct vhost_user_msg *msg)
{
    struct vhost_user_reader reader = { 0 };
    int err;
    while ((err = vhost_user_read(&reader, d->sock)) == 0) {
        if (!driver_poll(d->sock, DRIVER_TIMEOUT_MS))
            fail_msg("the back-end does not answer");
    }
    if (err == 1)
        *msg = reader.msg;
    if (err == 1 && msg->header.request == VHOST_USER_GET_INFLIGHT_FD)
        reader.msg.n_fds = 0; /* the caller's */
    assert_int_equal(reader.msg.n_fds, 0);
    vhost_user_reader_reset(&reader);
    return err == 1;
}

static void expect_reply(struct driver *d, uint32_t request, uint32_t size,
                         struct vhost_user_msg *msg)
{
    if (!driver_recv(d, msg))
        fail_msg("request %u: the back-end hung up", request);
    assert_int_equal(msg->header.request, request);
    assert_int_equal(msg->header.flags, VHOST_USER_VERSION | VHOST_USER_REPLY);
    assert_int_equal(msg->header.size, size);
}

uint64_t driver_ask_u64(struct driver *d, uint32_t request)
{
    struct vhost_user_msg msg;
    driver_send(d, request, 0, NULL, 0, NULL, 0);
    expect_reply(d, request, sizeof(uint64_t), &msg);
    return msg.payload.u64;
}

uint64_t driver_tell(struct driver *d, uint32_t request, const void *payload, uint32_t size,
                     const int *fds, unsigned n_fds)
{
    struct vhost_user_msg msg;
    if (!(d->protocol & BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK))) {
        driver_send(d, request, 0, payload, size, fds, n_fds);
        return 0;
    }
    driver_send(d, request, VHOST_USER_NEED_REPLY, payload, size, fds, n_fds);
    expect_reply(d, request, sizeof(uint64_t), &msg);
    return msg.payload.u64;
}

static void tell_u64(struct driver *d, uint32_t request, uint64_t value)
{
    assert_int_equal(driver_tell(d, request, &value, sizeof(value), NULL, 0), 0);
}

static void tell_state(struct driver *d, uint32_t request, uint32_t index, uint32_t num)
{
    struct vhost_user_vring_state state = { .index = index, .num = num };
    assert_int_equal(driver_tell(d, request, &state, sizeof(state), NULL, 0), 0);
}

bool driver_hung_up(struct driver *d)
{
    struct vhost_user_msg msg;
    while (driver_recv(d, &msg))
        ;
    return true;
}

/* What a driver does from the beginning to the end. */

static void get_inflight(struct driver *d)
{
    const struct vhost_user_inflight_desc want = { .n_queues = 2, .queue_size = 256 };
    struct vhost_user_msg msg;
    driver_send(d, VHOST_USER_GET_INFLIGHT_FD, 0, &want, sizeof(want), NULL, 0);
    expect_reply(d, VHOST_USER_GET_INFLIGHT_FD, sizeof(want), &msg);
    assert_int_equal(msg.n_fds, 1);
    d->inflight = msg.payload.inflight;
    d->inflight_fd = msg.fds[0];
}

int driver_inflight_fd(const struct driver *d)
{
    return d->inflight_fd;
}

void driver_negotiate(struct driver *d, uint64_t features, uint64_t protocol)
{
    d->offered = driver_ask_u64(d, VHOST_USER_GET_FEATURES);
    assert_true(d->offered & BIT(VIRTIO_F_VERSION_1));
    assert_true(d->offered & BIT(VHOST_USER_F_PROTOCOL_FEATURES));
    uint64_t known = driver_ask_u64(d, VHOST_USER_GET_PROTOCOL_FEATURES);
    uint64_t use = known & protocol;
    driver_send(d, VHOST_USER_SET_PROTOCOL_FEATURES, 0, &use, sizeof(use), NULL, 0);
    d->protocol = use;
    driver_tell(d, VHOST_USER_SET_OWNER, NULL, 0, NULL, 0);
    d->features = (features | BIT(VIRTIO_F_VERSION_1)) & d->offered;
    if (use & BIT(VHOST_USER_PROTOCOL_F_BACKEND_REQ)) {
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair),
                         0);
        assert_int_equal(driver_tell(d, VHOST_USER_SET_BACKEND_REQ_FD, NULL, 0, &pair[1], 1), 0);
        close(pair[1]);
        d->req_sock = pair[0];
    }
    if ((use & BIT(VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD)) && d->inflight_fd < 0)
        get_inflight(d);
}

uint64_t driver_offered(const struct driver *d)
{
    return d->offered;
}

uint64_t driver_features(const struct driver *d)
{
    return d->features;
}

static uint64_t user_addr(struct driver *d, const void *p)
{
    return DRIVER_USER_ADDR + (uint64_t)((const uint8_t *)p - d->ram);
}

void driver_share_memory(struct driver *d, unsigned n_regions)
{
    uint64_t half = DRIVER_RAM_SIZE / 2, quarter = half / 2;
    struct vhost_user_memory memory = {
        .n_regions = n_regions,
        .region = { { DRIVER_HIGH_RAM, half, DRIVER_USER_ADDR + half, half },
                    { 0, n_regions == 2 ? half : quarter, DRIVER_USER_ADDR, 0 },
                    { quarter, quarter, DRIVER_USER_ADDR + quarter, quarter } },
    };
    int fds[] = { d->ram_fd, d->ram_fd, d->ram_fd };
    uint32_t size =
        VHOST_USER_MEMORY_HEADER + n_regions * (uint32_t)sizeof(struct vhost_user_region);
    assert_true(n_regions == 2 || n_regions == 3);
    assert_int_equal(driver_tell(d, VHOST_USER_SET_MEM_TABLE, &memory, size, fds, n_regions), 0);
}

static void set_fd(struct driver *d, uint32_t request, uint64_t index, int fd)
{
    assert_int_equal(driver_tell(d, request, &index, sizeof(index), &fd, 1), 0);
}

static void set_ring(struct driver *d, unsigned i)
{
    const struct driver_queue *q = &d->queue[i];
    struct vhost_user_vring_addr addr = {
        .index = i,
        .desc = user_addr(d, q->desc),
        .avail = user_addr(d, q->avail),
        .used = user_addr(d, q->used),
    };
    tell_state(d, VHOST_USER_SET_VRING_NUM, i, q->size);
    tell_state(d, VHOST_USER_SET_VRING_BASE, i, q->base);
    assert_int_equal(driver_tell(d, VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0), 0);
    set_fd(d, VHOST_USER_SET_VRING_CALL, i, q->call_fd);
    set_fd(d, VHOST_USER_SET_VRING_ERR, i, q->err_fd);
    set_fd(d, VHOST_USER_SET_VRING_KICK, i, q->kick_fd);
}

static void hand_over(struct driver *d)
{
    tell_u64(d, VHOST_USER_SET_FEATURES, d->features | BIT(VHOST_USER_F_PROTOCOL_FEATURES));
    driver_share_memory(d, 2);
    if (d->inflight_fd >= 0)
        assert_int_equal(driver_tell(d, VHOST_USER_SET_INFLIGHT_FD, &d->inflight,
                                     sizeof(d->inflight), &d->inflight_fd, 1),
                         0);
    for (unsigned i = 0; i < d->n_queues; i++)
        set_ring(d, i);
    for (unsigned i = 0; i < d->n_queues; i++)
        tell_state(d, VHOST_USER_SET_VRING_ENABLE, i, 1);
    if (d->protocol & BIT(VHOST_USER_PROTOCOL_F_STATUS))
        tell_u64(d, VHOST_USER_SET_STATUS,
                 VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
                     VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
}

void driver_start(struct driver *d, unsigned n_queues, uint16_t size)
{
    assert_true(n_queues <= VIRTIO_MAX_QUEUES && size <= VIRTQ_MAX_SIZE);
    for (unsigned i = 0; i < d->n_queues; i++)
        driver_queue_finish(&d->queue[i]);
    d->n_queues = n_queues;
    for (unsigned i = 0; i < n_queues; i++)
        driver_queue_init(d, i, size);
    if (d->inflight_fd >= 0)
        assert_int_equal(fallocate(d->inflight_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                                   (off_t)d->inflight.size),
                         0);
    hand_over(d);
}

void driver_reconnect(struct driver *d, int sock)
{
    int old[] = { d->sock, d->req_sock };
    fd_close_all(old, ARRAY_LEN(old));
    d->sock = sock;
    assert_int_equal(fd_set_nonblock(sock), 0);
    driver_negotiate(d, d->features, d->protocol);
    for (unsigned i = 0; i < d->n_queues; i++)
        d->queue[i].base = d->queue[i].avail_idx;
    hand_over(d);
}

void driver_up(struct driver *d, uint64_t features, unsigned n_queues, uint16_t size)
{
    driver_negotiate(d, features | VIRTIO_RING_FEATURES, DRIVER_PROTOCOL_ALL);
    driver_start(d, n_queues, size);
}

static void stop_queues(struct driver *d)
{
    for (unsigned i = 0; i < d->n_queues; i++) {
        struct vhost_user_vring_state state = { .index = i };
        struct vhost_user_msg msg;
        driver_send(d, VHOST_USER_GET_VRING_BASE, 0, &state, sizeof(state), NULL, 0);
        expect_reply(d, VHOST_USER_GET_VRING_BASE, sizeof(state), &msg);
        assert_int_equal(msg.payload.state.index, i);
        d->queue[i].base = (uint16_t)msg.payload.state.num;
    }
}

void driver_pause(struct driver *d)
{
    for (unsigned i = 0; i < d->n_queues; i++)
        tell_state(d, VHOST_USER_SET_VRING_ENABLE, i, 0);
    stop_queues(d);
}

void driver_continue(struct driver *d)
{
    hand_over(d);
}

void driver_stop(struct driver *d)
{
    stop_queues(d);
    if (d->protocol & BIT(VHOST_USER_PROTOCOL_F_STATUS))
        tell_u64(d, VHOST_USER_SET_STATUS, 0);
    else if (d->protocol & BIT(VHOST_USER_PROTOCOL_F_RESET_DEVICE))
        assert_int_equal(driver_tell(d, VHOST_USER_RESET_DEVICE, NULL, 0, NULL, 0), 0);
}

void driver_get_config(struct driver *d, uint32_t offset, void *data, uint32_t len)
{
    struct vhost_user_config config = { .offset = offset, .size = len };
    struct vhost_user_msg msg;
    assert_true(len <= VHOST_USER_MAX_CONFIG);
    driver_send(d, VHOST_USER_GET_CONFIG, 0, &config, VHOST_USER_CONFIG_HEADER + len, NULL, 0);
    expect_reply(d, VHOST_USER_GET_CONFIG, VHOST_USER_CONFIG_HEADER + len, &msg);
    memcpy(data, msg.payload.config.data, len);
}

void driver_set_config(struct driver *d, uint32_t offset, const void *data, uint32_t len)
{
    struct vhost_user_config config = { .offset = offset, .size = len };
    assert_true(len <= VHOST_USER_MAX_CONFIG);
    memcpy(config.data, data, len);
    assert_int_equal(
        driver_tell(d, VHOST_USER_SET_CONFIG, &config, VHOST_USER_CONFIG_HEADER + len, NULL, 0), 0);
}

bool driver_wait_config_change(struct driver *d, int timeout_ms)
{
    struct vhost_user_reader reader = { 0 };
    int err;
    while ((err = vhost_user_read(&reader, d->req_sock)) == 0) {
        if (!driver_poll(d->req_sock, timeout_ms))
            return false;
    }
    assert_int_equal(err, 1);
    assert_int_equal(reader.msg.header.request, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG);
    vhost_user_reader_reset(&reader);
    return true;
}

uint8_t driver_status(struct driver *d)
{
    return (uint8_t)driver_ask_u64(d, VHOST_USER_GET_STATUS);
}
