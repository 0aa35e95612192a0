/* SPDX-License-Identifier: MIT */
/* What the compositor of the environment offers, for who only wants to know. */
#ifndef VITRINE_WL_SURVEY_H
#define VITRINE_WL_SURVEY_H

#include <stdbool.h>
#include <stdint.h>

/* Calls global for each of the compositor's globals, in its order, on the calling thread. False, with one
 * line logged that says why, where there is no compositor, or none that windows can be made on; waits for
 * it 10 s at most. */
bool wayl_survey(void (*global)(void *data, const char *interface, uint32_t version), void *data);

#endif
