// SPDX-License-Identifier: MIT
#include <string.h>

#include "tests/test.h"
#include "vmm/app/net_options.h"
#include "vmm/base/util.h"

static void cards_are_what_they_are_plugged_into(void **state)
{
    static const uint8_t mac[] = { 2, 0, 0, 0x12, 0x34, 0xab };
    struct nets_options o = { 0 };
    assert_true(nets_take(&o, "user"));
    assert_true(nets_take(&o, "tap=tap0,queues=3,mac=02:00:00:12:34:aB"));
    assert_int_equal(o.n, 2);
    assert_false(o.none);
    assert_int_equal(o.net[0].kind, NET_USER);
    assert_false(o.net[0].has_mac);
    assert_int_equal(o.net[0].mtu, NET_USER_MTU);
    assert_int_equal(o.net[1].kind, NET_TAP);
    assert_int_equal(o.net[1].mtu, 0);
    assert_string_equal(o.net[1].tap, "tap0");
    assert_int_equal(o.net[1].queues, 3);
    assert_memory_equal(o.net[1].mac, mac, sizeof(mac));
}

static void none_leaves_those_that_are_named(void **state)
{
    struct nets_options o = { 0 };
    assert_true(nets_take(&o, "none"));
    assert_true(o.none);
    assert_int_equal(o.n, 0);
    assert_true(nets_take(&o, "user"));
    assert_int_equal(o.n, 1);
}

static void a_port_is_this_hosts_alone_but_by_an_address(void **state)
{
    struct nets_options o = { 0 };
    assert_true(nets_take(&o, "user,tcp=2222:22,udp=53,tcp=0.0.0.0/80:8080,tcp=::1/9"));
    assert_int_equal(o.net[0].n_forwards, 4);
    assert_string_equal(o.net[0].forward[0].spec, "127.0.0.1/2222:22");
    assert_false(o.net[0].forward[0].udp);
    assert_string_equal(o.net[0].forward[1].spec, "127.0.0.1/53:53");
    assert_true(o.net[0].forward[1].udp);
    assert_string_equal(o.net[0].forward[2].spec, "0.0.0.0/80:8080");
    assert_string_equal(o.net[0].forward[3].spec, "::1/9:9");
}

static void packets_of_passts_are_as_long_as_is_said(void **state)
{
    struct nets_options o = { 0 };
    assert_true(nets_take(&o, "user,mtu=1280"));
    assert_true(nets_take(&o, "user,mtu=65520"));
    assert_int_equal(o.net[0].mtu, 1280);
    assert_int_equal(o.net[1].mtu, 65520);
}

static void bad_words_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "bridge",
        "tap=",
        "tap=a/b",
        "tap=tap%d",
        "tap=sixteen-letters-",
        "tap=t,queues=0",
        "tap=t,queues=5",
        "tap=t,tcp=1:1",
        "tap=t,mtu=1500",
        "user,mtu=1279",
        "user,mtu=65521",
        "user,mtu=",
        "user,queues=2",
        "user,mac=1:2:3:4:5:6",
        "user,mac=01:00:00:00:00:00",
        "user,mac=02:00:00:00:00:0g",
        "user,mac=02:00:00:00:00:00:00",
        "user,tcp=",
        "user,tcp=0",
        "user,tcp=65536",
        "user,tcp=22:",
        "user,tcp=/22",
        "user,tcp=host/22",
        "user,tcp=1-2",
        "user,udp=1.2.3.4/5:6:7",
        "user,tcp=1234567890.1234567890.1234567890.1234567890.1234567890/1",
        "user,tcp=1,tcp=2,tcp=3,tcp=4,tcp=5,tcp=6,tcp=7,tcp=8,tcp=9",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct nets_options o = { 0 };
        if (nets_take(&o, bad[i]))
            fail_msg("'%s' was taken", bad[i]);
    }
}

static void there_are_so_many_cards_and_no_more(void **state)
{
    struct nets_options o = { 0 };
    for (unsigned i = 0; i < NET_OPTIONS_MAX; i++)
        assert_true(nets_take(&o, "user"));
    assert_false(nets_take(&o, "user"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cards_are_what_they_are_plugged_into),
        cmocka_unit_test(none_leaves_those_that_are_named),
        cmocka_unit_test(a_port_is_this_hosts_alone_but_by_an_address),
        cmocka_unit_test(packets_of_passts_are_as_long_as_is_said),
        cmocka_unit_test(bad_words_are_refused),
        cmocka_unit_test(there_are_so_many_cards_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
