// SPDX-License-Identifier: MIT
#include "gpu/gl/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gpu/gl/egl.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"

static void ask(struct gl_probe *probe)
{
    struct egl egl;

    if (egl_init(&egl, NULL) < 0) {
        snprintf(probe->text, sizeof(probe->text), "%s", egl.why);
        return;
    }
    *probe = (struct gl_probe){
        .usable = true,
        .software = egl.software,
        .native_fence = egl.native_fence,
        .export_dmabuf = egl.export_dmabuf,
    };
    snprintf(probe->node, sizeof(probe->node), "%s", egl.node);
    snprintf(probe->text, sizeof(probe->text), "%s", egl.renderer);
}

void gl_probe(struct gl_probe *probe)
{
    int pipe_fd[2], status = 0;

    *probe = (struct gl_probe){ .text = "the GL driver crashed" };
    if (pipe2(pipe_fd, O_CLOEXEC) < 0) {
        snprintf(probe->text, sizeof(probe->text), "%s", strerror(errno));
        return;
    }
    pid_t child = fork();
    if (child == 0) {
        struct gl_probe found = { 0 };
        log_set_level(LOG_ERROR);
        ask(&found);
        _exit(fd_write_full(pipe_fd[1], &found, sizeof(found)) < 0);
    }
    close(pipe_fd[1]);
    struct gl_probe found;
    if (child > 0 && read(pipe_fd[0], &found, sizeof(found)) == (ssize_t)sizeof(found))
        *probe = found;
    close(pipe_fd[0]);
    if (child > 0)
        waitpid(child, &status, 0);
}
