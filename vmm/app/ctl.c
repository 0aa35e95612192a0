// SPDX-License-Identifier: MIT
/* `vitrine ctl`: one request to a running VM, its answer for people or, with --json, for programs. */
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODULE "ctl"
#include "vmm/app/control.h"
#include "vmm/app/control_client.h"
#include "vmm/app/ctl_verbs.h"
#include "vmm/app/places.h"
#include "vmm/app/verbs.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

static const char help[] =
    "Usage: vitrine ctl [--json] NAME|SOCKET VERB [WHAT]...\n"
    "Asks or tells the virtual machine NAME, or the one whose --socket is "
    "SOCKET (with a '/' in it).\n"
    "What a verb takes can be said by its place or as KEY=VALUE, see vitrine-control(7).\n"
    "\n";

#define JSON_LINE (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

/* A value for people, who would take nothing at all for a fault. */
static const char *shown(struct json_object *value)
{
    const char *text = json_object_get_string(value);
    bool empty =
        json_object_is_type(value, json_type_array) && json_object_array_length(value) == 0;
    return !text || !*text || empty ? "none" : text;
}

static bool is_table(struct json_object *value)
{
    return json_object_is_type(value, json_type_array) && json_object_array_length(value) > 0 &&
           json_object_is_type(json_object_array_get_idx(value, 0), json_type_object);
}

/* One row for each object, one column for each key of the first. */
static void print_table(struct json_object *rows)
{
    struct json_object *first = json_object_array_get_idx(rows, 0);
    struct json_object_iterator end = json_object_iter_end(first);
    size_t n = json_object_array_length(rows);
    for (size_t row = 0; row <= n; row++) {
        struct json_object_iterator it = json_object_iter_begin(first);
        while (!json_object_iter_equal(&it, &end)) {
            const char *key = json_object_iter_peek_name(&it), *text = key;
            int width = (int)strlen(key);
            for (size_t i = 0; i < n; i++) {
                const char *cell =
                    shown(json_object_object_get(json_object_array_get_idx(rows, i), key));
                width = MAX(width, (int)strlen(cell));
                text = row == i + 1 ? cell : text;
            }
            json_object_iter_next(&it);
            if (json_object_iter_equal(&it, &end))
                printf("%s\n", text);
            else
                printf("%-*s  ", width, text);
        }
    }
}

static void print_value(const char *prefix, struct json_object *value)
{
    if (is_table(value)) {
        print_table(value);
        return;
    }
    if (!json_object_is_type(value, json_type_object)) {
        printf("%-24s %s\n", prefix, shown(value));
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

/* Events follow each other in lines. */
static void print_event(struct json_object *event, void *as_json)
{
    if (as_json) {
        puts(json_object_to_json_string_ext(event, JSON_LINE));
    } else {
        printf("%s", control_string(event, "event"));
        struct json_object_iterator it = json_object_iter_begin(event);
        struct json_object_iterator end = json_object_iter_end(event);
        for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
            const char *key = json_object_iter_peek_name(&it);
            if (strcmp(key, "event") != 0)
                printf(" %s=%s", key, json_object_get_string(json_object_iter_peek_value(&it)));
        }
        printf("\n");
    }
    fflush(stdout);
}

/* What has a '/' in it, or is there, is a socket; else a VM's name. NULL is logged. */
static char *find_socket(const char *word)
{
    if (places_name_valid(word) && places_means_vm(word))
        return places_socket(word);
    char *path = strdup(word);
    if (!path)
        log_error("out of memory");
    return path;
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
        puts(json_object_to_json_string_ext(what, JSON_LINE));
    else
        print_value("", what);
    return 0;
}

int verb_ctl(int argc, char **argv)
{
    bool as_json = false;
    if (argc > 0 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)) {
        fputs(help, stdout);
        ctl_print_verbs(stdout);
        return 0;
    }
    if (argc > 0 && strcmp(argv[0], "--json") == 0) {
        as_json = true;
        argc--;
        argv++;
    }
    if (argc < 2) {
        log_error("usage: vitrine ctl [--json] NAME|SOCKET VERB [WHAT]...; `vitrine ctl "
                  "--help` lists the verbs");
        return EXIT_USAGE;
    }
    autofree char *socket = find_socket(argv[0]);
    struct json_object *request = socket ? ctl_request(argc - 1, argv + 1) : NULL;
    struct json_object *reply = NULL;
    if (!request)
        return EXIT_USAGE;
    bool events = strcmp(argv[1], "events") == 0;
    if (events) /* for who reads them no longer, such as `grep -m 1` */
        signal(SIGPIPE, SIG_DFL);
    int status = events ? control_follow(socket, request, print_event, as_json ? &as_json : NULL)
                        : control_ask(socket, request, &reply);
    if (status == 0 && !events)
        status = print_reply(reply, as_json);
    json_object_put(request);
    json_object_put(reply);
    return status;
}
