/* SPDX-License-Identifier: MIT */
/* EDID for a virtual monitor (VESA E-EDID 1.4), with a DisplayID 1.3 extension where the mode is too
 * large for the base block. */
#ifndef VITRINE_GPU_EDID_H
#define VITRINE_GPU_EDID_H

#include <stdint.h>

struct display_mode;

#define EDID_BLOCK 128
#define EDID_MAX_SIZE (2 * EDID_BLOCK)

/* Describes a monitor whose preferred (and only) mode is `mode`: 1 to 16384 pixels each way; refresh 0
 * means 60 Hz, sizes of 0 mm mean 96 dots an inch. name: its first 12 bytes are used. Returns the bytes
 * written: one block or two. */
unsigned edid_generate(uint8_t edid[EDID_MAX_SIZE], const struct display_mode *mode,
                       const char *name, uint32_t serial);

#endif
