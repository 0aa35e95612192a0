// SPDX-License-Identifier: MIT
/* Pictures of textures: as they are, blitted, or read back. */
#include <errno.h>
#include <unistd.h>

#define LOG_MODULE "gpu"
#include "gpu/device.h"
#include "gpu/painter.h"
#include "gpu/picture.h"
#include "vmm/base/log.h"

/* Leaves the frame to the job until what the renderer was asked for so far is done. */
static enum picture wait_for_fence(struct virtio_gpu *gpu, struct scanout *s,
                                   const struct frame *frame, int next)
{
    uint32_t serial = timeline_fence(&gpu->timeline);

    if (serial == 0)
        return PICTURE_NONE;
    if (s->job.next == JOB_NONE)
        frame_buffer_ref(frame->buffer);
    s->job.next = next;
    s->job.serial = serial;
    s->job.frame = *frame;
    return PICTURE_LATER;
}

/* The frame's pixels are on their way on the GPU, in the context that is current. */
static enum picture drawn(struct virtio_gpu *gpu, struct scanout *s, struct frame *frame)
{
    frame->acquire_fence = gpu->backend->ops->render->sync_file(gpu->backend);
    if (frame->acquire_fence >= 0)
        return PICTURE_READY;
    return wait_for_fence(gpu, s, frame, JOB_PRESENT);
}

/* The texture itself, exported once; NULL where the display can't have it. */
static struct gpu_buffer *exported(struct virtio_gpu *gpu, const struct scanout *s,
                                   struct gpu_resource *r, const char **why)
{
    struct gpu_painter *painter = gpu->backend->painter;

    if (!gpu->imports.any) {
        *why = "the display imports no dmabufs of a screen's formats";
        return NULL;
    }
    if (s->no_import) {
        *why = "the display could not import them";
        return NULL;
    }
    if (!r->dmabuf && !r->dmabuf_why)
        r->dmabuf = painter->ops->export(painter, r, &r->dmabuf_why);
    if (!r->dmabuf) {
        *why = r->dmabuf_why;
        return NULL;
    }
    if (r->dmabuf_generation != gpu->imports.generation) {
        struct frame_buffer *b = &r->dmabuf->base;
        uint64_t modifier = b->modifier;
        r->dmabuf_generation = gpu->imports.generation;
        r->dmabuf_fits = imports_take(&gpu->imports, b->fourcc, &modifier);
        if (r->dmabuf_fits && !b->import) /* nobody knows the buffer yet */
            b->modifier = modifier;
    }
    if (!r->dmabuf_fits)
        *why = "the display imports no dmabufs of their format and modifier";
    return r->dmabuf_fits ? r->dmabuf : NULL;
}

static enum picture blit(struct virtio_gpu *gpu, struct scanout *s, struct frame *frame,
                         const char **why)
{
    struct gpu_painter *painter = gpu->backend->painter;
    struct gpu_buffer *b = picture_pool_take(gpu, s, FRAME_PATH_BLIT, frame, why);

    if (!b)
        return PICTURE_NONE;
    bool ok = painter->ops->blit(painter, s->resource, &frame->source, &b->stale, b);
    enum picture picture = PICTURE_NONE;
    if (ok) {
        b->stale.n = 0;
        frame->source.x = frame->source.y = 0;
        frame->buffer = &b->base;
        picture = drawn(gpu, s, frame);
    } else {
        *why = "the renderer can't draw from them";
    }
    painter->ops->leave(painter);
    return picture;
}

/* First step of three: once the texture is drawn, it is fetched; then it is copied. */
static enum picture read_back(struct virtio_gpu *gpu, struct scanout *s, struct frame *frame)
{
    struct gpu_buffer *b = picture_pool_take(gpu, s, FRAME_PATH_SHM, frame, NULL);

    if (!b)
        return PICTURE_NONE;
    s->job.resource = s->resource;
    s->job.source = frame->source;
    frame->source.x = frame->source.y = 0;
    frame->buffer = &b->base;
    return wait_for_fence(gpu, s, frame, JOB_FETCH);
}

static void say_path(struct scanout *s, const char *why, const char *blit_why)
{
    if (why && why != s->why && why != blit_why)
        log_warn("scanout %u: textures are not shown as they are: %s", s->index, why);
    else if (!why && s->why)
        log_info("scanout %u: textures are shown as they are again", s->index);
    if (blit_why && blit_why != s->blit_why)
        log_warn("scanout %u: textures are read back: %s", s->index, blit_why);
    s->why = why;
    s->blit_why = blit_why;
}

/* The rows of a picture where they are in memory. */
static void turn_source(struct frame *frame, const struct gpu_resource *r)
{
    frame->y_inverted = r->y_inverted;
    if (r->y_inverted)
        frame->source.y = r->layout.height - frame->source.y - frame->source.height;
}

enum picture picture_of_texture(struct virtio_gpu *gpu, struct scanout *s, struct frame *frame)
{
    const char *why = NULL, *blit_why = NULL;
    struct gpu_buffer *b = exported(gpu, s, s->resource, &why);
    enum picture picture = PICTURE_NONE;

    frame->source = s->source;
    if (b) {
        picture_drop_pool(s);
        turn_source(frame, s->resource);
        frame->buffer = &b->base;
        picture = drawn(gpu, s, frame);
        say_path(s, NULL, NULL);
        return picture;
    }
    if (!gpu->imports.any)
        blit_why = why;
    else if (s->no_blit)
        blit_why = s->blit_why ? s->blit_why : "the display could not import a blit of them";
    else
        picture = blit(gpu, s, frame, &blit_why);
    if (blit_why) {
        s->no_blit = gpu->imports.any;
        picture = read_back(gpu, s, frame);
    }
    say_path(s, why, blit_why);
    return picture;
}

void picture_cancel(struct scanout *s)
{
    if (s->job.next != JOB_NONE)
        frame_buffer_unref(s->job.frame.buffer);
    s->job.next = JOB_NONE;
}

static enum picture fetch(struct virtio_gpu *gpu, struct scanout *s)
{
    struct gpu_painter *painter = gpu->backend->painter;
    struct picture_job *job = &s->job;
    struct gpu_buffer *b = container_of(job->frame.buffer, struct gpu_buffer, base);
    enum picture picture = PICTURE_NONE;

    if (painter->ops->fetch(painter, s->index, job->resource, &job->source, &b->stale))
        picture = wait_for_fence(gpu, s, &job->frame, JOB_COPY);
    painter->ops->leave(painter);
    return picture;
}

static enum picture copy(struct virtio_gpu *gpu, struct scanout *s)
{
    struct gpu_painter *painter = gpu->backend->painter;
    struct gpu_buffer *b = container_of(s->job.frame.buffer, struct gpu_buffer, base);

    s->job.frame.copied = painter->ops->fetched(painter, s->index, &b->stale, b);
    if (s->job.frame.copied == 0)
        return PICTURE_NONE;
    b->stale.n = 0;
    return PICTURE_READY;
}

enum picture picture_go_on(struct virtio_gpu *gpu, struct scanout *s, struct frame *frame)
{
    enum picture picture = PICTURE_READY;

    if (s->job.next == JOB_FETCH)
        picture = fetch(gpu, s);
    else if (s->job.next == JOB_COPY)
        picture = copy(gpu, s);
    if (picture == PICTURE_LATER)
        return picture;
    if (picture == PICTURE_NONE) {
        if (!s->fetch_failed)
            log_error("scanout %u: its texture can't be read back", s->index);
        s->fetch_failed = true;
        picture_cancel(s);
        return picture;
    }
    s->fetch_failed = false;
    *frame = s->job.frame;
    s->job.next = JOB_NONE;
    return PICTURE_READY;
}
