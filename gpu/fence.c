// SPDX-License-Identifier: MIT
#include "gpu/fence.h"

#include "vmm/base/loop.h"
#include "vmm/base/util.h"

static void answer(struct fences *fences, struct fence *f)
{
    list_remove(&f->link);
    list_append(&fences->free, &f->link);
    fences->answer(fences, f->q, f->head, f->written);
}

/* A timer that is set is left alone: it costs less to find nothing due, once in 40 ms, than to set it
 * anew for each flush. */
static void need_timer(struct fences *fences, uint64_t now)
{
    if (fences->timer_set || list_empty(&fences->pending))
        return;
    uint64_t first = list_first(&fences->pending, struct fence, link)->deadline_ns;
    loop_timer_set(&fences->timer, first > now ? first - now : 1);
    fences->timer_set = true;
}

static void on_timer(struct loop_timer *timer)
{
    struct fences *fences = container_of(timer, struct fences, timer);
    uint64_t now = loop_now_ns();
    struct fence *f, *tmp;

    fences->timer_set = false;
    list_for_each_safe(f, tmp, &fences->pending, link) {
        if (f->deadline_ns > now)
            break;
        answer(fences, f);
    }
    need_timer(fences, now);
}

int fences_init(struct fences *fences, struct loop *loop,
                void (*answer_fn)(struct fences *fences, struct virtq *q, uint16_t head,
                                  uint32_t written))
{
    *fences = (struct fences){ .answer = answer_fn };
    list_init(&fences->free);
    list_init(&fences->pending);
    for (unsigned i = 0; i < FENCE_MAX; i++)
        list_append(&fences->free, &fences->fence[i].link);
    return loop_timer_add(loop, &fences->timer, on_timer);
}

void fences_finish(struct fences *fences)
{
    loop_timer_remove(&fences->timer);
}

bool fences_add(struct fences *fences, struct virtq *q, uint16_t head, uint32_t written,
                uint32_t waiting)
{
    if (list_empty(&fences->free))
        return false;
    struct fence *f = list_first(&fences->free, struct fence, link);
    f->q = q;
    f->head = head;
    f->written = written;
    f->waiting = waiting;
    f->armed = 0;
    uint64_t now = loop_now_ns();
    f->deadline_ns = now + FENCE_TIMEOUT_NS;
    list_remove(&f->link);
    list_append(&fences->pending, &f->link);
    need_timer(fences, now);
    return true;
}

void fences_arm(struct fences *fences, unsigned scanout)
{
    struct fence *f;
    list_for_each(f, &fences->pending, link)
        f->armed |= f->waiting & 1u << scanout;
}

/* Ends the wait for the scanout of those that are armed on it, or are not, or both. */
static void end_wait(struct fences *fences, unsigned scanout, bool armed, bool unarmed)
{
    uint32_t bit = 1u << scanout;
    struct fence *f, *tmp;

    list_for_each_safe(f, tmp, &fences->pending, link) {
        if (!(f->waiting & bit) || !((f->armed & bit) ? armed : unarmed))
            continue;
        f->waiting &= ~bit;
        f->armed &= ~bit;
        if (f->waiting == 0)
            answer(fences, f);
    }
}

void fences_shown(struct fences *fences, unsigned scanout)
{
    end_wait(fences, scanout, true, false);
}

void fences_skip(struct fences *fences, unsigned scanout)
{
    end_wait(fences, scanout, false, true);
}

void fences_skip_all(struct fences *fences, unsigned scanout)
{
    end_wait(fences, scanout, true, true);
}

void fences_drop(struct fences *fences)
{
    struct fence *f, *tmp;
    list_for_each_safe(f, tmp, &fences->pending, link) {
        list_remove(&f->link);
        list_append(&fences->free, &f->link);
    }
    loop_timer_cancel(&fences->timer);
    fences->timer_set = false;
}
