/* SPDX-License-Identifier: MIT */
/*
 * Puts a Linux kernel into guest memory, with what it expects to find there: command line, initrd,
 * memory map, ACPI tables, page tables. Kernels: bzImage (64-bit entry of the x86 boot protocol 2.12
 * and later), ELF vmlinux by its PVH note, or by its 64-bit entry where it has none.
 *
 * Loading is repeatable: a reboot loads again, over whatever the guest left behind. The files are
 * hostile input; every size and address in them is checked.
 */
#ifndef VITRINE_CORE_X86_BOOT_H
#define VITRINE_CORE_X86_BOOT_H

#include <stdbool.h>
#include <stdint.h>

struct guest_mem;

struct x86_boot {
    int kernel_fd;           /* a regular file; read with pread, so it can be kept for reboots */
    const char *kernel_name; /* for messages */
    int initrd_fd;           /* or -1 */
    const char *initrd_name;
    const char *params; /* the kernel's command line, whole */
    unsigned cpus;
};

/* The state in which CPU 0 starts; for vcpus_set_entry(). */
struct x86_entry {
    enum { X86_ENTRY_LONG_MODE, X86_ENTRY_PVH } mode;
    uint64_t rip;
    uint64_t info; /* gpa of the zero page (rsi), or of PVH's start info (ebx) */
};

/* False where the files don't serve; one line in the log says what is wrong and what would be
 * right. No vCPU may run meanwhile. */
bool x86_load(const struct guest_mem *mem, const struct x86_boot *boot, struct x86_entry *entry);

/* Parameters that make Linux restart at once on a panic, leaving the mark that x86_guest_panicked()
 * finds. Put them in front of the user's params; what the user sets otherwise is left out. A string
 * constant that ends in a space, or "". */
const char *x86_panic_params(const char *user_params);

/* At a reset, before loading again: whether the guest restarted because of a panic. */
bool x86_guest_panicked(const struct guest_mem *mem);

#endif
