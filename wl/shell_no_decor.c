// SPDX-License-Identifier: MIT
/* Built without libdecor: where the compositor draws no title bar, there is none. */
#include <stddef.h>

#define LOG_MODULE "wayland"
#include "vmm/base/log.h"
#include "wl/shell.h"

bool wayl_shell_decor_possible(void)
{
    return false;
}

struct libdecor *wayl_shell_decor_load(const struct wayl_connection *conn)
{
    log_debug("the compositor draws no title bars and vitrine was built without libdecor");
    return NULL;
}

void wayl_shell_decor_dispatch(struct libdecor *libdecor)
{
}

void wayl_shell_decor_unload(struct libdecor *libdecor)
{
}

bool wayl_shell_decor_create(struct wayl_shell *shell, struct libdecor *libdecor)
{
    return false;
}
