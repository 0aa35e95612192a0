// SPDX-License-Identifier: MIT
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOG_MODULE "control"
#include "vmm/app/control.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/listen.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"

#define MAX_CLIENTS 16
#define LINE_MAX_BYTES 4096
#define MAX_DEPTH 8

struct client {
    struct control *control;
    struct list link;
    struct loop_fd source;
    int fd;
    char line[LINE_MAX_BYTES];
    size_t len;
};

struct control {
    struct loop *loop;
    const struct control_verb *verbs;
    void *data;
    int fd;
    struct loop_fd source;
    struct list clients; /* struct client.link */
    unsigned n_clients;
    char *path; /* owned; removed at the end if fd listens there */
};

void control_add_string(struct json_object *to, const char *key, const char *value)
{
    json_object_object_add(to, key, json_object_new_string(value));
}

void control_add_number(struct json_object *to, const char *key, uint64_t value)
{
    json_object_object_add(to, key, json_object_new_uint64(value));
}

const char *control_string(struct json_object *request, const char *key)
{
    struct json_object *value;
    if (!json_object_object_get_ex(request, key, &value) ||
        !json_object_is_type(value, json_type_string))
        return NULL;
    return json_object_get_string(value);
}

static void client_drop(struct client *client)
{
    loop_fd_remove(&client->source);
    list_remove(&client->link);
    client->control->n_clients--;
    close(client->fd);
    free(client);
}

/* Runs one request. Returns NULL or what was wrong with it. */
static const char *run_request(struct control *control, struct json_object *request,
                               struct json_object *result)
{
    struct json_object *verb;
    if (!json_object_is_type(request, json_type_object) ||
        !json_object_object_get_ex(request, "verb", &verb) ||
        !json_object_is_type(verb, json_type_string))
        return "a request is one JSON object a line, with a \"verb\"";
    for (const struct control_verb *v = control->verbs; v->name; v++) {
        if (strcmp(v->name, json_object_get_string(verb)) == 0)
            return v->run(control->data, request, result);
    }
    return "there is no such verb";
}

/* Answers a line. False where the client does not read its answers: it is then to be dropped. */
static bool client_line(struct client *client, const char *line, size_t len)
{
    struct json_tokener *tokener = json_tokener_new_ex(MAX_DEPTH);
    struct json_object *request = NULL, *id = NULL;
    const char *error = "out of memory";
    struct json_object *reply = json_object_new_object(), *result = json_object_new_object();

    if (tokener && reply && result) {
        request = json_tokener_parse_ex(tokener, line, (int)len);
        if (json_tokener_get_error(tokener) == json_tokener_success)
            error = run_request(client->control, request, result);
        else
            error = "that line is not JSON";
        if (json_object_is_type(request, json_type_object) &&
            json_object_object_get_ex(request, "id", &id))
            json_object_object_add(reply, "id", json_object_get(id));
    }
    json_object_object_add(reply, "ok", json_object_new_boolean(!error));
    if (error) {
        json_object_object_add(reply, "error", json_object_new_string(error));
    } else {
        json_object_object_add(reply, "result", result);
        result = NULL;
    }
    char text[LINE_MAX_BYTES];
    int n = snprintf(text, sizeof(text), "%s\n",
                     json_object_to_json_string_ext(reply, JSON_C_TO_STRING_PLAIN));
    bool sent =
        n > 0 && n < (int)sizeof(text) && fd_send(client->fd, text, (size_t)n, NULL, 0) == n;
    json_object_put(request);
    json_object_put(result);
    json_object_put(reply);
    if (tokener)
        json_tokener_free(tokener);
    return sent;
}

static void client_readable(struct loop_fd *source, uint32_t events)
{
    struct client *client = container_of(source, struct client, source);
    ssize_t n = read(client->fd, client->line + client->len, sizeof(client->line) - client->len);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        client_drop(client);
        return;
    }
    client->len += (size_t)n;
    char *start = client->line, *end = client->line + client->len, *newline;
    while ((newline = memchr(start, '\n', (size_t)(end - start)))) {
        if (!client_line(client, start, (size_t)(newline - start))) {
            client_drop(client);
            return;
        }
        start = newline + 1;
    }
    client->len = (size_t)(end - start);
    memmove(client->line, start, client->len);
    if (client->len == sizeof(client->line)) {
        log_warn("a control client sent a line of more than %d bytes; it is hung up on",
                 LINE_MAX_BYTES);
        client_drop(client);
    }
}

static bool peer_allowed(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

static void client_arrives(struct loop_fd *source, uint32_t events)
{
    struct control *control = container_of(source, struct control, source);
    autoclose int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    if (!peer_allowed(fd) || control->n_clients == MAX_CLIENTS)
        return;
    struct client *client = calloc(1, sizeof(*client));
    if (!client)
        return;
    client->control = control;
    if (loop_fd_add(control->loop, &client->source, fd, EPOLLIN, client_readable) < 0) {
        free(client);
        return;
    }
    client->fd = steal_fd(&fd);
    list_append(&control->clients, &client->link);
    control->n_clients++;
}

struct control *control_create(struct loop *loop, const char *path,
                               const struct control_verb *verbs, void *data)
{
    struct control *control = calloc(1, sizeof(*control));
    if (!control) {
        log_error("out of memory");
        return NULL;
    }
    *control = (struct control){ .loop = loop, .verbs = verbs, .data = data, .fd = -1 };
    list_init(&control->clients);
    control->path = strdup(path);
    control->fd = control->path ? unix_listen(path, MAX_CLIENTS) : -ENOMEM;
    int err = control->fd;
    if (err >= 0)
        err = loop_fd_add(loop, &control->source, control->fd, EPOLLIN, client_arrives);
    if (err < 0) {
        log_error("--socket %s: %s", path, unix_listen_error(err));
        control_destroy(control);
        return NULL;
    }
    return control;
}

void control_destroy(struct control *control)
{
    if (!control)
        return;
    struct client *client, *tmp;
    list_for_each_safe(client, tmp, &control->clients, link)
        client_drop(client);
    loop_fd_remove(&control->source);
    if (control->fd >= 0) {
        close(control->fd);
        unlink(control->path);
    }
    free(control->path);
    free(control);
}
