// SPDX-License-Identifier: MIT
/* Takes bytes for what a client of the control socket sends: lines, each answered by one line that is JSON. */
#include <json-c/json.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/app/control.h"
#include "vmm/app/control_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const char *run_echo(void *data, struct json_object *request, struct json_object *result)
{
    static const char *const keys[] = { "text", "level", "mib", "token" };
    for (unsigned i = 0; i < 4; i++) {
        const char *text = control_string(request, keys[i]);
        if (text)
            control_add_string(result, keys[i], text);
    }
    return control_string(request, "refuse");
}

static const struct control_verb verbs[] = { { "echo", run_echo }, { NULL, NULL } };

static void answer(const char *line, size_t len)
{
    const char *error = NULL;
    struct json_object *request = control_request_parse(line, len, &error);
    struct json_object *result = json_object_new_object();
    const struct control_verb *verb = request ? control_request_verb(verbs, request, &error) : NULL;
    if (verb)
        error = verb->run(NULL, request, result);
    struct json_object *reply = control_reply(request, result, error);
    const char *text = json_object_to_json_string_ext(reply, JSON_C_TO_STRING_PLAIN);
    struct json_object *again = json_tokener_parse(text);
    if (strchr(text, '\n') || !again)
        abort();
    json_object_put(again);
    json_object_put(reply);
    json_object_put(request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const char *line = (const char *)data, *end = line + len, *newline;
    while ((newline = memchr(line, '\n', (size_t)(end - line)))) {
        answer(line, (size_t)(newline - line));
        line = newline + 1;
    }
    if (line != end)
        answer(line, (size_t)(end - line));
    return 0;
}
