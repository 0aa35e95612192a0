// SPDX-License-Identifier: MIT
/*
 * How long an event takes from its arrival to the guest: a thread plays the device and writes an event
 * into a pipe that the main loop watches, as it does libinput's fd; the gate and virtio-input take it to
 * the used ring, and the driver, in another thread, is woken by the interrupt. Prints the median and the
 * 99th percentile; asserts nothing.
 *
 *     input_latency [SECONDS]
 */
#include <linux/input.h>
#include <linux/virtio_input.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "input/devices.h"
#include "input/gate.h"
#include "tests/device/driver.h"
#include "tests/test.h"
#include "vmm/base/fd.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"

#define BUFFERS 64

struct bench {
    struct driver *d;
    struct input_devices *devices;
    struct gate_source source;
    struct loop *loop;
    struct loop_fd fd;
    int pipe[2];
    unsigned rate, n;
    uint64_t buffer[BUFFERS]; /* by the chain's head */
    uint64_t *sent, *latency; /* ns, by number */
};

static struct virtio_dev *create(struct loop *loop, void *data)
{
    struct bench *b = data;
    b->loop = loop;
    b->devices = input_devices_create(loop, &(struct input_devices_config){ 0 });
    assert_non_null(b->devices);
    b->source = (struct gate_source){ .rule = GATE_ALWAYS };
    gate_add(input_devices_gate(b->devices), &b->source);
    return input_devices_dev(b->devices, GATE_MOUSE);
}

static void destroy(struct virtio_dev *dev, void *data)
{
    struct bench *b = data;
    loop_fd_remove(&b->fd);
    gate_remove(&b->source);
    input_devices_destroy(b->devices);
}

static void on_event(struct loop_fd *fd, uint32_t events)
{
    struct bench *b = container_of(fd, struct bench, fd);
    uint32_t numbers[64];
    ssize_t got = read(b->pipe[0], numbers, sizeof(numbers));
    for (ssize_t i = 0; i < got / (ssize_t)sizeof(numbers[0]); i++) {
        b->source.sink.ops->rel(&b->source.sink, 0, 0, 1, 0);
        b->source.sink.ops->frame(&b->source.sink);
    }
}

static void watch(void *data)
{
    struct bench *b = data;
    loop_fd_add(b->loop, &b->fd, b->pipe[0], EPOLLIN, on_event);
}

static void unwatch(void *data)
{
    struct bench *b = data;
    loop_fd_remove(&b->fd);
}

static void *play(void *data)
{
    struct bench *b = data;
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    for (uint32_t i = 0; i < b->n; i++) {
        at.tv_nsec += 1000000000 / b->rate;
        if (at.tv_nsec >= 1000000000) {
            at.tv_nsec -= 1000000000;
            at.tv_sec++;
        }
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
        b->sent[i] = loop_now_ns();
        if (write(b->pipe[1], &i, sizeof(i)) != sizeof(i))
            return NULL;
    }
    return NULL;
}

static void add_buffer(struct bench *b, uint64_t gpa)
{
    struct driver_buffer buffer = { gpa, sizeof(struct virtio_input_event), true };
    b->buffer[driver_add(b->d, 0, &buffer, 1, false)] = gpa;
}

/* Takes what comes until all is there. Each event moves the mouse by 1, so a report says how many it tells
 * of: several, where the driver had no buffers for the first. */
static unsigned receive(struct bench *b)
{
    uint16_t head;
    unsigned n = 0;
    while (n < b->n && driver_used(b->d, 0, DRIVER_TIMEOUT_MS, &head, NULL)) {
        uint64_t now = loop_now_ns(), gpa = b->buffer[head];
        struct virtio_input_event event;
        memcpy(&event, driver_ptr(b->d, gpa), sizeof(event));
        add_buffer(b, gpa);
        driver_kick(b->d, 0);
        for (unsigned i = 0; event.type == EV_REL && i < event.value && n < b->n; i++, n++)
            b->latency[n] = now - b->sent[n];
    }
    return n;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void run(struct bench *b, unsigned rate, unsigned seconds)
{
    pthread_t player;
    b->rate = rate;
    b->n = rate * seconds;
    b->sent = calloc(b->n, sizeof(*b->sent));
    b->latency = calloc(b->n, sizeof(*b->latency));
    if (!b->sent || !b->latency || pipe(b->pipe) < 0)
        exit(1);
    driver_call(b->d, watch, b);
    pthread_create(&player, NULL, play, b);
    unsigned n = receive(b);
    pthread_join(player, NULL);
    driver_call(b->d, unwatch, b);
    qsort(b->latency, n, sizeof(*b->latency), by_value);
    if (n > 0)
        printf("%u events/s: median %.1f us, 99th percentile %.1f us\n", rate,
               (double)b->latency[n / 2] / 1e3, (double)b->latency[n - 1 - n / 100] / 1e3);
    fd_close_all(b->pipe, 2);
    free(b->sent);
    free(b->latency);
}

int main(int argc, char **argv)
{
    unsigned seconds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 2;
    struct bench b = { .pipe = { -1, -1 } };
    b.d = driver_host(&(struct host_model){ create, destroy, &b });
    driver_up(b.d, 0, 2, BUFFERS);
    for (unsigned i = 0; i < BUFFERS; i++)
        add_buffer(&b, driver_alloc(b.d, sizeof(struct virtio_input_event), 8));
    driver_kick(b.d, 0);
    run(&b, 1000, seconds);
    run(&b, 8000, seconds);
    driver_destroy(b.d);
    return 0;
}
