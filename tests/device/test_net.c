// SPDX-License-Identifier: MIT
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/device/cable.h"
#include "tests/device/driver.h"
#include "tests/test.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/virtio/net.h"

#define BIT(n) (1ull << (n))
#define RX 0
#define TX 1
#define QUEUE_SIZE 64
#define OFFLOADS (NET_OFFLOAD_CSUM | NET_OFFLOAD_TSO4 | NET_OFFLOAD_TSO6 | NET_OFFLOAD_ECN)
#define ALL_FEATURES (BIT(24) - 1)

static const uint8_t mac[6] = { 2, 1, 2, 3, 4, 5 };

struct fixture {
    struct cable cable;
    struct virtio_dev *dev;
    struct driver *d;
};

static struct virtio_dev *create(struct loop *loop, void *data)
{
    struct fixture *f = data;
    f->dev = virtio_net_create(loop, &f->cable.port, mac);
    return f->dev;
}

static void destroy(struct virtio_dev *dev, void *data)
{
    virtio_net_destroy(dev);
}

static int set_up(void **state)
{
    *state = calloc(1, sizeof(struct fixture));
    log_set_level(LOG_ERROR);
    return *state ? 0 : -1;
}

static void plug_in(struct fixture *f, unsigned pairs, unsigned offloads, uint64_t features)
{
    const struct host_model model = { create, destroy, f };
    cable_init(&f->cable, pairs, offloads);
    f->d = driver_host(&model);
    driver_up(f->d, features, pairs > 1 ? 2 * pairs + 1 : 2, QUEUE_SIZE);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    driver_destroy(f->d);
    cable_finish(&f->cable);
    free(f);
    return 0;
}

static void fill(uint8_t *bytes, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(i * 7 + seed + (i >> 8));
}

/* The driver's half. */

/* Makes a frame with its header available, cut into pieces of `piece` bytes. */
static int add_tx(struct fixture *f, unsigned queue, const struct virtio_net_hdr_v1 *header,
                  const uint8_t *frame, uint32_t len, uint32_t piece)
{
    struct driver_buffer buffers[64];
    unsigned n = 0;
    uint64_t gpa = driver_alloc(f->d, NET_HEADER + len, 16);
    memcpy(driver_ptr(f->d, gpa), header, NET_HEADER);
    memcpy((uint8_t *)driver_ptr(f->d, gpa) + NET_HEADER, frame, len);
    for (uint32_t at = 0; at < NET_HEADER + len; at += piece) {
        assert_true(n < ARRAY_LEN(buffers));
        buffers[n++] = (struct driver_buffer){ gpa + at, MIN(piece, NET_HEADER + len - at), false };
    }
    int head = driver_add(f->d, queue, buffers, n, n > 8);
    assert_true(head >= 0);
    driver_kick(f->d, queue);
    return head;
}

static void wait_used(struct fixture *f, unsigned queue, uint32_t *len)
{
    uint16_t head;
    if (!driver_used(f->d, queue, DRIVER_TIMEOUT_MS, &head, len))
        fail_msg("queue %u: nothing came back", queue);
}

static uint64_t add_rx(struct fixture *f, uint32_t len)
{
    struct driver_buffer buffer = { driver_alloc(f->d, len, 16), len, true };
    assert_true(driver_add(f->d, RX, &buffer, 1, false) >= 0);
    driver_kick(f->d, RX);
    return buffer.gpa;
}

/* The cable's other end. */

static void put_on_cable(struct fixture *f, unsigned pair, const uint8_t *frame, size_t len)
{
    struct virtio_net_hdr_v1 header = { .num_buffers = 0xabcd };
    struct iovec iov[] = { { &header, sizeof(header) }, { (uint8_t *)(uintptr_t)frame, len } };
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
    assert_int_equal(sendmsg(f->cable.queue[pair].test, &msg, 0), sizeof(header) + len);
}

static size_t take_off_cable(struct fixture *f, unsigned pair, struct virtio_net_hdr_v1 *header,
                             uint8_t *frame, size_t size)
{
    struct iovec iov[] = { { header, sizeof(*header) }, { frame, size } };
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
    struct pollfd pfd = { .fd = f->cable.queue[pair].test, .events = POLLIN };
    assert_int_equal(poll(&pfd, 1, DRIVER_TIMEOUT_MS), 1);
    ssize_t got = recvmsg(pfd.fd, &msg, 0);
    assert_true(got >= (ssize_t)sizeof(*header));
    return (size_t)got - sizeof(*header);
}

static bool cable_is_empty(struct fixture *f)
{
    struct pollfd pfd = { .fd = f->cable.queue[0].test, .events = POLLIN };
    return poll(&pfd, 1, 0) == 0;
}

/* A frame that arrived in n buffers of `size` bytes from gpa[0] on, each filled but the last. */
static void check_received(struct fixture *f, const uint64_t *gpa, uint32_t size,
                           const uint8_t *frame, size_t len)
{
    struct virtio_net_hdr_v1 header;
    size_t left = NET_HEADER + len, at = 0;
    unsigned n = (unsigned)((left + size - 1) / size);
    uint8_t *all = malloc(left);
    assert_non_null(all);
    for (unsigned i = 0; i < n; i++) {
        uint32_t written;
        wait_used(f, RX, &written);
        assert_int_equal(written, MIN(size, left - at));
        memcpy(all + at, driver_ptr(f->d, gpa[i]), written);
        at += written;
    }
    memcpy(&header, all, sizeof(header));
    assert_int_equal(header.num_buffers, n);
    assert_int_equal(header.gso_type, VIRTIO_NET_HDR_GSO_NONE);
    assert_memory_equal(all + NET_HEADER, frame, len);
    free(all);
}

/* Tests. */

static void the_card_says_what_it_is(void **state)
{
    struct fixture *f = *state;
    struct virtio_net_config config;
    plug_in(f, 1, 0, ALL_FEATURES);
    driver_get_config(f->d, 0, &config, offsetof(struct virtio_net_config, mtu));
    assert_memory_equal(config.mac, mac, sizeof(mac));
    assert_int_equal(config.status, VIRTIO_NET_S_LINK_UP);
    assert_int_equal(driver_features(f->d) & ALL_FEATURES, BIT(VIRTIO_NET_F_MAC) |
                                                               BIT(VIRTIO_NET_F_STATUS) |
                                                               BIT(VIRTIO_NET_F_MRG_RXBUF));
}

static void a_port_that_has_an_mtu_tells_it(void **state)
{
    struct fixture *f = *state;
    const struct host_model model = { create, destroy, f };
    uint16_t mtu;
    cable_init(&f->cable, 1, 0);
    f->cable.port.mtu = 65520;
    f->d = driver_host(&model);
    driver_up(f->d, ALL_FEATURES, 2, QUEUE_SIZE);
    assert_true(driver_features(f->d) & BIT(VIRTIO_NET_F_MTU));
    driver_get_config(f->d, offsetof(struct virtio_net_config, mtu), &mtu, sizeof(mtu));
    assert_int_equal(mtu, 65520);
}

static void offloads_are_those_of_both_sides(void **state)
{
    struct fixture *f = *state;
    plug_in(f, 1, OFFLOADS, ALL_FEATURES & ~BIT(VIRTIO_NET_F_GUEST_TSO6));
    assert_int_equal(f->cable.started_with, OFFLOADS & ~NET_OFFLOAD_TSO6);
    driver_stop(f->d);
    driver_up(f->d, ALL_FEATURES & ~BIT(VIRTIO_NET_F_GUEST_CSUM), 2, QUEUE_SIZE);
    assert_int_equal(f->cable.started_with, 0);
}

static void a_frame_is_sent_however_it_is_cut(void **state)
{
    struct fixture *f = *state;
    static const uint32_t pieces[] = { 4096, 12, 13, 100, 1512, 31 };
    const struct virtio_net_hdr_v1 none = { 0 };
    uint8_t frame[1500], got[2000];
    struct virtio_net_hdr_v1 header;
    plug_in(f, 1, 0, ALL_FEATURES);
    for (unsigned i = 0; i < ARRAY_LEN(pieces); i++) {
        uint32_t len = pieces[i] < 32 ? 60 * pieces[i] / 12 : sizeof(frame);
        fill(frame, len, i);
        add_tx(f, TX, &none, frame, len, pieces[i]);
        assert_int_equal(take_off_cable(f, 0, &header, got, sizeof(got)), len);
        assert_memory_equal(got, frame, len);
        assert_memory_equal(&header, &none, sizeof(header));
        wait_used(f, TX, NULL);
    }
    struct virtio_net_stats stats;
    virtio_net_stats(f->dev, &stats);
    assert_int_equal(stats.tx_frames, ARRAY_LEN(pieces));
    assert_true(stats.tx_bytes > sizeof(frame));
    assert_int_equal(stats.rx_frames, 0);
}

static void a_header_goes_with_its_frame(void **state)
{
    struct fixture *f = *state;
    const struct virtio_net_hdr_v1 sent = {
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM | VIRTIO_NET_HDR_F_DATA_VALID,
        .gso_type = VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN,
        .hdr_len = 54,
        .gso_size = 1448,
        .csum_start = 34,
        .csum_offset = 16,
        .num_buffers = 7,
    };
    uint8_t frame[20000], got[20001];
    struct virtio_net_hdr_v1 header, wanted = sent;
    plug_in(f, 1, OFFLOADS, ALL_FEATURES);
    fill(frame, sizeof(frame), 1);
    add_tx(f, TX, &sent, frame, sizeof(frame), 4096);
    assert_int_equal(take_off_cable(f, 0, &header, got, sizeof(got)), sizeof(frame));
    assert_memory_equal(got, frame, sizeof(frame));
    wanted.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    wanted.num_buffers = 0;
    assert_memory_equal(&header, &wanted, sizeof(header));
}

/* The frame comes back unsent, and the next one is sent. */
static void expect_refusal(struct fixture *f, const struct virtio_net_hdr_v1 *header, uint32_t len)
{
    static uint8_t frame[NET_FRAME_MAX + 100];
    const struct virtio_net_hdr_v1 none = { 0 };
    struct virtio_net_hdr_v1 got_header;
    uint8_t got[100];
    add_tx(f, TX, header, frame, len, 4096);
    wait_used(f, TX, NULL);
    assert_true(cable_is_empty(f));
    fill(frame, 60, len);
    add_tx(f, TX, &none, frame, 60, 4096);
    assert_int_equal(take_off_cable(f, 0, &got_header, got, sizeof(got)), 60);
    wait_used(f, TX, NULL);
}

static void what_is_no_frame_is_not_sent(void **state)
{
    struct fixture *f = *state;
    const struct virtio_net_hdr_v1 none = { 0 };
    plug_in(f, 1, 0, ALL_FEATURES);
    struct driver_buffer shorter = { driver_alloc(f->d, 64, 16), 5, false };
    expect_refusal(f, &none, 1);
    expect_refusal(f, &none, NET_FRAME_MIN - 1);
    expect_refusal(f, &none, NET_FRAME_MAX + 1);
    assert_true(driver_add(f->d, TX, &shorter, 1, false) >= 0);
    driver_kick(f->d, TX);
    wait_used(f, TX, NULL);
    assert_true(cable_is_empty(f));
}

static void offloads_that_were_not_negotiated_are_refused(void **state)
{
    struct fixture *f = *state;
    const uint8_t csum = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    const struct virtio_net_hdr_v1 hostile[] = {
        { .flags = csum, .csum_start = 34, .csum_offset = 16 },
        { .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 100 },
        { .flags = csum, .gso_type = VIRTIO_NET_HDR_GSO_UDP, .gso_size = 100 },
        { .gso_type = VIRTIO_NET_HDR_GSO_ECN },
        { .gso_type = 0x7f, .gso_size = 1 },
    };
    plug_in(f, 1, 0, ALL_FEATURES);
    for (unsigned i = 0; i < ARRAY_LEN(hostile); i++)
        expect_refusal(f, &hostile[i], 1000);
}

static void offloads_that_do_not_fit_the_frame_are_refused(void **state)
{
    struct fixture *f = *state;
    const uint8_t csum = VIRTIO_NET_HDR_F_NEEDS_CSUM, tcp = VIRTIO_NET_HDR_GSO_TCPV4;
    const struct virtio_net_hdr_v1 hostile[] = {
        { .flags = csum, .csum_start = 999 },
        { .flags = csum, .csum_start = 0xffff, .csum_offset = 0xffff },
        { .flags = csum, .gso_type = tcp },
        { .gso_type = tcp, .gso_size = 100 },
        { .flags = csum, .gso_type = tcp, .gso_size = 100, .hdr_len = 1001 },
        { .flags = csum, .gso_type = 0x7f, .gso_size = 100 },
        { .flags = csum, .gso_type = VIRTIO_NET_HDR_GSO_ECN, .gso_size = 100 },
    };
    plug_in(f, 1, OFFLOADS, ALL_FEATURES);
    for (unsigned i = 0; i < ARRAY_LEN(hostile); i++)
        expect_refusal(f, &hostile[i], 1000);
}

static void a_frame_is_received(void **state)
{
    struct fixture *f = *state;
    uint8_t frame[1400];
    plug_in(f, 1, 0, ALL_FEATURES);
    for (unsigned i = 0; i < 200; i++) {
        uint64_t gpa = add_rx(f, 1526);
        fill(frame, sizeof(frame), i);
        put_on_cable(f, 0, frame, sizeof(frame) - i);
        check_received(f, &gpa, 1526, frame, sizeof(frame) - i);
    }
    struct virtio_net_stats stats;
    virtio_net_stats(f->dev, &stats);
    assert_int_equal(stats.rx_frames, 200);
    assert_int_equal(stats.rx_bytes, 200 * sizeof(frame) - 199 * 200 / 2);
}

static void a_long_frame_is_merged_out_of_short_buffers(void **state)
{
    struct fixture *f = *state;
    static uint8_t frame[NET_FRAME_MAX];
    uint64_t gpa[60];
    plug_in(f, 1, OFFLOADS, ALL_FEATURES);
    for (unsigned round = 0; round < 3; round++) {
        size_t len = round == 0 ? 60000 : round == 1 ? 1500 - NET_HEADER : 1501 - NET_HEADER;
        unsigned n = round == 0 ? 41 : round;
        for (unsigned i = 0; i < n; i++)
            gpa[i] = add_rx(f, 1500);
        fill(frame, len, round);
        put_on_cable(f, 0, frame, len);
        check_received(f, gpa, 1500, frame, len);
    }
}

static void a_frame_waits_for_buffers(void **state)
{
    struct fixture *f = *state;
    uint8_t frame[5000], small[60];
    uint64_t gpa[6];
    plug_in(f, 1, OFFLOADS, ALL_FEATURES);
    fill(frame, sizeof(frame), 3);
    fill(small, sizeof(small), 4);
    gpa[0] = add_rx(f, 1000);
    gpa[1] = add_rx(f, 1000);
    put_on_cable(f, 0, frame, sizeof(frame));
    put_on_cable(f, 0, small, sizeof(small));
    /* The card has read it when it is no longer on the cable; it has no room to deliver it. */
    for (unsigned i = 2; i < 6; i++) {
        assert_false(driver_used(f->d, RX, i == 2 ? 50 : 0, NULL, NULL));
        gpa[i] = add_rx(f, 1000);
    }
    check_received(f, gpa, 1000, frame, sizeof(frame));
    gpa[0] = add_rx(f, 1000);
    check_received(f, gpa, 1000, small, sizeof(small));
}

static void without_merging_what_does_not_fit_is_lost(void **state)
{
    struct fixture *f = *state;
    uint8_t frame[3000];
    plug_in(f, 1, 0, ALL_FEATURES & ~BIT(VIRTIO_NET_F_MRG_RXBUF));
    fill(frame, sizeof(frame), 5);
    uint64_t gpa = add_rx(f, 1526);
    add_rx(f, 1526);
    put_on_cable(f, 0, frame, sizeof(frame));
    put_on_cable(f, 0, frame, 1000);
    check_received(f, &gpa, 1526, frame, 1000);
    assert_false(driver_used(f->d, RX, 0, NULL, NULL));
}

static void a_buffer_with_no_room_for_a_header_needs_a_reset(void **state)
{
    struct fixture *f = *state;
    uint8_t frame[60] = { 0 };
    plug_in(f, 1, 0, ALL_FEATURES);
    add_rx(f, NET_HEADER - 1);
    put_on_cable(f, 0, frame, sizeof(frame));
    struct pollfd err = { .fd = driver_queue(f->d, RX)->err_fd, .events = POLLIN };
    assert_int_equal(poll(&err, 1, DRIVER_TIMEOUT_MS), 1);
    assert_true(driver_status(f->d) & VIRTIO_CONFIG_S_NEEDS_RESET);
    driver_stop(f->d);
    driver_up(f->d, ALL_FEATURES, 2, QUEUE_SIZE);
    uint64_t gpa = add_rx(f, 1526);
    check_received(f, &gpa, 1526, frame, sizeof(frame));
}

static void a_full_cable_loses_nothing(void **state)
{
    struct fixture *f = *state;
    const struct virtio_net_hdr_v1 none = { 0 };
    struct virtio_net_hdr_v1 header;
    uint8_t frame[1000], got[1001];
    unsigned sent = 0, taken = 0;
    const int room = 8192; /* for a few frames */
    plug_in(f, 1, 0, ALL_FEATURES);
    assert_int_equal(setsockopt(f->cable.queue[0].card, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)),
                     0);
    /* Until no chain comes back any more, since the socket takes no more; then as many again. */
    for (; sent < QUEUE_SIZE; sent++) {
        fill(frame, sizeof(frame), sent);
        add_tx(f, TX, &none, frame, sizeof(frame), 4096);
    }
    for (; taken < 5000; taken++) {
        fill(frame, sizeof(frame), taken);
        assert_int_equal(take_off_cable(f, 0, &header, got, sizeof(got)), sizeof(frame));
        assert_memory_equal(got, frame, sizeof(frame));
        if (sent == 5000)
            continue;
        wait_used(f, TX, NULL);
        fill(frame, sizeof(frame), sent++);
        add_tx(f, TX, &none, frame, sizeof(frame), 4096);
    }
}

static void the_link_goes_down_with_the_other_end(void **state)
{
    struct fixture *f = *state;
    uint16_t status;
    plug_in(f, 1, 0, ALL_FEATURES);
    add_rx(f, 1526);
    close(f->cable.queue[0].test);
    f->cable.queue[0].test = -1;
    assert_true(driver_wait_config_change(f->d, DRIVER_TIMEOUT_MS));
    driver_get_config(f->d, offsetof(struct virtio_net_config, status), &status, sizeof(status));
    assert_int_equal(status, 0);
}

static uint8_t control(struct fixture *f, uint8_t class, uint8_t cmd, uint16_t value, uint32_t len)
{
    uint8_t bytes[4] = { class, cmd, (uint8_t)value, (uint8_t)(value >> 8) }, ack = 0xff;
    assert_int_equal(driver_request(f->d, 4, bytes, len, &ack, 1), 1);
    return ack;
}

static void pairs_are_used_as_the_driver_says(void **state)
{
    struct fixture *f = *state;
    const uint8_t mq = VIRTIO_NET_CTRL_MQ, set = VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET;
    const struct virtio_net_hdr_v1 none = { 0 };
    struct virtio_net_hdr_v1 header;
    uint8_t frame[100] = { 1 }, got[200];
    uint16_t pairs;
    plug_in(f, 2, 0, ALL_FEATURES);
    driver_get_config(f->d, offsetof(struct virtio_net_config, max_virtqueue_pairs), &pairs, 2);
    assert_int_equal(pairs, 2);
    assert_int_equal(control(f, mq, set, 0, 4), VIRTIO_NET_ERR);
    assert_int_equal(control(f, mq, set, 3, 4), VIRTIO_NET_ERR);
    assert_int_equal(control(f, mq, set, 2, 3), VIRTIO_NET_ERR);
    assert_int_equal(control(f, mq, 9, 2, 4), VIRTIO_NET_ERR);
    assert_int_equal(control(f, 9, set, 2, 4), VIRTIO_NET_ERR);
    assert_int_equal(f->cable.pairs, 1);
    assert_int_equal(control(f, mq, set, 2, 4), VIRTIO_NET_OK);
    assert_int_equal(f->cable.pairs, 2);
    add_tx(f, 3, &none, frame, sizeof(frame), 4096);
    assert_int_equal(take_off_cable(f, 1, &header, got, sizeof(got)), sizeof(frame));
    wait_used(f, 3, NULL);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_card_says_what_it_is),
        T(a_port_that_has_an_mtu_tells_it),
        T(offloads_are_those_of_both_sides),
        T(a_frame_is_sent_however_it_is_cut),
        T(a_header_goes_with_its_frame),
        T(what_is_no_frame_is_not_sent),
        T(offloads_that_were_not_negotiated_are_refused),
        T(offloads_that_do_not_fit_the_frame_are_refused),
        T(a_frame_is_received),
        T(a_long_frame_is_merged_out_of_short_buffers),
        T(a_frame_waits_for_buffers),
        T(without_merging_what_does_not_fit_is_lost),
        T(a_buffer_with_no_room_for_a_header_needs_a_reset),
        T(a_full_cable_loses_nothing),
        T(the_link_goes_down_with_the_other_end),
        T(pairs_are_used_as_the_driver_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
