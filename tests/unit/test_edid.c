// SPDX-License-Identifier: MIT
/* EDIDs, read back as the standards say. */
#include <stdlib.h>
#include <string.h>

#include "gpu/edid.h"
#include "gpu/frame.h"
#include "tests/test.h"
#include "vmm/base/util.h"

struct timing {
    unsigned n; /* timings found in all blocks */
    uint32_t width, height, h_total, v_total;
    uint64_t clock_khz;
    uint32_t width_mm, height_mm;
};

static void sum_is_zero(const uint8_t *p, unsigned len)
{
    uint8_t sum = 0;
    for (unsigned i = 0; i < len; i++)
        sum = (uint8_t)(sum + p[i]);
    assert_int_equal(sum, 0);
}

static unsigned le16(const uint8_t *p)
{
    return p[0] | (unsigned)p[1] << 8;
}

static void read_displayid(const uint8_t *block, struct timing *t)
{
    const uint8_t *section = block + 1;
    const uint8_t *data = section + 4;

    assert_int_equal(block[0], 0x70);
    sum_is_zero(block, 128);
    assert_int_equal(section[0] >> 4, 1);
    assert_true(section[1] + 5u <= 126);
    sum_is_zero(section, section[1] + 5u);
    assert_int_equal(data[0], 3);
    assert_int_equal(data[2], 20);
    assert_true(data[3 + 3] & 0x80); /* preferred */
    t->n++;
    t->clock_khz = (le16(data + 3) + ((uint32_t)data[5] << 16) + 1) * 10ull;
    t->width = le16(data + 7) + 1;
    t->h_total = t->width + le16(data + 9) + 1;
    t->height = le16(data + 15) + 1;
    t->v_total = t->height + le16(data + 17) + 1;
}

static struct timing decode(const uint8_t *edid, unsigned len)
{
    struct timing t = { 0 };

    assert_memory_equal(edid, "\0\xff\xff\xff\xff\xff\xff\0", 8);
    assert_int_equal(len, 128u * (edid[126] + 1u));
    assert_int_equal(edid[18], 1);
    assert_int_equal(edid[19], 4);
    sum_is_zero(edid, 128);
    for (const uint8_t *d = edid + 54; d < edid + 126; d += 18) {
        if (le16(d) == 0)
            continue;
        t.n++;
        t.clock_khz = le16(d) * 10ull;
        t.width = d[2] | (d[4] & 0xf0u) << 4;
        t.h_total = t.width + (d[3] | (d[4] & 0xfu) << 8);
        t.height = d[5] | (d[7] & 0xf0u) << 4;
        t.v_total = t.height + (d[6] | (d[7] & 0xfu) << 8);
        t.width_mm = d[12] | (d[14] & 0xf0u) << 4;
        t.height_mm = d[13] | (d[14] & 0xfu) << 8;
    }
    if (edid[126] == 1)
        read_displayid(edid + 128, &t);
    return t;
}

static void the_one_timing_is_the_mode(void **state)
{
    static const struct display_mode modes[] = {
        { .width = 1280, .height = 800 },
        { .width = 1366, .height = 768, .refresh_mhz = 59940 },
        { .width = 1, .height = 1 },
        { .width = 1921, .height = 1081, .refresh_mhz = 144000 },
        { .width = 3840, .height = 2160, .refresh_mhz = 60000 },
        { .width = 4095, .height = 2160, .refresh_mhz = 30000 },
        { .width = 4096, .height = 2160 },
        { .width = 3840, .height = 2160, .refresh_mhz = 144000 }, /* the clock is too fast */
        { .width = 5120, .height = 1440, .refresh_mhz = 120000 },
        { .width = 1080, .height = 4096 },
        { .width = 16384, .height = 16384, .refresh_mhz = 240000 },
    };
    for (unsigned i = 0; i < ARRAY_LEN(modes); i++) {
        uint8_t edid[EDID_MAX_SIZE];
        unsigned len = edid_generate(edid, &modes[i], "vitrine", 1);
        struct timing t = decode(edid, len);

        assert_int_equal(t.n, 1);
        assert_int_equal(t.width, modes[i].width);
        assert_int_equal(t.height, modes[i].height);
        /* The refresh rate is right to 1 %, for all but the tiniest. */
        uint64_t wanted = modes[i].refresh_mhz ? modes[i].refresh_mhz : 60000;
        uint64_t got = t.clock_khz * 1000000 / ((uint64_t)t.h_total * t.v_total);
        if (modes[i].width > 100)
            assert_true(got * 100 > wanted * 99 && got * 100 < wanted * 101);
    }
}

static void a_mode_that_fits_needs_one_block(void **state)
{
    uint8_t edid[EDID_MAX_SIZE];
    struct display_mode mode = { .width = 4095, .height = 2160, .refresh_mhz = 60000 };

    assert_int_equal(edid_generate(edid, &mode, "vitrine", 1), 128);
    mode.width = 4096;
    assert_int_equal(edid_generate(edid, &mode, "vitrine", 1), 256);
}

static void sizes_in_millimetres_are_told_or_guessed(void **state)
{
    uint8_t edid[EDID_MAX_SIZE];
    struct display_mode mode = { .width = 1920, .height = 1080, .width_mm = 531, .height_mm = 299 };

    struct timing t = decode(edid, edid_generate(edid, &mode, "vitrine", 1));
    assert_int_equal(t.width_mm, 531);
    assert_int_equal(t.height_mm, 299);
    assert_int_equal(edid[21], 53);
    assert_int_equal(edid[22], 30);
    mode.width_mm = mode.height_mm = 0; /* 96 dots an inch */
    t = decode(edid, edid_generate(edid, &mode, "vitrine", 1));
    assert_int_equal(t.width_mm, 508);
    assert_int_equal(t.height_mm, 286);
    mode.width_mm = mode.height_mm = 1000000;
    t = decode(edid, edid_generate(edid, &mode, "vitrine", 1));
    assert_int_equal(t.width_mm, 4095);
    assert_int_equal(edid[21], 255);
}

static const char *name_in(const uint8_t *edid)
{
    for (const uint8_t *d = edid + 54; d < edid + 126; d += 18)
        if (le16(d) == 0 && d[3] == 0xfc)
            return (const char *)d + 5;
    return NULL;
}

static void the_name_is_padded_and_cut(void **state)
{
    uint8_t edid[EDID_MAX_SIZE];
    struct display_mode mode = { .width = 640, .height = 480 };

    edid_generate(edid, &mode, "vitrine", 7);
    assert_memory_equal(name_in(edid), "vitrine\n     ", 13);
    assert_int_equal(edid[12], 7);
    edid_generate(edid, &mode, "a name that is too long", 7);
    assert_memory_equal(name_in(edid), "a name that \n", 13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_one_timing_is_the_mode),
        cmocka_unit_test(a_mode_that_fits_needs_one_block),
        cmocka_unit_test(sizes_in_millimetres_are_told_or_guessed),
        cmocka_unit_test(the_name_is_padded_and_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
