/* SPDX-License-Identifier: MIT */
/* The parts of jail_enter(). */
#ifndef VITRINE_JAIL_INTERNAL_H
#define VITRINE_JAIL_INTERNAL_H

#include <stdbool.h>

/* In a mount namespace of one's own: replaces the root by what a GL driver reads, read-only. render_node
 * as for jail_enter(). False is logged; the old root is then still there. */
bool jail_view(const char *render_node);

/* Gives up capabilities, ways to new ones, core dumps, and being looked into. Harmless to repeat. */
void jail_drop_privileges(void);

#endif
