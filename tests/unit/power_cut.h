/* SPDX-License-Identifier: MIT */
/*
 * A program that ends between two of its writes, and a disk that loses what was not synced. Whoever links
 * power_cut.c has libc's writes to files replaced: each is done, noted and counted, and the program ends
 * at the one that was asked for.
 */
#ifndef VITRINE_TESTS_UNIT_POWER_CUT_H
#define VITRINE_TESTS_UNIT_POWER_CUT_H

#include <stdbool.h>
#include <stdint.h>

/* From here on, writes count, or only syncs. The program ends by SIGKILL before number `at` (from 1; 0:
 * never). durable_fd: a copy of the image that gets what is synced, and of the rest, when the program ends, what chance (seed)
 * picks; -1: none. */
void power_cut_arm(uint64_t at, bool only_syncs, int durable_fd, uint64_t seed);
uint64_t power_cut_count(void);

#endif
