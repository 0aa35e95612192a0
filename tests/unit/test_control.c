// SPDX-License-Identifier: MIT
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/test.h"
#include "vmm/app/control.h"
#include "vmm/base/fd.h"
#include "vmm/base/loop.h"

static unsigned pings;

static const char *run_ping(void *data, struct json_object *request, struct json_object *result)
{
    pings++;
    json_object_object_add(result, "pong", json_object_new_int(7));
    return NULL;
}

static const char *run_echo(void *data, struct json_object *request, struct json_object *result)
{
    const char *text = control_string(request, "text");
    if (!text)
        return "which text?";
    control_add_string(result, "text", text);
    return NULL;
}

static const char *run_refuse(void *data, struct json_object *request, struct json_object *result)
{
    return "no";
}

static const struct control_verb verbs[] = {
    { "ping", run_ping }, { "refuse", run_refuse }, { "echo", run_echo }, { NULL, NULL }
};

struct fixture {
    char dir[64], path[96];
    struct loop *loop;
    struct control *control;
    int fd; /* a client */
};

static int client_connect(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    strcpy(addr.sun_path, path);
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    return fd;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    strcpy(f->dir, "/tmp/vitrine-test-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof(f->path), "%s/socket", f->dir);
    f->loop = loop_create();
    f->control = control_create(f->loop, f->path, verbs, NULL);
    assert_non_null(f->control);
    f->fd = client_connect(f->path);
    pings = 0;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    control_destroy(f->control);
    loop_destroy(f->loop);
    fd_close_all(&f->fd, 1);
    assert_int_equal(access(f->path, F_OK), -1);
    assert_int_equal(rmdir(f->dir), 0);
    free(f);
    return 0;
}

/* Everything is in this thread: the request is in the socket's buffer before the loop looks. */
static void ask(struct fixture *f, const char *request, char *answer, size_t size)
{
    assert_int_equal(fd_write_full(f->fd, request, strlen(request)), 0);
    ssize_t n;
    do
        loop_run_once(f->loop, 100);
    while ((n = recv(f->fd, answer, size - 1, MSG_DONTWAIT)) < 0);
    answer[n] = '\0';
}

static void answers_carry_the_id(void **state)
{
    char answer[256];
    ask(*state, "{\"id\":\"a\",\"verb\":\"ping\"}\n", answer, sizeof(answer));
    assert_string_equal(answer, "{\"id\":\"a\",\"ok\":true,\"result\":{\"pong\":7}}\n");
}

static void a_verb_takes_what_stands_beside_it(void **state)
{
    char answer[256];
    ask(*state, "{\"verb\":\"echo\",\"text\":\"hello\"}\n", answer, sizeof(answer));
    assert_string_equal(answer, "{\"ok\":true,\"result\":{\"text\":\"hello\"}}\n");
    ask(*state, "{\"verb\":\"echo\"}\n", answer, sizeof(answer));
    assert_non_null(strstr(answer, "which text?"));
    ask(*state, "{\"verb\":\"echo\",\"text\":[1]}\n", answer, sizeof(answer));
    assert_non_null(strstr(answer, "which text?"));
}

static void a_verb_that_fails_says_why(void **state)
{
    char answer[256];
    ask(*state, "{\"verb\":\"refuse\"}\n", answer, sizeof(answer));
    assert_string_equal(answer, "{\"ok\":false,\"error\":\"no\"}\n");
}

static void nonsense_is_an_error_and_the_next_line_works(void **state)
{
    static const char *const lines[] = {
        "nonsense\n",           "{\n", "[1,2]\n", "{\"verb\":7}\n",
        "{\"verb\":\"fly\"}\n", "\n",  "17\n",    "[[[[[[[[[[[[[[[[[[[[\n",
    };
    char answer[256];
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        ask(*state, lines[i], answer, sizeof(answer));
        assert_non_null(strstr(answer, "\"ok\":false"));
    }
    ask(*state, "{\"verb\":\"ping\"}\n", answer, sizeof(answer));
    assert_non_null(strstr(answer, "\"ok\":true"));
}

static void requests_may_come_in_pieces_and_pipelined(void **state)
{
    struct fixture *f = *state;
    const char *whole = "{\"verb\":\"ping\"}\n{\"verb\":\"ping\"}\n{\"verb\":\"ping\"}\n";
    for (const char *p = whole; *p; p++) {
        assert_int_equal(fd_write_full(f->fd, p, 1), 0);
        loop_run_once(f->loop, 100);
    }
    for (int i = 0; i < 4 && pings < 3; i++)
        loop_run_once(f->loop, 100);
    assert_int_equal(pings, 3);
}

static void a_line_without_end_is_hung_up_on(void **state)
{
    struct fixture *f = *state;
    char flood[8192];
    memset(flood, 'x', sizeof(flood));
    assert_int_equal(fd_write_full(f->fd, flood, sizeof(flood)), 0);
    ssize_t n;
    char byte;
    do
        loop_run_once(f->loop, 100);
    while ((n = recv(f->fd, &byte, 1, MSG_DONTWAIT)) < 0 && errno == EAGAIN);
    assert_true(n <= 0);
}

static void the_socket_is_its_owners_alone(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_live_socket_is_not_taken_and_a_dead_one_is(void **state)
{
    struct fixture *f = *state;
    assert_null(control_create(f->loop, f->path, verbs, NULL));
    /* A socket whose listener is gone. */
    char dead[96];
    snprintf(dead, sizeof(dead), "%s/dead", f->dir);
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    strcpy(addr.sun_path, dead);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    close(fd);
    struct control *control = control_create(f->loop, dead, verbs, NULL);
    assert_non_null(control);
    control_destroy(control);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_carry_the_id, setup, teardown),
        cmocka_unit_test_setup_teardown(a_verb_takes_what_stands_beside_it, setup, teardown),
        cmocka_unit_test_setup_teardown(a_verb_that_fails_says_why, setup, teardown),
        cmocka_unit_test_setup_teardown(nonsense_is_an_error_and_the_next_line_works, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(requests_may_come_in_pieces_and_pipelined, setup, teardown),
        cmocka_unit_test_setup_teardown(a_line_without_end_is_hung_up_on, setup, teardown),
        cmocka_unit_test_setup_teardown(the_socket_is_its_owners_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_live_socket_is_not_taken_and_a_dead_one_is, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
