// SPDX-License-Identifier: MIT
#include "gpu/virtio_gpu.h"

#include <assert.h>
#include <errno.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODULE "gpu"
#include "gpu/device.h"
#include "gpu/journal.h"
#include "gpu/picture.h"
#include "gpu/takeover.h"
#include "gpu/udmabuf.h"
#include "vmm/base/log.h"

/* Commands executed before other sources of the loop get their turn: few where each may render. */
#define COMMANDS_AT_ONCE 256
#define RENDER_COMMANDS_AT_ONCE 16
#define DEFAULT_HOST_MEMORY (1024 * MIB)
/* Of each queue, as our own front-end has them (vmm/app/gpu_keeper.c). */
#define QUEUE_SIZE 256

static_assert(QUEUE_COUNT * VIRTQ_MAX_SIZE <= TIMELINE_MAX, "every chain may wait for its fence");

static struct virtio_gpu *from_dev(struct virtio_dev *dev)
{
    return container_of(dev, struct virtio_gpu, dev);
}

static struct virtio_gpu *from_producer(struct producer *producer)
{
    return container_of(producer, struct virtio_gpu, producer);
}

/* The transport's side. */

static void get_config(struct virtio_dev *dev, uint32_t offset, void *data, uint32_t len)
{
    struct virtio_gpu *gpu = from_dev(dev);
    struct virtio_gpu_config config = {
        .events_read = atomic_load(&gpu->events_read),
        .num_scanouts = gpu->n_scanouts,
        .num_capsets = gpu->n_capsets,
    };

    memset(data, 0, len);
    if (offset < sizeof(config))
        memcpy(data, (const char *)&config + offset, MIN(len, sizeof(config) - offset));
}

/* events_clear (virtio 1.2, 5.7.4): a one takes away the same bit of events_read. */
static void set_config(struct virtio_dev *dev, uint32_t offset, const void *data, uint32_t len)
{
    const uint32_t field = offsetof(struct virtio_gpu_config, events_clear);
    uint32_t clear = 0;

    if (offset < field || offset >= field + sizeof(clear))
        return;
    offset -= field;
    memcpy((char *)&clear + offset, data, MIN(len, sizeof(clear) - offset));
    atomic_fetch_and(&from_dev(dev)->events_read, ~clear);
}

static void run_queue(struct virtio_gpu *gpu, struct virtq *q)
{
    unsigned budget = gpu->backend->ops->render ? RENDER_COMMANDS_AT_ONCE : COMMANDS_AT_ONCE;
    int got;

    if (!gpu->dev.started)
        return;
    gpu->flush_kept = gpu->answer_soon = false;
    do {
        virtq_disable_kick(q);
        while ((got = virtq_pop(q, &gpu->chain)) > 0) {
            gpu_execute(gpu, q);
            if (--budget == 0)
                break;
        }
    } while (got == 0 && virtq_enable_kick(q));
    /* Of a flip, the guest waits for the end only. */
    if (gpu->answer_soon || !gpu->flush_kept)
        virtq_notify(q);
    if (got > 0)
        loop_post(gpu->dev.loop, &gpu->more);
    if (got < 0)
        virtio_dev_broken(&gpu->dev);
}

static void kick(struct virtio_dev *dev, struct virtq *q)
{
    run_queue(from_dev(dev), q);
}

static void on_more(struct loop_task *task)
{
    struct virtio_gpu *gpu = container_of(task, struct virtio_gpu, more);
    for (unsigned i = 0; i < QUEUE_COUNT; i++)
        if (gpu->dev.queue[i].enabled)
            run_queue(gpu, &gpu->dev.queue[i]);
}

static int start(struct virtio_dev *dev)
{
    if (!dev->suspended)
        takeover_restore(from_dev(dev));
    return 0;
}

static void resume(struct virtio_dev *dev, struct virtq *q)
{
    takeover_answer(from_dev(dev), q);
}

/* Answers are given before what they tell of is shown, or drawn: the guest does not run meanwhile, and the
 * renderer keeps the order. */
static void suspend(struct virtio_dev *dev)
{
    struct virtio_gpu *gpu = from_dev(dev);

    loop_task_cancel(dev->loop, &gpu->more);
    for (unsigned i = 0; i < gpu->n_scanouts; i++)
        fences_skip_all(&gpu->fences, i);
    timeline_give_up(&gpu->timeline);
}

static void stop(struct virtio_dev *dev)
{
    struct virtio_gpu *gpu = from_dev(dev);

    journal_stop(gpu->journal);
    loop_task_cancel(dev->loop, &gpu->more);
    fences_drop(&gpu->fences);
    timeline_drop(&gpu->timeline);
    for (unsigned i = 0; i < gpu->n_scanouts; i++) {
        struct scanout *s = &gpu->scanout[i];
        scanout_off(gpu, s);
        if (gpu->display)
            gpu->display->ops->cursor(gpu->display, i, &(struct frame_cursor){ 0 });
        cursor_finish(&s->cursor);
    }
    for (unsigned i = 0; i < ARRAY_LEN(gpu->resources.bucket); i++) {
        struct gpu_resource *r, *tmp;
        list_for_each_safe(r, tmp, &gpu->resources.bucket[i], link)
            gpu_resource_destroy(gpu, r);
    }
    for (unsigned i = 0; i < ARRAY_LEN(gpu->contexts.bucket); i++) {
        struct gpu_context *c, *tmp;
        list_for_each_safe(c, tmp, &gpu->contexts.bucket[i], link)
            gpu_context_destroy(gpu, c);
    }
    atomic_store(&gpu->events_read, 0);
}

/* Answers that wait. */

void gpu_give_back(struct virtio_gpu *gpu, struct virtq *q, uint16_t head, uint32_t written,
                   bool fenced, bool paced)
{
    if (fenced && gpu->backend->ops->render && timeline_fence(&gpu->timeline)) {
        struct pace_hold hold = { 0 };
        if (paced)
            hold = pace_hold(&gpu->pace);
        timeline_keep(&gpu->timeline, q, head, written, &hold);
    } else {
        virtq_push(q, head, written);
    }
}

/* A flush is over for the screen, but what was asked of the renderer before it may not be. */
static void on_flushed(struct fences *fences, struct virtq *q, uint16_t head, uint32_t written)
{
    gpu_give_back(container_of(fences, struct virtio_gpu, fences), q, head, written, true, false);
    virtq_notify(q);
}

static void on_pace(struct pace *pace)
{
    timeline_go_on(&container_of(pace, struct virtio_gpu, pace)->timeline);
}

static void on_fenced(struct gpu_backend_events *events, uint32_t serial)
{
    struct virtio_gpu *gpu = container_of(events, struct virtio_gpu, backend_events);

    timeline_signalled(&gpu->timeline, serial);
    for (unsigned i = 0; i < gpu->n_scanouts; i++)
        scanout_fenced(gpu, &gpu->scanout[i]);
}

static const struct virtio_ops gpu_ops = {
    .name = "gpu",
    .device_id = VIRTIO_ID_GPU,
    .get_config = get_config,
    .set_config = set_config,
    .start = start,
    .stop = stop,
    .suspend = suspend,
    .kick = kick,
    .resume = resume,
};

/* The display's side. */

/* DISPLAY_INFO and EDID are made from the same mode when the guest asks, so they always agree. */
static void event_mode(struct producer *producer, unsigned scanout, const struct display_mode *mode)
{
    struct virtio_gpu *gpu = from_producer(producer);
    if (scanout >= gpu->n_scanouts)
        return;
    struct display_mode *old = &gpu->scanout[scanout].mode;
    if (mode->width > RESOURCE_MAX_SIZE || mode->height > RESOURCE_MAX_SIZE)
        return;
    if (old->width == mode->width && old->height == mode->height &&
        old->refresh_mhz == mode->refresh_mhz && old->width_mm == mode->width_mm &&
        old->height_mm == mode->height_mm)
        return;
    *old = *mode;
    if (!gpu->dev.started && !gpu->dev.suspended)
        return;
    atomic_fetch_or(&gpu->events_read, VIRTIO_GPU_EVENT_DISPLAY);
    gpu->dev.transport->config_changed(&gpu->dev);
}

static void event_formats(struct producer *producer, const struct display_format *formats,
                          unsigned n)
{
    struct virtio_gpu *gpu = from_producer(producer);

    gpu->watched = gpu->display;
    imports_set(&gpu->imports, formats, n);
    for (unsigned i = 0; i < gpu->n_scanouts; i++)
        scanout_watched(gpu, &gpu->scanout[i]);
}

static void event_done(struct producer *producer, unsigned scanout, uint32_t seq)
{
    struct virtio_gpu *gpu = from_producer(producer);
    if (scanout < gpu->n_scanouts)
        scanout_done(gpu, &gpu->scanout[scanout], seq);
}

static void event_pace(struct producer *producer, unsigned scanout, bool hidden, uint32_t period_ns)
{
    struct virtio_gpu *gpu = from_producer(producer);
    if (scanout < gpu->n_scanouts)
        pace_set(&gpu->pace, scanout, hidden, period_ns);
}

static void event_import_failed(struct producer *producer, struct frame_buffer *buffer)
{
    struct virtio_gpu *gpu = from_producer(producer);
    for (unsigned i = 0; i < gpu->n_scanouts; i++) {
        struct scanout *s = &gpu->scanout[i];
        if (s->resource && s->shown && &s->shown->base == buffer)
            scanout_import_failed(gpu, s);
    }
}

static void event_unwatched(struct producer *producer)
{
    struct virtio_gpu *gpu = from_producer(producer);
    gpu->watched = false;
    for (unsigned i = 0; i < gpu->n_scanouts; i++)
        scanout_unwatched(gpu, &gpu->scanout[i]);
}

static const struct display_events gpu_events = {
    .mode = event_mode,
    .formats = event_formats,
    .done = event_done,
    .pace = event_pace,
    .import_failed = event_import_failed,
    .unwatched = event_unwatched,
};

static void on_released(struct gpu_buffer_owner *owner, struct gpu_buffer *buffer)
{
    struct virtio_gpu *gpu = container_of(owner, struct virtio_gpu, owner);
    for (unsigned i = 0; i < gpu->n_scanouts; i++)
        scanout_buffer_released(gpu, &gpu->scanout[i], buffer);
}

void virtio_gpu_set_display(struct virtio_gpu *gpu, struct display *display)
{
    gpu->display = display;
    event_unwatched(&gpu->producer);
}

/* The owner's side. */

static void set_options(struct virtio_gpu *gpu, const struct virtio_gpu_options *options)
{
    gpu->n_scanouts = MIN(MAX(options->n_scanouts, 1u), (unsigned)DISPLAY_MAX_SCANOUTS);
    for (unsigned i = 0; i < gpu->n_scanouts; i++) {
        gpu->scanout[i].index = i;
        gpu->scanout[i].mode = options->mode[i];
        gpu->scanout[i].mode.width = MIN(options->mode[i].width, (uint32_t)RESOURCE_MAX_SIZE);
        gpu->scanout[i].mode.height = MIN(options->mode[i].height, (uint32_t)RESOURCE_MAX_SIZE);
    }
    struct display_mode *first = &gpu->scanout[0].mode;
    if (first->width == 0 || first->height == 0) {
        first->width = VIRTIO_GPU_DEFAULT_WIDTH;
        first->height = VIRTIO_GPU_DEFAULT_HEIGHT;
    }
}

static struct gpu_backend *make_backend(struct virtio_gpu *gpu,
                                        const struct virtio_gpu_options *options)
{
    const struct gpu_backend_site site = {
        .loop = gpu->dev.loop,
        .owner = &gpu->owner,
        .events = &gpu->backend_events,
        .memory_max = options->host_memory_max,
    };
    struct gpu_backend *backend = NULL;

    if (options->maker)
        backend = options->maker->make(options->maker, &site);
    if (backend || (options->maker && options->need_maker))
        return backend;
    backend = backend_2d_create(&gpu->owner, gpu->udmabuf,
                                options->host_memory_max ? options->host_memory_max
                                                         : DEFAULT_HOST_MEMORY);
    if (!backend)
        log_error("no memory for the GPU");
    return backend;
}

static void offer_rendering(struct virtio_gpu *gpu, bool claim)
{
    const struct gpu_render_ops *render = gpu->backend->ops->render;
    struct gpu_capset capset;

    if (!render && !claim)
        return;
    gpu->dev.offered |= 1ull << VIRTIO_GPU_F_VIRGL | 1ull << VIRTIO_GPU_F_CONTEXT_INIT;
    if (!render)
        return;
    while (render->capset(gpu->backend, gpu->n_capsets, &capset))
        gpu->n_capsets++;
    gpu->resources.max = RESOURCE_MAX_RENDER;
}

struct virtio_gpu *virtio_gpu_create(struct loop *loop, const struct virtio_gpu_options *options)
{
    struct virtio_gpu *gpu = calloc(1, sizeof(*gpu));
    if (!gpu) {
        log_error("no memory for the GPU");
        return NULL;
    }
    gpu->dev = (struct virtio_dev){
        .ops = &gpu_ops,
        .loop = loop,
        .offered = 1ull << VIRTIO_GPU_F_EDID | 1ull << VIRTIO_GPU_F_RESOURCE_BLOB,
        .n_queues = QUEUE_COUNT,
        .queue_size = { [QUEUE_CONTROL] = QUEUE_SIZE, [QUEUE_CURSOR] = QUEUE_SIZE },
        .config_len = sizeof(struct virtio_gpu_config),
    };
    gpu->producer.events = &gpu_events;
    gpu->owner.released = on_released;
    gpu->backend_events.fenced = on_fenced;
    resource_table_init(&gpu->resources, RESOURCE_MAX);
    context_table_init(&gpu->contexts);
    loop_task_init(&gpu->more, on_more);
    set_options(gpu, options);
    int err = fences_init(&gpu->fences, loop, on_flushed);
    if (!err)
        err = pace_init(&gpu->pace, loop, on_pace);
    if (err) {
        log_error("can't make the GPU: %s", strerror(-err));
        fences_finish(&gpu->fences);
        free(gpu);
        return NULL;
    }
    gpu->udmabuf = udmabuf_open();
    gpu->backend = make_backend(gpu, options);
    if (!gpu->backend) {
        virtio_gpu_destroy(gpu);
        return NULL;
    }
    /* Where there are textures it is for guest blobs alone, and none may ever come. */
    if (gpu->udmabuf < 0 && !gpu->backend->painter)
        log_warn("frames are copied: /dev/udmabuf: %s", strerror(-gpu->udmabuf));
    gpu->timeline.backend = gpu->backend;
    gpu->timeline.pace = &gpu->pace;
    gpu->journal = options->journal;
    offer_rendering(gpu, options->claim_3d);
    return gpu;
}

void virtio_gpu_destroy(struct virtio_gpu *gpu)
{
    if (!gpu)
        return;
    stop(&gpu->dev);
    fences_finish(&gpu->fences);
    pace_finish(&gpu->pace);
    if (gpu->backend)
        gpu->backend->ops->finish(gpu->backend);
    if (gpu->udmabuf >= 0)
        close(gpu->udmabuf);
    free(gpu->submit);
    free(gpu);
}

const char *virtio_gpu_backend_name(const struct virtio_gpu *gpu)
{
    return gpu->backend->ops->name;
}

const char *virtio_gpu_renderer(const struct virtio_gpu *gpu)
{
    const struct gpu_render_ops *render = gpu->backend->ops->render;
    return render ? render->renderer(gpu->backend) : "";
}

struct virtio_dev *virtio_gpu_dev(struct virtio_gpu *gpu)
{
    return &gpu->dev;
}

struct producer *virtio_gpu_producer(struct virtio_gpu *gpu)
{
    return &gpu->producer;
}
