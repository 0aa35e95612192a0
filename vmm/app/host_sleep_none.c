// SPDX-License-Identifier: MIT
#include <stddef.h>

#include "vmm/app/host_sleep.h"

#define LOG_MODULE "sleep"
#include "vmm/base/log.h"

struct host_sleep *host_sleep_create(struct loop *loop, const char *name,
                                     const struct host_sleep_events *events, void *data)
{
    log_debug("built without libsystemd: nobody tells when the host sleeps");
    return NULL;
}

bool host_sleep_is_told(void)
{
    return false;
}

void host_sleep_destroy(struct host_sleep *sleep)
{
}
