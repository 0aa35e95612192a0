// SPDX-License-Identifier: MIT
/* On a bus of the test's own, with a logind that it plays. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "tests/test.h"
#include "vmm/app/host_sleep.h"
#include "vmm/base/fd.h"
#include "vmm/base/loop.h"

#define PATH "/org/freedesktop/login1"
#define INTERFACE "org.freedesktop.login1.Manager"

static struct {
    char dir[64];
    pid_t daemon;
    struct loop *loop;
    sd_bus *bus; /* the played logind's */
    int lock;    /* this end of the lock that was given; -1: none */
    unsigned n_locks, n_sleeps, n_wakes;
    bool locked_when_told;
} bed;

static bool lock_is_held(void)
{
    struct pollfd p = { .fd = bed.lock };
    return bed.lock >= 0 && poll(&p, 1, 0) == 0;
}

static int inhibit(sd_bus_message *call, void *data, sd_bus_error *error)
{
    const char *what, *who, *why, *mode;
    int fds[2];
    assert_true(sd_bus_message_read(call, "ssss", &what, &who, &why, &mode) >= 0);
    assert_string_equal(what, "sleep");
    assert_string_equal(who, "vitrine");
    assert_string_equal(why, "a VM");
    assert_string_equal(mode, "delay");
    fd_close_all(&bed.lock, bed.lock >= 0);
    assert_int_equal(pipe(fds), 0);
    bed.lock = fds[0];
    int err = sd_bus_reply_method_return(call, "h", fds[1]);
    close(fds[1]);
    bed.n_locks++;
    return err;
}

static const sd_bus_vtable vtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Inhibit", "ssss", "h", inhibit, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_SIGNAL("PrepareForSleep", "b", 0),
    SD_BUS_VTABLE_END,
};

static void sleeps(void *data)
{
    bed.n_sleeps++;
    bed.locked_when_told = lock_is_held();
}

static void woke(void *data, uint64_t slept_ns)
{
    bed.n_wakes++;
    assert_true(slept_ns < 1000000000); /* this host has not slept */
}

static const struct host_sleep_events events = { sleeps, woke };

/* Runs both sides until it is so. */
#define UNTIL(what)                                                                                \
    while (!(what)) {                                                                              \
        while (bed.bus && sd_bus_process(bed.bus, NULL) > 0)                                       \
            ;                                                                                      \
        loop_run_once(bed.loop, 10);                                                               \
    }

static bool start_daemon(void)
{
    char config[100], text[1024], address[256] = "";
    int out[2];
    snprintf(config, sizeof(config), "%s/config", bed.dir);
    FILE *file = fopen(config, "we");
    fprintf(file,
            "<busconfig><type>session</type><listen>unix:path=%s/bus</listen>"
            "<policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>"
            "<allow eavesdrop=\"true\"/><allow own=\"*\"/></policy></busconfig>",
            bed.dir);
    fclose(file);
    assert_int_equal(pipe(out), 0);
    bed.daemon = fork();
    if (bed.daemon == 0) {
        snprintf(text, sizeof(text), "--config-file=%s", config);
        dup2(out[1], STDOUT_FILENO);
        execlp("dbus-daemon", "dbus-daemon", text, "--nofork", "--nopidfile", "--print-address=1",
               (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    bool ready = read(out[0], address, sizeof(address) - 1) > 0;
    close(out[0]);
    if (ready) {
        snprintf(text, sizeof(text), "unix:path=%s/bus", bed.dir);
        setenv("DBUS_SYSTEM_BUS_ADDRESS", text, 1);
    }
    return ready;
}

static void stop_daemon(void)
{
    kill(bed.daemon, SIGKILL);
    waitpid(bed.daemon, NULL, 0);
}

static void play_logind(void)
{
    assert_true(sd_bus_open_system(&bed.bus) >= 0);
    assert_true(sd_bus_add_object_vtable(bed.bus, NULL, PATH, INTERFACE, vtable, NULL) >= 0);
    assert_true(sd_bus_request_name(bed.bus, "org.freedesktop.login1", 0) >= 0);
}

static void signal_sleep(int begins)
{
    assert_true(sd_bus_emit_signal(bed.bus, PATH, INTERFACE, "PrepareForSleep", "b", begins) >= 0);
}

static void the_host_sleeps_once_the_vm_was_told_and_the_lock_is_back_afterwards(void **state)
{
    play_logind();
    struct host_sleep *s = host_sleep_create(bed.loop, "a VM", &events, NULL);
    assert_non_null(s);
    for (unsigned i = 1; i <= 3; i++) {
        UNTIL(bed.n_locks == i);
        /* The signal comes behind the lock's reply, so it is taken. */
        signal_sleep(1);
        UNTIL(bed.n_sleeps == i);
        assert_true(bed.locked_when_told);
        UNTIL(!lock_is_held());
        assert_int_equal(bed.n_wakes, i - 1);
        signal_sleep(0);
        UNTIL(bed.n_wakes == i);
    }
    UNTIL(bed.n_locks == 4 && lock_is_held());
    host_sleep_destroy(s);
    UNTIL(!lock_is_held());
    bed.bus = sd_bus_flush_close_unref(bed.bus);
}

static void without_a_logind_nothing_happens(void **state)
{
    struct host_sleep *s = host_sleep_create(bed.loop, "a VM", &events, NULL);
    assert_non_null(s);
    for (unsigned i = 0; i < 5; i++)
        loop_run_once(bed.loop, 10);
    host_sleep_destroy(s);
    setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/bus", 1);
    assert_null(host_sleep_create(bed.loop, "a VM", &events, NULL));
}

/* The host does not wait for who can't be told, and the guest not for a host of which nobody tells. */
static void a_bus_that_goes_harms_nobody(void **state)
{
    for (int asleep = 0; asleep < 2; asleep++) {
        bed.n_locks = bed.n_sleeps = bed.n_wakes = 0;
        play_logind();
        struct host_sleep *s = host_sleep_create(bed.loop, "a VM", &events, NULL);
        assert_non_null(s);
        UNTIL(bed.n_locks == 1 && lock_is_held());
        if (asleep) {
            signal_sleep(1);
            UNTIL(bed.n_sleeps == 1);
        }
        stop_daemon();
        bed.bus = sd_bus_close_unref(bed.bus);
        UNTIL(!lock_is_held() && bed.n_wakes == (unsigned)asleep);
        for (unsigned i = 0; i < 5; i++)
            loop_run_once(bed.loop, 10);
        assert_int_equal(bed.n_wakes, asleep);
        host_sleep_destroy(s);
        assert_true(start_daemon());
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_host_sleeps_once_the_vm_was_told_and_the_lock_is_back_afterwards),
        cmocka_unit_test(a_bus_that_goes_harms_nobody),
        cmocka_unit_test(without_a_logind_nothing_happens),
    };
    bed.lock = -1;
    bed.loop = loop_create();
    strcpy(bed.dir, "/tmp/vitrine-bus.XXXXXX");
    if (!mkdtemp(bed.dir))
        return 1;
    if (system("command -v dbus-daemon >/dev/null") != 0 || !start_daemon()) {
        printf("no dbus-daemon here\n");
        return 77;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    stop_daemon();
    fd_close_all(&bed.lock, bed.lock >= 0);
    loop_destroy(bed.loop);
    char command[100];
    snprintf(command, sizeof(command), "rm -r %s", bed.dir);
    return system(command) != 0 || failed;
}
