/* SPDX-License-Identifier: MIT */
/* A request to the control socket and its reply, without the socket. What comes is anybody's bytes. */
#ifndef VITRINE_APP_CONTROL_REQUEST_H
#define VITRINE_APP_CONTROL_REQUEST_H

#include <stddef.h>

struct control_verb;
struct json_object;

/* The object that the line says (len bytes, without its newline), the caller's to put; NULL, and *error
 * says why, where it is not one JSON object and nothing else. */
struct json_object *control_request_parse(const char *line, size_t len, const char **error);

/* The request's verb; NULL, and *error says why, where it has none that is in the table. */
const struct control_verb *control_request_verb(const struct control_verb *verbs,
                                                struct json_object *request, const char **error);

/* What is answered, the caller's to put: result, or where there is an error, that. request gives the id and
 * may be NULL; it stays the caller's, result does not. NULL where memory is short. */
struct json_object *control_reply(struct json_object *request, struct json_object *result,
                                  const char *error);

#endif
