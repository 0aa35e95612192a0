/* SPDX-License-Identifier: MIT */
/* A VM's entry in the launcher of the desktop (Desktop Entry Specification). */
#ifndef VITRINE_APP_LAUNCHER_ENTRY_H
#define VITRINE_APP_LAUNCHER_ENTRY_H

#include <stdbool.h>

/* Writes it, instead of the one that may be there. icon: a name of the icon theme's. False is logged. */
bool launcher_entry_write(const char *name, const char *icon);

#endif
