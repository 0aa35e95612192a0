// SPDX-License-Identifier: MIT
#include "gpu/timeline.h"

#define LOG_MODULE "gpu"
#include "vmm/base/log.h"
#include "vmm/virtio/virtq.h"

/* Serials are at most half their range apart, so the sign of the difference orders them. */
static bool before_or_at(uint32_t a, uint32_t b)
{
    return (int32_t)(b - a) >= 0;
}

uint32_t timeline_fence(struct timeline *t)
{
    uint32_t serial = t->made + 1 ? t->made + 1 : 1;

    if (t->backend->ops->render->fence(t->backend, serial) < 0)
        return 0;
    t->made = serial;
    return serial;
}

bool timeline_passed(const struct timeline *t, uint32_t serial)
{
    return serial == 0 || before_or_at(serial, t->passed);
}

void timeline_keep(struct timeline *t, struct virtq *q, uint16_t head, uint32_t written,
                   const struct pace_hold *hold)
{
    BUG_ON(t->n == TIMELINE_MAX);
    t->answer[(t->first + t->n++) % TIMELINE_MAX] = (struct timeline_answer){
        .q = q,
        .serial = t->made,
        .written = written,
        .hold = *hold,
        .head = head,
    };
}

void timeline_signalled(struct timeline *t, uint32_t serial)
{
    if (!before_or_at(serial, t->made) || before_or_at(serial, t->passed))
        return;
    t->passed = serial;
    timeline_go_on(t);
}

static void give_first(struct timeline *t)
{
    struct timeline_answer *a = &t->answer[t->first];

    t->first = (t->first + 1) % TIMELINE_MAX;
    t->n--;
    virtq_push(a->q, a->head, a->written);
    virtq_notify(a->q);
}

void timeline_go_on(struct timeline *t)
{
    while (t->n > 0 && before_or_at(t->answer[t->first].serial, t->passed)) {
        if (pace_holds(t->pace, &t->answer[t->first].hold))
            return;
        give_first(t);
    }
}

void timeline_give_up(struct timeline *t)
{
    while (t->n > 0)
        give_first(t);
}

void timeline_drop(struct timeline *t)
{
    t->n = 0;
}
