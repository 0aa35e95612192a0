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
    char where[16];
    bool used;
};

struct nets {
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
        log_error(PASST_MISSING);
    return sock < 0 ? NULL : net_stream_create(sock, "passt", options->mtu);
}

static bool start_card(struct net_card *card, unsigned index, const struct net_options *options,
                       struct net_port *port)
{
    uint8_t mac[VIRTIO_NET_MAC_BYTES];
    char name[16];
    snprintf(name, sizeof(name), "net %u", index);
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

/* Takes port. The card's number, or -1. */
static int card_add(struct nets *nets, const struct net_options *options, struct net_port *port)
{
    unsigned i = 0;
    while (i < NET_OPTIONS_MAX && nets->card[i].used)
        i++;
    if (i == NET_OPTIONS_MAX) {
        log_error("a VM has at most %d network cards", NET_OPTIONS_MAX);
        net_port_destroy(port);
        return -1;
    }
    struct net_card *card = &nets->card[i];
    card->used = true;
    snprintf(card->where, sizeof(card->where), "%s",
             options->kind == NET_TAP ? options->tap : "user");
    if (start_card(card, i, options, port))
        return (int)i;
    nets_stop_one(nets, i);
    nets_remove(nets, i);
    return -1;
}

int nets_add(struct nets *nets, const struct net_options *options)
{
    struct net_port *port =
        options->kind == NET_TAP ? net_tap_open(options->tap, options->queues) : open_user(options);
    return port ? card_add(nets, options, port) : -1;
}

int nets_add_passt(struct nets *nets, const struct net_options *options, int sock)
{
    struct net_port *port = net_stream_create(sock, "passt", options->mtu);
    return port ? card_add(nets, options, port) : -1;
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
    return sock < 0 || nets_add_passt(nets, &options, sock) >= 0;
}

static bool fill(struct nets *nets, const struct nets_options *options)
{
    if (options->n == 0)
        return options->none || default_card(nets);
    for (unsigned i = 0; i < options->n; i++) {
        if (nets_add(nets, &options->net[i]) < 0)
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

void nets_stop_one(struct nets *nets, unsigned i)
{
    struct net_card *card = &nets->card[i];
    if (card->running)
        loop_thread_stop(&card->io);
    card->running = false;
}

void nets_stop(struct nets *nets)
{
    for (unsigned i = 0; i < NET_OPTIONS_MAX; i++)
        nets_stop_one(nets, i);
}

void nets_remove(struct nets *nets, unsigned i)
{
    struct net_card *card = &nets->card[i];
    virtio_net_destroy(card->dev);
    loop_thread_finish(&card->io);
    *card = (struct net_card){ 0 };
}

void nets_destroy(struct nets *nets)
{
    if (!nets)
        return;
    for (unsigned i = 0; i < NET_OPTIONS_MAX; i++)
        nets_remove(nets, i);
    free(nets);
}

struct virtio_dev *nets_dev(struct nets *nets, unsigned i)
{
    return nets->card[i].dev;
}

const char *nets_where(const struct nets *nets, unsigned i)
{
    return nets->card[i].where;
}
