// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "tests/test.h"
#include "vmm/base/fd.h"
#include "vmm/base/loop.h"
#include "vmm/core/bus.h"
#include "vmm/core/layout.h"
#include "vmm/dev/rtc.h"

struct fixture {
    struct bus pio;
    struct loop *loop;
    struct rtc *rtc;
    int irq;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    *state = f;
    f->irq = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    f->loop = loop_create();
    f->rtc = rtc_create(&(struct rtc_config){ &f->pio, f->loop, f->irq });
    return f->rtc ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    rtc_destroy(f->rtc);
    loop_destroy(f->loop);
    close(f->irq);
    free(f);
    return 0;
}

static void out(struct fixture *f, uint8_t reg, uint8_t value)
{
    assert_true(bus_write(&f->pio, LAYOUT_RTC_PORT, &reg, 1));
    assert_true(bus_write(&f->pio, LAYOUT_RTC_PORT + 1, &value, 1));
}

static uint8_t in(struct fixture *f, uint8_t reg)
{
    uint8_t value = 0;
    assert_true(bus_write(&f->pio, LAYOUT_RTC_PORT, &reg, 1));
    assert_true(bus_read(&f->pio, LAYOUT_RTC_PORT + 1, &value, 1));
    return value;
}

static int bcd(uint8_t value)
{
    return (value >> 4) * 10 + (value & 0xf);
}

static time_t guest_time(struct fixture *f)
{
    struct tm tm;
    do {
        tm = (struct tm){
            .tm_sec = bcd(in(f, 0)),
            .tm_min = bcd(in(f, 2)),
            .tm_hour = bcd(in(f, 4)),
            .tm_mday = bcd(in(f, 7)),
            .tm_mon = bcd(in(f, 8)) - 1,
            .tm_year = bcd(in(f, 0x32)) * 100 + bcd(in(f, 9)) - 1900,
        };
    } while (tm.tm_sec != bcd(in(f, 0)));
    return timegm(&tm);
}

static void it_tells_the_hosts_time(void **state)
{
    struct fixture *f = *state;
    time_t before = time(NULL), guest = guest_time(f), after = time(NULL);
    assert_true(before <= guest && guest <= after);
    assert_int_equal(in(f, 0xd), 0x80);
    assert_int_equal(in(f, 0xb) & 0x06, 0x02); /* BCD, 24 hours */
    struct tm tm;
    gmtime_r(&guest, &tm);
    assert_int_equal(in(f, 6), tm.tm_wday + 1);
}

static void the_time_that_the_guest_sets_goes_on_from_there(void **state)
{
    struct fixture *f = *state;
    struct tm tm = { .tm_year = 99, .tm_mon = 1, .tm_mday = 3, .tm_hour = 14, .tm_min = 5 };
    out(f, 0xb, 0x82);
    static const uint8_t fields[][2] = { { 0x00, 0x00 }, { 0x02, 0x05 }, { 0x04, 0x14 },
                                         { 0x07, 0x03 }, { 0x08, 0x02 }, { 0x09, 0x99 },
                                         { 0x32, 0x19 } };
    for (unsigned i = 0; i < 7; i++)
        out(f, fields[i][0], fields[i][1]);
    assert_int_equal(in(f, 4), 0x14);
    out(f, 0xb, 0x02);
    time_t set = timegm(&tm), got = guest_time(f);
    assert_true(got == set || got == set + 1);
    /* 12-hour mode shows the same time. */
    out(f, 0xb, 0x00);
    assert_int_equal(in(f, 4), 0x82);
    out(f, 0xb, 0x06); /* and binary mode */
    assert_int_equal(in(f, 9), 99);
    assert_int_equal(in(f, 4), 14);
    rtc_reset(f->rtc);
    assert_int_equal(in(f, 9), 99);
}

static void nonsense_from_the_guest_is_a_time_like_any_other(void **state)
{
    struct fixture *f = *state;
    for (unsigned reg = 0; reg < 0x80; reg++)
        out(f, (uint8_t)reg, 0xff);
    out(f, 0xb, 0x02);
    for (unsigned reg = 0; reg < 0x80; reg++)
        in(f, (uint8_t)reg);
    loop_run_once(f->loop, 0);
}

static void the_alarm_interrupts_in_its_second(void **state)
{
    struct fixture *f = *state;
    /* 23:59:59, and the alarm at midnight. */
    out(f, 0xb, 0x82);
    out(f, 4, 0x23);
    out(f, 2, 0x59);
    out(f, 0, 0x59);
    out(f, 1, 0x00);
    out(f, 3, 0x00);
    out(f, 5, 0x00);
    out(f, 0xb, 0x22);
    while (!fd_event_take(f->irq))
        loop_run_once(f->loop, 3000);
    assert_int_equal(in(f, 4), 0x00);
    assert_int_equal(in(f, 0xc), 0xa0);
    assert_int_equal(in(f, 0xc), 0); /* reading clears */
}

static void the_update_interrupts_each_second(void **state)
{
    struct fixture *f = *state;
    out(f, 0xb, 0x12);
    while (!fd_event_take(f->irq))
        loop_run_once(f->loop, 3000);
    assert_int_equal(in(f, 0xc), 0x90);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(it_tells_the_hosts_time),
        TEST(the_time_that_the_guest_sets_goes_on_from_there),
        TEST(nonsense_from_the_guest_is_a_time_like_any_other),
        TEST(the_alarm_interrupts_in_its_second),
        TEST(the_update_interrupts_each_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
