// SPDX-License-Identifier: MIT
#include "gpu/damage.h"
#include "tests/test.h"
#include "vmm/base/util.h"

static struct frame_rect rect(uint32_t x, uint32_t y, uint32_t w, uint32_t h)
{
    return (struct frame_rect){ .x = x, .y = y, .width = w, .height = h };
}

static void check(const struct frame_rect *r, uint32_t x, uint32_t y, uint32_t w, uint32_t h)
{
    assert_int_equal(r->x, x);
    assert_int_equal(r->y, y);
    assert_int_equal(r->width, w);
    assert_int_equal(r->height, h);
}

static void an_intersection_is_what_both_have(void **state)
{
    struct frame_rect a = rect(10, 10, 20, 20);
    struct frame_rect b = rect(25, 5, 100, 10);
    struct frame_rect out;

    assert_true(rect_intersect(&a, &b, &out));
    check(&out, 25, 10, 5, 5);
    b = rect(30, 10, 5, 5);
    assert_false(rect_intersect(&a, &b, &out));
    b = rect(12, 12, 0, 5);
    assert_false(rect_intersect(&a, &b, &out));
}

static void an_intersection_does_not_overflow(void **state)
{
    struct frame_rect a = rect(0, 0, 100, 100);
    struct frame_rect b = rect(UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX);
    struct frame_rect out;

    assert_false(rect_intersect(&a, &b, &out));
    b = rect(99, 50, UINT32_MAX, UINT32_MAX);
    assert_true(rect_intersect(&a, &b, &out));
    check(&out, 99, 50, 1, 50);
}

static void a_contained_rectangle_adds_nothing(void **state)
{
    struct damage d = { 0 };

    damage_add(&d, &(struct frame_rect){ 5, 5, 2, 2 });
    damage_add(&d, &(struct frame_rect){ 0, 0, 10, 10 });
    damage_add(&d, &(struct frame_rect){ 9, 9, 1, 1 });
    assert_int_equal(d.n, 1);
    assert_int_equal(damage_area(&d), 100);
}

static bool covered(const struct damage *d, uint32_t x, uint32_t y)
{
    for (unsigned i = 0; i < d->n; i++)
        if (x >= d->rect[i].x && x < d->rect[i].x + d->rect[i].width && y >= d->rect[i].y &&
            y < d->rect[i].y + d->rect[i].height)
            return true;
    return false;
}

static void any_number_of_rectangles_stays_covered(void **state)
{
    struct damage d = { 0 };
    uint32_t seed = 1;

    for (unsigned i = 0; i < 200; i++) {
        struct frame_rect r[1];
        seed = seed * 1664525 + 1013904223;
        r[0] = rect(seed >> 24, seed >> 16 & 0xff, 1 + (seed >> 8 & 7), 1 + (seed >> 12 & 7));
        damage_add(&d, r);
        assert_true(d.n <= FRAME_MAX_DAMAGE);
        assert_true(covered(&d, r->x, r->y));
        assert_true(covered(&d, r->x + r->width - 1, r->y + r->height - 1));
        for (unsigned n = 0; n < d.n; n++)
            assert_true(d.rect[n].x + d.rect[n].width <= 256 + 8);
    }
}

static void the_seventeenth_joins_its_neighbour(void **state)
{
    struct damage d = { 0 };

    for (uint32_t i = 0; i < FRAME_MAX_DAMAGE; i++)
        damage_add(&d, &(struct frame_rect){ i * 100, 0, 10, 10 });
    assert_int_equal(d.n, FRAME_MAX_DAMAGE);
    damage_add(&d, &(struct frame_rect){ 311, 0, 10, 10 });
    assert_int_equal(d.n, FRAME_MAX_DAMAGE);
    assert_int_equal(damage_area(&d), 15 * 100 + 210);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_intersection_is_what_both_have),
        cmocka_unit_test(an_intersection_does_not_overflow),
        cmocka_unit_test(a_contained_rectangle_adds_nothing),
        cmocka_unit_test(any_number_of_rectangles_stays_covered),
        cmocka_unit_test(the_seventeenth_joins_its_neighbour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
