/* SPDX-License-Identifier: MIT */
/*
 * One feedback object of linux-dmabuf 4: which formats and modifiers, on which device, for any buffer
 * (the default) or for those of one surface as it is shown now. Only packed RGB of 32 bits a pixel is
 * kept, which is all that a guest's screen is made of.
 *
 * Feedback names the device that the compositor draws with, which is the one that buffers should be
 * made on. Modifiers that it offers for another device's buffers mean nothing on that one and are left
 * out.
 */
#ifndef VITRINE_WL_DMABUF_FEEDBACK_H
#define VITRINE_WL_DMABUF_FEEDBACK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "gpu/frame.h"

struct zwp_linux_dmabuf_feedback_v1;

/* A GPU with compressed layouts has some hundred of our formats' modifiers; fewer than
 * CHANNEL_MAX_FORMATS, so that all reach the GPU process. */
#define WAYL_FORMATS_MAX 1024

/* A set of formats in the order of preference. */
struct wayl_format_list {
    struct display_format format[WAYL_FORMATS_MAX];
    unsigned n;
};

bool wayl_format_list_has(const struct wayl_format_list *list, uint32_t fourcc, uint64_t modifier);
/* Adds one that is of a screen and not there yet, as long as there is room. */
void wayl_format_list_add(struct wayl_format_list *list, uint32_t fourcc, uint64_t modifier);
bool wayl_format_list_equal(const struct wayl_format_list *a, const struct wayl_format_list *b);
/* Whether a format is of a screen; and the same one without its alpha channel. */
bool wayl_format_is_of_screen(uint32_t fourcc);
uint32_t wayl_format_opaque(uint32_t fourcc);

struct wayl_dmabuf_feedback {
    /* A whole answer came: all and scanout are new. */
    void (*done)(struct wayl_dmabuf_feedback *feedback);
    const char *root; /* wl/device.h */
    struct zwp_linux_dmabuf_feedback_v1 *proxy;
    bool has_main;
    dev_t main;                  /* the device that the compositor draws with */
    struct wayl_format_list all; /* the compositor's favourites come first */
    /* Of all, those that need not be drawn by the compositor, as it shows the surface now. */
    struct wayl_format_list scanout;
    /* Gathered until done. */
    struct display_format *table; /* owned; what the tranches' indices point to */
    unsigned n_table;
    struct wayl_format_list tranche, next, next_scanout;
    bool has_target, tranche_scanout, warned;
    dev_t target;
};

/* Takes the object over, or NULL: then nothing comes. root outlives it. */
void wayl_dmabuf_feedback_init(struct wayl_dmabuf_feedback *feedback, const char *root,
                               struct zwp_linux_dmabuf_feedback_v1 *proxy,
                               void (*done)(struct wayl_dmabuf_feedback *feedback));
/* Before the connection is closed. Harmless on a zeroed structure, and twice. */
void wayl_dmabuf_feedback_finish(struct wayl_dmabuf_feedback *feedback);

#endif
