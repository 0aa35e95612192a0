// SPDX-License-Identifier: MIT
/* Linux's Documentation/arch/x86/boot.rst, protocol 2.12 and later, 64-bit entry. */
#include <string.h>

#include "vmm/base/util.h"
#include "vmm/core/layout.h"
#include "vmm/core/mem.h"
#include "vmm/core/x86/image.h"

#define LOG_MODULE "boot"
#include "vmm/base/log.h"

#define SECTOR 512u
#define HEADER_OFFSET 0x1f1u
#define HEADER_LENGTH_AT 0x201u /* the header ends that byte's value behind 0x202 */
#define PROTOCOL_2_12 0x20cu
#define ENTRY_64_OFFSET 0x200u

static bool check_header(const struct x86_file *file, const struct setup_header *h)
{
    if (h->version < PROTOCOL_2_12) {
        log_error("%s: boot protocol %u.%02u is too old: Linux 3.8 or later is needed", file->name,
                  h->version >> 8, h->version & 0xff);
        return false;
    }
    if (!(h->xloadflags & XLF_KERNEL_64)) {
        log_error("%s is a 32-bit kernel: an x86-64 kernel is needed", file->name);
        return false;
    }
    if (h->kernel_alignment == 0 || (h->kernel_alignment & (h->kernel_alignment - 1)) != 0) {
        log_error("%s is damaged: its alignment is %#x, not a power of two", file->name,
                  h->kernel_alignment);
        return false;
    }
    return true;
}

/* Where the kernel goes: where it would like to be, or anywhere if it can move. Its decompressor
 * works in init_size bytes from there. */
static bool place(const struct guest_mem *mem, const struct x86_file *file,
                  const struct setup_header *h, uint64_t size, uint64_t *load, uint64_t *end)
{
    uint64_t ram = x86_low_ram(mem);
    uint64_t need = MAX(size, h->init_size);
    uint64_t preferred = h->pref_address;

    if (preferred >= LAYOUT_KERNEL && preferred <= ram && need <= ram - preferred) {
        *load = preferred;
    } else if (h->relocatable_kernel && h->kernel_alignment <= ram) {
        /* One below its preferred address still runs there. */
        *load = MAX(ALIGN_UP((uint64_t)LAYOUT_KERNEL, h->kernel_alignment), preferred);
    } else {
        *load = preferred;
    }
    if (*load < LAYOUT_KERNEL || *load > ram || need > ram - *load) {
        log_error("%s needs %llu MiB of memory at %#llx, and the guest has %llu MiB: give it more "
                  "(--mem)",
                  file->name, (unsigned long long)(ALIGN_UP(need, MIB) / MIB),
                  (unsigned long long)*load, (unsigned long long)(ram / MIB));
        return false;
    }
    *end = *load + need;
    return true;
}

bool x86_load_bzimage(const struct guest_mem *mem, const struct x86_file *file,
                      struct x86_image *image)
{
    struct setup_header h = { 0 };
    uint8_t beyond;

    /* The header is as long as it says; what this build does not know is not taken. */
    if (!x86_file_read(file, HEADER_LENGTH_AT, &beyond, 1))
        return false;
    uint64_t length = MIN(HEADER_LENGTH_AT + 1 + beyond - HEADER_OFFSET, sizeof(h));
    if (!x86_file_read(file, HEADER_OFFSET, &h, length) || !check_header(file, &h))
        return false;

    uint64_t setup = ((h.setup_sects ? h.setup_sects : 4u) + 1u) * SECTOR;
    uint64_t size = (uint64_t)h.syssize * 16;
    if (file->size < setup || file->size - setup + 15 < size || size <= ENTRY_64_OFFSET) {
        log_error("%s is cut short: it has %llu bytes, and its header says %llu", file->name,
                  (unsigned long long)file->size, (unsigned long long)(setup + size));
        return false;
    }
    size = MIN(size, file->size - setup);

    uint64_t load, end;
    if (!place(mem, file, &h, size, &load, &end))
        return false;
    void *to = guest_mem_ptr(mem, load, size);
    BUG_ON(!to);
    if (!x86_file_read(file, setup, to, size))
        return false;

    h.code32_start = (uint32_t)load;
    *image = (struct x86_image){
        .entry = { .mode = X86_ENTRY_LONG_MODE, .rip = load + ENTRY_64_OFFSET },
        .end = end,
        .initrd_max = h.initrd_addr_max,
        .cmdline_max = h.cmdline_size,
        .header = h,
    };
    return true;
}
