/* SPDX-License-Identifier: MIT */
/* Text on its way to the compositor or to the log. */
#ifndef VITRINE_WL_TEXT_H
#define VITRINE_WL_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Copies text as the UTF-8 that the protocol asks for: a byte that belongs to no character, and each
 * control character, becomes '?', and what does not fit in size (at least 1) is cut off between two
 * characters. */
void wayl_text_utf8(char *out, size_t size, const char *text);

/* A DRM fourcc as four printable characters. Returns out. */
const char *wayl_text_fourcc(char out[5], uint32_t fourcc);

#endif
