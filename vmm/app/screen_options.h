/* SPDX-License-Identifier: MIT */
/* What a screen is made of, and the options that say so in every verb that has one. */
#ifndef VITRINE_APP_SCREEN_OPTIONS_H
#define VITRINE_APP_SCREEN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/app/input_options.h"
#include "wl/wayl.h"

/* What the guest's graphics are drawn by. Auto: virglrenderer where OpenGL can be had, else 2D. */
enum gpu_choice { GPU_AUTO, GPU_VIRGL, GPU_2D };

/* Strings point into the command line. */
struct screen_options {
    const char *name; /* the window's title and app_id */
    bool headless;
    unsigned outputs;            /* monitors at first */
    unsigned max_outputs;        /* ever; 0: SCREEN_OUTPUTS, or outputs if they are more */
    uint32_t width, height;      /* of a new window, in the desktop's pixels */
    bool fill;                   /* pictures of another shape than their window's */
    char hotkey[80];             /* captures the pointer; empty: the default */
    bool confine, lock_on_click; /* struct wayl_config */
    bool fullscreen;
    bool hud;                           /* frame timing is drawn over the windows */
    struct wayl_manners_config manners; /* but for the icon */
    char icon[64];                      /* its name; empty: SCREEN_ICON */
    struct input_options input;
    enum gpu_choice gpu;
    unsigned
        watchdog; /* seconds without progress after which the GPU process is replaced; 0: never */
    unsigned deaths;      /* of the GPU process in a minute, that end OpenGL; 0: no number does */
    bool no_sandbox;      /* the GPU process runs outside of its jail */
    char render_node[64]; /* where OpenGL is to be had: a path or "surfaceless"; empty: choose */
};

extern const struct screen_options screen_options_default;

/* For option tables (option_table.h), into a struct screen_options. */
bool screen_take_gpu(void *into, const char *value); /* value may be NULL */
bool screen_take_display(void *into, const char *value);
bool screen_take_headless(void *into, const char *value);
bool screen_take_hud(void *into, const char *value);
bool screen_take_name(void *into, const char *value);
bool screen_take_no_sandbox(void *into, const char *value);

/* The name of the icon of the windows, and of the VM in the launcher. */
const char *screen_icon(const struct screen_options *screen);
/* How many monitors there may ever be. */
unsigned screen_max_outputs(const struct screen_options *screen);
/* A size such as 1280x800, which is the whole of text. False, and nothing said, where it is none. */
bool screen_parse_size(struct screen_options *screen, const char *text);
/* The name of a choice, "auto", "virgl" or "2d", and back. False where it is none. */
const char *gpu_choice_name(enum gpu_choice choice);
bool gpu_parse_choice(const char *text, enum gpu_choice *choice);
/* A path or "surfaceless". False where it is neither, or too long. */
bool gpu_parse_render_node(struct screen_options *screen, const char *text);

#define SCREEN_OUTPUTS 4
/* Ours, of data/: of windows, and of VMs in the launcher. */
#define SCREEN_ICON "vitrine"
#define SCREEN_MAX_WATCHDOG 3600
#define SCREEN_MIN_SIDE 64
#define SCREEN_MAX_SIDE 16384

#endif
