/* SPDX-License-Identifier: MIT */
/*
 * The dmabufs that the display imports, as far as pictures can be of them: the opaque formats of four
 * bytes, with their modifiers. Looked up when a buffer is made, not for each frame.
 */
#ifndef VITRINE_GPU_IMPORTS_H
#define VITRINE_GPU_IMPORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "gpu/frame.h"

#define IMPORT_FORMATS 4    /* what virtio's pixel formats come down to */
#define IMPORT_MODIFIERS 64 /* of one format; what a display offers beyond is not used */

struct import_format {
    uint32_t fourcc; /* DRM_FORMAT_*, without alpha */
    unsigned n;
    uint64_t modifier[IMPORT_MODIFIERS]; /* DRM_FORMAT_MOD_* */
    bool linear;                         /* pixels in rows, by linear_modifier */
    uint64_t linear_modifier;
};

struct imports {
    uint32_t generation; /* counts the sets; 0: none yet */
    bool any;
    struct import_format format[IMPORT_FORMATS];
};

/* Takes what the display offers in place of what it did. */
void imports_set(struct imports *imports, const struct display_format *formats, unsigned n);
/* What is offered of a format; NULL: it is none of those here. */
const struct import_format *imports_of(const struct imports *imports, uint32_t fourcc);
/* Whether a buffer can be imported, and by which modifier: a linear one also without any (the driver
 * knows). */
bool imports_take(const struct imports *imports, uint32_t fourcc, uint64_t *modifier);

#endif
