/* SPDX-License-Identifier: MIT */
/* Tells when the GPU process has died too often within a minute. */
#ifndef VITRINE_APP_GPU_DEATHS_H
#define VITRINE_APP_GPU_DEATHS_H

#include <stdbool.h>
#include <stdint.h>

#define GPU_DEATHS_MAX 32

/* Empty when zeroed. */
struct gpu_deaths {
    uint64_t at_ns[GPU_DEATHS_MAX];
    unsigned n;
};

/* Notes one at a time that does not go back. Whether there were `limit` of them in the minute before, this one
 * too; 0: never; at most GPU_DEATHS_MAX. */
bool gpu_deaths_too_many(struct gpu_deaths *deaths, unsigned limit, uint64_t now_ns);

#endif
