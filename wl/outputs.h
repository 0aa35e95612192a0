/* SPDX-License-Identifier: MIT */
/* The compositor's outputs, as far as a guest is to know of them: how often they refresh. */
#ifndef VITRINE_WL_OUTPUTS_H
#define VITRINE_WL_OUTPUTS_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/list.h"

struct wl_registry;

struct wayl_outputs {
    struct list list; /* struct output.link */
};

void wayl_outputs_init(struct wayl_outputs *outputs);
/* Takes a global that is a wl_output; false where it is something else. */
bool wayl_outputs_global(struct wayl_outputs *outputs, struct wl_registry *registry, uint32_t name,
                         const char *interface, uint32_t version);
void wayl_outputs_global_remove(struct wayl_outputs *outputs, uint32_t name);
/* Before the connection is closed. */
void wayl_outputs_finish(struct wayl_outputs *outputs);

/* Thousandths of a hertz of the fastest output; 0: unknown. */
uint32_t wayl_outputs_refresh(const struct wayl_outputs *outputs);

#endif
