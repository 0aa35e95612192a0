// SPDX-License-Identifier: MIT
#include "gpu/process.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LOG_MODULE "gpu"
#include "gpu/channel.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"
#include "vmm/virtio/vhost_user_backend.h"

/* A resource takes a file descriptor or two, a buffer on its way to the machine one more. */
#define FDS_WANTED 16384

struct process {
    struct loop *loop;
    struct virtio_gpu *gpu;
    struct vhost_user_backend *backend;
    struct channel_gpu *channel;
    struct loop_signals signals;
};

static void raise_fd_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= FDS_WANTED)
        return;
    limit.rlim_cur = MIN(limit.rlim_max, (rlim_t)FDS_WANTED);
    if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
        log_warn("can't raise the limit of open files: %s", strerror(errno));
}

/* Waits at path for the one front-end. Its socket, or a negative errno. */
static int wait_for_frontend(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    size_t len = strlen(path);

    if (len >= sizeof(addr.sun_path))
        return -ENAMETOOLONG;
    memcpy(addr.sun_path, path, len);
    autoclose int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&addr, sizeof(addr)) < 0)
        return -errno;
    int fd = -1;
    if (listen(listener, 1) == 0)
        do
            fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        while (fd < 0 && errno == EINTR);
    int err = fd < 0 ? -errno : 0;
    unlink(path);
    return err ? err : fd;
}

static void on_signal(struct loop_signals *signals, int signo)
{
    loop_quit(container_of(signals, struct process, signals)->loop);
}

static void frontend_gone(void *data)
{
    struct process *p = data;
    loop_quit(p->loop);
}

static void drop_channel(struct process *p)
{
    virtio_gpu_set_display(p->gpu, NULL);
    channel_gpu_destroy(p->channel);
    p->channel = NULL;
}

/* The guest's GPU works on, unseen, until the front-end hangs up too. */
static void channel_closed(void *data)
{
    struct process *p = data;
    log_info("the frame channel has ended");
    drop_channel(p);
}

static bool start(struct process *p, int socket, int frames,
                  const struct virtio_gpu_options *options)
{
    static const int signos[] = { SIGTERM, SIGINT, SIGHUP, 0 };

    p->loop = loop_create();
    if (!p->loop || loop_signals_add(p->loop, &p->signals, signos, on_signal) < 0) {
        log_error("can't make an event loop: %s", strerror(errno));
        goto error;
    }
    p->gpu = virtio_gpu_create(p->loop, options);
    if (!p->gpu)
        goto error;
    if (frames >= 0) {
        p->channel =
            channel_gpu_create(p->loop, frames, virtio_gpu_producer(p->gpu), channel_closed, p);
        frames = -1;
        if (!p->channel)
            goto error;
        virtio_gpu_set_display(p->gpu, channel_gpu_display(p->channel));
    }
    p->backend =
        vhost_user_backend_create(p->loop, virtio_gpu_dev(p->gpu), socket, frontend_gone, p);
    return p->backend != NULL;

error:
    if (frames >= 0)
        close(frames);
    close(socket);
    return false;
}

int gpu_process_main(const struct gpu_process_options *options)
{
    struct process p = { 0 };
    int socket = options->socket ? wait_for_frontend(options->socket) : options->socket_fd;

    if (socket < 0) {
        log_error("can't wait for a vhost-user front-end at %s: %s",
                  options->socket ? options->socket : "its socket",
                  strerror(options->socket ? -socket : EBADF));
        return 2;
    }
    raise_fd_limit();
    bool ok = start(&p, socket, options->frames_fd, &options->gpu);
    if (ok)
        loop_run(p.loop);

    vhost_user_backend_destroy(p.backend);
    if (p.gpu)
        drop_channel(&p);
    virtio_gpu_destroy(p.gpu);
    if (p.loop) {
        loop_signals_remove(&p.signals);
        loop_destroy(p.loop);
    }
    return ok ? 0 : 1;
}
