// SPDX-License-Identifier: MIT
#include "vmm/app/control_client.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LOG_MODULE "ctl"
#include "vmm/app/verbs.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"

#define REPLY_MAX_BYTES 65536

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

int control_ask(const char *path, struct json_object *request, struct json_object **reply)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    char line[REPLY_MAX_BYTES];

    if (strlen(path) >= sizeof(addr.sun_path)) {
        log_error("%s: a socket's path has at most 107 bytes", path);
        return EXIT_USAGE;
    }
    strcpy(addr.sun_path, path);
    autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
        log_error("%s: %s; is the VM running?", path, strerror(errno));
        return EXIT_USAGE;
    }
    const char *text = json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN);
    ssize_t len = -1;
    if (fd_write_full(fd, text, strlen(text)) == 0 && fd_write_full(fd, "\n", 1) == 0)
        len = read_line(fd, line, sizeof(line));
    if (len < 0) {
        log_error("%s: the VM hung up before it answered", path);
        return EXIT_FAILED;
    }
    struct json_tokener *tokener = json_tokener_new();
    *reply = tokener ? json_tokener_parse_ex(tokener, line, (int)len) : NULL;
    if (tokener)
        json_tokener_free(tokener);
    return 0;
}

struct json_object *control_answer(struct json_object *reply, bool *ok)
{
    struct json_object *yes = NULL, *what = NULL;

    json_object_object_get_ex(reply, "ok", &yes);
    *ok = json_object_get_boolean(yes);
    json_object_object_get_ex(reply, *ok ? "result" : "error", &what);
    return what;
}
