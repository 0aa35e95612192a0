// SPDX-License-Identifier: MIT
#include "vmm/app/ctl_verbs.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODULE "ctl"
#include "vmm/app/control.h"
#include "vmm/app/ctl_verbs.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

#define MAX_KEYS 3

struct ctl_verb {
    const char *name;
    const char *key[MAX_KEYS]; /* what it takes, in this order */
    unsigned needed;           /* so many of them are */
    bool file;                 /* the first is a file's name, with options behind a comma perhaps */
    const char *shown;         /* how they are shown to people */
    const char *help;
};

static const struct ctl_verb verbs[] = {
    { "status", .help = "what the VM is doing" },
    { "stats", .help = "counters: vCPU exits, frames by path, bytes copied" },
    { "events", .help = "say what happens to the VM, until it ends" },
    { "plug", .help = "plug another monitor in, which gets a window" },
    { "unplug", .help = "plug the monitor with the highest number out" },
    { "powerbtn", .help = "press the power button: a guest that listens shuts down" },
    { "reset", .help = "press the reset button" },
    { "suspend", .help = "let the guest stand still" },
    { "resume", .help = "let it go on" },
    { "stop", .help = "end the VM now; `vitrine run` then exits with 4" },
    { "raise",
      { "token" },
      0,
      false,
      "[TOKEN]",
      "bring the window to the front, with the desktop's leave" },
    { "log",
      { "level" },
      1,
      false,
      "LEVEL",
      "say more or less on stderr: error, warn, info or debug" },
    { "balloon", { "mib" }, 1, false, "MIB", "have the guest give up memory, from 0 to the VM's" },
    { "displays list", .help = "the guest's monitors" },
    { "displays add", .help = "as plug" },
    { "displays remove", { "display" }, 1, false, "N", "plug a monitor out" },
    { "displays resize",
      { "display", "size" },
      2,
      false,
      "N WxH",
      "give a monitor's window another size" },
    { "screenshot",
      { "file", "display" },
      1,
      true,
      "FILE.png [N]",
      "write a picture of what a monitor shows" },
    { "input send",
      { "events" },
      1,
      false,
      "EVENTS",
      "keys and pointer for the guest, such as 'tap:leftctrl+c at:0.5,0.5'" },
    { "gpu restart", .help = "replace the graphics process" },
    { "disk list", .help = "the VM's disks" },
    { "disk add",
      { "disk" },
      1,
      true,
      "FILE[,OPTION]...",
      "plug a disk in; options as --disk takes them" },
    { "disk remove", { "id" }, 1, false, "ID", "have the guest let go of a disk, which then goes" },
    { "disk resize",
      { "id", "size" },
      2,
      false,
      "ID SIZE",
      "have a disk grow; SIZE in bytes, or with K, M, G or T" },
    { "net list", .help = "the VM's network cards" },
    { "net add", { "net" }, 1, false, "SPEC", "plug a network card in, as --net takes it" },
    { "net remove", { "id" }, 1, false, "ID", "have the guest let go of a network card" },
    { "version", .help = "which vitrine runs the VM" },
};

/* The verb that the words begin with, and how many words it is; NULL. */
static const struct ctl_verb *find(int argc, char **argv, int *words)
{
    for (unsigned i = 0; i < ARRAY_LEN(verbs); i++) {
        const char *second = strchr(verbs[i].name, ' ');
        size_t len = second ? (size_t)(second - verbs[i].name) : strlen(verbs[i].name);
        if (strncmp(argv[0], verbs[i].name, len) != 0 || argv[0][len] != '\0' ||
            (second && (argc < 2 || strcmp(argv[1], second + 1) != 0)))
            continue;
        *words = second ? 2 : 1;
        return &verbs[i];
    }
    return NULL;
}

/* Whether a word is the first of verbs of two; and one line that lists them. */
static bool say_second_words(const char *word)
{
    char list[128] = "";
    size_t len = strlen(word);
    for (unsigned i = 0; i < ARRAY_LEN(verbs); i++) {
        const char *name = verbs[i].name;
        if (strncmp(name, word, len) != 0 || name[len] != ' ')
            continue;
        size_t used = strlen(list);
        snprintf(list + used, sizeof(list) - used, "%s%s", *list ? ", " : "", name);
    }
    if (*list)
        log_error("'%s' is half a verb: there are %s", word, list);
    return *list;
}

/* The running VM has another folder. */
static char *absolute(const char *path)
{
    autofree char *cwd = path[0] == '/' ? NULL : getcwd(NULL, 0);
    char *whole = NULL;
    if (asprintf(&whole, "%s%s%s", cwd ? cwd : "", cwd ? "/" : "", path) < 0)
        return NULL;
    return whole;
}

/* The key that a word names by KEY=VALUE, or of a verb that we don't know, any; else NULL. */
static char *named_key(const struct ctl_verb *verb, const char *word)
{
    const char *equals = strchr(word, '=');
    if (!equals || equals == word)
        return NULL;
    char *key = strndup(word, (size_t)(equals - word));
    for (unsigned i = 0; verb && i < MAX_KEYS && verb->key[i]; i++) {
        if (strcmp(key, verb->key[i]) == 0)
            return key;
    }
    if (!verb && strcmp(key, "verb") != 0)
        return key;
    free(key);
    return NULL;
}

static bool take_words(const struct ctl_verb *verb, struct json_object *request, int argc,
                       char **argv)
{
    unsigned next = 0;
    for (int i = 0; i < argc; i++) {
        autofree char *named = named_key(verb, argv[i]);
        const char *key = named, *value = named ? strchr(argv[i], '=') + 1 : argv[i];
        while (!key && verb && next < MAX_KEYS && verb->key[next]) {
            if (!json_object_object_get_ex(request, verb->key[next], NULL))
                key = verb->key[next];
            next++;
        }
        if (!key) {
            if (verb)
                log_error("%s can't use '%s': it takes %s", verb->name, argv[i],
                          verb->shown ? verb->shown : "nothing");
            else
                log_error("'%s' is not KEY=VALUE; `vitrine ctl --help` lists what verbs take",
                          argv[i]);
            return false;
        }
        bool file = verb && verb->file && strcmp(key, verb->key[0]) == 0;
        autofree char *path = file ? absolute(value) : NULL;
        control_add_string(request, key, path ? path : value);
    }
    for (unsigned i = 0; verb && i < verb->needed; i++) {
        if (!json_object_object_get_ex(request, verb->key[i], NULL)) {
            log_error("%s takes %s", verb->name, verb->shown);
            return false;
        }
    }
    return true;
}

struct json_object *ctl_request(int argc, char **argv)
{
    int words = 1;
    const struct ctl_verb *verb = find(argc, argv, &words);
    if (!verb && say_second_words(argv[0]))
        return NULL;
    struct json_object *request = json_object_new_object();
    const char *name = verb ? verb->name : argv[0];
    control_add_string(request, "verb", strcmp(name, "events") == 0 ? "subscribe" : name);
    if (take_words(verb, request, argc - words, argv + words))
        return request;
    json_object_put(request);
    return NULL;
}

void ctl_print_verbs(FILE *to)
{
    for (unsigned i = 0; i < ARRAY_LEN(verbs); i++) {
        char left[40];
        snprintf(left, sizeof(left), "%s%s%s", verbs[i].name, verbs[i].shown ? " " : "",
                 verbs[i].shown ? verbs[i].shown : "");
        fprintf(to, "  %-26s %s\n", left, verbs[i].help);
    }
}
