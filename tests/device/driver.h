/* SPDX-License-Identifier: MIT */
/*
 * A guest's driver for tests: it speaks vhost-user to a back-end, owns a RAM of its own and the
 * driver's side of split virtqueues in it, and so puts a device model through what a real driver
 * would do, or a hostile one.
 *
 * The back-end is a device model on a thread of this process (driver_host()), or whatever answers on
 * a socket (driver_connect()). All functions are called on the test's thread, and fail the test where
 * something goes wrong that the test did not ask for.
 */
#ifndef VITRINE_TESTS_DEVICE_DRIVER_H
#define VITRINE_TESTS_DEVICE_DRIVER_H

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/device/host.h"
#include "vmm/virtio/device.h"
#include "vmm/virtio/vhost_user_io.h"
#include "vmm/virtio/vhost_user_proto.h"

struct driver;

/* How long anything may take before it counts as hung. */
#define DRIVER_TIMEOUT_MS 20000

/* RAM: half of it at 0, half from 4 GiB on. The addresses that the back-end gets for it as the
 * front-end's are neither. */
#define DRIVER_RAM_SIZE (64ull << 20)
#define DRIVER_HIGH_RAM 0x100000000ull
#define DRIVER_USER_ADDR 0x7f0000000000ull

struct driver *driver_host(const struct host_model *model);
/* Takes sock. */
struct driver *driver_connect(int sock);
/* Hangs up, and ends the hosted model's thread. */
void driver_destroy(struct driver *d);

/* Runs fn on the hosted model's loop, and waits for it. */
void driver_call(struct driver *d, void (*fn)(void *data), void *data);

/* RAM. Allocations live as long as the driver, are zeroed, and aligned to `align` (a power of two). */
uint64_t driver_alloc(struct driver *d, uint64_t size, uint64_t align);
uint64_t driver_alloc_high(struct driver *d, uint64_t size, uint64_t align);
void *driver_ptr(struct driver *d, uint64_t gpa);

/* What happens at the beginning: features are those of the device's that the driver wants, besides
 * VERSION_1; protocol is the protocol features it wants. What the back-end lacks is left out. */
#define DRIVER_PROTOCOL_ALL                                                                        \
    (1u << VHOST_USER_PROTOCOL_F_MQ | 1u << VHOST_USER_PROTOCOL_F_REPLY_ACK |                      \
     1u << VHOST_USER_PROTOCOL_F_BACKEND_REQ | 1u << VHOST_USER_PROTOCOL_F_CONFIG |                \
     1u << VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD | 1u << VHOST_USER_PROTOCOL_F_RESET_DEVICE |       \
     1u << VHOST_USER_PROTOCOL_F_STATUS)
void driver_negotiate(struct driver *d, uint64_t features, uint64_t protocol);
uint64_t driver_offered(const struct driver *d);
uint64_t driver_features(const struct driver *d);
/* Gives the back-end RAM and queues 0..n_queues-1 of `size` entries, enables them and, with STATUS,
 * says DRIVER_OK; waits until the back-end took it. */
void driver_start(struct driver *d, unsigned n_queues, uint16_t size);
/* Negotiates everything, VIRTIO_RING_FEATURES included, and starts. */
void driver_up(struct driver *d, uint64_t features, unsigned n_queues, uint16_t size);
/* The back-end has died: goes on with a successor at sock, which is taken, with the queues as they are and
 * the table of chains in flight. */
void driver_reconnect(struct driver *d, int sock);
/* That table's fd, the driver's; -1 where there is none. */
int driver_inflight_fd(const struct driver *d);
/* Sends the memory table alone: the same RAM in 2 regions, as driver_start() does, or in 3. */
void driver_share_memory(struct driver *d, unsigned n_regions);
/* Stops each queue, and resets the device. */
void driver_stop(struct driver *d);
/* As QEMU does where its machine pauses, and where it goes on: stops the queues and nothing else; starts
 * them where the back-end has stopped. A pause and then driver_start() is how a reset looks there. */
void driver_pause(struct driver *d);
void driver_continue(struct driver *d);

void driver_get_config(struct driver *d, uint32_t offset, void *data, uint32_t len);
void driver_set_config(struct driver *d, uint32_t offset, const void *data, uint32_t len);
/* Waits for a change of the configuration; false where none came in time. */
bool driver_wait_config_change(struct driver *d, int timeout_ms);
/* The device status as the back-end has it (with STATUS). */
uint8_t driver_status(struct driver *d);

/* Queues. */
struct driver_buffer {
    uint64_t gpa;
    uint32_t len;
    bool writable; /* by the device; these come last */
};

/* Makes a chain available; does not kick. Returns its head, or -1 where the queue is full. indirect:
 * through an indirect table. */
int driver_add(struct driver *d, unsigned queue, const struct driver_buffer *buffers, unsigned n,
               bool indirect);
/* Kicks if the device wants to be; _always: in any case. */
void driver_kick(struct driver *d, unsigned queue);
void driver_kick_always(struct driver *d, unsigned queue);
/* Takes the next used chain: false where none came in timeout_ms (0: don't wait). */
bool driver_used(struct driver *d, unsigned queue, int timeout_ms, uint16_t *head, uint32_t *len);
/* One request and its response, through RAM of the driver's: returns the bytes that the device says
 * it wrote; in gets as many, at most in_len. */
uint32_t driver_request(struct driver *d, unsigned queue, const void *out, uint32_t out_len,
                        void *in, uint32_t in_len);

/* The rings themselves, for tests that break them. */
struct driver_queue {
    uint16_t size, avail_idx, kicked_idx, last_used, n_free, first_free;
    uint16_t base; /* the available index that the back-end starts at */
    struct vring_desc *desc;
    struct vring_avail *avail;
    struct vring_used *used;
    uint64_t desc_gpa, avail_gpa, used_gpa;
    uint16_t next[VIRTQ_MAX_SIZE];      /* free descriptors, and those of one chain */
    uint16_t chain_len[VIRTQ_MAX_SIZE]; /* descriptors of the chain with this head */
    int kick_fd, call_fd, err_fd;
};
struct driver_queue *driver_queue(struct driver *d, unsigned queue);

/* Raw messages. */
int driver_sock(struct driver *d);
void driver_send(struct driver *d, uint32_t request, uint32_t flags, const void *payload,
                 uint32_t size, const int *fds, unsigned n_fds);
/* Waits for the next message from the back-end: false at hang-up. */
bool driver_recv(struct driver *d, struct vhost_user_msg *msg);
/* Sends a request that has a reply, or asks for one, and returns its number. */
uint64_t driver_ask_u64(struct driver *d, uint32_t request);
uint64_t driver_tell(struct driver *d, uint32_t request, const void *payload, uint32_t size,
                     const int *fds, unsigned n_fds);
/* Whether the back-end has hung up, or does in time. */
bool driver_hung_up(struct driver *d);

#endif
