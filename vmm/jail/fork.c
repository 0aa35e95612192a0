// SPDX-License-Identifier: MIT
/*
 * A process can't move itself into a new pid namespace, only its children. So jail_fork() makes a
 * process in between, which moves into one namespace after the other, as far as the kernel lets it, has a
 * child with its own parent as the parent, and ends. The caller gets a child like any other: it can wait
 * for it, and its pid stays its own until then.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/base/cleanup.h"
#include "vmm/base/util.h"
#include "vmm/jail/jail.h"

static void write_file(const char *path, const char *text)
{
    autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);
    ssize_t ignored = fd < 0 ? -1 : write(fd, text, strlen(text));
    (void)
        ignored; /* a user who is not mapped is nobody, which serves too until a program is executed */
}

/* The user becomes user 0 of the namespace: only that one keeps its capabilities over an execve(). */
static void map_user(uid_t uid, gid_t gid)
{
    char map[32];

    write_file("/proc/self/setgroups", "deny");
    snprintf(map, sizeof(map), "0 %u 1", uid);
    write_file("/proc/self/uid_map", map);
    snprintf(map, sizeof(map), "0 %u 1", gid);
    write_file("/proc/self/gid_map", map);
}

/* Returns those that it is in. The user namespace comes first: it gives the right to the others. */
static unsigned enter_namespaces(unsigned want)
{
    static const struct {
        unsigned bit;
        int flag;
    } namespaces[] = {
        { JAIL_USER, CLONE_NEWUSER }, { JAIL_PID, CLONE_NEWPID }, { JAIL_MOUNT, CLONE_NEWNS },
        { JAIL_NET, CLONE_NEWNET },   { JAIL_IPC, CLONE_NEWIPC }, { JAIL_UTS, CLONE_NEWUTS },
    };
    uid_t uid = geteuid();
    gid_t gid = getegid();
    unsigned got = 0;

    for (unsigned i = 0; i < ARRAY_LEN(namespaces); i++) {
        if (!(want & namespaces[i].bit) || unshare(namespaces[i].flag) < 0)
            continue;
        got |= namespaces[i].bit;
        if (namespaces[i].bit == JAIL_USER)
            map_user(uid, gid);
    }
    return got;
}

/* In the new process. Its parent may have died before it asked to be told. */
static void die_with(int parent_pidfd)
{
    struct pollfd parent = { .fd = parent_pidfd, .events = POLLIN };

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (poll(&parent, 1, 0) != 0)
        _exit(127);
    close(parent_pidfd);
}

/* In the process in between, which does not return: only its child does. */
static void go_between(unsigned want, unsigned *got, int parent_pidfd, int answer)
{
    *got = enter_namespaces(want);
    /* The C library makes no such child; it is the exec that makes it forget its old ids. */
    long pid = syscall(SYS_clone, CLONE_PARENT, 0, 0, 0, 0);
    if (pid == 0) {
        close(answer);
        die_with(parent_pidfd);
        return;
    }
    pid_t result = pid < 0 ? -errno : (pid_t)pid;
    ssize_t n = write(answer, &result, sizeof(result));
    _exit(n == sizeof(result) ? 0 : 1);
}

pid_t jail_fork(unsigned want, unsigned *got)
{
    int answer[2];
    pid_t result = -EIO; /* where the one in between dies without a word */

    autoclose int self = pidfd_open(getpid(), 0);
    if (self < 0 || pipe2(answer, O_CLOEXEC) < 0)
        return -1;
    /* Without what fork() starts anew: a user namespace is for a process with one thread, and the thread
     * sanitizer has another. */
    pid_t between = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (between == 0) {
        close(answer[0]);
        go_between(want, got, steal_fd(&self), answer[1]);
        return 0;
    }
    int err = errno;
    close(answer[1]);
    if (between > 0) {
        ssize_t n;
        do
            n = read(answer[0], &result, sizeof(result));
        while (n < 0 && errno == EINTR);
        while (waitpid(between, NULL, 0) < 0 && errno == EINTR)
            ;
        err = -result;
    }
    close(answer[0]);
    errno = err;
    return between > 0 && result > 0 ? result : -1;
}
