// SPDX-License-Identifier: MIT
/* What the machine does about its disks: one that can't be written, and one that is to be larger. Main loop. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "machine"
#include "vmm/app/control.h"
#include "vmm/app/disks.h"
#include "vmm/app/machine_internal.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

/* A number with a unit of powers of 1024, or none for bytes; whole sectors. */
static bool parse_size(const char *text, uint64_t *size)
{
    static const char units[] = "KMGT";
    char *end;
    errno = 0;
    *size = strtoull(text, &end, 10);
    const char *unit = *end ? strchr(units, *end) : NULL;
    for (const char *u = units; unit && u <= unit; u++) {
        if (__builtin_mul_overflow(*size, KIB, size))
            return false;
    }
    return errno == 0 && *text >= '0' && *text <= '9' && (!*end || (unit && !end[1])) &&
           *size % BLOCK_SECTOR == 0 && *size <= INT64_MAX;
}

static void resized(void *data, int err)
{
    const char *what = err == -EINVAL       ? "a disk can't shrink"
                       : err == -EOPNOTSUPP ? "this disk can't grow: it is read-only, a block "
                                              "device, or a qcow2 image of version 2 with snapshots"
                       : err == -EFBIG      ? "the image can't be as large"
                       : err < 0            ? strerror(-err)
                                            : NULL;
    control_finish(data, NULL, what);
}

const char *machine_disk_resize(void *data, struct json_object *request, struct json_object *result)
{
    struct machine *m = data;
    const char *id = control_string(request, "id"), *text = control_string(request, "size");
    unsigned index;
    char end;
    uint64_t size;
    if (!id || sscanf(id, "disk%u%c", &index, &end) != 1 || index >= OPTIONS_MAX_DISKS ||
        !disks_dev(m->disks, index))
        return "which disk? id=ID: disk0 is the first";
    if (!text || !parse_size(text, &size) || size == 0)
        return "how large? size=N in bytes, or with K, M, G or T behind it";
    if (disks_resizing(m->disks, index))
        return "the disk is being resized already";
    struct control_call *call = control_defer(m->control);
    if (!call)
        return "out of memory";
    disks_resize(m->disks, index, size, resized, call);
    return control_later;
}
