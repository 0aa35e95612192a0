// SPDX-License-Identifier: MIT
#include "vmm/app/control_client.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define LOG_MODULE "ctl"
#include "vmm/app/verbs.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"

/* As much as the other end may have to say. */
#define REPLY_MAX_BYTES (256 * 1024)

struct connection {
    int fd;
    size_t len, taken; /* bytes in line, and of them those of the line that was read last */
    char line[REPLY_MAX_BYTES];
};

/* Reads one line, to be parsed. NULL: it was hung up, or it is no JSON. */
static struct json_object *read_object(struct connection *c)
{
    char *newline;
    memmove(c->line, c->line + c->taken, c->len -= c->taken);
    c->taken = 0;
    while (!(newline = memchr(c->line, '\n', c->len))) {
        if (c->len == sizeof(c->line))
            return NULL;
        ssize_t n = read(c->fd, c->line + c->len, sizeof(c->line) - c->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return NULL;
        c->len += (size_t)n;
    }
    *newline = '\0';
    c->taken = (size_t)(newline - c->line) + 1;
    return json_tokener_parse(c->line);
}

static int open_connection(struct connection *c, const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof(addr.sun_path)) {
        log_error("%s: a socket's path has at most 107 bytes", path);
        return EXIT_USAGE;
    }
    strcpy(addr.sun_path, path);
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd >= 0 && connect(c->fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
        return 0;
    log_error("%s: %s; is the VM running?", path, strerror(errno));
    return EXIT_USAGE;
}

static struct connection *connection_create(void)
{
    struct connection *c = malloc(sizeof(*c));
    if (!c) {
        log_error("out of memory");
        return NULL;
    }
    c->fd = -1;
    c->len = c->taken = 0;
    return c;
}

static void connection_destroy(struct connection *c)
{
    fd_close_all(&c->fd, 1);
    free(c);
}

static bool send_request(struct connection *c, struct json_object *request)
{
    const char *text = json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN);
    return fd_send(c->fd, text, strlen(text), NULL, 0) == (ssize_t)strlen(text) &&
           fd_send(c->fd, "\n", 1, NULL, 0) == 1;
}

/* The request's answer; where the other end refused to be asked at all, what it said. */
static struct json_object *ask(struct connection *c, const char *path, struct json_object *request)
{
    bool sent = send_request(c, request);
    struct json_object *reply = read_object(c);
    if (!reply)
        log_error("%s: the VM hung up before it answered%s", path, sent ? "" : ", or read");
    return reply;
}

int control_ask(const char *path, struct json_object *request, struct json_object **reply)
{
    struct connection *c = connection_create();
    int status = c ? open_connection(c, path) : EXIT_FAILED;
    if (status == 0) {
        *reply = ask(c, path, request);
        status = *reply ? 0 : EXIT_FAILED;
    }
    if (c)
        connection_destroy(c);
    return status;
}

/* Both ways; connect() goes by the second. */
static void set_timeout(int fd, unsigned timeout_ms)
{
    struct timeval time = { .tv_sec = timeout_ms / 1000,
                            .tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000 };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof(time));
}

struct json_object *control_try(const char *path, struct json_object *request, unsigned timeout_ms,
                                pid_t *pid)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    struct ucred peer;
    socklen_t len = sizeof(peer);
    struct json_object *reply = NULL;
    struct connection *c = connection_create();

    if (!c)
        return NULL;
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd >= 0 && strlen(path) < sizeof(addr.sun_path)) {
        strcpy(addr.sun_path, path);
        set_timeout(c->fd, timeout_ms);
        if (connect(c->fd, (struct sockaddr *)&addr, sizeof(addr)) == 0) {
            if (pid && getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
                *pid = peer.pid;
            send_request(c, request);
            reply = read_object(c);
        }
    }
    connection_destroy(c);
    return reply;
}

int control_follow(const char *path, struct json_object *request,
                   void (*line)(struct json_object *line, void *data), void *data)
{
    struct connection *c = connection_create();
    int status = c ? open_connection(c, path) : EXIT_FAILED;
    struct json_object *object = status == 0 ? ask(c, path, request) : NULL;
    bool ok = false;
    if (object) {
        struct json_object *what = control_answer(object, &ok);
        if (!ok)
            log_error("%s", what ? json_object_get_string(what) : "the answer makes no sense");
        json_object_put(object);
    }
    if (status == 0 && !ok)
        status = EXIT_FAILED;
    while (status == 0 && (object = read_object(c))) {
        line(object, data);
        json_object_put(object);
    }
    if (c)
        connection_destroy(c);
    return status;
}

struct json_object *control_answer(struct json_object *reply, bool *ok)
{
    struct json_object *yes = NULL, *what = NULL;

    json_object_object_get_ex(reply, "ok", &yes);
    *ok = json_object_get_boolean(yes);
    json_object_object_get_ex(reply, *ok ? "result" : "error", &what);
    return what;
}
