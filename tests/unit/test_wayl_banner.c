// SPDX-License-Identifier: MIT
/* The text in a window that has no picture yet. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"
#include "vmm/base/util.h"
#include "wl/banner.h"

#define CANARY 0xabcdefu
#define MARGIN 256u

struct picture {
    uint32_t width, height;
    uint32_t *all, *pixels;
    /* What is not black. */
    uint32_t left, right, top, bottom, n;
};

static void draw(struct picture *p, uint32_t width, uint32_t height, const char *text)
{
    size_t size = (size_t)width * height;
    *p = (struct picture){ .width = width, .height = height, .left = width, .top = height };
    p->all = malloc((size + 2 * MARGIN) * sizeof(*p->all));
    assert_non_null(p->all);
    p->pixels = p->all + MARGIN;
    for (size_t i = 0; i < size + 2 * MARGIN; i++)
        p->all[i] = i < MARGIN || i >= MARGIN + size ? CANARY : 0;
    wayl_banner_draw(p->pixels, width, height, text);
    for (size_t i = 0; i < size; i++) {
        uint32_t x = (uint32_t)i % width, y = (uint32_t)i / width;
        if (!p->pixels[i])
            continue;
        p->n++;
        p->left = MIN(p->left, x);
        p->right = MAX(p->right, x);
        p->top = MIN(p->top, y);
        p->bottom = MAX(p->bottom, y);
    }
    for (size_t i = 0; i < MARGIN; i++)
        assert_true(p->all[i] == CANARY && p->pixels[size + i] == CANARY);
}

static void is_the_same(const char *text, const char *other, bool same)
{
    struct picture a, b;
    draw(&a, 640, 480, text);
    draw(&b, 640, 480, other);
    assert_true((memcmp(a.pixels, b.pixels, 640 * 480 * 4) == 0) == same);
    free(a.all);
    free(b.all);
}

static void the_text_is_in_the_middle_and_well_legible(void **state)
{
    struct picture p;
    draw(&p, 1280, 800, "starting…");
    assert_true(p.n > 500);
    assert_true(p.bottom - p.top + 1 >= 7 * 3);
    assert_in_range(p.left + p.right, 1280 - 24, 1280 + 24);
    assert_in_range(p.top + p.bottom, 800 - 24, 800 + 24);
    free(p.all);
}

static void letters_are_told_apart_but_not_by_their_case(void **state)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789.,:;'-?";
    struct picture p[sizeof(letters) - 1];
    for (unsigned i = 0; i < ARRAY_LEN(p); i++)
        draw(&p[i], 40, 40, (const char[]){ ' ', letters[i], '\0' });
    for (unsigned i = 0; i < ARRAY_LEN(p); i++) {
        assert_true(p[i].n > 0);
        for (unsigned k = 0; k < i; k++)
            assert_memory_not_equal(p[i].pixels, p[k].pixels, 40 * 40 * 4);
    }
    for (unsigned i = 0; i < ARRAY_LEN(p); i++)
        free(p[i].all);
    is_the_same("Graphics Restarting", "graphics restarting", true);
    is_the_same("ready…", "ready...", true);
    is_the_same("a — b", "a - b", true);
}

static void what_cannot_be_spelt_is_a_question_mark(void **state)
{
    is_the_same("ä", "?", true);
    is_the_same("a\xf0\x9f\x98\x80z", "a?z", true);
    is_the_same("~", "?", true);
    is_the_same("/", "?", true);
    is_the_same("\x01", "?", true);
    is_the_same("\xff\xc3", "??", true);
}

/* The rightmost dot is the last letter's. */
static void a_line_is_as_wide_as_it_says(void **state)
{
    static const char *const texts[] = { "h", "hh", "a dash — h", "…h" };
    for (unsigned i = 0; i < ARRAY_LEN(texts); i++) {
        uint32_t pixels[20 * 100] = { 0 }, right = 0;
        wayl_banner_text(pixels, 100, 20, 0, 0, 1, 1, texts[i]);
        for (uint32_t k = 0; k < ARRAY_LEN(pixels); k++)
            right = pixels[k] ? MAX(right, k % 100) : right;
        assert_int_equal(wayl_banner_width(texts[i]), right + 1);
    }
    assert_int_equal(wayl_banner_width(""), 0);
}

static void nothing_is_drawn_beside_a_picture_of_any_size(void **state)
{
    static const char *const texts[] = { "", "x", "starting…",
                                         "a note that is longer than a line may be: cut off" };
    for (unsigned t = 0; t < ARRAY_LEN(texts); t++) {
        for (uint32_t width = 1; width < 300; width += width < 70 ? 1 : 23) {
            for (uint32_t height = 1; height < 300; height += height < 20 ? 1 : 67) {
                struct picture p;
                draw(&p, width, height, texts[t]);
                assert_true((p.n > 0) == (t == 1 ? width >= 6 && height >= 7 : p.n > 0));
                free(p.all);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_is_in_the_middle_and_well_legible),
        cmocka_unit_test(letters_are_told_apart_but_not_by_their_case),
        cmocka_unit_test(what_cannot_be_spelt_is_a_question_mark),
        cmocka_unit_test(a_line_is_as_wide_as_it_says),
        cmocka_unit_test(nothing_is_drawn_beside_a_picture_of_any_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
