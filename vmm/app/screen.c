// SPDX-License-Identifier: MIT
#include <errno.h>
#include <linux/virtio_gpu.h>
#include <linux/virtio_ids.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LOG_MODULE "screen"
#include "gpu/channel.h"
#include "input/devices.h"
#include "vmm/app/gpu_child.h"
#include "vmm/app/screen.h"
#include "vmm/app/screen_options.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/virtio/vhost_user_frontend.h"
#include "wl/wayl.h"

#define GPU_QUEUES 2
#define GPU_QUEUE_SIZE 256
/* The GPU process loads libraries and a GL driver; an emulated machine takes its time for them. */
#define GPU_START_TIMEOUT_MS 60000
#define GPU_CONNECT_TIMEOUT_MS 20000

struct screen {
    const struct screen_options *options;
    const struct screen_events *events;
    void *data;
    struct gpu_child child;
    struct vhost_user_frontend *gpu; /* NULL where another program has it */
    struct channel_machine *channel;
    struct input_devices *input; /* NULL when headless */
    struct wayl *wayl;           /* NULL when headless */
    bool lost;                   /* the compositor went away */
};

static void window_closed(void *data, unsigned scanout)
{
    struct screen *screen = data;
    screen->events->closed(screen->data);
}

static void window_lost(void *data)
{
    struct screen *screen = data;
    screen->lost = true;
    channel_machine_set_display(screen->channel, NULL);
    log_warn("the compositor went away; the guest runs on without a window until it is stopped");
}

static const struct wayl_events window_events = { .close = window_closed, .lost = window_lost };

static void gpu_exited(struct gpu_child *child, int status)
{
    struct screen *screen = container_of(child, struct screen, child);
    channel_machine_disconnect(screen->channel);
    if (screen->events->gpu_ended)
        screen->events->gpu_ended(screen->data, status);
}

/* The process hangs or is gone; it may touch guest memory no more. */
static void gpu_died(void *data)
{
    struct screen *screen = data;
    channel_machine_disconnect(screen->channel);
    gpu_child_kill(&screen->child);
}

/* It is about to end, or has to. */
static void frames_closed(void *data)
{
    struct screen *screen = data;
    gpu_child_end(&screen->child);
}

static bool open_window(struct screen *screen, struct loop *loop)
{
    char app_id[128];
    snprintf(app_id, sizeof(app_id), "vitrine.%s", screen->options->name);
    const struct wayl_config config = {
        .app_id = app_id,
        .title = screen->options->name,
        .n_outputs = 1,
        .width = screen->options->width,
        .height = screen->options->height,
    };
    screen->input = input_devices_create(loop);
    if (!screen->input) {
        log_error("out of memory");
        return false;
    }
    screen->wayl =
        wayl_create(loop, &config, input_devices_sink(screen->input), &window_events, screen);
    return screen->wayl;
}

/* Takes vhost_fd. */
static bool create_frontend(struct screen *screen, struct loop *loop, int vhost_fd)
{
    const struct vhost_user_frontend_params params = {
        .name = "gpu",
        .device_id = VIRTIO_ID_GPU,
        .n_queues = GPU_QUEUES,
        .queue_size = GPU_QUEUE_SIZE,
        .config_len = sizeof(struct virtio_gpu_config),
        .connect_timeout_ms = GPU_CONNECT_TIMEOUT_MS,
        .died = gpu_died,
        .data = screen,
    };
    screen->gpu = vhost_user_frontend_create(loop, vhost_fd, &params);
    return screen->gpu;
}

/* Buffers that the compositor is to show are best made on the device that it draws with. */
static struct screen_options gpu_options(const struct screen *screen)
{
    struct screen_options options = *screen->options;
    const char *node = screen->wayl ? wayl_main_device(screen->wayl) : NULL;
    if (node && !options.render_node[0] && !gpu_parse_render_node(&options, node))
        log_warn("the compositor's device has too long a name: %s", node);
    return options;
}

static bool start_gpu(struct screen *screen, struct loop *loop, int listener)
{
    const struct screen_options options = gpu_options(screen);
    int vhost[2] = { -1, -1 }, frames[2] = { -1, -1 };
    bool ok = false;

    if ((listener < 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, vhost) < 0) ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, frames) < 0) {
        log_error("can't make a socket: %s", strerror(errno));
        goto out;
    }
    if (!gpu_child_start(&screen->child, loop, &options, listener < 0 ? vhost[1] : listener,
                         frames[1], gpu_exited))
        goto out;
    fd_close_all(&vhost[1], 1); /* or its hang-up would not be seen */
    fd_close_all(&frames[1], 1);
    if (!gpu_child_wait_ready(&screen->child, frames[0], GPU_START_TIMEOUT_MS))
        goto out;
    if (listener < 0 && !create_frontend(screen, loop, steal_fd(&vhost[0])))
        goto out;
    ok = channel_machine_connect(screen->channel, steal_fd(&frames[0])) == 0;
out:
    fd_close_all(vhost, 2);
    fd_close_all(frames, 2);
    return ok;
}

struct screen *screen_create(struct loop *loop, const struct screen_options *options, int listener,
                             const struct screen_events *events, void *data)
{
    struct screen *screen = calloc(1, sizeof(*screen));
    if (!screen) {
        log_error("out of memory");
        return NULL;
    }
    *screen = (struct screen){ .options = options, .events = events, .data = data };
    screen->channel = channel_machine_create(loop, frames_closed, screen);
    if (!screen->channel || (!options->headless && !open_window(screen, loop)))
        goto error;
    if (screen->wayl) {
        channel_machine_set_display(screen->channel, wayl_display(screen->wayl));
        wayl_set_producer(screen->wayl, channel_machine_producer(screen->channel));
    }
    if (!start_gpu(screen, loop, listener))
        goto error;
    return screen;
error:
    screen_destroy(screen);
    return NULL;
}

void screen_close(struct screen *screen)
{
    if (screen->channel)
        channel_machine_set_display(screen->channel, NULL);
    wayl_destroy(screen->wayl);
    screen->wayl = NULL;
}

void screen_destroy(struct screen *screen)
{
    if (!screen)
        return;
    screen_close(screen);
    vhost_user_frontend_destroy(screen->gpu);
    gpu_child_stop(&screen->child);
    channel_machine_destroy(screen->channel);
    input_devices_destroy(screen->input);
    free(screen);
}

unsigned screen_devs(struct screen *screen, struct virtio_dev *devs[SCREEN_MAX_DEVS])
{
    unsigned n = 0;
    if (screen->gpu)
        devs[n++] = vhost_user_frontend_dev(screen->gpu);
    if (screen->input) {
        devs[n++] = input_devices_keyboard(screen->input);
        devs[n++] = input_devices_pointer(screen->input);
    }
    return n;
}

struct input_devices *screen_input(struct screen *screen)
{
    return screen->input;
}

const struct channel_stats *screen_channel_stats(const struct screen *screen)
{
    return channel_machine_stats(screen->channel);
}

const struct wayl_stats *screen_window_stats(const struct screen *screen)
{
    return screen->wayl ? wayl_stats(screen->wayl) : NULL;
}

const char *screen_backend(const struct screen *screen)
{
    return channel_machine_backend(screen->channel);
}

const char *screen_renderer(const struct screen *screen)
{
    return channel_machine_renderer(screen->channel);
}

const char *screen_where(const struct screen *screen)
{
    if (screen->lost)
        return "lost";
    return screen->wayl ? "wayland" : "headless";
}
