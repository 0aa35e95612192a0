/* SPDX-License-Identifier: MIT */
/* A file that is there as a whole or not at all. */
#ifndef VITRINE_APP_NEW_FILE_H
#define VITRINE_APP_NEW_FILE_H

#include <stdbool.h>
#include <stdio.h>

/* A file to write to, of mode 0600, beside path, in a folder that is made. *made: its name, the caller's to
 * free, whatever is returned; who gives up closes it and unlinks that. NULL is logged. */
FILE *new_file_begin(const char *path, char **made);
/* Closes it and calls it path. False where that is there already, or it could not be written: nothing is
 * left of it, and a line said why. */
bool new_file_finish(FILE *file, const char *made, const char *path);

#endif
