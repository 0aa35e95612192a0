/* SPDX-License-Identifier: MIT */
/* Takes bytes for a qcow2 image, opens, reads and writes it. */
#ifndef VITRINE_TESTS_FUZZ_QCOW2_TARGET_H
#define VITRINE_TESTS_FUZZ_QCOW2_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether it could be opened for writing. Nothing that the bytes say may crash this, or keep it for long. */
bool qcow2_target(const uint8_t *data, size_t len);

#endif
