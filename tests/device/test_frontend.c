// SPDX-License-Identifier: MIT
/* The front-end of vhost-user with our back-end behind it. */
#include <linux/virtio_config.h>
#include <linux/virtio_gpu.h>
#include <linux/virtio_ids.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>

#include "tests/device/frontend_bed.h"
#include "tests/test.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"

#define BIT(n) (1ull << (n))

static void passes_on_the_models_features(void **state)
{
    struct frontend_bed *f = *state;
    assert_int_equal(f->dev->offered, BIT(ECHO_F_ODD) | VIRTIO_RING_FEATURES);
    assert_int_equal(f->dev->n_queues, ECHO_QUEUES);
    assert_true(vhost_user_frontend_alive(f->frontend));
}

static void queues_work_and_pass_through_nobody(void **state)
{
    struct frontend_bed *f = *state;
    frontend_start(f);
    for (unsigned i = 0; i < 100; i++)
        frontend_check_echo(f, i % ECHO_QUEUES); /* the loop does not run meanwhile */
}

static void a_reset_stops_and_the_next_start_works(void **state)
{
    struct frontend_bed *f = *state;
    for (unsigned i = 1; i <= 10; i++) {
        frontend_start(f);
        frontend_check_echo(f, i % ECHO_QUEUES);
        virtio_dev_stop(f->dev);
        assert_int_equal(f->echo.stops, i); /* by the time that stop returned */
    }
    assert_int_equal(f->breaks, 0);
    assert_int_equal(f->deaths, 0);
}

static void a_configuration_of_the_machines_own_is_nobody_elses(void **state)
{
    struct frontend_bed *f = *state;
    struct host_model model = { echo_create, echo_destroy, &f->echo };
    struct vhost_user_frontend_params p = frontend_params(f);
    const uint8_t config[] = { 90, 91, 92, 93, 94, 95 };
    uint8_t got[3];
    int pair[2];

    vhost_user_frontend_destroy(f->frontend);
    host_stop(f->host);
    p.config = config;
    p.config_len = sizeof(config);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    f->host = host_start(&model, pair[1]);
    frontend_connect(f, pair[0], &p);
    f->dev->ops->get_config(f->dev, 2, got, sizeof(got));
    assert_memory_equal(got, config + 2, sizeof(got));
    assert_null(f->dev->ops->set_config);
    frontend_start(f);
    host_call(f->host, echo_change_config, &f->echo);
    frontend_check_echo(f, 0);
    loop_run_once(f->loop, 0);
    assert_int_equal(f->changes, 0);
    assert_int_equal(f->deaths, 0);
}

/* The queues go on where they were, and the driver hears of nothing. */
static void a_back_end_that_died_is_replaced(void **state)
{
    struct frontend_bed *f = *state;
    struct host_model model = { echo_create, echo_destroy, &f->echo };
    struct vhost_user_frontend_params p = frontend_params(f);
    int pair[2];

    vhost_user_frontend_destroy(f->frontend);
    host_stop(f->host);
    p.replaceable = true;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    f->host = host_start(&model, pair[1]);
    frontend_connect(f, pair[0], &p);
    frontend_start(f);
    for (unsigned i = 1; i <= 5; i++) {
        for (unsigned n = 0; n < 20; n++) /* more than the queue has entries */
            frontend_check_echo(f, 1);
        host_stop(f->host);
        frontend_run_until(f, &f->deaths, i);
        assert_false(vhost_user_frontend_alive(f->frontend));
        if (i == 3) { /* a reset while nobody is there */
            virtio_dev_stop(f->dev);
            frontend_start(f);
        }
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        f->host = host_start(&model, pair[1]);
        assert_int_equal(vhost_user_frontend_reconnect(f->frontend, pair[0]), 0);
    }
    frontend_check_echo(f, 0);
    assert_int_equal(f->breaks, 0);
}

static void config_is_answered_from_the_cache(void **state)
{
    struct frontend_bed *f = *state;
    uint8_t bytes[ECHO_CONFIG + 4];
    f->dev->ops->get_config(f->dev, 0, bytes, sizeof(bytes));
    for (unsigned i = 0; i < sizeof(bytes); i++)
        assert_int_equal(bytes[i], i < ECHO_CONFIG ? i : 0);
    f->dev->ops->get_config(f->dev, UINT32_MAX, bytes, 4);
    assert_int_equal(bytes[0], 0);
}

static void a_change_of_config_reaches_the_guest(void **state)
{
    struct frontend_bed *f = *state;
    for (unsigned i = 1; i <= 5; i++) {
        uint8_t byte;
        host_call(f->host, echo_change_config, &f->echo);
        frontend_run_until(f, &f->changes, i);
        f->dev->ops->get_config(f->dev, 3, &byte, 1);
        assert_int_equal(byte, 3 + i);
    }
}

static void a_write_reaches_the_back_end_and_comes_back(void **state)
{
    struct frontend_bed *f = *state;
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
    struct frontend_bed *f;
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
    struct frontend_bed *f = *state;
    struct flood flood = { .f = f };
    pthread_t vcpu;
    assert_int_equal(pthread_create(&vcpu, NULL, write_and_write, &flood), 0);
    for (unsigned i = 1; i <= 10; i++) {
        frontend_start(f);
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
    struct frontend_bed *f = *state;
    frontend_start(f);
    struct driver_buffer bad = { 0x7fffffff0000, 16, true };
    driver_add(&f->driver, 0, &bad, 1, false);
    driver_kick(&f->driver, 0);
    frontend_run_until(f, &f->breaks, 1);
    virtio_dev_stop(f->dev);
    frontend_start(f);
    frontend_check_echo(f, 0);
    assert_int_equal(f->breaks, 1);
}

static void a_ring_outside_ram_fails_the_start_and_harms_nobody(void **state)
{
    struct frontend_bed *f = *state;
    for (unsigned i = 0; i < 3; i++) {
        frontend_prepare_queues(f);
        struct virtq *q = &f->dev->queue[1];
        *(i == 0   ? &q->desc_gpa
          : i == 1 ? &q->driver_gpa
                   : &q->device_gpa) = i == 2 ? q->device_gpa + 2 : DRIVER_RAM_SIZE;
        assert_true(virtio_dev_start(f->dev) < 0);
    }
    frontend_start(f);
    frontend_check_echo(f, 1);
    assert_int_equal(f->deaths, 0);
}

static void the_end_of_the_back_end_is_noticed(void **state)
{
    struct frontend_bed *f = *state;
    uint8_t byte;
    frontend_start(f);
    host_stop(f->host);
    f->host = NULL;
    frontend_run_until(f, &f->deaths, 1);
    assert_int_equal(f->breaks, 1);
    assert_false(vhost_user_frontend_alive(f->frontend));
    /* The VM lives on: the cache answers, a reset is done at once, a start fails. */
    f->dev->ops->get_config(f->dev, 5, &byte, 1);
    assert_int_equal(byte, 5);
    f->dev->ops->set_config(f->dev, 8, &byte, 1);
    loop_run_once(f->loop, 0);
    virtio_dev_stop(f->dev);
    frontend_prepare_queues(f);
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
    struct frontend_bed *f = *state;
    sem_t sems[2];
    sem_init(&sems[0], 0, 0);
    sem_init(&sems[1], 0, 0);
    frontend_start(f);
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

/* virtio-gpu's events through the cache. */

static uint32_t events(struct frontend_bed *f)
{
    uint32_t value;
    f->dev->ops->get_config(f->dev, 0, &value, sizeof(value));
    return value;
}

static void clear_events(struct frontend_bed *f, uint32_t bits)
{
    f->dev->ops->set_config(f->dev, 4, &bits, sizeof(bits));
}

static void nothing(void *data)
{
}

static void gpu_events_are_cleared_at_once_and_none_is_lost(void **state)
{
    struct frontend_bed *f = *state;
    struct host_model model = { echo_create, echo_destroy, &f->echo };
    struct vhost_user_frontend_params p = frontend_params(f);
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    f->host = host_start(&model, pair[1]);
    p.device_id = VIRTIO_ID_GPU;
    frontend_connect(f, pair[0], &p);
    assert_non_null(f->frontend);

    host_call(f->host, echo_change_config, &f->echo);
    frontend_run_until(f, &f->changes, 1);
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
    frontend_run_until(f, &f->changes, 2);
    events(f);
    host_call(f->host, echo_change_config, &f->echo);
    frontend_run_until(f, &f->changes, 3);
    clear_events(f, VIRTIO_GPU_EVENT_DISPLAY);
    assert_true(events(f) & VIRTIO_GPU_EVENT_DISPLAY);
    clear_events(f, VIRTIO_GPU_EVENT_DISPLAY);
    assert_false(events(f) & VIRTIO_GPU_EVENT_DISPLAY);
}

#define T(name) cmocka_unit_test_setup_teardown(name, frontend_set_up, frontend_tear_down)
#define ALONE(name) cmocka_unit_test_setup_teardown(name, frontend_set_up_alone, frontend_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(passes_on_the_models_features),
        T(queues_work_and_pass_through_nobody),
        T(a_reset_stops_and_the_next_start_works),
        T(a_configuration_of_the_machines_own_is_nobody_elses),
        T(a_back_end_that_died_is_replaced),
        T(config_is_answered_from_the_cache),
        T(a_change_of_config_reaches_the_guest),
        T(a_write_reaches_the_back_end_and_comes_back),
        T(a_flood_of_writes_does_not_hold_up_a_stop),
        T(a_malformed_chain_asks_for_a_reset),
        T(a_ring_outside_ram_fails_the_start_and_harms_nobody),
        T(the_end_of_the_back_end_is_noticed),
        T(a_back_end_that_hangs_is_given_up_after_two_seconds),
        ALONE(gpu_events_are_cleared_at_once_and_none_is_lost),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
