/* SPDX-License-Identifier: MIT */
/* What the tests of wl/ share: a GPU and an input sink that write down what they hear, and buffers. */
#ifndef VITRINE_TESTS_WL_FIXTURE_H
#define VITRINE_TESTS_WL_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "gpu/frame.h"
#include "input/sink.h"
#include "tests/wl/compositor.h"
#include "wl/wayl.h"

#define FIXTURE_DONE_MAX 256
#define FIXTURE_FORMATS_MAX 32u

struct recorder;

/* A buffer of the "guest": a sealed memfd, called whatever kind the test wants. */
struct test_buffer {
    struct frame_buffer base;
    struct recorder *rec; /* or NULL: whose `then` a release calls */
    unsigned released;
    bool destroyed; /* the last reference is gone */
};

struct recorder {
    struct producer producer;
    struct input_sink sink;
    uint32_t done[FIXTURE_DONE_MAX]; /* seqs in the order that they came, the last ones */
    unsigned n_done;
    unsigned done_scanout;
    struct display_mode mode[DISPLAY_MAX_SCANOUTS];
    unsigned n_modes;
    struct display_format format[FIXTURE_FORMATS_MAX];
    unsigned n_formats; /* of which the first FIXTURE_FORMATS_MAX are kept */
    unsigned formats_calls;
    unsigned n_pace;
    bool hidden[DISPLAY_MAX_SCANOUTS];
    uint32_t period_ns;
    struct frame_buffer *failed; /* the last import_failed */
    unsigned n_failed;
    unsigned n_close, n_lost;
    unsigned closed_scanout;
    bool closes; /* the window whose close is asked for, at once */
    struct display_mode layout[DISPLAY_MAX_SCANOUTS]; /* what the windows' owner heard of modes */
    /* Called behind each done, import_failed and released: a GPU in the same process answers at once. */
    void (*then)(void *data);
    void *then_data;
    uint32_t leds;    /* of the guest's keyboard */
    char input[1024]; /* what the sink heard: "focus 0; key 30 1; frame; " */
};

struct fixture {
    struct loop *loop;
    struct compositor *compositor; /* NULL: another one */
    struct wayl *wayl;
    struct recorder rec;
    uint32_t seq;      /* of the last frame presented */
    const char *title; /* NULL: "A guest" */
    const char *root;  /* NULL: this machine's devices */
    bool confine, lock_on_click;
    bool impatient;
    struct wayl_manners_config manners;
    bool fullscreen;
    bool fill;
    bool hud;
    unsigned max_windows; /* 0: as many as there are at first */
};

#define FIXTURE_PATIENT_MS 600000u
#define FIXTURE_WIDTH 320u
#define FIXTURE_HEIGHT 200u

/* A compositor of that kind with n windows of 320×200, configured and black, and a producer. */
void fixture_open(struct fixture *f, const struct compositor_config *config, unsigned n_windows);
/* The same, but its windows are hidden after 2 × 200 ms without a frame callback, as a user's are;
 * those of fixture_open() wait for ever, so that a busy machine fails no test. */
void fixture_open_impatient(struct fixture *f, const struct compositor_config *config,
                            unsigned n_windows);
/* The second half of it, for a compositor that was made and prepared. f->wayl is NULL where the windows
 * could not be created. */
void fixture_finish_opening(struct fixture *f, unsigned n_windows);
/* The same parts, but whatever compositor the environment names. False where there is none. */
bool fixture_connect(struct fixture *f, unsigned n_windows);
/* The second half of it, for a fixture that was filled in. */
bool fixture_finish_connecting(struct fixture *f, unsigned n_windows);
/* The same as fixture_open(), but of max_windows. */
void fixture_open_some(struct fixture *f, const struct compositor_config *config,
                       unsigned n_windows, unsigned max_windows);
void fixture_close(struct fixture *f);

/* A number below n; the same ones for the same seed. */
uint32_t fixture_pick(uint32_t *seed, uint32_t n);

/* Runs the loop until a condition holds; fails the test after 10 s. */
#define fixture_until(f, cond)                                                                     \
    do {                                                                                           \
        int64_t until_deadline_ = fixture_now_ms() + 10000;                                        \
        while (!(cond)) {                                                                          \
            assert_true(fixture_now_ms() < until_deadline_);                                       \
            loop_run_once((f)->loop, 1000);                                                        \
        }                                                                                          \
    } while (0)
int64_t fixture_now_ms(void);

/* What the sink heard since the last time. */
#define expect_input(f, text)                                                                      \
    do {                                                                                           \
        compositor_sync((f)->compositor);                                                          \
        assert_string_equal((f)->rec.input, text);                                                 \
        (f)->rec.input[0] = '\0';                                                                  \
    } while (0)

void test_buffer_init(struct test_buffer *buffer, enum frame_buffer_kind kind, uint32_t width,
                      uint32_t height, uint32_t fourcc);
/* The maker's reference goes; the test then sees whether anyone else holds one. */
void test_buffer_drop(struct test_buffer *buffer);

/* Presents the whole buffer with one damaged rectangle (all of it if NULL). Returns the seq. */
uint32_t fixture_present(struct fixture *f, unsigned scanout, struct test_buffer *buffer,
                         const struct frame_rect *damage);

/* Until an import is answered and its frame committed. The windows are still there. */
void fixture_settle(struct fixture *f);

/* fixture_close(), then drops both buffers and asserts that nobody keeps them. */
void fixture_close_with(struct fixture *f, struct test_buffer *a, struct test_buffer *b);

#endif
