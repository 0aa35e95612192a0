// SPDX-License-Identifier: MIT
/* `vitrine list`, `vitrine edit` and `vitrine rm`: what is done with definitions that are there. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG_MODULE "vm"
#include "vmm/app/definition.h"
#include "vmm/app/launcher_entry.h"
#include "vmm/app/options.h"
#include "vmm/app/places.h"
#include "vmm/app/verbs.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/listen.h"
#include "vmm/base/log.h"
#include "vmm/block/lock.h"

static const char list_help[] = "Usage: vitrine list\n"
                                "Shows your virtual machines, and which of them run.\n";
static const char edit_help[] =
    "Usage: vitrine edit NAME\n"
    "Opens the definition of the virtual machine NAME in $VISUAL or $EDITOR, and checks it then.\n";
static const char rm_help[] =
    "Usage: vitrine rm [--keep-disks|--remove-disks] NAME\n"
    "Removes the virtual machine NAME: its definition and its entry in the launcher. What is in "
    "its\n"
    "folder, its disks, goes only if you say so.\n"
    "\n"
    "  --keep-disks    leave them\n"
    "  --remove-disks  remove them; with neither you are asked, on a terminal\n";

static bool is_running(const char *name)
{
    autofree char *socket = getenv("XDG_RUNTIME_DIR") ? places_socket(name) : NULL;
    return socket && unix_is_listening(socket);
}

static int is_definition(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot && dot != entry->d_name && strcmp(dot, ".ini") == 0;
}

int verb_list(int argc, char **argv)
{
    if (argc > 0) {
        bool asks = strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0;
        fputs(list_help, asks ? stdout : stderr);
        return asks ? 0 : EXIT_USAGE;
    }
    autofree char *folder = places_definitions();
    struct dirent **entries = NULL;
    int n = folder ? scandir(folder, &entries, is_definition, alphasort) : -1;
    if (!folder)
        return EXIT_USAGE;
    if (n < 0 && errno != ENOENT) {
        log_error("%s: %s", folder, strerror(errno));
        return EXIT_USAGE;
    }
    if (n <= 0)
        puts("There is no virtual machine yet; `vitrine new --help` says how to make one.");
    else
        printf("%-24s %s\n", "NAME", "STATE");
    for (int i = 0; i < n; i++) {
        char *name = entries[i]->d_name;
        *strrchr(name, '.') = '\0';
        if (places_name_valid(name))
            printf("%-24s %s\n", name, is_running(name) ? "running" : "stopped");
        free(entries[i]);
    }
    free(entries);
    return 0;
}

/* The one word of edit and rm: a VM that is there. NULL: *status is what to exit with. */
static const char *one_vm(int argc, char **argv, const char *verb, const char *help, int *status)
{
    *status = EXIT_USAGE;
    if (argc == 1 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)) {
        fputs(help, stdout);
        *status = 0;
    } else if (argc != 1) {
        log_error("which one? Usage: vitrine %s NAME", verb);
    } else if (!definition_exists(argv[0])) {
        log_error("there is no VM '%s'; `vitrine list` shows them", argv[0]);
    } else {
        return argv[0];
    }
    return NULL;
}

/* $VISUAL and $EDITOR may have words of their own, so a shell runs them. */
static int run_editor(const char *path)
{
    int status;
    pid_t child = fork();

    if (child < 0) {
        log_error("no editor can be started: %s", strerror(errno));
        return -1;
    }
    if (child == 0) {
        execl("/bin/sh", "sh", "-c", "exec ${VISUAL:-${EDITOR:-vi}} \"$1\"", "sh", path, NULL);
        _exit(127);
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    log_error("the editor failed; $VISUAL or $EDITOR says which one is used, else it is vi");
    return -1;
}

int verb_edit(int argc, char **argv)
{
    int status;
    const char *name = one_vm(argc, argv, "edit", edit_help, &status);
    autofree char *path = name ? places_definition(name) : NULL;

    if (!path)
        return status;
    if (run_editor(path) < 0)
        return EXIT_USAGE;
    struct definition definition;
    struct run_options options = { 0 };
    bool ok = definition_load(&definition, name) &&
              options_parse(&options, &definition, 0, NULL) == OPTIONS_OK &&
              launcher_entry_write(name, screen_icon(&options.screen));
    options_finish(&options);
    definition_finish(&definition);
    return ok ? 0 : EXIT_USAGE;
}

enum disks { DISKS_ASK, DISKS_KEEP, DISKS_REMOVE };

/* On a terminal the user is asked; elsewhere nobody can answer, and the disks stay. */
static bool want_to_remove(const char *data)
{
    char answer[16];

    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return false;
    printf("Remove its disks in %s, too? [y/N] ", data);
    fflush(stdout);
    return fgets(answer, sizeof(answer), stdin) && (*answer == 'y' || *answer == 'Y');
}

/* Whether nobody uses the disks, by the images' locks: a VM may run where its socket isn't looked for. False is
 * logged. */
static bool disks_are_free(const char *folder)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, NULL, NULL);
    bool are = true;

    for (int i = 0; i < n; i++) {
        autofree char *path = NULL;
        struct stat st;
        if (are && asprintf(&path, "%s/%s", folder, entries[i]->d_name) >= 0 &&
            lstat(path, &st) == 0 && S_ISREG(st.st_mode)) {
            autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
            are = fd < 0 || image_lock(fd, path, false);
        }
        free(entries[i]);
    }
    free(entries);
    return are;
}

/* The word of rm that is an option; false: it is none. */
static bool take_disks(enum disks *disks, const char *word)
{
    if (strcmp(word, "--keep-disks") == 0)
        *disks = DISKS_KEEP;
    else if (strcmp(word, "--remove-disks") == 0)
        *disks = DISKS_REMOVE;
    else
        return false;
    return true;
}

int verb_rm(int argc, char **argv)
{
    enum disks disks = DISKS_ASK;
    int status;

    while (argc > 1 && take_disks(&disks, argv[0])) {
        argc--;
        argv++;
    }
    while (argc > 1 && take_disks(&disks, argv[argc - 1]))
        argc--;
    const char *name = one_vm(argc, argv, "rm", rm_help, &status);
    autofree char *path = name ? places_definition(name) : NULL;
    autofree char *entry = path ? places_desktop_entry(name) : NULL;
    autofree char *data = entry ? places_data(name) : NULL;

    if (!data)
        return status;
    if (is_running(name)) {
        log_error("'%s' is running; `vitrine ctl %s powerbtn` shuts it down, `stop` ends it", name,
                  name);
        return EXIT_USAGE;
    }
    bool has_data = access(data, F_OK) == 0;
    bool remove =
        has_data && (disks == DISKS_REMOVE || (disks == DISKS_ASK && want_to_remove(data)));
    if (remove && !disks_are_free(data))
        return EXIT_USAGE;
    if (unlink(path) < 0 || (unlink(entry) < 0 && errno != ENOENT)) {
        log_error("'%s' can't be removed: %s", name, strerror(errno));
        return EXIT_USAGE;
    }
    if (remove && !places_remove_folder(data))
        return EXIT_FAILED;
    if (has_data && !remove)
        printf("'%s' is removed; its files are still in %s\n", name, data);
    else
        printf("'%s' is removed%s\n", name, remove ? ", and its disks are" : "");
    return 0;
}
