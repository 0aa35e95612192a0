/* SPDX-License-Identifier: MIT */
/* Counts deaths of the GPU process within a minute. */
#ifndef VITRINE_APP_GPU_DEATHS_H
#define VITRINE_APP_GPU_DEATHS_H

#include <stdint.h>

/* So many in a minute are too many. */
#define GPU_DEATHS_MAX 3

/* Empty when zeroed. */
struct gpu_deaths {
    uint64_t at_ns[GPU_DEATHS_MAX];
    unsigned n;
};

/* Notes one at a time that does not go back. How many there were in the minute before, this one too; at
 * most GPU_DEATHS_MAX are told apart. */
unsigned gpu_deaths_note(struct gpu_deaths *deaths, uint64_t now_ns);

#endif
