/* SPDX-License-Identifier: MIT */
/*
 * The wire format of vhost-user (QEMU's docs/interop/vhost-user.rst), by the spec's names. All
 * numbers are in the machine's own byte order. Only what one of our ends speaks is here.
 */
#ifndef VITRINE_VIRTIO_VHOST_USER_PROTO_H
#define VITRINE_VIRTIO_VHOST_USER_PROTO_H

#include <assert.h>
#include <stdint.h>

/* The bit of the virtio features that stands for the protocol features. */
#define VHOST_USER_F_PROTOCOL_FEATURES 30

/* Protocol feature bits. */
#define VHOST_USER_PROTOCOL_F_MQ 0
#define VHOST_USER_PROTOCOL_F_REPLY_ACK 3
#define VHOST_USER_PROTOCOL_F_BACKEND_REQ 5
#define VHOST_USER_PROTOCOL_F_CONFIG 9
#define VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD 12
#define VHOST_USER_PROTOCOL_F_RESET_DEVICE 13
#define VHOST_USER_PROTOCOL_F_STATUS 16

/* Requests of the front-end. */
enum vhost_user_request {
    VHOST_USER_GET_FEATURES = 1,
    VHOST_USER_SET_FEATURES = 2,
    VHOST_USER_SET_OWNER = 3,
    VHOST_USER_RESET_OWNER = 4,
    VHOST_USER_SET_MEM_TABLE = 5,
    VHOST_USER_SET_VRING_NUM = 8,
    VHOST_USER_SET_VRING_ADDR = 9,
    VHOST_USER_SET_VRING_BASE = 10,
    VHOST_USER_GET_VRING_BASE = 11,
    VHOST_USER_SET_VRING_KICK = 12,
    VHOST_USER_SET_VRING_CALL = 13,
    VHOST_USER_SET_VRING_ERR = 14,
    VHOST_USER_GET_PROTOCOL_FEATURES = 15,
    VHOST_USER_SET_PROTOCOL_FEATURES = 16,
    VHOST_USER_GET_QUEUE_NUM = 17,
    VHOST_USER_SET_VRING_ENABLE = 18,
    VHOST_USER_SET_BACKEND_REQ_FD = 21,
    VHOST_USER_GET_CONFIG = 24,
    VHOST_USER_SET_CONFIG = 25,
    VHOST_USER_GET_INFLIGHT_FD = 31,
    VHOST_USER_SET_INFLIGHT_FD = 32,
    VHOST_USER_GPU_SET_SOCKET = 33,
    VHOST_USER_RESET_DEVICE = 34,
    VHOST_USER_SET_STATUS = 39,
    VHOST_USER_GET_STATUS = 40,
    VHOST_USER_REQUEST_COUNT,
};

/* Requests of the back-end, on the socket of SET_BACKEND_REQ_FD. */
enum vhost_user_backend_request {
    VHOST_USER_BACKEND_CONFIG_CHANGE_MSG = 2,
};

/* vhost_user_header.flags. */
#define VHOST_USER_VERSION 1u
#define VHOST_USER_VERSION_MASK 3u
#define VHOST_USER_REPLY (1u << 2)
#define VHOST_USER_NEED_REPLY (1u << 3)

/* The payload of SET_VRING_KICK, _CALL and _ERR: the queue's index, and that no fd comes along. */
#define VHOST_USER_VRING_INDEX_MASK 0xffu
#define VHOST_USER_VRING_NOFD (1u << 8)

/* vhost_user_config.flags: who changed the configuration. */
#define VHOST_USER_CONFIG_DRIVER 0u
#define VHOST_USER_CONFIG_MIGRATION 1u

#define VHOST_USER_MAX_REGIONS 8
#define VHOST_USER_MAX_CONFIG 256

struct vhost_user_header {
    uint32_t request;
    uint32_t flags;
    uint32_t size; /* of the payload, bytes */
};
static_assert(sizeof(struct vhost_user_header) == 12, "vhost-user: header");

struct vhost_user_vring_state {
    uint32_t index;
    uint32_t num;
};
static_assert(sizeof(struct vhost_user_vring_state) == 8, "vhost-user: vring state");

struct vhost_user_vring_addr {
    uint32_t index;
    uint32_t flags;             /* bit 0: log writes (migration) */
    uint64_t desc, used, avail; /* the front-end's addresses (user_addr of a region) */
    uint64_t log;
};
static_assert(sizeof(struct vhost_user_vring_addr) == 40, "vhost-user: vring address");

struct vhost_user_region {
    uint64_t gpa;
    uint64_t size;
    uint64_t user_addr;
    uint64_t mmap_offset; /* of the region's start in its fd */
};
static_assert(sizeof(struct vhost_user_region) == 32, "vhost-user: region");

struct vhost_user_memory {
    uint32_t n_regions;
    uint32_t padding;
    struct vhost_user_region region[VHOST_USER_MAX_REGIONS];
};
static_assert(sizeof(struct vhost_user_memory) == 264, "vhost-user: memory table");
#define VHOST_USER_MEMORY_HEADER 8u

struct vhost_user_config {
    uint32_t offset;
    uint32_t size;
    uint32_t flags;
    uint8_t data[VHOST_USER_MAX_CONFIG]; /* size bytes travel */
};
static_assert(sizeof(struct vhost_user_config) == 268, "vhost-user: config");
#define VHOST_USER_CONFIG_HEADER 12u

/* A table of chains in flight; the spec has no padding behind it, implementations send it or not. */
struct vhost_user_inflight_desc {
    uint64_t size, offset; /* of the table in its fd, bytes */
    uint16_t n_queues, queue_size;
    uint32_t padding;
};
static_assert(sizeof(struct vhost_user_inflight_desc) == 24, "vhost-user: inflight");
#define VHOST_USER_INFLIGHT_MIN 20u

/* Header and payload follow each other without padding on the wire, so they are kept apart here. */
union vhost_user_payload {
    uint64_t u64;
    struct vhost_user_vring_state state;
    struct vhost_user_vring_addr addr;
    struct vhost_user_memory memory;
    struct vhost_user_config config;
    struct vhost_user_inflight_desc inflight;
};

#endif
