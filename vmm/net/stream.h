/* SPDX-License-Identifier: MIT */
/*
 * Frames over a stream socket, each behind its length as 4 bytes in network order: what passt speaks,
 * and QEMU's -netdev stream. No offloads.
 */
#ifndef VITRINE_NET_STREAM_H
#define VITRINE_NET_STREAM_H

#include <stdint.h>

struct net_port;

/* Takes sock, a connected stream socket, also where it fails; `peer`, who is at its other end, is kept,
 * not copied: for messages. mtu: bytes of the longest IP packet that it takes and sends. NULL where that
 * fails, which is logged. */
struct net_port *net_stream_create(int sock, const char *peer, uint16_t mtu);

#endif
