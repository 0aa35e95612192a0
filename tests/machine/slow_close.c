// SPDX-License-Identifier: MIT
/* Preloaded: close() and ftruncate() of the file that $SLOW_CLOSE names wait until somebody has opened that name with ".gate" behind it,
 * a FIFO, for writing, and closed it again. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

__attribute__((visibility("default"))) int close(int fd);
__attribute__((visibility("default"))) int ftruncate(int fd, off_t size);

static void wait_at_gate(const char *path)
{
    char gate[PATH_MAX], byte;
    snprintf(gate, sizeof(gate), "%s.gate", path);
    int fd = open(gate, O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && read(fd, &byte, 1) > 0) {
    }
    syscall(SYS_close, fd);
}

static void wait_if_slow(int fd)
{
    const char *path = getenv("SLOW_CLOSE");
    char link[64], target[PATH_MAX];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = path ? readlink(link, target, sizeof(target) - 1) : -1;
    if (n < 0)
        return;
    target[n] = '\0';
    if (strcmp(target, path) == 0)
        wait_at_gate(path);
}

int close(int fd)
{
    wait_if_slow(fd);
    return (int)syscall(SYS_close, fd);
}

int ftruncate(int fd, off_t size)
{
    wait_if_slow(fd);
    return (int)syscall(SYS_ftruncate, fd, size);
}
