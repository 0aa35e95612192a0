// SPDX-License-Identifier: MIT
#include <arpa/inet.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/test.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"
#include "vmm/net/port.h"
#include "vmm/net/stream.h"

struct bed {
    struct loop *loop;
    struct net_port *port;
    int peer;
    unsigned readable, writable, gone;
};

static void ready(void *data, unsigned pair, bool readable, bool writable)
{
    struct bed *bed = data;
    bed->readable += readable;
    bed->writable += writable;
}

static void gone(void *data)
{
    struct bed *bed = data;
    bed->gone++;
}

static const struct net_port_events events = { .ready = ready, .gone = gone };

static int set_up(void **state)
{
    static struct bed bed;
    int pair[2];
    log_set_level(LOG_ERROR);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(fd_set_nonblock(pair[0]), 0);
    bed = (struct bed){ .loop = loop_create(), .peer = pair[0] };
    bed.port = net_stream_create(pair[1], "the test", 9000);
    assert_non_null(bed.port);
    assert_int_equal(bed.port->mtu, 9000);
    bed.port->events = &events;
    bed.port->events_data = &bed;
    assert_int_equal(bed.port->ops->start(bed.port, bed.loop, 0), 0);
    *state = &bed;
    return 0;
}

static int tear_down(void **state)
{
    struct bed *bed = *state;
    bed->port->ops->stop(bed->port);
    net_port_destroy(bed->port);
    loop_destroy(bed->loop);
    close(bed->peer);
    return 0;
}

static void fill(uint8_t *bytes, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i * 5 + seed + (i >> 8));
}

static ssize_t receive(struct bed *bed, uint8_t *frame, size_t size)
{
    struct iovec iov[] = { { frame, 7 }, { frame + 7, size - 7 } };
    return bed->port->ops->recv(bed->port, 0, iov, 2);
}

static int transmit(struct bed *bed, const uint8_t *frame, size_t len)
{
    const struct virtio_net_hdr_v1 header = { 0 };
    uint8_t *bytes = (uint8_t *)(uintptr_t)frame;
    struct iovec iov[] = { { bytes, len / 3 }, { bytes + len / 3, len - len / 3 } };
    return bed->port->ops->send(bed->port, 0, &header, iov, 2, len);
}

static void frames_may_come_in_pieces(void **state)
{
    struct bed *bed = *state;
    static const uint8_t header[NET_HEADER];
    uint8_t stream[50 * (4 + 100)], got[200];
    unsigned taken = 0;
    for (unsigned i = 0; i < 50; i++) {
        uint32_t len = htonl(100);
        memcpy(stream + i * 104, &len, sizeof(len));
        fill(stream + i * 104 + 4, 100, i);
    }
    /* From a byte at a time to almost two frames. */
    for (size_t at = 0, piece = 1; at < sizeof(stream); at += piece, piece = 1 + at % 200) {
        piece = MIN(piece, sizeof(stream) - at);
        assert_int_equal(write(bed->peer, stream + at, piece), piece);
        for (; taken < (at + piece) / 104; taken++) {
            assert_int_equal(receive(bed, got, sizeof(got)), NET_HEADER + 100);
            assert_memory_equal(got, header, sizeof(header));
            assert_memory_equal(got + NET_HEADER, stream + taken * 104 + 4, 100);
        }
        assert_int_equal(receive(bed, got, sizeof(got)), -EAGAIN);
    }
    assert_int_equal(taken, 50);
}

static void frames_come_one_by_one_out_of_many(void **state)
{
    struct bed *bed = *state;
    static uint8_t sent[4 + 3000], got[4000];
    unsigned n = 0, taken = 0;
    /* What can be sent at once, several times over, so that frames lie across the buffer's end. */
    while (taken < 2000) {
        for (;; n++) {
            size_t len = 14 + n * 37 % 2900;
            uint32_t prefix = htonl((uint32_t)len);
            memcpy(sent, &prefix, 4);
            fill(sent + 4, len, n);
            ssize_t out = send(bed->peer, sent, 4 + len, MSG_DONTWAIT);
            if (out < 0)
                break;
            assert_int_equal(out, 4 + len);
        }
        for (; taken < n; taken++) {
            size_t len = 14 + taken * 37 % 2900;
            fill(sent, len, taken);
            assert_int_equal(receive(bed, got, sizeof(got)), NET_HEADER + len);
            assert_memory_equal(got + NET_HEADER, sent, len);
        }
        assert_int_equal(receive(bed, got, sizeof(got)), -EAGAIN);
    }
    assert_int_equal(bed->gone, 0);
}

static void the_longest_frame_is_received_and_longer_ones_end_it(void **state)
{
    struct bed *bed = *state;
    static uint8_t sent[4 + 65536], got[70000];
    uint32_t prefix = htonl(65535);
    memcpy(sent, &prefix, 4);
    assert_int_equal(send(bed->peer, sent, 4 + 65535, 0), 4 + 65535);
    assert_int_equal(receive(bed, got, sizeof(got)), NET_HEADER + 65535);
    prefix = htonl(65536);
    assert_int_equal(write(bed->peer, &prefix, 4), 4);
    assert_int_equal(receive(bed, got, sizeof(got)), -EPIPE);
    assert_int_equal(bed->gone, 1);
    assert_int_equal(receive(bed, got, sizeof(got)), -EPIPE);
    assert_int_equal(bed->gone, 1);
}

/* False where the socket is full. */
static bool send_numbered(struct bed *bed, uint8_t *bytes, size_t len, unsigned n)
{
    uint32_t prefix = htonl((uint32_t)len);
    memcpy(bytes, &prefix, 4);
    fill(bytes + 4, len, n);
    return send(bed->peer, bytes, 4 + len, MSG_DONTWAIT) == (ssize_t)(4 + len);
}

/* To passt a full socket is a network that loses frames. */
static void what_comes_is_taken_before_the_guest_wants_it(void **state)
{
    struct bed *bed = *state;
    static uint8_t sent[4 + 9000], got[NET_HEADER + 9000];
    unsigned n = 0;
    while (send_numbered(bed, sent, 9000, n)) {
        n++;
        loop_run_once(bed->loop, 0);
    }
    assert_true(n * 9004 > 800000);
    assert_true(bed->readable > 0);
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(receive(bed, got, sizeof(got)), sizeof(got));
        fill(sent, 9000, i);
        assert_memory_equal(got + NET_HEADER, sent, 9000);
    }
    bed->readable = 0;
    assert_int_equal(receive(bed, got, sizeof(got)), -EAGAIN);
    assert_true(send_numbered(bed, sent, 9000, 0));
    loop_run_once(bed->loop, 0);
    assert_int_equal(bed->readable, 1);
    assert_int_equal(receive(bed, got, sizeof(got)), sizeof(got));
}

/* What was received ahead never ends, so lengths and frames come to lie across the ring's end at any byte. */
static void a_guest_that_is_slower_gets_all_of_it(void **state)
{
    struct bed *bed = *state;
    static uint8_t sent[4 + 9000], got[NET_HEADER + 9000];
    unsigned n = 0, taken = 0;
    while (taken < 4000) {
        while (send_numbered(bed, sent, 14 + n * 4999 % 8987, n)) {
            n++;
            loop_run_once(bed->loop, 0);
        }
        assert_true(n > taken + 100);
        for (unsigned i = 0; i < 40; i++, taken++) {
            size_t len = 14 + taken * 4999 % 8987;
            assert_int_equal(receive(bed, got, sizeof(got)), NET_HEADER + len);
            fill(sent, len, taken);
            assert_memory_equal(got + NET_HEADER, sent, len);
        }
    }
    assert_int_equal(bed->gone, 0);
}

static void what_is_shorter_than_a_frame_is_skipped(void **state)
{
    struct bed *bed = *state;
    uint8_t bytes[] = { 0, 0, 0, 0, 0, 0, 0, 3, 1, 2,  3,  0,  0,  0, 14,
                        1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14 };
    uint8_t got[100];
    assert_int_equal(write(bed->peer, bytes, sizeof(bytes)), sizeof(bytes));
    assert_int_equal(receive(bed, got, sizeof(got)), NET_HEADER + 14);
    assert_memory_equal(got + NET_HEADER, bytes + sizeof(bytes) - 14, 14);
}

/* Reads until there is no more, and checks that frames first.. of 60000 bytes came whole and in order. */
static unsigned check_stream(struct bed *bed, unsigned first, uint8_t *partial, size_t *have)
{
    static uint8_t wanted[4 + 60000];
    ssize_t got;
    while ((got = read(bed->peer, partial + *have, 4 + 60000 - *have)) > 0) {
        *have += (size_t)got;
        if (*have < 4 + 60000)
            continue;
        uint32_t prefix = htonl(60000);
        memcpy(wanted, &prefix, 4);
        fill(wanted + 4, 60000, first++);
        assert_memory_equal(partial, wanted, sizeof(wanted));
        *have = 0;
    }
    return first;
}

static void a_full_socket_loses_nothing(void **state)
{
    struct bed *bed = *state;
    static uint8_t frame[60000], partial[4 + 60000];
    unsigned sent = 0, came = 0, full = 0;
    size_t have = 0;
    while (came < 200) {
        fill(frame, sizeof(frame), sent);
        if (transmit(bed, frame, sizeof(frame)) == 0) {
            sent++;
            memset(frame, 0, sizeof(frame)); /* it is not used any more */
            continue;
        }
        full++;
        bed->writable = 0;
        came = check_stream(bed, came, partial, &have);
        loop_run_once(bed->loop, 0);
        assert_true(bed->writable > 0);
    }
    /* The rest of the last frame comes without another being sent. */
    for (unsigned i = 0; i < 10; i++) {
        came = check_stream(bed, came, partial, &have);
        loop_run_once(bed->loop, 0);
    }
    assert_int_equal(came, sent);
    assert_int_equal(have, 0);
    assert_true(full > 1);
}

/* Reads len bytes from the port, which has sent them or has them gathered. */
static void take(struct bed *bed, uint8_t *bytes, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t got = read(bed->peer, bytes + at, len - at);
        if (got < 0)
            bed->port->ops->flush(bed->port, 0);
        assert_int_not_equal(got, 0);
        at += got > 0 ? (size_t)got : 0;
    }
}

static void take_frame(struct bed *bed, size_t len, unsigned seed)
{
    static uint8_t wanted[4 + 65535], got[4 + 65535];
    uint32_t prefix = htonl((uint32_t)len);
    memcpy(wanted, &prefix, 4);
    fill(wanted + 4, len, seed);
    take(bed, got, 4 + len);
    assert_memory_equal(got, wanted, 4 + len);
}

static int transmit_filled(struct bed *bed, size_t len, unsigned seed)
{
    static uint8_t frame[65535];
    fill(frame, len, seed);
    int err = transmit(bed, frame, len);
    memset(frame, 0xff, len); /* it is not used any more */
    return err;
}

static void short_frames_go_together(void **state)
{
    struct bed *bed = *state;
    uint8_t byte;
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(transmit_filled(bed, 14 + i * 70, i), 0);
    assert_int_equal(read(bed->peer, &byte, 1), -1);
    bed->port->ops->flush(bed->port, 0);
    for (unsigned i = 0; i < 20; i++)
        take_frame(bed, 14 + i * 70, i);
    /* A long one is not gathered, and takes along those that are. */
    assert_int_equal(transmit_filled(bed, 1000, 1), 0);
    assert_int_equal(transmit_filled(bed, 65535, 2), 0);
    take_frame(bed, 1000, 1);
    take_frame(bed, 65535, 2);
    assert_int_equal(read(bed->peer, &byte, 1), -1);
}

static void a_frame_may_be_in_as_many_buffers_as_one_may(void **state)
{
    struct bed *bed = *state;
    const struct virtio_net_hdr_v1 header = { 0 };
    static uint8_t frame[5 * (NET_MAX_IOV - 1)];
    struct iovec iov[NET_MAX_IOV - 1];
    fill(frame, sizeof(frame), 3);
    for (unsigned i = 0; i < ARRAY_LEN(iov); i++)
        iov[i] = (struct iovec){ frame + (size_t)i * 5, 5 };
    assert_int_equal(transmit_filled(bed, 100, 1), 0);
    assert_int_equal(
        bed->port->ops->send(bed->port, 0, &header, iov, ARRAY_LEN(iov), sizeof(frame)), 0);
    take_frame(bed, 100, 1);
    take_frame(bed, sizeof(frame), 3);
}

/* Long and short frames, and a peer who takes as much as it likes, so that the socket is full at any byte
 * of them. */
static void frames_of_all_lengths_keep_their_order(void **state)
{
    struct bed *bed = *state;
    static size_t length[3000];
    unsigned sent = 0, came = 0, random = 1, full = 0;
    while (came < ARRAY_LEN(length)) {
        random = random * 1103515245 + 12345;
        unsigned dice = random >> 16;
        if (sent == ARRAY_LEN(length) || (full > 0 && dice % 3 == 0)) {
            for (unsigned i = dice % 40; i > 0 && came < sent; i--, came++)
                take_frame(bed, length[came], came);
            loop_run_once(bed->loop, 0);
            continue;
        }
        size_t len = dice % 4 == 0 ? 14 + dice * 7 % 65522 : 14 + dice % 1600;
        length[sent] = len;
        if (transmit_filled(bed, len, sent) == 0)
            sent++;
        else
            full++;
    }
    assert_true(full > 0);
    assert_int_equal(bed->gone, 0);
}

static void the_peers_end_is_told_once(void **state)
{
    struct bed *bed = *state;
    uint8_t frame[100] = { 0 };
    shutdown(bed->peer, SHUT_RDWR);
    assert_int_equal(transmit(bed, frame, sizeof(frame)), 0);
    bed->port->ops->flush(bed->port, 0);
    assert_int_equal(bed->gone, 1);
    assert_int_equal(receive(bed, frame, sizeof(frame)), -EPIPE);
    assert_int_equal(transmit(bed, frame, sizeof(frame)), 0);
    assert_int_equal(bed->gone, 1);
    bed->port->ops->stop(bed->port);
    assert_int_equal(bed->port->ops->start(bed->port, bed->loop, 0), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(frames_may_come_in_pieces),
        T(frames_come_one_by_one_out_of_many),
        T(the_longest_frame_is_received_and_longer_ones_end_it),
        T(what_comes_is_taken_before_the_guest_wants_it),
        T(a_guest_that_is_slower_gets_all_of_it),
        T(what_is_shorter_than_a_frame_is_skipped),
        T(a_full_socket_loses_nothing),
        T(short_frames_go_together),
        T(a_frame_may_be_in_as_many_buffers_as_one_may),
        T(frames_of_all_lengths_keep_their_order),
        T(the_peers_end_is_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
