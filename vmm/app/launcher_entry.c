// SPDX-License-Identifier: MIT
#include "vmm/app/launcher_entry.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/app/new_file.h"
#include "vmm/app/places.h"
#include "vmm/base/cleanup.h"

bool launcher_entry_write(const char *name, const char *icon)
{
    autofree char *path = places_desktop_entry(name), *made = NULL;
    FILE *file = path ? new_file_begin(path, &made) : NULL;

    if (!file)
        return false;
    unlink(path); /* what a VM of this name left */
    fchmod(fileno(file), 0644);
    fprintf(file,
            "[Desktop Entry]\n"
            "Type=Application\n"
            "Name=%s\n"
            "Comment=Virtual machine\n"
            "Exec=vitrine run %s\n"
            "Icon=%s\n"
            "Categories=System;Emulator;\n"
            "StartupNotify=true\n"
            "StartupWMClass=vitrine.%s\n",
            name, name, icon, name);
    return new_file_finish(file, made, path);
}
