// SPDX-License-Identifier: MIT
#include <string.h>
#include <xkbcommon/xkbcommon-keysyms.h>

#include "tests/test.h"
#include "wl/hotkey.h"

static void assert_hotkey(const char *text, const char *label, uint32_t sym)
{
    struct wayl_hotkey hotkey;
    assert_true(wayl_hotkey_parse(&hotkey, text));
    assert_string_equal(hotkey.label, label);
    assert_int_equal(hotkey.sym, sym);
}

static void a_hotkey_is_modifiers_and_a_key(void **state)
{
    assert_hotkey(WAYL_HOTKEY_DEFAULT, "Ctrl+Alt+G", XKB_KEY_g);
    assert_hotkey("Shift+CONTROL+f12", "Ctrl+Shift+F12", XKB_KEY_F12);
    assert_hotkey("super+Escape", "Super+Escape", XKB_KEY_Escape);
    assert_hotkey("meta+G", "Super+G", XKB_KEY_g);
    assert_hotkey("logo+alt+shift+ctrl+Scroll_Lock", "Ctrl+Alt+Shift+Super+Scroll_Lock",
                  XKB_KEY_Scroll_Lock);
}

static void anything_else_is_none(void **state)
{
    static const char *const bad[] = {
        "",       "g",       "ctrl",   "ctrl+",      "+g",           "ctrl+alt",     "ctrl+g+h",
        "g+ctrl", "ctrl+g+", "ctrl g", "ctrl+nokey", "ctrl+Shift_L", "ctrl+Super_R",
    };
    struct wayl_hotkey hotkey;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(wayl_hotkey_parse(&hotkey, bad[i]));
    char longest[4096];
    memset(longest, '+', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_false(wayl_hotkey_parse(&hotkey, longest));
}

/* The longest label that there can be. */
static void a_label_fits_its_place(void **state)
{
    assert_hotkey("ctrl+alt+shift+super+Greek_accentdieresis",
                  "Ctrl+Alt+Shift+Super+Greek_accentdieresis", XKB_KEY_Greek_accentdieresis);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hotkey_is_modifiers_and_a_key),
        cmocka_unit_test(anything_else_is_none),
        cmocka_unit_test(a_label_fits_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
