// SPDX-License-Identifier: MIT

#include "tests/test.h"
#include "vmm/base/list.h"

struct item {
    int value;
    struct list link;
};

static void append_keeps_order_and_prepend_goes_first(void **state)
{
    struct list head;
    struct item a = { .value = 1 }, b = { .value = 2 }, c = { .value = 0 };
    list_init(&head);
    assert_true(list_empty(&head));
    list_append(&head, &a.link);
    list_append(&head, &b.link);
    list_prepend(&head, &c.link);
    int expected = 0;
    struct item *pos;
    list_for_each(pos, &head, link)
        assert_int_equal(pos->value, expected++);
    assert_int_equal(expected, 3);
    assert_ptr_equal(list_first(&head, struct item, link), &c);
}

static void safe_walk_may_remove_each(void **state)
{
    struct list head;
    struct item items[4];
    list_init(&head);
    for (int i = 0; i < 4; i++)
        list_append(&head, &items[i].link);
    struct item *pos, *tmp;
    unsigned seen = 0;
    list_for_each_safe(pos, tmp, &head, link) {
        list_remove(&pos->link);
        seen++;
    }
    assert_int_equal(seen, 4);
    assert_true(list_empty(&head));
}

static void removing_twice_is_harmless(void **state)
{
    struct list head;
    struct item a, b;
    list_init(&head);
    list_append(&head, &a.link);
    list_append(&head, &b.link);
    list_remove(&a.link);
    list_remove(&a.link);
    assert_ptr_equal(list_first(&head, struct item, link), &b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(append_keeps_order_and_prepend_goes_first),
        cmocka_unit_test(safe_walk_may_remove_each),
        cmocka_unit_test(removing_twice_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
