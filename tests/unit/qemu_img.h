/* SPDX-License-Identifier: MIT */
/* QEMU's image tools, for tests that hold ours to what they say. */
#ifndef VITRINE_TESTS_UNIT_QEMU_IMG_H
#define VITRINE_TESTS_UNIT_QEMU_IMG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs a shell command, silently: its exit status. */
__attribute__((format(printf, 1, 2))) static inline int sh(const char *fmt, ...)
{
    char command[2048];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(command, sizeof(command) - 20, fmt, args);
    va_end(args);
    snprintf(command + n, 20, " >/dev/null 2>&1");
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A folder for images, in memory where that can be had: syncing a busy disk takes its time. */
static inline bool make_dir(char *path, size_t size)
{
    snprintf(path, size, "%s/vitrine-qcow2-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    return mkdtemp(path);
}

static inline bool have_qemu_img(void)
{
    return sh("qemu-img --version") == 0 && sh("qemu-io --version") == 0;
}

/* What a test program of images begins with: its folder's name in dir and, for sh(), in $D. Returns 0, or the
 * status to exit with: 77 without QEMU's tools, which it says. The folder is the caller's to remove. */
static inline int begin_images(char *dir, size_t size)
{
    if (!have_qemu_img()) {
        puts("no qemu-img and qemu-io here");
        return 77;
    }
    return make_dir(dir, size) && setenv("D", dir, 1) == 0 ? 0 : 1;
}

#endif
