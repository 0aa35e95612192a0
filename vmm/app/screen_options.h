/* SPDX-License-Identifier: MIT */
/* What a screen is made of, and the options that say so in every verb that has one. */
#ifndef VITRINE_APP_SCREEN_OPTIONS_H
#define VITRINE_APP_SCREEN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* Strings point into the command line. */
struct screen_options {
    const char *name; /* the window's title and app_id */
    bool headless;
    uint32_t width, height; /* pixels of a new scanout */
};

extern const struct screen_options screen_options_default;

/* For option tables (option_table.h), into a struct screen_options. */
bool screen_take_gpu(void *into, const char *value); /* value may be NULL */
bool screen_take_headless(void *into, const char *value);
bool screen_take_name(void *into, const char *value);

/* A size such as 1280x800, which is the whole of text. False, and nothing said, where it is none. */
bool screen_parse_size(struct screen_options *screen, const char *text);
#define SCREEN_MIN_SIDE 64
#define SCREEN_MAX_SIDE 16384

#endif
