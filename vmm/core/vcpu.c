// SPDX-License-Identifier: MIT
/*
 * A thread is either parked, waiting on the condition for the goal to change, or inside run_guest().
 * To get it out of there, immediate_exit is set first and the kick signal sent second: a thread that
 * is in the guest is interrupted by the signal, one that is just about to enter sees the flag. Either
 * way KVM_RUN first completes the access that was under way, so a parked vCPU has none.
 */
#include "vmm/core/vcpu.h"

#include <errno.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/base/cleanup.h"
#include "vmm/core/bus.h"
#include "vmm/core/kvm.h"
#include "vmm/core/kvm_stats.h"
#include "vmm/core/x86/cpuid.h"
#include "vmm/core/x86/state.h"
#include "vmm/core/x86/tsc.h"

#define LOG_MODULE "vcpu"
#include "vmm/base/log.h"

#define KICK_SIGNAL SIGRTMIN

enum goal { GOAL_PARK, GOAL_RUN, GOAL_QUIT };

struct vcpu {
    struct vcpus *all;
    unsigned index;
    int fd;
    struct kvm_run *run;
    struct x86_cpu_state *power_on;
    pthread_t thread;
    /* Written by the vCPU's thread alone; relaxed, as they order nothing. */
    _Atomic uint64_t n_pio, n_mmio, n_signals, n_others;
    struct kvm_stats kernel_stats;
};

struct vcpus {
    struct vcpus_config config;
    struct x86_chips_state *power_on;
    unsigned n_threads;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    enum goal goal;
    unsigned n_parked;
    bool crashed; /* in this run */
    struct vcpu vcpu[];
};

static void count(_Atomic uint64_t *counter)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

static void on_kick(int signo)
{
    (void)signo;
}

/* With the lock held. */
static void set_goal(struct vcpus *vcpus, enum goal goal)
{
    if (vcpus->goal == GOAL_QUIT)
        return;
    vcpus->goal = goal;
    for (unsigned i = 0; i < vcpus->config.count; i++)
        __atomic_store_n(&vcpus->vcpu[i].run->immediate_exit, goal != GOAL_RUN, __ATOMIC_SEQ_CST);
    if (goal != GOAL_RUN) {
        for (unsigned i = 0; i < vcpus->n_threads; i++)
            pthread_kill(vcpus->vcpu[i].thread, KICK_SIGNAL);
    }
    pthread_cond_broadcast(&vcpus->changed);
}

static void crash(struct vcpu *vcpu, enum vcpu_crash why)
{
    struct vcpus *vcpus = vcpu->all;
    pthread_mutex_lock(&vcpus->lock);
    /* Also one that comes while all are being parked: it would not go on from there. */
    bool first = !vcpus->crashed && vcpus->goal != GOAL_QUIT;
    vcpus->crashed = true;
    if (first)
        set_goal(vcpus, GOAL_PARK);
    pthread_mutex_unlock(&vcpus->lock);
    if (first)
        vcpus->config.crashed(vcpus->config.data, why);
}

static void serve_pio(struct vcpu *vcpu)
{
    const struct kvm_run *run = vcpu->run;
    char *data = (char *)vcpu->run + run->io.data_offset;
    for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
        if (run->io.direction == KVM_EXIT_IO_IN)
            bus_read(vcpu->all->config.pio, run->io.port, data, run->io.size);
        else
            bus_write(vcpu->all->config.pio, run->io.port, data, run->io.size);
    }
    count(&vcpu->n_pio);
}

static void serve_mmio(struct vcpu *vcpu)
{
    struct kvm_run *run = vcpu->run;
    if (run->mmio.is_write)
        bus_write(vcpu->all->config.mmio, run->mmio.phys_addr, run->mmio.data, run->mmio.len);
    else
        bus_read(vcpu->all->config.mmio, run->mmio.phys_addr, run->mmio.data, run->mmio.len);
    count(&vcpu->n_mmio);
}

static void crash_on_internal_error(struct vcpu *vcpu, const char *where)
{
    const struct kvm_run *run = vcpu->run;
    char code[16 * 3 + 1] = "";
    if (run->internal.suberror != KVM_INTERNAL_ERROR_EMULATION) {
        log_error("vCPU %u: KVM's internal error %u: %s", vcpu->index, run->internal.suberror,
                  where);
        crash(vcpu, VCPU_KVM_FAILURE);
        return;
    }
    if (run->emulation_failure.ndata >= 1 &&
        (run->emulation_failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES)) {
        unsigned n = run->emulation_failure.insn_size;
        for (unsigned i = 0; i < n && i < sizeof(run->emulation_failure.insn_bytes); i++)
            snprintf(code + i * 3, 4, " %02x", run->emulation_failure.insn_bytes[i]);
    }
    log_error("vCPU %u: KVM cannot emulate the guest's instruction%s: %s", vcpu->index, code,
              where);
    crash(vcpu, VCPU_EMULATION_FAILURE);
}

/* Whether the guest goes on. */
static bool serve_other(struct vcpu *vcpu)
{
    const struct kvm_run *run = vcpu->run;
    char where[320];

    count(&vcpu->n_others);
    if (run->exit_reason == KVM_EXIT_INTR || run->exit_reason == KVM_EXIT_IRQ_WINDOW_OPEN)
        return true;

    x86_cpu_describe(vcpu->fd, where, sizeof(where));
    switch (run->exit_reason) {
    case KVM_EXIT_SHUTDOWN:
        log_guest("vCPU %u: triple fault: %s", vcpu->index, where);
        crash(vcpu, VCPU_TRIPLE_FAULT);
        break;
    case KVM_EXIT_INTERNAL_ERROR:
        crash_on_internal_error(vcpu, where);
        break;
    case KVM_EXIT_FAIL_ENTRY:
        log_error("vCPU %u: the processor refuses to enter the guest (reason %#llx): %s",
                  vcpu->index, run->fail_entry.hardware_entry_failure_reason, where);
        crash(vcpu, VCPU_KVM_FAILURE);
        break;
    default:
        log_error("vCPU %u: KVM stopped for reason %u, which is not one of ours: %s", vcpu->index,
                  run->exit_reason, where);
        crash(vcpu, VCPU_KVM_FAILURE);
    }
    return false;
}

/* Runs the guest until all park or it crashes. */
static void run_guest(struct vcpu *vcpu)
{
    for (;;) {
        if (ioctl(vcpu->fd, KVM_RUN, 0) < 0) {
            if (errno == EINTR) {
                count(&vcpu->n_signals);
                if (__atomic_load_n(&vcpu->run->immediate_exit, __ATOMIC_SEQ_CST))
                    return;
                continue;
            }
            /* What a vCPU that waits for its SIPI returns when something happened. */
            if (errno == EAGAIN)
                continue;
            char where[320];
            int err = errno;
            x86_cpu_describe(vcpu->fd, where, sizeof(where));
            log_error("vCPU %u: KVM_RUN: %s: %s", vcpu->index, strerror(err), where);
            crash(vcpu, VCPU_KVM_FAILURE);
            return;
        }
        switch (vcpu->run->exit_reason) {
        case KVM_EXIT_IO:
            serve_pio(vcpu);
            break;
        case KVM_EXIT_MMIO:
            serve_mmio(vcpu);
            break;
        default:
            if (!serve_other(vcpu))
                return;
        }
    }
}

static void *vcpu_thread(void *data)
{
    struct vcpu *vcpu = data;
    struct vcpus *vcpus = vcpu->all;

    pthread_mutex_lock(&vcpus->lock);
    while (vcpus->goal != GOAL_QUIT) {
        if (vcpus->goal == GOAL_PARK) {
            vcpus->n_parked++;
            pthread_cond_broadcast(&vcpus->changed);
            while (vcpus->goal == GOAL_PARK)
                pthread_cond_wait(&vcpus->changed, &vcpus->lock);
            vcpus->n_parked--;
            continue;
        }
        pthread_mutex_unlock(&vcpus->lock);
        run_guest(vcpu);
        pthread_mutex_lock(&vcpus->lock);
    }
    pthread_mutex_unlock(&vcpus->lock);
    return NULL;
}

/* The file that the kernel counts in. Asked for now: later it would be given once the vCPU comes out of the guest. */
static void open_kernel_stats(struct vcpu *vcpu)
{
    int fd = ioctl(vcpu->fd, KVM_GET_STATS_FD, 0);
    int err = fd < 0 ? -errno : kvm_stats_init(&vcpu->kernel_stats, fd);
    if (err < 0)
        log_debug("the kernel does not tell what it counts: %s", strerror(-err));
}

static bool create_vcpu(struct vcpu *vcpu, struct kvm_cpuid2 *cpuid)
{
    const struct vcpus_config *config = &vcpu->all->config;
    const char *what = "KVM_CREATE_VCPU";

    vcpu->fd = ioctl(config->kvm->vm_fd, KVM_CREATE_VCPU, (unsigned long)vcpu->index);
    if (vcpu->fd < 0)
        goto error;
    what = "the mapping of a vCPU";
    vcpu->run =
        mmap(NULL, config->kvm->vcpu_map_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
    if (vcpu->run == MAP_FAILED)
        goto error;
    what = "KVM_SET_CPUID2";
    x86_cpuid_set_index(cpuid, vcpu->index, config->count);
    if (ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid) < 0)
        goto error;
    what = "the registers of a vCPU";
    vcpu->power_on = x86_cpu_save(config->kvm, vcpu->fd);
    if (!vcpu->power_on)
        goto error;
    vcpu->run->immediate_exit = 1;
    open_kernel_stats(vcpu);
    return true;

error:
    log_error("KVM refuses %s: %s", what, strerror(errno));
    return false;
}

/* The threads take no signal but the kick; the others are the main loop's. */
static bool start_threads(struct vcpus *vcpus)
{
    struct sigaction kick = { .sa_handler = on_kick, .sa_flags = SA_RESTART };
    sigset_t all_but_kick, old;
    int err = 0;

    sigfillset(&all_but_kick);
    sigdelset(&all_but_kick, KICK_SIGNAL);
    sigaction(KICK_SIGNAL, &kick, NULL);
    pthread_sigmask(SIG_SETMASK, &all_but_kick, &old);
    pthread_mutex_lock(&vcpus->lock);
    for (unsigned i = 0; i < vcpus->config.count && err == 0; i++) {
        err = pthread_create(&vcpus->vcpu[i].thread, NULL, vcpu_thread, &vcpus->vcpu[i]);
        if (err != 0)
            break;
        char name[16];
        snprintf(name, sizeof(name), "vcpu%u", i);
        pthread_setname_np(vcpus->vcpu[i].thread, name);
        vcpus->n_threads++;
    }
    pthread_mutex_unlock(&vcpus->lock);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (err != 0)
        log_error("no thread for a vCPU: %s", strerror(err));
    return err == 0;
}

struct vcpus *vcpus_create(const struct vcpus_config *config)
{
    BUG_ON(config->count == 0 || config->count > VCPU_MAX);
    int max = ioctl(config->kvm->sys_fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);
    if (max > 0 && config->count > (unsigned)max) {
        log_error("the host's KVM gives a guest %d processors at most: give it fewer (--cpus)",
                  max);
        return NULL;
    }
    struct vcpus *vcpus = calloc(1, sizeof(*vcpus) + config->count * sizeof(vcpus->vcpu[0]));
    autofree struct kvm_cpuid2 *cpuid = x86_cpuid_create(config->kvm, config->count);
    if (!vcpus || !cpuid) {
        free(vcpus);
        return NULL;
    }
    vcpus->config = *config;
    pthread_mutex_init(&vcpus->lock, NULL);
    pthread_cond_init(&vcpus->changed, NULL);
    for (unsigned i = 0; i < config->count; i++) {
        vcpus->vcpu[i].all = vcpus;
        vcpus->vcpu[i].index = i;
        vcpus->vcpu[i].fd = vcpus->vcpu[i].kernel_stats.fd = -1;
        vcpus->vcpu[i].run = MAP_FAILED;
    }
    for (unsigned i = 0; i < config->count; i++) {
        if (!create_vcpu(&vcpus->vcpu[i], cpuid))
            goto error;
    }
    vcpus->power_on = x86_chips_save(config->kvm);
    if (!vcpus->power_on) {
        log_error("KVM does not tell the state of its interrupt controllers: %s", strerror(errno));
        goto error;
    }
    if (!start_threads(vcpus))
        goto error;
    return vcpus;

error:
    vcpus_destroy(vcpus);
    return NULL;
}

void vcpus_destroy(struct vcpus *vcpus)
{
    if (!vcpus)
        return;
    if (vcpus->n_threads > 0) {
        pthread_mutex_lock(&vcpus->lock);
        set_goal(vcpus, GOAL_QUIT);
        pthread_mutex_unlock(&vcpus->lock);
        for (unsigned i = 0; i < vcpus->n_threads; i++)
            pthread_join(vcpus->vcpu[i].thread, NULL);
    }
    for (unsigned i = 0; i < vcpus->config.count; i++) {
        struct vcpu *vcpu = &vcpus->vcpu[i];
        x86_cpu_state_free(vcpu->power_on);
        kvm_stats_finish(&vcpu->kernel_stats);
        if (vcpu->run != MAP_FAILED)
            munmap(vcpu->run, vcpus->config.kvm->vcpu_map_size);
        if (vcpu->fd >= 0)
            close(vcpu->fd);
    }
    x86_chips_state_free(vcpus->power_on);
    pthread_cond_destroy(&vcpus->changed);
    pthread_mutex_destroy(&vcpus->lock);
    free(vcpus);
}

bool vcpus_set_entry(struct vcpus *vcpus, const struct x86_entry *entry)
{
    int err = x86_cpu_set_entry(vcpus->vcpu[0].fd, entry);
    if (err < 0)
        log_error("KVM refuses the kernel's entry state: %s", strerror(-err));
    return err == 0;
}

bool vcpus_reset(struct vcpus *vcpus)
{
    int err = 0;
    for (unsigned i = 0; i < vcpus->config.count && err == 0; i++)
        err = x86_cpu_restore(vcpus->vcpu[i].fd, vcpus->vcpu[i].power_on);
    if (err == 0)
        err = x86_chips_restore(vcpus->config.kvm, vcpus->power_on);
    if (err < 0)
        log_error("KVM refuses the state of power-on: %s", strerror(-err));
    return err == 0;
}

void vcpus_run(struct vcpus *vcpus)
{
    pthread_mutex_lock(&vcpus->lock);
    vcpus->crashed = false;
    set_goal(vcpus, GOAL_RUN);
    pthread_mutex_unlock(&vcpus->lock);
}

void vcpus_park(struct vcpus *vcpus)
{
    pthread_mutex_lock(&vcpus->lock);
    set_goal(vcpus, GOAL_PARK);
    pthread_mutex_unlock(&vcpus->lock);
}

void vcpus_pause(struct vcpus *vcpus)
{
    pthread_mutex_lock(&vcpus->lock);
    set_goal(vcpus, GOAL_PARK);
    while (vcpus->n_parked < vcpus->n_threads)
        pthread_cond_wait(&vcpus->changed, &vcpus->lock);
    pthread_mutex_unlock(&vcpus->lock);
}

void vcpus_tell_paused(struct vcpus *vcpus)
{
    /* Fails where the guest does not use KVM's clock: nothing is to be told then. */
    for (unsigned i = 0; i < vcpus->n_threads; i++)
        ioctl(vcpus->vcpu[i].fd, KVM_KVMCLOCK_CTRL, 0);
}

bool vcpus_mark_tsc(struct vcpus *vcpus, struct x86_tsc_mark *mark)
{
    return x86_tsc_read(vcpus->vcpu[0].fd, mark) == 0;
}

uint64_t vcpus_catch_up_tsc(struct vcpus *vcpus, const struct x86_tsc_mark *then)
{
    struct x86_tsc_mark now;
    int err = 0, khz = ioctl(vcpus->vcpu[0].fd, KVM_GET_TSC_KHZ, 0);
    if (khz <= 0 || !vcpus_mark_tsc(vcpus, &now))
        return 0;
    uint64_t ticks = x86_tsc_lacking(then, &now, (uint32_t)khz);
    if (ticks == 0)
        return 0;
    for (unsigned i = 0; i < vcpus->config.count && err == 0; i++)
        err = x86_tsc_add(vcpus->vcpu[i].fd, ticks);
    if (err < 0 || !vcpus_mark_tsc(vcpus, &now) || x86_tsc_lacking(then, &now, (uint32_t)khz) > 0) {
        log_warn("the guest's clock may be late by %llu ms: KVM does not put its TSC forward",
                 (unsigned long long)(ticks / (unsigned)khz));
        return 0;
    }
    return ticks / (unsigned)khz * 1000000 + ticks % (unsigned)khz * 1000000 / (unsigned)khz;
}

void vcpus_stats(const struct vcpus *vcpus, unsigned index, struct vcpu_stats *stats)
{
    const struct vcpu *vcpu = &vcpus->vcpu[index];
    *stats = (struct vcpu_stats){
        .pio = atomic_load_explicit(&vcpu->n_pio, memory_order_relaxed),
        .mmio = atomic_load_explicit(&vcpu->n_mmio, memory_order_relaxed),
        .signals = atomic_load_explicit(&vcpu->n_signals, memory_order_relaxed),
        .others = atomic_load_explicit(&vcpu->n_others, memory_order_relaxed),
    };
}

bool vcpus_kernel_stats(const struct vcpus *vcpus, struct kvm_stats_sum *sum)
{
    *sum = (struct kvm_stats_sum){ 0 };
    for (unsigned i = 0; i < vcpus->config.count; i++) {
        if (!kvm_stats_add(&vcpus->vcpu[i].kernel_stats, sum))
            return false;
    }
    return true;
}
