// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/test.h"
#include "vmm/base/listen.h"

struct fixture {
    char dir[32], path[64];
};

static int setup(void **state)
{
    static struct fixture f;
    strcpy(f.dir, "/tmp/vitrine-listen-XXXXXX");
    if (!mkdtemp(f.dir))
        return -1;
    snprintf(f.path, sizeof(f.path), "%s/socket", f.dir);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    unlink(f->path);
    return rmdir(f->dir);
}

static void a_client_finds_the_listener(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    struct stat st;
    int listener = unix_listen(f->path, 1);
    assert_true(listener >= 0);
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    strcpy(addr.sun_path, f->path);
    int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&addr, sizeof(addr)), 0);
    int served = accept(listener, NULL, NULL);
    assert_true(served >= 0);
    close(served);
    close(client);
    close(listener);
}

static void a_live_socket_is_refused_and_hears_nothing_of_it(void **state)
{
    struct fixture *f = *state;
    int listener = unix_listen(f->path, 1);
    assert_int_equal(unix_listen(f->path, 1), -EADDRINUSE);
    assert_int_equal(accept(listener, NULL, NULL), -1);
    assert_int_equal(errno, EAGAIN);
    close(listener);
}

static void a_dead_socket_is_replaced(void **state)
{
    struct fixture *f = *state;
    close(unix_listen(f->path, 1));
    int listener = unix_listen(f->path, 1);
    assert_true(listener >= 0);
    close(listener);
}

static void a_file_stays(void **state)
{
    struct fixture *f = *state;
    close(open(f->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    assert_int_equal(unix_listen(f->path, 1), -EEXIST);
    assert_int_equal(access(f->path, F_OK), 0);
}

static void a_path_must_be_one(void **state)
{
    struct fixture *f = *state;
    char below[96], longest[109];
    snprintf(below, sizeof(below), "%s/nowhere/socket", f->dir);
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(unix_listen(below, 1), -ENOENT);
    assert_int_equal(unix_listen(longest, 1), -ENAMETOOLONG);
    assert_int_equal(unix_listen("", 1), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_client_finds_the_listener, setup, teardown),
        cmocka_unit_test_setup_teardown(a_live_socket_is_refused_and_hears_nothing_of_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_dead_socket_is_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(a_path_must_be_one, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
