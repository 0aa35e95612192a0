// SPDX-License-Identifier: MIT
/* A machine that begins anew, stands still, and goes on. Main loop. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODULE "machine"
#include "vmm/app/control.h"
#include "vmm/app/disks.h"
#include "vmm/app/host_sleep.h"
#include "vmm/app/machine_internal.h"
#include "vmm/app/verbs.h"
#include "vmm/base/log.h"
#include "vmm/core/pci.h"
#include "vmm/core/vcpu.h"
#include "vmm/dev/pci_slots.h"
#include "vmm/dev/pm.h"
#include "vmm/dev/rtc.h"
#include "vmm/dev/serial.h"
#include "vmm/virtio/virtio_pci.h"

#define CLOSE_AGAIN "; close again to stop it"

void machine_show_state(struct machine *m)
{
    static const char *const standing[2][2] = {
        { "suspended", "suspended" CLOSE_AGAIN },
        { "suspended: a disk can't be written", "suspended: a disk can't be written" CLOSE_AGAIN },
    };
    if (!m->screen)
        return;
    screen_set_stands(m->screen, m->suspended ? standing[m->disk_stuck][m->power_pressed] : NULL);
    if (!m->suspended && m->power_pressed)
        screen_set_note(m->screen, "shutting down" CLOSE_AGAIN);
}

/* The last transport has answered: the guest starts again. */
void machine_restart(struct loop_task *task)
{
    struct machine *m = container_of(task, struct machine, reset_task);
    atomic_store_explicit(&m->ejected, 0, memory_order_relaxed);
    machine_slots_take(m, 0, true);
    pci_host_reset(m->pci);
    pci_slots_reset(m->pci_slots);
    serial_reset(m->serial);
    rtc_reset(m->rtc);
    pm_reset(m->pm);
    m->restarting = false;
    m->power_pressed = false;
    machine_show_state(m);
    if (!x86_load(&m->mem, &m->boot, &m->entry) || !vcpus_reset(m->vcpus) ||
        !vcpus_set_entry(m->vcpus, &m->entry)) {
        machine_end(m, EXIT_CRASH);
        return;
    }
    m->reboots++;
    log_info("the guest restarts");
    control_event(m->control, "restarted", NULL);
    if (!m->suspended)
        vcpus_run(m->vcpus);
}

/* On the device's loop. The decrement that reaches zero sees all the others'. */
static void one_is_reset(void *data)
{
    struct machine *m = data;
    if (atomic_fetch_sub_explicit(&m->resets_left, 1, memory_order_acq_rel) == 1)
        loop_post(m->loop, m->when_reset);
}

/* While no vCPU runs: asks the devices in these slots to reset, or all there are; then comes when they have. */
static void reset_devices(struct machine *m, uint32_t slots, bool all, struct loop_task *then)
{
    /* One more than there are devices, so that none can finish it before all were asked. */
    unsigned n = all ? m->n_virtio : 0;
    atomic_store_explicit(&m->resets_left, n + PCI_MAX_DEVS + 1, memory_order_relaxed);
    m->when_reset = then;
    for (unsigned i = 0; i < n; i++)
        virtio_pci_reset(m->virtio[i], one_is_reset, m);
    for (unsigned i = 0; i < PCI_MAX_DEVS; i++) {
        if (m->slot[i].kind != SLOT_EMPTY && (all || slots >> i & 1))
            virtio_pci_reset(m->slot[i].virtio, one_is_reset, m);
        else
            one_is_reset(m);
    }
    one_is_reset(m);
}

void machine_begin_restart(struct machine *m)
{
    vcpus_pause(m->vcpus);
    /* What a vCPU ran into on its way there is over. */
    atomic_fetch_and_explicit(&m->events, ~(unsigned)MACHINE_CRASH, memory_order_relaxed);
    m->restarting = true;
    reset_devices(m, 0, true, &m->reset_task);
}

/* A device that is still at work is waited for by its own loop. */
void machine_begin_eject(struct machine *m)
{
    vcpus_pause(m->vcpus);
    m->ejecting = true;
    m->ejecting_slots = atomic_exchange_explicit(&m->ejected, 0, memory_order_relaxed);
    reset_devices(m, m->ejecting_slots, false, &m->eject_task);
}

/* The guest goes on behind its _EJ0 when the devices are gone. */
void machine_ejected(struct loop_task *task)
{
    struct machine *m = container_of(task, struct machine, eject_task);
    machine_slots_take(m, m->ejecting_slots, false);
    m->ejecting = false;
    /* What another vCPU has raised meanwhile is dealt with first: its guest may be done. */
    if (atomic_load_explicit(&m->events, memory_order_relaxed))
        loop_post(m->loop, &m->event_task);
    machine_go_on(m);
}

static void set_suspended(struct machine *m, bool suspended)
{
    m->suspended = suspended;
    if (!suspended && m->disk_stuck)
        disks_retry(m->disks);
    m->disk_stuck &= suspended;
    m->suspended_for_sleep &= suspended;
    log_info("the guest is %s", suspended ? "suspended" : "resumed");
    control_event(m->control, suspended ? "suspended" : "resumed", NULL);
    machine_show_state(m);
}

bool machine_suspend(struct machine *m)
{
    if (m->suspended)
        return false;
    vcpus_pause(m->vcpus);
    set_suspended(m, true);
    return true;
}

/* What the user may type to have it resumed. */
static void name_resume(const struct run_options *o, char *command, size_t size)
{
    if (o->socket_path)
        snprintf(command, size, "vitrine ctl %s resume",
                 o->socket_of ? o->socket_of : o->socket_path);
    else
        snprintf(command, size, "kill -USR1 %d", getpid());
}

/* The guest waits, instead of being told of an error that it can do nothing about. */
static void disk_held(void *data, unsigned disk, int err)
{
    struct machine *m = data;
    char resume[200];
    name_resume(m->options, resume, sizeof(resume));
    log_error("the disk %s can't be written: %s; the guest waits, and '%s' lets it go on",
              disks_path(m->disks, disk), strerror(-err), resume);
    machine_suspend(m);
    m->disk_stuck = true;
    machine_show_state(m);
}

const struct disks_events machine_disks_events = { .held = disk_held,
                                                   .closed = machine_disk_closed };

void machine_go_on(struct machine *m)
{
    if (!m->suspended && !m->restarting && !m->ejecting &&
        !atomic_load_explicit(&m->events, memory_order_relaxed))
        vcpus_run(m->vcpus);
}

/* While no vCPU runs. */
static void catch_up(struct machine *m)
{
    uint64_t ns = m->tsc_marked ? vcpus_catch_up_tsc(m->vcpus, &m->tsc_mark) : 0;
    if (ns > 0)
        log_info("the guest's TSC was put forward by %llu ms", (unsigned long long)(ns / 1000000));
}

bool machine_resume(struct machine *m)
{
    if (!m->suspended)
        return false;
    catch_up(m);
    set_suspended(m, false);
    vcpus_tell_paused(m->vcpus);
    machine_go_on(m);
    return true;
}

static void host_sleeps(void *data)
{
    struct machine *m = data;
    m->suspended_for_sleep = machine_suspend(m);
    m->tsc_marked = vcpus_mark_tsc(m->vcpus, &m->tsc_mark);
}

static void host_woke(void *data, uint64_t slept_ns)
{
    struct machine *m = data;
    log_info("the host has slept for %llu s", (unsigned long long)(slept_ns / 1000000000));
    /* Somebody may have resumed it by hand before we were told. */
    vcpus_pause(m->vcpus);
    catch_up(m);
    m->tsc_marked = false;
    if (m->suspended_for_sleep)
        machine_resume(m);
    else
        machine_go_on(m);
}

const struct host_sleep_events machine_sleep_events = {
    .sleeps = host_sleeps,
    .woke = host_woke,
};

void machine_reset(struct machine *m)
{
    m->disk_stuck = false; /* what a disk holds has its last try when that is reset */
    if (m->suspended)
        set_suspended(m, false);
    if (m->ejecting)
        atomic_fetch_or_explicit(&m->events, MACHINE_RESET, memory_order_relaxed);
    else if (!m->restarting)
        machine_begin_restart(m);
}
