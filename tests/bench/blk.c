// SPDX-License-Identifier: MIT
/* A driver of a vhost-user-blk back-end that keeps as many requests under way as it is told, and counts:
 * bench_blk SOCKET SECONDS PID [PATTERN] prints a line for each pattern, or the one: its name, the requests in a second, and the
 * processor's microseconds that the back-end, process PID, took for each. */
#include <linux/virtio_blk.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/device/driver.h"
#include "tests/test.h"
#include "vmm/base/loop.h"

#define QUEUE_SIZE 128
#define MAX_DEPTH 32

static const struct pattern {
    const char *name;
    uint32_t type, len;
    unsigned depth;
    bool random;
    bool flush; /* behind each write, which counts as one with it */
} patterns[] = {
    { "read-4k-1", VIRTIO_BLK_T_IN, 4096, 1, true },
    { "read-4k-32", VIRTIO_BLK_T_IN, 4096, 32, true },
    { "write-4k-1", VIRTIO_BLK_T_OUT, 4096, 1, true },
    { "write-4k-32", VIRTIO_BLK_T_OUT, 4096, 32, true },
    { "sync-4k-1", VIRTIO_BLK_T_OUT, 4096, 1, true, true },
    { "read-1m", VIRTIO_BLK_T_IN, 1 << 20, 4, false },
    { "write-1m", VIRTIO_BLK_T_OUT, 1 << 20, 4, false },
};

struct slot {
    uint64_t header, data, status;
};

static struct slot slots[MAX_DEPTH];
static unsigned slot_of[QUEUE_SIZE]; /* by the chain's head */
static uint64_t seed = 1, next_at;

static void submit(struct driver *d, const struct pattern *p, uint64_t capacity, unsigned i)
{
    uint64_t units = capacity * 512 / p->len;
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    uint64_t unit = p->random ? (seed >> 20) % units : next_at++ % units;
    struct virtio_blk_outhdr header = { .type = p->type, .sector = unit * p->len / 512 };
    memcpy(driver_ptr(d, slots[i].header), &header, sizeof(header));
    const struct driver_buffer buffers[] = { { slots[i].header, sizeof(header), false },
                                             { slots[i].data, p->len, p->type == VIRTIO_BLK_T_IN },
                                             { slots[i].status, 1, true } };
    int head = driver_add(d, 0, buffers, 3, false);
    if (head < 0)
        abort();
    slot_of[head] = i;
}

static void flush(struct driver *d, unsigned i)
{
    struct virtio_blk_outhdr header = { .type = VIRTIO_BLK_T_FLUSH };
    memcpy(driver_ptr(d, slots[i].header), &header, sizeof(header));
    const struct driver_buffer buffers[] = { { slots[i].header, sizeof(header), false },
                                             { slots[i].status, 1, true } };
    int head = driver_add(d, 0, buffers, 2, false);
    if (head < 0)
        abort();
    slot_of[head] = i;
}

/* Of all its threads, those that have ended included; the kernel's helpers of io_uring are among them. */
static double processor_us(const char *pid)
{
    char path[64];
    unsigned long long user = 0, system = 0;
    snprintf(path, sizeof(path), "/proc/%s/stat", pid);
    FILE *file = fopen(path, "re");
    if (!file || fscanf(file, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
                        &user, &system) != 2)
        exit(1);
    fclose(file);
    return (double)(user + system) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

/* What a pattern has written is on disk before the next begins: a host makes writers wait for it. */
static void settle(struct driver *d)
{
    uint16_t head;
    flush(d, 0);
    driver_kick(d, 0);
    if (!driver_used(d, 0, 10 * DRIVER_TIMEOUT_MS, &head, NULL))
        exit(1);
}

/* Requests in a second; *cost: microseconds of the back-end's for each. */
static double run(struct driver *d, const struct pattern *p, uint64_t capacity, double seconds,
                  const char *pid, double *cost)
{
    double before = processor_us(pid);
    uint64_t start = loop_now_ns(), end = start + (uint64_t)(seconds * 1e9), n = 0;
    unsigned in_flight = 0;
    bool more = true, flushed[MAX_DEPTH] = { false };
    for (; in_flight < p->depth; in_flight++)
        submit(d, p, capacity, in_flight);
    driver_kick(d, 0);
    while (in_flight > 0) {
        uint16_t head;
        if (!driver_used(d, 0, DRIVER_TIMEOUT_MS, &head, NULL))
            exit(1);
        more = more && loop_now_ns() < end;
        do {
            unsigned i = slot_of[head];
            if (*(uint8_t *)driver_ptr(d, slots[i].status) != VIRTIO_BLK_S_OK)
                exit(1);
            flushed[i] = p->flush && !flushed[i];
            if (flushed[i]) {
                flush(d, i);
                continue;
            }
            n++;
            in_flight--;
            if (more) {
                submit(d, p, capacity, i);
                in_flight++;
            }
        } while (driver_used(d, 0, 0, &head, NULL));
        driver_kick(d, 0);
    }
    *cost = (processor_us(pid) - before) / (double)n;
    return (double)n / ((double)(loop_now_ns() - start) / 1e9);
}

int main(int argc, char **argv)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    uint64_t capacity;
    int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (argc < 4 || strlen(argv[1]) >= sizeof(addr.sun_path))
        return 2;
    strcpy(addr.sun_path, argv[1]);
    if (connect(sock, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
        return 2;
    struct driver *d = driver_connect(sock);
    driver_negotiate(d, VIRTIO_RING_FEATURES | 1ull << VIRTIO_BLK_F_FLUSH, DRIVER_PROTOCOL_ALL);
    driver_get_config(d, 0, &capacity, sizeof(capacity));
    driver_start(d, 1, QUEUE_SIZE);
    for (unsigned i = 0; i < MAX_DEPTH; i++)
        slots[i] = (struct slot){ driver_alloc(d, 16, 16),
                                  i % 2 ? driver_alloc(d, i < 4 ? 1 << 20 : 4096, 4096)
                                        : driver_alloc_high(d, i < 4 ? 1 << 20 : 4096, 4096),
                                  driver_alloc(d, 1, 1) };
    for (unsigned i = 0; i < ARRAY_LEN(patterns); i++) {
        double cost, rate;
        if (argc > 4 && strcmp(argv[4], patterns[i].name) != 0)
            continue;
        settle(d);
        rate = run(d, &patterns[i], capacity, atof(argv[2]), argv[3], &cost);
        printf("%s %.1f %.2f\n", patterns[i].name, rate, cost);
    }
    driver_stop(d);
    driver_destroy(d);
    return 0;
}
