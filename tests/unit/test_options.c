// SPDX-License-Identifier: MIT
#include <string.h>

#include "tests/test.h"
#include "vmm/app/options.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

/* Parses words that end with NULL. */
static enum options_result parse(struct run_options *o, const char *const *words)
{
    int argc = 0;
    while (words[argc])
        argc++;
    return options_parse(o, NULL, argc, (char **)words);
}

#define PARSE(o, ...) parse(o, (const char *const[]){ __VA_ARGS__, NULL })

static void defaults_need_a_kernel_only(void **state)
{
    struct run_options o;
    assert_int_equal(PARSE(&o, "vmlinuz"), OPTIONS_OK);
    assert_string_equal(o.kernel, "vmlinuz");
    assert_int_equal(o.cpus, 2);
    assert_int_equal(o.mem_mib, 1024);
    assert_true(o.gpu);
    assert_false(o.screen.headless);
    assert_int_equal(o.serial, SERIAL_STDIO);
    options_finish(&o);
}

static void a_value_stands_behind_equals_or_in_the_next_word(void **state)
{
    struct run_options o;
    assert_int_equal(PARSE(&o, "--cpus=4", "--mem", "512", "--initrd", "a=b", "vmlinuz"),
                     OPTIONS_OK);
    assert_int_equal(o.cpus, 4);
    assert_int_equal(o.mem_mib, 512);
    assert_string_equal(o.initrd, "a=b");
    options_finish(&o);
}

static void an_optional_value_is_the_next_word_only_with_an_equals(void **state)
{
    struct run_options o;
    assert_int_equal(PARSE(&o, "--gpu", "vmlinuz"), OPTIONS_OK);
    assert_string_equal(o.kernel, "vmlinuz");
    options_finish(&o);
    assert_int_equal(PARSE(&o, "--gpu", "backend=2d", "vmlinuz"), OPTIONS_OK);
    assert_string_equal(o.kernel, "vmlinuz");
    options_finish(&o);
    assert_int_equal(PARSE(&o, "--gpu=backend=2d", "vmlinuz"), OPTIONS_OK);
    options_finish(&o);
}

static void memory_is_of_huge_pages_where_asked_for(void **state)
{
    struct run_options o;
    assert_int_equal(PARSE(&o, "--mem", "512,hugepages", "--cid=3", "k"), OPTIONS_OK);
    assert_int_equal(o.mem_mib, 512);
    assert_true(o.huge_pages);
    assert_int_equal(o.cid, 3);
    options_finish(&o);
    assert_int_equal(PARSE(&o, "--mem=512", "k"), OPTIONS_OK);
    assert_false(o.huge_pages || o.cid || o.balloon);
    options_finish(&o);
}

static void huge_pages_have_no_balloon(void **state)
{
    struct run_options o;
    assert_int_equal(PARSE(&o, "--mem=512", "--balloon", "k"), OPTIONS_OK);
    assert_true(o.balloon);
    options_finish(&o);
    assert_int_equal(PARSE(&o, "--balloon", "--mem=512,hugepages", "k"), OPTIONS_OK);
    assert_true(o.huge_pages && !o.balloon);
    options_finish(&o);
}

static void params_add_up(void **state)
{
    struct run_options o;
    assert_int_equal(PARSE(&o, "--params", "root=/dev/vda", "--params=quiet", "k"), OPTIONS_OK);
    assert_string_equal(o.params, "root=/dev/vda quiet");
    options_finish(&o);
}

static void params_that_are_too_long_are_refused(void **state)
{
    struct run_options o;
    char text[OPTIONS_CMDLINE_MAX + 1];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(PARSE(&o, "--params", text, "k"), OPTIONS_BAD);
    options_finish(&o);
}

static void disks_say_how_they_are_used(void **state)
{
    struct run_options o;
    assert_int_equal(
        PARSE(&o, "--disk", "a.img,ro", "--rwdisk", "b.img", "--disk=c,format=raw", "k"),
        OPTIONS_OK);
    assert_int_equal(o.n_disks, 3);
    assert_string_equal(o.disk[0].path, "a.img");
    assert_true(o.disk[0].read_only);
    assert_string_equal(o.disk[1].path, "b.img");
    assert_false(o.disk[1].read_only);
    assert_string_equal(o.disk[2].path, "c");
    options_finish(&o);
}

static void headless_has_a_gpu_only_where_asked_for(void **state)
{
    struct run_options o;
    assert_int_equal(PARSE(&o, "--headless", "k"), OPTIONS_OK);
    assert_false(o.gpu);
    options_finish(&o);
    assert_int_equal(PARSE(&o, "--headless", "--gpu", "k"), OPTIONS_OK);
    assert_true(o.gpu);
    options_finish(&o);
}

static void graphics_are_opengl_where_that_is_asked_for(void **state)
{
    struct run_options o;
    assert_int_equal(PARSE(&o, "k"), OPTIONS_OK);
    assert_int_equal(o.screen.gpu, GPU_AUTO);
    assert_string_equal(o.screen.render_node, "");
    options_finish(&o);
    assert_int_equal(PARSE(&o, "--gpu", "k"), OPTIONS_OK);
    assert_int_equal(o.screen.gpu, GPU_VIRGL);
    options_finish(&o);
    assert_int_equal(PARSE(&o, "--gpu", "render-node=/dev/dri/renderD129,backend=auto", "k"),
                     OPTIONS_OK);
    assert_int_equal(o.screen.gpu, GPU_AUTO);
    assert_string_equal(o.screen.render_node, "/dev/dri/renderD129");
    options_finish(&o);
    assert_int_equal(PARSE(&o, "--gpu=backend=2d,render-node=surfaceless", "k"), OPTIONS_OK);
    assert_int_equal(o.screen.gpu, GPU_2D);
    assert_string_equal(o.screen.render_node, "surfaceless");
    options_finish(&o);
}

static void what_the_graphics_process_may_do_has_limits(void **state)
{
    struct run_options o;
    assert_int_equal(PARSE(&o, "--gpu", "k"), OPTIONS_OK);
    assert_int_equal(o.screen.watchdog, 10);
    assert_int_equal(o.screen.deaths, 3);
    options_finish(&o);
    assert_int_equal(PARSE(&o, "--gpu", "deaths=32,watchdog=3600", "k"), OPTIONS_OK);
    assert_int_equal(o.screen.gpu, GPU_VIRGL);
    assert_int_equal(o.screen.watchdog, 3600);
    assert_int_equal(o.screen.deaths, 32);
    options_finish(&o);
    assert_int_equal(PARSE(&o, "--gpu", "watchdog=0,deaths=0", "k"), OPTIONS_OK);
    assert_int_equal(o.screen.watchdog, 0);
    assert_int_equal(o.screen.deaths, 0);
    options_finish(&o);
}

static void a_size_is_two_sides(void **state)
{
    struct run_options o;
    assert_int_equal(PARSE(&o, "--display", "size=800x600", "k"), OPTIONS_OK);
    assert_int_equal(o.screen.width, 800);
    assert_int_equal(o.screen.height, 600);
    options_finish(&o);
}

static void display_takes_words_in_any_order(void **state)
{
    struct run_options o;
    assert_int_equal(
        PARSE(&o, "--display",
              "tearing,content=game,fullscreen,size=64x65,idle=never,icon=tux,decoration=none",
              "k"),
        OPTIONS_OK);
    assert_int_equal(o.screen.width, 64);
    assert_int_equal(o.screen.height, 65);
    assert_true(o.screen.fullscreen);
    assert_true(o.screen.manners.tearing);
    assert_int_equal(o.screen.manners.content, WAYL_CONTENT_GAME);
    assert_int_equal(o.screen.manners.idle, WAYL_IDLE_NEVER);
    assert_string_equal(o.screen.icon, "tux");
    assert_true(o.screen.manners.bare);
    options_finish(&o);
    assert_int_equal(PARSE(&o, "--display", "idle=always", "k"), OPTIONS_OK);
    assert_int_equal(o.screen.width, 1280);
    assert_false(o.screen.manners.tearing);
    assert_false(o.screen.manners.bare);
    assert_int_equal(o.screen.manners.content, WAYL_CONTENT_ANY);
    assert_int_equal(o.screen.manners.idle, WAYL_IDLE_ALWAYS);
    options_finish(&o);
}

static void the_hotkey_and_what_it_does_can_be_chosen(void **state)
{
    struct run_options o;
    assert_int_equal(PARSE(&o, "k"), OPTIONS_OK);
    assert_string_equal(o.screen.hotkey, "");
    assert_false(o.screen.confine || o.screen.lock_on_click);
    options_finish(&o);
    assert_int_equal(PARSE(&o, "--display", "hotkey=super+Escape,confine,lock-on-click", "k"),
                     OPTIONS_OK);
    assert_string_equal(o.screen.hotkey, "super+Escape");
    assert_true(o.screen.confine && o.screen.lock_on_click);
    options_finish(&o);
}

static void there_are_as_many_monitors_as_one_says_and_some_to_plug_in(void **state)
{
    struct run_options o;
    assert_int_equal(PARSE(&o, "k"), OPTIONS_OK);
    assert_int_equal(o.screen.outputs, 1);
    assert_int_equal(screen_max_outputs(&o.screen), 4);
    assert_false(o.screen.fill);
    options_finish(&o);
    assert_int_equal(PARSE(&o, "--display", "outputs=6,scaling=fill", "k"), OPTIONS_OK);
    assert_int_equal(o.screen.outputs, 6);
    assert_int_equal(screen_max_outputs(&o.screen), 6);
    assert_true(o.screen.fill);
    options_finish(&o);
    assert_int_equal(PARSE(&o, "--display", "max=16,outputs=2", "k"), OPTIONS_OK);
    assert_int_equal(screen_max_outputs(&o.screen), 16);
    options_finish(&o);
    assert_int_equal(PARSE(&o, "--display", "max=1", "k"), OPTIONS_OK);
    assert_int_equal(screen_max_outputs(&o.screen), 1);
    options_finish(&o);
}

static void bad_words_are_refused(void **state)
{
    static const char *const bad[][5] = {
        { "--cpus", "0", "k" },
        { "--cpus", "65", "k" },
        { "--cpus", "two", "k" },
        { "--cpus", "-1", "k" },
        { "--cpus", "2x", "k" },
        { "--mem", "1", "k" },
        { "--mem", "512,huge", "k" },
        { "--mem", "511,hugepages", "k" },
        { "--mem", ",hugepages", "k" },
        { "--cid", "2", "k" },
        { "--cid", "4294967295", "k" },
        { "--balloon=1", "k" },
        { "--mem", "99999999999999999999", "k" },
        { "--display", "size=800", "k" },
        { "--display", "size=0x0", "k" },
        { "--display", "size=800x600x3", "k" },
        { "--display", "size=99999999999999999999x600", "k" },
        { "--display", "outputs=0", "k" },
        { "--display", "outputs=17", "k" },
        { "--display", "max=17", "k" },
        { "--display", "max=2,outputs=3", "k" },
        { "--display", "scaling=stretch", "k" },
        { "--display", "hotkey=", "k" },
        { "--display", "hotkey=g", "k" },
        { "--display", "hotkey=ctrl+alt", "k" },
        { "--display", "hotkey=ctrl+nokey", "k" },
        { "--display", "confine=yes", "k" },
        { "--display", "", "k" },
        { "--display", "tear", "k" },
        { "--display", "tearing=1", "k" },
        { "--display", "fullscreen=no", "k" },
        { "--display", "size", "k" },
        { "--display", "content=none", "k" },
        { "--display", "content=", "k" },
        { "--display", "idle=often", "k" },
        { "--display", "decoration=half", "k" },
        { "--display", "icon=", "k" },
        { "--display", "=", "k" },
        { "--display",
          "icon=a-name-that-is-longer-than-any-icon-of-a-theme-has-and-that-is-too-long", "k" },
        { "--gpu", "backend=9d", "k" },
        { "--gpu", "backend=virgl,", "render-node=", "k" },
        { "--gpu=virgl", "k" },
        { "--gpu", "render-node=renderD128", "k" },
        { "--gpu", "backend=2d,nodes=2", "k" },
        { "--gpu", "watchdog=3601", "k" },
        { "--gpu", "deaths=33", "k" },
        { "--gpu", "deaths=", "k" },
        { "--gpu", "deaths=-1", "k" },
        { "--serial", "tty", "k" },
        { "--serial", "file=", "k" },
        { "--disk", "a,rw=1", "k" },
        { "--name=", "k" },
        { "--headless=yes", "k" },
        { "--nonsense", "k" },
        { "-k", "k" },
        { "k", "another" },
        { "k", "--mem" },
        { "--headless" },
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct run_options o;
        assert_int_equal(parse(&o, bad[i]), OPTIONS_BAD);
        options_finish(&o);
    }
}

static void words_after_two_dashes_are_no_options(void **state)
{
    struct run_options o;
    assert_int_equal(PARSE(&o, "--", "--strange-kernel"), OPTIONS_OK);
    assert_string_equal(o.kernel, "--strange-kernel");
    options_finish(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_need_a_kernel_only),
        cmocka_unit_test(a_value_stands_behind_equals_or_in_the_next_word),
        cmocka_unit_test(an_optional_value_is_the_next_word_only_with_an_equals),
        cmocka_unit_test(memory_is_of_huge_pages_where_asked_for),
        cmocka_unit_test(huge_pages_have_no_balloon),
        cmocka_unit_test(params_add_up),
        cmocka_unit_test(params_that_are_too_long_are_refused),
        cmocka_unit_test(disks_say_how_they_are_used),
        cmocka_unit_test(headless_has_a_gpu_only_where_asked_for),
        cmocka_unit_test(graphics_are_opengl_where_that_is_asked_for),
        cmocka_unit_test(what_the_graphics_process_may_do_has_limits),
        cmocka_unit_test(a_size_is_two_sides),
        cmocka_unit_test(display_takes_words_in_any_order),
        cmocka_unit_test(the_hotkey_and_what_it_does_can_be_chosen),
        cmocka_unit_test(there_are_as_many_monitors_as_one_says_and_some_to_plug_in),
        cmocka_unit_test(bad_words_are_refused),
        cmocka_unit_test(words_after_two_dashes_are_no_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
