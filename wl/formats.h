/* SPDX-License-Identifier: MIT */
/*
 * What buffers the compositor takes: dmabuf formats with their modifiers (linux-dmabuf: the modifier
 * events of version 3, the default feedback of version 4) and shm formats. Only packed RGB of 32 bits
 * a pixel is kept, which is all that a guest's screen is made of. The compositor's favourites come
 * first.
 *
 * Feedback names the device that the compositor draws with, which is the one that buffers should be
 * made on. Modifiers that it offers for another device's buffers mean nothing on that one and are left
 * out.
 */
#ifndef VITRINE_WL_FORMATS_H
#define VITRINE_WL_FORMATS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "gpu/frame.h"
#include "wl/device.h"

struct wayl_connection;

/* A GPU with compressed layouts has some hundred of our formats' modifiers; fewer than
 * CHANNEL_MAX_FORMATS, so that all reach the GPU process. */
#define WAYL_FORMATS_MAX 1024
#define WAYL_SHM_FORMATS_MAX 16

struct wayl_formats {
    /* The compositor changed the list of dmabuf formats. */
    void (*changed)(struct wayl_formats *formats);
    struct display_format dmabuf[WAYL_FORMATS_MAX];
    unsigned n_dmabuf;
    uint32_t shm[WAYL_SHM_FORMATS_MAX]; /* DRM_FORMAT_* */
    unsigned n_shm;
    struct zwp_linux_dmabuf_feedback_v1 *feedback; /* NULL: modifier events */
    struct display_format *table;                  /* owned; what the tranches' indices point to */
    unsigned n_table;
    struct display_format tranche[WAYL_FORMATS_MAX]; /* gathered until the tranche's done */
    unsigned n_tranche;
    struct display_format next[WAYL_FORMATS_MAX]; /* gathered until the feedback's done */
    unsigned n_next;
    const char *root; /* wl/device.h */
    bool has_main, has_target;
    dev_t main, target; /* the compositor's device; the tranche's */
    /* The main device's render node; empty: there is none, or it may not be used. */
    char node[WAYL_DEVICE_PATH_MAX];
};

/* Asks for the lists; they have come after a roundtrip. root: see wl/device.h. */
void wayl_formats_init(struct wayl_formats *formats, struct wayl_connection *conn, const char *root,
                       void (*changed)(struct wayl_formats *formats));
/* Before the connection is closed. Harmless on a zeroed structure. */
void wayl_formats_finish(struct wayl_formats *formats);

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
