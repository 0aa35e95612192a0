// SPDX-License-Identifier: MIT
#include "vmm/app/proc_usage.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/base/cleanup.h"

/* A file of /proc as text. False where it is not there, or not for us. */
static bool read_file(pid_t pid, const char *name, char *text, size_t size)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);
    if (n < 0)
        return false;
    text[n] = '\0';
    return true;
}

/* The fields behind the name in parentheses, which may hold anything (proc(5)). */
static bool add_times(struct proc_usage *usage, pid_t pid, uint64_t *started)
{
    char text[1024];
    uint64_t user, system;

    if (!read_file(pid, "stat", text, sizeof(text)) || !strrchr(text, ')'))
        return false;
    if (sscanf(strrchr(text, ')') + 1,
               " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
               " %*d %*d %*d %*d %*d %*d %" SCNu64,
               &user, &system, started) != 3)
        return false;
    usage->cpu_ns += (user + system) * (1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK));
    return true;
}

static uint64_t line_of(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

static void add_rest(struct proc_usage *usage, pid_t pid, bool shared)
{
    char text[4096];

    if (read_file(pid, "status", text, sizeof(text)))
        usage->resident +=
            1024 * (line_of(text, "\nRssAnon:") + (shared ? line_of(text, "\nRssShmem:") : 0));
    if (read_file(pid, "io", text, sizeof(text))) {
        usage->read_bytes += line_of(text, "\nread_bytes:");
        usage->written_bytes += line_of(text, "\nwrite_bytes:");
    }
}

void proc_usage_read(struct proc_usage *usage, pid_t pid)
{
    char name[48], text[1024], *next = text, *end;
    uint64_t ignored;

    *usage = (struct proc_usage){ 0 };
    usage->known = add_times(usage, pid, &usage->started);
    if (!usage->known)
        return;
    add_rest(usage, pid, true); /* the guest's memory is there, and the children map the same */
    snprintf(name, sizeof(name), "task/%d/children", (int)pid);
    if (!read_file(pid, name, text, sizeof(text)))
        return;
    for (long child; (child = strtol(next, &end, 10)) > 0 && end != next; next = end) {
        if (add_times(usage, (pid_t)child, &ignored))
            add_rest(usage, (pid_t)child, false);
    }
}
