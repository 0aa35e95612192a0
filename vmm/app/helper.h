/* SPDX-License-Identifier: MIT */
/* Other programs that serve the VM: each gets one socket from us, and ends when that is closed. */
#ifndef VITRINE_APP_HELPER_H
#define VITRINE_APP_HELPER_H

#include <stdbool.h>
#include <sys/types.h>

/* The number that the program finds its socket at, as it stands on its command line. */
#define HELPER_FD "3"

/* Starts args[0], looked for in PATH if it has no '/', with sock as its fd 3, /dev/null as its standard
 * input and output, and err as its stderr (-1: ours), in a session of its own: the terminal's Ctrl-C is for
 * us, who end it. 0 or a negative errno, -ENOENT where there is no such program. */
int helper_spawn(pid_t *pid, const char *const *args, int sock, int err);
/* Whether helper_spawn() would find that program. */
bool helper_exists(const char *program);
/* Waits until it ends, and reaps it: its exit status, 128 and the signal that it died of, or -1 where it
 * did not end in time and was killed. */
int helper_wait(pid_t pid, int timeout_ms);

#endif
