/* SPDX-License-Identifier: MIT */
/*
 * The wl_buffers of frame_buffers. Each frame_buffer is imported once for each place that shows it (a
 * window's picture, a window's cursor: a wl_buffer on two surfaces would have no defined release), and
 * the wl_buffers are kept until the frame_buffer goes.
 *
 * A dmabuf is imported with `create`, so its answer comes later and a refusal is no protocol error.
 * What is known to be a protocol error (a buffer that does not lie inside its file, a format that the
 * compositor did not name) is refused here: frames come from a process that is not trusted.
 */
#ifndef VITRINE_WL_BUFFER_H
#define VITRINE_WL_BUFFER_H

#include <stdbool.h>
#include <stdint.h>

#include "gpu/frame.h"
#include "vmm/base/list.h"

struct wayl_connection;
struct wayl_explicit;
struct wayl_formats;
struct wayl_import;
struct wayl_importer;
struct wayl_release;
struct wayl_stats;
struct wl_surface;

#define WAYL_BUFFER_MAX_SIZE 16384 /* pixels, each way */

enum wayl_buffer_state {
    WAYL_BUFFER_NONE,
    WAYL_BUFFER_PENDING, /* the compositor has not answered yet */
    WAYL_BUFFER_READY,
    WAYL_BUFFER_FAILED, /* never will be; the reason was logged once */
};

/* One frame_buffer at one place. */
struct wayl_buffer {
    struct wayl_import *import;
    unsigned place;
    enum wayl_buffer_state state;
    bool busy;     /* attached and not released yet; holds a lock of the frame_buffer */
    bool by_point; /* what was attached last is released by a point, not by wl_buffer.release */
    struct wayl_release *release; /* or NULL: never released by a point */
    struct wl_buffer *wl;
    struct zwp_linux_buffer_params_v1
        *params; /* while pending; holds a reference of the frame_buffer */
};

struct wayl_importer_ops {
    /* A pending buffer became ready or failed. */
    void (*settled)(struct wayl_importer *importer, unsigned place);
    /* The compositor let go of a buffer, or the buffer is gone. It must not be used after this. */
    void (*released)(struct wayl_importer *importer, struct wayl_buffer *buffer);
};

struct wayl_importer {
    const struct wayl_importer_ops *ops;
    struct wayl_connection *conn;
    const struct wayl_formats *formats;
    struct wayl_stats *stats;
    unsigned n_places;
    struct list imports; /* struct wayl_import.link */
    unsigned reasons;    /* a bit for each kind of refusal that was logged */
};

void wayl_importer_init(struct wayl_importer *importer, const struct wayl_importer_ops *ops,
                        struct wayl_connection *conn, const struct wayl_formats *formats,
                        struct wayl_stats *stats, unsigned n_places);
/* Destroys all wl_buffers and lets go of all frame_buffers; `released` is not called. */
void wayl_importer_drop_all(struct wayl_importer *importer);
/* The same of what is at one place and not pending; the place shows nothing any more. */
void wayl_importer_drop_place(struct wayl_importer *importer, unsigned place);

/* The buffer's wl_buffer at a place, begun to be imported if it is new there. An opaque one is imported
 * without its alpha channel. NULL where memory is short. */
struct wayl_buffer *wayl_importer_get(struct wayl_importer *importer, unsigned place,
                                      struct frame_buffer *buffer, bool opaque);
/* Attaches a ready buffer to the place's surface and locks its frame_buffer until it is released: by its
 * release point if by_point, else by wl_buffer.release; the other one means nothing then. */
void wayl_buffer_attach(struct wayl_buffer *buffer, struct wl_surface *surface, bool by_point);
/* The buffer's release points, made when they are first asked for. NULL where they can't be had. */
struct wayl_release *wayl_buffer_release(struct wayl_buffer *buffer,
                                         struct wayl_explicit *explicit);

/* Why a frame_buffer can't be handed to any compositor, or NULL. */
const char *wayl_buffer_check(const struct frame_buffer *buffer);

#endif
