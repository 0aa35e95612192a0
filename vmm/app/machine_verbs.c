// SPDX-License-Identifier: MIT
/* What the control socket can ask of a machine. Main loop. */
#include <json-c/json.h>

#include "gpu/channel.h"
#include "vmm/app/control.h"
#include "vmm/app/machine_internal.h"
#include "vmm/app/verbs.h"
#include "vmm/core/vcpu.h"
#include "vmm/dev/pm.h"
#include "wl/wayl.h"

static void add_string(struct json_object *to, const char *key, const char *value)
{
    json_object_object_add(to, key, json_object_new_string(value));
}

static void add_number(struct json_object *to, const char *key, uint64_t value)
{
    json_object_object_add(to, key, json_object_new_uint64(value));
}

static const char *run_status(void *data, struct json_object *result)
{
    struct machine *m = data;
    add_string(result, "name", m->options->screen.name);
    add_string(result, "state", m->restarting ? "restarting" : "running");
    add_number(result, "cpus", m->options->cpus);
    add_number(result, "mem_mib", m->options->mem_mib);
    add_number(result, "reboots", m->reboots);
    add_string(result, "display", m->screen ? screen_where(m->screen) : "none");
    return NULL;
}

static void add_exits(struct machine *m, struct json_object *result)
{
    struct json_object *exits = json_object_new_object();
    struct vcpu_stats sum = { 0 };
    for (unsigned i = 0; i < m->options->cpus; i++) {
        struct vcpu_stats one;
        vcpus_stats(m->vcpus, i, &one);
        sum.pio += one.pio;
        sum.mmio += one.mmio;
        sum.signals += one.signals;
        sum.others += one.others;
    }
    add_number(exits, "pio", sum.pio);
    add_number(exits, "mmio", sum.mmio);
    add_number(exits, "signals", sum.signals);
    add_number(exits, "others", sum.others);
    json_object_object_add(result, "exits", exits);
}

static const char *const path_names[FRAME_PATH_COUNT] = {
    [FRAME_PATH_UDMABUF] = "udmabuf",
    [FRAME_PATH_TEXTURE] = "texture",
    [FRAME_PATH_BLIT] = "blit",
    [FRAME_PATH_SHM] = "shm",
};

/* Frames as they left the GPU process, and as the window showed them. */
static void add_frames(struct machine *m, struct json_object *result)
{
    const struct channel_stats *channel = screen_channel_stats(m->screen);
    const struct wayl_stats *window = screen_window_stats(m->screen);
    struct json_object *frames = json_object_new_object();
    uint64_t sum = 0;

    for (unsigned i = 0; i < FRAME_PATH_COUNT; i++) {
        add_number(frames, path_names[i], channel->frames[i]);
        sum += channel->frames[i];
    }
    add_number(frames, "presented", sum);
    add_number(frames, "bytes_copied", channel->copied);
    add_number(frames, "dropped", channel->dropped);
    add_number(frames, "buffers", channel->buffers);
    add_number(frames, "buffers_made", channel->buffers_total);
    json_object_object_add(result, "frames", frames);
    if (!window)
        return;
    struct json_object *shown = json_object_new_object();
    add_number(shown, "committed", window->presented);
    add_number(shown, "callbacks", window->callbacks);
    add_number(shown, "shown", window->shown);
    add_number(shown, "dropped", window->dropped);
    add_number(shown, "unpaced", window->unpaced);
    add_number(shown, "imports", window->imports);
    add_number(shown, "import_failures", window->import_failures);
    add_string(shown, "path",
               window->last_path < FRAME_PATH_COUNT ? path_names[window->last_path] : "none");
    json_object_object_add(result, "window", shown);
}

static const char *run_stats(void *data, struct json_object *result)
{
    struct machine *m = data;
    add_exits(m, result);
    if (m->screen)
        add_frames(m, result);
    return NULL;
}

static const char *run_powerbtn(void *data, struct json_object *result)
{
    struct machine *m = data;
    pm_power_button(m->pm);
    return NULL;
}

static const char *run_stop(void *data, struct json_object *result)
{
    machine_end(data, EXIT_STOPPED);
    return NULL;
}

const struct control_verb machine_verbs[] = {
    { "status", run_status }, { "stats", run_stats }, { "powerbtn", run_powerbtn },
    { "stop", run_stop },     { NULL, NULL },
};
