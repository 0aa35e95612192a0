// SPDX-License-Identifier: MIT
#include "vmm/app/control_request.h"

#include <json-c/json.h>
#include <stdbool.h>
#include <string.h>

#include "vmm/app/control.h"

#define MAX_DEPTH 8

static bool only_spaces(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!strchr(" \t\r", text[i]) || text[i] == '\0')
            return false;
    }
    return true;
}

struct json_object *control_request_parse(const char *line, size_t len, const char **error)
{
    struct json_tokener *tokener = json_tokener_new_ex(MAX_DEPTH);
    if (!tokener) {
        *error = "out of memory";
        return NULL;
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8 |
                                        JSON_TOKENER_ALLOW_TRAILING_CHARS);
    struct json_object *request = json_tokener_parse_ex(tokener, line, (int)len);
    enum json_tokener_error err = json_tokener_get_error(tokener);
    size_t end = json_tokener_get_parse_end(tokener);
    json_tokener_free(tokener);
    if (err == json_tokener_success && json_object_is_type(request, json_type_object) &&
        only_spaces(line + end, len - end))
        return request;
    json_object_put(request);
    if (err == json_tokener_continue)
        *error = "that line ends within its JSON: a request is one object a line";
    else if (err == json_tokener_error_depth)
        *error = "that line is JSON of too many levels";
    else if (err != json_tokener_success)
        *error = "that line is not JSON";
    else
        *error = "a request is one JSON object a line, with a \"verb\"";
    return NULL;
}

/* A string without a zero in it, or a whole number as it is written; else NULL. */
static const char *string_of(struct json_object *value)
{
    if (json_object_is_type(value, json_type_int))
        return json_object_get_string(value);
    if (!json_object_is_type(value, json_type_string))
        return NULL;
    const char *text = json_object_get_string(value);
    return strlen(text) == (size_t)json_object_get_string_len(value) ? text : NULL;
}

const char *control_string(struct json_object *request, const char *key)
{
    struct json_object *value;
    return json_object_object_get_ex(request, key, &value) ? string_of(value) : NULL;
}

void control_add_string(struct json_object *to, const char *key, const char *value)
{
    json_object_object_add(to, key, json_object_new_string(value));
}

void control_add_number(struct json_object *to, const char *key, uint64_t value)
{
    json_object_object_add(to, key, json_object_new_uint64(value));
}

const struct control_verb *control_request_verb(const struct control_verb *verbs,
                                                struct json_object *request, const char **error)
{
    const char *name = control_string(request, "verb");
    if (!name) {
        *error = "a request is one JSON object a line, with a \"verb\"";
        return NULL;
    }
    for (const struct control_verb *v = verbs; v->name; v++) {
        if (strcmp(v->name, name) == 0)
            return v;
    }
    *error = "there is no such verb; `vitrine ctl --help` lists them";
    return NULL;
}

struct json_object *control_reply(struct json_object *request, struct json_object *result,
                                  const char *error)
{
    struct json_object *reply = json_object_new_object(), *id;
    if (!reply) {
        json_object_put(result);
        return NULL;
    }
    if (request && json_object_object_get_ex(request, "id", &id))
        json_object_object_add(reply, "id", json_object_get(id));
    json_object_object_add(reply, "ok", json_object_new_boolean(!error));
    if (error) {
        json_object_put(result);
        control_add_string(reply, "error", error);
    } else {
        json_object_object_add(reply, "result", result);
    }
    return reply;
}
