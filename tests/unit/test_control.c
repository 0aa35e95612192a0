// SPDX-License-Identifier: MIT
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
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

static struct control *listening;
static struct control_call *waiting;

static const char *run_wait(void *data, struct json_object *request, struct json_object *result)
{
    waiting = control_defer(listening);
    return control_later;
}

static const char *run_at_once(void *data, struct json_object *request, struct json_object *result)
{
    control_finish(control_defer(listening), NULL, "at once");
    return control_later;
}

static const char *run_shout(void *data, struct json_object *request, struct json_object *result)
{
    control_event(listening, "shout", NULL);
    return NULL;
}

static const struct control_verb verbs[] = {
    { "ping", run_ping },   { "refuse", run_refuse },   { "echo", run_echo }, { "wait", run_wait },
    { "shout", run_shout }, { "at once", run_at_once }, { NULL, NULL },
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
    listening = f->control;
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
    ask(*state, "{\"verb\":\"echo\",\"text\":1024}\n", answer, sizeof(answer));
    assert_string_equal(answer, "{\"ok\":true,\"result\":{\"text\":\"1024\"}}\n");
    ask(*state, "{\"verb\":\"echo\",\"text\":1.5}\n", answer, sizeof(answer));
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
        "nonsense\n",
        "{\n",
        "[1,2]\n",
        "{\"verb\":7}\n",
        "{\"verb\":\"fly\"}\n",
        "\n",
        "17\n",
        "[[[[[[[[[[[[[[[[[[[[\n",
        "{\"verb\":\"ping\"} and more\n",
        "{\"verb\":\"ping\",}\n",
        "{\"verb\":\"ping\\u0000\"}\n",
        "{\"verb\":\"ping\",\"id\":\"\xff\"}\n",
        "{\"verb\":\"ping\"\n",
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

/* What comes until the socket is hung up on. */
static size_t read_to_the_end(struct fixture *f, int fd, char *answer, size_t size)
{
    size_t len = 0;
    for (;;) {
        ssize_t n = recv(fd, answer + len, size - 1 - len, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN) {
            loop_run_once(f->loop, 100);
            continue;
        }
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    answer[len] = '\0';
    return len;
}

static void a_line_of_a_mebibyte_is_told_so_and_hung_up_on(void **state)
{
    struct fixture *f = *state;
    static char flood[1 << 20];
    char answer[256];
    memset(flood, 'x', sizeof(flood));
    flood[sizeof(flood) - 1] = '\n';
    /* As much as the socket takes, until nobody is there to take more. */
    for (size_t sent = 0; sent < sizeof(flood);) {
        ssize_t n = send(f->fd, flood + sent, sizeof(flood) - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            break;
        sent += n > 0 ? (size_t)n : 0;
        loop_run_once(f->loop, 0);
    }
    read_to_the_end(f, f->fd, answer, sizeof(answer));
    assert_string_equal(answer, "{\"ok\":false,\"error\":\"a request has at most 4095 bytes\"}\n");
    int fd = client_connect(f->path);
    fd_close_all(&f->fd, 1);
    f->fd = fd;
    ask(f, "{\"verb\":\"ping\"}\n", answer, sizeof(answer));
    assert_non_null(strstr(answer, "\"ok\":true"));
}

static void the_longest_line_is_answered(void **state)
{
    char line[4097], answer[8192];
    snprintf(line, sizeof(line), "{\"verb\":\"ping\",\"id\":\"%04050d\"}", 0);
    memset(line + strlen(line), ' ', sizeof(line) - 2 - strlen(line));
    strcpy(line + 4095, "\n");
    ask(*state, line, answer, sizeof(answer));
    assert_non_null(strstr(answer, "\"ok\":true"));
}

static void what_is_half_written_is_not_done(void **state)
{
    struct fixture *f = *state;
    char answer[256];
    const char *half = "{\"verb\":\"ping\"}\n{\"verb\":\"ping\"}";
    assert_int_equal(fd_write_full(f->fd, half, strlen(half)), 0);
    shutdown(f->fd, SHUT_WR);
    read_to_the_end(f, f->fd, answer, sizeof(answer));
    assert_int_equal(pings, 1);
    assert_string_equal(answer, "{\"ok\":true,\"result\":{\"pong\":7}}\n");
}

#define PIPELINED 10000

static void ten_thousand_pipelined_are_answered_in_order(void **state)
{
    struct fixture *f = *state;
    static char requests[PIPELINED * 40], answers[PIPELINED * 64];
    size_t len = 0, sent = 0, got = 0;
    for (unsigned i = 0; i < PIPELINED; i++)
        len += (size_t)sprintf(requests + len, "{\"id\":%u,\"verb\":\"ping\"}\n", i);
    /* The client does not read before all is written, or nothing more goes in. */
    for (unsigned idle = 0; sent < len && idle < 10;) {
        ssize_t n = send(f->fd, requests + sent, len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        idle = n < 0 ? idle + 1 : 0;
        sent += n > 0 ? (size_t)n : 0;
        loop_run_once(f->loop, 0);
    }
    unsigned lines = 0;
    while (lines < PIPELINED) {
        ssize_t n = send(f->fd, requests + sent, len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        loop_run_once(f->loop, 0);
        n = recv(f->fd, answers + got, sizeof(answers) - 1 - got, MSG_DONTWAIT);
        assert_true(n > 0 || (n < 0 && errno == EAGAIN));
        for (ssize_t i = 0; i < n; i++)
            lines += answers[got + (size_t)i] == '\n';
        got += n > 0 ? (size_t)n : 0;
    }
    assert_int_equal(pings, PIPELINED);
    const char *line = answers;
    for (unsigned i = 0; i < PIPELINED; i++) {
        char want[64];
        snprintf(want, sizeof(want), "{\"id\":%u,\"ok\":true", i);
        assert_memory_equal(line, want, strlen(want));
        line = strchr(line, '\n') + 1;
    }
}

static void who_does_not_read_keeps_nobody_waiting(void **state)
{
    struct fixture *f = *state;
    char answer[256];
    int other = client_connect(f->path);
    for (unsigned idle = 0; idle < 10;) {
        const char *request = "{\"verb\":\"ping\"}\n";
        idle =
            send(f->fd, request, strlen(request), MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? idle + 1 : 0;
        loop_run_once(f->loop, 0);
    }
    fd_close_all(&f->fd, 1);
    f->fd = other;
    ask(f, "{\"verb\":\"ping\"}\n", answer, sizeof(answer));
    assert_non_null(strstr(answer, "\"ok\":true"));
}

static void the_seventeenth_program_is_told_why_it_may_not(void **state)
{
    struct fixture *f = *state;
    char answer[256];
    int fd[16];
    loop_run_once(f->loop, 100);
    for (unsigned i = 0; i < ARRAY_LEN(fd); i++) {
        fd[i] = client_connect(f->path);
        loop_run_once(f->loop, 100);
    }
    read_to_the_end(f, fd[15], answer, sizeof(answer));
    assert_non_null(strstr(answer, "\"ok\":false"));
    assert_non_null(strstr(answer, "16 programs"));
    fd_close_all(fd, ARRAY_LEN(fd));
}

static void another_user_is_told_so_and_hung_up_on(void **state)
{
    struct fixture *f = *state;
    if (geteuid() != 0)
        skip();
    /* As if the file's mode had not kept them out. */
    assert_int_equal(chmod(f->dir, 0755), 0);
    assert_int_equal(chmod(f->path, 0666), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char line[256] = "";
        struct sockaddr_un addr = { .sun_family = AF_UNIX };
        strcpy(addr.sun_path, f->path);
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (setuid(65534) < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
            _exit(2);
        const char *request = "{\"verb\":\"ping\"}\n";
        if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0 && errno != EPIPE)
            _exit(3);
        _exit(recv(fd, line, sizeof(line) - 1, MSG_WAITALL) <= 0 ||
              !strstr(line, "another user's"));
    }
    int status;
    while (waitpid(child, &status, WNOHANG) == 0)
        loop_run_once(f->loop, 10);
    assert_int_equal(status, 0);
    assert_int_equal(pings, 0);
}

/* The first request's answer, and then that of the ping behind it. */
static void expect_then_pong(struct fixture *f, const char *first)
{
    char answers[256], expected[256];
    while (pings == 0)
        loop_run_once(f->loop, 100);
    ssize_t n = recv(f->fd, answers, sizeof(answers) - 1, 0);
    assert_true(n >= 0);
    answers[n] = '\0';
    snprintf(expected, sizeof(expected), "%s\n{\"id\":2,\"ok\":true,\"result\":{\"pong\":7}}\n",
             first);
    assert_string_equal(answers, expected);
}

static void an_answer_may_come_later_and_in_order(void **state)
{
    struct fixture *f = *state;
    const char *both = "{\"id\":1,\"verb\":\"wait\"}\n{\"id\":2,\"verb\":\"ping\"}\n";
    waiting = NULL;
    assert_int_equal(fd_write_full(f->fd, both, strlen(both)), 0);
    while (!waiting)
        loop_run_once(f->loop, 100);
    assert_int_equal(pings, 0);
    control_finish(waiting, NULL, NULL);
    /* The next request is not run by whoever finishes one. */
    assert_int_equal(pings, 0);
    expect_then_pong(f, "{\"id\":1,\"ok\":true,\"result\":{}}");
}

static void an_answer_may_come_within_its_verb(void **state)
{
    struct fixture *f = *state;
    const char *both = "{\"id\":1,\"verb\":\"at once\"}\n{\"id\":2,\"verb\":\"ping\"}\n";
    assert_int_equal(fd_write_full(f->fd, both, strlen(both)), 0);
    expect_then_pong(f, "{\"id\":1,\"ok\":false,\"error\":\"at once\"}");
}

static void who_waits_for_an_answer_may_go(void **state)
{
    struct fixture *f = *state;
    const char *request = "{\"verb\":\"wait\"}\n";
    char answer[256];
    waiting = NULL;
    assert_int_equal(fd_write_full(f->fd, request, strlen(request)), 0);
    while (!waiting)
        loop_run_once(f->loop, 100);
    fd_close_all(&f->fd, 1);
    loop_run_once(f->loop, 100);
    control_finish(waiting, NULL, "too late");
    f->fd = client_connect(f->path);
    ask(f, "{\"verb\":\"ping\"}\n", answer, sizeof(answer));
    assert_non_null(strstr(answer, "\"ok\":true"));
}

static void events_come_to_who_subscribed(void **state)
{
    struct fixture *f = *state;
    char answer[256];
    ask(f, "{\"verb\":\"shout\"}\n", answer, sizeof(answer));
    assert_string_equal(answer, "{\"ok\":true,\"result\":{}}\n");
    ask(f, "{\"id\":3,\"verb\":\"subscribe\"}\n", answer, sizeof(answer));
    assert_string_equal(answer, "{\"id\":3,\"ok\":true,\"result\":{}}\n");
    struct json_object *details = json_object_new_object();
    control_add_number(details, "n", 5);
    control_event(f->control, "counted", details);
    ssize_t n = recv(f->fd, answer, sizeof(answer) - 1, MSG_DONTWAIT);
    assert_true(n > 0);
    answer[n] = '\0';
    assert_string_equal(answer, "{\"event\":\"counted\",\"n\":5}\n");
    ask(f, "{\"verb\":\"unsubscribe\"}\n", answer, sizeof(answer));
    control_event(f->control, "counted", NULL);
    assert_int_equal(recv(f->fd, answer, sizeof(answer), MSG_DONTWAIT), -1);
}

static void who_does_not_take_events_is_hung_up_on(void **state)
{
    struct fixture *f = *state;
    static char answer[1 << 20];
    ask(f, "{\"verb\":\"subscribe\"}\n", answer, sizeof(answer));
    for (unsigned i = 0; i < 40000; i++)
        control_event(f->control, "counted", NULL);
    size_t len = read_to_the_end(f, f->fd, answer, sizeof(answer));
    assert_true(len < sizeof(answer) - 1);
}

/* Nor does it keep its place until it reads. */
static void who_does_not_take_events_is_gone_at_once(void **state)
{
    struct fixture *f = *state;
    char answer[256];
    int slow, others[15];
    ask(f, "{\"verb\":\"subscribe\"}\n", answer, sizeof(answer));
    for (unsigned i = 0; i < ARRAY_LEN(others); i++)
        others[i] = client_connect(f->path);
    for (unsigned i = 0; i < 40000; i++)
        control_event(f->control, "counted", NULL);
    for (unsigned i = 0; i < 20; i++)
        loop_run_once(f->loop, 0);
    slow = f->fd;
    f->fd = client_connect(f->path);
    ask(f, "{\"verb\":\"ping\"}\n", answer, sizeof(answer));
    assert_non_null(strstr(answer, "\"ok\":true"));
    fd_close_all(&slow, 1);
    fd_close_all(others, ARRAY_LEN(others));
}

/* One's own verb may cause the event that one cannot take. */
static void a_verb_may_end_its_own_client(void **state)
{
    struct fixture *f = *state;
    static char answer[1 << 20];
    ask(f, "{\"verb\":\"subscribe\"}\n", answer, sizeof(answer));
    for (unsigned i = 0; i < 15000; i++)
        control_event(f->control, "counted", NULL);
    const char *request = "{\"verb\":\"shout\"}\n";
    for (unsigned i = 0; i < 20000; i++) {
        send(f->fd, request, strlen(request), MSG_DONTWAIT | MSG_NOSIGNAL);
        control_event(f->control, "counted", NULL);
        loop_run_once(f->loop, 0);
    }
    read_to_the_end(f, f->fd, answer, sizeof(answer));
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
        cmocka_unit_test_setup_teardown(a_line_of_a_mebibyte_is_told_so_and_hung_up_on, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_longest_line_is_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_half_written_is_not_done, setup, teardown),
        cmocka_unit_test_setup_teardown(ten_thousand_pipelined_are_answered_in_order, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(who_does_not_read_keeps_nobody_waiting, setup, teardown),
        cmocka_unit_test_setup_teardown(the_seventeenth_program_is_told_why_it_may_not, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(another_user_is_told_so_and_hung_up_on, setup, teardown),
        cmocka_unit_test_setup_teardown(an_answer_may_come_later_and_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(an_answer_may_come_within_its_verb, setup, teardown),
        cmocka_unit_test_setup_teardown(who_waits_for_an_answer_may_go, setup, teardown),
        cmocka_unit_test_setup_teardown(events_come_to_who_subscribed, setup, teardown),
        cmocka_unit_test_setup_teardown(who_does_not_take_events_is_hung_up_on, setup, teardown),
        cmocka_unit_test_setup_teardown(who_does_not_take_events_is_gone_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_verb_may_end_its_own_client, setup, teardown),
        cmocka_unit_test_setup_teardown(the_socket_is_its_owners_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(a_live_socket_is_not_taken_and_a_dead_one_is, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
