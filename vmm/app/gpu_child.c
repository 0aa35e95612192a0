// SPDX-License-Identifier: MIT
#include "vmm/app/gpu_child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG_MODULE "gpu-child"
#include "vmm/app/screen_options.h"
#include "vmm/app/verbs.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/log.h"

/* For a process that is told to end, and hangs in a driver. */
#define PATIENCE_NS 1000000000ull

/* In the new process: keeps the sockets over exec, and becomes `vitrine gpu`. It does not outlive
 * its parent, not even where it waits for another program's front-end. */
static void exec_gpu(pid_t parent, const struct gpu_child_params *params)
{
    const struct screen_options *options = params->options;
    char vhost_arg[32], frames_arg[16], journal_arg[16], size_arg[32];
    int vhost = dup(params->vhost_fd), frames = dup(params->frames_fd); /* without close-on-exec */
    int journal = params->journal_fd < 0 ? -1 : dup(params->journal_fd);
    sigset_t none;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (vhost < 0 || frames < 0 || (params->journal_fd >= 0 && journal < 0) || getppid() != parent)
        _exit(127);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    snprintf(vhost_arg, sizeof(vhost_arg), "fd=%d", vhost);
    snprintf(frames_arg, sizeof(frames_arg), "%d", frames);
    snprintf(size_arg, sizeof(size_arg), "%ux%u", options->width, options->height);
    const char *args[20] = {
        "vitrine",  "gpu",    "--vhost-user", vhost_arg,   "--frames",
        frames_arg, "--size", size_arg,       "--backend", gpu_choice_name(options->gpu),
    };
    unsigned n = 10;
    if (journal >= 0) {
        snprintf(journal_arg, sizeof(journal_arg), "%d", journal);
        args[n++] = "--journal";
        args[n++] = journal_arg;
    }
    if (params->claim_3d)
        args[n++] = "--claim-3d";
    if (options->render_node[0]) {
        args[n++] = "--render-node";
        args[n++] = options->render_node;
    }
    if (log_get_level() >= LOG_DEBUG)
        args[n++] = "--verbose";
    execv("/proc/self/exe", (char *const *)args);
    _exit(127);
}

static void unwatch(struct gpu_child *child)
{
    if (!child->source.loop)
        return;
    int pidfd = child->source.fd;
    loop_fd_remove(&child->source);
    loop_timer_remove(&child->patience);
    close(pidfd);
}

/* The process is about to be gone, if it is not yet. Its status, as `exited` gets it. */
static int reap(struct gpu_child *child)
{
    int wstatus = 0, status;

    unwatch(child);
    waitpid(child->pid, &wstatus, 0);
    child->pid = 0;
    if (WIFSIGNALED(wstatus)) {
        status = 128 + WTERMSIG(wstatus);
        log_error("the graphics process died of signal %d (%s)", WTERMSIG(wstatus),
                  strsignal(WTERMSIG(wstatus)));
    } else {
        status = WEXITSTATUS(wstatus);
        if (status != 0 && status != EXIT_USAGE)
            log_error("the graphics process ended with status %d", status);
    }
    return status;
}

static void child_exited(struct loop_fd *source, uint32_t events)
{
    struct gpu_child *child = container_of(source, struct gpu_child, source);
    child->exited(child, reap(child));
}

static void patience_ended(struct loop_timer *timer)
{
    gpu_child_kill(container_of(timer, struct gpu_child, patience));
}

static bool watch(struct gpu_child *child, struct loop *loop)
{
    autoclose int pidfd = pidfd_open(child->pid, 0);
    if (pidfd < 0 || loop_timer_add(loop, &child->patience, patience_ended) < 0)
        return false;
    if (loop_fd_add(loop, &child->source, pidfd, EPOLLIN, child_exited) < 0) {
        loop_timer_remove(&child->patience);
        return false;
    }
    steal_fd(&pidfd);
    return true;
}

bool gpu_child_start(struct gpu_child *child, struct loop *loop,
                     const struct gpu_child_params *params)
{
    *child = (struct gpu_child){ .exited = params->exited };
    pid_t parent = getpid();
    child->pid = fork();
    if (child->pid == 0)
        exec_gpu(parent, params);
    if (child->pid > 0 && watch(child, loop))
        return true;
    log_error("can't start the graphics process: %s", strerror(errno));
    gpu_child_stop(child);
    return false;
}

bool gpu_child_wait_ready(struct gpu_child *child, int frames_fd, int timeout_ms)
{
    struct pollfd frames = { .fd = frames_fd, .events = POLLIN };
    int n;

    do
        n = poll(&frames, 1, timeout_ms);
    while (n < 0 && errno == EINTR);
    if (n <= 0) {
        log_error("the graphics process does not start within %d s", timeout_ms / 1000);
        return false;
    }
    if (frames.revents & POLLHUP) {
        reap(child);
        return false;
    }
    return true;
}

void gpu_child_end(struct gpu_child *child)
{
    if (child->pid <= 0)
        return;
    kill(child->pid, SIGTERM);
    loop_timer_set(&child->patience, PATIENCE_NS);
}

void gpu_child_kill(struct gpu_child *child)
{
    if (child->pid > 0)
        kill(child->pid, SIGKILL);
}

void gpu_child_stop(struct gpu_child *child)
{
    unwatch(child);
    if (child->pid > 0) {
        kill(child->pid, SIGKILL);
        waitpid(child->pid, NULL, 0);
    }
    child->pid = 0;
}
