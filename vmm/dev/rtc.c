// SPDX-License-Identifier: MIT
/*
 * The time is not counted here: it is the host's plus an offset, which a guest that sets the clock
 * changes. While it sets several registers (SET in register B) they are kept in `set`.
 *
 * vCPU threads change the registers; what follows from that for the interrupts' timer is posted to
 * the loop.
 */
#include "vmm/dev/rtc.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vmm/base/fd.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"
#include "vmm/core/bus.h"
#include "vmm/core/layout.h"

enum {
    SECONDS,
    SECONDS_ALARM,
    MINUTES,
    MINUTES_ALARM,
    HOURS,
    HOURS_ALARM,
    DAY_OF_WEEK,
    DAY,
    MONTH,
    YEAR,
    REG_A,
    REG_B,
    REG_C,
    REG_D,
    CENTURY = 0x32, /* as the FADT says */
};

#define A_DIVIDER 0x26u /* 32768 Hz, and the rate that a PC's firmware sets */
#define A_WRITABLE 0x7fu
#define B_SET 0x80u
#define B_ALARM 0x20u
#define B_UPDATE 0x10u
#define B_BINARY 0x04u
#define B_24H 0x02u
#define C_IRQ 0x80u
#define D_VALID 0x80u
#define HOUR_PM 0x80u
#define ALARM_ANY 0xc0u /* both bits: matches always */
#define INDEX_MASK 0x7fu

#define DAY_SECONDS 86400
#define SECOND_NS 1000000000ll

struct rtc {
    struct rtc_config config;
    struct bus_range range;
    struct loop_timer timer;
    struct loop_task rearm;
    pthread_mutex_t lock; /* guards what follows */
    int64_t offset;       /* the guest's time less the host's, seconds */
    struct tm set;        /* while SET is on */
    uint8_t index, a, b, c, alarm[3];
    int64_t alarm_at, update_at; /* when the timer is to raise what, guest seconds; 0: not */
};

static int64_t host_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * SECOND_NS + now.tv_nsec;
}

static int64_t guest_seconds(const struct rtc *rtc)
{
    return host_ns() / SECOND_NS + rtc->offset;
}

static struct tm current(const struct rtc *rtc)
{
    struct tm tm;
    time_t now = guest_seconds(rtc);
    if (rtc->b & B_SET)
        return rtc->set;
    if (!gmtime_r(&now, &tm))
        memset(&tm, 0, sizeof(tm));
    return tm;
}

static uint8_t encode(const struct rtc *rtc, int value)
{
    return (uint8_t)(rtc->b & B_BINARY ? value : value / 10 << 4 | value % 10);
}

static int decode(const struct rtc *rtc, uint8_t value)
{
    return rtc->b & B_BINARY ? value : (value >> 4) * 10 + (value & 0xf);
}

static uint8_t encode_hour(const struct rtc *rtc, int hour)
{
    if (rtc->b & B_24H)
        return encode(rtc, hour);
    return encode(rtc, hour % 12 == 0 ? 12 : hour % 12) | (hour >= 12 ? HOUR_PM : 0);
}

static int decode_hour(const struct rtc *rtc, uint8_t value)
{
    if (rtc->b & B_24H)
        return decode(rtc, value);
    return decode(rtc, value & (uint8_t)~HOUR_PM) % 12 + (value & HOUR_PM ? 12 : 0);
}

static uint8_t read_register(struct rtc *rtc)
{
    struct tm tm = current(rtc);
    uint8_t value;
    switch (rtc->index) {
    case SECONDS:
        return encode(rtc, tm.tm_sec);
    case MINUTES:
        return encode(rtc, tm.tm_min);
    case HOURS:
        return encode_hour(rtc, tm.tm_hour);
    case DAY_OF_WEEK:
        return encode(rtc, tm.tm_wday + 1);
    case DAY:
        return encode(rtc, tm.tm_mday);
    case MONTH:
        return encode(rtc, tm.tm_mon + 1);
    case YEAR:
        return encode(rtc, tm.tm_year % 100);
    case CENTURY:
        return encode(rtc, (tm.tm_year + 1900) / 100);
    case SECONDS_ALARM:
    case MINUTES_ALARM:
    case HOURS_ALARM:
        return rtc->alarm[rtc->index / 2];
    case REG_A:
        return rtc->a;
    case REG_B:
        return rtc->b;
    case REG_C:
        value = rtc->c;
        rtc->c = 0;
        return value;
    case REG_D:
        return D_VALID;
    default:
        return 0;
    }
}

static void write_time(struct rtc *rtc, uint8_t value)
{
    struct tm tm = current(rtc);
    int century = (tm.tm_year + 1900) / 100;
    switch (rtc->index) {
    case SECONDS:
        tm.tm_sec = decode(rtc, value);
        break;
    case MINUTES:
        tm.tm_min = decode(rtc, value);
        break;
    case HOURS:
        tm.tm_hour = decode_hour(rtc, value);
        break;
    case DAY_OF_WEEK:
        tm.tm_wday = decode(rtc, value) - 1;
        break;
    case DAY:
        tm.tm_mday = decode(rtc, value);
        break;
    case MONTH:
        tm.tm_mon = decode(rtc, value) - 1;
        break;
    case YEAR:
        tm.tm_year = century * 100 + decode(rtc, value) % 100 - 1900;
        break;
    default:
        tm.tm_year = decode(rtc, value) % 100 * 100 + (tm.tm_year + 1900) % 100 - 1900;
    }
    if (rtc->b & B_SET)
        rtc->set = tm;
    else
        rtc->offset = timegm(&tm) - host_ns() / SECOND_NS;
}

static void write_register(struct rtc *rtc, uint8_t value)
{
    switch (rtc->index) {
    case REG_A:
        rtc->a = value & A_WRITABLE;
        break;
    case REG_B:
        if (value & ~rtc->b & B_SET) {
            rtc->set = current(rtc);
            value &= (uint8_t)~B_UPDATE; /* as the data sheet says */
        } else if (rtc->b & ~value & B_SET) {
            rtc->offset = timegm(&rtc->set) - host_ns() / SECOND_NS;
        }
        rtc->b = value;
        break;
    case SECONDS_ALARM:
    case MINUTES_ALARM:
    case HOURS_ALARM:
        rtc->alarm[rtc->index / 2] = value;
        break;
    case SECONDS:
    case MINUTES:
    case HOURS:
    case DAY_OF_WEEK:
    case DAY:
    case MONTH:
    case YEAR:
    case CENTURY:
        write_time(rtc, value);
        break;
    default:
        break; /* C and D are read-only, and there is no nvram */
    }
}

static void rtc_read(struct bus_range *range, uint64_t offset, void *data, unsigned len)
{
    struct rtc *rtc = container_of(range, struct rtc, range);
    if (len != 1)
        return;
    pthread_mutex_lock(&rtc->lock);
    *(uint8_t *)data = offset == 0 ? rtc->index : read_register(rtc);
    pthread_mutex_unlock(&rtc->lock);
}

static void rtc_write(struct bus_range *range, uint64_t offset, const void *data, unsigned len)
{
    struct rtc *rtc = container_of(range, struct rtc, range);
    uint8_t value = *(const uint8_t *)data;
    if (len != 1)
        return;
    pthread_mutex_lock(&rtc->lock);
    bool wanted = rtc->b & (B_ALARM | B_UPDATE);
    if (offset == 0)
        rtc->index = value & INDEX_MASK;
    else
        write_register(rtc, value);
    wanted = (wanted || (rtc->b & (B_ALARM | B_UPDATE))) && offset == 1;
    pthread_mutex_unlock(&rtc->lock);
    if (wanted)
        loop_post(rtc->config.loop, &rtc->rearm);
}

static bool matches(uint8_t alarm, int decoded, int now)
{
    return (alarm & ALARM_ANY) == ALARM_ANY || decoded == now;
}

/* The first second after `now` that the alarm names; 0: there is none, as it names no time. */
static int64_t next_alarm(const struct rtc *rtc, int64_t now)
{
    const uint8_t *alarm = rtc->alarm;
    const int second = decode(rtc, alarm[0]), minute = decode(rtc, alarm[1]);
    const int hour = decode_hour(rtc, alarm[2]);
    int64_t at = now + 1;
    while (at <= now + DAY_SECONDS) {
        int of_day = (int)((at % DAY_SECONDS + DAY_SECONDS) % DAY_SECONDS);
        if (!matches(alarm[2], hour, of_day / 3600))
            at += 3600 - of_day % 3600;
        else if (!matches(alarm[1], minute, of_day / 60 % 60))
            at += 60 - of_day % 60;
        else if (!matches(alarm[0], second, of_day % 60))
            at++;
        else
            return at;
    }
    return 0;
}

/* On the loop's thread. */
static void arm_timer(struct rtc *rtc)
{
    int64_t delay = 0;
    pthread_mutex_lock(&rtc->lock);
    rtc->alarm_at = rtc->update_at = 0;
    if (!(rtc->b & B_SET) && (rtc->b & (B_ALARM | B_UPDATE))) {
        int64_t now = guest_seconds(rtc);
        if (rtc->b & B_UPDATE)
            rtc->update_at = now + 1;
        if (rtc->b & B_ALARM)
            rtc->alarm_at = next_alarm(rtc, now);
        int64_t next = rtc->alarm_at;
        if (next == 0 || (rtc->update_at != 0 && rtc->update_at < next))
            next = rtc->update_at;
        if (next != 0)
            delay = MAX((next - rtc->offset) * SECOND_NS - host_ns(), 1);
    }
    pthread_mutex_unlock(&rtc->lock);
    if (delay > 0)
        loop_timer_set(&rtc->timer, (uint64_t)delay);
    else
        loop_timer_cancel(&rtc->timer);
}

static void on_rearm(struct loop_task *task)
{
    arm_timer(container_of(task, struct rtc, rearm));
}

static void on_timer(struct loop_timer *timer)
{
    struct rtc *rtc = container_of(timer, struct rtc, timer);
    pthread_mutex_lock(&rtc->lock);
    int64_t now = guest_seconds(rtc);
    uint8_t raised = 0;
    if (rtc->alarm_at != 0 && now >= rtc->alarm_at)
        raised |= B_ALARM;
    if (rtc->update_at != 0 && now >= rtc->update_at)
        raised |= B_UPDATE;
    raised &= rtc->b; /* the enables and the flags have the same places */
    bool was = rtc->c & C_IRQ;
    if (raised)
        rtc->c |= raised | C_IRQ;
    pthread_mutex_unlock(&rtc->lock);
    if (raised && !was)
        fd_event_signal(rtc->config.irq);
    arm_timer(rtc);
}

static const struct bus_ops rtc_ops = {
    .name = "rtc",
    .read = rtc_read,
    .write = rtc_write,
};

struct rtc *rtc_create(const struct rtc_config *config)
{
    struct rtc *rtc = calloc(1, sizeof(*rtc));
    if (!rtc)
        return NULL;
    rtc->config = *config;
    rtc->b = B_24H;
    rtc->a = A_DIVIDER;
    pthread_mutex_init(&rtc->lock, NULL);
    loop_task_init(&rtc->rearm, on_rearm);
    if (loop_timer_add(config->loop, &rtc->timer, on_timer) < 0) {
        pthread_mutex_destroy(&rtc->lock);
        free(rtc);
        return NULL;
    }
    bus_add(config->pio, &rtc->range, LAYOUT_RTC_PORT, 2, &rtc_ops);
    return rtc;
}

void rtc_destroy(struct rtc *rtc)
{
    if (!rtc)
        return;
    loop_task_cancel(rtc->config.loop, &rtc->rearm);
    loop_timer_remove(&rtc->timer);
    pthread_mutex_destroy(&rtc->lock);
    free(rtc);
}

void rtc_reset(struct rtc *rtc)
{
    pthread_mutex_lock(&rtc->lock);
    rtc->b &= (uint8_t) ~(B_SET | B_ALARM | B_UPDATE);
    rtc->c = 0;
    pthread_mutex_unlock(&rtc->lock);
    loop_timer_cancel(&rtc->timer);
}
