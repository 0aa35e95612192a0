/* SPDX-License-Identifier: MIT */
/*
 * Where the VMs of this user are kept (XDG Base Directory Specification):
 *
 *     $XDG_CONFIG_HOME/vitrine/NAME.ini                     its definition
 *     $XDG_DATA_HOME/vitrine/NAME/                          its disks
 *     $XDG_DATA_HOME/applications/vitrine.NAME.desktop      its entry in the launcher
 *     $XDG_RUNTIME_DIR/vitrine/NAME.sock                    its control socket, while it runs
 *
 * All paths are the caller's to free; NULL after one line that says why. Any thread.
 */
#ifndef VITRINE_APP_PLACES_H
#define VITRINE_APP_PLACES_H

#include <stdbool.h>

/* A VM's name is at most this long: letters, digits, '.', '_' and '-', and begins with one of the first
 * two. So it is a file's name and a part of an application id, and needs no quotes anywhere. */
#define PLACES_NAME_MAX 64
bool places_name_valid(const char *name);

/* Whether a word that may be a file's or a VM's name is the second: it has no '/', and no file is called so.
 * A folder is none: who works in a tree of sources has one called debian. */
bool places_means_vm(const char *word);

char *places_definitions(void);
char *places_definition(const char *name);
char *places_data(const char *name);
char *places_desktop_entry(const char *name);
char *places_socket(const char *name);

/* Makes the folder that path is in, and those that it is in, with mode 0700. False is logged. */
bool places_make_folder_of(const char *path);
/* Removes a folder with everything in it. False is logged. */
bool places_remove_folder(const char *folder);

#endif
