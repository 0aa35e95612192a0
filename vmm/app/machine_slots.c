// SPDX-License-Identifier: MIT
/*
 * The disks and network cards of a running machine. One that is added is put on the bus while the vCPUs are
 * parked, which takes no longer than the slowest access of one. One that is to go is asked back: the guest's
 * driver lets go of it and says so (_EJ0), then it is taken off the bus in the same way. A guest that doesn't
 * answer keeps it until it restarts. Main loop.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "machine"
#include "vmm/app/control.h"
#include "vmm/app/disks.h"
#include "vmm/app/machine_internal.h"
#include "vmm/base/log.h"
#include "vmm/core/vcpu.h"
#include "vmm/dev/pci_slots.h"
#include "vmm/virtio/blk.h"
#include "vmm/virtio/net.h"
#include "vmm/virtio/virtio_pci.h"

static const char *const kind_names[] = { [SLOT_DISK] = "disk", [SLOT_NET] = "net" };

static struct virtio_dev *device(struct machine *m, enum machine_slot_kind kind, unsigned index)
{
    return kind == SLOT_DISK ? disks_dev(m->disks, index) : nets_dev(m->nets, index);
}

/* Ends the device in the slot, whose other end is the caller's to remove. Off the bus, or after the vCPUs have ended. */
static void end_device(struct machine *m, struct machine_slot *slot)
{
    if (slot->kind == SLOT_DISK)
        disks_stop_one(m->disks, slot->index);
    else
        nets_stop_one(m->nets, slot->index);
    virtio_pci_destroy(slot->virtio);
    *slot = (struct machine_slot){ 0 };
}

bool machine_slots_fill(struct machine *m, enum machine_slot_kind kind, unsigned index)
{
    struct virtio_pci *virtio =
        virtio_pci_create_removable(m->pci, &m->kvm, m->irqs, &m->mem, device(m, kind, index));
    if (!virtio)
        return false;
    m->slot[virtio_pci_slot(virtio)] =
        (struct machine_slot){ .kind = kind, .index = index, .virtio = virtio };
    return true;
}

void machine_slots_tell(struct machine *m, const char *what, enum machine_slot_kind kind,
                        unsigned index)
{
    struct json_object *details = json_object_new_object();
    char id[16], event[32];
    snprintf(id, sizeof(id), "%s%u", kind_names[kind], index);
    snprintf(event, sizeof(event), "%s-%s", kind_names[kind], what);
    log_info("%s is %s", id, what);
    control_add_string(details, "id", id);
    control_event(m->control, event, details);
}

void machine_slots_take(struct machine *m, uint32_t ejected, bool reset)
{
    for (unsigned i = 0; i < PCI_MAX_DEVS; i++) {
        struct machine_slot *slot = &m->slot[i];
        if (slot->kind == SLOT_EMPTY || !(reset ? slot->asked_back : ejected >> i & 1))
            continue;
        struct machine_slot was = *slot;
        virtio_pci_unplug(slot->virtio);
        end_device(m, slot);
        /* A disk is gone when its image is closed, which nobody waits for here. */
        if (was.kind == SLOT_DISK) {
            disks_close(m->disks, was.index);
        } else {
            nets_remove(m->nets, was.index);
            machine_slots_tell(m, "removed", was.kind, was.index);
        }
    }
}

void machine_slots_empty(struct machine *m)
{
    for (unsigned i = 0; i < PCI_MAX_DEVS; i++) {
        if (m->slot[i].kind != SLOT_EMPTY)
            end_device(m, &m->slot[i]);
    }
}

static struct json_object *disk_stats(struct machine *m, unsigned index)
{
    struct json_object *to = json_object_new_object();
    struct virtio_blk_stats stats;
    virtio_blk_stats(disks_dev(m->disks, index), &stats);
    control_add_number(to, "reads", stats.reads);
    control_add_number(to, "bytes_read", stats.bytes_read);
    control_add_number(to, "writes", stats.writes);
    control_add_number(to, "bytes_written", stats.bytes_written);
    control_add_number(to, "flushes", stats.flushes);
    control_add_number(to, "erases", stats.erases);
    control_add_number(to, "errors", stats.errors);
    return to;
}

static struct json_object *net_stats(struct machine *m, unsigned index)
{
    struct json_object *to = json_object_new_object();
    struct virtio_net_stats stats;
    virtio_net_stats(nets_dev(m->nets, index), &stats);
    control_add_number(to, "rx_frames", stats.rx_frames);
    control_add_number(to, "rx_bytes", stats.rx_bytes);
    control_add_number(to, "tx_frames", stats.tx_frames);
    control_add_number(to, "tx_bytes", stats.tx_bytes);
    return to;
}

void machine_slots_add_stats(struct machine *m, struct json_object *result)
{
    for (unsigned i = 0; i < PCI_MAX_DEVS; i++) {
        const struct machine_slot *slot = &m->slot[i];
        char id[16];
        if (slot->kind == SLOT_EMPTY)
            continue;
        snprintf(id, sizeof(id), "%s%u", kind_names[slot->kind], slot->index);
        json_object_object_add(result, id,
                               slot->kind == SLOT_DISK ? disk_stats(m, slot->index)
                                                       : net_stats(m, slot->index));
    }
}

/* Verbs. */

/* In no slot any more, but its image is not free yet. */
static struct json_object *closing_disk(struct machine *m, unsigned index)
{
    struct json_object *row = json_object_new_object();
    char id[16];
    snprintf(id, sizeof(id), "disk%u", index);
    control_add_string(row, "id", id);
    control_add_string(row, "state", "closing");
    control_add_string(row, "file", disks_path(m->disks, index));
    return row;
}

static const char *list(struct machine *m, enum machine_slot_kind kind, struct json_object *result)
{
    struct json_object *rows = json_object_new_array();
    for (unsigned i = 0; i < PCI_MAX_DEVS; i++) {
        const struct machine_slot *slot = &m->slot[i];
        char id[16];
        if (slot->kind != kind)
            continue;
        struct json_object *row = json_object_new_object();
        snprintf(id, sizeof(id), "%s%u", kind_names[kind], slot->index);
        control_add_string(row, "id", id);
        control_add_number(row, "slot", i);
        control_add_string(row, "state", slot->asked_back ? "asked back" : "plugged in");
        control_add_string(row, kind == SLOT_DISK ? "file" : "to",
                           kind == SLOT_DISK ? disks_path(m->disks, slot->index)
                                             : nets_where(m->nets, slot->index));
        json_object_array_add(rows, row);
    }
    for (unsigned i = 0; kind == SLOT_DISK && i < OPTIONS_MAX_DISKS; i++) {
        if (disks_closing(m->disks, i))
            json_object_array_add(rows, closing_disk(m, i));
    }
    json_object_object_add(result, kind == SLOT_DISK ? "disks" : "nets", rows);
    return NULL;
}

const char *machine_disk_list(void *data, struct json_object *request, struct json_object *result)
{
    return list(data, SLOT_DISK, result);
}

const char *machine_net_list(void *data, struct json_object *request, struct json_object *result)
{
    return list(data, SLOT_NET, result);
}

void machine_catch_error(struct machine *m)
{
    snprintf(m->error, sizeof(m->error), "out of memory"); /* of which there may be no line */
    log_catch(m->error, sizeof(m->error));
}

bool machine_slots_plug(struct machine *m, enum machine_slot_kind kind, unsigned index,
                        struct json_object *result)
{
    vcpus_pause(m->vcpus);
    bool ok = machine_slots_fill(m, kind, index);
    machine_go_on(m);
    for (unsigned i = 0; ok && i < PCI_MAX_DEVS; i++) {
        if (m->slot[i].kind == kind && m->slot[i].index == index)
            pci_slots_came(m->pci_slots, i);
    }
    if (ok) {
        char id[16];
        snprintf(id, sizeof(id), "%s%u", kind_names[kind], index);
        control_add_string(result, "id", id);
        machine_slots_tell(m, "added", kind, index);
    }
    return ok;
}

const char machine_restarting[] = "the guest restarts; try again";

static const char *ask_back(struct machine *m, enum machine_slot_kind kind,
                            struct json_object *request)
{
    const char *wanted = control_string(request, "id");
    char id[16];
    for (unsigned i = 0; wanted && i < PCI_MAX_DEVS; i++) {
        struct machine_slot *slot = &m->slot[i];
        snprintf(id, sizeof(id), "%s%u", kind_names[kind], slot->index);
        if (slot->kind != kind || strcmp(id, wanted) != 0)
            continue;
        /* The guest may have been deaf to the first; it is asked again then. */
        slot->asked_back = true;
        pci_slots_ask_back(m->pci_slots, i);
        return NULL;
    }
    return kind == SLOT_DISK ? "which disk? id=ID; `disk list` has them"
                             : "which network card? id=ID; `net list` has them";
}

const char *machine_disk_remove(void *data, struct json_object *request, struct json_object *result)
{
    return ask_back(data, SLOT_DISK, request);
}

const char *machine_net_remove(void *data, struct json_object *request, struct json_object *result)
{
    return ask_back(data, SLOT_NET, request);
}
