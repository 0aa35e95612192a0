// SPDX-License-Identifier: MIT
/* What a window asks of its desktop: title bar, activation, idle, content, tearing, icon. */
#include <drm_fourcc.h>
#include <linux/input-event-codes.h>
#include <stdlib.h>
#include <string.h>

#include "content-type-v1-server.h"
#include "protocols-config.h"
#include "tearing-control-v1-server.h"
#include "tests/test.h"
#include "tests/wl/fixture.h"
#include "xdg-decoration-v1-server.h"
#include "xdg-shell-server.h"

/* Of the keymap. */
#define CTRL_ALT (4u | 8u)

#define STATES(...) ((const uint32_t[]){ __VA_ARGS__, 0 })

static const uint32_t no_states[] = { 0 };

static void open_with(struct fixture *f, const struct wayl_manners_config *manners,
                      unsigned n_windows)
{
    *f = (struct fixture){ .loop = loop_create(), .manners = *manners };
    assert_non_null(f->loop);
    f->compositor = compositor_create(f->loop, &compositor_everything);
    fixture_finish_opening(f, n_windows);
    assert_non_null(f->wayl);
}

static void the_compositor_is_asked_for_a_title_bar(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 2);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(compositor_window(f.compositor, i)->decoration_mode,
                         ZXDG_TOPLEVEL_DECORATION_V1_MODE_SERVER_SIDE);
    fixture_close(&f);
}

static void a_compositor_that_draws_no_title_bar_shows_the_window_all_the_same(void **state)
{
    struct fixture f = { .loop = loop_create() };
    f.compositor = compositor_create(f.loop, &compositor_everything);
    f.compositor->decoration_answer = ZXDG_TOPLEVEL_DECORATION_V1_MODE_CLIENT_SIDE;
    fixture_finish_opening(&f, 1);
    assert_true(compositor_window(f.compositor, 0)->has_content);
    assert_int_equal(f.rec.n_lost, 0);
    fixture_close(&f);
}

static void the_activation_token_is_used_once_when_there_is_something_to_see(void **state)
{
    struct fixture f;
    setenv("XDG_ACTIVATION_TOKEN", "a token", 1);
    fixture_open(&f, &compositor_everything, 2);
    assert_null(getenv("XDG_ACTIVATION_TOKEN"));
    assert_int_equal(f.compositor->n_activations, 1);
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    assert_string_equal(window->token, "a token");
    assert_true(window->activated_mapped);
    compositor_configure(window, 0, 0, no_states);
    compositor_sync(f.compositor);
    assert_int_equal(f.compositor->n_activations, 1);
    fixture_close(&f);
}

static void a_token_that_is_no_text_ends_nothing(void **state)
{
    static const char *const tokens[] = { "", "\xff\xfe\x80", "a\nb" };
    for (unsigned i = 0; i < 3; i++) {
        struct fixture f;
        setenv("XDG_ACTIVATION_TOKEN", tokens[i], 1);
        fixture_open(&f, &compositor_everything, 1);
        assert_int_equal(f.compositor->n_activations, *tokens[i] ? 1 : 0);
        assert_null(getenv("XDG_ACTIVATION_TOKEN"));
        fixture_close(&f);
    }
    /* Longer than a message may be: it is left out. */
    char *token = calloc(1, 8192);
    memset(token, 'x', 8191);
    setenv("XDG_ACTIVATION_TOKEN", token, 1);
    free(token);
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    assert_int_equal(f.compositor->n_activations, 0);
    assert_int_equal(f.rec.n_lost, 0);
    fixture_close(&f);
}

static void without_a_token_nothing_is_activated(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    assert_int_equal(f.compositor->n_activations, 0);
    fixture_close(&f);
}

static void a_window_is_raised_by_a_token_or_asks_for_one(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    assert_true(wayl_raise(f.wayl, "a launcher's"));
    compositor_sync(f.compositor);
    assert_int_equal(f.compositor->n_activations, 1);
    assert_string_equal(window->token, "a launcher's");
    for (unsigned i = 2; i < 4; i++) {
        assert_true(wayl_raise(f.wayl, NULL));
        assert_true(wayl_raise(f.wayl, "")); /* while the token is under way */
        while (f.compositor->n_activations < i)
            loop_run_once(f.loop, -1);
        assert_string_equal(window->token, "asked for");
    }
    compositor_sync(f.compositor);
    assert_int_equal(f.compositor->n_activations, 3);
    assert_true(wayl_raise(f.wayl, NULL)); /* and nobody waits for the answer */
    fixture_close(&f);
}

/* Asks to be raised, without a token. */
static void ask(struct fixture *f)
{
    unsigned before = f->compositor->n_activations;
    assert_true(wayl_raise(f->wayl, NULL));
    fixture_until(f, f->compositor->n_activations > before);
}

/* Asks to be raised behind an event of the compositor's, and says what the compositor was shown for it. */
static void check_asked(struct fixture *f, struct compositor_seat *seat,
                        struct compositor_surface *surface)
{
    struct compositor *c = f->compositor;
    uint32_t serial = c->serial;
    compositor_sync(c);
    ask(f);
    assert_ptr_equal(c->asked.seat, seat);
    assert_int_equal(c->asked.serial, seat ? serial : 0);
    assert_ptr_equal(c->asked.surface, surface);
}

/* wlroots grants no token for less than a serial that we were given, nor for a surface out of focus. */
static void a_token_is_asked_for_by_the_last_that_the_user_did(void **state)
{
    struct compositor_config config = compositor_everything;
    struct fixture f;
    config.seat[1] = config.seat[0];
    fixture_open(&f, &config, 2);
    struct compositor *c = f.compositor;
    struct compositor_surface *window = compositor_window(c, 1);
    struct compositor_seat *seat = &c->seat[0], *other = &c->seat[1];
    check_asked(&f, NULL, NULL);
    compositor_keyboard_enter(seat, window, NULL, 0);
    check_asked(&f, seat, window); /* the one in focus, which is not the one to be raised */
    compositor_key(seat, KEY_A, true);
    check_asked(&f, seat, window);
    wl_keyboard_send_leave(seat->keyboard, 0, window->resource);
    compositor_key(seat, KEY_A, false); /* in nobody's window */
    compositor_sync(c);
    ask(&f);
    assert_ptr_equal(c->asked.seat, seat);
    assert_null(c->asked.surface);
    compositor_pointer_enter(other, window, 10, 10);
    check_asked(&f, other, NULL);
    wl_pointer_send_button(other->pointer, ++c->serial, 0, BTN_LEFT,
                           WL_POINTER_BUTTON_STATE_PRESSED);
    check_asked(&f, other, NULL);
    compositor_capabilities(seat, WL_SEAT_CAPABILITY_TOUCH);
    compositor_sync(c);
    wl_touch_send_down(seat->touch, ++c->serial, 0, window->resource, 1, 0, 0);
    check_asked(&f, seat, NULL);
    wl_global_remove(seat->global);
    check_asked(&f, NULL, NULL);
    fixture_close(&f);
}

static void a_window_can_not_be_raised_without_the_protocol(void **state)
{
    struct compositor_config config = compositor_everything;
    struct fixture f;
    config.activation = 0;
    fixture_open(&f, &config, 1);
    assert_false(wayl_raise(f.wayl, "a launcher's"));
    assert_false(wayl_raise(f.wayl, NULL));
    fixture_close(&f);
}

/* Inhibitors while the windows float, while the second is fullscreen, and after that. */
static void check_idle(enum wayl_idle idle, unsigned floating, unsigned fullscreen)
{
    struct fixture f;
    open_with(&f, &(struct wayl_manners_config){ .idle = idle }, 2);
    struct compositor *c = f.compositor;
    struct compositor_surface *window = compositor_window(c, 1);
    assert_int_equal(c->n_inhibitors, floating);
    for (unsigned i = 0; i < 2; i++) { /* said twice, done once */
        compositor_configure(window, 1920, 1080, STATES(XDG_TOPLEVEL_STATE_FULLSCREEN));
        compositor_sync(c);
        assert_int_equal(c->n_inhibitors, fullscreen);
    }
    compositor_configure(window, 1920, 1080, STATES(XDG_TOPLEVEL_STATE_MAXIMIZED));
    compositor_sync(c);
    assert_int_equal(c->n_inhibitors, floating);
    compositor_configure(window, 1920, 1080, STATES(XDG_TOPLEVEL_STATE_FULLSCREEN));
    compositor_sync(c);
    wayl_destroy(f.wayl);
    f.wayl = NULL;
    fixture_until(&f, c->n_inhibitors == 0);
    fixture_close(&f);
}

static void a_fullscreen_guest_keeps_the_session_awake(void **state)
{
    check_idle(WAYL_IDLE_UNLESS_FULLSCREEN, 0, 1);
}

static void on_request_the_session_stays_awake_or_may_sleep_always(void **state)
{
    check_idle(WAYL_IDLE_NEVER, 2, 2);
    check_idle(WAYL_IDLE_ALWAYS, 0, 0);
}

static void content_and_tearing_are_said_on_request(void **state)
{
    static const uint32_t types[] = {
        [WAYL_CONTENT_ANY] = WP_CONTENT_TYPE_V1_TYPE_NONE,
        [WAYL_CONTENT_PHOTO] = WP_CONTENT_TYPE_V1_TYPE_PHOTO,
        [WAYL_CONTENT_VIDEO] = WP_CONTENT_TYPE_V1_TYPE_VIDEO,
        [WAYL_CONTENT_GAME] = WP_CONTENT_TYPE_V1_TYPE_GAME,
    };
    for (unsigned i = 0; i < 4; i++) {
        struct fixture f;
        open_with(
            &f, &(struct wayl_manners_config){ .content = (enum wayl_content)i, .tearing = i % 2 },
            1);
        struct compositor_surface *window = compositor_window(f.compositor, 0);
        assert_int_equal(window->content_type, types[i]);
        assert_int_equal(window->tearing, i % 2 ? WP_TEARING_CONTROL_V1_PRESENTATION_HINT_ASYNC
                                                : WP_TEARING_CONTROL_V1_PRESENTATION_HINT_VSYNC);
        fixture_close(&f);
    }
}

#if HAVE_XDG_ICON
static void the_icon_is_said_by_its_name(void **state)
{
    struct fixture f;
    open_with(&f, &(struct wayl_manners_config){ .icon = "computer" }, 1);
    assert_string_equal(compositor_window(f.compositor, 0)->icon, "computer");
    fixture_close(&f);
}
#endif

static void a_window_is_fullscreen_from_the_start_on_request(void **state)
{
    for (unsigned wish = 0; wish < 2; wish++) {
        struct fixture f = { .loop = loop_create(), .fullscreen = wish };
        f.compositor = compositor_create(f.loop, &compositor_everything);
        f.compositor->hold_configure = true;
        fixture_finish_opening(&f, 1);
        struct compositor_surface *window = compositor_window(f.compositor, 0);
        assert_int_equal(window->wants_fullscreen, wish);
        assert_int_equal(window->commits, 1);
        fixture_close(&f);
    }
}

static void press_with_hotkey(struct fixture *f, uint32_t code)
{
    struct compositor_seat *seat = &f->compositor->seat[0];
    compositor_modifiers(seat, CTRL_ALT, 0, 0);
    compositor_key(seat, code, true);
    compositor_key(seat, code, false);
    compositor_modifiers(seat, 0, 0, 0);
    compositor_sync(f->compositor);
}

/* Two windows, the second with the focus. */
static struct compositor_surface *open_focused(struct fixture *f)
{
    fixture_open(f, &compositor_everything, 2);
    struct compositor_surface *window = compositor_window(f->compositor, 1);
    press_with_hotkey(f, KEY_F); /* in nobody's focus */
    press_with_hotkey(f, KEY_M);
    compositor_keyboard_enter(&f->compositor->seat[0], window, NULL, 0);
    compositor_sync(f->compositor);
    f->rec.input[0] = '\0';
    assert_false(window->wants_fullscreen || window->wants_maximized);
    return window;
}

static void the_hotkey_makes_the_focused_window_fullscreen_and_back(void **state)
{
    struct fixture f;
    struct compositor_surface *window = open_focused(&f);
    press_with_hotkey(&f, KEY_F);
    assert_true(window->wants_fullscreen);
    assert_false(compositor_window(f.compositor, 0)->wants_fullscreen);
    compositor_configure(window, 1920, 1080, STATES(XDG_TOPLEVEL_STATE_FULLSCREEN));
    compositor_sync(f.compositor);
    press_with_hotkey(&f, KEY_F);
    assert_false(window->wants_fullscreen);
    assert_string_equal(f.rec.input, ""); /* the guest hears none of it */
    fixture_close(&f);
}

static void and_maximised_and_back(void **state)
{
    struct fixture f;
    struct compositor_surface *window = open_focused(&f);
    press_with_hotkey(&f, KEY_M);
    assert_true(window->wants_maximized);
    assert_false(compositor_window(f.compositor, 0)->wants_maximized);
    assert_false(window->wants_fullscreen);
    compositor_configure(window, 1920, 1000, STATES(XDG_TOPLEVEL_STATE_MAXIMIZED));
    compositor_sync(f.compositor);
    press_with_hotkey(&f, KEY_M);
    assert_false(window->wants_maximized);
    assert_string_equal(f.rec.input, "");
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_compositor_is_asked_for_a_title_bar),
        cmocka_unit_test(a_compositor_that_draws_no_title_bar_shows_the_window_all_the_same),
        cmocka_unit_test(the_activation_token_is_used_once_when_there_is_something_to_see),
        cmocka_unit_test(a_token_that_is_no_text_ends_nothing),
        cmocka_unit_test(without_a_token_nothing_is_activated),
        cmocka_unit_test(a_window_is_raised_by_a_token_or_asks_for_one),
        cmocka_unit_test(a_token_is_asked_for_by_the_last_that_the_user_did),
        cmocka_unit_test(a_window_can_not_be_raised_without_the_protocol),
        cmocka_unit_test(a_fullscreen_guest_keeps_the_session_awake),
        cmocka_unit_test(on_request_the_session_stays_awake_or_may_sleep_always),
        cmocka_unit_test(content_and_tearing_are_said_on_request),
        cmocka_unit_test(a_window_is_fullscreen_from_the_start_on_request),
        cmocka_unit_test(the_hotkey_makes_the_focused_window_fullscreen_and_back),
        cmocka_unit_test(and_maximised_and_back),
#if HAVE_XDG_ICON
        cmocka_unit_test(the_icon_is_said_by_its_name),
#endif
    };
    unsetenv("XDG_ACTIVATION_TOKEN");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
