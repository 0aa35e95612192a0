// SPDX-License-Identifier: MIT
/*
 * Queues come in pairs, receive then transmit, and behind the last one the control queue, where there
 * are several pairs to choose from (virtio 1.2, 5.1.2). All are served by the device's one loop.
 */
#include <assert.h>
#include <errno.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "net"
#include "vmm/base/fd.h"
#include "vmm/base/iov.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/virtio/net.h"
#include "vmm/virtio/net_internal.h"

#define BIT(n) (1ull << (n))
#define CONTROL_QUEUE_SIZE 64
/* The configuration up to the mtu: nothing behind it is offered. */
#define CONFIG_LEN offsetof(struct virtio_net_config, speed)

static_assert(sizeof(struct virtio_net_hdr_v1) == NET_HEADER, "virtio 1.2, 5.1.6.1");
static_assert(2 * NET_MAX_PAIRS + 1 <= VIRTIO_MAX_QUEUES, "all queues and the control queue");

static struct net *from_dev(struct virtio_dev *dev)
{
    return container_of(dev, struct net, dev);
}

/* Without MQ, the driver puts the control queue behind the first pair. */
static unsigned control_index(const struct net *net)
{
    return virtio_has(&net->dev, VIRTIO_NET_F_MQ) ? 2 * net->port->max_pairs : 2;
}

static void run_rx(struct net *net, unsigned pair)
{
    if (net_rx_run(net, pair))
        return;
    net->rx_again |= 1u << pair;
    loop_post(net->dev.loop, &net->again);
}

static void run_tx(struct net *net, unsigned pair)
{
    if (net_tx_run(net, pair))
        return;
    net->tx_again |= 1u << pair;
    loop_post(net->dev.loop, &net->again);
}

static void go_on(struct loop_task *task)
{
    struct net *net = container_of(task, struct net, again);
    unsigned rx = net->rx_again, tx = net->tx_again;
    net->rx_again = net->tx_again = 0;
    for (unsigned i = 0; i < net->n_pairs; i++) {
        if (rx & 1u << i)
            run_rx(net, i);
        if (tx & 1u << i)
            run_tx(net, i);
    }
}

static void port_ready(void *data, unsigned pair, bool readable, bool writable)
{
    struct net *net = data;
    if (pair >= net->n_pairs)
        return;
    if (readable)
        run_rx(net, pair);
    if (writable && net->pair[pair].tx.held)
        run_tx(net, pair);
}

static void port_gone(void *data)
{
    struct net *net = data;
    atomic_store_explicit(&net->link_up, false, memory_order_relaxed);
    net->dev.transport->config_changed(&net->dev);
}

static const struct net_port_events port_events = { .ready = port_ready, .gone = port_gone };

/* The control queue. */

static int use_pairs(struct net *net, unsigned n)
{
    if (n < 1 || n > net->port->max_pairs)
        return -EINVAL;
    int err = net->port->ops->set_pairs ? net->port->ops->set_pairs(net->port, n) : 0;
    if (err < 0) {
        log_warn("%s: the host gives %u queues no frames: %s", net->port->ops->name, n,
                 strerror(-err));
        return err;
    }
    net->n_pairs = n;
    /* What was in them before they were counted. */
    net->rx_again = net->tx_again = (1u << n) - 1;
    loop_post(net->dev.loop, &net->again);
    return 0;
}

static uint8_t command(struct net *net, const struct virtq_chain *chain)
{
    struct virtio_net_ctrl_hdr header;
    uint16_t pairs;
    if (iov_read(chain->iov, chain->n_out, 0, &header, sizeof(header)) < sizeof(header) ||
        header.class != VIRTIO_NET_CTRL_MQ || header.cmd != VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET ||
        !virtio_has(&net->dev, VIRTIO_NET_F_MQ) ||
        iov_read(chain->iov, chain->n_out, sizeof(header), &pairs, sizeof(pairs)) < sizeof(pairs) ||
        use_pairs(net, pairs) < 0)
        return VIRTIO_NET_ERR;
    return VIRTIO_NET_OK;
}

static void control_kick(struct net *net, struct virtq *q)
{
    struct virtq_chain *chain = &net->control;
    int got = 0;
    for (unsigned n = 0; n < q->size && (got = virtq_pop(q, chain)) > 0; n++) {
        uint8_t ack = command(net, chain);
        size_t written = iov_write(&chain->iov[chain->n_out], chain->n_in, 0, &ack, sizeof(ack));
        virtq_push(q, chain->head, (uint32_t)written);
    }
    virtq_notify(q);
    if (got < 0)
        virtio_dev_broken(&net->dev);
    else if (got > 0)
        fd_event_signal(q->kick_fd);
}

/* The device's operations. */

static void net_kick(struct virtio_dev *dev, struct virtq *q)
{
    struct net *net = from_dev(dev);
    unsigned pair = q->index / 2;
    if (virtio_has(dev, VIRTIO_NET_F_CTRL_VQ) && q->index == control_index(net))
        control_kick(net, q);
    else if (pair >= net->n_pairs)
        return;
    else if (q->index % 2 == 0)
        run_rx(net, pair);
    else
        run_tx(net, pair);
}

static unsigned guest_offloads(const struct virtio_dev *dev)
{
    unsigned offloads = 0;
    if (!virtio_has(dev, VIRTIO_NET_F_GUEST_CSUM))
        return 0;
    offloads |= NET_OFFLOAD_CSUM;
    if (virtio_has(dev, VIRTIO_NET_F_GUEST_TSO4))
        offloads |= NET_OFFLOAD_TSO4;
    if (virtio_has(dev, VIRTIO_NET_F_GUEST_TSO6))
        offloads |= NET_OFFLOAD_TSO6;
    if (virtio_has(dev, VIRTIO_NET_F_GUEST_ECN))
        offloads |= NET_OFFLOAD_ECN;
    return offloads;
}

static int net_start(struct virtio_dev *dev)
{
    struct net *net = from_dev(dev);
    for (unsigned i = 0; i < net->port->max_pairs; i++) {
        net_rx_reset(&net->pair[i].rx, &dev->queue[2 * i]);
        net_tx_reset(&net->pair[i].tx, &dev->queue[2 * i + 1]);
    }
    net->n_pairs = 1;
    net->rx_again = net->tx_again = 0;
    return net->port->ops->start(net->port, dev->loop, guest_offloads(dev));
}

static void net_stop(struct virtio_dev *dev)
{
    struct net *net = from_dev(dev);
    loop_task_cancel(dev->loop, &net->again);
    net->port->ops->stop(net->port);
}

static void net_get_config(struct virtio_dev *dev, uint32_t offset, void *data, uint32_t len)
{
    struct net *net = from_dev(dev);
    struct virtio_net_config config = {
        .status =
            atomic_load_explicit(&net->link_up, memory_order_relaxed) ? VIRTIO_NET_S_LINK_UP : 0,
        .max_virtqueue_pairs = (uint16_t)net->port->max_pairs,
        .mtu = net->port->mtu,
    };
    memcpy(config.mac, net->mac, sizeof(config.mac));
    memset(data, 0, len);
    if (offset < CONFIG_LEN)
        memcpy(data, (const uint8_t *)&config + offset, MIN(len, CONFIG_LEN - offset));
}

static const struct virtio_ops net_ops = {
    .name = "net",
    .device_id = VIRTIO_ID_NET,
    .get_config = net_get_config,
    .start = net_start,
    .stop = net_stop,
    .kick = net_kick,
};

static uint64_t features(const struct net_port *port)
{
    uint64_t f = BIT(VIRTIO_NET_F_MAC) | BIT(VIRTIO_NET_F_STATUS) | BIT(VIRTIO_NET_F_MRG_RXBUF);
    if (port->mtu > 0)
        f |= BIT(VIRTIO_NET_F_MTU);
    if (port->max_pairs > 1)
        f |= BIT(VIRTIO_NET_F_CTRL_VQ) | BIT(VIRTIO_NET_F_MQ);
    if (port->offloads & NET_OFFLOAD_CSUM)
        f |= BIT(VIRTIO_NET_F_CSUM) | BIT(VIRTIO_NET_F_GUEST_CSUM);
    if (port->offloads & NET_OFFLOAD_TSO4)
        f |= BIT(VIRTIO_NET_F_HOST_TSO4) | BIT(VIRTIO_NET_F_GUEST_TSO4);
    if (port->offloads & NET_OFFLOAD_TSO6)
        f |= BIT(VIRTIO_NET_F_HOST_TSO6) | BIT(VIRTIO_NET_F_GUEST_TSO6);
    if (port->offloads & NET_OFFLOAD_ECN)
        f |= BIT(VIRTIO_NET_F_HOST_ECN) | BIT(VIRTIO_NET_F_GUEST_ECN);
    return f;
}

struct virtio_dev *virtio_net_create(struct loop *loop, struct net_port *port,
                                     const uint8_t mac[VIRTIO_NET_MAC_BYTES])
{
    struct net *net = calloc(1, sizeof(*net));
    struct net_pair *pair = calloc(port->max_pairs, sizeof(*pair));
    if (!net || !pair) {
        log_error("no memory for a network card");
        free(net);
        free(pair);
        net_port_destroy(port);
        return NULL;
    }
    net->dev = (struct virtio_dev){
        .ops = &net_ops,
        .loop = loop,
        .offered = features(port),
        .n_queues = 2 * port->max_pairs + (port->max_pairs > 1),
        .config_len = CONFIG_LEN,
    };
    for (unsigned i = 0; i < 2 * port->max_pairs; i++)
        net->dev.queue_size[i] = NET_QUEUE_SIZE;
    if (port->max_pairs > 1)
        net->dev.queue_size[2 * port->max_pairs] = CONTROL_QUEUE_SIZE;
    net->port = port;
    net->pair = pair;
    memcpy(net->mac, mac, sizeof(net->mac));
    atomic_init(&net->link_up, true);
    loop_task_init(&net->again, go_on);
    port->events = &port_events;
    port->events_data = net;
    return &net->dev;
}

void virtio_net_stats(const struct virtio_dev *dev, struct virtio_net_stats *stats)
{
    const struct virtio_net_stats *from = &container_of(dev, const struct net, dev)->stats;
    *stats = (struct virtio_net_stats){
        .rx_frames = __atomic_load_n(&from->rx_frames, __ATOMIC_RELAXED),
        .rx_bytes = __atomic_load_n(&from->rx_bytes, __ATOMIC_RELAXED),
        .tx_frames = __atomic_load_n(&from->tx_frames, __ATOMIC_RELAXED),
        .tx_bytes = __atomic_load_n(&from->tx_bytes, __ATOMIC_RELAXED),
    };
}

void virtio_net_destroy(struct virtio_dev *dev)
{
    if (!dev)
        return;
    struct net *net = from_dev(dev);
    net_port_destroy(net->port);
    free(net->pair);
    free(net);
}
