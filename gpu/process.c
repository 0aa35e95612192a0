// SPDX-License-Identifier: MIT
#include "gpu/process.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODULE "gpu"
#include "gpu/channel.h"
#include "gpu/journal.h"
#include "vmm/base/crash.h"
#include "vmm/base/fd.h"
#include "vmm/base/listen.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"
#include "vmm/virtio/vhost_user_backend.h"

struct process {
    struct loop *loop;
    struct virtio_gpu *gpu;
    struct vhost_user_backend *backend;
    struct channel_gpu *channel;
    struct journal *journal;
    struct loop_signals signals;
};

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
                  const struct virtio_gpu_options *options, bool (*seal)(void))
{
    static const int signos[] = { SIGTERM, SIGINT, SIGHUP, 0 };

    p->loop = loop_create();
    if (!p->loop || loop_signals_add(p->loop, &p->signals, signos, on_signal) < 0) {
        log_error("can't make an event loop: %s", strerror(errno));
        goto error;
    }
    p->gpu = virtio_gpu_create(p->loop, options);
    crash_tell(); /* by the names of the driver's libraries, which are loaded now */
    if (!p->gpu || (seal && !seal())) /* before anyone is told that it can draw */
        goto error;
    if (frames >= 0) {
        p->channel =
            channel_gpu_create(p->loop, frames, virtio_gpu_producer(p->gpu), channel_closed, p);
        frames = -1;
        if (!p->channel)
            goto error;
        virtio_gpu_set_display(p->gpu, channel_gpu_display(p->channel));
        channel_gpu_about(p->channel, virtio_gpu_backend_name(p->gpu), virtio_gpu_renderer(p->gpu));
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
    int socket = options->socket ? unix_listen(options->socket, 1) : options->socket_fd;

    if (options->socket && socket < 0) {
        log_error("--vhost-user %s: %s", options->socket, unix_listen_error(socket));
        return 2;
    }
    fd_raise_limit();
    struct virtio_gpu_options gpu = options->gpu;
    gpu.journal = p.journal = options->journal_fd < 0 ? NULL : journal_open(options->journal_fd);
    bool ok = (options->journal_fd < 0 || p.journal) &&
              start(&p, socket, options->frames_fd, &gpu, options->seal);
    if (ok)
        loop_run(p.loop);

    vhost_user_backend_destroy(p.backend);
    if (p.gpu)
        drop_channel(&p);
    virtio_gpu_destroy(p.gpu);
    journal_close(p.journal);
    if (p.loop) {
        loop_signals_remove(&p.signals);
        loop_destroy(p.loop);
    }
    if (options->socket)
        unlink(options->socket);
    return ok ? 0 : 1;
}
