/* SPDX-License-Identifier: MIT */
/*
 * A VM's definition: a file of `key = value` lines under [vm], whose keys are the names of `vitrine run`'s
 * options (vitrine.ini(5)). This reads it as it is; what the keys mean is options.c's.
 */
#ifndef VITRINE_APP_DEFINITION_H
#define VITRINE_APP_DEFINITION_H

#include <stdbool.h>

#define DEFINITION_MAX_KEYS 256
#define DEFINITION_MAX_BYTES 65536
/* The newest form of the file that is understood; `version` says which one it has, 1 if nothing. */
#define DEFINITION_VERSION 1

struct definition_key {
    char *key, *value;
    unsigned line;
};

struct definition {
    char *name;
    char *path; /* of the file */
    char *data; /* the folder that relative paths are in */
    unsigned n_keys;
    struct definition_key key[DEFINITION_MAX_KEYS]; /* in the file's order */
};

/* Whether a VM of this name is defined. */
bool definition_exists(const char *name);
/* Reads the definition of the VM of this name. False after one line that says what is wrong, with the
 * line's number. Call finish in any case. */
bool definition_load(struct definition *definition, const char *name);
void definition_finish(struct definition *definition);

#endif
