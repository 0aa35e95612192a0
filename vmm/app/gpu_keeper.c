// SPDX-License-Identifier: MIT
#include "vmm/app/gpu_keeper.h"

#include <errno.h>
#include <linux/virtio_gpu.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define LOG_MODULE "screen"
#include "gpu/channel.h"
#include "gpu/journal.h"
#include "vmm/app/gpu_child.h"
#include "vmm/app/gpu_deaths.h"
#include "vmm/app/gpu_watchdog.h"
#include "vmm/app/screen_options.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"
#include "vmm/virtio/device.h"
#include "vmm/virtio/vhost_user_frontend.h"

#define GPU_QUEUES 2
#define GPU_QUEUE_SIZE 256
/* The GPU process loads libraries and a GL driver; an emulated machine takes its time for them. */
#define START_TIMEOUT_MS 60000
#define CONNECT_TIMEOUT_MS 20000
/* Before the next successor, where the last one did not come up or deaths are many. */
#define PAUSE_NS 500000000ull

/* The machine's ends of the two sockets, and the process's. */
struct sockets {
    int vhost[2], frames[2];
};

struct gpu_keeper {
    struct loop *loop;
    struct screen_options options;
    struct channel_machine *channel;
    const struct gpu_keeper_events *events;
    void *data;
    struct gpu_child child;
    struct vhost_user_frontend *frontend; /* NULL where another program has it */
    int journal;                          /* -1: there are no successors */
    /* A successor on its way: what it is to be connected by, once it says that it can draw. */
    int vhost, frames;
    struct loop_fd ready;
    struct loop_timer timer; /* gives it up, or starts the next one */
    struct gpu_deaths deaths;
    struct gpu_watchdog watchdog;
    uint64_t down_ns; /* when the process was gone; 0: one works */
    bool asked;       /* the user wanted the process to end: that is no death to count */
    unsigned restarts;
};

static bool open_sockets(struct sockets *s, bool vhost)
{
    *s = (struct sockets){ .vhost = { -1, -1 }, .frames = { -1, -1 } };
    if ((!vhost || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s->vhost) == 0) &&
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s->frames) == 0)
        return true;
    log_error("can't make a socket: %s", strerror(errno));
    return false;
}

static void close_sockets(struct sockets *s)
{
    fd_close_all(s->vhost, 2);
    fd_close_all(s->frames, 2);
}

static void exited(struct gpu_child *child, int status);

/* The process gets its ends, of which ours are closed then, or their hang-up would not be seen. */
static bool start_process(struct gpu_keeper *k, struct sockets *s, int listener)
{
    const struct gpu_child_params params = {
        .options = &k->options,
        .vhost_fd = listener < 0 ? s->vhost[1] : listener,
        .frames_fd = s->frames[1],
        .journal_fd = k->journal,
        .claim_3d = k->frontend && gpu_keeper_dev(k)->offered & 1ull << VIRTIO_GPU_F_VIRGL,
        .exited = exited,
    };
    bool ok = gpu_child_start(&k->child, k->loop, &params);
    fd_close_all(&s->vhost[1], 1);
    fd_close_all(&s->frames[1], 1);
    return ok;
}

/* Successors. */

static void forget_sockets(struct gpu_keeper *k)
{
    loop_fd_remove(&k->ready);
    fd_close_all(&k->vhost, 1);
    fd_close_all(&k->frames, 1);
}

static void on_ready(struct loop_fd *source, uint32_t events)
{
    struct gpu_keeper *k = container_of(source, struct gpu_keeper, ready);

    loop_fd_remove(source);
    if (events & (EPOLLHUP | EPOLLERR))
        return; /* it died before */
    loop_timer_cancel(&k->timer);
    if (vhost_user_frontend_reconnect(k->frontend, steal_fd(&k->vhost)) < 0 ||
        channel_machine_connect(k->channel, steal_fd(&k->frames)) < 0) {
        gpu_child_kill(&k->child);
        return;
    }
    k->restarts++;
    log_info("graphics are back after %u ms", (unsigned)((loop_now_ns() - k->down_ns) / 1000000u));
    k->down_ns = 0;
    gpu_watchdog_start(&k->watchdog);
    k->events->up(k->data);
}

static void start_successor(struct gpu_keeper *k)
{
    struct sockets s;
    bool ok = open_sockets(&s, true) && start_process(k, &s, -1);

    k->vhost = steal_fd(&s.vhost[0]);
    k->frames = steal_fd(&s.frames[0]);
    close_sockets(&s);
    if (ok && loop_fd_add(k->loop, &k->ready, k->frames, EPOLLIN, on_ready) == 0) {
        loop_timer_set(&k->timer, START_TIMEOUT_MS * 1000000ull);
        return;
    }
    forget_sockets(k);
    gpu_child_stop(&k->child);
    loop_timer_set(&k->timer, PAUSE_NS);
}

static void on_timer(struct loop_timer *timer)
{
    struct gpu_keeper *k = container_of(timer, struct gpu_keeper, timer);

    if (k->child.pid == 0) {
        start_successor(k);
        return;
    }
    log_error("the graphics process does not start within %d s", START_TIMEOUT_MS / 1000);
    gpu_child_kill(&k->child);
}

static void replace(struct gpu_keeper *k)
{
    bool worked = k->down_ns == 0;
    uint64_t now = loop_now_ns();
    bool too_many = !k->asked && gpu_deaths_too_many(&k->deaths, k->options.deaths, now);

    k->asked = false;
    forget_sockets(k);
    gpu_watchdog_stop(&k->watchdog);
    channel_machine_disconnect(k->channel);
    if (worked) {
        k->down_ns = now;
        k->events->down(k->data);
    }
    if (too_many && k->options.gpu != GPU_2D) {
        log_warn("deaths of the graphics process within a minute: %u; the guest goes on with 2D "
                 "graphics",
                 k->options.deaths);
        k->options.gpu = GPU_2D;
    }
    if (worked && !too_many)
        start_successor(k);
    else
        loop_timer_set(&k->timer, PAUSE_NS);
}

static void exited(struct gpu_child *child, int status)
{
    struct gpu_keeper *k = container_of(child, struct gpu_keeper, child);

    if (k->frontend) {
        replace(k);
        return;
    }
    channel_machine_disconnect(k->channel);
    k->events->ended(k->data, status);
}

/* The front-end speaks to the process no more, which may touch guest memory no more either. */
static void frontend_died(void *data)
{
    struct gpu_keeper *k = data;
    gpu_child_kill(&k->child);
}

static void hangs(struct gpu_watchdog *watchdog)
{
    struct gpu_keeper *k = container_of(watchdog, struct gpu_keeper, watchdog);
    log_error("the graphics process has done nothing for %u s while the guest waits: killed",
              watchdog->seconds);
    gpu_child_kill(&k->child);
}

static void device_fresh(void *data)
{
    struct gpu_keeper *k = data;
    journal_clear(k->journal);
}

/* Creation. */

/* Takes vhost. */
static bool create_frontend(struct gpu_keeper *k, int vhost)
{
    const struct vhost_user_frontend_params params = {
        .name = "gpu",
        .device_id = VIRTIO_ID_GPU,
        .n_queues = GPU_QUEUES,
        .queue_size = GPU_QUEUE_SIZE,
        .config_len = sizeof(struct virtio_gpu_config),
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .died = frontend_died,
        .replaceable = true,
        .fresh = device_fresh,
        .data = k,
    };
    k->frontend = vhost_user_frontend_create(k->loop, vhost, &params);
    if (!k->frontend)
        return false;
    channel_machine_keep_pictures(k->channel);
    if (gpu_watchdog_init(&k->watchdog, k->loop, k->frontend, k->options.watchdog, hangs) < 0)
        return false;
    gpu_watchdog_start(&k->watchdog);
    return true;
}

static bool start(struct gpu_keeper *k, int listener)
{
    struct sockets s;
    bool ok = false;

    if (!open_sockets(&s, listener < 0))
        goto out;
    if (listener < 0)
        k->journal = journal_memfd();
    if (listener < 0 && k->journal < 0) {
        log_error("can't make the GPU's journal: %s", strerror(-k->journal));
        goto out;
    }
    if (loop_timer_add(k->loop, &k->timer, on_timer) < 0 || !start_process(k, &s, listener) ||
        !gpu_child_wait_ready(&k->child, s.frames[0], START_TIMEOUT_MS))
        goto out;
    if (listener < 0 && !create_frontend(k, steal_fd(&s.vhost[0])))
        goto out;
    ok = channel_machine_connect(k->channel, steal_fd(&s.frames[0])) == 0;
out:
    close_sockets(&s);
    return ok;
}

struct gpu_keeper *gpu_keeper_create(struct loop *loop, const struct screen_options *options,
                                     int listener, struct channel_machine *channel,
                                     const struct gpu_keeper_events *events, void *data)
{
    struct gpu_keeper *k = calloc(1, sizeof(*k));
    if (!k) {
        log_error("out of memory");
        return NULL;
    }
    *k = (struct gpu_keeper){
        .loop = loop,
        .options = *options,
        .channel = channel,
        .events = events,
        .data = data,
        .journal = -1,
        .vhost = -1,
        .frames = -1,
    };
    if (start(k, listener))
        return k;
    gpu_keeper_destroy(k);
    return NULL;
}

void gpu_keeper_destroy(struct gpu_keeper *k)
{
    if (!k)
        return;
    gpu_watchdog_finish(&k->watchdog);
    forget_sockets(k);
    vhost_user_frontend_destroy(k->frontend);
    gpu_child_stop(&k->child);
    if (k->timer.source.loop)
        loop_timer_remove(&k->timer);
    if (k->journal >= 0)
        fd_close_all(&k->journal, 1);
    free(k);
}

struct virtio_dev *gpu_keeper_dev(struct gpu_keeper *k)
{
    return k->frontend ? vhost_user_frontend_dev(k->frontend) : NULL;
}

void gpu_keeper_channel_closed(struct gpu_keeper *k)
{
    gpu_child_end(&k->child);
}

bool gpu_keeper_restart(struct gpu_keeper *k)
{
    if (!k->frontend || k->down_ns != 0 || k->child.pid == 0)
        return false;
    k->asked = true;
    log_info("the graphics process is replaced");
    gpu_child_dismiss(&k->child);
    return true;
}

unsigned gpu_keeper_restarts(const struct gpu_keeper *k)
{
    return k->restarts;
}
