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
#include "vmm/app/control_request.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/listen.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"

#define MAX_CLIENTS 16
#define LINE_MAX_BYTES 4096
/* What may wait for a client to take it; and from where on it is asked nothing more meanwhile. */
#define OUT_MAX_BYTES (256 * 1024)
#define OUT_ENOUGH_BYTES (64 * 1024)

struct client {
    struct control *control;
    struct list link;
    struct loop_fd source;
    int fd;
    bool subscribed;
    bool ending;               /* no more requests: hung up on once what it is owed is out */
    bool failed;               /* its socket, or its patience with us: hung up on next */
    struct control_call *call; /* one of its requests is to be answered later */
    size_t len, out_len;
    char line[LINE_MAX_BYTES];
    char out[OUT_MAX_BYTES];
};

struct control_call {
    struct client *client; /* NULL: it went */
    struct json_object *request;
};

struct control {
    struct loop *loop;
    const struct control_verb *verbs;
    void *data;
    int fd;
    struct loop_fd source;
    struct list clients; /* struct client.link */
    unsigned n_clients;
    struct client *asking; /* whose verb runs */
    struct json_object *request;
    char *path; /* owned; removed at the end if fd listens there */
};

const char control_later[] = "later";

static void client_drop(struct client *client)
{
    if (client->call)
        client->call->client = NULL;
    loop_fd_remove(&client->source);
    list_remove(&client->link);
    client->control->n_clients--;
    close(client->fd);
    free(client);
}

/* It is hung up on from the loop, which an end that reads nothing must not put off. */
static void client_fail(struct client *client)
{
    client->failed = true;
    shutdown(client->fd, SHUT_RDWR);
}

/* Sends what it takes. */
static void client_flush(struct client *client)
{
    while (client->out_len > 0 && !client->failed) {
        ssize_t n = fd_send(client->fd, client->out, client->out_len, NULL, 0);
        if (n == -EAGAIN)
            return;
        if (n <= 0) {
            client_fail(client);
            return;
        }
        client->out_len -= (size_t)n;
        memmove(client->out, client->out + n, client->out_len);
    }
}

/* Takes message over. */
static void client_say(struct client *client, struct json_object *message)
{
    size_t len = 0;
    const char *text = json_object_to_json_string_length(
        message, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
    if (!text || len >= sizeof(client->out) - client->out_len) {
        if (!client->failed)
            log_warn("a control client does not take what it is told; it is hung up on");
        client_fail(client);
    } else {
        memcpy(client->out + client->out_len, text, len);
        client->out_len += len;
        client->out[client->out_len++] = '\n';
    }
    json_object_put(message);
}

/* The socket's own verbs. */
static bool run_own(struct client *client, struct json_object *request)
{
    const char *verb = control_string(request, "verb");
    bool on = verb && strcmp(verb, "subscribe") == 0;
    if (!on && (!verb || strcmp(verb, "unsubscribe") != 0))
        return false;
    client->subscribed = on;
    return true;
}

/* Answers a line, now or later. */
static void client_line(struct client *client, const char *line, size_t len)
{
    struct control *control = client->control;
    const char *error = NULL;
    struct json_object *request = control_request_parse(line, len, &error);
    struct json_object *result = json_object_new_object();
    if (request && !run_own(client, request)) {
        const struct control_verb *verb = control_request_verb(control->verbs, request, &error);
        control->asking = client;
        control->request = request;
        if (verb)
            error = verb->run(control->data, request, result);
        control->asking = NULL;
    }
    if (error == control_later)
        json_object_put(result);
    else
        client_say(client, control_reply(request, result, error));
    json_object_put(request);
}

struct control_call *control_defer(struct control *control)
{
    struct control_call *call = calloc(1, sizeof(*call));
    if (!call)
        return NULL;
    call->client = control->asking;
    call->request = json_object_get(control->request);
    call->client->call = call;
    return call;
}

/* Answers the lines that are there, as long as there is room for replies. */
static void client_serve_lines(struct client *client)
{
    char *start = client->line, *end = client->line + client->len, *newline;
    while (!client->call && !client->ending && !client->failed &&
           client->out_len < OUT_ENOUGH_BYTES &&
           (newline = memchr(start, '\n', (size_t)(end - start)))) {
        client_line(client, start, (size_t)(newline - start));
        start = newline + 1;
    }
    client->len = (size_t)(end - start);
    memmove(client->line, start, client->len);
}

static void client_serve(struct client *client)
{
    size_t before;
    do {
        before = client->len;
        client_serve_lines(client);
        client_flush(client);
    } while (client->len < before && client->out_len == 0);
    uint32_t events = client->out_len > 0 || client->ending || client->failed ? EPOLLOUT : 0;
    if (!client->call && !events)
        events = EPOLLIN;
    loop_fd_modify(&client->source, events);
}

void control_finish(struct control_call *call, struct json_object *result, const char *error)
{
    struct client *client = call->client;
    if (client) {
        client->call = NULL;
        if (!error && !result)
            result = json_object_new_object();
        client_say(client, control_reply(call->request, result, error));
        client_flush(client);
        /* What it asks next is for the loop: who finishes a call may be in the midst of something. */
        loop_fd_modify(&client->source, EPOLLOUT);
    } else {
        json_object_put(result);
    }
    json_object_put(call->request);
    free(call);
}

/* False at the end. */
static bool client_read(struct client *client)
{
    ssize_t n = read(client->fd, client->line + client->len, sizeof(client->line) - client->len);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (n <= 0)
        return false;
    client->len += (size_t)n;
    client_serve(client);
    if (client->len == sizeof(client->line) && !memchr(client->line, '\n', client->len)) {
        log_warn("a control client sent a line of more than %d bytes; it is hung up on",
                 LINE_MAX_BYTES - 1);
        client_say(client, control_reply(NULL, NULL, "a request has at most 4095 bytes"));
        client->ending = true;
        client_serve(client);
    }
    return true;
}

static void client_ready(struct loop_fd *source, uint32_t events)
{
    struct client *client = container_of(source, struct client, source);
    bool on = true;
    if (events & EPOLLIN)
        on = client_read(client);
    else if (events & (EPOLLHUP | EPOLLERR))
        on = false;
    else
        client_serve(client);
    if (!on || client->failed || (client->ending && client->out_len == 0))
        client_drop(client);
}

static struct json_object *make_event(const char *name, struct json_object *details)
{
    struct json_object *event = json_object_new_object();
    control_add_string(event, "event", name);
    if (!details)
        return event;
    struct json_object_iterator it = json_object_iter_begin(details);
    struct json_object_iterator end = json_object_iter_end(details);
    for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it))
        json_object_object_add(event, json_object_iter_peek_name(&it),
                               json_object_get(json_object_iter_peek_value(&it)));
    return event;
}

void control_event(struct control *control, const char *name, struct json_object *details)
{
    struct client *client;
    if (control && control->n_clients > 0) {
        list_for_each(client, &control->clients, link) {
            if (!client->subscribed || client->failed)
                continue;
            client_say(client, make_event(name, details));
            /* The client may be the one that is served: it is hung up on from the loop. */
            client_flush(client);
            if (client->out_len > 0 || client->failed)
                loop_fd_modify(&client->source, EPOLLOUT);
        }
    }
    json_object_put(details);
}

static bool peer_allowed(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof(peer);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

static void refuse(int fd, const char *why)
{
    struct json_object *reply = control_reply(NULL, NULL, why);
    char text[256];
    int n = snprintf(text, sizeof(text), "%s\n",
                     json_object_to_json_string_ext(reply, JSON_C_TO_STRING_PLAIN));
    fd_send(fd, text, (size_t)n, NULL, 0);
    json_object_put(reply);
}

static void client_arrives(struct loop_fd *source, uint32_t events)
{
    struct control *control = container_of(source, struct control, source);
    autoclose int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    const char *refused = NULL;
    if (!peer_allowed(fd))
        refused = "this VM is another user's";
    else if (control->n_clients == MAX_CLIENTS)
        refused = "16 programs are connected already, which is as many as may be";
    if (refused) {
        refuse(fd, refused);
        return;
    }
    struct client *client = calloc(1, sizeof(*client));
    if (!client)
        return;
    client->control = control;
    if (loop_fd_add(control->loop, &client->source, fd, EPOLLIN, client_ready) < 0) {
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
