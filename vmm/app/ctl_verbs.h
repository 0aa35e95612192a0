/* SPDX-License-Identifier: MIT */
/* The verbs of a running VM, as `vitrine ctl` takes them on its command line. */
#ifndef VITRINE_APP_CTL_VERBS_H
#define VITRINE_APP_CTL_VERBS_H

#include <stdio.h>

struct json_object;

/* The request that the words say: a verb of one or two words, then what it takes, by its place or as KEY=VALUE.
 * NULL after one line on stderr that says what is wrong and what would be right. */
struct json_object *ctl_request(int argc, char **argv);

/* A line for each verb, two spaces in front. */
void ctl_print_verbs(FILE *to);

#endif
