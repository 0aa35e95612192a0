// SPDX-License-Identifier: MIT
#include "vmm/app/display_options.h"

#include <stddef.h>
#include <string.h>

#define LOG_MODULE "display"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

const char display_help[] =
    "Usage: vitrine display --gpu-socket PATH [OPTION]...\n"
    "The windows, the graphics card and the input devices of a virtual machine that another "
    "program\n"
    "runs: QEMU 10, or any vhost-user front-end. Start this first, then the machine.\n"
    "\n"
    "  --gpu-socket PATH     where the machine finds its graphics card (vhost-user-gpu)\n"
    "  --input-socket PATH[,device=keyboard|tablet|mouse|touchscreen|pen]\n"
    "                        where it finds an input device (vhost-user-input); without device=, "
    "the\n"
    "                        first is the keyboard, the second the tablet, an absolute pointer, "
    "and\n"
    "                        the third the mouse; tablet1 and on: one for each monitor\n"
    "  --gpu SPEC            backend=auto (the default), virgl or 2d, and render-node=PATH or\n"
    "                        surfaceless, with a comma in between\n"
    "  --size WxH            how large a window is at first (default 1280x800)\n"
    "  --display SPEC        how many windows there are and how they behave, as with `vitrine "
    "run`\n"
    "  --name NAME           the name in the window's title\n"
    "  --input SPEC, --evdev DEVICE\n"
    "                        where keys and pointer come from, as for `vitrine run`\n"
    "  --headless            no window: what the guest draws is seen by nobody\n"
    "  --socket PATH         a control socket for `vitrine ctl`: status, stats, stop\n"
    "  --no-sandbox          run the graphics process with all of your rights, not in a jail\n"
    "  --verbose             say more on stderr\n"
    "  --help                this text\n"
    "\n"
    "With QEMU, whose guest memory must be shared:\n"
    "\n"
    "  qemu-system-x86_64 -machine q35,memory-backend=ram -m 2G \\\n"
    "    -object memory-backend-memfd,id=ram,size=2G,share=on \\\n"
    "    -vga none -chardev socket,id=gpu,path=GPU -device vhost-user-gpu-pci,chardev=gpu \\\n"
    "    -chardev socket,id=kbd,path=KBD -device vhost-user-input-pci,chardev=kbd \\\n"
    "    -chardev socket,id=tab,path=TAB -device vhost-user-input-pci,chardev=tab ...\n"
    "\n"
    "What this lacks beside `vitrine run`, because QEMU's front-end does: the guest is not told "
    "when\n"
    "a window gets another size, the number of monitors is QEMU's (max_outputs=; give --display\n"
    "outputs= the same), none comes or goes later, and the guest is offered neither blob "
    "resources\n"
    "(its pixels are copied) nor CONTEXT_INIT.\n"
    "\n"
    "Exit status: 0 the machine ended, 2 bad usage or no window or graphics to be had, 3 the "
    "graphics\n"
    "process died, 4 stopped from outside: a signal, the window closed, `vitrine ctl`.\n";

static bool take_gpu_socket(void *into, const char *value)
{
    struct display_options *o = into;
    o->gpu_socket = value;
    return true;
}

static const char *const device_names[GATE_SCANOUT_POINTER] = {
    [GATE_KEYBOARD] = "keyboard",       [GATE_POINTER] = "tablet", [GATE_MOUSE] = "mouse",
    [GATE_TOUCHSCREEN] = "touchscreen", [GATE_PEN] = "pen",
};

static bool parse_device(const char *name, enum gate_device *device)
{
    uint64_t number;
    if (strncmp(name, "tablet", 6) == 0 && option_number(name + 6, 1, GATE_MAX_SCANOUTS, &number)) {
        *device = GATE_SCANOUT_POINTER + (enum gate_device)number - 1;
        return true;
    }
    for (unsigned i = 0; i < GATE_SCANOUT_POINTER; i++) {
        if (strcmp(name, device_names[i]) == 0) {
            *device = (enum gate_device)i;
            return true;
        }
    }
    return false;
}

static bool take_input_socket(void *into, const char *value)
{
    struct display_options *o = into;
    if (o->n_inputs == GATE_DEVICE_COUNT) {
        log_error("--input-socket %s: each device has a socket already", value);
        return false;
    }
    struct display_input *input = &o->input[o->n_inputs];
    const char *comma = strchr(value, ',');
    size_t len = comma ? (size_t)(comma - value) : strlen(value);
    if (len == 0 || len >= sizeof(input->path)) {
        log_error("--input-socket takes a path of 1 to %zu bytes", sizeof(input->path) - 1);
        return false;
    }
    memcpy(input->path, value, len);
    input->path[len] = '\0';
    if (!comma && o->n_inputs >= GATE_SCANOUT_POINTER) {
        log_error("--input-socket %s: which device? It takes device=tablet1 to tablet%d", value,
                  GATE_MAX_SCANOUTS);
        return false;
    }
    input->device = (enum gate_device)o->n_inputs;
    if (comma && (strncmp(comma, ",device=", 8) != 0 || !parse_device(comma + 8, &input->device))) {
        log_error("--input-socket %s: '%s' is unknown; a socket takes device=keyboard, tablet, "
                  "mouse, touchscreen, pen, or tablet1 to tablet%d, one for each monitor",
                  input->path, comma + 1, GATE_MAX_SCANOUTS);
        return false;
    }
    for (unsigned i = 0; i < o->n_inputs; i++) {
        if (o->input[i].device == input->device) {
            log_error("--input-socket %s: another socket is that device's already", input->path);
            return false;
        }
    }
    o->screen.input.each_pointer |= input->device >= GATE_SCANOUT_POINTER;
    o->screen.input.touchscreen |= input->device == GATE_TOUCHSCREEN;
    o->screen.input.pen |= input->device == GATE_PEN;
    o->n_inputs++;
    return true;
}

static bool take_size(void *into, const char *value)
{
    if (screen_parse_size(into, value))
        return true;
    log_error("--size takes WxH with sides from %d to %d, such as 1280x800, not '%s'",
              SCREEN_MIN_SIDE, SCREEN_MAX_SIDE, value);
    return false;
}

static bool take_control_socket(void *into, const char *value)
{
    struct display_options *o = into;
    o->control_socket = value;
    return true;
}

static bool take_verbose(void *into, const char *value)
{
    struct display_options *o = into;
    o->verbose = true;
    return true;
}

#define IN_SCREEN offsetof(struct display_options, screen)
#define IN_SCREEN_INPUT offsetof(struct display_options, screen.input)

static const struct option_def option_defs[] = {
    { "gpu-socket", OPTION_VALUE_NEEDED, take_gpu_socket },
    { "input-socket", OPTION_VALUE_NEEDED, take_input_socket },
    { "gpu", OPTION_VALUE_OPTIONAL, screen_take_gpu, IN_SCREEN },
    { "display", OPTION_VALUE_NEEDED, screen_take_display, IN_SCREEN },
    { "size", OPTION_VALUE_NEEDED, take_size, IN_SCREEN },
    { "name", OPTION_VALUE_NEEDED, screen_take_name, IN_SCREEN },
    { "headless", OPTION_ALONE, screen_take_headless, IN_SCREEN },
    { "input", OPTION_VALUE_NEEDED, input_take, IN_SCREEN_INPUT },
    { "evdev", OPTION_VALUE_NEEDED, input_take_evdev, IN_SCREEN_INPUT },
    { "socket", OPTION_VALUE_NEEDED, take_control_socket },
    { "no-sandbox", OPTION_ALONE, screen_take_no_sandbox, IN_SCREEN },
    { "disable-sandbox", OPTION_ALONE, screen_take_no_sandbox, IN_SCREEN },
    { "verbose", OPTION_ALONE, take_verbose },
};

static const struct option_table table = {
    .verb = "display",
    .defs = option_defs,
    .n_defs = ARRAY_LEN(option_defs),
};

/* Without a mouse, the guest would hear nothing of a locked pointer. */
/* There is one tablet for all monitors, or one for each that there may be. */
static bool check_tablets(const struct display_options *o)
{
    bool each = o->screen.input.each_pointer;
    unsigned max = screen_max_outputs(&o->screen);
    for (unsigned i = 0; i < o->n_inputs; i++) {
        const struct display_input *input = &o->input[i];
        if (input->device == GATE_POINTER && each) {
            log_error(
                "--input-socket %s: with a tablet for each monitor there is none for all; say "
                "device=tablet1",
                input->path);
            return false;
        }
        if (input->device >= GATE_SCANOUT_POINTER + max) {
            log_error("--input-socket %s: there are %u monitors at most; --display max=N says how "
                      "many",
                      input->path, max);
            return false;
        }
    }
    return true;
}

static bool check_mouse(struct display_options *o)
{
    for (unsigned i = 0; i < o->n_inputs; i++) {
        if (o->input[i].device == GATE_MOUSE)
            return true;
    }
    o->screen.confine = true;
    if (o->screen.lock_on_click)
        log_error("--display lock-on-click needs a mouse for the guest: add --input-socket "
                  "PATH,device=mouse");
    return !o->screen.lock_on_click;
}

enum options_result display_options_parse(struct display_options *options, int argc, char **argv)
{
    *options = (struct display_options){ .screen = screen_options_default };
    enum options_result result = option_table_parse(&table, options, argc, argv);
    if (result != OPTIONS_OK)
        return result;
    if (!options->gpu_socket) {
        log_error("which socket? Usage: vitrine display --gpu-socket PATH [OPTION]...");
        return OPTIONS_BAD;
    }
    if (options->screen.headless && options->n_inputs > 0) {
        log_error("--input-socket needs a window for its input to come from; leave out --headless");
        return OPTIONS_BAD;
    }
    if (!input_options_complete(&options->screen.input, options->screen.headless))
        return OPTIONS_BAD;
    return check_tablets(options) && check_mouse(options) ? OPTIONS_OK : OPTIONS_BAD;
}
