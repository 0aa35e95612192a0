// SPDX-License-Identifier: MIT
/* Preloaded: close() of the file that $SLOW_CLOSE names waits until somebody has opened that name with ".gate" behind it,
 * a FIFO, for writing, and closed it again. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

__attribute__((visibility("default"))) int close(int fd);

static void wait_at_gate(const char *path)
{
    char gate[PATH_MAX], byte;
    snprintf(gate, sizeof(gate), "%s.gate", path);
    int fd = open(gate, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && read(fd, &byte, 1) > 0) {
    }
    syscall(SYS_close, fd);
}

int close(int fd)
{
    const char *path = getenv("SLOW_CLOSE");
    char link[64], target[PATH_MAX];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = path ? readlink(link, target, sizeof(target) - 1) : -1;
    if (n >= 0) {
        target[n] = '\0';
        if (strcmp(target, path) == 0)
            wait_at_gate(path);
    }
    return (int)syscall(SYS_close, fd);
}
