/* SPDX-License-Identifier: MIT */
/* File descriptors that a test must not leak. */
#ifndef VITRINE_TESTS_FDS_H
#define VITRINE_TESTS_FDS_H

#include <dirent.h>
#include <stdlib.h>

/* How many this process has, and some more that are the same each time. */
static inline unsigned count_fds(void)
{
    unsigned n = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        abort();
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

#endif
