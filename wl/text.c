// SPDX-License-Identifier: MIT
#include "wl/text.h"

#include <string.h>

/* How many bytes the character at s has; 0 where none starts there (RFC 3629). */
static size_t utf8_length(const unsigned char *s)
{
    if (s[0] < 0x80)
        return 1;
    size_t len = s[0] >= 0xc2 && s[0] <= 0xdf   ? 2
                 : s[0] >= 0xe0 && s[0] <= 0xef ? 3
                 : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4
                                                : 0;
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0; /* the terminating 0 too */
    }
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0; /* longer than needed, a surrogate, beyond U+10FFFF */
    return len;
}

void wayl_text_utf8(char *out, size_t size, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t used = 0;
    while (*s) {
        size_t len = utf8_length(s);
        size_t takes = len ? len : 1;
        if (used + takes >= size)
            break;
        if (len == 0 || *s < 0x20 || *s == 0x7f)
            out[used] = '?';
        else
            memcpy(out + used, s, len);
        used += takes;
        s += takes;
    }
    out[used] = '\0';
}

const char *wayl_text_fourcc(char out[5], uint32_t fourcc)
{
    for (unsigned i = 0; i < 4; i++) {
        char c = (char)(fourcc >> 8 * i & 0xff);
        out[i] = c > 0x20 && c < 0x7f ? c : '?';
    }
    out[4] = '\0';
    return out;
}
