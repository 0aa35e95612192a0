// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/test.h"
#include "vmm/base/fd.h"
#include "vmm/base/util.h"

static void passes_data_and_fds(void **state)
{
    int pair[2], event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(fd_send(pair[0], "hello", 5, &event, 1), 5);

    char buf[16];
    int fds[FD_PASS_MAX];
    unsigned n = FD_PASS_MAX;
    assert_int_equal(fd_recv(pair[1], buf, sizeof(buf), fds, &n), 5);
    assert_int_equal(n, 1);
    assert_int_equal(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
    fd_event_signal(fds[0]);
    assert_true(fd_event_take(event));
    assert_false(fd_event_take(event));
    fd_close_all(fds, n);
    fd_close_all(pair, 2);
    close(event);
}

static void refuses_more_fds_than_asked_for_and_leaks_none(void **state)
{
    int pair[2], send[3];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    for (int i = 0; i < 3; i++)
        send[i] = eventfd(0, EFD_CLOEXEC);
    int lowest = dup(0);
    close(lowest);
    assert_int_equal(fd_send(pair[0], "x", 1, send, 3), 1);

    char buf[4];
    int fds[FD_PASS_MAX];
    unsigned n = 2;
    assert_int_equal(fd_recv(pair[1], buf, sizeof(buf), fds, &n), -EPROTO);
    assert_int_equal(n, 0);
    int again = dup(0);
    assert_int_equal(again, lowest);
    close(again);
    fd_close_all(send, 3);
    fd_close_all(pair, 2);
}

static void refuses_a_datagram_that_was_cut(void **state)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(fd_send(pair[0], "too long", 8, NULL, 0), 8);
    char buf[4];
    int fds[1];
    unsigned n = 1;
    assert_int_equal(fd_recv(pair[1], buf, sizeof(buf), fds, &n), -EPROTO);
    fd_close_all(pair, 2);
}

static void sealed_memfd_can_not_be_resized(void **state)
{
    int fd = fd_memfd_sealed("test", 8192);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 4096), -1);
    assert_int_equal(ftruncate(fd, 16384), -1);
    char byte = 1;
    assert_int_equal(fd_pwrite_full(fd, &byte, 1, 8191), 0);
    assert_int_equal(fd_pread_full(fd, &byte, 1, 8192), -EIO);
    close(fd);
}

/* With these seals beside those against a change of its size. */
static int memfd_with(int seals)
{
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(ftruncate(fd, 4096), 0);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | seals), 0);
    return fd;
}

static void memory_is_firm_if_nobody_can_change_it_to_fault(void **state)
{
    int ours = fd_memfd_sealed("test", 4096);
    int soft[] = { memfd_with(F_SEAL_SEAL | F_SEAL_WRITE),
                   memfd_with(F_SEAL_SEAL | F_SEAL_FUTURE_WRITE),
                   memfd_with(0), /* there is time to add one against writing */
                   memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING),
                   open("/dev/null", O_RDWR | O_CLOEXEC),
                   /* whose pages may be missing when they are touched; where there are any */
                   fd_memfd_sealed_huge("test", 2 * MIB) };
    assert_true(fd_is_firm_memory(ours));
    for (unsigned i = 0; i < ARRAY_LEN(soft); i++)
        assert_false(fd_is_firm_memory(soft[i]));
    assert_false(fd_is_dmabuf(ours));
    assert_false(fd_is_dmabuf(-1));
    fd_close_all(soft, ARRAY_LEN(soft));
    close(ours);
}

static void the_limit_is_raised_as_far_as_it_goes(void **state)
{
    struct rlimit was, limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    assert_true(was.rlim_max > 300);
    limit = (struct rlimit){ .rlim_cur = 200, .rlim_max = was.rlim_max };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    fd_raise_limit();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(limit.rlim_cur, MIN(was.rlim_max, (rlim_t)16384));
    assert_int_equal(limit.rlim_max, was.rlim_max);

    limit = (struct rlimit){ .rlim_cur = 200, .rlim_max = 300 };
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    fd_raise_limit();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(limit.rlim_cur, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_data_and_fds),
        cmocka_unit_test(refuses_more_fds_than_asked_for_and_leaks_none),
        cmocka_unit_test(refuses_a_datagram_that_was_cut),
        cmocka_unit_test(sealed_memfd_can_not_be_resized),
        cmocka_unit_test(memory_is_firm_if_nobody_can_change_it_to_fault),
        cmocka_unit_test(the_limit_is_raised_as_far_as_it_goes), /* for good: the last one */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
