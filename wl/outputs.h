/* SPDX-License-Identifier: MIT */
/*
 * The compositor's outputs, as far as a guest is to know of them: what a window on them has for pixels,
 * and how often they are refreshed.
 */
#ifndef VITRINE_WL_OUTPUTS_H
#define VITRINE_WL_OUTPUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/list.h"

struct wl_output;
struct wl_registry;

/* Of more, those that came last are passed over. */
#define WAYL_OUTPUTS_MAX 32

struct wayl_output {
    struct list link;
    struct wayl_outputs *outputs;
    struct wl_output *wl;
    uint32_t name; /* of the global */
    unsigned index;
    bool turned;                  /* by a quarter */
    uint32_t width, height;       /* pixels of its mode, not turned; 0: unknown */
    uint32_t width_mm, height_mm; /* likewise */
    uint32_t refresh_mhz;         /* 0: unknown */
    uint32_t scale;               /* a whole number, 1 and up */
};

struct wayl_outputs_ops {
    /* One was added or is described anew; or it goes, and its index will be another's. */
    void (*changed)(struct wayl_outputs *outputs, const struct wayl_output *output);
    void (*gone)(struct wayl_outputs *outputs, const struct wayl_output *output);
};

struct wayl_outputs {
    const struct wayl_outputs_ops *ops;
    struct list list; /* struct wayl_output.link */
    uint32_t used;    /* a bit for each index */
};

void wayl_outputs_init(struct wayl_outputs *outputs, const struct wayl_outputs_ops *ops);
/* Takes a global that is a wl_output; false where it is something else. */
bool wayl_outputs_global(struct wayl_outputs *outputs, struct wl_registry *registry, uint32_t name,
                         const char *interface, uint32_t version);
void wayl_outputs_global_remove(struct wayl_outputs *outputs, uint32_t name);
/* Before the connection is closed. Tells nobody. */
void wayl_outputs_finish(struct wayl_outputs *outputs);

/* NULL: none of ours, or none with that index. */
const struct wayl_output *wayl_outputs_find(const struct wayl_outputs *outputs,
                                            const struct wl_output *wl);
const struct wayl_output *wayl_outputs_get(const struct wayl_outputs *outputs, unsigned index);
/* Thousandths of a hertz of the fastest output; 0: unknown. */
uint32_t wayl_outputs_refresh(const struct wayl_outputs *outputs);

#endif
