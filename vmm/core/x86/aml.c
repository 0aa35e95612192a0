// SPDX-License-Identifier: MIT
#include "vmm/core/x86/aml.h"

#include <string.h>

#define NAME_OP 0x08
#define BYTE_PREFIX 0x0a
#define WORD_PREFIX 0x0b
#define DWORD_PREFIX 0x0c
#define STRING_PREFIX 0x0d
#define QWORD_PREFIX 0x0e
#define SCOPE_OP 0x10
#define BUFFER_OP 0x11
#define PACKAGE_OP 0x12
#define METHOD_OP 0x14
#define EXT_PREFIX 0x5b
#define REGION_OP 0x80
#define FIELD_OP 0x81
#define DEVICE_OP 0x82
#define LOCAL0_OP 0x60
#define STORE_OP 0x70
#define AND_OP 0x7b
#define NOTIFY_OP 0x86
#define IF_OP 0xa0
#define MULTI_NAME_PREFIX 0x2f
#define NAME_LETTERS 4
#define ARG0_OP 0x68
#define RETURN_OP 0xa4

/* Lengths of blocks always take 3 bytes, so that they can be filled in afterwards. */
#define PKG_LENGTH_BYTES 3

static void put(struct aml *aml, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        if (aml->len < aml->size)
            aml->data[aml->len] = (uint8_t)(value >> (8 * i));
        aml->len++;
    }
}

static void put_text(struct aml *aml, const char *text)
{
    for (; *text; text++)
        put(aml, (uint8_t)*text, 1);
}

static void put_path(struct aml *aml, const char *path)
{
    if (*path == '\\') {
        put(aml, '\\', 1);
        path++;
    }
    size_t len = strlen(path);
    if (len > NAME_LETTERS) {
        put(aml, MULTI_NAME_PREFIX, 1);
        put(aml, (len + 1) / (NAME_LETTERS + 1), 1);
    }
    for (; *path; path++) {
        if (*path != '.')
            put(aml, (uint8_t)*path, 1);
    }
}

static void patch(struct aml *aml, size_t at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        if (at + i < aml->size)
            aml->data[at + i] = (uint8_t)(value >> (8 * i));
    }
}

bool aml_fits(const struct aml *aml)
{
    return aml->len <= aml->size;
}

static size_t begin(struct aml *aml)
{
    size_t block = aml->len;
    put(aml, 0, PKG_LENGTH_BYTES);
    return block;
}

void aml_end(struct aml *aml, size_t block)
{
    /* ACPI 6.5, 20.2.4: bits 7-6 of the first byte say how many follow; its low 4 bits come first. */
    uint64_t length = aml->len - block;
    patch(aml, block, 2u << 6 | (length & 0xf), 1);
    patch(aml, block + 1, length >> 4, 2);
}

size_t aml_scope(struct aml *aml, const char *path)
{
    put(aml, SCOPE_OP, 1);
    size_t block = begin(aml);
    put_path(aml, path);
    return block;
}

size_t aml_device(struct aml *aml, const char *name)
{
    put(aml, EXT_PREFIX, 1);
    put(aml, DEVICE_OP, 1);
    size_t block = begin(aml);
    put_text(aml, name);
    return block;
}

size_t aml_method(struct aml *aml, const char *name, unsigned args)
{
    put(aml, METHOD_OP, 1);
    size_t block = begin(aml);
    put_text(aml, name);
    put(aml, args, 1);
    return block;
}

size_t aml_package(struct aml *aml, unsigned elements)
{
    put(aml, PACKAGE_OP, 1);
    size_t block = begin(aml);
    put(aml, elements, 1);
    return block;
}

void aml_name(struct aml *aml, const char *name)
{
    put(aml, NAME_OP, 1);
    put_text(aml, name);
}

void aml_int(struct aml *aml, uint64_t value)
{
    if (value <= 1) {
        put(aml, value, 1); /* ZeroOp, OneOp */
    } else if (value <= UINT8_MAX) {
        put(aml, BYTE_PREFIX, 1);
        put(aml, value, 1);
    } else if (value <= UINT16_MAX) {
        put(aml, WORD_PREFIX, 1);
        put(aml, value, 2);
    } else if (value <= UINT32_MAX) {
        put(aml, DWORD_PREFIX, 1);
        put(aml, value, 4);
    } else {
        put(aml, QWORD_PREFIX, 1);
        put(aml, value, 8);
    }
}

void aml_string(struct aml *aml, const char *text)
{
    put(aml, STRING_PREFIX, 1);
    put_text(aml, text);
    put(aml, 0, 1);
}

static uint32_t hex_digit(char c)
{
    return (uint32_t)(c <= '9' ? c - '0' : c - 'A' + 10);
}

void aml_eisa_id(struct aml *aml, const char *id)
{
    /* Three letters of 5 bits and four hex digits, the most significant byte first. */
    uint32_t value = (uint32_t)(id[0] - '@') << 26 | (uint32_t)(id[1] - '@') << 21 |
                     (uint32_t)(id[2] - '@') << 16;
    for (unsigned i = 0; i < 4; i++)
        value |= hex_digit(id[3 + i]) << (12 - 4 * i);
    put(aml, DWORD_PREFIX, 1);
    put(aml, __builtin_bswap32(value), 4);
}

void aml_return_arg(struct aml *aml, unsigned arg)
{
    put(aml, RETURN_OP, 1);
    put(aml, ARG0_OP + arg, 1);
}

void aml_registers(struct aml *aml, const char *region, uint16_t port, const char *const *names,
                   unsigned n)
{
    put(aml, EXT_PREFIX, 1);
    put(aml, REGION_OP, 1);
    put_text(aml, region);
    put(aml, 1, 1); /* system I/O */
    aml_int(aml, port);
    aml_int(aml, (uint64_t)n * 4);
    put(aml, EXT_PREFIX, 1);
    put(aml, FIELD_OP, 1);
    size_t block = begin(aml);
    put_text(aml, region);
    put(aml, 0x43, 1); /* accessed by double words, without a lock, what is not written is 0 */
    for (unsigned i = 0; i < n; i++) {
        put_text(aml, names[i]);
        put(aml, 32, 1);
    }
    aml_end(aml, block);
}

void aml_set_register(struct aml *aml, const char *name, uint32_t value)
{
    put(aml, STORE_OP, 1);
    aml_int(aml, value);
    put_path(aml, name);
}

void aml_load_register(struct aml *aml, const char *name)
{
    put(aml, STORE_OP, 1);
    put_path(aml, name);
    put(aml, LOCAL0_OP, 1);
}

void aml_notify_if(struct aml *aml, uint32_t bits, const char *device, uint8_t value)
{
    put(aml, IF_OP, 1);
    size_t block = begin(aml);
    put(aml, AND_OP, 1);
    put(aml, LOCAL0_OP, 1);
    aml_int(aml, bits);
    put(aml, 0, 1); /* the result goes nowhere else */
    put(aml, NOTIFY_OP, 1);
    put_path(aml, device);
    aml_int(aml, value);
    aml_end(aml, block);
}

void aml_call(struct aml *aml, const char *path)
{
    put_path(aml, path);
}

size_t aml_resources(struct aml *aml)
{
    put(aml, BUFFER_OP, 1);
    size_t block = begin(aml);
    put(aml, WORD_PREFIX, 1);
    put(aml, 0, 2); /* the buffer's size, filled in at the end */
    return block;
}

void aml_resources_end(struct aml *aml, size_t block)
{
    put(aml, 0x79, 1); /* end tag */
    put(aml, 0, 1);    /* "no checksum" */
    size_t head = PKG_LENGTH_BYTES + 3;
    patch(aml, block + PKG_LENGTH_BYTES + 1, aml->len - block - head, 2);
    aml_end(aml, block);
}

void aml_io(struct aml *aml, uint16_t port, uint8_t len)
{
    put(aml, 0x47, 1); /* I/O port descriptor */
    put(aml, 1, 1);    /* 16 address bits are decoded */
    put(aml, port, 2);
    put(aml, port, 2);
    put(aml, 1, 1); /* alignment */
    put(aml, len, 1);
}

void aml_irq(struct aml *aml, unsigned irq)
{
    put(aml, 0x22, 1); /* IRQ descriptor without flags */
    put(aml, 1u << irq, 2);
}

void aml_memory(struct aml *aml, uint32_t base, uint32_t len)
{
    put(aml, 0x86, 1); /* 32-bit fixed memory range */
    put(aml, 9, 2);
    put(aml, 1, 1); /* writable */
    put(aml, base, 4);
    put(aml, len, 4);
}

void aml_bus_range(struct aml *aml, uint16_t first, uint16_t last)
{
    put(aml, 0x88, 1); /* word address space */
    put(aml, 13, 2);
    put(aml, 2, 1);   /* bus numbers */
    put(aml, 0xc, 1); /* produced; both ends fixed */
    put(aml, 0, 1);
    put(aml, 0, 2); /* granularity */
    put(aml, first, 2);
    put(aml, last, 2);
    put(aml, 0, 2); /* translation */
    put(aml, (uint64_t)last - first + 1, 2);
}

void aml_memory_window(struct aml *aml, uint32_t base, uint32_t len)
{
    put(aml, 0x87, 1); /* double word address space */
    put(aml, 23, 2);
    put(aml, 0, 1);   /* memory */
    put(aml, 0xc, 1); /* produced; both ends fixed */
    put(aml, 1, 1);   /* writable, not cacheable */
    put(aml, 0, 4);
    put(aml, base, 4);
    put(aml, base + (len - 1), 4);
    put(aml, 0, 4);
    put(aml, len, 4);
}
