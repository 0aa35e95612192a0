// SPDX-License-Identifier: MIT
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wayland-client.h>

#include "linux-dmabuf-v1-client.h"

#define LOG_MODULE "wayland"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "wl/buffer.h"
#include "wl/connection.h"
#include "wl/explicit.h"
#include "wl/formats.h"
#include "wl/text.h"
#include "wl/wayl.h"

struct wayl_import {
    struct frame_import base;
    struct wayl_importer *importer;
    struct frame_buffer *buffer; /* it owns us, by its `import` */
    struct list link;            /* struct wayl_importer.imports */
    struct wayl_buffer place[];
};

enum refusal { REFUSED_BROKEN, REFUSED_FORMAT, REFUSED_BY_COMPOSITOR, REFUSED_SHM_FORMAT };

/* Each kind of refusal is logged once: a guest that flips must not fill the log. */
static bool first_of_kind(struct wayl_importer *importer, enum refusal kind)
{
    bool first = !(importer->reasons & 1u << kind);
    importer->reasons |= 1u << kind;
    return first;
}

const char *wayl_buffer_check(const struct frame_buffer *buffer)
{
    if (buffer->width == 0 || buffer->height == 0 || buffer->width > WAYL_BUFFER_MAX_SIZE ||
        buffer->height > WAYL_BUFFER_MAX_SIZE)
        return "its size is out of range";
    unsigned max_planes = buffer->kind == FRAME_BUFFER_SHM ? 1 : FRAME_MAX_PLANES;
    if (buffer->n_planes == 0 || buffer->n_planes > max_planes)
        return "its number of planes is out of range";
    for (unsigned i = 0; i < buffer->n_planes; i++) {
        const struct frame_plane *plane = &buffer->plane[i];
        /* Planes behind the first hold what the modifier says, of any size. */
        uint64_t row = i == 0 ? (uint64_t)buffer->width * 4 : 1;
        uint64_t rows = i == 0 ? buffer->height : 1;
        uint64_t end = plane->offset + (uint64_t)plane->stride * rows;
        if (plane->fd < 0)
            return "it has no memory";
        if (plane->stride < row || end > INT32_MAX)
            return "its stride or offset is out of range";
        off_t size = lseek(plane->fd, 0, SEEK_END);
        if (size >= 0 && end > (uint64_t)size)
            return "it does not lie inside its memory";
        if (buffer->kind != FRAME_BUFFER_SHM)
            continue;
        /* A file that shrinks later would fault in the compositor, which then blames us, as it does for one that
         * it can't map. */
        if (size < 0 || !fd_is_firm_memory(plane->fd))
            return "its memory is not sealed as it should be";
    }
    return NULL;
}

/* The answer is here: lets go of what the question held. May free the import. */
static void buffer_settle(struct wayl_buffer *buffer, enum wayl_buffer_state state)
{
    struct wayl_import *import = buffer->import;
    struct wayl_importer *importer = import->importer;
    unsigned place = buffer->place;
    zwp_linux_buffer_params_v1_destroy(buffer->params);
    buffer->params = NULL;
    buffer->state = state;
    if (state == WAYL_BUFFER_FAILED)
        importer->stats->import_failures++;
    else
        importer->stats->imports++;
    frame_buffer_unref(import->buffer);
    importer->ops->settled(importer, place);
}

static void buffer_released(struct wayl_buffer *buffer)
{
    struct wayl_import *import = buffer->import;
    if (!buffer->busy)
        return;
    buffer->busy = false;
    import->importer->ops->released(import->importer, buffer);
    frame_buffer_unlock(import->buffer); /* may free the import */
}

static void wl_buffer_released(void *data, struct wl_buffer *wl)
{
    struct wayl_buffer *buffer = data;
    if (!buffer->by_point)
        buffer_released(buffer);
}

static void point_released(void *data)
{
    struct wayl_buffer *buffer = data;
    if (buffer->by_point)
        buffer_released(buffer);
}

static const struct wl_buffer_listener buffer_listener = { .release = wl_buffer_released };

static void params_created(void *data, struct zwp_linux_buffer_params_v1 *params,
                           struct wl_buffer *wl)
{
    struct wayl_buffer *buffer = data;
    buffer->wl = wl;
    wl_buffer_add_listener(wl, &buffer_listener, buffer);
    buffer_settle(buffer, WAYL_BUFFER_READY);
}

static void params_failed(void *data, struct zwp_linux_buffer_params_v1 *params)
{
    struct wayl_buffer *buffer = data;
    struct wayl_importer *importer = buffer->import->importer;
    char name[5];
    if (first_of_kind(importer, REFUSED_BY_COMPOSITOR))
        log_info("the compositor can't import the guest's buffers (%ux%u, format %s, modifier "
                 "0x%llx); their frames are copied",
                 buffer->import->buffer->width, buffer->import->buffer->height,
                 wayl_text_fourcc(name, buffer->import->buffer->fourcc),
                 (unsigned long long)buffer->import->buffer->modifier);
    buffer_settle(buffer, WAYL_BUFFER_FAILED);
}

static const struct zwp_linux_buffer_params_v1_listener params_listener = {
    .created = params_created,
    .failed = params_failed,
};

static bool import_dmabuf(struct wayl_buffer *buffer)
{
    struct wayl_importer *importer = buffer->import->importer;
    struct frame_buffer *frame_buffer = buffer->import->buffer;
    uint64_t modifier = frame_buffer->modifier;
    char name[5];
    uint32_t fourcc = importer->conn->dmabuf
                          ? wayl_formats_dmabuf(importer->formats, frame_buffer->fourcc, &modifier)
                          : 0;
    if (!fourcc) {
        importer->stats->import_failures++;
        if (first_of_kind(importer, REFUSED_FORMAT))
            log_info(
                "the compositor takes no dmabuf of format %s, modifier 0x%llx; such frames are "
                "copied",
                wayl_text_fourcc(name, frame_buffer->fourcc),
                (unsigned long long)frame_buffer->modifier);
        return false;
    }
    buffer->params = zwp_linux_dmabuf_v1_create_params(importer->conn->dmabuf);
    if (!buffer->params)
        return false;
    zwp_linux_buffer_params_v1_add_listener(buffer->params, &params_listener, buffer);
    for (unsigned i = 0; i < frame_buffer->n_planes; i++)
        zwp_linux_buffer_params_v1_add(buffer->params, frame_buffer->plane[i].fd, i,
                                       frame_buffer->plane[i].offset, frame_buffer->plane[i].stride,
                                       (uint32_t)(modifier >> 32), (uint32_t)modifier);
    zwp_linux_buffer_params_v1_create(buffer->params, (int32_t)frame_buffer->width,
                                      (int32_t)frame_buffer->height, fourcc, 0);
    frame_buffer_ref(frame_buffer); /* so that the answer finds us */
    buffer->state = WAYL_BUFFER_PENDING;
    return true;
}

static bool import_shm(struct wayl_buffer *buffer, bool opaque)
{
    struct wayl_importer *importer = buffer->import->importer;
    const struct frame_buffer *frame_buffer = buffer->import->buffer;
    const struct frame_plane *plane = &frame_buffer->plane[0];
    uint32_t format;
    char name[5];
    if (!wayl_formats_shm(importer->formats, frame_buffer->fourcc, opaque, &format)) {
        if (first_of_kind(importer, REFUSED_SHM_FORMAT))
            log_warn("the compositor takes no shm buffer of format %s; such frames are not shown",
                     wayl_text_fourcc(name, frame_buffer->fourcc));
        return false;
    }
    struct wl_shm_pool *pool =
        wl_shm_create_pool(importer->conn->shm, plane->fd,
                           (int32_t)(plane->offset + plane->stride * frame_buffer->height));
    if (!pool)
        return false;
    buffer->wl =
        wl_shm_pool_create_buffer(pool, (int32_t)plane->offset, (int32_t)frame_buffer->width,
                                  (int32_t)frame_buffer->height, (int32_t)plane->stride, format);
    wl_shm_pool_destroy(pool);
    if (!buffer->wl)
        return false;
    wl_buffer_add_listener(buffer->wl, &buffer_listener, buffer);
    buffer->state = WAYL_BUFFER_READY;
    return true;
}

/* Ends what is at a place, without a word to the owner. */
static void buffer_finish(struct wayl_buffer *buffer)
{
    if (buffer->params)
        zwp_linux_buffer_params_v1_destroy(buffer->params);
    if (buffer->wl)
        wl_buffer_destroy(buffer->wl);
    wayl_release_destroy(buffer->release);
    buffer->release = NULL;
    buffer->params = NULL;
    buffer->wl = NULL;
}

/* The frame_buffer's last reference is gone; so nothing is busy or pending. */
static void import_buffer_gone(struct frame_import *base)
{
    struct wayl_import *import = container_of(base, struct wayl_import, base);
    struct wayl_importer *importer = import->importer;
    for (unsigned i = 0; i < importer->n_places; i++)
        buffer_finish(&import->place[i]);
    list_remove(&import->link);
    free(import);
}

static struct wayl_import *import_of(struct wayl_importer *importer, struct frame_buffer *buffer)
{
    if (buffer->import)
        return container_of(buffer->import, struct wayl_import, base);
    struct wayl_import *import =
        calloc(1, sizeof(*import) + importer->n_places * sizeof(import->place[0]));
    if (!import)
        return NULL;
    import->base.buffer_gone = import_buffer_gone;
    import->importer = importer;
    import->buffer = buffer;
    for (unsigned i = 0; i < importer->n_places; i++)
        import->place[i] = (struct wayl_buffer){ .import = import, .place = i };
    list_append(&importer->imports, &import->link);
    buffer->import = &import->base;
    return import;
}

struct wayl_buffer *wayl_importer_get(struct wayl_importer *importer, unsigned place,
                                      struct frame_buffer *frame_buffer, bool opaque)
{
    struct wayl_import *import = import_of(importer, frame_buffer);
    if (!import)
        return NULL;
    assert(place < importer->n_places);
    struct wayl_buffer *buffer = &import->place[place];
    if (buffer->state != WAYL_BUFFER_NONE)
        return buffer;

    const char *broken = wayl_buffer_check(frame_buffer);
    if (broken && first_of_kind(importer, REFUSED_BROKEN))
        log_bug("a buffer from the GPU can't be shown: %s", broken);
    bool begun =
        !broken && (frame_buffer->kind == FRAME_BUFFER_DMABUF ? import_dmabuf(buffer)
                                                              : import_shm(buffer, opaque));
    if (!begun)
        buffer->state = WAYL_BUFFER_FAILED;
    return buffer;
}

struct wayl_release *wayl_buffer_release(struct wayl_buffer *buffer, struct wayl_explicit *explicit)
{
    if (!buffer->release)
        buffer->release = wayl_release_create(explicit, point_released, buffer);
    return buffer->release;
}

void wayl_buffer_attach(struct wayl_buffer *buffer, struct wl_surface *surface, bool by_point)
{
    wl_surface_attach(surface, buffer->wl, 0, 0);
    buffer->by_point = by_point;
    if (buffer->busy)
        return;
    buffer->busy = true;
    frame_buffer_lock(buffer->import->buffer);
}

void wayl_importer_init(struct wayl_importer *importer, const struct wayl_importer_ops *ops,
                        struct wayl_connection *conn, const struct wayl_formats *formats,
                        struct wayl_stats *stats, unsigned n_places)
{
    *importer = (struct wayl_importer){
        .ops = ops, .conn = conn, .formats = formats, .stats = stats, .n_places = n_places
    };
    list_init(&importer->imports);
}

static struct wayl_buffer *first_settled(struct wayl_importer *importer, unsigned place)
{
    struct wayl_import *import;
    list_for_each(import, &importer->imports, link) {
        enum wayl_buffer_state state = import->place[place].state;
        if (state == WAYL_BUFFER_READY || state == WAYL_BUFFER_FAILED)
            return &import->place[place];
    }
    return NULL;
}

/* What is pending stays so: its answer makes an object, and libwayland loses count of those where whom it
 * is sent to is gone. */
void wayl_importer_drop_place(struct wayl_importer *importer, unsigned place)
{
    struct wayl_buffer *buffer;
    /* Anew for each: who hears that a buffer is free may drop others. */
    while ((buffer = first_settled(importer, place))) {
        struct wayl_import *import = buffer->import;
        bool busy = buffer->busy;
        buffer_finish(buffer);
        *buffer = (struct wayl_buffer){ .import = import, .place = place };
        if (busy)
            frame_buffer_unlock(import->buffer);
    }
}

void wayl_importer_drop_all(struct wayl_importer *importer)
{
    while (!list_empty(&importer->imports)) {
        struct wayl_import *import = list_first(&importer->imports, struct wayl_import, link);
        struct frame_buffer *frame_buffer = import->buffer;
        unsigned locks = 0, refs = 0;
        for (unsigned i = 0; i < importer->n_places; i++) {
            struct wayl_buffer *buffer = &import->place[i];
            locks += buffer->busy;
            refs += buffer->params != NULL;
            buffer_finish(buffer);
        }
        list_remove(&import->link);
        frame_buffer->import = NULL;
        free(import);
        while (locks-- > 0)
            frame_buffer_unlock(frame_buffer);
        while (refs-- > 0)
            frame_buffer_unref(frame_buffer);
    }
}
