// SPDX-License-Identifier: MIT
#include "vmm/app/gpu_child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG_MODULE "gpu-child"
#include "vmm/app/gpu_exec.h"
#include "vmm/app/verbs.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/log.h"

/* For a process that is told to end, and hangs in a driver. */
#define PATIENCE_NS 1000000000ull

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
    /* In its jail it can't die of a signal of its own, such as abort()'s, and tells it like this. */
    status = WIFSIGNALED(wstatus) ? 128 + WTERMSIG(wstatus) : WEXITSTATUS(wstatus);
    if (child->dismissed && status == 128 + SIGKILL)
        return status;
    if (status > 128)
        log_error("the graphics process died of signal %d (%s)", status - 128,
                  strsignal(status - 128));
    else if (status != 0 && status != EXIT_USAGE)
        log_error("the graphics process ended with status %d", status);
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
    child->pid = gpu_exec(params);
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

void gpu_child_dismiss(struct gpu_child *child)
{
    child->dismissed = true;
    gpu_child_kill(child);
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
