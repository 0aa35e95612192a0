// SPDX-License-Identifier: MIT
/* `vitrine new`: writes a VM's definition and its entry in the launcher, and makes its disk where --from
 * says of what. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODULE "new"
#include "vmm/app/definition.h"
#include "vmm/app/guest_maker.h"
#include "vmm/app/launcher_entry.h"
#include "vmm/app/new_file.h"
#include "vmm/app/option_table.h"
#include "vmm/app/options.h"
#include "vmm/app/places.h"
#include "vmm/app/verbs.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/log.h"

static const char help[] =
    "Usage: vitrine new NAME [--from SOURCE] [OPTION]... [KERNEL]\n"
    "Defines the virtual machine NAME: `vitrine run NAME` then starts it, and so does the launcher "
    "of\n"
    "the desktop. The OPTIONs are those of `vitrine run`, and can be changed later with `vitrine "
    "edit\n"
    "NAME`.\n"
    "\n"
    "  --from SOURCE  debian: make a Debian 13 with a desktop, which starts without questions;\n"
    "                 needs mmdebstrap, a network and a few minutes, but not root.\n"
    "                 IMAGE: a copy of a disk image, raw or qcow2, with the kernel and the initrd\n"
    "                 that Debian and its like keep in its /boot, on ext4.\n"
    "                 KERNEL: the same as KERNEL, a bzImage or an ELF vmlinux\n"
    "  --size GIB     how large the disk of --from debian may grow (default 16)\n"
    "  --help         this text\n"
    "\n"
    "  vitrine new debian --from debian\n"
    "  vitrine new old --mem 2048 --initrd initrd.img --params root=/dev/vda \\\n"
    "      --disk debian.img vmlinuz\n";

/* inih's lines have this many characters; a longer value goes on in lines that begin with spaces. */
#define LINE_ROOM 150

struct writing {
    const char *name;
    FILE *file;
    const char *word;
    bool has_mem, has_balloon;
    bool bad;
};

static bool refuse(struct writing *w, const char *why, const char *value)
{
    log_error("%s: '%s'", why, value);
    w->bad = true;
    return false;
}

/* Params are words, which are added up line by line. */
static bool write_params(struct writing *w, const char *value)
{
    int room = LINE_ROOM;

    fputs("params =", w->file);
    while (*value) {
        size_t len = strcspn(value, " ");
        if (len > LINE_ROOM)
            return refuse(w, "a definition has no room for such a long word", value);
        if ((int)len > room) {
            fputs("\nparams =", w->file);
            room = LINE_ROOM;
        }
        fprintf(w->file, " %.*s", (int)len, value);
        room -= (int)len + 1;
        value += len;
        value += strspn(value, " ");
    }
    fputc('\n', w->file);
    return true;
}

/* The absolute path of what may not be there yet, while its folder is; the caller's to free. NULL: errno says why. */
static char *whole_path(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    autofree char *folder = strndup(path, (size_t)(name - path));
    autofree char *in = folder ? realpath(*folder ? folder : ".", NULL) : NULL;
    char *whole = NULL;

    return in && asprintf(&whole, "%s/%s", in[1] ? in : "", name) >= 0 ? whole : NULL;
}

/* The same file or folder, whatever folder `vitrine run` is started in. path is within value; a file's may have
 * options behind a comma. */
static bool write_path(struct writing *w, const char *key, const char *value, const char *path)
{
    bool is_file = options_names_file(key), is_there = is_file || strcmp(key, "share") == 0;
    size_t len = is_file ? strcspn(path, ",") : strlen(path);
    autofree char *named = strndup(path, len);
    autofree char *whole = !named ? NULL : is_there ? realpath(named, NULL) : whole_path(named);

    if (!whole) {
        log_error("%s: %s", named ? named : path, strerror(errno));
        w->bad = true;
        return false;
    }
    if (strlen(value) - len + strlen(whole) > LINE_ROOM || strpbrk(whole, is_file ? "\n;," : "\n;"))
        return refuse(w, "a definition has no room for such a path; give it another name", whole);
    fprintf(w->file, "%s = %.*s%s%s\n", key, (int)(path - value), value, whole, path + len);
    return true;
}

static bool write_option(void *data, const struct option_def *def, const char *value)
{
    struct writing *w = data;
    const char *path = value ? options_path(def->name, value) : NULL;

    if (strcmp(def->name, "name") == 0)
        return refuse(w, "the VM has its name already", w->name);
    w->has_mem |= strcmp(def->name, "mem") == 0;
    w->has_balloon |= strcmp(def->name, "balloon") == 0;
    if (value && strpbrk(value, "\n;"))
        return refuse(w, "a definition has no room for line ends and semicolons", value);
    if (!value)
        fprintf(w->file, "%s = yes\n", def->name);
    else if (strcmp(def->name, "params") == 0)
        return write_params(w, value);
    else if (path)
        return write_path(w, def->name, value, path);
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
    return write_path(w, "kernel", word, word);
}

/* What is asked for: the options of a VM, and what it is made of. */
struct order {
    const char *name;
    const char *from; /* NULL: of a KERNEL */
    enum guest_source source;
    uint64_t gib;
    bool size_given;
    char *root; /* of the guest that was made; NULL: none was */
    char icon[sizeof((struct screen_options){ 0 }.icon)]; /* the windows' */
    /* The words for options_parse(). */
    int argc;
    char **argv;
};

/* The keys of a guest that we made: its files are in the VM's folder, and are named without it. The disk's format is
 * not guessed: what came out of an image may begin like a qcow2 header. */
static void write_made(FILE *file, const struct order *order)
{
    fprintf(file, "kernel = %s\ninitrd = %s\ndisk = %s,format=raw\nparams = root=%s quiet\n",
            GUEST_LINUX, GUEST_INITRD, GUEST_DISK, order->root);
}

/* What it gets for a desktop, where the user does not say. */
static void write_defaults(const struct writing *w)
{
    if (w->has_mem)
        return;
    fputs("mem = 2048\n", w->file);
    if (!w->has_balloon)
        fputs("balloon = yes\n", w->file);
}

static bool write_keys(const struct order *order, FILE *file)
{
    struct writing w = { .name = order->name, .file = file };
    struct option_table table = *options_table();

    table.verb = "new";
    table.word = write_word;
    table.seen = write_option;
    fprintf(file,
            "# What `vitrine run %s` starts; vitrine.ini(5) explains it.\n[vm]\nversion = 1\n",
            order->name);
    if (order->root)
        write_made(file, order);
    if (option_table_parse(&table, &w, order->argc, order->argv) != OPTIONS_OK || w.bad)
        return false;
    if (order->root)
        write_defaults(&w);
    return true;
}

/* Whether its keys can be written, before it is known what is made for them. */
static bool check_definition(const struct order *order)
{
    FILE *nowhere = fopen("/dev/null", "we");
    bool ok = nowhere && write_keys(order, nowhere);

    if (nowhere)
        fclose(nowhere);
    else
        log_error("/dev/null: %s", strerror(errno));
    return ok;
}

static bool write_definition(const struct order *order)
{
    autofree char *path = places_definition(order->name), *made = NULL;
    FILE *file = path ? new_file_begin(path, &made) : NULL;

    if (!file)
        return false;
    if (!write_keys(order, file)) {
        fclose(file);
        unlink(made);
        return false;
    }
    return new_file_finish(file, made, path);
}

/* Takes --from and --size out of the words, whose rest is for options_parse(). */
static bool take_order(struct order *order, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        const char **into, *size = NULL, *word = argv[i];
        if (strncmp(word, "--from", 6) == 0 && (!word[6] || word[6] == '='))
            into = &order->from;
        else if (strncmp(word, "--size", 6) == 0 && (!word[6] || word[6] == '='))
            into = &size;
        else {
            order->argv[order->argc++] = argv[i];
            continue;
        }
        *into = word[6] ? word + 7 : i + 1 < argc ? argv[++i] : NULL;
        if (!*into) {
            log_error("%s needs a value; see `vitrine new --help`", word);
            return false;
        }
        if (!size)
            continue;
        order->size_given = true;
        if (!option_number(size, GUEST_DISK_MIN_GIB, GUEST_DISK_MAX_GIB, &order->gib)) {
            log_error("--size takes GiB, a number from %d to %d, not '%s'", GUEST_DISK_MIN_GIB,
                      GUEST_DISK_MAX_GIB, size);
            return false;
        }
    }
    if (order->from && !guest_source_find(order->from, &order->source))
        return false;
    if (order->size_given && order->source != GUEST_DEBIAN) {
        log_error("--size is for --from debian; a disk that is there has its size");
        return false;
    }
    return true;
}

/* Whether the options are right, before anything is made. */
static enum options_result check_options(struct order *order)
{
    struct run_options options;
    bool made = order->from && order->source != GUEST_KERNEL;

    if (order->from && !made)
        order->argv[order->argc++] = (char *)order->from;
    /* a kernel comes with the guest that is made */
    if (made)
        order->argv[order->argc++] = (char *)"--kernel=" GUEST_LINUX;
    enum options_result parsed = options_parse(&options, NULL, order->argc, order->argv);
    if (parsed == OPTIONS_OK && made && options.word) {
        log_error("--from %s brings its kernel; '%s' is one too many", order->from, options.word);
        parsed = OPTIONS_BAD;
    }
    if (made)
        order->argc--;
    snprintf(order->icon, sizeof(order->icon), "%s", screen_icon(&options.screen));
    options_finish(&options);
    return parsed;
}

/* All of a VM, or nothing of it. */
static int make_vm(struct order *order)
{
    if (definition_exists(order->name)) {
        log_error("there is a VM '%s' already; `vitrine edit` changes it, `vitrine rm` removes it",
                  order->name);
        return EXIT_USAGE;
    }
    if (order->from && order->source != GUEST_KERNEL) {
        if (!check_definition(order))
            return EXIT_USAGE;
        order->root = guest_make(order->name, order->source, order->from, order->gib);
        if (!order->root)
            return EXIT_FAILED;
    }
    bool ok = write_definition(order);
    if (ok && !launcher_entry_write(order->name, order->icon)) {
        autofree char *path = places_definition(order->name);
        unlink(path);
        ok = false;
    }
    if (!ok && order->root) {
        autofree char *folder = places_data(order->name);
        places_remove_folder(folder);
    }
    return ok ? 0 : EXIT_USAGE;
}

int verb_new(int argc, char **argv)
{
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
    struct order order = { .name = argv[0],
                           .gib = GUEST_DISK_GIB,
                           .argv = calloc((size_t)argc + 2, sizeof(*order.argv)) };
    int status = EXIT_USAGE;
    if (order.argv && take_order(&order, argc - 1, argv + 1)) {
        enum options_result parsed = check_options(&order);
        if (parsed == OPTIONS_HELP) {
            fputs(help, stdout);
            status = 0;
        } else if (parsed == OPTIONS_OK) {
            status = make_vm(&order);
            if (status == 0)
                printf("'%s' is made: `vitrine run %s` starts it, and so does the desktop's "
                       "launcher\n",
                       order.name, order.name);
        }
    }
    free(order.root);
    free(order.argv);
    return status;
}
