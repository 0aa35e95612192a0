// SPDX-License-Identifier: MIT
/* The back-end of vhost-user with a front-end that keeps the rules. */
#include <errno.h>
#include <linux/virtio_config.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/device/driver.h"
#include "tests/device/echo.h"
#include "tests/test.h"
#include "vmm/base/fd.h"
#include "vmm/base/listen.h"

#define BIT(n) (1ull << (n))
#define WITHOUT_STATUS (DRIVER_PROTOCOL_ALL & ~(1u << VHOST_USER_PROTOCOL_F_STATUS))

struct fixture {
    struct echo echo;
    struct driver *d;
};

static int set_up(void **state)
{
    static struct fixture f;
    struct host_model model = { echo_create, echo_destroy, &f.echo };
    f.d = driver_host(&model);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    driver_destroy(f->d);
    return 0;
}

static void check_echo(struct driver *d, unsigned queue)
{
    char in[8] = "";
    assert_int_equal(driver_request(d, queue, "abcdefg", 7, in, sizeof(in)), 7);
    assert_string_equal(in, "gfedcba");
}

static void offers_the_models_features_and_the_rings(void **state)
{
    struct fixture *f = *state;
    driver_negotiate(f->d, ~0ull, DRIVER_PROTOCOL_ALL);
    assert_int_equal(driver_offered(f->d), BIT(ECHO_F_ODD) | BIT(VIRTIO_F_VERSION_1) |
                                               VIRTIO_RING_FEATURES |
                                               BIT(VHOST_USER_F_PROTOCOL_FEATURES));
    assert_int_equal(driver_ask_u64(f->d, VHOST_USER_GET_QUEUE_NUM), ECHO_QUEUES);
    assert_int_equal(driver_status(f->d), 0);
}

static void echoes_on_every_queue(void **state)
{
    struct fixture *f = *state;
    driver_up(f->d, BIT(ECHO_F_ODD), ECHO_QUEUES, 16);
    for (unsigned i = 0; i < 100; i++)
        check_echo(f->d, i % ECHO_QUEUES);
    assert_true(driver_status(f->d) & VIRTIO_CONFIG_S_DRIVER_OK);
}

static void echoes_without_event_index(void **state)
{
    struct fixture *f = *state;
    driver_negotiate(f->d, 0, DRIVER_PROTOCOL_ALL);
    driver_start(f->d, ECHO_QUEUES, 4);
    for (unsigned i = 0; i < 100; i++)
        check_echo(f->d, i % ECHO_QUEUES);
}

static void takes_indirect_chains_of_many_buffers(void **state)
{
    struct fixture *f = *state;
    driver_up(f->d, 0, 1, 8);
    uint64_t gpa = driver_alloc_high(f->d, 64, 64);
    struct driver_buffer buffers[64];
    for (unsigned i = 0; i < 32; i++) {
        ((char *)driver_ptr(f->d, gpa))[i] = (char)('A' + i % 26);
        buffers[i] = (struct driver_buffer){ gpa + i, 1, false };
        buffers[32 + i] = (struct driver_buffer){ gpa + 32 + i, 1, true };
    }
    uint32_t len;
    assert_true(driver_add(f->d, 0, buffers, 64, true) >= 0);
    driver_kick(f->d, 0);
    assert_true(driver_used(f->d, 0, DRIVER_TIMEOUT_MS, NULL, &len));
    assert_int_equal(len, 32);
    const char *bytes = driver_ptr(f->d, gpa);
    for (unsigned i = 0; i < 32; i++)
        assert_int_equal(bytes[32 + i], bytes[31 - i]);
}

static void starts_with_driver_ok_only(void **state)
{
    struct fixture *f = *state;
    driver_negotiate(f->d, VIRTIO_RING_FEATURES, DRIVER_PROTOCOL_ALL);
    driver_start(f->d, 1, 16);
    assert_int_equal(f->echo.starts, 1);
    uint64_t status = VIRTIO_CONFIG_S_ACKNOWLEDGE;
    struct vhost_user_vring_state off = { 0, 0 }, on = { 0, 1 };
    driver_tell(f->d, VHOST_USER_SET_STATUS, &status, sizeof(status), NULL, 0);
    driver_tell(f->d, VHOST_USER_SET_VRING_ENABLE, &off, sizeof(off), NULL, 0);
    driver_tell(f->d, VHOST_USER_SET_VRING_ENABLE, &on, sizeof(on), NULL, 0);
    assert_int_equal(f->echo.starts, 1);
    assert_int_equal(f->echo.stops, 1);
    status = VIRTIO_CONFIG_S_DRIVER_OK;
    driver_tell(f->d, VHOST_USER_SET_STATUS, &status, sizeof(status), NULL, 0);
    assert_int_equal(f->echo.starts, 2);
    check_echo(f->d, 0);
}

static void starts_as_qemu_says_it(void **state)
{
    struct fixture *f = *state;
    driver_negotiate(f->d, VIRTIO_RING_FEATURES, DRIVER_PROTOCOL_ALL);
    driver_start(f->d, 1, 16);
    uint64_t features =
        driver_features(f->d) | BIT(VHOST_USER_F_PROTOCOL_FEATURES) | BIT(VIRTIO_F_RING_RESET);
    uint64_t status = 0;
    struct vhost_user_vring_state off = { 0, 0 }, on = { 0, 1 };
    driver_tell(f->d, VHOST_USER_SET_VRING_ENABLE, &off, sizeof(off), NULL, 0);
    assert_int_equal(
        driver_tell(f->d, VHOST_USER_SET_FEATURES, &features, sizeof(features), NULL, 0), 0);
    status = VIRTIO_CONFIG_S_FEATURES_OK;
    driver_tell(f->d, VHOST_USER_SET_STATUS, &status, sizeof(status), NULL, 0);
    assert_int_equal(f->echo.starts, 1);
    driver_tell(f->d, VHOST_USER_SET_VRING_ENABLE, &on, sizeof(on), NULL, 0);
    assert_int_equal(f->echo.starts, 2);
    check_echo(f->d, 0);

    /* Nor does it reset a device but by stopping its queues. */
    struct driver_buffer bad = { 0x7fffffff0000, 16, true };
    assert_true(driver_add(f->d, 0, &bad, 1, false) >= 0);
    driver_kick(f->d, 0);
    while (!(driver_status(f->d) & VIRTIO_CONFIG_S_NEEDS_RESET))
        ;
    struct vhost_user_vring_state vring = { 0, 0 };
    struct vhost_user_msg msg;
    driver_send(f->d, VHOST_USER_GET_VRING_BASE, 0, &vring, sizeof(vring), NULL, 0);
    assert_true(driver_recv(f->d, &msg));
    assert_int_equal(driver_status(f->d), VIRTIO_CONFIG_S_FEATURES_OK);
}

static void without_status_starts_with_the_first_ready_queue(void **state)
{
    struct fixture *f = *state;
    driver_negotiate(f->d, VIRTIO_RING_FEATURES, WITHOUT_STATUS);
    driver_start(f->d, ECHO_QUEUES, 16);
    assert_int_equal(f->echo.starts, 1);
    check_echo(f->d, 0);
    check_echo(f->d, 1);
}

static void serves_chains_that_came_before_the_start(void **state)
{
    struct fixture *f = *state;
    driver_up(f->d, 0, 1, 16);
    struct vhost_user_vring_state off = { 0, 0 }, on = { 0, 1 };
    driver_tell(f->d, VHOST_USER_SET_VRING_ENABLE, &off, sizeof(off), NULL, 0);
    struct driver_buffer buffer = { driver_alloc(f->d, 16, 16), 16, true };
    assert_true(driver_add(f->d, 0, &buffer, 1, false) >= 0);
    assert_false(driver_used(f->d, 0, 0, NULL, NULL));
    driver_tell(f->d, VHOST_USER_SET_VRING_ENABLE, &on, sizeof(on), NULL, 0);
    assert_true(driver_used(f->d, 0, DRIVER_TIMEOUT_MS, NULL, NULL));
}

static void goes_on_where_it_stopped(void **state)
{
    struct fixture *f = *state;
    driver_up(f->d, 0, 1, 16);
    for (unsigned i = 0; i < 5; i++)
        check_echo(f->d, 0);
    struct vhost_user_vring_state vring = { .index = 0 };
    struct vhost_user_msg msg;
    driver_send(f->d, VHOST_USER_GET_VRING_BASE, 0, &vring, sizeof(vring), NULL, 0);
    assert_true(driver_recv(f->d, &msg));
    assert_int_equal(msg.payload.state.num, 5);
    assert_int_equal(f->echo.stops, 1);
    uint64_t word = 0;
    driver_tell(f->d, VHOST_USER_SET_VRING_KICK, &word, sizeof(word),
                &driver_queue(f->d, 0)->kick_fd, 1);
    assert_int_equal(f->echo.starts, 2);
    check_echo(f->d, 0);
}

static void starts_anew_after_each_reset(void **state)
{
    struct fixture *f = *state;
    driver_up(f->d, 0, ECHO_QUEUES, 16);
    for (unsigned i = 1; i <= 5; i++) {
        check_echo(f->d, 1);
        driver_stop(f->d);
        assert_int_equal(f->echo.stops, i);
        driver_start(f->d, ECHO_QUEUES, 16);
    }
    driver_tell(f->d, VHOST_USER_RESET_DEVICE, NULL, 0, NULL, 0);
    assert_int_equal(f->echo.stops, 6);
    assert_int_equal(driver_status(f->d), 0);
}

static void reads_and_writes_config_space(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[32], seven[2] = { 77, 78 };
    driver_negotiate(f->d, 0, DRIVER_PROTOCOL_ALL);
    driver_get_config(f->d, 0, bytes, sizeof(bytes));
    for (unsigned i = 0; i < sizeof(bytes); i++)
        assert_int_equal(bytes[i], i < ECHO_CONFIG ? i : 0);
    driver_set_config(f->d, 7, seven, 2);
    driver_get_config(f->d, 6, bytes, 3);
    assert_memory_equal(bytes, "\x06\x07\x4e", 3);

    struct vhost_user_config beyond = { .offset = 255, .size = 2 };
    struct vhost_user_msg msg;
    driver_send(f->d, VHOST_USER_GET_CONFIG, 0, &beyond, VHOST_USER_CONFIG_HEADER + 2, NULL, 0);
    assert_true(driver_recv(f->d, &msg));
    assert_int_equal(msg.header.size, 0);
}

static void says_that_the_config_changed(void **state)
{
    struct fixture *f = *state;
    uint8_t byte;
    driver_negotiate(f->d, 0, DRIVER_PROTOCOL_ALL);
    driver_call(f->d, echo_change_config, &f->echo);
    assert_true(driver_wait_config_change(f->d, DRIVER_TIMEOUT_MS));
    driver_get_config(f->d, 3, &byte, 1);
    assert_int_equal(byte, 4);
    /* A front-end that reads none of them costs nothing but its own news. */
    for (unsigned i = 0; i < 2000; i++)
        driver_call(f->d, echo_change_config, &f->echo);
    assert_true(driver_wait_config_change(f->d, DRIVER_TIMEOUT_MS));
}

static void a_malformed_chain_needs_a_reset_and_no_more(void **state)
{
    struct fixture *f = *state;
    driver_up(f->d, 0, ECHO_QUEUES, 16);
    struct driver_buffer bad = { 0x7fffffff0000, 16, true };
    assert_true(driver_add(f->d, 0, &bad, 1, false) >= 0);
    driver_kick(f->d, 0);
    while (!fd_event_take(driver_queue(f->d, 0)->err_fd))
        ;
    assert_true(driver_status(f->d) & VIRTIO_CONFIG_S_NEEDS_RESET);
    driver_stop(f->d);
    assert_int_equal(driver_status(f->d), 0);
    driver_start(f->d, ECHO_QUEUES, 16);
    check_echo(f->d, 0);
}

static void a_ring_outside_ram_needs_a_reset(void **state)
{
    struct fixture *f = *state;
    static const uint64_t wrong[] = { 0,
                                      8,
                                      DRIVER_USER_ADDR - 16,
                                      DRIVER_USER_ADDR + 8,
                                      DRIVER_USER_ADDR + DRIVER_RAM_SIZE / 2 - 16,
                                      DRIVER_USER_ADDR + DRIVER_RAM_SIZE,
                                      UINT64_MAX - 15 };
    driver_up(f->d, 0, ECHO_QUEUES, 16);
    for (unsigned i = 0; i < 3 * ARRAY_LEN(wrong); i++) {
        struct vhost_user_vring_state off = { 1, 0 };
        driver_tell(f->d, VHOST_USER_SET_VRING_ENABLE, &off, sizeof(off), NULL, 0);
        uint64_t good = DRIVER_USER_ADDR + 65536, bad = wrong[i / 3];
        struct vhost_user_vring_addr addr = {
            .index = 1, .desc = good, .avail = good, .used = good
        };
        *(i % 3 == 0 ? &addr.desc : i % 3 == 1 ? &addr.avail : &addr.used) = bad;
        bool fits = i % 3 > 0 && bad == DRIVER_USER_ADDR + 8;
        assert_int_equal(driver_tell(f->d, VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0),
                         0);
        struct vhost_user_vring_state on = { 1, 1 };
        driver_tell(f->d, VHOST_USER_SET_VRING_ENABLE, &on, sizeof(on), NULL, 0);
        assert_int_equal(!(driver_status(f->d) & VIRTIO_CONFIG_S_NEEDS_RESET), fits);
        driver_stop(f->d);
        driver_start(f->d, ECHO_QUEUES, 16);
    }
    check_echo(f->d, 1);
}

static void memory_may_change_while_it_runs(void **state)
{
    struct fixture *f = *state;
    driver_up(f->d, 0, ECHO_QUEUES, 16);
    check_echo(f->d, 0);
    unsigned starts = f->echo.starts;
    driver_share_memory(f->d, 2);
    assert_int_equal(f->echo.starts, starts); /* the same as before: nothing happens */
    driver_share_memory(f->d, 3);
    assert_int_equal(f->echo.starts, starts + 1);
    check_echo(f->d, 0);
    check_echo(f->d, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static int connect_to(const struct sockaddr_un *addr)
{
    int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(sock, (const struct sockaddr *)addr, sizeof(*addr)) == 0)
        return sock;
    int err = -errno;
    close(sock);
    return err;
}

static void a_listening_socket_serves_the_first_that_comes(void **state)
{
    struct echo echo;
    struct host_model model = { echo_create, echo_destroy, &echo };
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    char dir[] = "/tmp/vitrine-backend-XXXXXX";
    assert_non_null(mkdtemp(dir));
    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/socket", dir);
    struct host *host = host_start(&model, unix_listen(addr.sun_path, 1));
    struct driver *d = driver_connect(connect_to(&addr));
    driver_up(d, BIT(ECHO_F_ODD), 1, 16);
    check_echo(d, 0);
    assert_int_equal(connect_to(&addr), -ECONNREFUSED);
    driver_destroy(d);
    host_stop(host);
    /* It may also end before anybody came. */
    unlink(addr.sun_path);
    host_stop(host_start(&model, unix_listen(addr.sun_path, 1)));
    unlink(addr.sun_path);
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(offers_the_models_features_and_the_rings),
        TEST(echoes_on_every_queue),
        TEST(echoes_without_event_index),
        TEST(takes_indirect_chains_of_many_buffers),
        TEST(starts_with_driver_ok_only),
        TEST(starts_as_qemu_says_it),
        TEST(without_status_starts_with_the_first_ready_queue),
        TEST(serves_chains_that_came_before_the_start),
        TEST(goes_on_where_it_stopped),
        TEST(starts_anew_after_each_reset),
        TEST(reads_and_writes_config_space),
        TEST(says_that_the_config_changed),
        TEST(a_malformed_chain_needs_a_reset_and_no_more),
        TEST(a_ring_outside_ram_needs_a_reset),
        TEST(memory_may_change_while_it_runs),
        cmocka_unit_test(a_listening_socket_serves_the_first_that_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
