// SPDX-License-Identifier: MIT
#include "wl/latency.h"

#include "vmm/base/util.h"

#define UNIT_NS 8192u /* 64 µs are eight of them: the first power of two that has eighths */

/* Bucket 0 holds all below 64 µs; then eight buckets for each power of two. */
static unsigned bucket_of(uint64_t ns)
{
    uint64_t units = ns / UNIT_NS;
    if (units < 8)
        return 0;
    unsigned power = 63 - (unsigned)__builtin_clzll(units);
    unsigned n = 1 + (power - 3) * 8 + (unsigned)(units >> (power - 3) & 7);
    return MIN(n, WAYL_LATENCY_BUCKETS - 1u);
}

static uint64_t bucket_end(unsigned n)
{
    if (n == 0)
        return 8ull * UNIT_NS;
    return (uint64_t)(8 + (n - 1) % 8 + 1) * UNIT_NS << (n - 1) / 8;
}

void wayl_latency_add(struct wayl_latency *latency, uint64_t ns)
{
    latency->count++;
    latency->bucket[bucket_of(ns)]++;
}

uint64_t wayl_latency_percentile(const struct wayl_latency *latency, unsigned percent)
{
    uint64_t sum = 0;
    for (unsigned i = 0; latency->count > 0 && i < WAYL_LATENCY_BUCKETS; i++) {
        sum += latency->bucket[i];
        if (sum > 0 && sum * 100 >= latency->count * percent)
            return bucket_end(i);
    }
    return 0;
}
