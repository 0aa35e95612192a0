// SPDX-License-Identifier: MIT
#include "vmm/core/x86/boot.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "vmm/base/fd.h"
#include "vmm/base/util.h"
#include "vmm/core/layout.h"
#include "vmm/core/mem.h"
#include "vmm/core/x86/acpi.h"
#include "vmm/core/x86/image.h"

#define LOG_MODULE "boot"
#include "vmm/base/log.h"

#define PAGE 4096ull
#define LOADER_UNDEFINED 0xff
#define E820_RAM 1u
#define E820_RESERVED 2u
#define E820_ENTRIES 8
#define WARM_BOOT 0x1234

/* Xen's include/public/arch-x86/hvm/start_info.h, version 1. */
struct pvh_start_info {
    uint32_t magic, version, flags, n_modules;
    uint64_t modules, cmdline, rsdp, memmap;
    uint32_t n_memmap, reserved;
};
static_assert(sizeof(struct pvh_start_info) == 56, "PVH start info");

struct pvh_module {
    uint64_t start, size, cmdline, reserved;
};
static_assert(sizeof(struct pvh_module) == 32, "PVH module");

struct pvh_memmap {
    uint64_t start, size;
    uint32_t type, reserved;
};
static_assert(sizeof(struct pvh_memmap) == 24, "PVH memory map");

struct pvh_page {
    struct pvh_start_info info;
    struct pvh_module module;
    struct pvh_memmap memmap[E820_ENTRIES];
};
static_assert(sizeof(struct pvh_page) <= PAGE, "the page at LAYOUT_PVH_INFO");
static_assert(sizeof(struct boot_params) == PAGE, "the page at LAYOUT_ZERO_PAGE");

struct range {
    uint64_t start, size;
};

uint64_t x86_low_ram(const struct guest_mem *mem)
{
    for (unsigned i = 0; i < mem->n_regions; i++) {
        if (mem->region[i].gpa == 0)
            return MIN(mem->region[i].size, LAYOUT_LOW_RAM_END);
    }
    return 0;
}

bool x86_file_read(const struct x86_file *file, uint64_t offset, void *data, uint64_t len)
{
    if (offset > file->size || len > file->size - offset) {
        log_error("%s is cut short: it has %llu bytes, and bytes %llu to %llu are needed",
                  file->name, (unsigned long long)file->size, (unsigned long long)offset,
                  (unsigned long long)(offset + len));
        return false;
    }
    int err = fd_pread_full(file->fd, data, len, offset);
    if (err < 0)
        log_error("%s cannot be read: %s", file->name, strerror(-err));
    return err == 0;
}

static bool open_file(struct x86_file *file, int fd, const char *name)
{
    struct stat st;
    *file = (struct x86_file){ .fd = fd, .name = name };
    if (fstat(fd, &st) < 0) {
        log_error("%s cannot be read: %s", name, strerror(errno));
        return false;
    }
    if (!S_ISREG(st.st_mode)) {
        log_error("%s is not a regular file", name);
        return false;
    }
    file->size = (uint64_t)st.st_size;
    return true;
}

static bool load_kernel(const struct guest_mem *mem, const struct x86_boot *boot,
                        struct x86_image *image)
{
    struct x86_file file;
    uint8_t head[0x206] = { 0 };

    if (!open_file(&file, boot->kernel_fd, boot->kernel_name))
        return false;
    if (!x86_file_read(&file, 0, head, MIN(sizeof(head), file.size)))
        return false;
    if (memcmp(head, "\177ELF", 4) == 0)
        return x86_load_elf(mem, &file, image);
    if (head[0x1fe] == 0x55 && head[0x1ff] == 0xaa && memcmp(head + 0x202, "HdrS", 4) == 0)
        return x86_load_bzimage(mem, &file, image);
    log_error("%s is no kernel: a bzImage (vmlinuz) or an uncompressed ELF vmlinux is needed",
              file.name);
    return false;
}

/* As high as the kernel can reach it, so that the kernel has the room behind itself. */
static bool load_initrd(const struct guest_mem *mem, const struct x86_boot *boot,
                        const struct x86_image *image, struct range *initrd)
{
    struct x86_file file;
    *initrd = (struct range){ 0 };
    if (boot->initrd_fd < 0)
        return true;
    if (!open_file(&file, boot->initrd_fd, boot->initrd_name))
        return false;
    if (file.size == 0) {
        log_error("%s is empty", file.name);
        return false;
    }
    uint64_t top = MIN(x86_low_ram(mem), image->initrd_max + 1);
    uint64_t bottom = ALIGN_UP(image->end, PAGE);
    if (top < bottom || file.size > top - bottom) {
        log_error("%s does not fit: it has %llu MiB, and between the kernel and the end of the "
                  "memory it can use the guest has %llu MiB: give it more (--mem)",
                  file.name, (unsigned long long)(ALIGN_UP(file.size, MIB) / MIB),
                  (unsigned long long)(top < bottom ? 0 : (top - bottom) / MIB));
        return false;
    }
    initrd->start = ALIGN_DOWN(top - file.size, PAGE);
    initrd->size = file.size;
    void *to = guest_mem_ptr(mem, initrd->start, initrd->size);
    BUG_ON(!to);
    return x86_file_read(&file, 0, to, file.size);
}

static bool load_params(const struct guest_mem *mem, const struct x86_boot *boot,
                        const struct x86_image *image)
{
    size_t len = strlen(boot->params);
    uint64_t max = MIN(image->cmdline_max, LAYOUT_CMDLINE_MAX - 1);
    if (len > max) {
        log_error("the kernel's parameters have %zu bytes: %s takes %llu", len, boot->kernel_name,
                  (unsigned long long)max);
        return false;
    }
    char *to = guest_mem_ptr(mem, LAYOUT_CMDLINE, LAYOUT_CMDLINE_MAX);
    BUG_ON(!to);
    memcpy(to, boot->params, len + 1);
    return true;
}

static unsigned build_memmap(const struct guest_mem *mem, struct boot_e820_entry *map)
{
    unsigned n = 0;
    map[n++] = (struct boot_e820_entry){ 0, LAYOUT_EBDA, E820_RAM };
    map[n++] = (struct boot_e820_entry){ LAYOUT_EBDA, 0xa0000 - LAYOUT_EBDA, E820_RESERVED };
    map[n++] = (struct boot_e820_entry){ LAYOUT_ACPI, LAYOUT_KERNEL - LAYOUT_ACPI, E820_RESERVED };
    map[n++] =
        (struct boot_e820_entry){ LAYOUT_KERNEL, x86_low_ram(mem) - LAYOUT_KERNEL, E820_RAM };
    map[n++] = (struct boot_e820_entry){ LAYOUT_ECAM_BASE, LAYOUT_ECAM_SIZE, E820_RESERVED };
    map[n++] = (struct boot_e820_entry){ LAYOUT_IDENTITY_MAP, 4 * PAGE, E820_RESERVED };
    for (unsigned i = 0; i < mem->n_regions && n < E820_ENTRIES; i++) {
        const struct guest_region *r = &mem->region[i];
        if (r->gpa >= LAYOUT_HIGH_RAM_START)
            map[n++] = (struct boot_e820_entry){ r->gpa, r->size, E820_RAM };
    }
    return n;
}

static void write_zero_page(const struct guest_mem *mem, const struct x86_image *image,
                            const struct range *initrd)
{
    struct boot_params params = { .hdr = image->header };
    params.hdr.type_of_loader = LOADER_UNDEFINED;
    params.hdr.vid_mode = 0xffff; /* normal */
    params.hdr.cmd_line_ptr = LAYOUT_CMDLINE;
    params.hdr.ramdisk_image = (uint32_t)initrd->start;
    params.hdr.ramdisk_size = (uint32_t)initrd->size;
    params.hdr.setup_data = 0;
    params.acpi_rsdp_addr = LAYOUT_ACPI;
    struct boot_e820_entry map[E820_ENTRIES];
    params.e820_entries = (uint8_t)build_memmap(mem, map);
    memcpy(params.e820_table, map, params.e820_entries * sizeof(map[0]));
    memcpy(guest_mem_ptr(mem, LAYOUT_ZERO_PAGE, sizeof(params)), &params, sizeof(params));
}

static void write_pvh_page(const struct guest_mem *mem, const struct range *initrd)
{
    const uint64_t at = LAYOUT_PVH_INFO;
    struct boot_e820_entry map[E820_ENTRIES];
    struct pvh_page page = { .info = {
                                 .magic = 0x336ec578,
                                 .version = 1,
                                 .n_modules = initrd->size > 0,
                                 .modules =
                                     initrd->size > 0 ? at + offsetof(struct pvh_page, module) : 0,
                                 .cmdline = LAYOUT_CMDLINE,
                                 .rsdp = LAYOUT_ACPI,
                                 .memmap = at + offsetof(struct pvh_page, memmap),
                                 .n_memmap = build_memmap(mem, map),
                             } };
    page.module = (struct pvh_module){ .start = initrd->start, .size = initrd->size };
    for (unsigned i = 0; i < page.info.n_memmap; i++)
        page.memmap[i] = (struct pvh_memmap){ map[i].addr, map[i].size, map[i].type, 0 };
    memcpy(guest_mem_ptr(mem, at, sizeof(page)), &page, sizeof(page));
}

/* The first 4 GiB one to one, by pages of 2 MiB: larger ones are not everywhere. */
static void write_page_tables(const struct guest_mem *mem)
{
    const uint64_t present_writable = 0x3, large = 0x80;
    uint64_t *table = guest_mem_ptr(mem, LAYOUT_PAGE_TABLES, 6 * PAGE);
    memset(table, 0, 2 * PAGE);
    table[0] = (LAYOUT_PAGE_TABLES + PAGE) | present_writable;
    for (uint64_t i = 0; i < 4; i++)
        table[512 + i] = (LAYOUT_PAGE_TABLES + (2 + i) * PAGE) | present_writable;
    for (uint64_t i = 0; i < 4 * 512; i++)
        table[1024 + i] = i * 2 * MIB | present_writable | large;
}

static void write_gdt(const struct guest_mem *mem, bool long_mode)
{
    /* As the 64-bit boot protocol wants them: code at 0x10, data at 0x18; a task at 0x20. */
    const uint64_t gdt[6] = {
        [2] = long_mode ? 0x00af9b000000ffff : 0x00cf9b000000ffff,
        [3] = 0x00cf93000000ffff,
        [4] = 0x00008b0000000067,
    };
    memcpy(guest_mem_ptr(mem, LAYOUT_GDT, sizeof(gdt)), gdt, sizeof(gdt));
}

bool x86_load(const struct guest_mem *mem, const struct x86_boot *boot, struct x86_entry *entry)
{
    struct x86_image image;
    struct range initrd;

    uint8_t *low = guest_mem_ptr(mem, 0, LAYOUT_KERNEL);
    if (!low) {
        log_error("the guest has less than 1 MiB of memory: give it more (--mem)");
        return false;
    }
    if (!load_kernel(mem, boot, &image) || !load_initrd(mem, boot, &image, &initrd) ||
        !load_params(mem, boot, &image))
        return false;

    bool long_mode = image.entry.mode == X86_ENTRY_LONG_MODE;
    memset(low + LAYOUT_WARM_BOOT, 0, 2);
    x86_acpi_build(low + LAYOUT_ACPI, LAYOUT_ACPI, boot->cpus);
    write_gdt(mem, long_mode);
    if (long_mode) {
        write_page_tables(mem);
        write_zero_page(mem, &image, &initrd);
    } else {
        write_pvh_page(mem, &initrd);
    }
    *entry = image.entry;
    entry->info = long_mode ? LAYOUT_ZERO_PAGE : LAYOUT_PVH_INFO;
    return true;
}

/* Whether one of the words of a command line begins with the name and '='. */
static bool names(const char *params, const char *name)
{
    size_t len = strlen(name);
    for (const char *p = params; (p = strstr(p, name)); p += len) {
        if (p[len] == '=' && (p == params || p[-1] == ' ' || p[-1] == '\t' || p[-1] == '\n'))
            return true;
    }
    return false;
}

const char *x86_panic_params(const char *user_params)
{
    bool panic = names(user_params, "panic"), reboot = names(user_params, "reboot");
    if (panic)
        return reboot ? "" : "reboot=panic_warm ";
    /* A restart that would not be seen to come from a panic is worse than none. */
    return reboot ? "" : "panic=-1 reboot=panic_warm ";
}

bool x86_guest_panicked(const struct guest_mem *mem)
{
    uint16_t flag = 0;
    const void *at = guest_mem_ptr(mem, LAYOUT_WARM_BOOT, sizeof(flag));
    if (at)
        memcpy(&flag, at, sizeof(flag));
    return flag == WARM_BOOT;
}
