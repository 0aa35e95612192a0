/* SPDX-License-Identifier: MIT */
/*
 * The control socket: a person's or a program's way into a running VM. One JSON object a line:
 *
 *     {"id": 7, "verb": "stats"}   →   {"id": 7, "ok": true, "result": {...}}
 *                                  or  {"id": 7, "ok": false, "error": "what was wrong"}
 *
 * What a verb takes stands beside it: {"verb": "log", "level": "debug"}. After the verb "subscribe", which
 * is the socket's own, events come between the replies: {"event": "suspended", ...}.
 *
 * A client's requests are answered in their order. While replies of its are not taken, or one is still to be
 * made, it is not read from, so it waits, and nobody else does. One that does not take its events is hung
 * up on.
 *
 * The socket has mode 0600 and answers to its owner (and root) only. Main loop.
 */
#ifndef VITRINE_APP_CONTROL_H
#define VITRINE_APP_CONTROL_H

#include <stdint.h>

struct control;
struct control_call;
struct json_object;
struct loop;

/* A verb: fills result (an empty object at first). Returns NULL, or why it could not be done, or control_later
 * after it has called control_defer(). request has what else the line said. */
struct control_verb {
    const char *name;
    const char *(*run)(void *data, struct json_object *request, struct json_object *result);
};

extern const char control_later[];

/* Within a verb: its answer is to come by control_finish(), which ends the call. The call lasts until then, also
 * where its client goes. NULL where memory is short. */
struct control_call *control_defer(struct control *control);
/* Takes over result, which may be NULL; error: NULL, or why it could not be done. No verb runs in it. */
void control_finish(struct control_call *call, struct json_object *result, const char *error);

/* A string of the request, which belongs to it, or a whole number's digits; NULL where there is neither. */
const char *control_string(struct json_object *request, const char *key);

/* For verbs to fill in what they answer. */
void control_add_string(struct json_object *to, const char *key, const char *value);
void control_add_number(struct json_object *to, const char *key, uint64_t value);

/* Listens at path; a dead socket that lies there is replaced, a live one is an error. verbs ends
 * with a NULL name and outlives the control. NULL on failure, which is logged. */
struct control *control_create(struct loop *loop, const char *path,
                               const struct control_verb *verbs, void *data);
/* Hangs up on everyone and removes the socket. Calls that are under way are still to be finished. Accepts
 * NULL. */
void control_destroy(struct control *control);

/* Tells those who have subscribed. details: an object with what else is to be said, taken over; or NULL.
 * Harmless where control is NULL. */
void control_event(struct control *control, const char *name, struct json_object *details);

#endif
