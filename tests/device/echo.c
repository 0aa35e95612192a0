// SPDX-License-Identifier: MIT
#include "tests/device/echo.h"

#include <string.h>

#include "tests/test.h"
#include "vmm/base/iov.h"
#include "vmm/base/util.h"

static void get_config(struct virtio_dev *dev, uint32_t offset, void *data, uint32_t len)
{
    struct echo *echo = container_of(dev, struct echo, dev);
    memset(data, 0, len);
    pthread_mutex_lock(&echo->lock);
    if (offset < ECHO_CONFIG)
        memcpy(data, &echo->config[offset], MIN(len, ECHO_CONFIG - offset));
    pthread_mutex_unlock(&echo->lock);
}

static void set_config(struct virtio_dev *dev, uint32_t offset, const void *data, uint32_t len)
{
    struct echo *echo = container_of(dev, struct echo, dev);
    const uint8_t *bytes = data;
    pthread_mutex_lock(&echo->lock);
    for (uint32_t i = 0; i < len; i++) {
        if (offset + i >= 8 && offset + i < ECHO_CONFIG)
            echo->config[offset + i] = bytes[i];
    }
    pthread_mutex_unlock(&echo->lock);
}

static int start(struct virtio_dev *dev)
{
    struct echo *echo = container_of(dev, struct echo, dev);
    assert_int_equal(echo->starts++, echo->stops);
    return 0;
}

static void stop(struct virtio_dev *dev)
{
    struct echo *echo = container_of(dev, struct echo, dev);
    assert_int_equal(++echo->stops, echo->starts);
}

static uint32_t answer(struct virtq_chain *chain)
{
    uint8_t out[512], in[512];
    size_t n = iov_read(chain->iov, chain->n_out, 0, out, sizeof(out));
    for (size_t i = 0; i < n; i++)
        in[i] = out[n - 1 - i];
    return (uint32_t)iov_write(&chain->iov[chain->n_out], chain->n_in, 0, in, n);
}

static void kick(struct virtio_dev *dev, struct virtq *q)
{
    struct echo *echo = container_of(dev, struct echo, dev);
    int got;
    while ((got = virtq_pop(q, &echo->chain)) > 0) {
        virtq_push(q, echo->chain.head, answer(&echo->chain));
        echo->echoed++;
    }
    virtq_notify(q);
    if (got < 0)
        virtio_dev_broken(dev);
}

static const struct virtio_ops echo_ops = {
    .name = "echo",
    .device_id = 42,
    .get_config = get_config,
    .set_config = set_config,
    .start = start,
    .stop = stop,
    .kick = kick,
};

struct virtio_dev *echo_create(struct loop *loop, void *data)
{
    struct echo *echo = data;
    *echo = (struct echo){
        .dev = { .ops = &echo_ops,
                 .loop = loop,
                 .offered = 1ull << ECHO_F_ODD,
                 .n_queues = ECHO_QUEUES,
                 .config_len = ECHO_CONFIG,
                 .queue_size = { 64, 64 } },
    };
    for (unsigned i = 0; i < ECHO_CONFIG; i++)
        echo->config[i] = (uint8_t)i;
    pthread_mutex_init(&echo->lock, NULL);
    return &echo->dev;
}

void echo_destroy(struct virtio_dev *dev, void *data)
{
    struct echo *echo = data;
    assert_ptr_equal(dev, &echo->dev);
    assert_int_equal(echo->starts, echo->stops);
    pthread_mutex_destroy(&echo->lock);
}

void echo_change_config(void *data)
{
    struct echo *echo = data;
    pthread_mutex_lock(&echo->lock);
    for (unsigned i = 0; i < ECHO_CONFIG; i++)
        echo->config[i]++;
    pthread_mutex_unlock(&echo->lock);
    if (echo->dev.transport)
        echo->dev.transport->config_changed(&echo->dev);
}
