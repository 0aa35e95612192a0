// SPDX-License-Identifier: MIT
/*
 * A table of options, each with a function that takes its value. A value stands behind '=' or in the
 * next word; where an option can do without one, the next word counts only if it has a '=' in it, so
 * that `--gpu KERNEL` means what it says.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "run"
#include "vmm/app/options.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

#define MIN_MEM_MIB 64
#define MAX_MEM_MIB (1024 * 1024)
#define MIN_SIDE 64
#define MAX_SIDE 16384

const char options_help[] =
    "Usage: vitrine run [OPTION]... KERNEL\n"
    "Boots KERNEL (a bzImage or an ELF vmlinux) in a virtual machine with a window.\n"
    "\n"
    "  --cpus N              virtual processors, 1 to 64 (default 2)\n"
    "  --mem MIB             memory in MiB (default 1024)\n"
    "  --initrd FILE         initial RAM disk\n"
    "  --params STRING       added to the kernel's command line; may be repeated\n"
    "  --disk FILE[,ro]      raw disk image or block device; the first is /dev/vda\n"
    "  --rwdisk FILE         the same as --disk FILE\n"
    "  --display size=WxH    the size of the guest's screen in pixels (default 1280x800)\n"
    "  --headless            no window; with --gpu the guest still has its graphics card\n"
    "  --gpu [backend=2d]    a graphics card; always there unless --headless is given\n"
    "  --name NAME           the VM's name, in the window's title\n"
    "  --serial WHERE        the serial console: stdio (default), file=PATH or none\n"
    "  --socket PATH         a control socket for `vitrine ctl`\n"
    "  --no-sandbox          accepted; the graphics process has no sandbox yet\n"
    "  --verbose             say more on stderr\n"
    "  --help                this text\n"
    "\n"
    "With the serial console on a terminal, Ctrl-A x stops the VM and Ctrl-A Ctrl-A sends Ctrl-A.\n"
    "\n"
    "Exit status: 0 the guest powered off, 2 bad usage or input, 3 the guest crashed,\n"
    "4 stopped from outside.\n";

static bool parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    char *end;
    errno = 0;
    if (*text < '0' || *text > '9')
        return false;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno || *end || value < min || value > max)
        return false;
    *out = value;
    return true;
}

static bool take_cpus(struct run_options *o, const char *value)
{
    uint64_t n;
    if (!parse_number(value, 1, OPTIONS_MAX_CPUS, &n)) {
        log_error("--cpus takes a number from 1 to %d, not '%s'", OPTIONS_MAX_CPUS, value);
        return false;
    }
    o->cpus = (unsigned)n;
    return true;
}

static bool take_mem(struct run_options *o, const char *value)
{
    if (!parse_number(value, MIN_MEM_MIB, MAX_MEM_MIB, &o->mem_mib)) {
        log_error("--mem takes MiB, a number from %d to %d, not '%s'", MIN_MEM_MIB, MAX_MEM_MIB,
                  value);
        return false;
    }
    return true;
}

static bool take_initrd(struct run_options *o, const char *value)
{
    o->initrd = value;
    return true;
}

static bool take_params(struct run_options *o, const char *value)
{
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

static bool take_disk(struct run_options *o, const char *value)
{
    if (o->n_disks == OPTIONS_MAX_DISKS) {
        log_error("at most %d disks; '%s' is one too many", OPTIONS_MAX_DISKS, value);
        return false;
    }
    char *path = strdup(value);
    if (!path) {
        log_error("out of memory");
        return false;
    }
    o->disk[o->n_disks++] = (struct disk_options){ .path = path };
    char *comma = strchr(path, ',');
    if (!comma)
        return true;
    *comma = '\0';
    char *save = NULL;
    for (char *word = strtok_r(comma + 1, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
        if (strcmp(word, "ro") == 0) {
            o->disk[o->n_disks - 1].read_only = true;
        } else if (strcmp(word, "format=raw") != 0) {
            log_error("--disk %s: '%s' is unknown; a disk takes ro and format=raw", path, word);
            return false;
        }
    }
    return true;
}

static bool take_gpu(struct run_options *o, const char *value)
{
    o->gpu = true;
    if (!value || strcmp(value, "backend=2d") == 0)
        return true;
    log_error("--gpu %s: this build has backend=2d only", value);
    return false;
}

static bool take_display(struct run_options *o, const char *value)
{
    const char *size = value, *x;
    uint64_t w, h;
    char width[16];
    if (strncmp(value, "size=", 5) != 0)
        goto bad;
    size += 5;
    x = strchr(size, 'x');
    if (!x || (size_t)(x - size) >= sizeof(width))
        goto bad;
    memcpy(width, size, (size_t)(x - size));
    width[x - size] = '\0';
    if (!parse_number(width, MIN_SIDE, MAX_SIDE, &w) ||
        !parse_number(x + 1, MIN_SIDE, MAX_SIDE, &h))
        goto bad;
    o->width = (uint32_t)w;
    o->height = (uint32_t)h;
    return true;
bad:
    log_error("--display takes size=WxH with sides from %d to %d, such as size=1280x800, not '%s'",
              MIN_SIDE, MAX_SIDE, value);
    return false;
}

static bool take_headless(struct run_options *o, const char *value)
{
    o->headless = true;
    return true;
}

static bool take_name(struct run_options *o, const char *value)
{
    if (!*value) {
        log_error("--name takes a name, such as --name debian");
        return false;
    }
    o->name = value;
    return true;
}

static bool take_serial(struct run_options *o, const char *value)
{
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

static bool take_socket(struct run_options *o, const char *value)
{
    o->socket_path = value;
    return true;
}

static bool take_no_sandbox(struct run_options *o, const char *value)
{
    return true;
}

static bool take_verbose(struct run_options *o, const char *value)
{
    o->verbose = true;
    return true;
}

enum value_rule { VALUE_NONE, VALUE_OPTIONAL, VALUE_NEEDED };

static const struct option_def {
    const char *name;
    enum value_rule rule;
    bool (*take)(struct run_options *o, const char *value);
} option_defs[] = {
    { "cpus", VALUE_NEEDED, take_cpus },
    { "mem", VALUE_NEEDED, take_mem },
    { "initrd", VALUE_NEEDED, take_initrd },
    { "params", VALUE_NEEDED, take_params },
    { "disk", VALUE_NEEDED, take_disk },
    { "rwdisk", VALUE_NEEDED, take_disk },
    { "gpu", VALUE_OPTIONAL, take_gpu },
    { "display", VALUE_NEEDED, take_display },
    { "headless", VALUE_NONE, take_headless },
    { "name", VALUE_NEEDED, take_name },
    { "serial", VALUE_NEEDED, take_serial },
    { "socket", VALUE_NEEDED, take_socket },
    { "no-sandbox", VALUE_NONE, take_no_sandbox },
    { "disable-sandbox", VALUE_NONE, take_no_sandbox },
    { "verbose", VALUE_NONE, take_verbose },
};

/* Takes the option at argv[*i] and moves *i past its value. */
static bool take_option(struct run_options *o, int argc, char **argv, int *i)
{
    const char *word = argv[*i] + 2;
    const char *equals = strchr(word, '=');
    size_t len = equals ? (size_t)(equals - word) : strlen(word);
    const struct option_def *def = NULL;

    for (size_t k = 0; k < ARRAY_LEN(option_defs); k++) {
        if (strlen(option_defs[k].name) == len && strncmp(option_defs[k].name, word, len) == 0)
            def = &option_defs[k];
    }
    if (!def) {
        log_error("there is no option '--%.*s'; see `vitrine run --help`", (int)len, word);
        return false;
    }
    const char *value = equals ? equals + 1 : NULL;
    if (value && def->rule == VALUE_NONE) {
        log_error("--%s takes no value", def->name);
        return false;
    }
    const char *next = *i + 1 < argc ? argv[*i + 1] : NULL;
    if (!value && next &&
        (def->rule == VALUE_NEEDED || (def->rule == VALUE_OPTIONAL && strchr(next, '=')))) {
        value = next;
        ++*i;
    }
    if (!value && def->rule == VALUE_NEEDED) {
        log_error("--%s needs a value; see `vitrine run --help`", def->name);
        return false;
    }
    return def->take(o, value);
}

enum options_result options_parse(struct run_options *options, int argc, char **argv)
{
    *options = (struct run_options){
        .cpus = 2,
        .mem_mib = 1024,
        .name = "vitrine",
        .width = 1280,
        .height = 800,
    };
    bool only_words = false;
    for (int i = 0; i < argc; i++) {
        if (!only_words && strcmp(argv[i], "--") == 0) {
            only_words = true;
        } else if (!only_words && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)) {
            return OPTIONS_HELP;
        } else if (!only_words && strncmp(argv[i], "--", 2) == 0) {
            if (!take_option(options, argc, argv, &i))
                return OPTIONS_BAD;
        } else if (!only_words && argv[i][0] == '-' && argv[i][1]) {
            log_error("there is no option '%s'; options begin with two dashes", argv[i]);
            return OPTIONS_BAD;
        } else if (options->kernel) {
            log_error("one kernel only: '%s' comes after '%s'", argv[i], options->kernel);
            return OPTIONS_BAD;
        } else {
            options->kernel = argv[i];
        }
    }
    if (!options->kernel) {
        log_error("which kernel? Usage: vitrine run [OPTION]... KERNEL");
        return OPTIONS_BAD;
    }
    if (!options->headless)
        options->gpu = true;
    return OPTIONS_OK;
}

void options_finish(struct run_options *options)
{
    for (unsigned i = 0; i < options->n_disks; i++)
        free(options->disk[i].path);
    options->n_disks = 0;
}
