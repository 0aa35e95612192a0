/* SPDX-License-Identifier: MIT */
/*
 * How long frames take from their arrival to the screen, as a histogram: adding one is a few
 * instructions, and percentiles are exact to an eighth. Pure; whoever owns it counts from one thread.
 */
#ifndef VITRINE_WL_LATENCY_H
#define VITRINE_WL_LATENCY_H

#include <stdint.h>

/* From 64 µs in steps of an eighth of each power of two, up to 17 s. */
#define WAYL_LATENCY_BUCKETS (18 * 8 + 1)

/* Zeroed: none yet. */
struct wayl_latency {
    uint64_t count;
    uint32_t bucket[WAYL_LATENCY_BUCKETS];
};

void wayl_latency_add(struct wayl_latency *latency, uint64_t ns);
/* The nanoseconds that so many of a hundred frames took at most, rounded up to a bucket's end; 0 where
 * there was none. */
uint64_t wayl_latency_percentile(const struct wayl_latency *latency, unsigned percent);

#endif
