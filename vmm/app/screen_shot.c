// SPDX-License-Identifier: MIT
#include "vmm/app/screen_shot.h"

#include <drm_fourcc.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "gpu/channel.h"
#include "vmm/app/png_file.h"
#include "vmm/app/screen.h"
#include "vmm/base/loop.h"

/* For the GPU to draw the picture and fetch it; an emulated machine takes its time. */
#define PATIENCE_NS 5000000000ull
#define PIXEL 4u

struct screen_shot {
    struct screen *screen;
    unsigned scanout;
    char *path;
    void (*done)(void *data, const char *error, uint32_t width, uint32_t height);
    void *data;
    struct loop *loop;
    struct loop_timer timer;
    struct loop_task task; /* the picture is there, and then: it is written */
    uint32_t width, height;
    uint32_t *pixels; /* NULL: not there yet */
    pthread_t thread;
    bool writing;
    int err;
    char error[256];
};

static void finish(struct screen_shot *shot, const char *error)
{
    if (shot->writing)
        pthread_join(shot->thread, NULL);
    else
        screen_tap(shot->screen, NULL, NULL);
    loop_task_cancel(shot->loop, &shot->task);
    loop_timer_remove(&shot->timer);
    shot->done(shot->data, error, shot->width, shot->height);
    free(shot->pixels);
    free(shot->path);
    free(shot);
}

/* Copies the picture's rows, the top one first. */
static bool take_pixels(struct screen_shot *shot, const struct frame *frame)
{
    const struct frame_plane *plane = &frame->buffer->plane[0];
    const struct frame_rect *source = &frame->source;
    size_t size = plane->offset + (size_t)plane->stride * frame->buffer->height;
    size_t row = (size_t)source->width * PIXEL;
    shot->pixels = malloc(row * source->height);
    uint8_t *map = mmap(NULL, size, PROT_READ, MAP_SHARED, plane->fd, 0);
    if (shot->pixels && map != MAP_FAILED) {
        const uint8_t *from = map + plane->offset + (size_t)source->x * PIXEL;
        for (uint32_t y = 0; y < source->height; y++) {
            uint32_t at = frame->y_inverted ? source->height - 1 - y : y;
            memcpy((uint8_t *)shot->pixels + row * y,
                   from + (size_t)(source->y + at) * plane->stride, row);
        }
        shot->width = source->width;
        shot->height = source->height;
    }
    if (map != MAP_FAILED) {
        munmap(map, size);
        return shot->pixels;
    }
    free(shot->pixels);
    shot->pixels = NULL;
    return false;
}

static void tap(void *data, unsigned scanout, const struct frame *frame)
{
    struct screen_shot *shot = data;
    uint32_t fourcc = frame->buffer->fourcc;
    if (shot->pixels || scanout != shot->scanout || frame->buffer->kind != FRAME_BUFFER_SHM ||
        (fourcc != DRM_FORMAT_XRGB8888 && fourcc != DRM_FORMAT_ARGB8888))
        return;
    if (take_pixels(shot, frame))
        loop_post(shot->loop, &shot->task);
}

static void *write_file(void *data)
{
    struct screen_shot *shot = data;
    shot->err = png_file_write(shot->path, shot->pixels, shot->width, shot->height);
    loop_post(shot->loop, &shot->task);
    return NULL;
}

static void on_task(struct loop_task *task)
{
    struct screen_shot *shot = container_of(task, struct screen_shot, task);
    if (!shot->writing) {
        screen_tap(shot->screen, NULL, NULL);
        loop_timer_cancel(&shot->timer);
        shot->writing = true;
        if (pthread_create(&shot->thread, NULL, write_file, shot) != 0) {
            shot->writing = false;
            finish(shot, "no thread for the file");
        }
        return;
    }
    snprintf(shot->error, sizeof(shot->error), "%.200s: %s", shot->path, strerror(-shot->err));
    finish(shot, shot->err < 0 ? shot->error : NULL);
}

static void on_timer(struct loop_timer *timer)
{
    finish(container_of(timer, struct screen_shot, timer),
           "the guest shows no picture on that monitor");
}

struct screen_shot *screen_shot_begin(
    struct loop *loop, struct screen *screen, unsigned scanout, const char *path,
    void (*done)(void *data, const char *error, uint32_t width, uint32_t height), void *data)
{
    struct screen_shot *shot = calloc(1, sizeof(*shot));
    if (!shot)
        return NULL;
    *shot = (struct screen_shot){
        .screen = screen, .scanout = scanout, .done = done, .data = data, .loop = loop
    };
    shot->path = strdup(path);
    loop_task_init(&shot->task, on_task);
    if (!shot->path || loop_timer_add(loop, &shot->timer, on_timer) < 0) {
        free(shot->path);
        free(shot);
        return NULL;
    }
    loop_timer_set(&shot->timer, PATIENCE_NS);
    screen_tap(screen, tap, shot);
    return shot;
}

void screen_shot_cancel(struct screen_shot *shot)
{
    if (shot)
        finish(shot, "the VM ends");
}
