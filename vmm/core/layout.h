/* SPDX-License-Identifier: MIT */
/* Where things lie in the guest's address spaces. The ACPI tables, the memory map and the buses all
 * read them here. */
#ifndef VITRINE_CORE_LAYOUT_H
#define VITRINE_CORE_LAYOUT_H

/* RAM fills the first 3 GiB and goes on above 4 GiB: the hole holds the device windows. */
#define LAYOUT_LOW_RAM_END 0xc0000000ull
#define LAYOUT_HIGH_RAM_START 0x100000000ull

/* PCI BARs are allocated in this window. */
#define LAYOUT_PCI_MMIO_BASE 0xc0000000ull
#define LAYOUT_PCI_MMIO_SIZE 0x20000000ull
/* PCI Express configuration space of bus 0: 32 devices × 8 functions × 4 KiB. */
#define LAYOUT_ECAM_BASE 0xe0000000ull
#define LAYOUT_ECAM_SIZE 0x100000ull
#define LAYOUT_IOAPIC_BASE 0xfec00000ull
#define LAYOUT_LAPIC_BASE 0xfee00000ull
/* Pages that KVM wants on Intel: the identity map, then three for the TSS. */
#define LAYOUT_IDENTITY_MAP 0xfffbc000ull
#define LAYOUT_TSS 0xfffbd000ull

/* Low memory: the zero page, boot structures and tables. */
#define LAYOUT_WARM_BOOT 0x472ull /* the BIOS's reset flag: 2 bytes */
#define LAYOUT_GDT 0x500ull
#define LAYOUT_PVH_INFO 0x6000ull
#define LAYOUT_ZERO_PAGE 0x7000ull
#define LAYOUT_BOOT_STACK 0x8ff0ull
#define LAYOUT_PAGE_TABLES 0x9000ull /* 6 pages: the first 4 GiB */
#define LAYOUT_CMDLINE 0x20000ull
#define LAYOUT_CMDLINE_MAX 0x10000ull
#define LAYOUT_EBDA 0x9fc00ull
#define LAYOUT_ACPI 0xe0000ull /* the RSDP where Linux looks for it, the other tables behind it */
#define LAYOUT_ACPI_SIZE 0x10000ull
#define LAYOUT_KERNEL 0x100000ull

/* Ports. */
#define LAYOUT_RTC_PORT 0x70
#define LAYOUT_SERIAL_PORT 0x3f8
#define LAYOUT_PVPANIC_PORT 0x505
#define LAYOUT_PM_EVENT_PORT 0x600   /* PM1a event block: 4 bytes */
#define LAYOUT_PM_CONTROL_PORT 0x604 /* PM1a control block: 2 bytes */
#define LAYOUT_GPE_PORT 0x608        /* GPE0 block: a byte of status, one of enable bits */
#define LAYOUT_PCI_SLOTS_PORT 0x610  /* vmm/dev/pci_slots.h: 12 bytes */
#define LAYOUT_RESET_PORT 0xcf9

/* IOAPIC pins (GSIs). */
#define LAYOUT_SERIAL_GSI 4
#define LAYOUT_RTC_GSI 8
#define LAYOUT_SCI_GSI 9

#endif
