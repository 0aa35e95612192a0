// SPDX-License-Identifier: MIT
#include "vmm/core/x86/acpi.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "vmm/base/util.h"
#include "vmm/core/layout.h"
#include "vmm/core/pci.h"
#include "vmm/core/x86/aml.h"

#define LOG_MODULE "acpi"
#include "vmm/base/log.h"

#define GAS_IO 1
#define FADT_LEGACY_DEVICES 0x1u
#define FADT_NO_VGA 0x4u
#define FADT_NO_ASPM 0x10u
#define FADT_WBINVD (1u << 0)
#define FADT_C1_ON_ALL (1u << 2)
#define FADT_NO_FIXED_SLEEP_BUTTON (1u << 5)
#define FADT_NO_FIXED_RTC_WAKE (1u << 6)
#define FADT_RESET_REG (1u << 10)
#define RTC_CENTURY_INDEX 0x32
#define RESET_VALUE 6

struct header {
    char signature[4];
    uint32_t length;
    uint8_t revision, checksum;
    char oem_id[6], oem_table_id[8];
    uint32_t oem_revision;
    char creator_id[4];
    uint32_t creator_revision;
} __attribute__((packed));
static_assert(sizeof(struct header) == 36, "ACPI 6.5, table 5.4");

struct rsdp {
    char signature[8];
    uint8_t checksum;
    char oem_id[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t length;
    uint64_t xsdt;
    uint8_t extended_checksum, reserved[3];
} __attribute__((packed));
static_assert(sizeof(struct rsdp) == 36, "ACPI 6.5, table 5.3");

struct gas {
    uint8_t space, bit_width, bit_offset, access_size;
    uint64_t address;
} __attribute__((packed));

struct fadt {
    struct header header;
    uint32_t firmware_ctrl, dsdt;
    uint8_t reserved, pm_profile;
    uint16_t sci;
    uint32_t smi_cmd;
    uint8_t acpi_enable, acpi_disable, s4bios_req, pstate_cnt;
    uint32_t pm1a_evt, pm1b_evt, pm1a_cnt, pm1b_cnt, pm2_cnt, pm_tmr, gpe0, gpe1;
    uint8_t pm1_evt_len, pm1_cnt_len, pm2_cnt_len, pm_tmr_len, gpe0_len, gpe1_len, gpe1_base;
    uint8_t cst_cnt;
    uint16_t c2_latency, c3_latency, flush_size, flush_stride;
    uint8_t duty_offset, duty_width, day_alarm, month_alarm, century;
    uint16_t boot_arch;
    uint8_t reserved2;
    uint32_t flags;
    struct gas reset_reg;
    uint8_t reset_value;
    uint16_t arm_boot_arch;
    uint8_t minor;
    uint64_t x_firmware_ctrl, x_dsdt;
    struct gas x_pm1a_evt, x_pm1b_evt, x_pm1a_cnt, x_pm1b_cnt, x_pm2_cnt, x_pm_tmr, x_gpe0, x_gpe1;
    struct gas sleep_control, sleep_status;
    uint64_t hypervisor;
} __attribute__((packed));
static_assert(sizeof(struct fadt) == 276, "ACPI 6.5, table 5.9");

struct facs {
    char signature[4];
    uint32_t length, hardware_signature, waking_vector, global_lock, flags;
    uint64_t x_waking_vector;
    uint8_t version, reserved[3];
    uint32_t ospm_flags;
    uint8_t reserved2[24];
} __attribute__((packed));
static_assert(sizeof(struct facs) == 64, "ACPI 6.5, table 5.15");

struct madt {
    struct header header;
    uint32_t lapic, flags;
} __attribute__((packed));

struct madt_lapic {
    uint8_t type, length, processor_uid, apic_id;
    uint32_t flags;
} __attribute__((packed));

struct madt_ioapic {
    uint8_t type, length, id, reserved;
    uint32_t address, gsi_base;
} __attribute__((packed));

struct madt_override {
    uint8_t type, length, bus, source;
    uint32_t gsi;
    uint16_t flags;
} __attribute__((packed));

struct madt_lapic_nmi {
    uint8_t type, length, processor_uid;
    uint16_t flags;
    uint8_t lint;
} __attribute__((packed));

struct mcfg {
    struct header header;
    uint8_t reserved[8];
    uint64_t base;
    uint16_t segment;
    uint8_t first_bus, last_bus;
    uint32_t reserved2;
} __attribute__((packed));
static_assert(sizeof(struct mcfg) == 60, "PCI Firmware 3.3, table 4-2 and 4-3");

/* The tables one behind the other. */
struct area {
    uint8_t *data;
    uint32_t gpa;
    size_t len;
};

static uint32_t here(const struct area *area)
{
    return area->gpa + (uint32_t)area->len;
}

static void *append(struct area *area, const void *data, size_t len)
{
    BUG_ON(len > LAYOUT_ACPI_SIZE - area->len);
    void *at = area->data + area->len;
    memcpy(at, data, len);
    area->len += len;
    return at;
}

static void align(struct area *area, size_t to)
{
    area->len = ALIGN_UP(area->len, to);
}

static uint8_t checksum(const void *data, size_t len)
{
    const uint8_t *p = data;
    uint8_t sum = 0;
    while (len-- > 0)
        sum = (uint8_t)(sum + *p++);
    return (uint8_t)-sum;
}

static struct header header(const char *signature, uint8_t revision)
{
    struct header h = { .revision = revision, .oem_revision = 1, .creator_revision = 1 };
    memcpy(h.signature, signature, 4);
    memcpy(h.oem_id, "VITRIN", 6);
    memcpy(h.oem_table_id, "VITRINE ", 8);
    memcpy(h.creator_id, "VTRN", 4);
    return h;
}

/* Closes the table that begins at `start` of the area. */
static void seal(struct area *area, size_t start)
{
    struct header h;
    size_t len = area->len - start;
    memcpy(&h, area->data + start, sizeof(h));
    h.length = (uint32_t)len;
    h.checksum = 0;
    memcpy(area->data + start, &h, sizeof(h));
    h.checksum = checksum(area->data + start, len);
    memcpy(area->data + start, &h, sizeof(h));
    align(area, 16);
}

static void describe_isa_device(struct aml *aml, const char *name, const char *eisa_id,
                                uint16_t port, uint8_t ports, int irq)
{
    size_t device = aml_device(aml, name);
    aml_name(aml, "_HID");
    aml_eisa_id(aml, eisa_id);
    aml_name(aml, "_UID");
    aml_int(aml, 1);
    aml_name(aml, "_CRS");
    size_t resources = aml_resources(aml);
    aml_io(aml, port, ports);
    if (irq >= 0)
        aml_irq(aml, (unsigned)irq);
    aml_resources_end(aml, resources);
    aml_end(aml, device);
}

#define NOTIFY_DEVICE_CHECK 1
#define NOTIFY_EJECT_REQUEST 3
#define SLOT_NAME 5

static void slot_name(char name[SLOT_NAME], unsigned slot)
{
    snprintf(name, SLOT_NAME, "S%02X_", slot);
}

/* The slots whose devices come and go, and the method that tells the guest of it. A slot has no _STA: whether
 * something is in it, the guest reads off the device. */
static void describe_slots(struct aml *aml)
{
    static const char *const registers[] = { "PCIC", "PCIA", "PCIE" }; /* vmm/dev/pci_slots.h */
    char name[SLOT_NAME];
    aml_registers(aml, "SLTS", LAYOUT_PCI_SLOTS_PORT, registers, ARRAY_LEN(registers));
    for (unsigned slot = PCI_FIRST_REMOVABLE; slot < PCI_MAX_DEVS; slot++) {
        slot_name(name, slot);
        size_t device = aml_device(aml, name);
        aml_name(aml, "_ADR");
        aml_int(aml, (uint64_t)slot << 16);
        aml_name(aml, "_SUN");
        aml_int(aml, slot);
        size_t method = aml_method(aml, "_EJ0", 1);
        aml_set_register(aml, "PCIE", 1u << slot);
        aml_end(aml, method);
        aml_end(aml, device);
    }
    size_t method = aml_method(aml, "SCAN", 0);
    for (unsigned i = 0; i < 2; i++) {
        aml_load_register(aml, registers[i]);
        for (unsigned slot = PCI_FIRST_REMOVABLE; slot < PCI_MAX_DEVS; slot++) {
            slot_name(name, slot);
            aml_notify_if(aml, 1u << slot, name,
                          i == 0 ? NOTIFY_DEVICE_CHECK : NOTIFY_EJECT_REQUEST);
        }
    }
    aml_end(aml, method);
}

static void describe_events(struct aml *aml)
{
    static_assert(ACPI_GPE_PCI_SLOTS == 1, "the method's name");
    size_t scope = aml_scope(aml, "\\_GPE");
    size_t method = aml_method(aml, "_E01", 0);
    aml_call(aml, "\\_SB_.PCI0.SCAN");
    aml_end(aml, method);
    aml_end(aml, scope);
}

static void describe_pci_host(struct aml *aml)
{
    size_t device = aml_device(aml, "PCI0");
    aml_name(aml, "_HID");
    aml_eisa_id(aml, "PNP0A08");
    aml_name(aml, "_CID");
    aml_eisa_id(aml, "PNP0A03");
    aml_name(aml, "_UID");
    aml_int(aml, 0);
    aml_name(aml, "_SEG");
    aml_int(aml, 0);
    aml_name(aml, "_BBN");
    aml_int(aml, 0);
    aml_name(aml, "_CRS");
    size_t resources = aml_resources(aml);
    aml_bus_range(aml, 0, 0);
    aml_memory_window(aml, LAYOUT_PCI_MMIO_BASE, LAYOUT_PCI_MMIO_SIZE);
    aml_resources_end(aml, resources);
    /* The guest gets every control that it asks for. */
    size_t method = aml_method(aml, "_OSC", 4);
    aml_return_arg(aml, 3);
    aml_end(aml, method);
    describe_slots(aml);
    aml_end(aml, device);
}

static void describe_reserved(struct aml *aml)
{
    /* Linux uses ECAM only where a motherboard device claims it. */
    size_t device = aml_device(aml, "MRES");
    aml_name(aml, "_HID");
    aml_eisa_id(aml, "PNP0C02");
    aml_name(aml, "_UID");
    aml_int(aml, 0);
    aml_name(aml, "_CRS");
    size_t resources = aml_resources(aml);
    aml_memory(aml, LAYOUT_ECAM_BASE, LAYOUT_ECAM_SIZE);
    aml_io(aml, LAYOUT_PM_EVENT_PORT, 4);
    aml_io(aml, LAYOUT_PM_CONTROL_PORT, 2);
    aml_io(aml, LAYOUT_GPE_PORT, 2);
    aml_io(aml, LAYOUT_PCI_SLOTS_PORT, 12);
    aml_io(aml, LAYOUT_RESET_PORT, 1);
    aml_resources_end(aml, resources);
    aml_end(aml, device);
}

static void describe_pvpanic(struct aml *aml)
{
    size_t device = aml_device(aml, "PEVT");
    aml_name(aml, "_HID");
    aml_string(aml, "QEMU0001");
    aml_name(aml, "_CRS");
    size_t resources = aml_resources(aml);
    aml_io(aml, LAYOUT_PVPANIC_PORT, 1);
    aml_resources_end(aml, resources);
    aml_name(aml, "_STA");
    aml_int(aml, 0xf);
    aml_end(aml, device);
}

static uint32_t add_dsdt(struct area *area)
{
    uint32_t gpa = here(area);
    size_t start = area->len;
    struct header h = header("DSDT", 2);
    append(area, &h, sizeof(h));

    struct aml aml = { .data = area->data + area->len, .size = LAYOUT_ACPI_SIZE - area->len };
    size_t scope = aml_scope(&aml, "\\_SB_");
    describe_pci_host(&aml);
    describe_reserved(&aml);
    describe_isa_device(&aml, "COM1", "PNP0501", LAYOUT_SERIAL_PORT, 8, LAYOUT_SERIAL_GSI);
    describe_isa_device(&aml, "RTC0", "PNP0B00", LAYOUT_RTC_PORT, 2, LAYOUT_RTC_GSI);
    describe_pvpanic(&aml);
    aml_end(&aml, scope);
    describe_events(&aml);
    aml_name(&aml, "_S5_");
    size_t package = aml_package(&aml, 4);
    aml_int(&aml, ACPI_SLP_TYP_S5);
    aml_int(&aml, ACPI_SLP_TYP_S5);
    aml_int(&aml, 0);
    aml_int(&aml, 0);
    aml_end(&aml, package);
    BUG_ON(!aml_fits(&aml));

    area->len += aml.len;
    seal(area, start);
    return gpa;
}

static struct gas io_register(uint16_t port, uint8_t bits, uint8_t access_size)
{
    return (struct gas){ GAS_IO, bits, 0, access_size, port };
}

static uint32_t add_facs(struct area *area)
{
    struct facs facs = { .length = sizeof(facs), .version = 2 };
    memcpy(facs.signature, "FACS", 4);
    align(area, 64);
    uint32_t gpa = here(area);
    append(area, &facs, sizeof(facs));
    return gpa;
}

static uint32_t add_fadt(struct area *area, uint32_t dsdt, uint32_t facs)
{
    struct fadt fadt = {
        .header = header("FACP", 6),
        .minor = 5,
        .firmware_ctrl = facs,
        .dsdt = dsdt,
        .x_dsdt = dsdt,
        .pm_profile = 1, /* desktop */
        .sci = LAYOUT_SCI_GSI,
        .pm1a_evt = LAYOUT_PM_EVENT_PORT,
        .pm1a_cnt = LAYOUT_PM_CONTROL_PORT,
        .gpe0 = LAYOUT_GPE_PORT,
        .gpe0_len = 2,
        .pm1_evt_len = 4,
        .pm1_cnt_len = 2,
        .c2_latency = 0xfff, /* neither C2 nor C3 */
        .c3_latency = 0xfff,
        .century = RTC_CENTURY_INDEX,
        .boot_arch = FADT_LEGACY_DEVICES | FADT_NO_VGA | FADT_NO_ASPM, /* and no 8042 */
        .flags = FADT_WBINVD | FADT_C1_ON_ALL | FADT_NO_FIXED_SLEEP_BUTTON |
                 FADT_NO_FIXED_RTC_WAKE | FADT_RESET_REG,
        .reset_reg = io_register(LAYOUT_RESET_PORT, 8, 1),
        .reset_value = RESET_VALUE,
        .x_pm1a_evt = io_register(LAYOUT_PM_EVENT_PORT, 32, 2),
        .x_pm1a_cnt = io_register(LAYOUT_PM_CONTROL_PORT, 16, 2),
        .x_gpe0 = io_register(LAYOUT_GPE_PORT, 16, 1),
    };
    uint32_t gpa = here(area);
    size_t start = area->len;
    append(area, &fadt, sizeof(fadt));
    seal(area, start);
    return gpa;
}

static uint32_t add_madt(struct area *area, unsigned cpus)
{
    uint32_t gpa = here(area);
    size_t start = area->len;
    struct madt madt = { header("APIC", 5), LAYOUT_LAPIC_BASE, 1 /* there are PICs, too */ };
    append(area, &madt, sizeof(madt));
    for (unsigned i = 0; i < cpus; i++) {
        struct madt_lapic lapic = { 0, sizeof(lapic), (uint8_t)i, (uint8_t)i, 1 /* enabled */ };
        append(area, &lapic, sizeof(lapic));
    }
    struct madt_ioapic ioapic = { 1, sizeof(ioapic), 0, 0, LAYOUT_IOAPIC_BASE, 0 };
    append(area, &ioapic, sizeof(ioapic));
    struct madt_override timer = { 2, sizeof(timer), 0, 0, 2, 0 };
    append(area, &timer, sizeof(timer));
    /* Edge, active high: the SCI is an eventfd like every interrupt here. */
    struct madt_override sci = { 2, sizeof(sci), 0, LAYOUT_SCI_GSI, LAYOUT_SCI_GSI, 0x5 };
    append(area, &sci, sizeof(sci));
    struct madt_lapic_nmi nmi = { 4, sizeof(nmi), 0xff, 0, 1 };
    append(area, &nmi, sizeof(nmi));
    seal(area, start);
    return gpa;
}

static uint32_t add_mcfg(struct area *area)
{
    struct mcfg mcfg = { .header = header("MCFG", 1), .base = LAYOUT_ECAM_BASE };
    uint32_t gpa = here(area);
    size_t start = area->len;
    append(area, &mcfg, sizeof(mcfg));
    seal(area, start);
    return gpa;
}

static uint32_t add_xsdt(struct area *area, const uint32_t *tables, unsigned n)
{
    uint32_t gpa = here(area);
    size_t start = area->len;
    struct header h = header("XSDT", 1);
    append(area, &h, sizeof(h));
    for (unsigned i = 0; i < n; i++) {
        uint64_t entry = tables[i];
        append(area, &entry, sizeof(entry));
    }
    seal(area, start);
    return gpa;
}

size_t x86_acpi_build(uint8_t *tables, uint32_t gpa, unsigned cpus)
{
    memset(tables, 0, LAYOUT_ACPI_SIZE);
    struct area area = { .data = tables, .gpa = gpa, .len = ALIGN_UP(sizeof(struct rsdp), 64) };

    uint32_t dsdt = add_dsdt(&area);
    uint32_t facs = add_facs(&area);
    uint32_t roots[3] = { add_fadt(&area, dsdt, facs) };
    roots[1] = add_madt(&area, cpus);
    roots[2] = add_mcfg(&area);

    struct rsdp rsdp = { .revision = 2, .length = sizeof(rsdp) };
    memcpy(rsdp.signature, "RSD PTR ", 8);
    memcpy(rsdp.oem_id, "VITRIN", 6);
    rsdp.xsdt = add_xsdt(&area, roots, ARRAY_LEN(roots));
    rsdp.checksum = checksum(&rsdp, 20);
    rsdp.extended_checksum = checksum(&rsdp, sizeof(rsdp));
    memcpy(tables, &rsdp, sizeof(rsdp));
    return area.len;
}
