// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test.h"
#include "vmm/base/fd.h"
#include "vmm/core/layout.h"
#include "vmm/core/vcpu.h"
#include "vmm/core/x86/acpi.h"
#include "vmm/core/x86/aml.h"

static uint8_t area[LAYOUT_ACPI_SIZE];

static uint64_t field(const uint8_t *table, unsigned offset, unsigned bytes)
{
    uint64_t value = 0;
    memcpy(&value, table + offset, bytes);
    return value;
}

static const uint8_t *at(uint64_t gpa)
{
    assert_true(gpa >= LAYOUT_ACPI && gpa < LAYOUT_ACPI + LAYOUT_ACPI_SIZE);
    return area + (gpa - LAYOUT_ACPI);
}

static void assert_sums_to_0(const uint8_t *p, size_t len)
{
    uint8_t sum = 0;
    while (len-- > 0)
        sum = (uint8_t)(sum + *p++);
    assert_int_equal(sum, 0);
}

/* The table with the signature, by way of the RSDP and the XSDT. */
static const uint8_t *find(const char *signature)
{
    assert_memory_equal(area, "RSD PTR ", 8);
    const uint8_t *xsdt = at(field(area, 24, 8));
    unsigned n = (unsigned)(field(xsdt, 4, 4) - 36) / 8;
    for (unsigned i = 0; i < n; i++) {
        const uint8_t *table = at(field(xsdt, 36 + 8 * i, 8));
        if (memcmp(table, signature, 4) == 0)
            return table;
    }
    if (strcmp(signature, "DSDT") == 0)
        return at(field(find("FACP"), 140, 8));
    return NULL;
}

static void every_table_is_found_and_sums_to_0(void **state)
{
    static const char *const tables[] = { "FACP", "APIC", "MCFG", "DSDT" };
    assert_true(x86_acpi_build(area, LAYOUT_ACPI, VCPU_MAX) <= LAYOUT_ACPI_SIZE);
    assert_sums_to_0(area, 20);
    assert_sums_to_0(area, 36);
    assert_sums_to_0(at(field(area, 24, 8)), field(at(field(area, 24, 8)), 4, 4));
    for (unsigned i = 0; i < 4; i++) {
        const uint8_t *table = find(tables[i]);
        assert_non_null(table);
        assert_sums_to_0(table, field(table, 4, 4));
    }
    assert_memory_equal(at(field(find("FACP"), 36, 4)), "FACS", 4);
    assert_int_equal(field(find("FACP"), 36, 4) % 64, 0);
}

static void the_madt_names_every_cpu_once(void **state)
{
    static const unsigned counts[] = { 1, 2, 4, VCPU_MAX };
    for (unsigned i = 0; i < 4; i++) {
        uint64_t seen = 0;
        unsigned n = 0;
        x86_acpi_build(area, LAYOUT_ACPI, counts[i]);
        const uint8_t *madt = find("APIC");
        for (unsigned o = 44; o < field(madt, 4, 4); o += madt[o + 1]) {
            if (madt[o] == 0) {
                assert_int_equal(field(madt, o + 4, 4), 1);
                seen |= 1ull << madt[o + 3];
                n++;
            }
        }
        assert_int_equal(n, counts[i]);
        assert_int_equal(__builtin_popcountll(seen), counts[i]);
    }
}

static void the_fadt_names_the_ports_of_the_layout(void **state)
{
    x86_acpi_build(area, LAYOUT_ACPI, 2);
    const uint8_t *fadt = find("FACP");
    assert_int_equal(fadt[8], 6); /* revision */
    assert_int_equal(field(fadt, 46, 2), LAYOUT_SCI_GSI);
    assert_int_equal(field(fadt, 56, 4), LAYOUT_PM_EVENT_PORT);
    assert_int_equal(field(fadt, 64, 4), LAYOUT_PM_CONTROL_PORT);
    assert_int_equal(field(fadt, 80, 4), LAYOUT_GPE_PORT);
    assert_int_equal(fadt[92], 2); /* its length */
    assert_int_equal(field(fadt, 120, 8), LAYOUT_RESET_PORT);
    assert_true(field(fadt, 112, 4) & 1u << 10);      /* RESET_REG_SUP */
    assert_false(field(fadt, 112, 4) & 1u << 4);      /* a fixed power button */
    assert_false(field(fadt, 112, 4) & 1u << 20);     /* not HW-reduced */
    assert_int_equal(field(fadt, 109, 2) & 0x6, 0x4); /* no 8042, no VGA */
    assert_int_equal(field(find("MCFG"), 44, 8), LAYOUT_ECAM_BASE);
}

static void aml_that_does_not_fit_is_not_written(void **state)
{
    uint8_t small[8] = { 0 };
    struct aml aml = { .data = small, .size = 4 };
    size_t block = aml_scope(&aml, "\\_SB_");
    aml_string(&aml, "longer than four bytes");
    aml_end(&aml, block);
    assert_false(aml_fits(&aml));
    for (unsigned i = 4; i < sizeof(small); i++)
        assert_int_equal(small[i], 0);
}

/* Runs iasl on a table; its disassembly is left in the folder. */
static void disassemble(const char *dir, const char *name)
{
    char path[256];
    const uint8_t *table = find(name);
    snprintf(path, sizeof(path), "%s/%s.dat", dir, name);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_int_equal(fd_write_full(fd, table, field(table, 4, 4)), 0);
    close(fd);
    char command[600];
    snprintf(command, sizeof(command),
             "iasl -d %s >%s/log 2>&1 && iasl -ve %s/%s.dsl >>%s/log 2>&1", path, dir, dir, name,
             dir);
    int status = system(command);
    if (status != 0) {
        snprintf(command, sizeof(command), "cat %s/log", dir);
        (void)!system(command);
    }
    assert_int_equal(status, 0);
}

static bool dsl_says(const char *dir, const char *name, const char *what)
{
    char path[256], text[60000];
    snprintf(path, sizeof(path), "%s/%s.dsl", dir, name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    size_t n = fread(text, 1, sizeof(text) - 1, file);
    text[n] = '\0';
    fclose(file);
    return strstr(text, what) != NULL;
}

static void iasl_reads_and_compiles_the_tables(void **state)
{
    static const char *const tables[] = { "FACP", "APIC", "MCFG", "DSDT" };
    if (system("command -v iasl >/dev/null") != 0) {
        print_message("no iasl: install acpica-tools\n");
        skip();
    }
    char dir[] = "/tmp/vitrine-acpi.XXXXXX";
    assert_non_null(mkdtemp(dir));
    x86_acpi_build(area, LAYOUT_ACPI, 4);
    for (unsigned i = 0; i < 4; i++)
        disassemble(dir, tables[i]);
    assert_true(dsl_says(dir, "DSDT", "EisaId (\"PNP0A08\")"));
    assert_true(dsl_says(dir, "DSDT", "Name (_S5"));
    assert_true(dsl_says(dir, "DSDT", "0x03F8,             // Range Minimum"));
    assert_true(dsl_says(dir, "DSDT", "{4}"));
    assert_true(dsl_says(dir, "DSDT", "0xC0000000,         // Range Minimum"));
    assert_true(dsl_says(dir, "DSDT", "0xDFFFFFFF,         // Range Maximum"));
    assert_true(dsl_says(dir, "DSDT", "0xE0000000,         // Address Base"));
    assert_true(dsl_says(dir, "DSDT", "Notify (S10, "));
    assert_true(dsl_says(dir, "DSDT", "Notify (S1F, 0x03)"));
    assert_true(dsl_says(dir, "DSDT", "PCIE = 0x80000000"));
    assert_true(dsl_says(dir, "DSDT", "Method (_E01"));
    char command[300];
    snprintf(command, sizeof(command), "rm -r %s", dir);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_table_is_found_and_sums_to_0),
        cmocka_unit_test(the_madt_names_every_cpu_once),
        cmocka_unit_test(the_fadt_names_the_ports_of_the_layout),
        cmocka_unit_test(aml_that_does_not_fit_is_not_written),
        cmocka_unit_test(iasl_reads_and_compiles_the_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
