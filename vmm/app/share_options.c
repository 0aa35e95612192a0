// SPDX-License-Identifier: MIT
#include "vmm/app/share_options.h"

#include <stddef.h>
#include <string.h>

#define LOG_MODULE "run"
#include "vmm/base/log.h"

bool shares_take(void *into, const char *value)
{
    struct shares_options *shares = into;
    const char *equals = strchr(value, '=');
    size_t tag = equals ? (size_t)(equals - value) : 0;
    if (shares->n == SHARE_OPTIONS_MAX) {
        log_error("at most %d shared folders; '%s' is one too many", SHARE_OPTIONS_MAX, value);
        return false;
    }
    struct share_options *share = &shares->share[shares->n];
    if (tag < 1 || tag > SHARE_TAG_MAX || !equals[1] || strlen(equals + 1) >= sizeof(share->path)) {
        log_error(
            "--share takes TAG=PATH, with a tag of at most %d bytes, such as home=/home, not '%s'",
            SHARE_TAG_MAX, value);
        return false;
    }
    *share = (struct share_options){ 0 };
    memcpy(share->tag, value, tag);
    memcpy(share->path, equals + 1, strlen(equals + 1));
    for (unsigned i = 0; i < shares->n; i++) {
        if (strcmp(shares->share[i].tag, share->tag) == 0) {
            log_error("--share: '%s' is the tag of another folder; each needs its own", share->tag);
            return false;
        }
    }
    shares->n++;
    return true;
}
