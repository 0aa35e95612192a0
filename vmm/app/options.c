// SPDX-License-Identifier: MIT
#include "vmm/app/options.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "run"
#include "vmm/app/definition.h"
#include "vmm/app/option_table.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/virtio/vsock.h"

#define MIN_MEM_MIB 64
#define MAX_MEM_MIB (1024 * 1024)

static const char *const options_help[] = {
    "Usage: vitrine run [OPTION]... NAME|KERNEL\n"
    "Starts the virtual machine NAME (see `vitrine new`), or boots KERNEL, a bzImage or an ELF\n"
    "vmlinux, in one. What has a '/' in it or is a file's name is a KERNEL.\n"
    "\n"
    "  --cpus N              virtual processors, 1 to 64 (default 2)\n"
    "  --mem MIB             memory in MiB (default 1024); MIB,hugepages: of huge pages\n"
    "  --kernel FILE         the kernel, instead of the word KERNEL\n"
    "  --initrd FILE         initial RAM disk\n"
    "  --params STRING       added to the kernel's command line; may be repeated\n"
    "  --disk FILE[,ro][,format=raw|qcow2][,direct][,aio=io_uring|threads][,serial=TEXT]\n"
    "         [,queues=N][,werror=enospc|stop|report]\n"
    "                        disk image or block device; the first is /dev/vda\n"
    "  --rwdisk FILE         the same as --disk FILE\n"
    "  --net KIND            a network card: user[,tcp=HOST:GUEST][,udp=HOST:GUEST][,mtu=N]\n"
    "                        (passt), tap=NAME[,queues=N] or none; with ,mac=ADDRESS. Default:\n"
    "                        user\n"
    "  --share TAG=PATH      a folder for the guest, who mounts it: -t virtiofs TAG WHERE\n"
    "  --cid N               the guest's address for sockets of the family vsock, from 3\n"
    "  --balloon             a memory balloon: free memory goes back to the host\n", /* C compilers need not know longer ones */
    "  --display SPEC        the windows, by words with commas in between. size=WxH: how large\n"
    "                        one is at first (default 1280x800), and, times the desktop's scale,\n"
    "                        the guest's monitor, which then follows the window. outputs=N: so\n"
    "                        many monitors at first (default 1), max=N: ever (default 4).\n"
    "                        scaling=fit or fill: what is done with a picture of another shape\n"
    "                        than its window's (default fit, between bars). fullscreen: from\n"
    "                        the start; Ctrl+Alt+F changes it, Ctrl+Alt+M maximises. hotkey=KEYS:\n"
    "                        what gives the pointer and the desktop's shortcuts to the guest, and\n"
    "                        takes them back (default ctrl+alt+g); confine: the pointer is then\n"
    "                        confined to the window, not locked; lock-on-click: a click locks it,\n"
    "                        where the guest has hidden its cursor. tearing: show a picture at\n"
    "                        once, even if torn. content=game, video or photo: what to tune the\n"
    "                        screen for. idle=unless-fullscreen, always or never: when the "
    "session\n"
    "                        may turn idle. icon=NAME: an icon of the theme's.\n"
    "                        decoration=none: no title bar\n"
    "  --headless            no window; with --gpu the guest still has its graphics card\n"
    "  --gpu [SPEC]          a graphics card with OpenGL. SPEC: backend=auto, virgl or 2d, and\n"
    "                        render-node=PATH or surfaceless, with a comma in between. Without\n"
    "                        --gpu and --headless: backend=auto, OpenGL where it can be had.\n"
    "                        watchdog=SECONDS: how long the graphics process may hang before it\n"
    "                        is replaced (default 10; 0: for ever). deaths=N: how many times it\n"
    "                        may die within a minute until OpenGL ends (default 3; 0: any number)\n"
    "  --input SPEC          where keys and pointer come from; may be repeated. auto (default),\n"
    "                        wayland, libinput:device=PATH, libinput:seat=NAME, with grab,\n"
    "                        focus=always, motion=, tap, accel= and more behind commas; see\n"
    "                        vitrine(1), and `vitrine input list`. touchscreen, pen: what the "
    "guest\n"
    "                        has besides. pointers=each: an absolute pointer for each monitor.\n"
    "                        hotkey=KEYS: what lets go of a grab (ctrl-ctrl)\n"
    "  --evdev DEVICE        the same as --input libinput:device=DEVICE\n"
    "  --hud                 draw the frames' timing over the windows\n"
    "  --name NAME           the VM's name, in the window's title\n"
    "  --serial WHERE        the serial console: stdio (default), file=PATH or none\n"
    "  --socket PATH         a control socket for `vitrine ctl`\n"
    "  --no-sandbox          run the graphics process with all of your rights, not in a jail\n"
    "  --verbose             say more on stderr\n"
    "  --help                this text\n"
    "\n"
    "With the serial console on a terminal, Ctrl-A x stops the VM and Ctrl-A Ctrl-A sends Ctrl-A.\n"
    "\n"
    "Exit status: 0 the guest powered off, 2 bad usage or input, 3 the guest crashed,\n"
    "4 stopped from outside.\n",
    NULL,
};

void options_print_help(void)
{
    for (unsigned i = 0; options_help[i]; i++)
        fputs(options_help[i], stdout);
}

static bool take_cpus(void *into, const char *value)
{
    struct run_options *o = into;
    uint64_t n;
    if (!option_number(value, 1, OPTIONS_MAX_CPUS, &n)) {
        log_error("--cpus takes a number from 1 to %d, not '%s'", OPTIONS_MAX_CPUS, value);
        return false;
    }
    o->cpus = (unsigned)n;
    return true;
}

static bool take_mem(void *into, const char *value)
{
    struct run_options *o = into;
    const char *comma = strchrnul(value, ',');
    char number[24];
    snprintf(number, sizeof(number), "%.*s", (int)(comma - value), value);
    if (!option_number(number, MIN_MEM_MIB, MAX_MEM_MIB, &o->mem_mib) ||
        (*comma && strcmp(comma, ",hugepages") != 0)) {
        log_error("--mem takes MiB, a number from %d to %d, and perhaps ,hugepages, not '%s'",
                  MIN_MEM_MIB, MAX_MEM_MIB, value);
        return false;
    }
    o->huge_pages = *comma;
    if (o->huge_pages && o->mem_mib % 2 != 0) {
        log_error("--mem %s: huge pages have 2 MiB, so the number must be even", value);
        return false;
    }
    return true;
}

static bool take_cid(void *into, const char *value)
{
    struct run_options *o = into;
    uint64_t cid;
    if (!option_number(value, VIRTIO_VSOCK_MIN_CID, VIRTIO_VSOCK_MAX_CID, &cid)) {
        log_error("--cid takes a number from %u to %u that no other VM has, not '%s'",
                  VIRTIO_VSOCK_MIN_CID, VIRTIO_VSOCK_MAX_CID, value);
        return false;
    }
    o->cid = (uint32_t)cid;
    return true;
}

static bool take_balloon(void *into, const char *value)
{
    struct run_options *o = into;
    o->balloon = true;
    return true;
}

static bool take_initrd(void *into, const char *value)
{
    struct run_options *o = into;
    o->initrd = value;
    return true;
}

static bool take_params(void *into, const char *value)
{
    struct run_options *o = into;
    size_t used = strlen(o->params), len = strlen(value);
    if (used + len + 2 > sizeof(o->params)) {
        log_error("the --params are longer than %zu bytes, which is more than a kernel takes",
                  sizeof(o->params) - 1);
        return false;
    }
    if (used > 0)
        o->params[used++] = ' ';
    memcpy(o->params + used, value, len + 1);
    return true;
}

static bool take_disk(void *into, const char *value)
{
    struct run_options *o = into;
    if (o->n_disks == OPTIONS_MAX_DISKS) {
        log_error("at most %d disks; '%s' is one too many", OPTIONS_MAX_DISKS, value);
        return false;
    }
    return disk_options_parse(&o->disk[o->n_disks++], "--disk", value);
}

static bool take_gpu(void *into, const char *value)
{
    struct run_options *o = into;
    o->gpu = true;
    return screen_take_gpu(&o->screen, value);
}

static bool take_serial(void *into, const char *value)
{
    struct run_options *o = into;
    if (strcmp(value, "stdio") == 0) {
        o->serial = SERIAL_STDIO;
    } else if (strcmp(value, "none") == 0) {
        o->serial = SERIAL_NONE;
    } else if (strncmp(value, "file=", 5) == 0 && value[5]) {
        o->serial = SERIAL_FILE;
        o->serial_path = value + 5;
    } else {
        log_error("--serial takes stdio, file=PATH or none, not '%s'", value);
        return false;
    }
    return true;
}

static bool take_socket(void *into, const char *value)
{
    struct run_options *o = into;
    o->socket_path = value;
    return true;
}

static bool take_verbose(void *into, const char *value)
{
    struct run_options *o = into;
    o->verbose = true;
    return true;
}

static bool take_kernel(void *into, const char *value)
{
    struct run_options *o = into;
    o->kernel = value;
    return true;
}

static bool take_word(void *into, const char *word)
{
    struct run_options *o = into;
    if (o->word) {
        log_error("one kernel only: '%s' comes after '%s'", word, o->word);
        return false;
    }
    o->word = word;
    return true;
}

#define IN_SCREEN offsetof(struct run_options, screen)
#define IN_SCREEN_INPUT offsetof(struct run_options, screen.input)

static const struct option_def option_defs[] = {
    { "kernel", OPTION_VALUE_NEEDED, take_kernel },
    { "cpus", OPTION_VALUE_NEEDED, take_cpus },
    { "mem", OPTION_VALUE_NEEDED, take_mem },
    { "initrd", OPTION_VALUE_NEEDED, take_initrd },
    { "params", OPTION_VALUE_NEEDED, take_params },
    { "disk", OPTION_VALUE_NEEDED, take_disk },
    { "rwdisk", OPTION_VALUE_NEEDED, take_disk },
    { "net", OPTION_VALUE_NEEDED, nets_take, offsetof(struct run_options, nets) },
    { "share", OPTION_VALUE_NEEDED, shares_take, offsetof(struct run_options, shares) },
    { "cid", OPTION_VALUE_NEEDED, take_cid },
    { "balloon", OPTION_ALONE, take_balloon },
    { "gpu", OPTION_VALUE_OPTIONAL, take_gpu },
    { "display", OPTION_VALUE_NEEDED, screen_take_display, IN_SCREEN },
    { "headless", OPTION_ALONE, screen_take_headless, IN_SCREEN },
    { "input", OPTION_VALUE_NEEDED, input_take, IN_SCREEN_INPUT },
    { "evdev", OPTION_VALUE_NEEDED, input_take_evdev, IN_SCREEN_INPUT },
    { "hud", OPTION_ALONE, screen_take_hud, IN_SCREEN },
    { "name", OPTION_VALUE_NEEDED, screen_take_name, IN_SCREEN },
    { "serial", OPTION_VALUE_NEEDED, take_serial },
    { "socket", OPTION_VALUE_NEEDED, take_socket },
    { "no-sandbox", OPTION_ALONE, screen_take_no_sandbox, IN_SCREEN },
    { "disable-sandbox", OPTION_ALONE, screen_take_no_sandbox, IN_SCREEN },
    { "verbose", OPTION_ALONE, take_verbose },
};

static const struct option_table table = {
    .verb = "run",
    .defs = option_defs,
    .n_defs = ARRAY_LEN(option_defs),
    .word = take_word,
};

const struct option_table *options_table(void)
{
    return &table;
}

bool options_names_file(const char *key)
{
    return strcmp(key, "kernel") == 0 || strcmp(key, "initrd") == 0 || strcmp(key, "disk") == 0 ||
           strcmp(key, "rwdisk") == 0;
}

const char *options_path(const char *key, const char *value)
{
    if (options_names_file(key))
        return value;
    if (strcmp(key, "share") == 0) {
        const char *equals = strchr(value, '=');
        return equals ? equals + 1 : NULL;
    }
    if (strcmp(key, "serial") == 0)
        return strncmp(value, "file=", 5) == 0 ? value + 5 : NULL;
    return strcmp(key, "socket") == 0 ? value : NULL;
}

static bool in_folder(char **path, const char *folder)
{
    char *whole;
    if (asprintf(&whole, "%s/%s", folder, *path) < 0) {
        log_error("out of memory");
        return false;
    }
    free(*path);
    *path = whole;
    return true;
}

/* A launcher starts the VM in a folder that nobody thought of. */
static bool path_is_whole(const struct definition *d, const struct definition_key *key)
{
    const char *path = options_path(key->key, key->value);
    if (!path || !*path || *path == '/')
        return true;
    log_error("%s, line %u: the path of '%s' has to begin with a slash, not as '%s'", d->path,
              key->line, key->key, path);
    return false;
}

/* A key of the definition, as if it were said on the command line. */
static bool take_key(struct run_options *o, struct definition *d, struct definition_key *key)
{
    const struct option_def *def = option_table_find(&table, key->key, strlen(key->key));

    if (!def) {
        const char *nearest = option_table_nearest(&table, key->key, strlen(key->key));
        log_error("%s, line %u: there is no key '%s'%s%s%s", d->path, key->line, key->key,
                  nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
        return false;
    }
    const char *value = key->value;
    if (def->rule != OPTION_VALUE_NEEDED && strcmp(value, "no") == 0)
        return true;
    if (def->rule != OPTION_VALUE_NEEDED && strcmp(value, "yes") == 0) {
        value = NULL;
    } else if (def->rule == OPTION_ALONE) {
        log_error("%s, line %u: '%s' is yes or no, not '%s'", d->path, key->line, key->key, value);
        return false;
    } else if (options_names_file(key->key) && *value && *value != '/') {
        if (!in_folder(&key->value, d->data))
            return false;
        value = key->value;
    }
    if (value && !path_is_whole(d, key))
        return false;
    if (def->take((char *)o + def->at, value))
        return true;
    log_error("%s, line %u, is where that is said", d->path, key->line);
    return false;
}

/* Who gives a huge page back gives up its reservation, and may find none when touching it again. */
static void leave_out_balloon(struct run_options *o)
{
    if (o->huge_pages && o->balloon)
        log_warn("no balloon: huge pages do not go back to the host");
    o->balloon = o->balloon && !o->huge_pages;
}

enum options_result options_parse(struct run_options *options, struct definition *definition,
                                  int argc, char **argv)
{
    *options = (struct run_options){
        .cpus = 2,
        .mem_mib = OPTIONS_MEM_MIB,
        .screen = screen_options_default,
    };
    if (definition) {
        options->screen.name = definition->name;
        for (unsigned i = 0; i < definition->n_keys; i++)
            if (!take_key(options, definition, &definition->key[i]))
                return OPTIONS_BAD;
    }
    enum options_result result = option_table_parse(&table, options, argc, argv);
    if (result != OPTIONS_OK)
        return result;
    if (!options->kernel && definition) {
        log_error("%s has no key 'kernel'", definition->path);
        return OPTIONS_BAD;
    }
    if (!options->kernel)
        options->kernel = options->word;
    if (!options->kernel) {
        log_error("which kernel? Usage: vitrine run [OPTION]... NAME|KERNEL");
        return OPTIONS_BAD;
    }
    leave_out_balloon(options);
    if (!options->screen.headless)
        options->gpu = true;
    if (!input_options_complete(&options->screen.input, options->screen.headless))
        return OPTIONS_BAD;
    return OPTIONS_OK;
}

void options_finish(struct run_options *options)
{
    for (unsigned i = 0; i < options->n_disks; i++)
        disk_options_finish(&options->disk[i]);
    options->n_disks = 0;
}
