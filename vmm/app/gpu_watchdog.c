// SPDX-License-Identifier: MIT
#include "vmm/app/gpu_watchdog.h"

#include <string.h>

#include "vmm/base/util.h"
#include "vmm/virtio/vhost_user_frontend.h"

#define LOOKS 4u

static void set_timer(struct gpu_watchdog *w)
{
    loop_timer_set(&w->timer, w->seconds * 1000000000ull / LOOKS);
}

/* Whether the queue has stood still for a whole period. */
static bool look(struct gpu_watchdog *w, unsigned queue)
{
    uint16_t used = 0;
    bool busy = false;
    bool runs = vhost_user_frontend_progress(w->frontend, queue, &used, &busy);
    bool still = runs && busy && w->queue[queue].busy && used == w->queue[queue].used;

    w->queue[queue].stuck = still ? w->queue[queue].stuck + 1 : 0;
    w->queue[queue].busy = busy;
    w->queue[queue].used = used;
    return w->queue[queue].stuck >= LOOKS;
}

static void on_timer(struct loop_timer *timer)
{
    struct gpu_watchdog *w = container_of(timer, struct gpu_watchdog, timer);
    bool hangs = false;

    for (unsigned i = 0; i < GPU_WATCHDOG_QUEUES; i++)
        hangs |= look(w, i);
    if (hangs)
        w->hangs(w);
    else
        set_timer(w);
}

int gpu_watchdog_init(struct gpu_watchdog *w, struct loop *loop,
                      const struct vhost_user_frontend *frontend, unsigned seconds,
                      void (*hangs)(struct gpu_watchdog *watchdog))
{
    *w = (struct gpu_watchdog){ .frontend = frontend, .seconds = seconds, .hangs = hangs };
    return loop_timer_add(loop, &w->timer, on_timer);
}

void gpu_watchdog_finish(struct gpu_watchdog *w)
{
    if (w->timer.source.loop)
        loop_timer_remove(&w->timer);
}

void gpu_watchdog_start(struct gpu_watchdog *w)
{
    memset(w->queue, 0, sizeof(w->queue));
    if (w->seconds > 0)
        set_timer(w);
}

void gpu_watchdog_stop(struct gpu_watchdog *w)
{
    loop_timer_cancel(&w->timer);
}
