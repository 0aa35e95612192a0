// SPDX-License-Identifier: MIT
#include "vmm/app/nets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define LOG_MODULE "net"
#include "vmm/app/passt.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/net/port.h"
#include "vmm/net/stream.h"
#include "vmm/net/tap.h"
#include "vmm/virtio/net.h"

struct net_card {
    struct loop_thread io;
    bool running;
    struct virtio_dev *dev;
};

struct nets {
    unsigned n;
    struct net_card card[NET_OPTIONS_MAX];
};

/* One of the locally administered, of no vendor (IEEE 802, 8.4). */
static void choose_mac(uint8_t mac[6])
{
    while (getrandom(mac, 6, 0) != 6)
        ;
    mac[0] = (uint8_t)((mac[0] & ~1u) | 2u);
}

static struct net_port *open_user(const struct net_options *options)
{
    int sock = passt_start(options, true);
    if (sock == -ENOENT)
        log_error("--net user: passt is not installed; on Debian, apt install passt");
    return sock < 0 ? NULL : net_stream_create(sock, "passt", options->mtu);
}

/* Takes port. */
static bool card_init(struct nets *nets, const struct net_options *options, struct net_port *port)
{
    struct net_card *card = &nets->card[nets->n++];
    uint8_t mac[VIRTIO_NET_MAC_BYTES];
    char name[16];
    snprintf(name, sizeof(name), "net %u", nets->n - 1);
    int err = loop_thread_start(&card->io, name);
    if (err < 0) {
        log_error("can't start the thread of a network card: %s", strerror(-err));
        net_port_destroy(port);
        return false;
    }
    card->running = true;
    if (options->has_mac)
        memcpy(mac, options->mac, sizeof(mac));
    else
        choose_mac(mac);
    card->dev = virtio_net_create(card->io.loop, port, mac);
    return card->dev;
}

/* What a user expects who did not say anything: a network, or to be told why there is none. */
static bool default_card(struct nets *nets)
{
    static const struct net_options options = {
        .kind = NET_USER,
        .queues = 1,
        .mtu = NET_USER_MTU,
    };
    int sock = passt_start(&options, false);
    if (sock == -ENOENT)
        log_info("the guest has no network: passt is not installed (Debian: apt install passt)");
    if (sock < 0)
        return true;
    struct net_port *port = net_stream_create(sock, "passt", options.mtu);
    return port && card_init(nets, &options, port);
}

static bool fill(struct nets *nets, const struct nets_options *options)
{
    if (options->n == 0)
        return options->none || default_card(nets);
    for (unsigned i = 0; i < options->n; i++) {
        const struct net_options *net = &options->net[i];
        struct net_port *port =
            net->kind == NET_TAP ? net_tap_open(net->tap, net->queues) : open_user(net);
        if (!port || !card_init(nets, net, port))
            return false;
    }
    return true;
}

struct nets *nets_create(const struct nets_options *options)
{
    struct nets *nets = calloc(1, sizeof(*nets));
    if (!nets) {
        log_error("out of memory");
        return NULL;
    }
    if (fill(nets, options))
        return nets;
    nets_stop(nets);
    nets_destroy(nets);
    return NULL;
}

void nets_stop(struct nets *nets)
{
    for (unsigned i = 0; i < nets->n; i++) {
        if (nets->card[i].running)
            loop_thread_stop(&nets->card[i].io);
        nets->card[i].running = false;
    }
}

void nets_destroy(struct nets *nets)
{
    if (!nets)
        return;
    for (unsigned i = 0; i < nets->n; i++) {
        virtio_net_destroy(nets->card[i].dev);
        loop_thread_finish(&nets->card[i].io);
    }
    free(nets);
}

unsigned nets_count(const struct nets *nets)
{
    return nets->n;
}

struct virtio_dev *nets_dev(struct nets *nets, unsigned i)
{
    return nets->card[i].dev;
}
