// SPDX-License-Identifier: MIT
#include "wl/scroll.h"

#include "vmm/base/util.h"

/* Compositors tell a detent as 10 (weston) or 15 units (those that pass libinput's degrees on): a
 * touchpad's movement by 10 units scrolls as far as one detent. */
#define UNITS_PER_DETENT 10.0
/* More than that in one frame is nonsense. */
#define DETENTS_MAX 1000

void wayl_scroll_distance(struct wayl_scroll *scroll, double distance)
{
    scroll->distance += distance;
}

void wayl_scroll_discrete(struct wayl_scroll *scroll, int32_t steps)
{
    scroll->has_discrete = true;
    scroll->discrete = MAX(-DETENTS_MAX, MIN(DETENTS_MAX, steps));
}

void wayl_scroll_v120(struct wayl_scroll *scroll, int32_t v120)
{
    scroll->has_v120 = true;
    scroll->v120 = MAX(-DETENTS_MAX * 120, MIN(DETENTS_MAX * 120, v120));
}

void wayl_scroll_stop(struct wayl_scroll *scroll)
{
    scroll->rest = 0;
}

int32_t wayl_scroll_frame(struct wayl_scroll *scroll)
{
    int32_t v120;
    double rest = scroll->rest;
    if (scroll->has_v120) {
        v120 = scroll->v120;
    } else if (scroll->has_discrete) {
        v120 = scroll->discrete * 120;
    } else {
        rest += scroll->distance * 120 / UNITS_PER_DETENT;
        rest = MAX(-DETENTS_MAX * 120.0, MIN(DETENTS_MAX * 120.0, rest));
        v120 = (int32_t)rest;
        rest -= v120;
    }
    *scroll = (struct wayl_scroll){ .rest = rest };
    return v120;
}
