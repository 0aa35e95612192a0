// SPDX-License-Identifier: MIT
#include "tests/wl/syscalls.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

struct syscalls {
    pthread_t thread;
    sem_t attached;
    bool refused;
    atomic_bool on;
    struct {
        pid_t pid;
        atomic_uint calls[SYSCALLS_MAX];
    } process[SYSCALLS_PROCESSES];
};

static const struct {
    int nr;
    const char *name;
} names[] = {
    { SYS_epoll_wait, "epoll_wait" },
    { SYS_epoll_ctl, "epoll_ctl" },
    { SYS_read, "read" },
    { SYS_write, "write" },
    { SYS_sendmsg, "sendmsg" },
    { SYS_recvmsg, "recvmsg" },
    { SYS_sendmmsg, "sendmmsg" },
    { SYS_recvmmsg, "recvmmsg" },
    { SYS_timerfd_settime, "timerfd_settime" },
    { SYS_close, "close" },
    { SYS_fcntl, "fcntl" },
    { SYS_ioctl, "ioctl" },
    { SYS_poll, "poll" },
    { SYS_futex, "futex" },
};

static void count(struct syscalls *s, unsigned i)
{
    struct __ptrace_syscall_info info;

    if (!atomic_load(&s->on) ||
        ptrace(PTRACE_GET_SYSCALL_INFO, s->process[i].pid, (void *)sizeof(info), &info) <= 0 ||
        info.op != PTRACE_SYSCALL_INFO_ENTRY || info.entry.nr >= SYSCALLS_MAX)
        return;
    atomic_fetch_add(&s->process[i].calls[info.entry.nr], 1);
}

/* A process has stopped: at a system call, for our interruption, or for a signal, which it gets. */
static void go_on(struct syscalls *s, unsigned i, int status)
{
    int sig = WSTOPSIG(status);

    if (sig == (SIGTRAP | 0x80)) {
        count(s, i);
        sig = 0;
    } else if (status >> 16 == PTRACE_EVENT_STOP) {
        sig = 0;
    }
    ptrace(PTRACE_SYSCALL, s->process[i].pid, NULL, (void *)(intptr_t)sig);
}

static bool attach(struct syscalls *s)
{
    for (unsigned i = 0; i < SYSCALLS_PROCESSES; i++)
        if (ptrace(PTRACE_SEIZE, s->process[i].pid, NULL, (void *)PTRACE_O_TRACESYSGOOD) < 0 ||
            ptrace(PTRACE_INTERRUPT, s->process[i].pid, NULL, NULL) < 0)
            return false;
    return true;
}

/* A process is traced by a thread, so all of it is done by this one. */
static void *trace(void *data)
{
    struct syscalls *s = data;
    unsigned alive = SYSCALLS_PROCESSES;
    int status;
    pid_t pid;

    s->refused = !attach(s);
    sem_post(&s->attached);
    while (!s->refused && alive > 0 && (pid = waitpid(-1, &status, __WALL)) > 0) {
        for (unsigned i = 0; i < SYSCALLS_PROCESSES; i++) {
            if (pid != s->process[i].pid)
                continue;
            if (WIFSTOPPED(status))
                go_on(s, i, status);
            else
                alive--;
        }
    }
    return NULL;
}

struct syscalls *syscalls_start(const pid_t pid[SYSCALLS_PROCESSES])
{
    struct syscalls *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    for (unsigned i = 0; i < SYSCALLS_PROCESSES; i++)
        s->process[i].pid = pid[i];
    sem_init(&s->attached, 0, 0);
    if (pthread_create(&s->thread, NULL, trace, s)) {
        free(s);
        return NULL;
    }
    while (sem_wait(&s->attached) < 0 && errno == EINTR)
        ;
    if (!s->refused)
        return s;
    pthread_join(s->thread, NULL);
    free(s);
    return NULL;
}

void syscalls_count(struct syscalls *s, bool on)
{
    for (unsigned i = 0; on && i < SYSCALLS_PROCESSES; i++)
        for (unsigned nr = 0; nr < SYSCALLS_MAX; nr++)
            atomic_store(&s->process[i].calls[nr], 0);
    atomic_store(&s->on, on);
}

unsigned syscalls_of(const struct syscalls *s, unsigned process, int nr)
{
    unsigned sum = 0;

    for (int i = 0; i < SYSCALLS_MAX; i++)
        if (nr < 0 || nr == i)
            sum += atomic_load(&s->process[process].calls[i]);
    return sum;
}

void syscalls_print(const struct syscalls *s, unsigned process, const char *name, unsigned rounds)
{
    printf("%s: %.2f:", name, (double)syscalls_of(s, process, -1) / rounds);
    for (int nr = 0; nr < SYSCALLS_MAX; nr++) {
        unsigned n = syscalls_of(s, process, nr);
        const char *known = NULL;
        for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
            if (names[i].nr == nr)
                known = names[i].name;
        if (n > 0 && known)
            printf(" %s %.2f", known, (double)n / rounds);
        else if (n > 0)
            printf(" %d %.2f", nr, (double)n / rounds);
    }
    printf("\n");
}

void syscalls_end(struct syscalls *s)
{
    for (unsigned i = 0; i < SYSCALLS_PROCESSES; i++)
        kill(s->process[i].pid, SIGKILL);
    pthread_join(s->thread, NULL);
    sem_destroy(&s->attached);
    free(s);
}
