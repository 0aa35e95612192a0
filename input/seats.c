// SPDX-License-Identifier: MIT
#include "input/seats.h"

#include <grp.h>
#include <libudev.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/util.h"

struct row {
    char node[64], seat[32], can[96], may[96], name[96];
};

/* udev's own words for what a device can do (its builtin input_id), and ours. */
static const struct {
    const char *property, *word;
} kinds[] = {
    { "ID_INPUT_KEYBOARD", "keyboard" },
    { "ID_INPUT_MOUSE", "mouse" },
    { "ID_INPUT_POINTINGSTICK", "trackpoint" },
    { "ID_INPUT_TOUCHPAD", "touchpad" },
    { "ID_INPUT_TOUCHSCREEN", "touchscreen" },
    { "ID_INPUT_TABLET", "tablet" },
    { "ID_INPUT_TABLET_PAD", "tablet-pad" },
    { "ID_INPUT_JOYSTICK", "joystick" },
    { "ID_INPUT_SWITCH", "switch" },
    { "ID_INPUT_KEY", "keys" },
};

static void join(char *text, size_t size, const char *word)
{
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s%s", used ? ", " : "", word);
}

static bool is_on(struct udev_device *device, const char *property)
{
    const char *value = udev_device_get_property_value(device, property);
    return value && strcmp(value, "1") == 0;
}

static const char *seat_of(struct udev_device *device)
{
    const char *seat = udev_device_get_property_value(device, "ID_SEAT");
    return seat && *seat ? seat : "seat0";
}

static void fill_may(struct row *row)
{
    struct stat st;
    if (access(row->node, R_OK | W_OK) == 0) {
        strcpy(row->may, "yes");
        return;
    }
    const struct group *group = stat(row->node, &st) == 0 ? getgrgid(st.st_gid) : NULL;
    snprintf(row->may, sizeof(row->may), "no: group %s", group ? group->gr_name : "unknown");
}

/* Names come from the devices' own memory: what is not printable is left out. */
static void fill_name(struct row *row, struct udev_device *device)
{
    struct udev_device *parent =
        udev_device_get_parent_with_subsystem_devtype(device, "input", NULL);
    const char *name = parent ? udev_device_get_sysattr_value(parent, "name") : NULL;
    size_t n = 0;
    for (; name && *name && n + 1 < sizeof(row->name); name++) {
        if ((unsigned char)*name >= ' ' && *name != 0x7f)
            row->name[n++] = *name;
    }
}

static void fill(struct row *row, struct udev_device *device)
{
    *row = (struct row){ 0 };
    snprintf(row->node, sizeof(row->node), "%s", udev_device_get_devnode(device));
    snprintf(row->seat, sizeof(row->seat), "%s", seat_of(device));
    for (unsigned i = 0; i < ARRAY_LEN(kinds); i++) {
        bool plain_keys = strcmp(kinds[i].word, "keys") == 0;
        /* A keyboard has keys, too. */
        if (is_on(device, kinds[i].property) && !(plain_keys && row->can[0]))
            join(row->can, sizeof(row->can), kinds[i].word);
    }
    if (!row->can[0])
        strcpy(row->can, "-");
    fill_may(row);
    fill_name(row, device);
}

/* Calls each for every event node; false where udev can't be asked. */
static bool for_each_node(struct udev *udev, void (*each)(struct udev_device *device, void *data),
                          void *data)
{
    struct udev_enumerate *all = udev_enumerate_new(udev);
    struct udev_list_entry *entry;
    bool asked = all && udev_enumerate_add_match_subsystem(all, "input") >= 0 &&
                 udev_enumerate_add_match_sysname(all, "event[0-9]*") >= 0 &&
                 udev_enumerate_scan_devices(all) >= 0;
    udev_list_entry_foreach(entry, asked ? udev_enumerate_get_list_entry(all) : NULL)
    {
        struct udev_device *device =
            udev_device_new_from_syspath(udev, udev_list_entry_get_name(entry));
        if (device && udev_device_get_devnode(device))
            each(device, data);
        udev_device_unref(device);
    }
    udev_enumerate_unref(all);
    return asked;
}

struct names {
    char *text;
    size_t size;
};

static void add_seat(struct udev_device *device, void *data)
{
    struct names *names = data;
    const char *seat = seat_of(device);
    size_t len = strlen(seat);
    for (const char *at = names->text; (at = strstr(at, seat)); at += len) {
        if ((at[len] == ',' || at[len] == '\0') && (at == names->text || at[-1] == ' '))
            return;
    }
    join(names->text, names->size, seat);
}

void seats_names(struct udev *udev, char *text, size_t size)
{
    text[0] = '\0';
    for_each_node(udev, add_seat, &(struct names){ text, size });
}

struct table {
    struct row *rows;
    size_t n;
};

static void add_row(struct udev_device *device, void *data)
{
    struct table *table = data;
    struct row *rows = realloc(table->rows, (table->n + 1) * sizeof(*rows));
    if (!rows)
        return;
    table->rows = rows;
    fill(&rows[table->n++], device);
}

static unsigned number(const struct row *row)
{
    return (unsigned)strtoul(row->node + strcspn(row->node, "0123456789"), NULL, 10);
}

static int by_number(const void *a, const void *b)
{
    unsigned x = number(a), y = number(b);
    return (x > y) - (x < y);
}

int seats_print(FILE *to)
{
    struct udev *udev = udev_new();
    struct table table = { 0 };
    int n = -1;
    if (udev && for_each_node(udev, add_row, &table)) {
        int seat = 4, can = 4, may = 8, node = 6;
        for (size_t i = 0; i < table.n; i++) {
            node = MAX(node, (int)strlen(table.rows[i].node));
            seat = MAX(seat, (int)strlen(table.rows[i].seat));
            can = MAX(can, (int)strlen(table.rows[i].can));
            may = MAX(may, (int)strlen(table.rows[i].may));
        }
        n = (int)table.n;
        if (n > 0) {
            qsort(table.rows, table.n, sizeof(*table.rows), by_number);
            fprintf(to, "%-*s  %-*s  %-*s  %-*s  %s\n", node, "DEVICE", seat, "SEAT", can, "IS",
                    may, "MAY OPEN", "NAME");
        }
        for (size_t i = 0; i < table.n; i++) {
            const struct row *row = &table.rows[i];
            fprintf(to, "%-*s  %-*s  %-*s  %-*s  %s\n", node, row->node, seat, row->seat, can,
                    row->can, may, row->may, row->name);
        }
    }
    free(table.rows);
    udev_unref(udev);
    return n;
}
