// SPDX-License-Identifier: MIT
#include "vmm/app/option_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "options"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

bool option_number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    char *end;
    errno = 0;
    if (*text < '0' || *text > '9')
        return false;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || *end || value < min || value > max)
        return false;
    *out = value;
    return true;
}

const struct option_def *option_table_find(const struct option_table *table, const char *name,
                                           size_t len)
{
    for (size_t i = 0; i < table->n_defs; i++) {
        const struct option_def *def = &table->defs[i];
        if (strlen(def->name) == len && strncmp(def->name, name, len) == 0)
            return def;
    }
    return NULL;
}

/* How many letters are to be changed, put in or left out to make one word of the other. */
static unsigned distance(const char *a, size_t a_len, const char *b)
{
    unsigned row[OPTION_NAME_MAX + 1];
    size_t b_len = strlen(b);

    if (a_len > OPTION_NAME_MAX || b_len > OPTION_NAME_MAX)
        return OPTION_NAME_MAX;
    for (size_t j = 0; j <= b_len; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            unsigned change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = MIN(MIN(row[j], row[j - 1]) + 1, change);
        }
    }
    return row[b_len];
}

const char *option_table_nearest(const struct option_table *table, const char *name, size_t len)
{
    const char *nearest = NULL;
    unsigned least = 3; /* farther is another word */

    for (size_t i = 0; i < table->n_defs; i++) {
        unsigned d = distance(name, len, table->defs[i].name);
        if (d < least && d < len) {
            least = d;
            nearest = table->defs[i].name;
        }
    }
    return nearest;
}

static void say_unknown(const struct option_table *table, const char *name, size_t len)
{
    const char *nearest = option_table_nearest(table, name, len);

    if (nearest)
        log_error("there is no option '--%.*s'; did you mean --%s? `vitrine %s --help` has all",
                  (int)len, name, nearest, table->verb);
    else
        log_error("there is no option '--%.*s'; see `vitrine %s --help`", (int)len, name,
                  table->verb);
}

/* Takes the option at argv[*i] and moves *i past its value. */
static bool take_option(const struct option_table *table, void *options, int argc, char **argv,
                        int *i)
{
    const char *word = argv[*i] + 2;
    const char *equals = strchr(word, '=');
    size_t len = equals ? (size_t)(equals - word) : strlen(word);
    const struct option_def *def = option_table_find(table, word, len);
    if (!def) {
        say_unknown(table, word, len);
        return false;
    }
    const char *value = equals ? equals + 1 : NULL;
    if (value && def->rule == OPTION_ALONE) {
        log_error("--%s takes no value", def->name);
        return false;
    }
    const char *next = *i + 1 < argc ? argv[*i + 1] : NULL;
    if (!value && next &&
        (def->rule == OPTION_VALUE_NEEDED ||
         (def->rule == OPTION_VALUE_OPTIONAL && strchr(next, '=')))) {
        value = next;
        ++*i;
    }
    if (!value && def->rule == OPTION_VALUE_NEEDED) {
        log_error("--%s needs a value; see `vitrine %s --help`", def->name, table->verb);
        return false;
    }
    if (table->seen)
        return table->seen(options, def, value);
    return def->take((char *)options + def->at, value);
}

static bool take_word(const struct option_table *table, void *options, const char *word)
{
    if (table->word)
        return table->word(options, word);
    log_error("'%s' is no option; see `vitrine %s --help`", word, table->verb);
    return false;
}

enum options_result option_table_parse(const struct option_table *table, void *options, int argc,
                                       char **argv)
{
    bool only_words = false;
    for (int i = 0; i < argc; i++) {
        if (!only_words && strcmp(argv[i], "--") == 0) {
            only_words = true;
        } else if (!only_words && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
            return OPTIONS_HELP;
        } else if (!only_words && strncmp(argv[i], "--", 2) == 0) {
            if (!take_option(table, options, argc, argv, &i))
                return OPTIONS_BAD;
        } else if (!only_words && argv[i][0] == '-' && argv[i][1]) {
            log_error("there is no option '%s'; options begin with two dashes", argv[i]);
            return OPTIONS_BAD;
        } else if (!take_word(table, options, argv[i])) {
            return OPTIONS_BAD;
        }
    }
    return OPTIONS_OK;
}
