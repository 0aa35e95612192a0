// SPDX-License-Identifier: MIT
/* `vitrine run`. */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "run"
#include "vmm/app/control.h"
#include "vmm/app/control_client.h"
#include "vmm/app/definition.h"
#include "vmm/app/machine.h"
#include "vmm/app/options.h"
#include "vmm/app/places.h"
#include "vmm/app/verbs.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/listen.h"
#include "vmm/base/log.h"

static int run(struct run_options *options)
{
    int status = EXIT_USAGE;

    if (options->verbose)
        log_set_level(LOG_DEBUG);
    struct machine *machine = machine_create(options);
    if (machine)
        status = machine_run(machine);
    machine_destroy(machine);
    return status;
}

/* It runs already: its window comes to the front. Whoever launched us gave us the leave to do that. */
static int raise_window(const char *name, const char *socket)
{
    struct json_object *request = json_object_new_object(), *reply = NULL;
    const char *token = getenv("XDG_ACTIVATION_TOKEN");
    bool raised = false;

    control_add_string(request, "verb", "raise");
    if (token)
        control_add_string(request, "token", token);
    int status = control_ask(socket, request, &reply);
    if (status == 0)
        control_answer(reply, &raised);
    json_object_put(request);
    json_object_put(reply);
    if (status != 0)
        return status;
    if (raised) {
        log_info("'%s' is running already; its window comes to the front", name);
        return 0;
    }
    log_error("'%s' is running already; `vitrine ctl %s status` asks it", name, name);
    return EXIT_USAGE;
}

/* A VM has a control socket of its name, by which it is found, and which keeps it from running twice. */
static int run_vm(const char *name, int argc, char **argv)
{
    struct definition definition = { 0 };
    struct run_options options = { 0 };
    autofree char *socket = NULL;
    int status = EXIT_USAGE;

    if (!definition_exists(name)) {
        log_error(
            "'%s' is neither a file nor a VM; `vitrine list` shows your VMs, and `vitrine new "
            "%s KERNEL` makes one",
            name, places_name_valid(name) ? name : "NAME");
        return EXIT_USAGE;
    }
    if (!definition_load(&definition, name) ||
        options_parse(&options, &definition, argc, argv) != OPTIONS_OK)
        goto out;
    if (!options.socket_path) {
        socket = places_socket(name);
        if (!socket || !places_make_folder_of(socket))
            goto out;
        if (unix_is_listening(socket)) {
            status = raise_window(name, socket);
            goto out;
        }
        options.socket_path = socket;
        options.socket_of = name;
    }
    status = run(&options);
out:
    options_finish(&options);
    definition_finish(&definition);
    return status;
}

int verb_run(int argc, char **argv)
{
    struct run_options options;
    int status = EXIT_USAGE;

    enum options_result parsed = options_parse(&options, NULL, argc, argv);
    if (parsed == OPTIONS_HELP) {
        options_print_help();
        status = 0;
    } else if (parsed == OPTIONS_OK && options.word && places_means_vm(options.word)) {
        status = run_vm(options.word, argc, argv);
    } else if (parsed == OPTIONS_OK) {
        status = run(&options);
    }
    options_finish(&options);
    return status;
}
