/* SPDX-License-Identifier: MIT */
/* A kernel file, put into guest memory; the two formats. Private to the boot loader. */
#ifndef VITRINE_CORE_X86_IMAGE_H
#define VITRINE_CORE_X86_IMAGE_H

#include <asm/bootparam.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/core/x86/boot.h"

/* A file that is being read. */
struct x86_file {
    int fd;
    const char *name;
    uint64_t size; /* bytes */
};

struct x86_image {
    struct x86_entry entry; /* info is left to the caller */
    uint64_t end;           /* the kernel's memory lies in LAYOUT_KERNEL..end, all of it low RAM */
    uint64_t initrd_max;    /* the last address that the initrd may take */
    uint32_t cmdline_max;   /* bytes, without the NUL */
    struct setup_header header; /* for the zero page */
};

/* Each logs what is wrong with the file, in one line, and returns false. */
bool x86_load_bzimage(const struct guest_mem *mem, const struct x86_file *file,
                      struct x86_image *image);
bool x86_load_elf(const struct guest_mem *mem, const struct x86_file *file,
                  struct x86_image *image);

/* Reads len bytes at offset of the file, which must be there; false (logged) otherwise. */
bool x86_file_read(const struct x86_file *file, uint64_t offset, void *data, uint64_t len);
/* Bytes of RAM at address 0, below the hole. */
uint64_t x86_low_ram(const struct guest_mem *mem);

#endif
