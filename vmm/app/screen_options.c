// SPDX-License-Identifier: MIT
#include "vmm/app/screen_options.h"

#include <string.h>

#define LOG_MODULE "options"
#include "vmm/app/option_table.h"
#include "vmm/base/log.h"

const struct screen_options screen_options_default = {
    .name = "vitrine",
    .width = 1280,
    .height = 800,
};

bool screen_take_gpu(void *into, const char *value)
{
    if (!value || strcmp(value, "backend=2d") == 0)
        return true;
    log_error("--gpu %s: this build has backend=2d only", value);
    return false;
}

bool screen_take_headless(void *into, const char *value)
{
    struct screen_options *o = into;
    o->headless = true;
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
