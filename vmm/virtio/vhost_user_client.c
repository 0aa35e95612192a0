// SPDX-License-Identifier: MIT
#include "vmm/virtio/vhost_user_client.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define LOG_MODULE "vhost-user"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"

void vhost_user_client_init(struct vhost_user_client *client,
                            const struct vhost_user_client_ops *ops, int sock)
{
    *client = (struct vhost_user_client){ .ops = ops, .sock = sock };
}

void vhost_user_client_close(struct vhost_user_client *client)
{
    vhost_user_reader_reset(&client->reader);
    client->n_expected = 0;
    if (client->sock >= 0)
        close(client->sock);
    client->sock = -1;
}

void vhost_user_client_deadline(struct vhost_user_client *client, unsigned ms)
{
    client->deadline_ns = loop_now_ns() + ms * 1000000ull;
}

static int fail(struct vhost_user_client *client, const char *why)
{
    int sock = client->sock;
    if (sock >= 0) {
        client->sock = -1;
        vhost_user_client_close(client);
        client->ops->dead(client, why);
        close(sock);
    }
    return -EPIPE;
}

/* Waits for events on the socket. */
static int await_events(struct vhost_user_client *client, short events)
{
    for (;;) {
        uint64_t now = loop_now_ns();
        if (now >= client->deadline_ns)
            return fail(client, "does not answer");
        struct pollfd pfd = { .fd = client->sock, .events = events };
        int n = poll(&pfd, 1, (int)((client->deadline_ns - now) / 1000000u) + 1);
        if (n > 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return fail(client, "can't be waited for");
    }
}

static int send_msg(struct vhost_user_client *client, uint32_t request, uint32_t flags,
                    const void *payload, size_t size, const int *fds, unsigned n_fds)
{
    while (client->sock >= 0) {
        int err =
            vhost_user_send(client->sock, request, flags, payload, (uint32_t)size, fds, n_fds);
        if (err == 0)
            return 0;
        if (err != -EAGAIN)
            return fail(client, "hung up");
        if (await_events(client, POLLOUT) < 0)
            break;
    }
    return -EPIPE;
}

int vhost_user_client_send(struct vhost_user_client *client, uint32_t request, const void *payload,
                           size_t size, const int *fds, unsigned n_fds)
{
    return send_msg(client, request, 0, payload, size, fds, n_fds);
}

int vhost_user_client_ask(struct vhost_user_client *client, uint32_t request, uint32_t flags,
                          const void *payload, size_t size)
{
    BUG_ON(client->n_expected == VHOST_USER_MAX_EXPECTED);
    int err = send_msg(client, request, flags, payload, size, NULL, 0);
    if (err < 0)
        return err;
    unsigned last = (client->first + client->n_expected++) % VHOST_USER_MAX_EXPECTED;
    client->expected[last] = request;
    return 0;
}

static const char *handle(struct vhost_user_client *client, struct vhost_user_msg *msg)
{
    const struct vhost_user_header *header = &msg->header;
    if (client->n_expected == 0 || header->request != client->expected[client->first] ||
        (header->flags & VHOST_USER_VERSION_MASK) != VHOST_USER_VERSION ||
        !(header->flags & VHOST_USER_REPLY) ||
        msg->n_fds != (header->request == VHOST_USER_GET_INFLIGHT_FD))
        return "sent what is no answer to anything";
    client->first = (client->first + 1) % VHOST_USER_MAX_EXPECTED;
    client->n_expected--;
    return client->ops->reply(client, msg);
}

/* Takes the next reply: 1, or 0 where it is not there yet. */
static int take(struct vhost_user_client *client)
{
    int err = vhost_user_read(&client->reader, client->sock);
    if (err == 0)
        return 0;
    if (err < 0)
        return fail(client, err == -EPROTO ? "broke the protocol" : "hung up");
    const char *wrong = handle(client, &client->reader.msg);
    if (wrong)
        return fail(client, wrong);
    vhost_user_reader_reset(&client->reader);
    return client->sock < 0 ? -EPIPE : 1;
}

void vhost_user_client_readable(struct vhost_user_client *client)
{
    while (take(client) > 0)
        ;
}

int vhost_user_client_await(struct vhost_user_client *client)
{
    while (client->n_expected > 0) {
        int got = take(client);
        if (got == 0)
            got = await_events(client, POLLIN);
        if (got < 0)
            return got;
    }
    return client->sock < 0 ? -EPIPE : 0;
}
