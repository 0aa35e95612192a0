// SPDX-License-Identifier: MIT
/* `vitrine disk`: one disk for another program's virtual machine. One loop, on the main thread. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODULE "main"
#include "vmm/app/disk_options.h"
#include "vmm/app/option_table.h"
#include "vmm/app/verbs.h"
#include "vmm/base/listen.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"
#include "vmm/virtio/blk.h"
#include "vmm/virtio/vhost_user_backend.h"

static const char help[] =
    "Usage: vitrine disk --vhost-user SOCKET FILE[,OPTION]...\n"
    "Serves a disk image or a block device to another program's virtual machine (vhost-user-blk).\n"
    "\n"
    "  --vhost-user SOCKET  where the machine finds it; ends when the machine does\n"
    "  --verbose            say more on stderr\n"
    "  --help               this text\n"
    "\n"
    "Options of the disk:\n"
    "  ro                   read-only\n"
    "  format=raw|qcow2     without it, qcow2 is known by its first bytes\n"
    "  direct               go past the host's page cache\n"
    "  aio=io_uring|threads how the host does the I/O; without it, io_uring where it can be had\n"
    "  werror=report|enospc|stop\n"
    "                       a write that fails is the guest's error (default), or waits for "
    "SIGUSR1: where\n"
    "                       the host's disk is full, or in any case\n"
    "  serial=TEXT          the disk's serial number, up to 20 bytes (default: vitrine-0)\n"
    "  queues=N             the most queues that the machine may use, 1 to 16 (default 16)\n"
    "\n"
    "SIGUSR1 has it look at the size of a raw image again, and tell the machine; and try again "
    "what waits.\n"
    "\n"
    "With QEMU, whose guest memory must be shared:\n"
    "\n"
    "  qemu-system-x86_64 -machine q35,memory-backend=ram -m 2G \\\n"
    "    -object memory-backend-memfd,id=ram,size=2G,share=on \\\n"
    "    -chardev socket,id=disk,path=SOCKET -device vhost-user-blk-pci,chardev=disk ...\n"
    "\n"
    "Exit status: 0 the machine ended, 2 bad usage or no such disk, 4 stopped by a signal.\n";

struct disk_verb_options {
    const char *socket;
    struct disk_options disk;
};

struct process {
    struct loop *loop;
    struct aio *aio;
    struct virtio_dev *dev;
    struct vhost_user_backend *backend;
    struct loop_signals signals;
    int status;
};

static bool take_socket(void *into, const char *value)
{
    struct disk_verb_options *o = into;
    o->socket = value;
    return true;
}

static bool take_verbose(void *into, const char *value)
{
    log_set_level(LOG_DEBUG);
    return true;
}

static bool take_file(void *into, const char *word)
{
    struct disk_verb_options *o = into;
    if (!o->disk.path)
        return disk_options_parse(&o->disk, "disk", word);
    log_error("one disk for one process: '%s' is one too many", word);
    return false;
}

static const struct option_def option_defs[] = {
    { "vhost-user", OPTION_VALUE_NEEDED, take_socket },
    { "verbose", OPTION_ALONE, take_verbose },
};

static const struct option_table table = {
    .verb = "disk", .defs = option_defs, .n_defs = ARRAY_LEN(option_defs), .word = take_file
};

static void on_signal(struct loop_signals *signals, int signo)
{
    struct process *p = container_of(signals, struct process, signals);
    if (signo == SIGUSR1) {
        virtio_blk_remeasure(p->dev);
        virtio_blk_retry(p->dev);
        return;
    }
    p->status = EXIT_STOPPED;
    loop_quit(p->loop);
}

static void frontend_gone(void *data)
{
    struct process *p = data;
    loop_quit(p->loop);
}

static void write_held(void *data, int err)
{
    log_error("a write waits: %s; SIGUSR1 has it tried again", strerror(-err));
}

static bool open_disk(struct process *p, const struct disk_options *o)
{
    p->aio = aio_create(p->loop, o->aio);
    struct block_dev *block =
        p->aio ? block_open(p->aio, &(struct block_options){ .path = o->path,
                                                             .read_only = o->read_only,
                                                             .format = o->format,
                                                             .direct = o->direct })
               : NULL;
    if (block)
        p->dev = virtio_blk_create(p->loop, block, *o->serial ? o->serial : "vitrine-0",
                                   o->queues > 0 ? o->queues : DISK_MAX_QUEUES);
    if (p->dev)
        virtio_blk_set_werror(p->dev, o->werror, write_held, NULL);
    return p->dev;
}

static bool start(struct process *p, const struct disk_verb_options *o)
{
    static const int signos[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, 0 };
    p->loop = loop_create();
    if (!p->loop || loop_signals_add(p->loop, &p->signals, signos, on_signal) < 0) {
        log_error("can't make an event loop: %s", strerror(errno));
        return false;
    }
    if (!open_disk(p, &o->disk))
        return false;
    int sock = unix_listen(o->socket, 1);
    if (sock < 0) {
        log_error("--vhost-user %s: %s", o->socket, unix_listen_error(sock));
        return false;
    }
    p->backend = vhost_user_backend_create(p->loop, p->dev, sock, frontend_gone, p);
    if (!p->backend)
        unlink(o->socket);
    return p->backend;
}

static int serve(const struct disk_verb_options *o)
{
    struct process p = { .status = EXIT_POWEROFF };
    bool ok = start(&p, o);
    if (ok)
        loop_run(p.loop);
    vhost_user_backend_destroy(p.backend);
    virtio_blk_destroy(p.dev);
    aio_destroy(p.aio);
    if (p.loop)
        loop_signals_remove(&p.signals);
    loop_destroy(p.loop);
    if (ok)
        unlink(o->socket);
    return ok ? p.status : EXIT_USAGE;
}

int verb_disk(int argc, char **argv)
{
    struct disk_verb_options options = { 0 };
    log_set_process(" disk");
    enum options_result result = option_table_parse(&table, &options, argc, argv);
    int status = EXIT_USAGE;
    if (result == OPTIONS_HELP) {
        fputs(help, stdout);
        status = 0;
    } else if (result == OPTIONS_OK && (!options.socket || !options.disk.path)) {
        log_error("which socket and disk? Usage: vitrine disk --vhost-user SOCKET FILE");
    } else if (result == OPTIONS_OK) {
        status = serve(&options);
    }
    disk_options_finish(&options.disk);
    return status;
}
