// SPDX-License-Identifier: MIT
#include "gpu/pace.h"

#include "vmm/base/loop.h"
#include "vmm/base/util.h"

/* A window counts as drawn to for so many of its periods after a flush. */
#define ACTIVE_PERIODS 2

static void on_timer(struct loop_timer *timer)
{
    struct pace *pace = container_of(timer, struct pace, timer);
    pace->timer_ns = 0;
    pace->again(pace);
}

int pace_init(struct pace *pace, struct loop *loop, void (*again)(struct pace *pace))
{
    *pace = (struct pace){ .again = again, .now_ns = loop_now_ns };
    for (unsigned i = 0; i < DISPLAY_MAX_SCANOUTS; i++)
        pace->scanout[i].period_ns = PACE_PERIOD_NS;
    return loop_timer_add(loop, &pace->timer, on_timer);
}

void pace_finish(struct pace *pace)
{
    loop_timer_remove(&pace->timer);
}

void pace_set(struct pace *pace, unsigned scanout, bool hidden, uint32_t period_ns)
{
    struct pace_scanout *s = &pace->scanout[scanout];

    s->hidden = hidden;
    s->period_ns =
        period_ns ? MIN(MAX(period_ns, PACE_PERIOD_MIN_NS), PACE_PERIOD_MAX_NS) : PACE_PERIOD_NS;
    if (hidden)
        pace_skip(pace, scanout);
}

/* Of its flushes, the last is not shown. */
static bool is_behind(const struct pace_scanout *s)
{
    return s->flushed != s->done;
}

/* The period of the fastest window that is seen and drawn to. */
static uint32_t fastest_ns(const struct pace *pace, uint64_t now)
{
    uint32_t fastest = PACE_PERIOD_MAX_NS;

    for (unsigned i = 0; i < DISPLAY_MAX_SCANOUTS; i++) {
        const struct pace_scanout *s = &pace->scanout[i];
        uint64_t active_ns = (uint64_t)s->period_ns * ACTIVE_PERIODS;
        bool drawn_to = is_behind(s) || (s->flushed_ns && now - s->flushed_ns < active_ns);
        if (!s->hidden && drawn_to)
            fastest = MIN(fastest, s->period_ns);
    }
    return fastest;
}

/* Displays of 60 and of 59.94 Hz are as fast as each other. */
static bool is_fast(const struct pace_scanout *s, uint32_t fastest)
{
    return s->period_ns <= fastest + fastest / 8;
}

static bool is_done(const struct pace_scanout *s, uint32_t flushed)
{
    return (int32_t)(s->done - flushed) >= 0;
}

static void end_wait(struct pace *pace, struct pace_scanout *s, uint32_t done)
{
    if (is_done(s, done))
        return;
    s->done = done;
    pace->again(pace);
}

void pace_flushed(struct pace *pace, unsigned scanout, uint32_t resource)
{
    struct pace_scanout *s = &pace->scanout[scanout];

    if (resource == s->resource)
        s->draws += s->submits;
    s->submits = 0;
    s->resource = resource;
    s->flushed_ns = pace->now_ns();
    s->flushed++;
    if (s->hidden)
        s->presented = s->done = s->flushed;
    else
        pace->again(pace); /* what waits for a slower window */
}

void pace_presented(struct pace *pace, unsigned scanout)
{
    struct pace_scanout *s = &pace->scanout[scanout];
    s->presented = s->flushed;
}

void pace_done(struct pace *pace, unsigned scanout)
{
    struct pace_scanout *s = &pace->scanout[scanout];
    end_wait(pace, s, s->presented);
}

void pace_skip(struct pace *pace, unsigned scanout)
{
    struct pace_scanout *s = &pace->scanout[scanout];
    s->presented = s->flushed;
    end_wait(pace, s, s->flushed);
}

struct pace_hold pace_hold(struct pace *pace)
{
    uint32_t fastest = fastest_ns(pace, pace->now_ns());

    for (unsigned i = 0; i < DISPLAY_MAX_SCANOUTS; i++) {
        const struct pace_scanout *s = &pace->scanout[i];
        if (!s->hidden && is_behind(s) && is_fast(s, fastest))
            return (struct pace_hold){ .held = true, .flushed = s->flushed, .scanout = i };
    }
    return (struct pace_hold){ 0 };
}

bool pace_holds(struct pace *pace, struct pace_hold *hold)
{
    struct pace_scanout *s = &pace->scanout[hold->scanout];

    if (!hold->held || is_done(s, hold->flushed))
        return false;
    uint64_t now = pace->now_ns();
    if (!is_fast(s, fastest_ns(pace, now)))
        return false;
    if (s->waited != hold->flushed) {
        s->waited = hold->flushed;
        s->until_ns = now + s->period_ns;
    }
    if (now >= s->until_ns) {
        s->done = hold->flushed; /* also for those behind */
        return false;
    }
    pace->withheld += !hold->counted;
    hold->counted = true;
    /* It is never cancelled: in a steady pace it is put off again and again, and does not fire. */
    if (pace->timer_ns != s->until_ns) {
        loop_timer_set(&pace->timer, s->until_ns - now);
        pace->timer_ns = s->until_ns;
    }
    return true;
}

void pace_submitted(struct pace *pace)
{
    for (unsigned i = 0; i < DISPLAY_MAX_SCANOUTS; i++)
        pace->scanout[i].submits += is_behind(&pace->scanout[i]);
}

void pace_uploaded(struct pace *pace, unsigned scanout)
{
    pace->scanout[scanout].draws++;
}

uint32_t pace_take_draws(struct pace *pace, unsigned scanout)
{
    uint32_t draws = pace->scanout[scanout].draws;
    pace->scanout[scanout].draws = 0;
    return draws;
}

uint32_t pace_take_withheld(struct pace *pace)
{
    uint32_t withheld = pace->withheld;
    pace->withheld = 0;
    return withheld;
}
