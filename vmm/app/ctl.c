// SPDX-License-Identifier: MIT
/* `vitrine ctl`: one request to a running VM, its answer for people or, with --json, for programs. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODULE "ctl"
#include "vmm/app/control.h"
#include "vmm/app/control_client.h"
#include "vmm/app/places.h"
#include "vmm/app/verbs.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/log.h"

static const char help[] =
    "Usage: vitrine ctl [--json] NAME|SOCKET VERB [KEY=VALUE]...\n"
    "Asks or tells the virtual machine NAME, or the one whose --socket is "
    "SOCKET (with a '/' in it).\n"
    "\n"
    "  status    what the VM is doing\n"
    "  stats     counters: vCPU exits, frames by path, bytes copied\n"
    "  plug      plug another monitor in, which gets a window\n"
    "  unplug    plug the monitor with the highest number out\n"
    "  powerbtn  press the power button: a guest that listens shuts down\n"
    "  reset     press the reset button\n"
    "  suspend   let the guest stand still\n"
    "  resume    let it go on\n"
    "  stop      end the VM now; `vitrine run` then exits with 4\n"
    "  raise     bring the window to the front; token=TOKEN: with the desktop's leave\n"
    "  log       say more or less on stderr: level=error, warn, info or debug\n"
    "  balloon   have the guest give up memory: mib=N, from 0 to the VM's memory\n"
    "  version   which vitrine runs the VM\n";

static void print_value(const char *prefix, struct json_object *value)
{
    if (!json_object_is_type(value, json_type_object)) {
        printf("%-24s %s\n", prefix, json_object_get_string(value));
        return;
    }
    struct json_object_iterator it = json_object_iter_begin(value);
    struct json_object_iterator end = json_object_iter_end(value);
    for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
        char name[128];
        snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "",
                 json_object_iter_peek_name(&it));
        print_value(name, json_object_iter_peek_value(&it));
    }
}

/* What has a '/' in it, or is there, is a socket; else a VM's name. NULL is logged. */
static char *find_socket(const char *word)
{
    if (!strchr(word, '/') && places_name_valid(word) && access(word, F_OK) < 0)
        return places_socket(word);
    char *path = strdup(word);
    if (!path)
        log_error("out of memory");
    return path;
}

/* {"verb": VERB, "key": "value"...} of the words; NULL is logged. */
static struct json_object *make_request(int argc, char **argv)
{
    struct json_object *request = json_object_new_object();

    control_add_string(request, "verb", argv[0]);
    for (int i = 1; i < argc; i++) {
        const char *equals = strchr(argv[i], '=');
        autofree char *key = equals ? strndup(argv[i], (size_t)(equals - argv[i])) : NULL;
        if (!key || !*key || strcmp(key, "verb") == 0) {
            log_error("'%s' is not KEY=VALUE; `vitrine ctl --help` lists what verbs take", argv[i]);
            json_object_put(request);
            return NULL;
        }
        control_add_string(request, key, equals + 1);
    }
    return request;
}

static int print_reply(struct json_object *reply, bool as_json)
{
    bool ok;
    struct json_object *what = control_answer(reply, &ok);

    if (!ok) {
        log_error("%s", what ? json_object_get_string(what) : "the answer makes no sense");
        return EXIT_FAILED;
    }
    if (as_json)
        puts(json_object_to_json_string_ext(what, JSON_C_TO_STRING_PLAIN));
    else
        print_value("", what);
    return 0;
}

int verb_ctl(int argc, char **argv)
{
    bool as_json = false;
    if (argc > 0 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)) {
        fputs(help, stdout);
        return 0;
    }
    if (argc > 0 && strcmp(argv[0], "--json") == 0) {
        as_json = true;
        argc--;
        argv++;
    }
    if (argc < 2) {
        log_error("usage: vitrine ctl [--json] NAME|SOCKET VERB [KEY=VALUE]...; `vitrine ctl "
                  "--help` lists the verbs");
        return EXIT_USAGE;
    }
    autofree char *socket = find_socket(argv[0]);
    struct json_object *request = socket ? make_request(argc - 1, argv + 1) : NULL;
    struct json_object *reply = NULL;
    if (!request)
        return EXIT_USAGE;
    int status = control_ask(socket, request, &reply);
    if (status == 0)
        status = print_reply(reply, as_json);
    json_object_put(request);
    json_object_put(reply);
    return status;
}
