// SPDX-License-Identifier: MIT
#include "vmm/app/screen_stats.h"

#include <json-c/json.h>
#include <stdio.h>

#include "gpu/channel.h"
#include "vmm/app/control.h"
#include "vmm/app/screen.h"
#include "vmm/base/util.h"
#include "wl/wayl.h"

static const char *const path_names[FRAME_PATH_COUNT] = {
    [FRAME_PATH_UDMABUF] = "udmabuf",
    [FRAME_PATH_TEXTURE] = "texture",
    [FRAME_PATH_BLIT] = "blit",
    [FRAME_PATH_SHM] = "shm",
};

static const char *const fence_names[WAYL_FENCE_COUNT] = {
    [WAYL_FENCE_POINT] = "point",
    [WAYL_FENCE_DMABUF] = "dmabuf",
    [WAYL_FENCE_WAITED] = "waited",
};

/* By the numbers in their windows' titles. */
static void add_monitors(const struct screen *screen, struct json_object *to)
{
    struct json_object *monitors = json_object_new_object();
    for (unsigned i = 0; i < DISPLAY_MAX_SCANOUTS; i++) {
        const struct display_mode *mode = screen_monitor(screen, i);
        char number[8], text[64];
        if (mode->width == 0)
            continue;
        snprintf(number, sizeof(number), "%u", i + 1);
        snprintf(text, sizeof(text), "%ux%u@%u.%03u %ux%u mm", mode->width, mode->height,
                 mode->refresh_mhz / 1000, mode->refresh_mhz % 1000, mode->width_mm,
                 mode->height_mm);
        control_add_string(monitors, number, text);
    }
    json_object_object_add(to, "monitors", monitors);
}

void screen_add_displays(const struct screen *screen, struct json_object *to)
{
    struct json_object *rows = json_object_new_array();
    for (unsigned i = 0; i < DISPLAY_MAX_SCANOUTS; i++) {
        const struct display_mode *mode = screen_monitor(screen, i);
        if (mode->width == 0)
            continue;
        struct json_object *row = json_object_new_object();
        control_add_number(row, "display", i + 1);
        control_add_number(row, "width", mode->width);
        control_add_number(row, "height", mode->height);
        control_add_number(row, "refresh_mhz", mode->refresh_mhz);
        control_add_number(row, "width_mm", mode->width_mm);
        control_add_number(row, "height_mm", mode->height_mm);
        json_object_array_add(rows, row);
    }
    json_object_object_add(to, "displays", rows);
}

void screen_add_stats(const struct screen *screen, struct json_object *to)
{
    const struct channel_stats *channel = screen_channel_stats(screen);
    const struct wayl_stats *window = screen_window_stats(screen);
    struct json_object *frames = json_object_new_object();
    uint64_t sum = 0;

    for (unsigned i = 0; i < FRAME_PATH_COUNT; i++) {
        control_add_number(frames, path_names[i], channel->frames[i]);
        sum += channel->frames[i];
    }
    control_add_string(to, "backend", screen_backend(screen));
    control_add_string(to, "renderer", screen_renderer(screen));
    control_add_number(to, "gpu_restarts", screen_gpu_restarts(screen));
    control_add_number(frames, "presented", sum);
    control_add_number(frames, "bytes_copied", channel->copied);
    control_add_number(frames, "dropped", channel->dropped);
    control_add_number(frames, "drawn_on_screen", channel->draws);
    control_add_number(frames, "fences_withheld", channel->withheld);
    control_add_number(frames, "buffers", channel->buffers);
    control_add_number(frames, "buffers_made", channel->buffers_total);
    json_object_object_add(to, "frames", frames);
    if (!window)
        return;
    struct json_object *shown = json_object_new_object();
    control_add_number(shown, "committed", window->presented);
    control_add_number(shown, "callbacks", window->callbacks);
    control_add_number(shown, "shown", window->shown);
    control_add_number(shown, "dropped", window->dropped);
    control_add_number(shown, "unpaced", window->unpaced);
    control_add_number(shown, "imports", window->imports);
    control_add_number(shown, "import_failures", window->import_failures);
    control_add_string(shown, "path",
                       window->last_path < FRAME_PATH_COUNT ? path_names[window->last_path]
                                                            : "none");
    struct json_object *latency = json_object_new_object();
    static const struct {
        const char *name;
        unsigned percent;
    } percentiles[] = { { "p50", 50 }, { "p95", 95 }, { "p99", 99 }, { "max", 100 } };
    for (unsigned i = 0; i < ARRAY_LEN(percentiles); i++)
        control_add_number(latency, percentiles[i].name,
                           wayl_latency_percentile(&window->latency, percentiles[i].percent) /
                               1000);
    json_object_object_add(shown, "latency_us", latency);
    struct json_object *fences = json_object_new_object();
    for (unsigned i = 0; i < WAYL_FENCE_COUNT; i++)
        control_add_number(fences, fence_names[i], window->fences[i]);
    json_object_object_add(shown, "fences", fences);
    add_monitors(screen, shown);
    json_object_object_add(to, "window", shown);
}
