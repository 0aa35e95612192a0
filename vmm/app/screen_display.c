// SPDX-License-Identifier: MIT
/* --display: the words of it, with commas in between. */
#include <stdio.h>
#include <string.h>

#define LOG_MODULE "options"
#include "vmm/app/option_table.h"
#include "vmm/app/screen_options.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "wl/hotkey.h"

struct choice {
    const char *name;
    int value;
};

static const struct choice contents[] = {
    { "game", WAYL_CONTENT_GAME },
    { "video", WAYL_CONTENT_VIDEO },
    { "photo", WAYL_CONTENT_PHOTO },
};

static const struct choice idles[] = {
    { "unless-fullscreen", WAYL_IDLE_UNLESS_FULLSCREEN },
    { "always", WAYL_IDLE_ALWAYS },
    { "never", WAYL_IDLE_NEVER },
};

static const struct choice *find(const struct choice *choices, unsigned n, const char *name)
{
    for (unsigned i = 0; i < n; i++) {
        if (strcmp(choices[i].name, name) == 0)
            return &choices[i];
    }
    return NULL;
}

static bool take_size(struct screen_options *o, const char *text)
{
    if (screen_parse_size(o, text))
        return true;
    log_error("--display takes size=WxH with sides from %d to %d, such as size=1280x800, not '%s'",
              SCREEN_MIN_SIDE, SCREEN_MAX_SIDE, text);
    return false;
}

static bool take_content(struct screen_options *o, const char *text)
{
    const struct choice *choice = find(contents, ARRAY_LEN(contents), text);
    if (choice)
        o->manners.content = (enum wayl_content)choice->value;
    else
        log_error("--display takes content=game, video or photo, not '%s'", text);
    return choice;
}

static bool take_idle(struct screen_options *o, const char *text)
{
    const struct choice *choice = find(idles, ARRAY_LEN(idles), text);
    if (choice)
        o->manners.idle = (enum wayl_idle)choice->value;
    else
        log_error("--display takes idle=unless-fullscreen, always or never, not '%s'", text);
    return choice;
}

static bool take_decoration(struct screen_options *o, const char *text)
{
    o->manners.bare = strcmp(text, "none") == 0;
    if (o->manners.bare || strcmp(text, "auto") == 0)
        return true;
    log_error("--display takes decoration=auto or none, not '%s'", text);
    return false;
}

static bool take_icon(struct screen_options *o, const char *text)
{
    size_t len = strlen(text);
    if (len > 0 && len < sizeof(o->icon)) {
        memcpy(o->icon, text, len + 1);
        return true;
    }
    log_error("--display takes icon=NAME of 1 to %zu bytes, a name of the icon theme's such as "
              "computer",
              sizeof(o->icon) - 1);
    return false;
}

static bool take_number(const char *name, const char *text, unsigned *number)
{
    uint64_t n;
    if (!option_number(text, 1, DISPLAY_MAX_SCANOUTS, &n)) {
        log_error("--display takes %s=N, a number of monitors from 1 to %d, not '%s'", name,
                  DISPLAY_MAX_SCANOUTS, text);
        return false;
    }
    *number = (unsigned)n;
    return true;
}

static bool take_outputs(struct screen_options *o, const char *text)
{
    return take_number("outputs", text, &o->outputs);
}

static bool take_max(struct screen_options *o, const char *text)
{
    return take_number("max", text, &o->max_outputs);
}

static bool take_scaling(struct screen_options *o, const char *text)
{
    o->fill = strcmp(text, "fill") == 0;
    if (o->fill || strcmp(text, "fit") == 0)
        return true;
    log_error("--display takes scaling=fit or fill, not '%s'", text);
    return false;
}

static bool take_tearing(struct screen_options *o, const char *text)
{
    o->manners.tearing = true;
    return true;
}

static bool take_hotkey(struct screen_options *o, const char *text)
{
    struct wayl_hotkey hotkey;
    if (wayl_hotkey_parse(&hotkey, text)) {
        snprintf(o->hotkey, sizeof(o->hotkey), "%s", text);
        return true;
    }
    log_error(
        "--display takes hotkey=MODIFIER+...+KEY with ctrl, alt, shift or super, and a key by "
        "its XKB name, such as hotkey=" WAYL_HOTKEY_DEFAULT ", not '%s'",
        text);
    return false;
}

static bool take_confine(struct screen_options *o, const char *text)
{
    o->confine = true;
    return true;
}

static bool take_lock_on_click(struct screen_options *o, const char *text)
{
    o->lock_on_click = true;
    return true;
}

static bool take_fullscreen(struct screen_options *o, const char *text)
{
    o->fullscreen = true;
    return true;
}

static const struct {
    const char *name;
    bool has_value;
    bool (*take)(struct screen_options *o, const char *text);
} words[] = {
    { "size", true, take_size },
    { "content", true, take_content },
    { "idle", true, take_idle },
    { "icon", true, take_icon },
    { "decoration", true, take_decoration },
    { "tearing", false, take_tearing },
    { "outputs", true, take_outputs },
    { "max", true, take_max },
    { "scaling", true, take_scaling },
    { "hotkey", true, take_hotkey },
    { "confine", false, take_confine },
    { "lock-on-click", false, take_lock_on_click },
    { "fullscreen", false, take_fullscreen },
};

static bool take_word(struct screen_options *o, const char *word)
{
    const char *equals = strchr(word, '=');
    size_t len = equals ? (size_t)(equals - word) : strlen(word);
    for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
        if (strncmp(words[i].name, word, len) == 0 && words[i].name[len] == '\0' &&
            words[i].has_value == (equals != NULL))
            return words[i].take(o, equals ? equals + 1 : NULL);
    }
    log_error("--display takes size=WxH, outputs=N, max=N, scaling=HOW, fullscreen, hotkey=KEYS, "
              "confine, lock-on-click, tearing, content=KIND, idle=WHEN, icon=NAME and "
              "decoration=HOW, with commas in between, not '%s'",
              word);
    return false;
}

bool screen_take_display(void *into, const char *value)
{
    char text[256], *save = NULL;
    if (strlen(value) >= sizeof(text)) {
        log_error("--display takes %zu bytes at most", sizeof(text) - 1);
        return false;
    }
    strcpy(text, value);
    char *word = strtok_r(text, ",", &save);
    if (!word)
        return take_word(into, value);
    for (; word; word = strtok_r(NULL, ",", &save)) {
        if (!take_word(into, word))
            return false;
    }
    const struct screen_options *o = into;
    if (o->outputs <= screen_max_outputs(o))
        return true;
    log_error("--display outputs=%u takes a max of as many, not max=%u", o->outputs,
              o->max_outputs);
    return false;
}
