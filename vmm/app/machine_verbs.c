// SPDX-License-Identifier: MIT
/* What the control socket can ask of a machine. Main loop. */
#include <json-c/json.h>
#include <string.h>

#include "vmm/app/control.h"
#include "vmm/app/machine_internal.h"
#include "vmm/app/screen_shot.h"
#include "vmm/app/screen_stats.h"
#include "vmm/app/verbs.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/core/kvm_stats.h"
#include "vmm/core/vcpu.h"
#include "vmm/dev/pm.h"
#include "vmm/virtio/balloon.h"

static const char *run_status(void *data, struct json_object *request, struct json_object *result)
{
    struct machine *m = data;
    control_add_string(result, "name", m->options->screen.name);
    control_add_string(result, "state",
                       m->restarting   ? "restarting"
                       : m->disk_stuck ? "disk-stuck"
                       : m->suspended  ? "suspended"
                                       : "running");
    control_add_number(result, "cpus", m->options->cpus);
    control_add_number(result, "mem_mib", m->options->mem_mib);
    control_add_number(result, "reboots", m->reboots);
    control_add_string(result, "display", m->screen ? screen_where(m->screen) : "none");
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
    control_add_number(exits, "pio", sum.pio);
    control_add_number(exits, "mmio", sum.mmio);
    control_add_number(exits, "signals", sum.signals);
    control_add_number(exits, "others", sum.others);
    json_object_object_add(result, "exits", exits);
}

static void add_kernel_exits(struct machine *m, struct json_object *result)
{
    struct kvm_stats_sum sum;
    if (!vcpus_kernel_stats(m->vcpus, &sum))
        return;
    struct json_object *kvm = json_object_new_object();
    for (unsigned i = 0; i < KVM_STATS_KINDS; i++) {
        if (sum.has[i])
            control_add_number(kvm, kvm_stats_names[i], sum.count[i]);
    }
    json_object_object_add(result, "kvm", kvm);
}

static void add_balloon(struct machine *m, struct json_object *result)
{
    struct json_object *balloon = json_object_new_object();
    struct virtio_balloon_stats stats;
    virtio_balloon_stats(m->balloon, &stats);
    control_add_number(balloon, "held", stats.held);
    control_add_number(balloon, "inflated", stats.inflated);
    control_add_number(balloon, "reported", stats.reported);
    json_object_object_add(result, "balloon", balloon);
}

static const char *run_stats(void *data, struct json_object *request, struct json_object *result)
{
    struct machine *m = data;
    add_exits(m, result);
    add_kernel_exits(m, result);
    machine_slots_add_stats(m, result);
    if (m->balloon)
        add_balloon(m, result);
    if (m->screen)
        screen_add_stats(m->screen, result);
    return NULL;
}

static const char *run_plug(void *data, struct json_object *request, struct json_object *result)
{
    struct machine *m = data;
    return m->screen ? screen_plug(m->screen) : "there is no graphics card";
}

static const char *run_unplug(void *data, struct json_object *request, struct json_object *result)
{
    struct machine *m = data;
    return m->screen ? screen_unplug(m->screen) : "there is no graphics card";
}

static const char no_screen[] = "there is no graphics card";

static const char *run_gpu_restart(void *data, struct json_object *request,
                                   struct json_object *result)
{
    struct machine *m = data;
    return m->screen ? screen_restart_gpu(m->screen) : no_screen;
}

/* The monitor that a request names, from 1 as in its window's title; 0: none that could be. */
static unsigned monitor(struct json_object *request)
{
    const char *text = control_string(request, "display");
    uint64_t n;
    return text && option_number(text, 1, DISPLAY_MAX_SCANOUTS, &n) ? (unsigned)n : 0;
}

static const char which_monitor[] = "which monitor? display=N; `displays list` has them";

static const char *run_displays_list(void *data, struct json_object *request,
                                     struct json_object *result)
{
    struct machine *m = data;
    if (!m->screen)
        return no_screen;
    screen_add_displays(m->screen, result);
    return NULL;
}

static const char *run_displays_remove(void *data, struct json_object *request,
                                       struct json_object *result)
{
    struct machine *m = data;
    unsigned n = monitor(request);
    if (!m->screen)
        return no_screen;
    return n > 0 ? screen_unplug_one(m->screen, n - 1) : which_monitor;
}

static const char *run_displays_resize(void *data, struct json_object *request,
                                       struct json_object *result)
{
    struct machine *m = data;
    unsigned n = monitor(request);
    const char *size = control_string(request, "size");
    struct screen_options parsed = { 0 };
    if (!m->screen)
        return no_screen;
    if (n == 0)
        return which_monitor;
    if (!size || !screen_parse_size(&parsed, size))
        return "which size? size=WxH, such as 1280x800";
    return screen_resize(m->screen, n - 1, parsed.width, parsed.height);
}

static const char *run_input_send(void *data, struct json_object *request,
                                  struct json_object *result)
{
    struct machine *m = data;
    const char *events = control_string(request, "events");
    if (!m->screen)
        return no_screen;
    return screen_send_input(m->screen, events ? events : "");
}

static void shot_done(void *data, const char *error, uint32_t width, uint32_t height)
{
    struct machine *m = data;
    struct control_call *call = m->shot_call;
    struct json_object *result = json_object_new_object();
    m->shot = NULL;
    m->shot_call = NULL;
    control_add_number(result, "width", width);
    control_add_number(result, "height", height);
    control_finish(call, result, error);
}

static const char *run_screenshot(void *data, struct json_object *request,
                                  struct json_object *result)
{
    struct machine *m = data;
    const char *file = control_string(request, "file");
    unsigned n = json_object_object_get_ex(request, "display", NULL) ? monitor(request) : 1;
    if (!m->screen)
        return no_screen;
    if (!file)
        return "into which file? file=PATH";
    if (n == 0)
        return which_monitor;
    if (m->shot)
        return "another screenshot is being made";
    m->shot_call = control_defer(m->control);
    if (!m->shot_call)
        return "out of memory";
    m->shot = screen_shot_begin(m->loop, m->screen, n - 1, file, shot_done, m);
    if (!m->shot)
        control_finish(m->shot_call, NULL, "out of memory");
    return control_later;
}

static const char *run_powerbtn(void *data, struct json_object *request, struct json_object *result)
{
    struct machine *m = data;
    pm_power_button(m->pm);
    return NULL;
}

static const char *run_stop(void *data, struct json_object *request, struct json_object *result)
{
    machine_end(data, EXIT_STOPPED);
    return NULL;
}

static const char *run_suspend(void *data, struct json_object *request, struct json_object *result)
{
    return machine_suspend(data) ? NULL : "it is suspended already";
}

static const char *run_resume(void *data, struct json_object *request, struct json_object *result)
{
    return machine_resume(data) ? NULL : "it is not suspended";
}

static const char *run_reset(void *data, struct json_object *request, struct json_object *result)
{
    machine_reset(data);
    return NULL;
}

static const char *run_raise(void *data, struct json_object *request, struct json_object *result)
{
    struct machine *m = data;
    if (!m->screen || !screen_raise(m->screen, control_string(request, "token")))
        return "there is no window that could be brought to the front";
    return NULL;
}

static const char *run_log(void *data, struct json_object *request, struct json_object *result)
{
    static const char *const levels[] = {
        [LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"
    };
    const char *level = control_string(request, "level");
    for (unsigned i = 0; level && i < ARRAY_LEN(levels); i++) {
        if (strcmp(level, levels[i]) == 0) {
            log_set_level((enum log_level)i);
            return NULL;
        }
    }
    return "which level? error, warn, info or debug";
}

/* How much the balloon should hold: the guest gives that up when it has got round to it. */
static const char *run_balloon(void *data, struct json_object *request, struct json_object *result)
{
    struct machine *m = data;
    const char *mib = control_string(request, "mib");
    uint64_t size;
    if (!m->balloon)
        return "the VM has no balloon: it runs without --balloon, or has huge pages";
    if (!mib || !option_number(mib, 0, m->options->mem_mib, &size))
        return "how much? mib=N, from 0 to the VM's memory";
    virtio_balloon_set_target(m->balloon, size * MIB);
    return NULL;
}

static const char *run_version(void *data, struct json_object *request, struct json_object *result)
{
    control_add_string(result, "version", VITRINE_VERSION);
    return NULL;
}

const struct control_verb machine_verbs[] = {
    { "status", run_status },
    { "stats", run_stats },
    { "powerbtn", run_powerbtn },
    { "reset", run_reset },
    { "stop", run_stop },
    { "raise", run_raise },
    { "plug", run_plug },
    { "unplug", run_unplug },
    { "balloon", run_balloon },
    { "log", run_log },
    { "suspend", run_suspend },
    { "resume", run_resume },
    { "disk resize", machine_disk_resize },
    { "screenshot", run_screenshot },
    { "input send", run_input_send },
    { "gpu restart", run_gpu_restart },
    { "displays list", run_displays_list },
    { "displays add", run_plug },
    { "displays remove", run_displays_remove },
    { "displays resize", run_displays_resize },
    { "disk list", machine_disk_list },
    { "disk add", machine_disk_add },
    { "disk remove", machine_disk_remove },
    { "net list", machine_net_list },
    { "net add", machine_net_add },
    { "net remove", machine_net_remove },
    { "version", run_version },
    { NULL, NULL },
};
