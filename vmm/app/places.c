// SPDX-License-Identifier: MIT
#include "vmm/app/places.h"

#include <errno.h>
#include <fts.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LOG_MODULE "vm"
#include "vmm/base/cleanup.h"
#include "vmm/base/log.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

bool places_name_valid(const char *name)
{
    size_t len = strlen(name);
    return len > 0 && len <= PLACES_NAME_MAX && strspn(name, LETTERS DIGITS "._-") == len &&
           strspn(name, LETTERS DIGITS) > 0;
}

bool places_means_vm(const char *word)
{
    struct stat st;
    return !strchr(word, '/') && (stat(word, &st) < 0 || S_ISDIR(st.st_mode));
}

static char *print(const char *format, ...) __attribute__((format(printf, 1, 2)));

static char *print(const char *format, ...)
{
    char *text = NULL;
    va_list args;

    va_start(args, format);
    if (vasprintf(&text, format, args) < 0) {
        log_error("out of memory");
        text = NULL;
    }
    va_end(args);
    return text;
}

/* The folder that a variable names, or the one in the home folder that stands for it. Relative paths are
 * to be ignored, says the specification. */
static char *base_folder(const char *variable, const char *in_home)
{
    const char *value = getenv(variable), *home = getenv("HOME");

    if (value && *value == '/')
        return print("%s", value);
    if (!home || *home != '/') {
        log_error("neither %s nor HOME says where your files are; set HOME", variable);
        return NULL;
    }
    return print("%s/%s", home, in_home);
}

char *places_definitions(void)
{
    autofree char *base = base_folder("XDG_CONFIG_HOME", ".config");
    return base ? print("%s/vitrine", base) : NULL;
}

char *places_definition(const char *name)
{
    autofree char *folder = places_definitions();
    return folder ? print("%s/%s.ini", folder, name) : NULL;
}

char *places_data(const char *name)
{
    autofree char *base = base_folder("XDG_DATA_HOME", ".local/share");
    return base ? print("%s/vitrine/%s", base, name) : NULL;
}

char *places_desktop_entry(const char *name)
{
    autofree char *base = base_folder("XDG_DATA_HOME", ".local/share");
    return base ? print("%s/applications/vitrine.%s.desktop", base, name) : NULL;
}

char *places_socket(const char *name)
{
    const char *base = getenv("XDG_RUNTIME_DIR");

    if (!base || *base != '/') {
        log_error(
            "XDG_RUNTIME_DIR is not set, so there is no place for the control socket of '%s'; "
            "log in to a session, or set it to a folder of your own",
            name);
        return NULL;
    }
    return print("%s/vitrine/%s.sock", base, name);
}

bool places_make_folder_of(const char *path)
{
    autofree char *folder = strdup(path);
    char *slash = folder ? folder : NULL;

    while (slash && (slash = strchr(slash + 1, '/'))) {
        *slash = '\0';
        if (mkdir(folder, 0700) < 0 && errno != EEXIST) {
            log_error("%s: %s", folder, strerror(errno));
            return false;
        }
        *slash = '/';
    }
    return folder != NULL;
}

/* What is mounted in there stays, so the folder does, too. Devices are compared of folders alone, as fts does it:
 * on overlayfs a file's is another one than its folder's. */
bool places_remove_folder(const char *folder)
{
    char *const folders[] = { (char *)folder, NULL };
    FTS *files = fts_open(folders, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
    bool ok = files;

    for (FTSENT *entry; files && (entry = fts_read(files));) {
        if (entry->fts_info == FTS_D || remove(entry->fts_accpath) == 0)
            continue;
        log_error("%s: %s", entry->fts_path, strerror(errno));
        ok = false;
    }
    if (files)
        fts_close(files);
    else
        log_error("%s: %s", folder, strerror(errno));
    return ok;
}
