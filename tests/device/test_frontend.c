// SPDX-License-Identifier: MIT
/* The front-end of vhost-user with our back-end behind it, and with back-ends that misbehave. */
#include <linux/virtio_config.h>
#include <linux/virtio_gpu.h>
#include <linux/virtio_ids.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/device/driver_internal.h"
#include "tests/device/echo.h"
#include "tests/test.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/core/mem.h"
#include "vmm/virtio/vhost_user_frontend.h"

#define BIT(n) (1ull << (n))
#define SIZE 16

/* The transport of a machine in a few lines: RAM and rings of the driver library, without its
 * connection. */
struct fixture {
    struct loop *loop;
    struct host *host;
    struct echo echo;
    struct driver driver; /* RAM and rings */
    struct guest_mem mem;
    struct vhost_user_frontend *frontend;
    struct virtio_dev *dev;
    unsigned changes, breaks, deaths;
    int peer; /* the back-end's end, where the test plays it */
};

static void config_changed(struct virtio_dev *dev)
{
    ((struct fixture *)dev->transport_data)->changes++;
}

static void broken(struct virtio_dev *dev)
{
    ((struct fixture *)dev->transport_data)->breaks++;
}

static const struct virtio_transport_ops transport = { config_changed, broken };

static void died(void *data)
{
    ((struct fixture *)data)->deaths++;
}

static struct vhost_user_frontend_params params(struct fixture *f)
{
    return (struct vhost_user_frontend_params){
        .name = "echo",
        .device_id = 42,
        .n_queues = ECHO_QUEUES,
        .queue_size = SIZE,
        .config_len = ECHO_CONFIG,
        .connect_timeout_ms = DRIVER_TIMEOUT_MS,
        .died = died,
        .data = f,
    };
}

static void connect_to(struct fixture *f, int sock, const struct vhost_user_frontend_params *p)
{
    f->frontend = vhost_user_frontend_create(f->loop, sock, p);
    if (!f->frontend)
        return;
    f->dev = vhost_user_frontend_dev(f->frontend);
    f->dev->transport = &transport;
    f->dev->transport_data = f;
    f->dev->mem = &f->mem;
}

static struct fixture *make(void **state)
{
    static struct fixture f;
    memset(&f, 0, sizeof(f));
    f.peer = -1;
    f.loop = loop_create();
    assert_non_null(f.loop);
    driver_ram_init(&f.driver);
    uint64_t half = DRIVER_RAM_SIZE / 2;
    assert_int_equal(guest_mem_add(&f.mem, 0, half, dup(f.driver.ram_fd), 0, 0x10000000), 0);
    assert_int_equal(
        guest_mem_add(&f.mem, DRIVER_HIGH_RAM, half, dup(f.driver.ram_fd), half, 0x90000000), 0);
    *state = &f;
    return &f;
}

/* With our back-end on a thread. */
static int set_up(void **state)
{
    struct fixture *f = make(state);
    struct host_model model = { echo_create, echo_destroy, &f->echo };
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    f->host = host_start(&model, pair[1]);
    struct vhost_user_frontend_params p = params(f);
    connect_to(f, pair[0], &p);
    assert_non_null(f->frontend);
    return 0;
}

/* Without a back-end. */
static int set_up_alone(void **state)
{
    make(state);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    vhost_user_frontend_destroy(f->frontend);
    host_stop(f->host);
    for (unsigned i = 0; i < f->driver.n_queues; i++)
        driver_queue_finish(&f->driver.queue[i]);
    driver_ram_finish(&f->driver);
    guest_mem_finish(&f->mem);
    if (f->peer >= 0)
        close(f->peer);
    loop_destroy(f->loop);
    return 0;
}

static void prepare_queues(struct fixture *f)
{
    for (unsigned i = 0; i < f->driver.n_queues; i++)
        driver_queue_finish(&f->driver.queue[i]);
    f->driver.n_queues = ECHO_QUEUES;
    f->dev->features = f->driver.features = BIT(VIRTIO_F_VERSION_1) | VIRTIO_RING_FEATURES;
    for (unsigned i = 0; i < ECHO_QUEUES; i++) {
        driver_queue_init(&f->driver, i, SIZE);
        const struct driver_queue *dq = &f->driver.queue[i];
        f->dev->queue[i] = (struct virtq){
            .dev = f->dev,
            .index = i,
            .size = SIZE,
            .max_size = SIZE,
            .enabled = true,
            .desc_gpa = dq->desc_gpa,
            .driver_gpa = dq->avail_gpa,
            .device_gpa = dq->used_gpa,
            .kick_fd = dq->kick_fd,
            .call_fd = dq->call_fd,
        };
    }
}

static void start(struct fixture *f)
{
    prepare_queues(f);
    assert_int_equal(virtio_dev_start(f->dev), 0);
}

static void check_echo(struct fixture *f, unsigned queue)
{
    char in[8] = "";
    assert_int_equal(driver_request(&f->driver, queue, "abcdefg", 7, in, sizeof(in)), 7);
    assert_string_equal(in, "gfedcba");
}

static void run_until(struct fixture *f, const unsigned *count, unsigned value)
{
    for (unsigned i = 0; i < 1000 && *count < value; i++)
        loop_run_once(f->loop, DRIVER_TIMEOUT_MS);
    assert_int_equal(*count, value);
}

static void passes_on_the_models_features(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(f->dev->offered, BIT(ECHO_F_ODD) | VIRTIO_RING_FEATURES);
    assert_int_equal(f->dev->n_queues, ECHO_QUEUES);
    assert_true(vhost_user_frontend_alive(f->frontend));
}

static void queues_work_and_pass_through_nobody(void **state)
{
    struct fixture *f = *state;
    start(f);
    for (unsigned i = 0; i < 100; i++)
        check_echo(f, i % ECHO_QUEUES); /* the loop does not run meanwhile */
}

static void a_reset_stops_and_the_next_start_works(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 1; i <= 10; i++) {
        start(f);
        check_echo(f, i % ECHO_QUEUES);
        virtio_dev_stop(f->dev);
        assert_int_equal(f->echo.stops, i); /* by the time that stop returned */
    }
    assert_int_equal(f->breaks, 0);
    assert_int_equal(f->deaths, 0);
}

static void config_is_answered_from_the_cache(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[ECHO_CONFIG + 4];
    f->dev->ops->get_config(f->dev, 0, bytes, sizeof(bytes));
    for (unsigned i = 0; i < sizeof(bytes); i++)
        assert_int_equal(bytes[i], i < ECHO_CONFIG ? i : 0);
    f->dev->ops->get_config(f->dev, UINT32_MAX, bytes, 4);
    assert_int_equal(bytes[0], 0);
}

static void a_change_of_config_reaches_the_guest(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 1; i <= 5; i++) {
        uint8_t byte;
        host_call(f->host, echo_change_config, &f->echo);
        run_until(f, &f->changes, i);
        f->dev->ops->get_config(f->dev, 3, &byte, 1);
        assert_int_equal(byte, 3 + i);
    }
}

static void a_write_reaches_the_back_end_and_comes_back(void **state)
{
    struct fixture *f = *state;
    uint8_t byte = 99;
    f->dev->ops->set_config(f->dev, 12, &byte, 1);
    f->dev->ops->set_config(f->dev, 2, &byte, 1); /* which is read-only */
    f->dev->ops->set_config(f->dev, ECHO_CONFIG, &byte, 1);
    for (unsigned i = 0; i < 1000; i++) {
        f->dev->ops->get_config(f->dev, 12, &byte, 1);
        if (byte == 99)
            break;
        loop_run_once(f->loop, DRIVER_TIMEOUT_MS);
    }
    assert_int_equal(byte, 99);
    f->dev->ops->get_config(f->dev, 2, &byte, 1);
    assert_int_equal(byte, 2);
    assert_int_equal(f->changes, 0);
}

struct flood {
    struct fixture *f;
    atomic_bool end;
};

static void *write_and_write(void *data)
{
    struct flood *flood = data;
    struct virtio_dev *dev = flood->f->dev;
    for (unsigned i = 0; !atomic_load(&flood->end); i++) {
        uint8_t byte = (uint8_t)i;
        dev->ops->set_config(dev, 8 + i % 8, &byte, 1);
    }
    return NULL;
}

/* A vCPU may write to the configuration as long as it likes. */
static void a_flood_of_writes_does_not_hold_up_a_stop(void **state)
{
    struct fixture *f = *state;
    struct flood flood = { .f = f };
    pthread_t vcpu;
    assert_int_equal(pthread_create(&vcpu, NULL, write_and_write, &flood), 0);
    for (unsigned i = 1; i <= 10; i++) {
        start(f);
        for (unsigned k = 0; k < 20; k++)
            loop_run_once(f->loop, 0);
        virtio_dev_stop(f->dev);
        assert_int_equal(f->echo.stops, i);
    }
    atomic_store(&flood.end, true);
    pthread_join(vcpu, NULL);
    assert_int_equal(f->deaths, 0);
}

static void a_malformed_chain_asks_for_a_reset(void **state)
{
    struct fixture *f = *state;
    start(f);
    struct driver_buffer bad = { 0x7fffffff0000, 16, true };
    driver_add(&f->driver, 0, &bad, 1, false);
    driver_kick(&f->driver, 0);
    run_until(f, &f->breaks, 1);
    virtio_dev_stop(f->dev);
    start(f);
    check_echo(f, 0);
    assert_int_equal(f->breaks, 1);
}

static void a_ring_outside_ram_fails_the_start_and_harms_nobody(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 3; i++) {
        prepare_queues(f);
        struct virtq *q = &f->dev->queue[1];
        *(i == 0   ? &q->desc_gpa
          : i == 1 ? &q->driver_gpa
                   : &q->device_gpa) = i == 2 ? q->device_gpa + 2 : DRIVER_RAM_SIZE;
        assert_true(virtio_dev_start(f->dev) < 0);
    }
    start(f);
    check_echo(f, 1);
    assert_int_equal(f->deaths, 0);
}

static void the_end_of_the_back_end_is_noticed(void **state)
{
    struct fixture *f = *state;
    uint8_t byte;
    start(f);
    host_stop(f->host);
    f->host = NULL;
    run_until(f, &f->deaths, 1);
    assert_int_equal(f->breaks, 1);
    assert_false(vhost_user_frontend_alive(f->frontend));
    /* The VM lives on: the cache answers, a reset is done at once, a start fails. */
    f->dev->ops->get_config(f->dev, 5, &byte, 1);
    assert_int_equal(byte, 5);
    f->dev->ops->set_config(f->dev, 8, &byte, 1);
    loop_run_once(f->loop, 0);
    virtio_dev_stop(f->dev);
    prepare_queues(f);
    assert_true(virtio_dev_start(f->dev) < 0);
    assert_int_equal(f->deaths, 1);
}

static double seconds(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void sleep_on_loop(void *data)
{
    sem_t *sems = data;
    sem_post(&sems[0]);
    sem_wait(&sems[1]);
}

static void *keep_busy(void *data)
{
    void **args = data;
    host_call(args[0], sleep_on_loop, args[1]);
    return NULL;
}

static void a_back_end_that_hangs_is_given_up_after_two_seconds(void **state)
{
    struct fixture *f = *state;
    sem_t sems[2];
    sem_init(&sems[0], 0, 0);
    sem_init(&sems[1], 0, 0);
    start(f);
    pthread_t thread;
    void *args[] = { f->host, sems };
    assert_int_equal(pthread_create(&thread, NULL, keep_busy, args), 0);
    sem_wait(&sems[0]);
    double before = seconds();
    virtio_dev_stop(f->dev);
    double took = seconds() - before;
    assert_true(took > 1.9 && took < 10);
    assert_int_equal(f->deaths, 1);
    sem_post(&sems[1]);
    pthread_join(thread, NULL);
    sem_destroy(&sems[0]);
    sem_destroy(&sems[1]);
}

/* A back-end that the test plays: creation sends to it, so it must have answered before. */
struct reply {
    uint32_t request;
    uint64_t value;
};

static int played(struct fixture *f, const struct reply *replies, unsigned n)
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
    struct fixture *f = *state;
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
        struct vhost_user_frontend_params p = params(f);
        connect_to(f, played(f, cases[i].replies, cases[i].n), &p);
        assert_null(f->frontend);
        close(f->peer);
        f->peer = -1;
    }
    assert_int_equal(f->deaths, 0);
}

static void a_back_end_that_never_answers_is_refused_in_time(void **state)
{
    struct fixture *f = *state;
    struct vhost_user_frontend_params p = params(f);
    p.connect_timeout_ms = 50;
    connect_to(f, played(f, NULL, 0), &p);
    assert_null(f->frontend);
}

static void answers_to_nothing_are_the_end(void **state)
{
    struct fixture *f = *state;
    struct vhost_user_frontend_params p = params(f);
    const struct reply fine[] = { { VHOST_USER_GET_FEATURES, BIT(VIRTIO_F_VERSION_1) } };
    p.config_len = 0;
    connect_to(f, played(f, fine, 1), &p);
    assert_non_null(f->frontend);
    uint64_t zero = 0;
    vhost_user_send(f->peer, VHOST_USER_GET_FEATURES, VHOST_USER_REPLY, &zero, 8, NULL, 0);
    run_until(f, &f->deaths, 1);
}

/* A back-end that negotiates like a good one and then says anything at all, on both sockets. */

static unsigned pick(unsigned *seed, unsigned n)
{
    return (unsigned)rand_r(seed) % n;
}

static void negotiate_as_a_good_one(struct fixture *f)
{
    struct vhost_user_frontend_params p = params(f);
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
    connect_to(f, sock, &p);
    assert_non_null(f->frontend);
}

/* Reads what the front-end has sent; returns the request channel's fd if it came. */
static int read_requests(struct fixture *f)
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

static void say_anything(struct fixture *f, int sock, unsigned *seed)
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
    struct fixture *f = *state;
    unsigned seed = 7, connections = getenv("VITRINE_FULL") ? 50000 : 1000, steps = 0;
    for (unsigned i = 0; i < connections; i++) {
        negotiate_as_a_good_one(f);
        int channel = read_requests(f);
        assert_true(channel >= 0);
        f->deaths = 0;
        start(f);
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
        run_until(f, &f->deaths, 1);
        virtio_dev_stop(f->dev);
        vhost_user_frontend_destroy(f->frontend);
        f->frontend = NULL;
        close(channel);
        f->driver.low_next = 4096;
        f->driver.high_next = DRIVER_RAM_SIZE / 2;
    }
    assert_true(steps > 10 * connections);
}

/* virtio-gpu's events through the cache. */

static uint32_t events(struct fixture *f)
{
    uint32_t value;
    f->dev->ops->get_config(f->dev, 0, &value, sizeof(value));
    return value;
}

static void clear_events(struct fixture *f, uint32_t bits)
{
    f->dev->ops->set_config(f->dev, 4, &bits, sizeof(bits));
}

static void nothing(void *data)
{
}

static void gpu_events_are_cleared_at_once_and_none_is_lost(void **state)
{
    struct fixture *f = *state;
    struct host_model model = { echo_create, echo_destroy, &f->echo };
    struct vhost_user_frontend_params p = params(f);
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    f->host = host_start(&model, pair[1]);
    p.device_id = VIRTIO_ID_GPU;
    connect_to(f, pair[0], &p);
    assert_non_null(f->frontend);

    host_call(f->host, echo_change_config, &f->echo);
    run_until(f, &f->changes, 1);
    assert_true(events(f) & VIRTIO_GPU_EVENT_DISPLAY);
    clear_events(f, VIRTIO_GPU_EVENT_DISPLAY);
    assert_false(events(f) & VIRTIO_GPU_EVENT_DISPLAY); /* without the loop */
    /* The write goes out, is acknowledged, and the configuration read again: still cleared. */
    for (unsigned i = 0; i < 3; i++) {
        loop_run_once(f->loop, 0);
        for (unsigned k = 0; k < 2; k++)
            host_call(f->host, nothing, NULL);
    }
    assert_false(events(f) & VIRTIO_GPU_EVENT_DISPLAY);

    /* A second event between the driver's read of the first and its clearing. */
    host_call(f->host, echo_change_config, &f->echo);
    run_until(f, &f->changes, 2);
    events(f);
    host_call(f->host, echo_change_config, &f->echo);
    run_until(f, &f->changes, 3);
    clear_events(f, VIRTIO_GPU_EVENT_DISPLAY);
    assert_true(events(f) & VIRTIO_GPU_EVENT_DISPLAY);
    clear_events(f, VIRTIO_GPU_EVENT_DISPLAY);
    assert_false(events(f) & VIRTIO_GPU_EVENT_DISPLAY);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define ALONE(name) cmocka_unit_test_setup_teardown(name, set_up_alone, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(passes_on_the_models_features),
        T(queues_work_and_pass_through_nobody),
        T(a_reset_stops_and_the_next_start_works),
        T(config_is_answered_from_the_cache),
        T(a_change_of_config_reaches_the_guest),
        T(a_write_reaches_the_back_end_and_comes_back),
        T(a_flood_of_writes_does_not_hold_up_a_stop),
        T(a_malformed_chain_asks_for_a_reset),
        T(a_ring_outside_ram_fails_the_start_and_harms_nobody),
        T(the_end_of_the_back_end_is_noticed),
        T(a_back_end_that_hangs_is_given_up_after_two_seconds),
        ALONE(unusable_back_ends_are_refused),
        ALONE(a_back_end_that_never_answers_is_refused_in_time),
        ALONE(answers_to_nothing_are_the_end),
        ALONE(a_back_end_may_say_anything),
        ALONE(gpu_events_are_cleared_at_once_and_none_is_lost),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
