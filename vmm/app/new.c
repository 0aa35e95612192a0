// SPDX-License-Identifier: MIT
/* `vitrine new`: writes a VM's definition and its entry in the launcher. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_MODULE "new"
#include "vmm/app/definition.h"
#include "vmm/app/option_table.h"
#include "vmm/app/options.h"
#include "vmm/app/places.h"
#include "vmm/app/verbs.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/log.h"

static const char help[] =
    "Usage: vitrine new NAME [OPTION]... KERNEL\n"
    "Defines the virtual machine NAME: `vitrine run NAME` then starts it, and so does the launcher "
    "of\n"
    "the desktop. KERNEL and the OPTIONs are those of `vitrine run`, and can be changed later "
    "with\n"
    "`vitrine edit NAME`.\n"
    "\n"
    "  vitrine new debian --mem 2048 --initrd initrd.img --params root=/dev/vda \\\n"
    "      --disk debian.img vmlinuz\n";

/* inih's lines have this many characters; a longer value goes on in lines that begin with spaces. */
#define LINE_ROOM 150

struct writing {
    const char *name;
    FILE *file;
    const char *word;
    bool bad;
};

static bool refuse(struct writing *w, const char *why, const char *value)
{
    log_error("%s: '%s'", why, value);
    w->bad = true;
    return false;
}

/* Params are words, which are added up line by line. */
static void write_params(FILE *file, const char *value)
{
    int room = LINE_ROOM;

    fputs("params =", file);
    while (*value) {
        size_t len = strcspn(value, " ");
        if ((int)len > room) {
            fputs("\nparams =", file);
            room = LINE_ROOM;
        }
        fprintf(file, " %.*s", (int)len, value);
        room -= (int)len + 1;
        value += len;
        value += strspn(value, " ");
    }
    fputc('\n', file);
}

/* The same file, whatever folder `vitrine run` is started in. value may have options behind a comma. */
static bool write_file(struct writing *w, const char *key, const char *value)
{
    size_t len = strcspn(value, ",");
    autofree char *path = strndup(value, len);
    autofree char *whole = path ? realpath(path, NULL) : NULL;

    if (!whole) {
        log_error("%s: %s", path ? path : value, strerror(errno));
        w->bad = true;
        return false;
    }
    if (strlen(whole) + strlen(value + len) > LINE_ROOM || strpbrk(whole, "\n;,"))
        return refuse(w, "a definition has no room for such a path; give it another name", whole);
    fprintf(w->file, "%s = %s%s\n", key, whole, value + len);
    return true;
}

static bool write_option(void *data, const struct option_def *def, const char *value)
{
    struct writing *w = data;

    if (strcmp(def->name, "name") == 0)
        return refuse(w, "the VM has its name already", w->name);
    if (value && strpbrk(value, "\n;"))
        return refuse(w, "a definition has no room for line ends and semicolons", value);
    if (!value)
        fprintf(w->file, "%s = yes\n", def->name);
    else if (strcmp(def->name, "params") == 0)
        write_params(w->file, value);
    else if (options_names_file(def->name))
        return write_file(w, def->name, value);
    else if (strlen(value) > LINE_ROOM)
        return refuse(w, "that is too long", value);
    else
        fprintf(w->file, "%s = %s\n", def->name, value);
    return true;
}

static bool write_word(void *data, const char *word)
{
    struct writing *w = data;

    if (w->word)
        return refuse(w, "one kernel only", word);
    w->word = word;
    return write_file(w, "kernel", word);
}

/* The file is there as a whole or not at all, and no other one is overwritten. */
static bool put_in_place(FILE *file, const char *made, const char *path)
{
    bool ok = fflush(file) == 0 && fsync(fileno(file)) == 0 && !ferror(file);

    if (fclose(file) != 0 || !ok || link(made, path) < 0) {
        if (errno == EEXIST)
            log_error("%s is there already; `vitrine edit` changes it, `vitrine rm` removes it",
                      path);
        else
            log_error("%s: %s", path, strerror(errno));
        ok = false;
    }
    unlink(made);
    return ok;
}

static FILE *begin(const char *path, char **made)
{
    FILE *file = NULL;

    if (asprintf(made, "%s.XXXXXX", path) < 0) {
        *made = NULL;
        log_error("out of memory");
        return NULL;
    }
    if (!places_make_folder_of(path))
        return NULL;
    int fd = mkostemp(*made, O_CLOEXEC);
    if (fd < 0 || !(file = fdopen(fd, "w")))
        log_error("%s: %s", *made, strerror(errno));
    return file;
}

static bool write_definition(const char *name, int argc, char **argv)
{
    autofree char *path = places_definition(name), *made = NULL;
    struct writing w = { .name = name, .file = path ? begin(path, &made) : NULL };
    struct option_table table = *options_table();

    if (!w.file)
        return false;
    table.verb = "new";
    table.word = write_word;
    table.seen = write_option;
    fprintf(w.file,
            "# What `vitrine run %s` starts; vitrine.ini(5) explains it.\n[vm]\nversion = 1\n",
            name);
    if (option_table_parse(&table, &w, argc, argv) != OPTIONS_OK || w.bad) {
        fclose(w.file);
        unlink(made);
        return false;
    }
    return put_in_place(w.file, made, path);
}

static bool write_desktop_entry(const char *name)
{
    autofree char *path = places_desktop_entry(name), *made = NULL;
    FILE *file = path ? begin(path, &made) : NULL;

    if (!file)
        return false;
    unlink(path); /* what a VM of this name left */
    fchmod(fileno(file), 0644);
    fprintf(file,
            "[Desktop Entry]\n"
            "Type=Application\n"
            "Name=%s\n"
            "Comment=Virtual machine\n"
            "Exec=vitrine run %s\n"
            "Icon=vitrine\n"
            "Categories=System;Emulator;\n"
            "StartupNotify=true\n"
            "StartupWMClass=vitrine.%s\n",
            name, name, name);
    return put_in_place(file, made, path);
}

int verb_new(int argc, char **argv)
{
    struct run_options options;

    if (argc > 0 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)) {
        fputs(help, stdout);
        return 0;
    }
    if (argc < 1 || !places_name_valid(argv[0])) {
        log_error("which name? Letters, digits, '.', '_' and '-', at most %d: vitrine new NAME "
                  "[OPTION]... KERNEL",
                  PLACES_NAME_MAX);
        return EXIT_USAGE;
    }
    const char *name = *argv++;
    argc--;
    enum options_result parsed = options_parse(&options, NULL, argc, argv);
    options_finish(&options);
    if (parsed == OPTIONS_HELP) {
        fputs(help, stdout);
        return 0;
    }
    if (parsed != OPTIONS_OK || !write_definition(name, argc, argv))
        return EXIT_USAGE;
    if (!write_desktop_entry(name)) {
        autofree char *path = places_definition(name);
        unlink(path);
        return EXIT_USAGE;
    }
    printf("'%s' is made: `vitrine run %s` starts it, and so does the desktop's launcher\n", name,
           name);
    return 0;
}
