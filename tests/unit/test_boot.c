// SPDX-License-Identifier: MIT
#include <asm/bootparam.h>
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/test.h"
#include "tests/unit/capture.h"
#include "vmm/base/fd.h"
#include "vmm/base/util.h"
#include "vmm/core/layout.h"
#include "vmm/core/mem.h"
#include "vmm/core/x86/boot.h"

#define RAM (64 * MIB)
#define SETUP 1024u /* boot sector and one more */
#define PAYLOAD 2048u
#define PREFERRED (16 * MIB)
#define ELF_TEXT 0x1000u /* offset in the file */
#define ELF_SIZE 0x1800u

struct fixture {
    struct guest_mem mem;
    struct x86_boot boot;
    struct x86_entry entry;
    uint8_t file[ELF_SIZE + SETUP + PAYLOAD];
    size_t size;
};

static int memfd_of(const void *data, size_t size)
{
    int fd = memfd_create("file", MFD_CLOEXEC);
    assert_int_equal(fd_pwrite_full(fd, data, size, 0), 0);
    return fd;
}

static struct setup_header *bzimage_header(struct fixture *f)
{
    return (struct setup_header *)(void *)(f->file + 0x1f1);
}

static void make_bzimage(struct fixture *f)
{
    memset(f->file, 0, sizeof(f->file));
    f->size = SETUP + PAYLOAD;
    struct setup_header *h = bzimage_header(f);
    *h = (struct setup_header){
        .setup_sects = 1,
        .syssize = PAYLOAD / 16,
        .boot_flag = 0xaa55,
        .jump = 0x66eb, /* ends the header behind kernel_info_offset */
        .header = 0x53726448,
        .version = 0x20f,
        .initrd_addr_max = 0x7fffffff,
        .kernel_alignment = 0x200000,
        .relocatable_kernel = 1,
        .xloadflags = XLF_KERNEL_64,
        .cmdline_size = 2047,
        .pref_address = PREFERRED,
        .init_size = 4 * MIB,
    };
    for (unsigned i = 0; i < PAYLOAD; i++)
        f->file[SETUP + i] = (uint8_t)(i * 7);
}

static Elf64_Phdr *elf_segment(struct fixture *f, unsigned index)
{
    return (Elf64_Phdr *)(void *)(f->file + sizeof(Elf64_Ehdr)) + index;
}

/* Two PT_LOADs and a PT_NOTE with a foreign note and, by wish, Xen's. */
static void make_elf(struct fixture *f, bool pvh)
{
    memset(f->file, 0, sizeof(f->file));
    f->size = ELF_SIZE;
    Elf64_Ehdr *h = (Elf64_Ehdr *)(void *)f->file;
    memcpy(h->e_ident, "\177ELF\2\1\1", 7);
    h->e_type = ET_EXEC;
    h->e_machine = EM_X86_64;
    h->e_entry = PREFERRED + 0x40;
    h->e_phoff = sizeof(*h);
    h->e_phentsize = sizeof(Elf64_Phdr);
    h->e_phnum = 3;
    *elf_segment(f, 0) = (Elf64_Phdr){ .p_type = PT_LOAD,
                                       .p_offset = ELF_TEXT,
                                       .p_vaddr = 0xffffffff81000000,
                                       .p_paddr = PREFERRED,
                                       .p_filesz = 0x700,
                                       .p_memsz = 0x2000 };
    *elf_segment(f, 1) = (Elf64_Phdr){ .p_type = PT_LOAD,
                                       .p_offset = ELF_TEXT + 0x700,
                                       .p_vaddr = 0xffffffff81200000,
                                       .p_paddr = PREFERRED + 2 * MIB,
                                       .p_filesz = 0x100,
                                       .p_memsz = 0x100 };
    *elf_segment(f, 2) =
        (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = 0x400, .p_filesz = pvh ? 44 : 20 };
    static const uint32_t foreign[5] = { 4, 4, 3, 0x554e47 /* "GNU" */, 1 };
    static const uint32_t xen[6] = { 4, 8, 18, 0x6e6558 /* "Xen" */, PREFERRED + 0x80, 0 };
    memcpy(f->file + 0x400, foreign, sizeof(foreign));
    memcpy(f->file + 0x414, xen, sizeof(xen));
    for (unsigned i = 0; i < 0x800; i++)
        f->file[ELF_TEXT + i] = (uint8_t)(i * 11);
}

static bool load(struct fixture *f)
{
    f->boot.kernel_fd = memfd_of(f->file, f->size);
    bool ok = x86_load(&f->mem, &f->boot, &f->entry);
    close(f->boot.kernel_fd);
    return ok;
}

/* One line, and it says this. */
static void assert_refused(struct fixture *f, const char *why)
{
    struct capture c;
    capture_begin(&c);
    bool ok = load(f);
    capture_end(&c);
    capture_assert_refused(&c, ok, why);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    *state = f;
    f->boot = (struct x86_boot){ .kernel_name = "vmlinuz",
                                 .initrd_fd = -1,
                                 .initrd_name = "initrd",
                                 .params = "console=ttyS0",
                                 .cpus = 2 };
    return guest_mem_create(&f->mem, RAM);
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    guest_mem_finish(&f->mem);
    free(f);
    return 0;
}

static const struct boot_params *zero_page(struct fixture *f)
{
    return guest_mem_ptr(&f->mem, LAYOUT_ZERO_PAGE, sizeof(struct boot_params));
}

static void a_bzimage_is_put_where_it_prefers(void **state)
{
    struct fixture *f = *state;
    make_bzimage(f);
    assert_true(load(f));
    assert_int_equal(f->entry.mode, X86_ENTRY_LONG_MODE);
    assert_int_equal(f->entry.rip, PREFERRED + 0x200);
    assert_int_equal(f->entry.info, LAYOUT_ZERO_PAGE);
    assert_memory_equal(guest_mem_ptr(&f->mem, PREFERRED, PAYLOAD), f->file + SETUP, PAYLOAD);
    assert_string_equal(guest_mem_ptr(&f->mem, LAYOUT_CMDLINE, 32), "console=ttyS0");
    assert_int_equal(zero_page(f)->hdr.header, 0x53726448);
    assert_int_equal(zero_page(f)->hdr.type_of_loader, 0xff);
    assert_int_equal(zero_page(f)->hdr.cmd_line_ptr, LAYOUT_CMDLINE);
    assert_int_equal(zero_page(f)->sentinel, 0);
    assert_int_equal(zero_page(f)->acpi_rsdp_addr, LAYOUT_ACPI);
}

static void a_relocatable_bzimage_moves_into_little_memory(void **state)
{
    struct fixture *f = *state;
    make_bzimage(f);
    bzimage_header(f)->pref_address = RAM - MIB;
    assert_refused(f, "needs 4 MiB of memory at 0x3f00000");
    bzimage_header(f)->pref_address = 0;
    assert_true(load(f));
    assert_int_equal(f->entry.rip, 0x200000 + 0x200);
    bzimage_header(f)->relocatable_kernel = 0;
    assert_refused(f, "needs 4 MiB");
}

static void the_memory_map_leaves_out_what_is_no_ram(void **state)
{
    struct fixture *f = *state;
    guest_mem_finish(&f->mem);
    assert_int_equal(guest_mem_create(&f->mem, LAYOUT_LOW_RAM_END + GIB), 0);
    make_bzimage(f);
    assert_true(load(f));
    const struct boot_params *p = zero_page(f);
    uint64_t ram = 0, end = 0;
    for (unsigned i = 0; i < p->e820_entries; i++) {
        struct boot_e820_entry e;
        memcpy(&e, &p->e820_table[i], sizeof(e));
        if (e.type == 1) {
            assert_true(e.addr >= end);
            assert_non_null(guest_mem_ptr(&f->mem, e.addr, e.size));
            ram += e.size;
            end = e.addr + e.size;
        }
        /* The tables, ECAM and what lies under the page tables of KVM. */
        assert_false(e.type == 1 && e.addr < LAYOUT_ACPI + LAYOUT_ACPI_SIZE &&
                     e.addr + e.size > LAYOUT_ACPI);
    }
    assert_int_equal(end, LAYOUT_HIGH_RAM_START + GIB);
    assert_int_equal(ram, LAYOUT_LOW_RAM_END + GIB - (LAYOUT_KERNEL - LAYOUT_EBDA));
}

static void the_initrd_lies_as_high_as_the_kernel_reaches(void **state)
{
    struct fixture *f = *state;
    static const char content[5000] = "an initrd";
    f->boot.initrd_fd = memfd_of(content, sizeof(content));
    make_bzimage(f);
    assert_true(load(f));
    assert_int_equal(zero_page(f)->hdr.ramdisk_image, RAM - 8192);
    assert_int_equal(zero_page(f)->hdr.ramdisk_size, sizeof(content));
    assert_memory_equal(guest_mem_ptr(&f->mem, RAM - 8192, sizeof(content)), content,
                        sizeof(content));

    bzimage_header(f)->initrd_addr_max = 32 * MIB - 1;
    assert_true(load(f));
    assert_int_equal(zero_page(f)->hdr.ramdisk_image, 32 * MIB - 8192);
    bzimage_header(f)->initrd_addr_max = PREFERRED - 1;
    assert_refused(f, "initrd does not fit");
    close(f->boot.initrd_fd);
}

static void an_empty_initrd_is_refused(void **state)
{
    struct fixture *f = *state;
    make_bzimage(f);
    f->boot.initrd_fd = memfd_create("initrd", MFD_CLOEXEC);
    assert_refused(f, "initrd is empty");
    close(f->boot.initrd_fd);
}

static void an_initrd_that_does_not_fit_is_refused(void **state)
{
    struct fixture *f = *state;
    make_bzimage(f);
    f->boot.initrd_fd = memfd_create("initrd", MFD_CLOEXEC);
    assert_int_equal(ftruncate(f->boot.initrd_fd, RAM), 0);
    assert_refused(f, "initrd does not fit: it has 64 MiB, and between the kernel and the end of "
                      "the memory it can use the guest has 44 MiB: give it more (--mem)");
    close(f->boot.initrd_fd);
    f->boot.initrd_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_refused(f, "initrd is not a regular file");
    close(f->boot.initrd_fd);
}

static void params_that_are_too_long_are_refused(void **state)
{
    struct fixture *f = *state;
    char params[2049];
    memset(params, 'x', 2048);
    params[2047] = '\0';
    make_bzimage(f);
    f->boot.params = params;
    assert_true(load(f));
    params[2047] = 'x';
    params[2048] = '\0';
    assert_refused(f, "parameters have 2048 bytes: vmlinuz takes 2047");
}

static void an_elf_with_a_pvh_note_starts_there(void **state)
{
    struct fixture *f = *state;
    static const char content[] = "an initrd";
    f->boot.initrd_fd = memfd_of(content, sizeof(content));
    make_elf(f, true);
    memset(guest_mem_ptr(&f->mem, PREFERRED, 0x2000), 0xee, 0x2000);
    assert_true(load(f));
    close(f->boot.initrd_fd);
    assert_int_equal(f->entry.mode, X86_ENTRY_PVH);
    assert_int_equal(f->entry.rip, PREFERRED + 0x80);
    const uint8_t *text = guest_mem_ptr(&f->mem, PREFERRED, 0x2000);
    assert_memory_equal(text, f->file + ELF_TEXT, 0x700);
    for (unsigned i = 0x700; i < 0x2000; i++)
        assert_int_equal(text[i], 0); /* bss, also on a second load */
    assert_memory_equal(guest_mem_ptr(&f->mem, PREFERRED + 2 * MIB, 0x100),
                        f->file + ELF_TEXT + 0x700, 0x100);

    const uint8_t *info = guest_mem_ptr(&f->mem, f->entry.info, 56);
    uint64_t field[7];
    memcpy(field, info, sizeof(field));
    assert_int_equal((uint32_t)field[0], 0x336ec578);
    assert_int_equal(field[0] >> 32, 1);        /* version */
    assert_int_equal(field[1] >> 32, 1);        /* modules */
    assert_int_equal(field[3], LAYOUT_CMDLINE); /* cmdline */
    assert_int_equal(field[4], LAYOUT_ACPI);    /* rsdp */
    uint64_t module[2];
    memcpy(module, guest_mem_ptr(&f->mem, field[2], 16), 16);
    assert_int_equal(module[0], RAM - 4096);
    assert_int_equal(module[1], sizeof(content));
}

static void an_elf_without_a_note_starts_at_its_entry(void **state)
{
    struct fixture *f = *state;
    make_elf(f, false);
    assert_true(load(f));
    assert_int_equal(f->entry.mode, X86_ENTRY_LONG_MODE);
    assert_int_equal(f->entry.rip, PREFERRED + 0x40);
    assert_int_equal(f->entry.info, LAYOUT_ZERO_PAGE);
    assert_int_equal(zero_page(f)->hdr.header, 0x53726448);
    /* A virtual entry is the same place. */
    ((Elf64_Ehdr *)(void *)f->file)->e_entry = 0xffffffff81000044;
    assert_true(load(f));
    assert_int_equal(f->entry.rip, PREFERRED + 0x44);
    ((Elf64_Ehdr *)(void *)f->file)->e_entry = 0x1234;
    assert_refused(f, "its entry 0x1234 is in none of its segments");
}

static void elf_segments_outside_ram_are_refused(void **state)
{
    struct fixture *f = *state;
    static const uint64_t bad[] = { 0,          LAYOUT_KERNEL - 0x1000, RAM - 0xff, RAM,
                                    1ull << 40, UINT64_MAX - 0x10 };
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        make_elf(f, true);
        elf_segment(f, 1)->p_paddr = bad[i];
        assert_refused(f, "outside the guest's RAM");
    }
    make_elf(f, true);
    elf_segment(f, 0)->p_memsz = UINT64_MAX - PREFERRED + 0x2000;
    assert_refused(f, "outside the guest's RAM");
    make_elf(f, true);
    elf_segment(f, 0)->p_filesz = 0x3000;
    assert_refused(f, "larger in the file than in memory");
    make_elf(f, true);
    elf_segment(f, 1)->p_paddr = PREFERRED + 0x1fff;
    assert_refused(f, "overlaps another one");
    make_elf(f, true);
    elf_segment(f, 1)->p_offset = UINT64_MAX - 4;
    assert_refused(f, "is cut short");
}

static void what_is_no_kernel_is_refused(void **state)
{
    struct fixture *f = *state;
    make_bzimage(f);
    memcpy(f->file + 0x202, "HdrX", 4);
    assert_refused(f, "vmlinuz is no kernel: a bzImage (vmlinuz) or an uncompressed ELF vmlinux");
    make_bzimage(f);
    bzimage_header(f)->xloadflags = 0;
    assert_refused(f, "32-bit kernel");
    make_bzimage(f);
    bzimage_header(f)->version = 0x20b;
    assert_refused(f, "boot protocol 2.11 is too old");
    make_bzimage(f);
    bzimage_header(f)->kernel_alignment = 0x30000;
    assert_refused(f, "not a power of two");
    make_elf(f, true);
    ((Elf64_Ehdr *)(void *)f->file)->e_machine = EM_AARCH64;
    assert_refused(f, "no x86-64 kernel");
    make_elf(f, true);
    ((Elf64_Ehdr *)(void *)f->file)->e_phnum = 0xffff;
    assert_refused(f, "65535 segments");
}

static void a_kernel_cut_anywhere_is_refused_in_one_line(void **state)
{
    struct fixture *f = *state;
    make_bzimage(f);
    for (f->size = 0; f->size < SETUP + PAYLOAD - 15; f->size++)
        assert_refused(f, "vmlinuz ");
    make_elf(f, true);
    for (f->size = 0; f->size < ELF_TEXT + 0x800; f->size++)
        assert_refused(f, "vmlinuz ");
}

static void no_mutation_of_a_kernel_gets_out_of_bounds(void **state)
{
    struct fixture *f = *state;
    struct capture c;
    unsigned seed = 1;
    capture_begin(&c);
    for (unsigned round = 0; round < 6000; round++) {
        if (round % 2)
            make_elf(f, round % 4 == 1);
        else
            make_bzimage(f);
        for (unsigned n = 0; n < 1 + round % 8; n++) {
            seed = seed * 1103515245 + 12345;
            unsigned at = (round % 2 ? 0 : 0x1f1) + (seed >> 8) % (round % 2 ? 0x430 : 0x80);
            f->file[at] = (uint8_t)(seed >> 24);
        }
        load(f);
    }
    capture_end(&c);
}

static void a_panic_is_told_from_a_reboot(void **state)
{
    struct fixture *f = *state;
    make_bzimage(f);
    assert_true(load(f));
    assert_false(x86_guest_panicked(&f->mem));
    memcpy(guest_mem_ptr(&f->mem, 0x472, 2), "\x34\x12", 2);
    assert_true(x86_guest_panicked(&f->mem));
    assert_true(load(f));
    assert_false(x86_guest_panicked(&f->mem));
}

static void panic_params_give_way_to_the_users(void **state)
{
    assert_string_equal(x86_panic_params(""), "panic=-1 reboot=panic_warm ");
    assert_string_equal(x86_panic_params("console=ttyS0 nopanic=1 panic_on_oops=1"),
                        "panic=-1 reboot=panic_warm ");
    assert_string_equal(x86_panic_params("panic=5"), "reboot=panic_warm ");
    assert_string_equal(x86_panic_params("quiet reboot=t"), "");
    assert_string_equal(x86_panic_params("reboot=t panic=1"), "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_bzimage_is_put_where_it_prefers),
        TEST(a_relocatable_bzimage_moves_into_little_memory),
        TEST(the_memory_map_leaves_out_what_is_no_ram),
        TEST(the_initrd_lies_as_high_as_the_kernel_reaches),
        TEST(an_empty_initrd_is_refused),
        TEST(an_initrd_that_does_not_fit_is_refused),
        TEST(params_that_are_too_long_are_refused),
        TEST(an_elf_with_a_pvh_note_starts_there),
        TEST(an_elf_without_a_note_starts_at_its_entry),
        TEST(elf_segments_outside_ram_are_refused),
        TEST(what_is_no_kernel_is_refused),
        TEST(a_kernel_cut_anywhere_is_refused_in_one_line),
        TEST(no_mutation_of_a_kernel_gets_out_of_bounds),
        TEST(a_panic_is_told_from_a_reboot),
        TEST(panic_params_give_way_to_the_users),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
