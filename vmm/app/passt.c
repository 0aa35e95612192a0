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
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOG_MODULE "passt"
#include "vmm/app/helper.h"
#include "vmm/app/net_options.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"

#define START_TIMEOUT_MS 10000
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

int passt_start(const struct net_options *options, bool needed)
{
    const char *args[MAX_ARGS];
    char words[256], mtu[8];
    int pair[2], errors[2];
    pid_t pid;
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
    int err = helper_spawn(&pid, args, theirs, write_end);
    if (err == -ENOENT)
        return -ENOENT;
    int status = err < 0 ? -1 : helper_wait(pid, START_TIMEOUT_MS);
    if (status == 0)
        return steal_fd(&ours);
    if (err < 0)
        snprintf(words, sizeof(words), "%s", strerror(-err));
    else if (status < 0)
        snprintf(words, sizeof(words), "it is not ready within %d s", START_TIMEOUT_MS / 1000);
    else
        last_words(read_end, words, sizeof(words));
    log_line(needed ? LOG_ERROR : LOG_WARN, LOG_MODULE, "--net user: passt does not start: %s%s",
             words, needed ? "" : "; the guest has no network");
    return -ECONNREFUSED;
}
