// SPDX-License-Identifier: MIT
#include "vmm/app/host_sleep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#define LOG_MODULE "sleep"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"

#define SERVICE "org.freedesktop.login1"
#define PATH "/org/freedesktop/login1"
#define INTERFACE "org.freedesktop.login1.Manager"

struct host_sleep {
    struct loop *loop;
    const struct host_sleep_events *events;
    void *data;
    char *name;
    sd_bus *bus;
    struct loop_fd source;
    struct loop_timer timer; /* the bus's own timeouts */
    int lock;                /* logind's; -1: none */
    bool asleep;             /* or about to be */
    uint64_t asleep_ns;      /* how long the host had slept when it was about to sleep again */
};

/* How long the host has slept since it was started. */
static uint64_t time_asleep(void)
{
    struct timespec all, awake;
    clock_gettime(CLOCK_BOOTTIME, &all);
    clock_gettime(CLOCK_MONOTONIC, &awake);
    int64_t ns = (all.tv_sec - awake.tv_sec) * 1000000000ll + (all.tv_nsec - awake.tv_nsec);
    return ns > 0 ? (uint64_t)ns : 0;
}

static int on_lock(sd_bus_message *reply, void *data, sd_bus_error *error)
{
    struct host_sleep *s = data;
    int fd;
    if (sd_bus_message_is_method_error(reply, NULL)) {
        log_debug("no lock on the host's sleep: %s", sd_bus_message_get_error(reply)->message);
        return 0;
    }
    if (sd_bus_message_read(reply, "h", &fd) < 0)
        return 0;
    fd_close_all(&s->lock, 1);
    s->lock = fcntl(fd, F_DUPFD_CLOEXEC, 3); /* the message's own is closed with it */
    return 0;
}

static void take_lock(struct host_sleep *s)
{
    int err = sd_bus_call_method_async(s->bus, NULL, SERVICE, PATH, INTERFACE, "Inhibit", on_lock,
                                       s, "ssss", "sleep", "vitrine", s->name, "delay");
    if (err < 0)
        log_debug("can't ask for a lock on the host's sleep: %s", strerror(-err));
}

static void wake(struct host_sleep *s)
{
    uint64_t asleep = time_asleep();
    s->asleep = false;
    s->events->woke(s->data, asleep > s->asleep_ns ? asleep - s->asleep_ns : 0);
}

static int on_prepare_for_sleep(sd_bus_message *signal, void *data, sd_bus_error *error)
{
    struct host_sleep *s = data;
    int sleeps;
    if (sd_bus_message_read(signal, "b", &sleeps) < 0)
        return 0;
    if (sleeps) {
        s->asleep = true;
        s->asleep_ns = time_asleep();
        s->events->sleeps(s->data);
        fd_close_all(&s->lock, 1);
    } else {
        wake(s);
        take_lock(s);
    }
    return 0;
}

/* Nobody tells any more: the host is not to wait for us, nor the guest for the host. */
static void lose_bus(struct host_sleep *s, int err)
{
    log_debug("the system bus is gone: %s", strerror(-err));
    loop_fd_remove(&s->source);
    loop_timer_cancel(&s->timer);
    fd_close_all(&s->lock, 1);
    if (s->asleep)
        wake(s);
}

/* Serves the bus until there is nothing to do, and says what to wait for. */
static void serve(struct host_sleep *s)
{
    uint64_t due_us;
    int n;
    while ((n = sd_bus_process(s->bus, NULL)) > 0)
        ;
    int events = n < 0 ? n : sd_bus_get_events(s->bus);
    if (events < 0) {
        lose_bus(s, events);
        return;
    }
    loop_fd_modify(&s->source, (uint32_t)events); /* POLLIN and EPOLLIN are the same, and so on */
    if (sd_bus_get_timeout(s->bus, &due_us) < 0 || due_us == UINT64_MAX) {
        loop_timer_cancel(&s->timer);
        return;
    }
    uint64_t now = loop_now_ns(), due = due_us * 1000;
    loop_timer_set(&s->timer, due > now ? due - now : 1);
}

static void on_bus(struct loop_fd *source, uint32_t events)
{
    serve(container_of(source, struct host_sleep, source));
}

static void on_timer(struct loop_timer *timer)
{
    serve(container_of(timer, struct host_sleep, timer));
}

static int open_bus(struct host_sleep *s)
{
    int err = sd_bus_open_system(&s->bus);
    if (err >= 0)
        err = sd_bus_match_signal_async(s->bus, NULL, SERVICE, PATH, INTERFACE, "PrepareForSleep",
                                        on_prepare_for_sleep, NULL, s);
    if (err >= 0)
        err = loop_timer_add(s->loop, &s->timer, on_timer);
    if (err >= 0)
        err = sd_bus_get_fd(s->bus);
    return err < 0 ? err : loop_fd_add(s->loop, &s->source, err, 0, on_bus);
}

struct host_sleep *host_sleep_create(struct loop *loop, const char *name,
                                     const struct host_sleep_events *events, void *data)
{
    struct host_sleep *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    *s = (struct host_sleep){ .loop = loop, .events = events, .data = data, .lock = -1 };
    s->name = strdup(name);
    int err = s->name ? open_bus(s) : -ENOMEM;
    if (err < 0) {
        log_debug("no system bus: nobody tells when the host sleeps: %s", strerror(-err));
        host_sleep_destroy(s);
        return NULL;
    }
    take_lock(s);
    serve(s);
    return s;
}

bool host_sleep_is_told(void)
{
    return access("/run/systemd/seats", F_OK) == 0; /* sd-login(3): as long as logind runs */
}

void host_sleep_destroy(struct host_sleep *s)
{
    if (!s)
        return;
    loop_fd_remove(&s->source);
    if (s->timer.source.loop)
        loop_timer_remove(&s->timer);
    sd_bus_close_unref(s->bus);
    if (s->lock >= 0)
        fd_close_all(&s->lock, 1);
    free(s->name);
    free(s);
}
