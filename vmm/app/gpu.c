// SPDX-License-Identifier: MIT
/* `vitrine gpu`: what a machine starts, and what another vhost-user front-end may be given. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "main"
#include "gpu/gl/virgl.h"
#include "gpu/process.h"
#include "vmm/app/screen_options.h"
#include "vmm/app/verbs.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/jail/jail.h"

static const char help[] =
    "Usage: vitrine gpu --vhost-user SOCKET [OPTION]...\n"
    "Serves a virtio-gpu device to a vhost-user front-end. The machine starts it by itself.\n"
    "\n"
    "  --vhost-user SOCKET  a path to listen at, or fd=N for a socket, connected or listening\n"
    "  --frames FD          the socket that frames leave by; without it they are shown nowhere\n"
    "  --journal FD         where a predecessor left its state, and this process leaves its own\n"
    "  --size WxH           the preferred mode of the scanouts that are connected\n"
    "  --outputs N          so many are, until the display says otherwise (default 1)\n"
    "  --max-outputs N      how many scanouts there are (default 1)\n"
    "  --backend NAME       virgl (OpenGL), 2d, or auto: virgl where OpenGL can be had\n"
    "  --claim-3d           offer 3D even where nothing renders, as a predecessor did\n"
    "  --render-node PATH   the DRM node to draw with, or surfaceless; without it one is chosen\n"
    "  --jail N             it is in these namespaces (vmm/jail/jail.h), and jails itself\n"
    "  --no-sandbox         no jail\n"
    "  --verbose            say more on stderr\n"
    "\n"
    "Started by hand it is in no jail; `vitrine display` starts one that is.\n";

struct gpu_options {
    struct gpu_process_options process;
    struct screen_options screen;
    bool jailed;
    unsigned namespaces;
    int outputs, max_outputs;
};

static bool parse_number(const char *text, int *fd)
{
    char *end;
    long value = strtol(text, &end, 10);
    if (!*text || *end || value < 0 || value > 1 << 20)
        return false;
    *fd = (int)value;
    return true;
}

static bool parse_count(const char *text, int *count)
{
    return parse_number(text, count) && *count >= 1 && *count <= DISPLAY_MAX_SCANOUTS;
}

static bool parse_namespaces(struct gpu_options *o, const char *text)
{
    int bits;
    if (!parse_number(text, &bits) || bits > JAIL_ALL)
        return false;
    o->namespaces = (unsigned)bits;
    o->jailed = true;
    return true;
}

static bool take(struct gpu_options *o, const char *name, const char *value)
{
    struct gpu_process_options *options = &o->process;
    struct display_mode *mode = &options->gpu.mode[0];
    if (strcmp(name, "--vhost-user") == 0) {
        if (strncmp(value, "fd=", 3) == 0)
            return parse_number(value + 3, &options->socket_fd);
        options->socket = value;
        return true;
    }
    if (strcmp(name, "--frames") == 0)
        return parse_number(value, &options->frames_fd);
    if (strcmp(name, "--journal") == 0)
        return parse_number(value, &options->journal_fd);
    if (strcmp(name, "--size") == 0)
        return sscanf(value, "%ux%u", &mode->width, &mode->height) == 2;
    if (strcmp(name, "--outputs") == 0)
        return parse_count(value, &o->outputs);
    if (strcmp(name, "--max-outputs") == 0)
        return parse_count(value, &o->max_outputs);
    if (strcmp(name, "--backend") == 0)
        return gpu_parse_choice(value, &o->screen.gpu);
    if (strcmp(name, "--render-node") == 0)
        return gpu_parse_render_node(&o->screen, value);
    if (strcmp(name, "--jail") == 0)
        return parse_namespaces(o, value);
    return false;
}

static void set_scanouts(struct gpu_options *o)
{
    struct virtio_gpu_options *gpu = &o->process.gpu;
    gpu->n_scanouts = (unsigned)MAX(o->outputs, o->max_outputs);
    for (int i = 1; i < o->outputs; i++)
        gpu->mode[i] = gpu->mode[0];
}

/* Before there is a thread, and anything that a driver opens. */
static void enter_jail(struct gpu_options *o)
{
    if (!o->jailed) {
        log_warn("no sandbox: whoever breaks the graphics driver has all of your rights");
        return;
    }
    jail_enter(o->namespaces, o->screen.render_node[0] ? o->screen.render_node : NULL);
    o->process.seal = jail_seal;
}

int verb_gpu(int argc, char **argv)
{
    struct gpu_options options = {
        .process = { .socket_fd = -1, .frames_fd = -1, .journal_fd = -1 },
        .outputs = 1,
        .max_outputs = 1,
    };
    struct gpu_process_options *process = &options.process;
    struct virgl_maker virgl;

    log_set_process(" gpu");
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(help, stdout);
            return 0;
        }
        if (strcmp(argv[i], "--verbose") == 0) {
            log_set_level(LOG_DEBUG);
        } else if (strcmp(argv[i], "--claim-3d") == 0) {
            process->gpu.claim_3d = true;
        } else if (strcmp(argv[i], "--no-sandbox") == 0) {
            options.jailed = false;
        } else if (i + 1 == argc || !take(&options, argv[i], argv[i + 1])) {
            log_error("can't use '%s'; see `vitrine gpu --help`", argv[i]);
            return EXIT_USAGE;
        } else {
            i++;
        }
    }
    if (!process->socket && process->socket_fd < 0) {
        log_error("which socket? Usage: vitrine gpu --vhost-user SOCKET [--frames FD]");
        return EXIT_USAGE;
    }
    set_scanouts(&options);
    const char *node = options.screen.render_node;
    virgl_maker_init(&virgl, *node ? node : NULL, options.screen.gpu == GPU_VIRGL);
    if (options.screen.gpu != GPU_2D)
        process->gpu.maker = &virgl.base;
    process->gpu.need_maker = options.screen.gpu == GPU_VIRGL;
    enter_jail(&options);
    int status = gpu_process_main(process);
    return virgl.required && virgl.failed ? EXIT_USAGE : status;
}
