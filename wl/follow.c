// SPDX-License-Identifier: MIT
#include "wl/follow.h"

#include "vmm/base/util.h"

static bool modes_equal(const struct display_mode *a, const struct display_mode *b)
{
    return a->width == b->width && a->height == b->height && a->refresh_mhz == b->refresh_mhz &&
           a->width_mm == b->width_mm && a->height_mm == b->height_mm;
}

static bool followed(const struct wayl_follow *follow)
{
    return follow->width == follow->told.width && follow->height == follow->told.height;
}

static void tell(struct wayl_follow *follow)
{
    loop_task_cancel(follow->loop, &follow->task);
    follow->told = follow->wanted;
    follow->waiting = !followed(follow);
    if (follow->waiting)
        loop_timer_set(&follow->timer, follow->settle_ns);
    else
        loop_timer_cancel(&follow->timer);
    follow->tell(follow, &follow->told);
}

static void on_task(struct loop_task *task)
{
    struct wayl_follow *follow = container_of(task, struct wayl_follow, task);
    if (!follow->waiting && !modes_equal(&follow->wanted, &follow->told))
        tell(follow);
}

static void stop_waiting(struct wayl_follow *follow)
{
    follow->waiting = false;
    if (!modes_equal(&follow->wanted, &follow->told))
        loop_post(follow->loop, &follow->task);
}

static void on_timer(struct loop_timer *timer)
{
    stop_waiting(container_of(timer, struct wayl_follow, timer));
}

int wayl_follow_init(struct wayl_follow *follow, struct loop *loop, uint64_t settle_ns,
                     void (*tell_)(struct wayl_follow *follow, const struct display_mode *mode))
{
    *follow = (struct wayl_follow){ .settle_ns = settle_ns, .tell = tell_ };
    loop_task_init(&follow->task, on_task);
    int err = loop_timer_add(loop, &follow->timer, on_timer);
    if (err == 0)
        follow->loop = loop;
    return err;
}

void wayl_follow_finish(struct wayl_follow *follow)
{
    if (!follow->loop)
        return;
    loop_task_cancel(follow->loop, &follow->task);
    loop_timer_remove(&follow->timer);
    follow->loop = NULL;
}

void wayl_follow_want(struct wayl_follow *follow, const struct display_mode *mode)
{
    follow->wanted = *mode;
    if (!follow->waiting && !modes_equal(&follow->wanted, &follow->told))
        loop_post(follow->loop, &follow->task);
}

void wayl_follow_want_now(struct wayl_follow *follow, const struct display_mode *mode)
{
    follow->wanted = *mode;
    if (!modes_equal(&follow->wanted, &follow->told))
        tell(follow);
}

void wayl_follow_picture(struct wayl_follow *follow, uint32_t width, uint32_t height)
{
    follow->width = width;
    follow->height = height;
    if (follow->waiting && followed(follow)) {
        loop_timer_cancel(&follow->timer);
        stop_waiting(follow);
    }
}

void wayl_follow_again(struct wayl_follow *follow)
{
    tell(follow);
}
