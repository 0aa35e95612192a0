// SPDX-License-Identifier: MIT
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG_MODULE "gpu-child"
#include "vmm/app/gpu_child.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"

/* In the new process: keeps the two sockets over exec, and becomes `vitrine gpu`. */
static void exec_gpu(int vhost_fd, int frames_fd, uint32_t width, uint32_t height)
{
    char vhost_arg[32], frames_arg[16], size_arg[32];
    int vhost = dup(vhost_fd), frames = dup(frames_fd); /* without close-on-exec */
    sigset_t none;

    if (vhost < 0 || frames < 0)
        _exit(127);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    snprintf(vhost_arg, sizeof(vhost_arg), "fd=%d", vhost);
    snprintf(frames_arg, sizeof(frames_arg), "%d", frames);
    snprintf(size_arg, sizeof(size_arg), "%ux%u", width, height);
    execl("/proc/self/exe", "vitrine", "gpu", "--vhost-user", vhost_arg, "--frames", frames_arg,
          "--size", size_arg, log_get_level() >= LOG_DEBUG ? "--verbose" : NULL, NULL);
    _exit(127);
}

static void child_exited(struct loop_fd *source, uint32_t events)
{
    struct gpu_child *child = container_of(source, struct gpu_child, source);
    int pidfd = source->fd, status = 0;

    loop_fd_remove(source);
    close(pidfd);
    waitpid(child->pid, &status, 0);
    child->pid = 0;
    if (WIFSIGNALED(status))
        log_error("the graphics process died of signal %d (%s); the guest has no screen now",
                  WTERMSIG(status), strsignal(WTERMSIG(status)));
    else
        log_error("the graphics process ended with status %d; the guest has no screen now",
                  WEXITSTATUS(status));
    child->exited(child);
}

bool gpu_child_start(struct gpu_child *child, struct loop *loop, uint32_t width, uint32_t height,
                     int *vhost_fd, int *frames_fd, void (*exited)(struct gpu_child *child))
{
    int vhost[2] = { -1, -1 }, frames[2] = { -1, -1 };
    autoclose int pidfd = -1;

    *child = (struct gpu_child){ .exited = exited };
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, vhost) < 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, frames) < 0)
        goto error;
    child->pid = fork();
    if (child->pid == 0)
        exec_gpu(vhost[1], frames[1], width, height);
    if (child->pid < 0) {
        child->pid = 0;
        goto error;
    }
    pidfd = pidfd_open(child->pid, 0);
    if (pidfd < 0 || loop_fd_add(loop, &child->source, pidfd, EPOLLIN, child_exited) < 0)
        goto error;
    steal_fd(&pidfd);
    close(vhost[1]);
    close(frames[1]);
    *vhost_fd = vhost[0];
    *frames_fd = frames[0];
    return true;
error:
    log_error("can't start the graphics process: %s", strerror(errno));
    gpu_child_stop(child);
    fd_close_all(vhost, 2);
    fd_close_all(frames, 2);
    return false;
}

void gpu_child_stop(struct gpu_child *child)
{
    if (child->source.loop) {
        int pidfd = child->source.fd;
        loop_fd_remove(&child->source);
        close(pidfd);
    }
    if (child->pid > 0) {
        kill(child->pid, SIGKILL);
        waitpid(child->pid, NULL, 0);
        child->pid = 0;
    }
}
