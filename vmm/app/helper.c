// SPDX-License-Identifier: MIT
#include "vmm/app/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vmm/base/cleanup.h"

int helper_spawn(pid_t *pid, const char *const *args, int sock, int err)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&files, STDIN_FILENO, STDOUT_FILENO);
    if (err >= 0)
        posix_spawn_file_actions_adddup2(&files, err, STDERR_FILENO);
    posix_spawn_file_actions_adddup2(&files, sock, atoi(HELPER_FD));
    posix_spawnattr_setflags(&attr,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    int result = posix_spawnp(pid, args[0], &files, &attr, (char *const *)args, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return -result;
}

bool helper_exists(const char *program)
{
    const char *value = getenv("PATH");
    autofree char *path = strdup(value ? value : "/bin:/usr/bin"); /* as posix_spawnp() has it */
    char file[PATH_MAX], *save = NULL;

    if (strchr(program, '/'))
        return access(program, X_OK) == 0;
    for (char *dir = path ? strtok_r(path, ":", &save) : NULL; dir;
         dir = strtok_r(NULL, ":", &save)) {
        snprintf(file, sizeof(file), "%s/%s", dir, program);
        if (access(file, X_OK) == 0)
            return true;
    }
    return false;
}

int helper_wait(pid_t pid, int timeout_ms)
{
    int wstatus, n;
    autoclose int pidfd = pidfd_open(pid, 0);
    struct pollfd ended = { .fd = pidfd, .events = POLLIN };
    do
        n = pidfd < 0 ? -1 : poll(&ended, 1, timeout_ms);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        kill(pid, SIGKILL);
    if (waitpid(pid, &wstatus, 0) < 0 || n <= 0)
        return -1;
    return WIFEXITED(wstatus) ? WEXITSTATUS(wstatus) : 128 + WTERMSIG(wstatus);
}
