/* SPDX-License-Identifier: MIT */
/* What a real compositor has on its screen, by weston-screenshooter. */
#ifndef VITRINE_TESTS_WL_SCREENSHOT_H
#define VITRINE_TESTS_WL_SCREENSHOT_H

#include <stdint.h>

struct fixture;

/* Takes a picture of the screen, meanwhile serving the windows: width × height × 3 bytes, RGB, to be
 * freed. */
uint8_t *screenshot_take(struct fixture *f, unsigned *width, unsigned *height);

#endif
