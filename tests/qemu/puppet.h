/* SPDX-License-Identifier: MIT */
/* Input devices that are none, made by uinput. */
#ifndef VITRINE_TESTS_QEMU_PUPPET_H
#define VITRINE_TESTS_QEMU_PUPPET_H

#include <stdint.h>

/* A device called "strange": a pointer whose absolute axes have this range. An fd, or -1, said on stdout. */
int puppet_pointer(int32_t min, int32_t max);
/* By its name: touchpad, tablet, wheel (a mouse with a fine one) or switch (a laptop's lid). */
int puppet_new(const char *kind);
void puppet_event(int fd, uint16_t type, uint16_t code, int32_t value);

#endif
