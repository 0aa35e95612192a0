// SPDX-License-Identifier: MIT
#include "vmm/jail/jail.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODULE "jail"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/jail/internal.h"

static void warn_of_missing(unsigned missing)
{
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {
        { JAIL_USER, "user" }, { JAIL_PID, "pid" }, { JAIL_MOUNT, "mount" },
        { JAIL_NET, "net" },   { JAIL_IPC, "ipc" }, { JAIL_UTS, "uts" },
    };
    char list[64] = "";

    for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
        if (!(missing & names[i].bit))
            continue;
        size_t used = strlen(list);
        snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "", names[i].name);
    }
    if (missing)
        log_warn("this kernel gives the jail no namespaces of these kinds: %s; it holds less",
                 list);
}

/* Process 1 of a namespace can't die of a signal that it sends to itself. */
static void on_abort(int signo)
{
    _exit(128 + signo);
}

/* The address sanitizer looks for leaks, at the end, from a process that it makes, by way of /proc. */
#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
static bool no_leak_check; /* what it asks for has no other place */

__attribute__((visibility("default"))) int __lsan_is_turned_off(void);

int __lsan_is_turned_off(void)
{
    return no_leak_check;
}

static void skip_leak_check(void)
{
    no_leak_check = true;
}
#else
static void skip_leak_check(void)
{
}
#endif

void jail_enter(unsigned got, const char *render_node)
{
    skip_leak_check();
    warn_of_missing(JAIL_ALL & ~got);
    if (getpid() == 1)
        sigaction(SIGABRT, &(struct sigaction){ .sa_handler = on_abort }, NULL);
    if (got & JAIL_MOUNT)
        jail_view(render_node);
    jail_drop_privileges();
}
