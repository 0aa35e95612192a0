// SPDX-License-Identifier: MIT
#include "vmm/app/net_options.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "run"
#include "vmm/app/option_table.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/log.h"
#include "vmm/net/port.h"

static bool take_mac(struct net_options *net, const char *value)
{
    uint8_t *m = net->mac;
    int end = 0;
    if (strlen(value) == 17 && strspn(value, "0123456789abcdefABCDEF:") == 17 &&
        sscanf(value, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &m[0], &m[1], &m[2], &m[3], &m[4],
               &m[5], &end) == 6 &&
        end == 17 && !(m[0] & 1)) {
        net->has_mac = true;
        return true;
    }
    log_error("--net: mac= takes an address of one card, such as 02:00:00:12:34:56, not '%s'",
              value);
    return false;
}

static bool take_queues(struct net_options *net, const char *value)
{
    uint64_t n;
    if (!option_number(value, 1, NET_MAX_PAIRS, &n)) {
        log_error("--net: queues= takes a number from 1 to %u, not '%s'", NET_MAX_PAIRS, value);
        return false;
    }
    net->queues = (unsigned)n;
    return true;
}

/* From what IPv6 asks for. */
static bool take_mtu(struct net_options *net, const char *value)
{
    uint64_t mtu;
    if (!option_number(value, 1280, NET_USER_MTU, &mtu)) {
        log_error("--net user: mtu= takes a packet's bytes, from 1280 to %u, not '%s'",
                  NET_USER_MTU, value);
        return false;
    }
    net->mtu = (uint16_t)mtu;
    return true;
}

static bool is_address(const char *text)
{
    struct in6_addr any;
    return inet_pton(AF_INET, text, &any) == 1 || inet_pton(AF_INET6, text, &any) == 1;
}

/* [ADDRESS/]HOST[:GUEST]. Without an address, the port is open to this host alone. */
static bool parse_forward(struct net_forward *forward, char *value)
{
    const char *address = "127.0.0.1", *host = value;
    char *slash = strchr(value, '/');
    uint64_t host_port, guest_port;
    if (slash) {
        *slash = '\0';
        address = value;
        host = slash + 1;
        if (!is_address(address))
            return false;
    }
    char *colon = strchr(host, ':');
    if (colon)
        *colon = '\0';
    if (!option_number(host, 1, 65535, &host_port) ||
        !option_number(colon ? colon + 1 : host, 1, 65535, &guest_port))
        return false;
    int n = snprintf(forward->spec, sizeof(forward->spec), "%s/%u:%u", address, (unsigned)host_port,
                     (unsigned)guest_port);
    return n < (int)sizeof(forward->spec);
}

static bool take_forward(struct net_options *net, const char *value, bool udp)
{
    autofree char *copy = strdup(value);
    if (net->n_forwards == NET_OPTIONS_MAX_FORWARDS) {
        log_error("--net user: at most %d ports; '%s' is one too many", NET_OPTIONS_MAX_FORWARDS,
                  value);
        return false;
    }
    struct net_forward *forward = &net->forward[net->n_forwards++];
    forward->udp = udp;
    if (copy && parse_forward(forward, copy))
        return true;
    log_error("--net user: %s= takes [ADDRESS/]HOST-PORT[:GUEST-PORT], such as 2222:22, not '%s'",
              udp ? "udp" : "tcp", value);
    return false;
}

static bool take_word(struct net_options *net, const char *word)
{
    if (strncmp(word, "mac=", 4) == 0)
        return take_mac(net, word + 4);
    if (net->kind == NET_TAP && strncmp(word, "queues=", 7) == 0)
        return take_queues(net, word + 7);
    if (net->kind == NET_USER && strncmp(word, "mtu=", 4) == 0)
        return take_mtu(net, word + 4);
    if (net->kind == NET_USER && strncmp(word, "tcp=", 4) == 0)
        return take_forward(net, word + 4, false);
    if (net->kind == NET_USER && strncmp(word, "udp=", 4) == 0)
        return take_forward(net, word + 4, true);
    log_error("--net %s: '%s' is unknown; it takes %s", net->kind == NET_TAP ? "tap=" : "user",
              word, net->kind == NET_TAP ? "mac= and queues=" : "mac=, mtu=, tcp= and udp=");
    return false;
}

static bool take_kind(struct net_options *net, const char *word)
{
    if (strcmp(word, "user") == 0) {
        net->kind = NET_USER;
        net->mtu = NET_USER_MTU;
        return true;
    }
    if (strncmp(word, "tap=", 4) == 0 && word[4] && strlen(word + 4) < sizeof(net->tap) &&
        !strchr(word, '/') && !strchr(word, '%')) {
        net->kind = NET_TAP;
        memcpy(net->tap, word + 4, strlen(word + 4) + 1);
        return true;
    }
    log_error("--net takes user, tap=NAME (of at most 15 letters) or none, not '%s'", word);
    return false;
}

bool nets_take(void *into, const char *value)
{
    struct nets_options *nets = into;
    autofree char *copy = strdup(value);
    char *save = NULL;
    if (strcmp(value, "none") == 0) {
        nets->none = true;
        return true;
    }
    if (nets->n == NET_OPTIONS_MAX) {
        log_error("at most %d network cards; '%s' is one too many", NET_OPTIONS_MAX, value);
        return false;
    }
    struct net_options *net = &nets->net[nets->n++];
    *net = (struct net_options){ .queues = 1 };
    char *word = copy ? strtok_r(copy, ",", &save) : NULL;
    if (!take_kind(net, word ? word : value))
        return false;
    while ((word = strtok_r(NULL, ",", &save))) {
        if (!take_word(net, word))
            return false;
    }
    return true;
}
