/* SPDX-License-Identifier: MIT */
/* Unix sockets that wait at a path of the file system. */
#ifndef VITRINE_BASE_LISTEN_H
#define VITRINE_BASE_LISTEN_H

#include <stdbool.h>

/*
 * A stream socket that listens at path, non-blocking, for this user (and root) only. A socket that
 * nobody listens at any more is replaced; looking whether somebody does is no connection to him.
 * Returns the fd, or a negative errno: -EADDRINUSE another program listens there, -EEXIST something
 * that is no socket is there, -ENAMETOOLONG a path of more than 107 bytes. Changes the umask for a
 * moment, so no other thread may create files meanwhile. The caller unlinks path at the end.
 */
int unix_listen(const char *path, int backlog);
/* Whether somebody listens at path, who does not notice. False too where it can't be told. */
bool unix_is_listening(const char *path);
/* What that errno means here, for a message that names the path. */
const char *unix_listen_error(int err);

#endif
