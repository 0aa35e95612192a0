// SPDX-License-Identifier: MIT
/*
 * An uncompressed vmlinux. Its segments go to their physical addresses. A Xen note of type 18 names
 * the 32-bit PVH entry (Xen's docs/misc/pvh); without one the ELF's entry is Linux's startup_64,
 * which takes a zero page like a bzImage.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/cleanup.h"
#include "vmm/base/util.h"
#include "vmm/core/layout.h"
#include "vmm/core/mem.h"
#include "vmm/core/x86/image.h"

#define LOG_MODULE "boot"
#include "vmm/base/log.h"

#define MAX_SEGMENTS 64
#define MAX_NOTES (64 * KIB)
#define XEN_ELFNOTE_PHYS32_ENTRY 18
#define PROTOCOL_2_12 0x20cu
/* What every 64-bit Linux can take, as there is no header to say so. */
#define ELF_INITRD_MAX 0x7fffffffu
#define ELF_CMDLINE_MAX 2047u

struct elf {
    const struct x86_file *file;
    Elf64_Ehdr header;
    unsigned n;
    Elf64_Phdr segment[MAX_SEGMENTS];
};

static bool read_headers(struct elf *elf)
{
    const struct x86_file *file = elf->file;
    Elf64_Ehdr *h = &elf->header;
    if (!x86_file_read(file, 0, h, sizeof(*h)))
        return false;
    if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB ||
        h->e_machine != EM_X86_64 || (h->e_type != ET_EXEC && h->e_type != ET_DYN)) {
        log_error("%s is an ELF file, but no x86-64 kernel", file->name);
        return false;
    }
    if (h->e_phentsize != sizeof(Elf64_Phdr) || h->e_phnum == 0 || h->e_phnum > MAX_SEGMENTS) {
        log_error("%s is no kernel that can be loaded: it has %u segments of %u bytes (1 to %u of "
                  "%zu are right)",
                  file->name, h->e_phnum, h->e_phentsize, MAX_SEGMENTS, sizeof(Elf64_Phdr));
        return false;
    }
    elf->n = h->e_phnum;
    return x86_file_read(file, h->e_phoff, elf->segment, elf->n * sizeof(Elf64_Phdr));
}

static bool overlaps_earlier(const struct elf *elf, unsigned index)
{
    const Elf64_Phdr *p = &elf->segment[index];
    for (unsigned i = 0; i < index; i++) {
        const Elf64_Phdr *q = &elf->segment[i];
        if (q->p_type == PT_LOAD && q->p_memsz > 0 && p->p_paddr < q->p_paddr + q->p_memsz &&
            q->p_paddr < p->p_paddr + p->p_memsz)
            return true;
    }
    return false;
}

static bool load_segment(const struct guest_mem *mem, const struct elf *elf, unsigned index)
{
    const Elf64_Phdr *p = &elf->segment[index];
    uint64_t ram = x86_low_ram(mem);

    if (p->p_filesz > p->p_memsz) {
        log_error("%s is damaged: segment %u is larger in the file than in memory", elf->file->name,
                  index);
        return false;
    }
    if (p->p_paddr < LAYOUT_KERNEL || p->p_paddr > ram || p->p_memsz > ram - p->p_paddr) {
        log_error("%s: segment %u wants %#llx bytes at %#llx, outside the guest's RAM (%#llx to "
                  "%#llx): give it more (--mem), if it is a kernel",
                  elf->file->name, index, (unsigned long long)p->p_memsz,
                  (unsigned long long)p->p_paddr, LAYOUT_KERNEL, (unsigned long long)ram);
        return false;
    }
    if (overlaps_earlier(elf, index)) {
        log_error("%s is damaged: segment %u overlaps another one", elf->file->name, index);
        return false;
    }
    uint8_t *to = guest_mem_ptr(mem, p->p_paddr, p->p_memsz);
    BUG_ON(!to);
    if (!x86_file_read(elf->file, p->p_offset, to, p->p_filesz))
        return false;
    memset(to + p->p_filesz, 0, p->p_memsz - p->p_filesz);
    return true;
}

/* The PVH entry of a note segment's bytes; false where there is none. */
static bool find_pvh_entry(const uint8_t *notes, uint64_t size, uint64_t *entry)
{
    uint64_t at = 0;
    while (size - at >= sizeof(Elf64_Nhdr)) {
        Elf64_Nhdr n;
        memcpy(&n, notes + at, sizeof(n));
        at += sizeof(n);
        uint64_t name_room = ALIGN_UP((uint64_t)n.n_namesz, 4);
        uint64_t desc_room = ALIGN_UP((uint64_t)n.n_descsz, 4);
        if (name_room > size - at || n.n_descsz > size - at - name_room)
            return false;
        const uint8_t *desc = notes + at + name_room;
        if (n.n_type == XEN_ELFNOTE_PHYS32_ENTRY && n.n_namesz == 4 &&
            memcmp(notes + at, "Xen", 4) == 0 && (n.n_descsz == 4 || n.n_descsz == 8)) {
            *entry = 0;
            memcpy(entry, desc, n.n_descsz);
            return true;
        }
        at += MIN(name_room + desc_room, size - at);
    }
    return false;
}

/* Sets *found where a note names a PVH entry. False (logged) where the notes can't be read. */
static bool read_notes(const struct elf *elf, uint64_t *entry, bool *found)
{
    *found = false;
    for (unsigned i = 0; i < elf->n && !*found; i++) {
        const Elf64_Phdr *p = &elf->segment[i];
        if (p->p_type != PT_NOTE || p->p_filesz == 0 || p->p_filesz > MAX_NOTES)
            continue;
        autofree uint8_t *notes = malloc(p->p_filesz);
        if (!notes || !x86_file_read(elf->file, p->p_offset, notes, p->p_filesz))
            return false;
        *found = find_pvh_entry(notes, p->p_filesz, entry);
    }
    return true;
}

/* Turns an entry that may be virtual into the physical one; false where no segment holds it. */
static bool resolve_entry(const struct elf *elf, uint64_t *entry)
{
    for (unsigned i = 0; i < elf->n; i++) {
        const Elf64_Phdr *p = &elf->segment[i];
        if (p->p_type == PT_LOAD && *entry - p->p_paddr < p->p_memsz)
            return true;
    }
    for (unsigned i = 0; i < elf->n; i++) {
        const Elf64_Phdr *p = &elf->segment[i];
        if (p->p_type == PT_LOAD && *entry - p->p_vaddr < p->p_memsz) {
            *entry = *entry - p->p_vaddr + p->p_paddr;
            return true;
        }
    }
    log_error("%s is damaged: its entry %#llx is in none of its segments", elf->file->name,
              (unsigned long long)*entry);
    return false;
}

bool x86_load_elf(const struct guest_mem *mem, const struct x86_file *file, struct x86_image *image)
{
    struct elf elf = { .file = file };
    uint64_t entry = 0, end = 0;
    bool pvh;

    if (!read_headers(&elf) || !read_notes(&elf, &entry, &pvh))
        return false;
    for (unsigned i = 0; i < elf.n; i++) {
        const Elf64_Phdr *p = &elf.segment[i];
        if (p->p_type != PT_LOAD || p->p_memsz == 0)
            continue;
        if (!load_segment(mem, &elf, i))
            return false;
        end = MAX(end, p->p_paddr + p->p_memsz);
    }
    if (!pvh)
        entry = elf.header.e_entry;
    if (!resolve_entry(&elf, &entry))
        return false;

    *image = (struct x86_image){
        .entry = { .mode = pvh ? X86_ENTRY_PVH : X86_ENTRY_LONG_MODE, .rip = entry },
        .end = end,
        .initrd_max = ELF_INITRD_MAX,
        .cmdline_max = ELF_CMDLINE_MAX,
        .header = { .boot_flag = 0xaa55,
                    .header = 0x53726448 /* "HdrS" */,
                    .version = PROTOCOL_2_12,
                    .kernel_alignment = 0x1000000 },
    };
    return true;
}
