// SPDX-License-Identifier: MIT
#include "vmm/app/definition.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LOG_MODULE "definition"
#include "vmm/app/option_table.h"
#include "vmm/app/places.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/log.h"

/* inih calls back for a key right after it has read its line. */
struct reading {
    struct definition *definition;
    FILE *file;
    size_t bytes;
    unsigned line;
    bool failed;
};

static bool fail(struct reading *r, const char *what)
{
    if (!r->failed)
        log_error("%s, line %u: %s", r->definition->path, r->line, what);
    r->failed = true;
    return false;
}

static char *read_line(char *line, int size, void *stream)
{
    struct reading *r = stream;

    if (r->failed || !fgets(line, size, r->file))
        return NULL;
    r->line++;
    size_t len = strlen(line);
    r->bytes += len;
    if (len == (size_t)size - 1 && line[len - 1] != '\n') {
        fail(r, "the line is too long; a value goes on in a further line that begins with a space");
        return NULL;
    }
    if (r->bytes > DEFINITION_MAX_BYTES) {
        fail(r, "this is too long for a definition");
        return NULL;
    }
    return line;
}

static bool take_version(struct reading *r, const char *value)
{
    uint64_t version;

    if (!option_number(value, 1, UINT32_MAX, &version))
        return fail(r, "version is a number, 1 so far");
    if (version > DEFINITION_VERSION)
        return fail(r, "this definition is for a newer vitrine than this one, " VITRINE_VERSION);
    return true;
}

static int take_key(void *data, const char *section, const char *key, const char *value)
{
    struct reading *r = data;
    struct definition *d = r->definition;

    if (r->failed)
        return 0;
    if (strcmp(section, "vm") != 0)
        return fail(r, "keys stand under [vm], and there is no other section");
    if (strcmp(key, "version") == 0)
        return take_version(r, value);
    if (d->n_keys == DEFINITION_MAX_KEYS)
        return fail(r, "these are too many keys");
    struct definition_key *k = &d->key[d->n_keys++];
    *k = (struct definition_key){ .key = strdup(key), .value = strdup(value), .line = r->line };
    return k->key && k->value ? true : fail(r, "out of memory");
}

bool definition_exists(const char *name)
{
    struct stat st;
    autofree char *path = places_name_valid(name) ? places_definition(name) : NULL;
    return path && stat(path, &st) == 0;
}

bool definition_load(struct definition *d, const char *name)
{
    *d = (struct definition){ 0 };
    d->name = strdup(name);
    d->path = places_definition(name);
    d->data = places_data(name);
    if (!d->name || !d->path || !d->data)
        return false;
    struct reading r = { .definition = d, .file = fopen(d->path, "re") };
    if (!r.file) {
        log_error("%s: %s", d->path, strerror(errno));
        return false;
    }
    int bad = ini_parse_stream(read_line, &r, take_key, &r);
    if (ferror(r.file)) {
        log_error("%s: it can't be read", d->path);
        r.failed = true;
    }
    fclose(r.file);
    if (bad > 0 && !r.failed) {
        r.line = (unsigned)bad;
        fail(&r, "this is neither `key = value` nor [vm]");
    }
    return !r.failed;
}

void definition_finish(struct definition *d)
{
    for (unsigned i = 0; i < d->n_keys; i++) {
        free(d->key[i].key);
        free(d->key[i].value);
    }
    free(d->name);
    free(d->path);
    free(d->data);
    *d = (struct definition){ 0 };
}
