/* SPDX-License-Identifier: MIT */
/* The guest's rendering contexts: which of its numbers name one. What is in them is the back-end's. */
#ifndef VITRINE_GPU_CONTEXT_H
#define VITRINE_GPU_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/list.h"

/* Each is a context of the host's GL, so they are not to be had without end. */
#define CONTEXT_MAX 512

struct gpu_context {
    struct list link;
    uint32_t id;
};

struct context_table {
    struct list bucket[64];
    unsigned n;
};

void context_table_init(struct context_table *table);
/* NULL where there is none. */
struct gpu_context *context_find(const struct context_table *table, uint32_t id);
/* A number that is free names a context now. NULL where there is no memory or CONTEXT_MAX are there. */
struct gpu_context *context_add(struct context_table *table, uint32_t id);
void context_remove(struct context_table *table, struct gpu_context *context);

#endif
