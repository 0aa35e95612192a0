// SPDX-License-Identifier: MIT
#include "vmm/app/disk_options.h"

#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "options"
#include "vmm/app/option_table.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

static bool take_serial(struct disk_options *o, const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len > DISK_MAX_SERIAL)
        return false;
    memcpy(o->serial, text, len + 1);
    return true;
}

static bool take_queues(struct disk_options *o, const char *text)
{
    uint64_t n;
    if (!option_number(text, 1, DISK_MAX_QUEUES, &n))
        return false;
    o->queues = (unsigned)n;
    return true;
}

static bool take_werror(struct disk_options *o, const char *text)
{
    static const char *const names[] = { [VIRTIO_BLK_REPORT] = "report",
                                         [VIRTIO_BLK_HOLD_FULL] = "enospc",
                                         [VIRTIO_BLK_HOLD_ALL] = "stop" };
    for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            o->werror = (enum virtio_blk_werror)i;
            return o->werror_given = true;
        }
    }
    return false;
}

static bool take_word(struct disk_options *o, const char *word)
{
    if (strcmp(word, "ro") == 0)
        o->read_only = true;
    else if (strcmp(word, "format=raw") == 0)
        o->format = BLOCK_FORMAT_RAW;
    else if (strcmp(word, "format=qcow2") == 0)
        o->format = BLOCK_FORMAT_QCOW2;
    else if (strcmp(word, "direct") == 0)
        o->direct = true;
    else if (strcmp(word, "aio=io_uring") == 0)
        o->aio = AIO_URING;
    else if (strcmp(word, "aio=threads") == 0)
        o->aio = AIO_THREADS;
    else if (strncmp(word, "werror=", 7) == 0)
        return take_werror(o, word + 7);
    else if (strncmp(word, "serial=", 7) == 0)
        return take_serial(o, word + 7);
    else if (strncmp(word, "queues=", 7) == 0)
        return take_queues(o, word + 7);
    else
        return false;
    return true;
}

bool disk_options_parse(struct disk_options *options, const char *what, const char *value)
{
    *options = (struct disk_options){ .path = strdup(value) };
    if (!options->path) {
        log_error("out of memory");
        return false;
    }
    char *save = NULL;
    char *comma = strchr(options->path, ',');
    if (comma)
        *comma++ = '\0';
    for (char *word = comma ? strtok_r(comma, ",", &save) : NULL; word;
         word = strtok_r(NULL, ",", &save)) {
        if (take_word(options, word))
            continue;
        log_error("%s %s: can't use '%s'; a disk takes ro, format=raw or qcow2, direct, "
                  "aio=io_uring or threads, werror=enospc, stop or report, serial=TEXT of up to %d "
                  "bytes, queues=N of up to %d",
                  what, options->path, word, DISK_MAX_SERIAL, DISK_MAX_QUEUES);
        return false;
    }
    return true;
}

void disk_options_finish(struct disk_options *options)
{
    free(options->path);
    options->path = NULL;
}
