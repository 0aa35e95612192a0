// SPDX-License-Identifier: MIT
#include <drm_fourcc.h>

#include "gpu/imports.h"
#include "tests/test.h"
#include "vmm/base/util.h"

static void what_is_offered_is_taken_and_nothing_else(void **state)
{
    static const struct display_format offered[] = {
        { DRM_FORMAT_ARGB8888, DRM_FORMAT_MOD_LINEAR },
        { DRM_FORMAT_XBGR8888, 7 },
        { DRM_FORMAT_XBGR8888, 7 },
        { DRM_FORMAT_XBGR8888, 9 },
        { DRM_FORMAT_NV12, DRM_FORMAT_MOD_LINEAR },
    };
    struct imports imports = { 0 };
    uint64_t seven = 7, eight = 8;

    imports_set(&imports, offered, ARRAY_LEN(offered));
    assert_true(imports.any);
    assert_int_equal(imports.generation, 1);
    assert_true(imports_take(&imports, DRM_FORMAT_XBGR8888, &seven));
    assert_false(imports_take(&imports, DRM_FORMAT_XBGR8888, &eight));
    assert_false(imports_take(&imports, DRM_FORMAT_XRGB8888, &seven));
    assert_null(imports_of(&imports, DRM_FORMAT_NV12));
    assert_int_equal(imports_of(&imports, DRM_FORMAT_XBGR8888)->n, 2);
    assert_false(imports_of(&imports, DRM_FORMAT_XBGR8888)->linear);
    imports_set(&imports, offered, 0);
    assert_false(imports.any);
    assert_int_equal(imports.generation, 2);
    assert_false(imports_take(&imports, DRM_FORMAT_XBGR8888, &seven));
}

static void a_linear_buffer_goes_without_a_modifier_where_none_are_known(void **state)
{
    static const struct display_format offered[] = {
        { DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_INVALID },
        { DRM_FORMAT_XBGR8888, DRM_FORMAT_MOD_INVALID },
        { DRM_FORMAT_XBGR8888, DRM_FORMAT_MOD_LINEAR },
    };
    struct imports imports = { 0 };
    uint64_t modifier = DRM_FORMAT_MOD_LINEAR, tiled = 7;

    imports_set(&imports, offered, ARRAY_LEN(offered));
    assert_true(imports_take(&imports, DRM_FORMAT_XRGB8888, &modifier));
    assert_true(modifier == DRM_FORMAT_MOD_INVALID);
    assert_false(imports_take(&imports, DRM_FORMAT_XRGB8888, &tiled));
    const struct import_format *f = imports_of(&imports, DRM_FORMAT_XRGB8888);
    assert_true(f->linear && f->linear_modifier == DRM_FORMAT_MOD_INVALID);
    f = imports_of(&imports, DRM_FORMAT_XBGR8888);
    assert_true(f->linear && f->linear_modifier == DRM_FORMAT_MOD_LINEAR);
}

static void linear_is_kept_behind_more_modifiers_than_there_is_room_for(void **state)
{
    static struct display_format offered[4096];
    struct imports imports = { 0 };

    for (unsigned i = 0; i < ARRAY_LEN(offered); i++)
        offered[i] = (struct display_format){ DRM_FORMAT_XRGB8888, 1 + i };
    offered[4094].modifier = DRM_FORMAT_MOD_INVALID;
    offered[4095].modifier = DRM_FORMAT_MOD_LINEAR;
    imports_set(&imports, offered, ARRAY_LEN(offered));
    const struct import_format *f = imports_of(&imports, DRM_FORMAT_XRGB8888);
    assert_int_equal(f->n, IMPORT_MODIFIERS);
    assert_true(f->linear && f->linear_modifier == DRM_FORMAT_MOD_LINEAR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_offered_is_taken_and_nothing_else),
        cmocka_unit_test(a_linear_buffer_goes_without_a_modifier_where_none_are_known),
        cmocka_unit_test(linear_is_kept_behind_more_modifiers_than_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
