// SPDX-License-Identifier: MIT
/* `vitrine ctl`: one request to a running VM, its answer for people or, with --json, for programs. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LOG_MODULE "ctl"
#include "vmm/app/places.h"
#include "vmm/app/verbs.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"

#define REPLY_MAX_BYTES 65536
#define EXIT_FAILED 1

static const char help[] = "Usage: vitrine ctl [--json] NAME|SOCKET VERB\n"
                           "Asks or tells the virtual machine NAME, or the one whose --socket is "
                           "SOCKET (with a '/' in it).\n"
                           "\n"
                           "  status    what the VM is doing\n"
                           "  stats     counters: vCPU exits, frames by path, bytes copied\n"
                           "  powerbtn  press the power button: a guest that listens shuts down\n"
                           "  stop      end the VM now; `vitrine run` then exits with 4\n";

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

/* Reads one line. Returns its length without the newline, or -1. */
static ssize_t read_line(int fd, char *line, size_t size)
{
    size_t len = 0;
    while (len < size) {
        ssize_t n = read(fd, line + len, size - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        len += (size_t)n;
        if (line[len - 1] == '\n')
            return (ssize_t)len - 1;
    }
    return -1;
}

static int print_reply(const char *line, size_t len, bool as_json)
{
    struct json_tokener *tokener = json_tokener_new();
    struct json_object *reply = tokener ? json_tokener_parse_ex(tokener, line, (int)len) : NULL;
    struct json_object *ok = NULL, *what = NULL;
    int status = EXIT_FAILED;

    json_object_object_get_ex(reply, "ok", &ok);
    if (json_object_get_boolean(ok)) {
        json_object_object_get_ex(reply, "result", &what);
        if (as_json)
            puts(json_object_to_json_string_ext(what, JSON_C_TO_STRING_PLAIN));
        else
            print_value("", what);
        status = 0;
    } else {
        json_object_object_get_ex(reply, "error", &what);
        log_error("%s", what ? json_object_get_string(what) : "the answer makes no sense");
    }
    json_object_put(reply);
    if (tokener)
        json_tokener_free(tokener);
    return status;
}

/* What has a '/' in it, or is there, is a socket; else a VM's name. */
static bool find_socket(const char *word, struct sockaddr_un *addr)
{
    bool is_name = !strchr(word, '/') && places_name_valid(word) && access(word, F_OK) < 0;
    autofree char *of_name = is_name ? places_socket(word) : NULL;
    const char *path = is_name ? of_name : word;

    if (!path)
        return false;
    if (strlen(path) >= sizeof(addr->sun_path)) {
        log_error("%s: a socket's path has at most 107 bytes", path);
        return false;
    }
    strcpy(addr->sun_path, path);
    return true;
}

int verb_ctl(int argc, char **argv)
{
    bool as_json = false;
    if (argc > 0 && strcmp(argv[0], "--help") == 0) {
        fputs(help, stdout);
        return 0;
    }
    if (argc > 0 && strcmp(argv[0], "--json") == 0) {
        as_json = true;
        argc--;
        argv++;
    }
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    if (argc != 2) {
        log_error("usage: vitrine ctl [--json] NAME|SOCKET VERB; `vitrine ctl --help` lists the "
                  "verbs");
        return EXIT_USAGE;
    }
    if (!find_socket(argv[0], &addr))
        return EXIT_USAGE;
    autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
        log_error("%s: %s; is the VM running?", addr.sun_path, strerror(errno));
        return EXIT_USAGE;
    }
    struct json_object *request = json_object_new_object();
    json_object_object_add(request, "verb", json_object_new_string(argv[1]));
    char line[REPLY_MAX_BYTES];
    int n = snprintf(line, sizeof(line), "%s\n",
                     json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN));
    json_object_put(request);
    ssize_t len = fd_write_full(fd, line, (size_t)n) < 0 ? -1 : read_line(fd, line, sizeof(line));
    if (len < 0) {
        log_error("%s: the VM hung up before it answered", argv[0]);
        return EXIT_FAILED;
    }
    return print_reply(line, (size_t)len, as_json);
}
