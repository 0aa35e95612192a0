/* SPDX-License-Identifier: MIT */
/*
 * A verb's command line, by a table of its options. A value stands behind '=' or in the next word;
 * where an option can do without one, the next word counts only if it has a '=' in it, so that
 * `--gpu KERNEL` means what it says.
 */
#ifndef VITRINE_APP_OPTION_TABLE_H
#define VITRINE_APP_OPTION_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Option names are at most this long. */
#define OPTION_NAME_MAX 32

enum option_rule { OPTION_ALONE, OPTION_VALUE_OPTIONAL, OPTION_VALUE_NEEDED };

struct option_def {
    const char *name; /* without the dashes */
    enum option_rule rule;
    /* Takes the value, NULL where there is none, into the structure at `at` bytes in the verb's
     * options. False after one line on stderr that says what is wrong and what would be right. */
    bool (*take)(void *into, const char *value);
    size_t at;
};

enum options_result { OPTIONS_OK, OPTIONS_HELP, OPTIONS_BAD };

struct option_table {
    const char *verb;
    const struct option_def *defs;
    size_t n_defs;
    /* Takes a word that is no option; NULL: there are none. */
    bool (*word)(void *options, const char *word);
    /* Called instead of the options' own take, for who wants to see them all; NULL: nobody. */
    bool (*seen)(void *options, const struct option_def *def, const char *value);
};

/* Goes through the words behind the verb. OPTIONS_BAD was said in one line on stderr. The strings
 * given to take and word are argv's own. */
enum options_result option_table_parse(const struct option_table *table, void *options, int argc,
                                       char **argv);

/* The option of that name, or NULL. len: of the name, which need not end there. */
const struct option_def *option_table_find(const struct option_table *table, const char *name,
                                           size_t len);
/* The option that somebody may have meant who wrote this; NULL: none is near. */
const char *option_table_nearest(const struct option_table *table, const char *name, size_t len);

/* A decimal number from min to max and nothing else. */
bool option_number(const char *text, uint64_t min, uint64_t max, uint64_t *out);

#endif
