// SPDX-License-Identifier: MIT
/* The front-end of vhost-user with back-ends that misbehave. */
#include <linux/virtio_config.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/device/frontend_bed.h"
#include "tests/test.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"

#define BIT(n) (1ull << (n))

/* A back-end that the test plays: creation sends to it, so it must have answered before. */
struct reply {
    uint32_t request;
    uint64_t value;
};

static int played(struct frontend_bed *f, const struct reply *replies, unsigned n)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(vhost_user_send(pair[1], replies[i].request, VHOST_USER_REPLY,
                                         &replies[i].value, sizeof(replies[i].value), NULL, 0),
                         0);
    f->peer = pair[1];
    return pair[0];
}

static void unusable_back_ends_are_refused(void **state)
{
    struct frontend_bed *f = *state;
    const uint64_t features = BIT(VIRTIO_F_VERSION_1) | BIT(VHOST_USER_F_PROTOCOL_FEATURES);
    const struct reply legacy[] = { { VHOST_USER_GET_FEATURES, 0 } };
    const struct reply no_config[] = { { VHOST_USER_GET_FEATURES, features },
                                       { VHOST_USER_GET_PROTOCOL_FEATURES, 0 } };
    const struct reply few_queues[] = { { VHOST_USER_GET_FEATURES, features },
                                        { VHOST_USER_GET_PROTOCOL_FEATURES,
                                          BIT(VHOST_USER_PROTOCOL_F_MQ) |
                                              BIT(VHOST_USER_PROTOCOL_F_CONFIG) },
                                        { VHOST_USER_GET_QUEUE_NUM, 1 } };
    const struct reply out_of_order[] = { { VHOST_USER_GET_PROTOCOL_FEATURES, features } };
    const struct reply bad_config[] = { { VHOST_USER_GET_FEATURES, features },
                                        { VHOST_USER_GET_PROTOCOL_FEATURES,
                                          BIT(VHOST_USER_PROTOCOL_F_CONFIG) },
                                        { VHOST_USER_GET_CONFIG, 0 } };
    const struct {
        const struct reply *replies;
        unsigned n;
    } cases[] = {
        { legacy, 1 }, { no_config, 2 }, { few_queues, 3 }, { out_of_order, 1 }, { bad_config, 3 }
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct vhost_user_frontend_params p = frontend_params(f);
        frontend_connect(f, played(f, cases[i].replies, cases[i].n), &p);
        assert_null(f->frontend);
        close(f->peer);
        f->peer = -1;
    }
    assert_int_equal(f->deaths, 0);
}

static void a_back_end_that_never_answers_is_refused_in_time(void **state)
{
    struct frontend_bed *f = *state;
    struct vhost_user_frontend_params p = frontend_params(f);
    p.connect_timeout_ms = 50;
    frontend_connect(f, played(f, NULL, 0), &p);
    assert_null(f->frontend);
}

static void answers_to_nothing_are_the_end(void **state)
{
    struct frontend_bed *f = *state;
    struct vhost_user_frontend_params p = frontend_params(f);
    const struct reply fine[] = { { VHOST_USER_GET_FEATURES, BIT(VIRTIO_F_VERSION_1) } };
    p.config_len = 0;
    frontend_connect(f, played(f, fine, 1), &p);
    assert_non_null(f->frontend);
    uint64_t zero = 0;
    vhost_user_send(f->peer, VHOST_USER_GET_FEATURES, VHOST_USER_REPLY, &zero, 8, NULL, 0);
    frontend_run_until(f, &f->deaths, 1);
}

/* A back-end that negotiates like a good one and then says anything at all, on both sockets. */

static unsigned pick(unsigned *seed, unsigned n)
{
    return (unsigned)rand_r(seed) % n;
}

static void negotiate_as_a_good_one(struct frontend_bed *f)
{
    struct vhost_user_frontend_params p = frontend_params(f);
    const uint64_t protocol =
        BIT(VHOST_USER_PROTOCOL_F_CONFIG) | BIT(VHOST_USER_PROTOCOL_F_BACKEND_REQ) |
        BIT(VHOST_USER_PROTOCOL_F_REPLY_ACK) | BIT(VHOST_USER_PROTOCOL_F_STATUS);
    const struct reply answers[] = {
        { VHOST_USER_GET_FEATURES, BIT(VIRTIO_F_VERSION_1) | BIT(VHOST_USER_F_PROTOCOL_FEATURES) },
        { VHOST_USER_GET_PROTOCOL_FEATURES, protocol },
    };
    int sock = played(f, answers, ARRAY_LEN(answers));
    struct vhost_user_config config = { .size = ECHO_CONFIG };
    vhost_user_send(f->peer, VHOST_USER_GET_CONFIG, VHOST_USER_REPLY, &config,
                    VHOST_USER_CONFIG_HEADER + ECHO_CONFIG, NULL, 0);
    frontend_connect(f, sock, &p);
    assert_non_null(f->frontend);
}

/* Reads what the front-end has sent; returns the request channel's fd if it came. */
static int read_requests(struct frontend_bed *f)
{
    struct vhost_user_reader reader = { 0 };
    int channel = -1;
    assert_int_equal(fd_set_nonblock(f->peer), 0);
    while (vhost_user_read(&reader, f->peer) == 1) {
        if (reader.msg.header.request == VHOST_USER_SET_BACKEND_REQ_FD && channel < 0)
            channel = steal_fd(&reader.msg.fds[0]);
        vhost_user_reader_reset(&reader);
    }
    vhost_user_reader_reset(&reader);
    return channel;
}

static void say_anything(struct frontend_bed *f, int sock, unsigned *seed)
{
    static const uint32_t ids[] = { VHOST_USER_GET_CONFIG,     VHOST_USER_SET_CONFIG,
                                    VHOST_USER_SET_STATUS,     VHOST_USER_BACKEND_CONFIG_CHANGE_MSG,
                                    VHOST_USER_GET_VRING_BASE, 77 };
    union vhost_user_payload payload = { 0 };
    int fds[VHOST_USER_MAX_REGIONS + 1];
    for (unsigned i = 0; i < ARRAY_LEN(fds); i++)
        fds[i] = f->driver.ram_fd;
    for (unsigned i = 0; i < sizeof(payload); i++)
        ((uint8_t *)&payload)[i] = (uint8_t)(pick(seed, 4) ? 0 : pick(seed, 256));
    payload.config.size = pick(seed, 4) ? ECHO_CONFIG : payload.config.size;
    const uint32_t sizes[] = { 0, 8, VHOST_USER_CONFIG_HEADER + ECHO_CONFIG,
                               pick(seed, sizeof(payload)) };
    uint32_t flags = (pick(seed, 2) ? VHOST_USER_REPLY : 0) |
                     (pick(seed, 2) ? VHOST_USER_NEED_REPLY : 0) | (pick(seed, 20) ? 0 : 2);
    vhost_user_send(sock, ids[pick(seed, ARRAY_LEN(ids))], flags, &payload,
                    sizes[pick(seed, ARRAY_LEN(sizes))], fds,
                    pick(seed, 8) ? 0 : pick(seed, ARRAY_LEN(fds) + 1));
}

static void a_back_end_may_say_anything(void **state)
{
    struct frontend_bed *f = *state;
    unsigned seed = 7, connections = getenv("VITRINE_FULL") ? 50000 : 1000, steps = 0;
    for (unsigned i = 0; i < connections; i++) {
        negotiate_as_a_good_one(f);
        int channel = read_requests(f);
        assert_true(channel >= 0);
        f->deaths = 0;
        frontend_start(f);
        while (vhost_user_frontend_alive(f->frontend) && steps++ % 300 != 299) {
            uint8_t byte = (uint8_t)steps;
            /* The other socket is more patient. */
            say_anything(f, pick(&seed, 12) ? channel : f->peer, &seed);
            f->dev->ops->set_config(f->dev, pick(&seed, 20), &byte, 1);
            loop_run_once(f->loop, 0);
            close(read_requests(f));
        }
        close(f->peer);
        f->peer = -1;
        frontend_run_until(f, &f->deaths, 1);
        virtio_dev_stop(f->dev);
        vhost_user_frontend_destroy(f->frontend);
        f->frontend = NULL;
        close(channel);
        f->driver.low_next = 4096;
        f->driver.high_next = DRIVER_RAM_SIZE / 2;
    }
    assert_true(steps > 10 * connections);
}

#define ALONE(name) cmocka_unit_test_setup_teardown(name, frontend_set_up_alone, frontend_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ALONE(unusable_back_ends_are_refused),
        ALONE(a_back_end_that_never_answers_is_refused_in_time),
        ALONE(answers_to_nothing_are_the_end),
        ALONE(a_back_end_may_say_anything),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
