// SPDX-License-Identifier: MIT
/*
 * A guest of a few hundred lines that drives virtio-pci as Linux does: it finds the entropy device
 * and the disk by ECAM, takes their interrupts by MSI-X, and says on the serial line how it went.
 * Freestanding; an ELF kernel for the 64-bit boot protocol.
 */
#include <linux/pci_regs.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ECAM 0xe0000000ull
#define LAPIC 0xfee00000ull
#define SERIAL 0x3f8
#define PM_CONTROL 0x604
#define S5 (5 << 10 | 1 << 13)
#define CODE_SELECTOR 0x10
#define VECTOR 0x50
#define QUEUE 16
#define RNG_REQUESTS 1000
#define SECTOR 512

void guest_main(void);
void *memset(void *p, int c, size_t n);
void *memcpy(void *to, const void *from, size_t n);

void *memset(void *p, int c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((volatile uint8_t *)p)[i] = (uint8_t)c;
    return p;
}

void *memcpy(void *to, const void *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((volatile uint8_t *)to)[i] = ((const uint8_t *)from)[i];
    return to;
}

static void out8(uint16_t port, uint8_t v)
{
    __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static void out16(uint16_t port, uint16_t v)
{
    __asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port));
}

static void say(const char *text)
{
    for (; *text; text++)
        out8(SERIAL, (uint8_t)*text);
}

static void __attribute__((noreturn)) power_off(void)
{
    out16(PM_CONTROL, S5);
    for (;;)
        __asm__ volatile("hlt");
}

static void __attribute__((noreturn)) fail(const char *what)
{
    say("failed: ");
    say(what);
    say("\n");
    power_off();
}

#define MMIO(bits)                                                                                 \
    static uint##bits##_t read##bits(uint64_t at)                                                  \
    {                                                                                              \
        return *(volatile uint##bits##_t *)at;                                                     \
    }                                                                                              \
    static void write##bits(uint64_t at, uint##bits##_t v)                                         \
    {                                                                                              \
        *(volatile uint##bits##_t *)at = v;                                                        \
    }
MMIO(8)
MMIO(16)
MMIO(32)

/* Interrupts. */

static volatile unsigned n_interrupts;

struct frame;

static void __attribute__((interrupt)) on_interrupt(struct frame *frame)
{
    (void)frame;
    n_interrupts++;
    *(volatile uint32_t *)(LAPIC + 0xb0) = 0; /* end of interrupt */
}

struct gate {
    uint16_t low, selector, flags, middle;
    uint32_t high, zero;
};
static struct gate idt[256];

static void init_interrupts(void)
{
    uint64_t at = (uint64_t)on_interrupt;
    idt[VECTOR] = (struct gate){ (uint16_t)at,         CODE_SELECTOR,        0x8e00,
                                 (uint16_t)(at >> 16), (uint32_t)(at >> 32), 0 };
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) idtr = { sizeof(idt) - 1, (uint64_t)idt };
    __asm__ volatile("lidt %0" : : "m"(idtr));
    out8(0x21, 0xff); /* no legacy interrupts */
    out8(0xa1, 0xff);
    write32(LAPIC + 0xf0, 0x1ff); /* on; 0xff is the spurious vector */
}

/* Sleeps until there was an interrupt since `seen`. */
static void wait_interrupt(unsigned seen)
{
    __asm__ volatile("cli" : : : "memory");
    while (n_interrupts == seen)
        __asm__ volatile("sti; hlt; cli" : : : "memory");
    __asm__ volatile("sti" : : : "memory");
}

/* A virtio device. */

struct device {
    uint64_t config; /* its PCI configuration space */
    uint64_t common, notify, device;
    uint32_t multiplier;
    uint64_t features;
    uint16_t avail_idx, used_idx;
};

/* One queue at a time; zeroed for each device. */
static struct vring_desc desc[QUEUE] __attribute__((aligned(4096)));
static struct {
    uint16_t flags, idx, ring[QUEUE], used_event;
} avail __attribute__((aligned(4096)));
static volatile struct {
    uint16_t flags, idx;
    struct vring_used_elem ring[QUEUE];
    uint16_t avail_event;
} used __attribute__((aligned(4096)));

#define COMMON(d, field) ((d)->common + offsetof(struct virtio_pci_common_cfg, field))

static uint64_t bar(const struct device *d, unsigned i)
{
    return read32(d->config + PCI_BASE_ADDRESS_0 + i * 4) & ~0xfu;
}

static void find_structure(struct device *d, uint64_t cap)
{
    uint64_t at = bar(d, read8(cap + VIRTIO_PCI_CAP_BAR)) + read32(cap + VIRTIO_PCI_CAP_OFFSET);
    switch (read8(cap + VIRTIO_PCI_CAP_CFG_TYPE)) {
    case VIRTIO_PCI_CAP_COMMON_CFG:
        d->common = at;
        break;
    case VIRTIO_PCI_CAP_NOTIFY_CFG:
        d->notify = at;
        d->multiplier = read32(cap + VIRTIO_PCI_NOTIFY_CAP_MULT);
        break;
    case VIRTIO_PCI_CAP_DEVICE_CFG:
        d->device = at;
        break;
    default:
        break;
    }
}

/* Vector 0 of the table raises VECTOR on this CPU. */
static void init_msix(const struct device *d, uint64_t cap)
{
    uint32_t where = read32(cap + PCI_MSIX_TABLE);
    uint64_t table = bar(d, where & PCI_MSIX_TABLE_BIR) + (where & PCI_MSIX_TABLE_OFFSET);
    write16(cap + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
    write32(table + PCI_MSIX_ENTRY_LOWER_ADDR, (uint32_t)LAPIC);
    write32(table + PCI_MSIX_ENTRY_UPPER_ADDR, 0);
    write32(table + PCI_MSIX_ENTRY_DATA, VECTOR);
    write32(table + PCI_MSIX_ENTRY_VECTOR_CTRL, 0);
    write16(cap + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE);
}

static bool find(struct device *d, uint16_t id)
{
    for (unsigned slot = 1; slot < 32; slot++) {
        *d = (struct device){ .config = ECAM + (slot << 15) };
        if (read32(d->config) == ((uint32_t)id << 16 | 0x1af4))
            break;
        d->config = 0;
    }
    if (!d->config)
        return false;
    write16(d->config + PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    for (unsigned at = read8(d->config + PCI_CAPABILITY_LIST); at; at = read8(d->config + at + 1)) {
        uint64_t cap = d->config + at;
        if (read8(cap) == PCI_CAP_ID_VNDR)
            find_structure(d, cap);
        else if (read8(cap) == PCI_CAP_ID_MSIX)
            init_msix(d, cap);
    }
    return d->common && d->notify;
}

static void reset(const struct device *d)
{
    write8(COMMON(d, device_status), 0);
    /* Looks now and then, as Linux does: each look is an exit, and the test counts those. */
    while (read8(COMMON(d, device_status)) != 0) {
        for (unsigned i = 0; i < 10000; i++)
            __asm__ volatile("pause");
    }
}

static void start(struct device *d, uint64_t wanted)
{
    reset(d);
    write8(COMMON(d, device_status), VIRTIO_CONFIG_S_ACKNOWLEDGE);
    write8(COMMON(d, device_status), VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
    for (unsigned i = 0; i < 2; i++) {
        write32(COMMON(d, device_feature_select), i);
        d->features |= (uint64_t)read32(COMMON(d, device_feature)) << (i * 32);
    }
    d->features &= wanted | 1ull << VIRTIO_F_VERSION_1;
    for (unsigned i = 0; i < 2; i++) {
        write32(COMMON(d, guest_feature_select), i);
        write32(COMMON(d, guest_feature), (uint32_t)(d->features >> (i * 32)));
    }
    const uint8_t up =
        VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK;
    write8(COMMON(d, device_status), up);
    if (read8(COMMON(d, device_status)) != up)
        fail("features");

    memset(desc, 0, sizeof(desc));
    memset(&avail, 0, sizeof(avail));
    memset((void *)(uintptr_t)&used, 0, sizeof(used));
    write16(COMMON(d, queue_select), 0);
    write16(COMMON(d, queue_size), QUEUE);
    write16(COMMON(d, queue_msix_vector), 0);
    if (read16(COMMON(d, queue_msix_vector)) != 0)
        fail("vector");
    write32(COMMON(d, queue_desc_lo), (uint32_t)(uint64_t)desc);
    write32(COMMON(d, queue_avail_lo), (uint32_t)(uint64_t)&avail);
    write32(COMMON(d, queue_used_lo), (uint32_t)(uint64_t)&used);
    write16(COMMON(d, queue_enable), 1);
    write8(COMMON(d, device_status), up | VIRTIO_CONFIG_S_DRIVER_OK);
}

/* Sends the chain that begins at descriptor 0, sleeps until it is used, and returns what was
 * written. */
static uint32_t send(struct device *d)
{
    unsigned seen = n_interrupts;
    /* Asked for before the device can see the chain: it may be looking at the ring already. */
    avail.used_event = d->used_idx;
    avail.ring[d->avail_idx % QUEUE] = 0;
    __asm__ volatile("mfence" : : : "memory");
    d->avail_idx++;
    *(volatile uint16_t *)&avail.idx = d->avail_idx;
    __asm__ volatile("mfence" : : : "memory");
    bool kick = d->features & 1ull << VIRTIO_RING_F_EVENT_IDX
                    ? vring_need_event(used.avail_event, d->avail_idx, d->avail_idx - 1)
                    : !(used.flags & VRING_USED_F_NO_NOTIFY);
    if (kick)
        write16(d->notify, 0);
    wait_interrupt(seen);
    if (used.idx != (uint16_t)(d->used_idx + 1))
        fail("an interrupt without a used chain");
    uint32_t len = used.ring[d->used_idx % QUEUE].len;
    d->used_idx++;
    return len;
}

static void test_rng(void)
{
    static uint8_t bytes[64];
    struct device d;
    if (!find(&d, 0x1040 + 4))
        fail("no entropy device");
    start(&d, 1ull << VIRTIO_RING_F_EVENT_IDX);
    unsigned first = n_interrupts;
    uint8_t any[sizeof(bytes)] = { 0 };
    for (unsigned i = 0; i < RNG_REQUESTS; i++) {
        memset(bytes, 0, sizeof(bytes));
        desc[0] = (struct vring_desc){ (uint64_t)bytes, sizeof(bytes), VRING_DESC_F_WRITE, 0 };
        if (send(&d) != sizeof(bytes))
            fail("entropy is short");
        for (unsigned b = 0; b < sizeof(bytes); b++)
            any[b] |= bytes[b];
    }
    for (unsigned b = 0; b < sizeof(bytes); b++) {
        if (any[b] != 0xff)
            fail("entropy is not random");
    }
    if (n_interrupts - first != RNG_REQUESTS)
        fail("interrupts and requests differ");
    reset(&d);
    say("rng ok\n");
}

static uint8_t transfer(struct device *d, uint32_t type, uint64_t sector, void *data)
{
    static struct virtio_blk_outhdr header;
    static volatile uint8_t status;
    header = (struct virtio_blk_outhdr){ .type = type, .sector = sector };
    status = 0xee;
    uint16_t direction = type == VIRTIO_BLK_T_IN ? VRING_DESC_F_WRITE : 0;
    desc[0] = (struct vring_desc){ (uint64_t)&header, sizeof(header), VRING_DESC_F_NEXT, 1 };
    desc[1] =
        (struct vring_desc){ (uint64_t)data, SECTOR, (uint16_t)(VRING_DESC_F_NEXT | direction), 2 };
    if (!data)
        desc[0].next = 2;
    desc[2] = (struct vring_desc){ (uint64_t)&status, 1, VRING_DESC_F_WRITE, 0 };
    send(d);
    return status;
}

static void test_blk(void)
{
    static uint8_t sector[SECTOR];
    struct device d;
    if (!find(&d, 0x1040 + 2))
        fail("no disk");
    start(&d, 1ull << VIRTIO_BLK_F_FLUSH);
    uint32_t capacity = read32(d.device);
    /* Each sector moves to where it stands when counted from the end, changed. */
    for (uint32_t i = 0; i < capacity / 2; i++) {
        if (transfer(&d, VIRTIO_BLK_T_IN, i, sector) != VIRTIO_BLK_S_OK)
            fail("read");
        for (unsigned b = 0; b < SECTOR; b++)
            sector[b] ^= 0x55;
        if (transfer(&d, VIRTIO_BLK_T_OUT, capacity - 1 - i, sector) != VIRTIO_BLK_S_OK)
            fail("write");
    }
    if (transfer(&d, VIRTIO_BLK_T_FLUSH, 0, NULL) != VIRTIO_BLK_S_OK)
        fail("flush");
    if (transfer(&d, VIRTIO_BLK_T_IN, capacity, sector) != VIRTIO_BLK_S_IOERR)
        fail("a sector behind the end");
    say("blk ok\n");
    /* The device is left running: a power-off and a reboot have to cope. */
}

void guest_main(void)
{
    init_interrupts();
    test_rng();
    test_blk();
    power_off();
}

static uint8_t __attribute__((aligned(16), used)) guest_stack[16384];

__asm__(".globl _start\n"
        "_start:\n"
        "    lea guest_stack + 16384(%rip), %rsp\n"
        "    call guest_main\n"
        "    ud2\n");
