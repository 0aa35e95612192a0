// SPDX-License-Identifier: MIT
/* What the machine does about its disks: one that is to be larger, one that comes, and one that goes. Main loop. */
#include <errno.h>
#include <json-c/json.h>
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

/* One that waits until no image is being closed: it may be of the same file. */
struct disk_adding {
    struct list link;
    struct json_object *request;
    struct control_call *call;
};

static bool any_closing(const struct machine *m)
{
    for (unsigned i = 0; i < OPTIONS_MAX_DISKS; i++) {
        if (disks_closing(m->disks, i))
            return true;
    }
    return false;
}

static const char *add(struct machine *m, const char *disk, struct json_object *result)
{
    struct disk_options options = { 0 };
    int index = -1;
    if (m->restarting)
        return machine_restarting;
    machine_catch_error(m);
    if (disk_options_parse(&options, "disk add", disk))
        index = disks_add(m->disks, &options);
    disk_options_finish(&options);
    if (index >= 0 && !machine_slots_plug(m, SLOT_DISK, (unsigned)index, result)) {
        disks_stop_one(m->disks, (unsigned)index);
        disks_remove(m->disks, (unsigned)index);
        index = -1;
    }
    log_catch(NULL, 0);
    return index < 0 ? m->error : NULL;
}

/* error: NULL, to do it now. */
static void finish(struct machine *m, struct disk_adding *adding, const char *error)
{
    struct json_object *result = json_object_new_object();
    list_remove(&adding->link);
    if (!error)
        error = add(m, control_string(adding->request, "disk"), result);
    control_finish(adding->call, result, error);
    json_object_put(adding->request);
    free(adding);
}

const char *machine_disk_add(void *data, struct json_object *request, struct json_object *result)
{
    struct machine *m = data;
    const char *disk = control_string(request, "disk");
    if (!disk)
        return "which disk? FILE[,OPTION]...";
    if (!any_closing(m))
        return add(m, disk, result);
    struct disk_adding *adding = calloc(1, sizeof(*adding));
    struct control_call *call = adding ? control_defer(m->control) : NULL;
    if (!call) {
        free(adding);
        return "out of memory";
    }
    *adding = (struct disk_adding){ .request = json_object_get(request), .call = call };
    list_append(&m->disks_adding, &adding->link);
    return control_later;
}

void machine_disk_closed(void *data, unsigned disk)
{
    struct machine *m = data;
    struct disk_adding *adding, *tmp;
    machine_slots_tell(m, "removed", SLOT_DISK, disk);
    if (any_closing(m))
        return;
    list_for_each_safe(adding, tmp, &m->disks_adding, link)
        finish(m, adding, NULL);
}

void machine_disks_cancel(struct machine *m)
{
    struct disk_adding *adding, *tmp;
    list_for_each_safe(adding, tmp, &m->disks_adding, link)
        finish(m, adding, "the VM ends");
}
