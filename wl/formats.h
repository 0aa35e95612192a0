/* SPDX-License-Identifier: MIT */
/*
 * What buffers the compositor takes: dmabuf formats with their modifiers (linux-dmabuf: the modifier
 * events of version 3, the feedback of version 4) and shm formats.
 *
 * What it takes is the same for all windows. What can be scanned out, without the compositor drawing
 * it, it says for each surface as that is shown now, such as fullscreen: those are the favourites then.
 */
#ifndef VITRINE_WL_FORMATS_H
#define VITRINE_WL_FORMATS_H

#include <stdbool.h>
#include <stdint.h>

#include "gpu/frame.h"
#include "wl/device.h"
#include "wl/dmabuf_feedback.h"

struct wayl_connection;
struct wl_surface;

#define WAYL_SHM_FORMATS_MAX 16

struct wayl_formats;

/* Of one surface. */
struct wayl_surface_formats {
    struct wayl_formats *formats;
    struct wayl_dmabuf_feedback feedback;
    struct wayl_format_list scanout; /* as it was last told of */
};

struct wayl_formats {
    /* The list that wayl_formats_list() makes is another one. */
    void (*changed)(struct wayl_formats *formats);
    struct wayl_connection *conn;
    struct wayl_format_list dmabuf;     /* in the order of the compositor's favourites */
    uint32_t shm[WAYL_SHM_FORMATS_MAX]; /* DRM_FORMAT_* */
    unsigned n_shm;
    struct wayl_dmabuf_feedback feedback;                       /* the default */
    struct wayl_surface_formats *surface[DISPLAY_MAX_SCANOUTS]; /* owned; NULL: not known */
    const char *root;                                           /* wl/device.h */
    /* The main device's render node; empty: there is none, or it may not be used. */
    char node[WAYL_DEVICE_PATH_MAX];
};

/* Asks for the lists; they have come after a roundtrip. root: see wl/device.h. */
void wayl_formats_init(struct wayl_formats *formats, struct wayl_connection *conn, const char *root,
                       void (*changed)(struct wayl_formats *formats));
/* Before the connection is closed. Harmless on a zeroed structure. */
void wayl_formats_finish(struct wayl_formats *formats);

/* From now on asks for what is best for a scanout's surface, too; and no longer, before it goes. */
void wayl_formats_watch(struct wayl_formats *formats, unsigned scanout, struct wl_surface *surface);
void wayl_formats_unwatch(struct wayl_formats *formats, unsigned scanout);

/* Every format and modifier that is taken; first those that some window's surface could be scanned out
 * with, then the others, each time the favourites first. */
void wayl_formats_list(const struct wayl_formats *formats, struct wayl_format_list *list);

/* The fourcc under which to hand a dmabuf over: without its alpha channel if the compositor takes it
 * so, since a screen is opaque and some guests leave garbage there. *modifier is set to the one to
 * name: DRM_FORMAT_MOD_INVALID for a linear buffer where the compositor only knows implicit ones.
 * 0 where the compositor takes no such buffer. */
uint32_t wayl_formats_dmabuf(const struct wayl_formats *formats, uint32_t fourcc,
                             uint64_t *modifier);
/* The wl_shm_format for a fourcc, opaque likewise if `opaque`. False where the compositor has none. */
bool wayl_formats_shm(const struct wayl_formats *formats, uint32_t fourcc, bool opaque,
                      uint32_t *shm_format);

#endif
