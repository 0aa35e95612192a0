/* SPDX-License-Identifier: MIT */
/* The host's input devices and their seats, as udev knows them. */
#ifndef VITRINE_INPUT_SEATS_H
#define VITRINE_INPUT_SEATS_H

#include <stddef.h>
#include <stdio.h>

struct udev;

/* The seats that have input devices, "seat0, seat1"; as many as there is room for. */
void seats_names(struct udev *udev, char *text, size_t size);

/* A table of the devices, with what they are and whether this user may open them. How many there are, or
 * -1 where udev can't be asked. */
int seats_print(FILE *to);

#endif
