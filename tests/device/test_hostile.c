// SPDX-License-Identifier: MIT
/* The back-end of vhost-user with front-ends that break the protocol: each is disconnected, and none
 * does it any harm (the sanitizers watch). */
#include <errno.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/device/driver_internal.h"
#include "tests/device/echo.h"
#include "tests/test.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"

#define BIT(n) (1ull << (n))

static struct echo echo;

static struct driver *connect_new(void)
{
    struct host_model model = { echo_create, echo_destroy, &echo };
    return driver_host(&model);
}

/* Whether a front-end that has negotiated everything, and started or not, is thrown out for this. */
static bool thrown_out(bool started, uint32_t request, uint32_t flags, const void *payload,
                       uint32_t size, const int *fds, unsigned n_fds)
{
    struct driver *d = connect_new();
    struct vhost_user_msg msg;
    if (started)
        driver_up(d, 0, ECHO_QUEUES, 16);
    else
        driver_negotiate(d, VIRTIO_RING_FEATURES, DRIVER_PROTOCOL_ALL);
    driver_send(d, request, flags, payload, size, fds, n_fds);
    /* Another request behind it, so that something comes back in any case. */
    vhost_user_send(d->sock, VHOST_USER_GET_FEATURES, 0, NULL, 0, NULL, 0);
    bool out = false;
    do
        out = !driver_recv(d, &msg);
    while (!out && msg.header.request != VHOST_USER_GET_FEATURES);
    driver_destroy(d);
    return out;
}

struct shape {
    uint32_t request, size; /* the payload's only size */
    unsigned fds;           /* how many come along */
};

static const struct shape shapes[] = {
    { VHOST_USER_GET_FEATURES, 0, 0 },
    { VHOST_USER_SET_FEATURES, 8, 0 },
    { VHOST_USER_SET_OWNER, 0, 0 },
    { VHOST_USER_RESET_OWNER, 0, 0 },
    { VHOST_USER_SET_VRING_NUM, 8, 0 },
    { VHOST_USER_SET_VRING_ADDR, 40, 0 },
    { VHOST_USER_SET_VRING_BASE, 8, 0 },
    { VHOST_USER_GET_VRING_BASE, 8, 0 },
    { VHOST_USER_SET_VRING_KICK, 8, 1 },
    { VHOST_USER_SET_VRING_CALL, 8, 1 },
    { VHOST_USER_SET_VRING_ERR, 8, 1 },
    { VHOST_USER_GET_PROTOCOL_FEATURES, 0, 0 },
    { VHOST_USER_SET_PROTOCOL_FEATURES, 8, 0 },
    { VHOST_USER_GET_QUEUE_NUM, 0, 0 },
    { VHOST_USER_SET_VRING_ENABLE, 8, 0 },
    { VHOST_USER_SET_BACKEND_REQ_FD, 0, 1 },
    { VHOST_USER_GPU_SET_SOCKET, 0, 1 },
    { VHOST_USER_RESET_DEVICE, 0, 0 },
    { VHOST_USER_SET_STATUS, 8, 0 },
    { VHOST_USER_GET_STATUS, 0, 0 },
};

static void each_message_of_the_wrong_length_is_the_end(void **state)
{
    static const uint8_t zeros[sizeof(union vhost_user_payload)];
    for (unsigned i = 0; i < ARRAY_LEN(shapes); i++) {
        const struct shape *s = &shapes[i];
        const uint32_t sizes[] = { 0,           1,           s->size - 1, s->size + 1,
                                   s->size + 4, s->size * 2, 200,         sizeof(zeros) };
        for (unsigned k = 0; k < ARRAY_LEN(sizes); k++) {
            if (sizes[k] == s->size || sizes[k] > sizeof(zeros))
                continue;
            int event = eventfd(0, EFD_CLOEXEC);
            if (!thrown_out(k % 2, s->request, 0, zeros, sizes[k], &event, s->fds))
                fail_msg("request %u of %u bytes was taken", s->request, sizes[k]);
            close(event);
        }
    }
}

static void each_message_with_the_wrong_fds_is_the_end(void **state)
{
    static const uint8_t zeros[sizeof(union vhost_user_payload)];
    int events[FD_PASS_MAX];
    for (unsigned i = 0; i < FD_PASS_MAX; i++)
        events[i] = eventfd(0, EFD_CLOEXEC);
    for (unsigned i = 0; i < ARRAY_LEN(shapes); i++) {
        const struct shape *s = &shapes[i];
        const unsigned counts[] = { 0, 1, 2, 8, 9, FD_PASS_MAX };
        for (unsigned k = 0; k < ARRAY_LEN(counts); k++) {
            if (counts[k] == s->fds)
                continue;
            if (!thrown_out(k % 2, s->request, 0, zeros, s->size, events, counts[k]))
                fail_msg("request %u with %u fds was taken", s->request, counts[k]);
        }
    }
    fd_close_all(events, FD_PASS_MAX);
}

static void unknown_messages_and_flags_are_the_end(void **state)
{
    static const uint32_t unknown[] = { 0, 6, 7, 19, 28, 35, 36, 37, 41, 1000, UINT32_MAX };
    for (unsigned i = 0; i < ARRAY_LEN(unknown); i++)
        assert_true(thrown_out(i % 2, unknown[i], 0, NULL, 0, NULL, 0));
    assert_true(thrown_out(false, VHOST_USER_GET_FEATURES, 2, NULL, 0, NULL, 0));
    assert_true(thrown_out(false, VHOST_USER_GET_FEATURES, VHOST_USER_REPLY, NULL, 0, NULL, 0));
}

static void a_size_that_no_message_has_is_the_end(void **state)
{
    static const uint32_t sizes[] = { sizeof(union vhost_user_payload) + 1, 65536, UINT32_MAX };
    for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
        struct driver *d = connect_new();
        struct vhost_user_header header = { VHOST_USER_SET_FEATURES, VHOST_USER_VERSION, sizes[i] };
        assert_int_equal(fd_send(d->sock, &header, sizeof(header), NULL, 0), sizeof(header));
        assert_true(driver_hung_up(d));
        driver_destroy(d);
    }
}

static void messages_in_pieces_are_taken(void **state)
{
    struct driver *d = connect_new();
    struct {
        struct vhost_user_header header;
        uint32_t payload[2];
    } wire = { { VHOST_USER_SET_FEATURES, VHOST_USER_VERSION, 8 }, { 0, 1 } };
    for (size_t i = 0; i < sizeof(wire); i++)
        assert_int_equal(fd_send(d->sock, (char *)&wire + i, 1, NULL, 0), 1);
    driver_negotiate(d, 0, DRIVER_PROTOCOL_ALL);
    driver_destroy(d);
}

static void what_was_not_negotiated_is_the_end(void **state)
{
    static const uint32_t needing[] = { VHOST_USER_GET_QUEUE_NUM, VHOST_USER_RESET_DEVICE,
                                        VHOST_USER_GET_STATUS };
    for (unsigned i = 0; i < ARRAY_LEN(needing); i++) {
        struct driver *d = connect_new();
        driver_negotiate(d, 0, 0);
        driver_send(d, needing[i], 0, NULL, 0, NULL, 0);
        assert_true(driver_hung_up(d));
        driver_destroy(d);
    }
}

static bool bad_u64(uint32_t request, uint64_t value)
{
    return thrown_out(false, request, 0, &value, sizeof(value), NULL, 0);
}

static bool bad_state(bool started, uint32_t request, uint32_t index, uint32_t num)
{
    struct vhost_user_vring_state state = { index, num };
    return thrown_out(started, request, 0, &state, sizeof(state), NULL, 0);
}

static void values_out_of_range_are_the_end(void **state)
{
    assert_true(bad_u64(VHOST_USER_SET_FEATURES, BIT(5)));
    assert_true(bad_u64(VHOST_USER_SET_FEATURES, UINT64_MAX));
    assert_true(bad_u64(VHOST_USER_SET_PROTOCOL_FEATURES, BIT(12)));
    assert_true(bad_u64(VHOST_USER_SET_STATUS, 256));
    static const uint32_t requests[] = { VHOST_USER_SET_VRING_NUM, VHOST_USER_SET_VRING_BASE,
                                         VHOST_USER_GET_VRING_BASE, VHOST_USER_SET_VRING_ENABLE };
    for (unsigned i = 0; i < ARRAY_LEN(requests); i++) {
        assert_true(bad_state(false, requests[i], ECHO_QUEUES, 1));
        assert_true(bad_state(true, requests[i], UINT32_MAX, 1));
    }
    static const uint32_t nums[] = { 0, 3, 1023, VIRTQ_MAX_SIZE * 2, 1u << 31, UINT32_MAX };
    for (unsigned i = 0; i < ARRAY_LEN(nums); i++)
        assert_true(bad_state(false, VHOST_USER_SET_VRING_NUM, 0, nums[i]));
    assert_true(bad_state(false, VHOST_USER_SET_VRING_BASE, 0, 65536));
    assert_true(bad_state(false, VHOST_USER_SET_VRING_ENABLE, 0, 2));
    /* A ring that runs is not to be altered. */
    assert_true(bad_state(true, VHOST_USER_SET_VRING_NUM, 0, 8));
    assert_true(bad_state(true, VHOST_USER_SET_VRING_BASE, 0, 0));
    assert_false(bad_state(false, VHOST_USER_SET_VRING_NUM, 0, VIRTQ_MAX_SIZE));
    struct vhost_user_vring_addr addr = { .flags = 1 };
    assert_true(thrown_out(false, VHOST_USER_SET_VRING_ADDR, 0, &addr, sizeof(addr), NULL, 0));
    addr = (struct vhost_user_vring_addr){ .index = 7 };
    assert_true(thrown_out(false, VHOST_USER_SET_VRING_ADDR, 0, &addr, sizeof(addr), NULL, 0));
}

static bool bad_config(uint32_t request, uint32_t offset, uint32_t size, uint32_t flags,
                       uint32_t sent)
{
    struct vhost_user_config config = { .offset = offset, .size = size, .flags = flags };
    return thrown_out(false, request, 0, &config, sent, NULL, 0);
}

static void config_accesses_that_do_not_add_up_are_the_end(void **state)
{
    assert_true(bad_config(VHOST_USER_GET_CONFIG, 0, 4, 0, VHOST_USER_CONFIG_HEADER + 5));
    assert_true(bad_config(VHOST_USER_GET_CONFIG, 0, 4, 0, VHOST_USER_CONFIG_HEADER - 1));
    assert_true(bad_config(VHOST_USER_GET_CONFIG, 0, 257, 0, sizeof(struct vhost_user_config)));
    assert_true(bad_config(VHOST_USER_GET_CONFIG, 0, UINT32_MAX - 11, 0, 0));
    assert_false(bad_config(VHOST_USER_GET_CONFIG, UINT32_MAX, 4, 0, VHOST_USER_CONFIG_HEADER + 4));
    assert_true(bad_config(VHOST_USER_SET_CONFIG, UINT32_MAX, 4, 0, VHOST_USER_CONFIG_HEADER + 4));
    assert_true(bad_config(VHOST_USER_SET_CONFIG, 253, 4, 0, VHOST_USER_CONFIG_HEADER + 4));
    assert_true(bad_config(VHOST_USER_SET_CONFIG, 0, 4, 2, VHOST_USER_CONFIG_HEADER + 4));
    assert_false(bad_config(VHOST_USER_SET_CONFIG, 0, 0, 0, VHOST_USER_CONFIG_HEADER));
}

static void fds_that_are_no_events_are_the_end(void **state)
{
    int pair[2], pipes[2], memfd = memfd_create("x", MFD_CLOEXEC);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(pipe(pipes), 0);
    const int fds[] = { pair[0], pipes[0], pipes[1], memfd };
    static const uint32_t requests[] = { VHOST_USER_SET_VRING_KICK, VHOST_USER_SET_VRING_CALL,
                                         VHOST_USER_SET_VRING_ERR };
    for (unsigned i = 0; i < ARRAY_LEN(requests); i++) {
        uint64_t word = 0;
        for (unsigned k = 0; k < ARRAY_LEN(fds); k++)
            assert_true(thrown_out(k % 2, requests[i], 0, &word, sizeof(word), &fds[k], 1));
        int event = eventfd(0, EFD_CLOEXEC);
        static const uint64_t words[] = { VHOST_USER_VRING_NOFD, 2, 512, BIT(32) };
        for (unsigned k = 0; k < ARRAY_LEN(words); k++)
            assert_true(thrown_out(k % 2, requests[i], 0, &words[k], sizeof(word), &event, 1));
        close(event);
    }
    assert_true(thrown_out(false, VHOST_USER_SET_BACKEND_REQ_FD, 0, NULL, 0, &memfd, 1));
    close(memfd);
    fd_close_all(pair, 2);
    fd_close_all(pipes, 2);
}

static bool bad_memory(const struct vhost_user_region *regions, unsigned n, unsigned listed, int fd,
                       unsigned n_fds)
{
    struct vhost_user_memory memory = { .n_regions = listed };
    int fds[FD_PASS_MAX];
    for (unsigned i = 0; i < n; i++)
        memory.region[i] = regions[i];
    for (unsigned i = 0; i < n_fds; i++)
        fds[i] = fd;
    return thrown_out(true, VHOST_USER_SET_MEM_TABLE, 0, &memory,
                      VHOST_USER_MEMORY_HEADER + n * (uint32_t)sizeof(regions[0]), fds, n_fds);
}

static void memory_that_is_not_there_is_the_end(void **state)
{
    const uint64_t size = 1 << 20;
    int fd = fd_memfd_sealed("hostile", size);
    static const struct vhost_user_region bad[] = {
        { 0, 0, 0, 0 },
        { 0, 4096, 0, 1 << 20 },
        { 0, 2 << 20, 0, 0 },
        { 0, UINT64_MAX - 4095, 0, 8192 },
        { 0, 4096, 0, UINT64_MAX - 4095 },
        { 1, 4096, 0, 0 },
        { 0, 4095, 0, 0 },
        { 0, 4096, 0, 1 },
        { UINT64_MAX - 4095, 8192, 0, 0 },
        { 0, 8192, UINT64_MAX - 4095, 0 },
    };
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
        assert_true(bad_memory(&bad[i], 1, 1, fd, 1));
    struct vhost_user_region two[] = { { 0, 8192, 0, 0 }, { 4096, 8192, 1 << 20, 8192 } };
    assert_true(bad_memory(two, 2, 2, fd, 2)); /* they overlap */
    two[1].gpa = 8192;
    assert_false(bad_memory(two, 2, 2, fd, 2));
    assert_true(bad_memory(two, 2, 2, fd, 1));
    assert_true(bad_memory(two, 2, 2, fd, 3));
    assert_true(bad_memory(two, 1, 2, fd, 2));
    assert_true(bad_memory(two, 2, UINT32_MAX, fd, 2));
    int event = eventfd(0, EFD_CLOEXEC);
    assert_true(bad_memory(two, 1, 1, event, 1));
    close(event);
    close(fd);
}

static void a_front_end_that_reads_nothing_is_the_end(void **state)
{
    struct driver *d = connect_new();
    int err = 0;
    while (err == 0 || err == -EAGAIN) {
        err = vhost_user_send(d->sock, VHOST_USER_GET_FEATURES, 0, NULL, 0, NULL, 0);
        struct pollfd pfd = { .fd = d->sock, .events = POLLOUT };
        if (err == -EAGAIN)
            assert_int_equal(poll(&pfd, 1, DRIVER_TIMEOUT_MS), 1);
    }
    driver_destroy(d);
}

/* Random messages, most of them well-formed, so that they reach all states. */

struct fuzz {
    unsigned seed;
    int event, ram, odd;
    int sock[2];
    struct driver *d;
    unsigned sent, connections, starts;
};

static uint64_t pick(struct fuzz *f, unsigned n)
{
    return (unsigned)rand_r(&f->seed) % n;
}

static uint64_t odd_number(struct fuzz *f)
{
    static const uint64_t odd[] = { 0,          1,         2,         3,     4,     16,
                                    256,        1024,      4096,      65535, 65536, DRIVER_HIGH_RAM,
                                    UINT32_MAX, INT64_MAX, UINT64_MAX };
    return odd[pick(f, ARRAY_LEN(odd))];
}

static void fill_ring_address(struct fuzz *f, struct vhost_user_vring_addr *addr)
{
    *addr = (struct vhost_user_vring_addr){
        .index = (uint32_t)pick(f, ECHO_QUEUES),
        .desc = DRIVER_USER_ADDR + pick(f, 1 << 16) * 16,
        .used = DRIVER_USER_ADDR + pick(f, 1 << 16) * 16,
        .avail = DRIVER_USER_ADDR + pick(f, 1 << 16) * 16,
    };
    if (pick(f, 10) == 0)
        addr->avail = odd_number(f);
}

static uint32_t fill_memory(struct fuzz *f, struct vhost_user_memory *memory)
{
    memory->n_regions = (uint32_t)pick(f, 4);
    for (unsigned i = 0; i < memory->n_regions; i++)
        memory->region[i] = (struct vhost_user_region){
            .gpa = i * (8ull << 20),
            .size = pick(f, 20) == 0 ? odd_number(f) : 8ull << 20,
            .user_addr = DRIVER_USER_ADDR + i * (8ull << 20),
            .mmap_offset = pick(f, 20) == 0 ? odd_number(f) : pick(f, 4) * (8ull << 20),
        };
    return VHOST_USER_MEMORY_HEADER + memory->n_regions * (uint32_t)sizeof(memory->region[0]);
}

static uint32_t fill_config(struct fuzz *f, struct vhost_user_config *config)
{
    config->offset = (uint32_t)pick(f, 40);
    config->size = (uint32_t)pick(f, 40);
    config->flags = (uint32_t)pick(f, 2);
    return VHOST_USER_CONFIG_HEADER + config->size;
}

/* The payload of a request, and its size. */
static uint32_t fill(struct fuzz *f, uint32_t request, union vhost_user_payload *p)
{
    switch (request) {
    case VHOST_USER_SET_FEATURES:
        p->u64 = BIT(VIRTIO_F_VERSION_1) | (pick(f, 2) ? VIRTIO_RING_FEATURES : 0) |
                 (pick(f, 4) ? BIT(VHOST_USER_F_PROTOCOL_FEATURES) : 0);
        return 8;
    case VHOST_USER_SET_PROTOCOL_FEATURES:
        p->u64 = DRIVER_PROTOCOL_ALL & (pick(f, 20) ? UINT64_MAX : (uint64_t)rand_r(&f->seed));
        return 8;
    case VHOST_USER_SET_VRING_KICK:
    case VHOST_USER_SET_VRING_CALL:
    case VHOST_USER_SET_VRING_ERR:
        p->u64 = pick(f, ECHO_QUEUES);
        return 8;
    case VHOST_USER_SET_STATUS:
        p->u64 = pick(f, 16) == 0 ? odd_number(f) : pick(f, 3) * 7 + pick(f, 2);
        return 8;
    case VHOST_USER_SET_VRING_NUM:
        p->state =
            (struct vhost_user_vring_state){ (uint32_t)pick(f, ECHO_QUEUES), 1u << pick(f, 11) };
        return 8;
    case VHOST_USER_SET_VRING_ENABLE:
        p->state =
            (struct vhost_user_vring_state){ (uint32_t)pick(f, ECHO_QUEUES), pick(f, 4) != 0 };
        return 8;
    case VHOST_USER_SET_VRING_BASE:
    case VHOST_USER_GET_VRING_BASE:
        p->state = (struct vhost_user_vring_state){ (uint32_t)pick(f, ECHO_QUEUES),
                                                    (uint32_t)pick(f, 65536) };
        return 8;
    case VHOST_USER_SET_VRING_ADDR:
        fill_ring_address(f, &p->addr);
        return sizeof(p->addr);
    case VHOST_USER_SET_MEM_TABLE:
        return fill_memory(f, &p->memory);
    case VHOST_USER_GET_CONFIG:
    case VHOST_USER_SET_CONFIG:
        return fill_config(f, &p->config);
    default:
        return 0;
    }
}

static unsigned fill_fds(struct fuzz *f, uint32_t request, const union vhost_user_payload *p,
                         int *fds)
{
    unsigned n = 0;
    switch (request) {
    case VHOST_USER_SET_MEM_TABLE:
        n = MIN(p->memory.n_regions, FD_PASS_MAX);
        break;
    case VHOST_USER_SET_VRING_KICK:
    case VHOST_USER_SET_VRING_CALL:
    case VHOST_USER_SET_VRING_ERR:
    case VHOST_USER_SET_BACKEND_REQ_FD:
    case VHOST_USER_GPU_SET_SOCKET:
        n = 1;
        break;
    default:
        break;
    }
    if (pick(f, 200) == 0)
        n = (unsigned)pick(f, FD_PASS_MAX + 1);
    for (unsigned i = 0; i < n; i++) {
        fds[i] = request == VHOST_USER_SET_MEM_TABLE ? f->ram
                 : request == VHOST_USER_SET_BACKEND_REQ_FD || request == VHOST_USER_GPU_SET_SOCKET
                     ? f->sock[0]
                     : f->event;
        if (pick(f, 200) == 0)
            fds[i] = f->odd;
    }
    return n;
}

/* Drops the replies that are there. */
static void drain(int sock)
{
    char bytes[4096];
    int fds[FD_PASS_MAX];
    unsigned n = FD_PASS_MAX;
    while (fd_recv(sock, bytes, sizeof(bytes), fds, &n) > 0) {
        fd_close_all(fds, n);
        n = FD_PASS_MAX;
    }
}

/* False where the back-end has hung up. */
static bool send_msg(struct fuzz *f, uint32_t request, uint32_t flags, const void *payload,
                     size_t size, const int *fds, unsigned n_fds)
{
    int err;
    f->sent++;
    while ((err = vhost_user_send(f->d->sock, request, flags, payload, (uint32_t)size, fds,
                                  n_fds)) == -EAGAIN) {
        struct pollfd pfd = { .fd = f->d->sock, .events = POLLIN | POLLOUT };
        assert_int_equal(poll(&pfd, 1, DRIVER_TIMEOUT_MS), 1);
        drain(f->d->sock);
    }
    drain(f->d->sock);
    return err == 0;
}

static bool send_random(struct fuzz *f)
{
    union vhost_user_payload payload = { 0 };
    int fds[FD_PASS_MAX];
    static const uint32_t others[] = { VHOST_USER_SET_MEM_TABLE, VHOST_USER_GET_CONFIG,
                                       VHOST_USER_SET_CONFIG };
    uint64_t which = pick(f, ARRAY_LEN(shapes) + ARRAY_LEN(others));
    uint32_t request =
        which < ARRAY_LEN(shapes) ? shapes[which].request : others[which - ARRAY_LEN(shapes)];
    if (pick(f, 200) == 0)
        request = (uint32_t)pick(f, VHOST_USER_REQUEST_COUNT);
    uint32_t size = fill(f, request, &payload);
    if (pick(f, 200) == 0)
        size = (uint32_t)pick(f, sizeof(payload));
    if (pick(f, 100) == 0)
        ((uint8_t *)&payload)[pick(f, sizeof(payload))] = (uint8_t)odd_number(f);
    unsigned n_fds = fill_fds(f, request, &payload, fds);
    uint32_t flags = pick(f, 3) == 0 ? VHOST_USER_NEED_REPLY : 0;
    if (pick(f, 300) == 0)
        flags ^= (uint32_t)odd_number(f);
    if (pick(f, 4) == 0)
        fd_event_signal(f->event);
    return send_msg(f, request, flags, &payload, size, fds, n_fds);
}

/* A start as it should be, with random messages between its steps. */
static bool send_start(struct fuzz *f)
{
    struct vhost_user_memory memory = {
        .n_regions = 1,
        .region = { { 0, DRIVER_RAM_SIZE, DRIVER_USER_ADDR, 0 } },
    };
    uint64_t queue = pick(f, ECHO_QUEUES), status = 15, features = BIT(30) | BIT(32);
    struct vhost_user_vring_state num = { (uint32_t)queue, 16 }, on = { (uint32_t)queue, 1 };
    struct vhost_user_vring_addr addr = { .index = (uint32_t)queue,
                                          .desc = DRIVER_USER_ADDR + pick(f, 1024) * 4096,
                                          .avail = DRIVER_USER_ADDR + pick(f, 1024) * 4096,
                                          .used = DRIVER_USER_ADDR + pick(f, 1024) * 4096 };
    const struct {
        uint32_t request;
        const void *payload;
        size_t size;
        int fd;
    } steps[] = {
        { VHOST_USER_RESET_DEVICE, NULL, 0, -1 },
        { VHOST_USER_SET_FEATURES, &features, 8, -1 },
        { VHOST_USER_SET_MEM_TABLE, &memory, VHOST_USER_MEMORY_HEADER + 32, f->ram },
        { VHOST_USER_SET_VRING_NUM, &num, sizeof(num), -1 },
        { VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr), -1 },
        { VHOST_USER_SET_VRING_CALL, &queue, 8, f->event },
        { VHOST_USER_SET_VRING_KICK, &queue, 8, f->event },
        { VHOST_USER_SET_VRING_ENABLE, &on, sizeof(on), -1 },
        { VHOST_USER_SET_STATUS, &status, 8, -1 },
    };
    for (unsigned i = 0; i < ARRAY_LEN(steps); i++) {
        if (pick(f, 20) == 0 && !send_random(f))
            return false;
        if (!send_msg(f, steps[i].request, 0, steps[i].payload, steps[i].size, &steps[i].fd,
                      steps[i].fd >= 0))
            return false;
    }
    return true;
}

static void random_messages_do_no_harm(void **state)
{
    unsigned messages = getenv("VITRINE_FULL") ? 1000000 : 10000;
    struct fuzz f = { .seed = 20261122 };
    f.event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    f.ram = fd_memfd_sealed("hostile", DRIVER_RAM_SIZE);
    f.odd = memfd_create("odd", MFD_CLOEXEC);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, f.sock), 0);
    while (f.sent < messages) {
        f.d = connect_new();
        f.connections++;
        if (pick(&f, 2))
            driver_up(f.d, 0, ECHO_QUEUES, 16);
        else
            driver_negotiate(f.d, 0, DRIVER_PROTOCOL_ALL);
        for (unsigned i = 0; i < 2000 && f.sent < messages; i++) {
            if (!(pick(&f, 12) ? send_random(&f) : send_start(&f)))
                break;
        }
        driver_destroy(f.d);
        assert_int_equal(echo.starts, echo.stops);
        f.starts += echo.starts;
    }
    printf("%u random messages, %u connections, %u starts\n", f.sent, f.connections, f.starts);
    assert_true(f.starts > 0); /* how many is up to the timing */
    int fds[] = { f.event, f.ram, f.odd, f.sock[0], f.sock[1] };
    fd_close_all(fds, ARRAY_LEN(fds));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_message_of_the_wrong_length_is_the_end),
        cmocka_unit_test(each_message_with_the_wrong_fds_is_the_end),
        cmocka_unit_test(unknown_messages_and_flags_are_the_end),
        cmocka_unit_test(a_size_that_no_message_has_is_the_end),
        cmocka_unit_test(messages_in_pieces_are_taken),
        cmocka_unit_test(what_was_not_negotiated_is_the_end),
        cmocka_unit_test(values_out_of_range_are_the_end),
        cmocka_unit_test(config_accesses_that_do_not_add_up_are_the_end),
        cmocka_unit_test(fds_that_are_no_events_are_the_end),
        cmocka_unit_test(memory_that_is_not_there_is_the_end),
        cmocka_unit_test(a_front_end_that_reads_nothing_is_the_end),
        cmocka_unit_test(random_messages_do_no_harm),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
