/* SPDX-License-Identifier: MIT */
/* The value of --share: a folder of the host's for the guest. */
#ifndef VITRINE_APP_SHARE_OPTIONS_H
#define VITRINE_APP_SHARE_OPTIONS_H

#include <limits.h>
#include <stdbool.h>

#define SHARE_OPTIONS_MAX 4
#define SHARE_TAG_MAX 36 /* bytes; virtio 1.2, 5.11.4 */

struct share_options {
    char tag[SHARE_TAG_MAX + 1];
    char path[PATH_MAX];
};

struct shares_options {
    unsigned n;
    struct share_options share[SHARE_OPTIONS_MAX];
};

/* Takes a --share into struct shares_options. False after one line that says what is wrong and what would
 * be right. */
bool shares_take(void *into, const char *value);

#endif
