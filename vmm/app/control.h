/* SPDX-License-Identifier: MIT */
/*
 * The control socket: a person's or a program's way into a running VM. One JSON object a line:
 *
 *     {"id": 7, "verb": "stats"}   →   {"id": 7, "ok": true, "result": {...}}
 *                                  or  {"id": 7, "ok": false, "error": "what was wrong"}
 *
 * What a verb takes stands beside it: {"verb": "log", "level": "debug"}.
 *
 * The socket has mode 0600 and answers to its owner (and root) only. Main loop.
 */
#ifndef VITRINE_APP_CONTROL_H
#define VITRINE_APP_CONTROL_H

#include <stdint.h>

struct control;
struct json_object;
struct loop;

/* A verb: fills result (an empty object at first). Returns NULL, or why it could not be done. request has
 * what else the line said. */
struct control_verb {
    const char *name;
    const char *(*run)(void *data, struct json_object *request, struct json_object *result);
};

/* A string of the request, which belongs to it; NULL where there is none. */
const char *control_string(struct json_object *request, const char *key);

/* For verbs to fill in what they answer. */
void control_add_string(struct json_object *to, const char *key, const char *value);
void control_add_number(struct json_object *to, const char *key, uint64_t value);

/* Listens at path; a dead socket that lies there is replaced, a live one is an error. verbs ends
 * with a NULL name and outlives the control. NULL on failure, which is logged. */
struct control *control_create(struct loop *loop, const char *path,
                               const struct control_verb *verbs, void *data);
/* Hangs up on everyone and removes the socket. Accepts NULL. */
void control_destroy(struct control *control);

#endif
