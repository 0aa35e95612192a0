/* SPDX-License-Identifier: MIT */
/* Writes a picture as a PNG file. */
#ifndef VITRINE_APP_PNG_FILE_H
#define VITRINE_APP_PNG_FILE_H

#include <stdint.h>

/* pixels: width × height of XRGB8888, from the top left, in rows without gaps; they
 * are lost. A file that is there is replaced; one
 * that could not be written whole is removed. 0 or a negative errno. Any thread. */
int png_file_write(const char *path, uint32_t *pixels, uint32_t width, uint32_t height);

#endif
