// SPDX-License-Identifier: MIT
/*
 * The base block has one detailed timing, and EDID 1.4 makes the first one the preferred mode. Its
 * fields end at 4095 pixels and 655.35 MHz. A larger mode goes into a DisplayID extension, and then the
 * base block has no timing at all: it would be preferred as well.
 *
 * The timing's blanking follows CVT's reduced blanking (160 pixels, at least 460 µs of lines); nothing
 * ever scans it out, but guests compute the refresh rate from it.
 */
#include "gpu/edid.h"

#include <string.h>

#include "gpu/frame.h"
#include "vmm/base/util.h"

#define H_BLANK 160u
#define H_FRONT 48u
#define H_SYNC 32u
#define V_FRONT 3u
#define V_SYNC 6u
#define V_BACK_MIN 6u
#define V_BLANK_MIN_US 460u

#define DESCRIPTOR 18u
#define DESCRIPTORS_AT 54u

struct timing {
    uint32_t width, height, v_blank;
    uint64_t clock_10khz;
    uint32_t width_mm, height_mm;
};

static struct timing timing_for(const struct display_mode *mode)
{
    struct timing t = {
        .width = MIN(MAX(mode->width, 1u), 16384u),
        .height = MIN(MAX(mode->height, 1u), 16384u),
        .width_mm = mode->width_mm,
        .height_mm = mode->height_mm,
    };
    uint64_t mhz = mode->refresh_mhz ? mode->refresh_mhz : 60000;
    mhz = MIN(MAX(mhz, 1000u), 1000000u);

    /* Lines of blanking that take 460 µs when the others share the rest of a frame. */
    uint64_t frame_us = 1000000000ull / mhz;
    uint64_t lines = (uint64_t)t.height * V_BLANK_MIN_US / (frame_us - V_BLANK_MIN_US) + 1;
    t.v_blank = (uint32_t)MAX(lines, V_FRONT + V_SYNC + V_BACK_MIN);

    uint64_t dots = (uint64_t)(t.width + H_BLANK) * (t.height + t.v_blank);
    t.clock_10khz = (dots * mhz + 5000000) / 10000000;
    t.clock_10khz = MAX(t.clock_10khz, 1u);

    if (!t.width_mm || !t.height_mm) {
        t.width_mm = (t.width * 254 + 480) / 960;
        t.height_mm = (t.height * 254 + 480) / 960;
    }
    return t;
}

static void put_le16(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
}

static void put_checksum(uint8_t *bytes, unsigned len)
{
    uint8_t sum = 0;
    for (unsigned i = 0; i + 1 < len; i++)
        sum = (uint8_t)(sum + bytes[i]);
    bytes[len - 1] = (uint8_t)-sum;
}

static bool fits_base_block(const struct timing *t)
{
    return t->width <= 4095 && t->height <= 4095 && t->v_blank <= 4095 && t->clock_10khz <= 65535;
}

static uint8_t high_nibbles(uint32_t high, uint32_t low)
{
    return (uint8_t)((high >> 8 & 0xf) << 4 | (low >> 8 & 0xf));
}

/* E-EDID 1.4, 3.10.2. */
static void put_detailed_timing(uint8_t *d, const struct timing *t)
{
    uint32_t width_mm = MIN(t->width_mm, 4095u);
    uint32_t height_mm = MIN(t->height_mm, 4095u);

    put_le16(d, (uint32_t)t->clock_10khz);
    d[2] = (uint8_t)t->width;
    d[3] = (uint8_t)H_BLANK;
    d[4] = high_nibbles(t->width, H_BLANK);
    d[5] = (uint8_t)t->height;
    d[6] = (uint8_t)t->v_blank;
    d[7] = high_nibbles(t->height, t->v_blank);
    d[8] = (uint8_t)H_FRONT;
    d[9] = (uint8_t)H_SYNC;
    d[10] = (uint8_t)(V_FRONT << 4 | V_SYNC);
    d[12] = (uint8_t)width_mm;
    d[13] = (uint8_t)height_mm;
    d[14] = high_nibbles(width_mm, height_mm);
    d[17] = 0x1a; /* separate digital sync, horizontal positive, vertical negative */
}

/* E-EDID 1.4, 3.10.3: a descriptor that is no timing. */
static void put_name(uint8_t *d, const char *name)
{
    size_t len = strnlen(name, 12);

    d[3] = 0xfc;
    memset(d + 5, ' ', 13);
    memcpy(d + 5, name, len);
    d[5 + len] = '\n';
}

static void put_dummy(uint8_t *d)
{
    d[3] = 0x10;
}

/* DisplayID 1.3, 4.4.1: a type I detailed timing in a section of its own. */
static void put_displayid(uint8_t *block, const struct timing *t)
{
    uint8_t *section = block + 1;
    uint8_t *d = section + 7;
    uint32_t clock = (uint32_t)t->clock_10khz - 1;

    block[0] = 0x70;
    section[0] = 0x13;
    section[1] = 3 + 20; /* the data block below */
    section[2] = 0x03;   /* a monitor of its own */
    section[4] = 0x03;
    section[6] = 20;
    put_le16(d, clock);
    d[2] = (uint8_t)(clock >> 16);
    d[3] = 0x80 | 0x08; /* preferred; aspect ratio not given */
    put_le16(d + 4, t->width - 1);
    put_le16(d + 6, H_BLANK - 1);
    put_le16(d + 8, (H_FRONT - 1) | 0x8000);
    put_le16(d + 10, H_SYNC - 1);
    put_le16(d + 12, t->height - 1);
    put_le16(d + 14, t->v_blank - 1);
    put_le16(d + 16, V_FRONT - 1);
    put_le16(d + 18, V_SYNC - 1);
    put_checksum(section, 4 + 3 + 20 + 1);
    put_checksum(block, EDID_BLOCK);
}

/* Five bits a letter, big endian. */
static void put_maker(uint8_t *p, const char letters[3])
{
    unsigned id = 0;
    for (unsigned i = 0; i < 3; i++)
        id = id << 5 | (unsigned)(letters[i] - '@');
    p[0] = (uint8_t)(id >> 8);
    p[1] = (uint8_t)id;
}

unsigned edid_generate(uint8_t edid[EDID_MAX_SIZE], const struct display_mode *mode,
                       const char *name, uint32_t serial)
{
    static const uint8_t header[8] = { 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0 };
    /* sRGB's primaries and white point, ten bits each. */
    static const uint8_t srgb[10] = { 0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54 };
    struct timing t = timing_for(mode);
    bool base = fits_base_block(&t);
    uint8_t *d = edid + DESCRIPTORS_AT;

    memset(edid, 0, EDID_MAX_SIZE);
    memcpy(edid, header, sizeof(header));
    put_maker(edid + 8, "VTR");
    put_le16(edid + 10, 1);
    put_le16(edid + 12, serial);
    put_le16(edid + 14, serial >> 16);
    edid[17] = 2026 - 1990;
    edid[18] = 1;
    edid[19] = 4;
    edid[20] = 0xa5; /* digital, 8 bits a colour, DisplayPort */
    edid[21] = (uint8_t)MIN((t.width_mm + 5) / 10, 255u);
    edid[22] = (uint8_t)MIN((t.height_mm + 5) / 10, 255u);
    edid[23] = 120;  /* gamma 2.2 */
    edid[24] = 0x06; /* sRGB; the preferred timing is the native one */
    memcpy(edid + 25, srgb, sizeof(srgb));
    memset(edid + 38, 0x01, 16); /* no standard timings */

    if (base) {
        put_detailed_timing(d, &t);
        d += DESCRIPTOR;
    }
    put_name(d, name);
    for (d += DESCRIPTOR; d < edid + DESCRIPTORS_AT + 4 * DESCRIPTOR; d += DESCRIPTOR)
        put_dummy(d);
    if (!base) {
        edid[126] = 1;
        put_displayid(edid + EDID_BLOCK, &t);
    }
    put_checksum(edid, EDID_BLOCK);
    return base ? EDID_BLOCK : EDID_MAX_SIZE;
}
