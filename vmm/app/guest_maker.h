/* SPDX-License-Identifier: MIT */
/*
 * What `vitrine new --from` starts from: a kernel, which is used where it is; or a disk image, or nothing
 * but a Debian mirror, of which scripts (data/guest/) make the VM's folder, with a disk, a kernel and an
 * initrd. Blocks for as long as that takes.
 */
#ifndef VITRINE_APP_GUEST_MAKER_H
#define VITRINE_APP_GUEST_MAKER_H

#include <stdbool.h>
#include <stdint.h>

#define GUEST_DISK_MIN_GIB 4
#define GUEST_DISK_MAX_GIB 4096
#define GUEST_DISK_GIB 16

enum guest_source { GUEST_KERNEL, GUEST_IMAGE, GUEST_DEBIAN };

/* Of the files in the VM's folder, those that its definition names. */
#define GUEST_DISK "disk.img"
#define GUEST_LINUX "vmlinuz"
#define GUEST_INITRD "initrd.img"

/* What a word behind --from means. False after one line that says what it would take. */
bool guest_source_find(const char *from, enum guest_source *source);
/* Whether the scripts that guest_make() runs are where it looks for them. */
bool guest_scripts_exist(void);
/* Makes the VM's folder of an image or of Debian; what is said meanwhile is on stderr. root: the guest's
 * device that has its root, "/dev/vda1", the caller's to free. NULL: nothing is left, and a line said why.
 * gib: how large Debian's disk may grow. */
char *guest_make(const char *name, enum guest_source source, const char *from, uint64_t gib);

#endif
