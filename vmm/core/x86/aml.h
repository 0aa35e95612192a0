/* SPDX-License-Identifier: MIT */
/*
 * Writes the little AML (ACPI 6.5, chapter 20) that describes this machine: devices, names, resource templates
 * (6.4), and methods that return an argument or act on registers.
 *
 * What does not fit into the buffer is counted but not written: see aml_fits().
 */
#ifndef VITRINE_CORE_X86_AML_H
#define VITRINE_CORE_X86_AML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aml {
    uint8_t *data;
    size_t size; /* of data */
    size_t len;  /* what has been written, or would have been */
};

bool aml_fits(const struct aml *aml);

/* Each of these opens a block and returns what aml_end() takes to close it. Names have 4 letters;
 * a path may have a '\' in front, and names with dots in between. */
size_t aml_scope(struct aml *aml, const char *path);
size_t aml_device(struct aml *aml, const char *name);
size_t aml_method(struct aml *aml, const char *name, unsigned args);
size_t aml_package(struct aml *aml, unsigned elements);
void aml_end(struct aml *aml, size_t block);

/* A name; its value is what is written next. */
void aml_name(struct aml *aml, const char *name);
void aml_int(struct aml *aml, uint64_t value);
void aml_string(struct aml *aml, const char *text);
/* A compressed EISA id, like "PNP0501". */
void aml_eisa_id(struct aml *aml, const char *id);
/* Return(ArgN) */
void aml_return_arg(struct aml *aml, unsigned arg);

/* 32-bit registers one behind the other in I/O space, by which names they are called. */
void aml_registers(struct aml *aml, const char *region, uint16_t port, const char *const *names,
                   unsigned n);
/* Register = value */
void aml_set_register(struct aml *aml, const char *name, uint32_t value);
/* Local0 = register */
void aml_load_register(struct aml *aml, const char *name);
/* If (Local0 & bits) { Notify (device, value) } */
void aml_notify_if(struct aml *aml, uint32_t bits, const char *device, uint8_t value);
/* Calls a method without arguments. */
void aml_call(struct aml *aml, const char *path);

/* A resource template, closed by aml_resources_end(). */
size_t aml_resources(struct aml *aml);
void aml_resources_end(struct aml *aml, size_t block);
void aml_io(struct aml *aml, uint16_t port, uint8_t len);
void aml_irq(struct aml *aml, unsigned irq); /* 0..15; edge, active high, exclusive */
void aml_memory(struct aml *aml, uint32_t base, uint32_t len);
/* What a host bridge hands down: bus numbers, and a window of memory that is not prefetchable. */
void aml_bus_range(struct aml *aml, uint16_t first, uint16_t last);
void aml_memory_window(struct aml *aml, uint32_t base, uint32_t len);

#endif
