// SPDX-License-Identifier: MIT
#include "wl/device.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

/* linux/major.h names no such thing; see Documentation/admin-guide/devices.txt. */
#define DRM_MAJOR 226

static bool is_render_node(const char *name)
{
    static const char prefix[] = "renderD";
    const char *number = name + strlen(prefix);
    return strncmp(name, prefix, strlen(prefix)) == 0 && *number &&
           strspn(number, "0123456789") == strlen(number) && strlen(number) < 8;
}

bool wayl_device_render_node(const char *root, dev_t dev, char path[WAYL_DEVICE_PATH_MAX])
{
    char dir_path[WAYL_DEVICE_PATH_MAX];
    if (major(dev) != DRM_MAJOR)
        return false;
    snprintf(dir_path, sizeof(dir_path), "%s/sys/dev/char/%u:%u/device/drm", root, major(dev),
             minor(dev));
    DIR *dir = opendir(dir_path);
    if (!dir)
        return false;
    bool found = false;
    for (struct dirent *entry; !found && (entry = readdir(dir));) {
        if (!is_render_node(entry->d_name))
            continue;
        int len = snprintf(path, WAYL_DEVICE_PATH_MAX, "%s/dev/dri/%s", root, entry->d_name);
        found = len < WAYL_DEVICE_PATH_MAX;
    }
    closedir(dir);
    return found;
}

bool wayl_device_same(const char *root, dev_t a, dev_t b)
{
    char path_a[WAYL_DEVICE_PATH_MAX], path_b[WAYL_DEVICE_PATH_MAX];
    if (a == b)
        return true;
    return wayl_device_render_node(root, a, path_a) && wayl_device_render_node(root, b, path_b) &&
           strcmp(path_a, path_b) == 0;
}
