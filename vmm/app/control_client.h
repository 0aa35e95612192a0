/* SPDX-License-Identifier: MIT */
/* The other end of a control socket (control.h). Blocks. */
#ifndef VITRINE_APP_CONTROL_CLIENT_H
#define VITRINE_APP_CONTROL_CLIENT_H

#include <stdbool.h>
#include <sys/types.h>

struct json_object;

/* Sends one request to the VM that listens at path, and waits for its answer. 0 with *reply, the caller's
 * to put; or an exit status (verbs.h) after one line that says why there is none. request stays the
 * caller's. */
int control_ask(const char *path, struct json_object *request, struct json_object **reply);

/* The same for who asks often: nothing is said where there is no answer in time, which is NULL then. *pid:
 * the process that listens, where it could be told; NULL: of no interest. The reply is the caller's. */
struct json_object *control_try(const char *path, struct json_object *request, unsigned timeout_ms,
                                pid_t *pid);

/* Sends one request, whose answer has to be ok, and calls line for each object that comes after it, until the VM
 * hangs up: 0. Else an exit status after one line on stderr. */
int control_follow(const char *path, struct json_object *request,
                   void (*line)(struct json_object *line, void *data), void *data);

/* Whether the VM did it, and what it says: the result, or the error, a string. Both belong to the reply;
 * NULL where the answer makes no sense. */
struct json_object *control_answer(struct json_object *reply, bool *ok);

#endif
