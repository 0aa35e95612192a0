/* SPDX-License-Identifier: MIT */
/* The command line of `vitrine run`, parsed into a plain description of the VM. */
#ifndef VITRINE_APP_OPTIONS_H
#define VITRINE_APP_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/app/disk_options.h"
#include "vmm/app/net_options.h"
#include "vmm/app/option_table.h"
#include "vmm/app/screen_options.h"
#include "vmm/app/share_options.h"

#define OPTIONS_MAX_CPUS 64
#define OPTIONS_MAX_DISKS 8
#define OPTIONS_MEM_MIB 1024 /* where nothing is said */
#define OPTIONS_CMDLINE_MAX 2048
#define OPTIONS_MAX_OUTPUTS 1

struct definition;

enum serial_kind { SERIAL_STDIO, SERIAL_FILE, SERIAL_NONE };

/* Strings point into the command line but where they are said to be owned. */
struct run_options {
    const char *word; /* what is no option: a kernel's file or a VM's name; or NULL */
    const char *kernel;
    const char *initrd; /* NULL: none */
    char params[OPTIONS_CMDLINE_MAX];
    unsigned cpus;
    uint64_t mem_mib;
    bool huge_pages;
    bool balloon; /* never with huge pages */
    uint32_t cid; /* 0: no vsock */
    unsigned n_disks;
    struct disk_options disk[OPTIONS_MAX_DISKS];
    struct nets_options nets;
    struct shares_options shares;
    bool gpu;
    struct screen_options screen;
    enum serial_kind serial;
    const char *serial_path;
    const char *socket_path; /* NULL: no control socket */
    const char *socket_of;   /* the VM whose own socket that is; NULL: it is another */
    bool verbose;
};

/* Parses the words after `run`, on top of what the definition says (NULL: nothing; its values may change:
 * paths become absolute). On OPTIONS_BAD one line on stderr says what is wrong and what would be right, and
 * for a value of the definition another one where. Call options_finish() in every case. The definition
 * outlives the options. */
enum options_result options_parse(struct run_options *options, struct definition *definition,
                                  int argc, char **argv);
void options_finish(struct run_options *options);

/* The options themselves, which are the keys of a definition too. */
const struct option_table *options_table(void);
/* Whether this option's value is a file's name, with options behind a comma perhaps. */
bool options_names_file(const char *key);
/* Where in this option's value a path begins: such a file's, a folder's, or that of what vitrine itself makes; NULL:
 * it has none. */
const char *options_path(const char *key, const char *value);

/* The text of `vitrine run --help`, on stdout. */
void options_print_help(void);

#endif
