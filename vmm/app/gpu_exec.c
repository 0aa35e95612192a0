// SPDX-License-Identifier: MIT
#include "vmm/app/gpu_exec.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/app/gpu_child.h"
#include "vmm/app/screen_options.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/jail/jail.h"

#define MAX_VARIABLES 64

/* Variables of the user's that the process keeps: what begins so. The others may hold secrets. */
static const char *const kept[] = {
    "LD_LIBRARY_PATH=", /* where drivers are, as in vmm/jail/view.c */
    "LIBGL_",           "GBM_",          "EGL_",          "__EGL_", "MESA_", /* what they do */
    "GALLIUM_",         "LP_",           "AMD_",          "INTEL_", "NOUVEAU_",
    "DRI_PRIME=",       "VREND_", /* virglrenderer's */
    "ASAN_OPTIONS=",              /* the compiler's sanitizers' */
    "UBSAN_OPTIONS=",   "TSAN_OPTIONS=", "LSAN_OPTIONS=",
};

static bool is_kept(const char *variable)
{
    for (unsigned i = 0; i < ARRAY_LEN(kept); i++) {
        if (strncmp(variable, kept[i], strlen(kept[i])) == 0)
            return true;
    }
    return false;
}

/* Mesa's shader cache would be in a folder that the jail has not, and hold what the guest compiled. */
static void fill_environment(const char *variables[MAX_VARIABLES])
{
    unsigned n = 0;

    variables[n++] = "MESA_SHADER_CACHE_DISABLE=true";
    variables[n++] = "MESA_GLSL_CACHE_DISABLE=true"; /* its name before Mesa 22.1 */
    for (char **variable = environ; *variable && n < MAX_VARIABLES - 1; variable++) {
        if (is_kept(*variable))
            variables[n++] = *variable;
    }
    variables[n] = NULL;
}

/* Nothing that is open here stays so but stderr. */
static void close_files(void)
{
    int null = open("/dev/null", O_RDWR);

    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
        close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
        _exit(127);
}

/* In the new process, which has only this thread of ours. */
static void become_gpu(const struct gpu_child_params *params, unsigned namespaces)
{
    const struct screen_options *options = params->options;
    char vhost_arg[32], frames_arg[16], journal_arg[16], size_arg[32], outputs_arg[16], max_arg[16],
        jail_arg[16];
    const char *environment[MAX_VARIABLES];
    sigset_t none;

    close_files();
    int vhost = dup(params->vhost_fd), frames = dup(params->frames_fd); /* without close-on-exec */
    int journal = params->journal_fd < 0 ? -1 : dup(params->journal_fd);
    if (vhost < 0 || frames < 0 || (params->journal_fd >= 0 && journal < 0))
        _exit(127);
    setsid(); /* the terminal's Ctrl-C is for the machine, which then ends its processes */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    snprintf(vhost_arg, sizeof(vhost_arg), "fd=%d", vhost);
    snprintf(frames_arg, sizeof(frames_arg), "%d", frames);
    snprintf(size_arg, sizeof(size_arg), "%ux%u", options->width, options->height);
    snprintf(outputs_arg, sizeof(outputs_arg), "%u", options->outputs);
    snprintf(max_arg, sizeof(max_arg), "%u", screen_max_outputs(options));
    snprintf(jail_arg, sizeof(jail_arg), "%u", namespaces);
    const char *args[32] = {
        "vitrine",       "gpu",
        "--vhost-user",  vhost_arg,
        "--frames",      frames_arg,
        "--size",        size_arg,
        "--outputs",     outputs_arg,
        "--max-outputs", max_arg,
        "--backend",     gpu_choice_name(options->gpu),
    };
    unsigned n = 14;
    if (journal >= 0) {
        snprintf(journal_arg, sizeof(journal_arg), "%d", journal);
        args[n++] = "--journal";
        args[n++] = journal_arg;
    }
    if (params->claim_3d)
        args[n++] = "--claim-3d";
    if (options->no_sandbox) {
        args[n++] = "--no-sandbox";
    } else {
        args[n++] = "--jail";
        args[n++] = jail_arg;
    }
    if (options->render_node[0]) {
        args[n++] = "--render-node";
        args[n++] = options->render_node;
    }
    if (log_get_level() >= LOG_DEBUG)
        args[n++] = "--verbose";
    fill_environment(environment);
    execve("/proc/self/exe", (char *const *)args, (char *const *)environment);
    _exit(127);
}

pid_t gpu_exec(const struct gpu_child_params *params)
{
    unsigned namespaces;
    pid_t pid = jail_fork(params->options->no_sandbox ? 0 : JAIL_ALL, &namespaces);

    if (pid == 0)
        become_gpu(params, namespaces);
    return pid;
}
