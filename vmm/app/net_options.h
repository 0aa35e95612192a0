/* SPDX-License-Identifier: MIT */
/* The value of --net: the VM's network cards. */
#ifndef VITRINE_APP_NET_OPTIONS_H
#define VITRINE_APP_NET_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define NET_OPTIONS_MAX 4
#define NET_OPTIONS_MAX_FORWARDS 8
/* The longest IP packet that passt carries, in bytes: it ends the guest's connections and makes its own,
 * so no other network has to. */
#define NET_USER_MTU 65520

enum net_kind { NET_USER, NET_TAP };

/* A port of the host's that leads to one of the guest's, as passt takes it: ADDRESS/HOST:GUEST. */
struct net_forward {
    bool udp;
    char spec[64];
};

struct net_options {
    enum net_kind kind;
    char tap[16]; /* the device's name, of a kind NET_TAP */
    unsigned queues;
    uint16_t mtu; /* of a kind NET_USER; else 0 */
    bool has_mac;
    uint8_t mac[6];
    unsigned n_forwards;
    struct net_forward forward[NET_OPTIONS_MAX_FORWARDS];
};

struct nets_options {
    bool none; /* no card but those that are named */
    unsigned n;
    struct net_options net[NET_OPTIONS_MAX];
};

/* Takes a --net into struct nets_options. False after one line that says what is wrong and what would
 * be right. */
bool nets_take(void *into, const char *value);

#endif
