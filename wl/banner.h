/* SPDX-License-Identifier: MIT */
/*
 * A line of text in the middle of a black picture, for a window whose guest shows nothing yet. It is
 * drawn with letters of 5 × 7 dots, all of them capitals: enough to say "starting…", and no library
 * for fonts in a process that needs none otherwise.
 */
#ifndef VITRINE_WL_BANNER_H
#define VITRINE_WL_BANNER_H

#include <stdint.h>

#define WAYL_BANNER_HEIGHT 7u /* dots of a letter */

/* How many dots wide a line is of these letters. */
uint32_t wayl_banner_width(const char *text);

/* Draws text, in UTF-8, grey, as large as becomes the picture; what can't be spelt is a '?'. Nothing is
 * drawn where the text does not fit. pixels: XRGB8888, black, width × height without gaps. */
void wayl_banner_draw(uint32_t *pixels, uint32_t width, uint32_t height, const char *text);

/* The same letters at a place: their upper left corner at left and top, in that colour, with dots of so many
 * pixels. What does not fit into the picture is left out, letter by letter. */
void wayl_banner_text(uint32_t *pixels, uint32_t width, uint32_t height, uint32_t left,
                      uint32_t top, unsigned dot, uint32_t colour, const char *text);

#endif
