// SPDX-License-Identifier: MIT
#include "vmm/app/gpu_deaths.h"

#define MINUTE_NS 60000000000ull

unsigned gpu_deaths_note(struct gpu_deaths *deaths, uint64_t now_ns)
{
    unsigned recent = 0;

    deaths->at_ns[deaths->n++ % GPU_DEATHS_MAX] = now_ns;
    for (unsigned i = 0; i < GPU_DEATHS_MAX && i < deaths->n; i++)
        recent += now_ns - deaths->at_ns[i] < MINUTE_NS;
    return recent;
}
