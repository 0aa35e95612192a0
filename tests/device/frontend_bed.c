// SPDX-License-Identifier: MIT
#include "tests/device/frontend_bed.h"

#include <linux/virtio_config.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/test.h"
#include "vmm/base/loop.h"

#define BIT(n) (1ull << (n))
#define SIZE 16

static void config_changed(struct virtio_dev *dev)
{
    ((struct frontend_bed *)dev->transport_data)->changes++;
}

static void broken(struct virtio_dev *dev)
{
    ((struct frontend_bed *)dev->transport_data)->breaks++;
}

static const struct virtio_transport_ops transport = { config_changed, broken };

static void died(void *data)
{
    ((struct frontend_bed *)data)->deaths++;
}

struct vhost_user_frontend_params frontend_params(struct frontend_bed *f)
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

void frontend_connect(struct frontend_bed *f, int sock, const struct vhost_user_frontend_params *p)
{
    f->frontend = vhost_user_frontend_create(f->loop, sock, p);
    if (!f->frontend)
        return;
    f->dev = vhost_user_frontend_dev(f->frontend);
    f->dev->transport = &transport;
    f->dev->transport_data = f;
    f->dev->mem = &f->mem;
}

static struct frontend_bed *make(void **state)
{
    static struct frontend_bed f;
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
int frontend_set_up(void **state)
{
    struct frontend_bed *f = make(state);
    struct host_model model = { echo_create, echo_destroy, &f->echo };
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    f->host = host_start(&model, pair[1]);
    struct vhost_user_frontend_params p = frontend_params(f);
    frontend_connect(f, pair[0], &p);
    assert_non_null(f->frontend);
    return 0;
}

/* Without a back-end. */
int frontend_set_up_alone(void **state)
{
    make(state);
    return 0;
}

int frontend_tear_down(void **state)
{
    struct frontend_bed *f = *state;
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

void frontend_prepare_queues(struct frontend_bed *f)
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

void frontend_start(struct frontend_bed *f)
{
    frontend_prepare_queues(f);
    assert_int_equal(virtio_dev_start(f->dev), 0);
}

void frontend_check_echo(struct frontend_bed *f, unsigned queue)
{
    char in[8] = "";
    assert_int_equal(driver_request(&f->driver, queue, "abcdefg", 7, in, sizeof(in)), 7);
    assert_string_equal(in, "gfedcba");
}

void frontend_run_until(struct frontend_bed *f, const unsigned *count, unsigned value)
{
    for (unsigned i = 0; i < 1000 && *count < value; i++)
        loop_run_once(f->loop, DRIVER_TIMEOUT_MS);
    assert_int_equal(*count, value);
}
