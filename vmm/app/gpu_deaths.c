// SPDX-License-Identifier: MIT
#include "vmm/app/gpu_deaths.h"

#define MINUTE_NS 60000000000ull

bool gpu_deaths_too_many(struct gpu_deaths *deaths, unsigned limit, uint64_t now_ns)
{
    deaths->at_ns[deaths->n++ % GPU_DEATHS_MAX] = now_ns;
    return limit > 0 && deaths->n >= limit &&
           now_ns - deaths->at_ns[(deaths->n - limit) % GPU_DEATHS_MAX] < MINUTE_NS;
}
