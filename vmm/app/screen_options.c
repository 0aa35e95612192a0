// SPDX-License-Identifier: MIT
#include "vmm/app/screen_options.h"

#include <string.h>

#define LOG_MODULE "options"
#include "vmm/app/gpu_deaths.h"
#include "vmm/app/option_table.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

const struct screen_options screen_options_default = {
    .name = "vitrine",
    .outputs = 1,
    .width = 1280,
    .height = 800,
    .watchdog = 10,
    .deaths = 3,
};

static const char *const choice_names[] = {
    [GPU_AUTO] = "auto",
    [GPU_VIRGL] = "virgl",
    [GPU_2D] = "2d",
};

const char *gpu_choice_name(enum gpu_choice choice)
{
    return choice_names[choice];
}

bool gpu_parse_choice(const char *text, enum gpu_choice *choice)
{
    for (unsigned i = 0; i < ARRAY_LEN(choice_names); i++) {
        if (strcmp(text, choice_names[i]) == 0) {
            *choice = (enum gpu_choice)i;
            return true;
        }
    }
    return false;
}

bool gpu_parse_render_node(struct screen_options *screen, const char *text)
{
    if ((text[0] != '/' && strcmp(text, "surfaceless") != 0) ||
        strlen(text) >= sizeof(screen->render_node))
        return false;
    strcpy(screen->render_node, text);
    return true;
}

static bool parse_up_to(unsigned max, const char *text, unsigned *number)
{
    uint64_t n;
    if (!option_number(text, 0, max, &n))
        return false;
    *number = (unsigned)n;
    return true;
}

/* One `key=value` of --gpu's. */
static bool take_gpu_word(struct screen_options *o, const char *word)
{
    if (strncmp(word, "backend=", 8) == 0)
        return gpu_parse_choice(word + 8, &o->gpu);
    if (strncmp(word, "render-node=", 12) == 0)
        return gpu_parse_render_node(o, word + 12);
    if (strncmp(word, "watchdog=", 9) == 0)
        return parse_up_to(SCREEN_MAX_WATCHDOG, word + 9, &o->watchdog);
    if (strncmp(word, "deaths=", 7) == 0)
        return parse_up_to(GPU_DEATHS_MAX, word + 7, &o->deaths);
    return false;
}

/* Who asks for it wants OpenGL, unless they say otherwise. */
bool screen_take_gpu(void *into, const char *value)
{
    struct screen_options *o = into;
    char words[128], *save = NULL;

    o->gpu = GPU_VIRGL;
    if (!value)
        return true;
    if (strlen(value) >= sizeof(words))
        goto bad;
    strcpy(words, value);
    for (char *word = strtok_r(words, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
        if (!take_gpu_word(o, word))
            goto bad;
    }
    return true;
bad:
    log_error("--gpu takes backend=auto, virgl or 2d, render-node=PATH or surfaceless, "
              "watchdog=SECONDS up to %d, and deaths=N up to %d, not '%s'",
              SCREEN_MAX_WATCHDOG, GPU_DEATHS_MAX, value);
    return false;
}

bool screen_take_headless(void *into, const char *value)
{
    struct screen_options *o = into;
    o->headless = true;
    return true;
}

bool screen_take_no_sandbox(void *into, const char *value)
{
    struct screen_options *o = into;
    o->no_sandbox = true;
    return true;
}

bool screen_take_hud(void *into, const char *value)
{
    struct screen_options *o = into;
    o->hud = true;
    return true;
}

bool screen_take_name(void *into, const char *value)
{
    struct screen_options *o = into;
    if (!*value) {
        log_error("--name takes a name, such as --name debian");
        return false;
    }
    o->name = value;
    return true;
}

const char *screen_icon(const struct screen_options *screen)
{
    return screen->icon[0] ? screen->icon : SCREEN_ICON;
}

unsigned screen_max_outputs(const struct screen_options *screen)
{
    return screen->max_outputs ? screen->max_outputs
                               : MAX(screen->outputs, (unsigned)SCREEN_OUTPUTS);
}

bool screen_parse_size(struct screen_options *screen, const char *text)
{
    uint64_t w, h;
    char width[16];
    const char *x = strchr(text, 'x');
    if (!x || (size_t)(x - text) >= sizeof(width))
        return false;
    memcpy(width, text, (size_t)(x - text));
    width[x - text] = '\0';
    if (!option_number(width, SCREEN_MIN_SIDE, SCREEN_MAX_SIDE, &w) ||
        !option_number(x + 1, SCREEN_MIN_SIDE, SCREEN_MAX_SIDE, &h))
        return false;
    screen->width = (uint32_t)w;
    screen->height = (uint32_t)h;
    return true;
}
