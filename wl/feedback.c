// SPDX-License-Identifier: MIT
/* presentation-time: when a frame was on screen. */
#include <wayland-client.h>

#include "presentation-time-client.h"
#include "vmm/base/util.h"
#include "wl/connection.h"
#include "wl/wayl.h"
#include "wl/window.h"

/* Of what a compositor may call its period: 1000 Hz to 10 Hz. */
#define PERIOD_MIN_NS 1000000u
#define PERIOD_MAX_NS 100000000u

static void feedback_end(struct wayl_feedback *feedback)
{
    wp_presentation_feedback_destroy(feedback->proxy);
    feedback->proxy = NULL;
}

static void feedback_sync_output(void *data, struct wp_presentation_feedback *proxy,
                                 struct wl_output *output)
{
}

static void feedback_presented(void *data, struct wp_presentation_feedback *proxy, uint32_t sec_hi,
                               uint32_t sec_lo, uint32_t nsec, uint32_t refresh, uint32_t seq_hi,
                               uint32_t seq_lo, uint32_t flags)
{
    struct wayl_feedback *feedback = data;
    struct wayl_window *window = feedback->window;
    feedback_end(feedback);
    window->context->stats->shown++;
    wayl_window_shown(window, feedback->came_ns);
    if (refresh > 0)
        wayl_window_set_period(window, MAX(MIN(refresh, PERIOD_MAX_NS), PERIOD_MIN_NS));
}

static void feedback_discarded(void *data, struct wp_presentation_feedback *proxy)
{
    feedback_end(data);
}

static const struct wp_presentation_feedback_listener feedback_listener = {
    .sync_output = feedback_sync_output,
    .presented = feedback_presented,
    .discarded = feedback_discarded,
};

void wayl_feedback_begin(struct wayl_window *window)
{
    struct wp_presentation *presentation = window->context->conn->presentation;
    if (!presentation)
        return;
    for (unsigned i = 0; i < WAYL_FEEDBACKS_MAX; i++) {
        struct wayl_feedback *feedback = &window->frames.feedback[i];
        if (feedback->proxy)
            continue;
        feedback->proxy = wp_presentation_feedback(presentation, window->surface);
        feedback->window = window;
        feedback->came_ns = window->frames.pending_ns;
        if (feedback->proxy)
            wp_presentation_feedback_add_listener(feedback->proxy, &feedback_listener, feedback);
        return;
    }
}

void wayl_feedback_end_all(struct wayl_window *window)
{
    for (unsigned i = 0; i < WAYL_FEEDBACKS_MAX; i++) {
        if (window->frames.feedback[i].proxy)
            feedback_end(&window->frames.feedback[i]);
    }
}
