// SPDX-License-Identifier: MIT
/*
 * passt goes to the background when it is ready: the process that we started then ends, with status 0.
 * If it can't serve, it says why on its stderr and ends with another status. Not all versions would
 * say so otherwise.
 */
#include "vmm/app/passt.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOG_MODULE "passt"
#include "vmm/app/helper.h"
#include "vmm/app/net_options.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"

#define START_TIMEOUT_MS 10000
#define WORDS_MAX 256
#define NO_START "--net user: passt does not start: "
#define MAX_ARGS (10 + 2 * NET_OPTIONS_MAX_FORWARDS)

/* The last line that it said, without those that are about where it says them. */
static void last_words(int fd, char *line, size_t size)
{
    char text[4096], *save = NULL;
    ssize_t n = read(fd, text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = '\0';
    snprintf(line, size, "it does not say why");
    for (char *word = strtok_r(text, "\n", &save); word; word = strtok_r(NULL, "\n", &save)) {
        if (strncmp(word, "Failed to send", 14) != 0 && strncmp(word, "Don't run as root", 17) != 0)
            snprintf(line, size, "%s", word);
    }
}

static void fill_args(const char *args[MAX_ARGS], const struct net_options *options,
                      const char *mtu)
{
    unsigned n = 0;
    args[n++] = "passt";
    args[n++] = "--quiet";
    args[n++] = "--fd";
    args[n++] = HELPER_FD;
    args[n++] = "--mtu"; /* for its DHCP */
    args[n++] = mtu;
    for (unsigned i = 0; i < options->n_forwards; i++) {
        args[n++] = options->forward[i].udp ? "--udp-ports" : "--tcp-ports";
        args[n++] = options->forward[i].spec;
    }
    args[n] = NULL;
}

/* As much as the kernel lets us have, which is what passt asks for where it makes the socket. */
static void make_roomy(int sock)
{
    const int size = INT_MAX / 2;
    (void)setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

/* A passt that is not ready yet. */
struct child {
    pid_t pid;
    int sock;   /* our end */
    int errors; /* what it says */
};

/* 0 or a negative errno. */
static int spawn(struct child *child, const struct net_options *options)
{
    const char *args[MAX_ARGS];
    char mtu[8];
    int pair[2], errors[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    autoclose int ours = pair[0], theirs = pair[1];
    make_roomy(ours);
    make_roomy(theirs);
    if (pipe2(errors, O_CLOEXEC | O_NONBLOCK) < 0)
        return -errno;
    autoclose int read_end = errors[0], write_end = errors[1];
    snprintf(mtu, sizeof(mtu), "%u", options->mtu);
    fill_args(args, options, mtu);
    int err = helper_spawn(&child->pid, args, theirs, write_end);
    if (err < 0)
        return err;
    child->sock = steal_fd(&ours);
    child->errors = steal_fd(&read_end);
    return 0;
}

/* Reaps it, after so long at most. Its socket, or -1 and why there is none. */
static int conclude(struct child *child, int timeout_ms, char *words, size_t size)
{
    int status = helper_wait(child->pid, timeout_ms);
    if (status < 0)
        snprintf(words, size, "it is not ready within %d s", START_TIMEOUT_MS / 1000);
    else if (status > 0)
        last_words(child->errors, words, size);
    if (status != 0)
        fd_close_all(&child->sock, 1);
    fd_close_all(&child->errors, 1);
    return child->sock;
}

int passt_start(const struct net_options *options, bool needed)
{
    struct child child = { .pid = -1, .sock = -1, .errors = -1 };
    char words[WORDS_MAX];
    int err = spawn(&child, options);
    if (err == -ENOENT)
        return -ENOENT;
    if (err < 0)
        snprintf(words, sizeof(words), "%s", strerror(-err));
    int sock = err < 0 ? -1 : conclude(&child, START_TIMEOUT_MS, words, sizeof(words));
    if (sock >= 0)
        return sock;
    log_line(needed ? LOG_ERROR : LOG_WARN, LOG_MODULE, NO_START "%s%s", words,
             needed ? "" : "; the guest has no network");
    return -ECONNREFUSED;
}

struct passt_start {
    struct child child;
    struct loop_fd ended;
    struct loop_timer timer;
    int pidfd;
    void (*done)(void *data, int sock, const char *error);
    void *data;
};

/* It has ended, or is to, for a reason of ours or because it has had time enough. */
static void finish(struct passt_start *start, const char *why)
{
    char words[WORDS_MAX], error[WORDS_MAX + sizeof(NO_START)];
    int sock = conclude(&start->child, 0, words, sizeof(words));
    if (why)
        fd_close_all(&sock, 1);
    snprintf(error, sizeof(error), NO_START "%s", why ? why : words);
    if (sock < 0 && !why)
        log_error("%s", error);
    loop_fd_remove(&start->ended);
    loop_timer_remove(&start->timer);
    close(start->pidfd);
    start->done(start->data, sock, sock < 0 ? error : NULL);
    free(start);
}

static void on_ended(struct loop_fd *source, uint32_t events)
{
    finish(container_of(source, struct passt_start, ended), NULL);
}

static void on_timer(struct loop_timer *timer)
{
    finish(container_of(timer, struct passt_start, timer), NULL);
}

/* What tells of its end, and for how long that is waited for. 0 or a negative errno. */
static int watch(struct passt_start *start, struct loop *loop)
{
    start->pidfd = pidfd_open(start->child.pid, 0);
    int err = start->pidfd < 0 ? -errno : loop_timer_add(loop, &start->timer, on_timer);
    if (err < 0)
        return err;
    err = loop_fd_add(loop, &start->ended, start->pidfd, EPOLLIN, on_ended);
    if (err < 0)
        loop_timer_remove(&start->timer);
    else
        loop_timer_set(&start->timer, START_TIMEOUT_MS * 1000000ull);
    return err;
}

struct passt_start *passt_begin(struct loop *loop, const struct net_options *options,
                                void (*done)(void *data, int sock, const char *error), void *data)
{
    struct passt_start *start = calloc(1, sizeof(*start));
    if (!start) {
        log_error("out of memory");
        return NULL;
    }
    *start = (struct passt_start){ .pidfd = -1, .done = done, .data = data };
    int err = spawn(&start->child, options);
    if (err == 0) {
        err = watch(start, loop);
        if (err == 0)
            return start;
        helper_wait(start->child.pid, 0);
        fd_close_all(&start->child.sock, 1);
        fd_close_all(&start->child.errors, 1);
        fd_close_all(&start->pidfd, 1);
    }
    if (err == -ENOENT)
        log_error(PASST_MISSING);
    else
        log_error(NO_START "%s", strerror(-err));
    free(start);
    return NULL;
}

void passt_cancel(struct passt_start *start)
{
    finish(start, "the VM ends");
}
