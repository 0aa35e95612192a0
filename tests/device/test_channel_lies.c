// SPDX-License-Identifier: MIT
/* The machine's end of the frame channel against a GPU process that lies. */
#include <drm_fourcc.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gpu/channel_wire.h"
#include "tests/device/channel_bed.h"
#include "tests/device/good_buffer.h"
#include "tests/test.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"

static struct channel_present good_present(void)
{
    return (struct channel_present){
        .head.type = CHANNEL_PRESENT,
        .slot = 1,
        .seq = 1,
        .source = { 0, 0, 16, 16 },
        .n_damage = 1,
        .damage[0] = { 0, 0, 16, 16 },
    };
}

static int raw_bed(struct channel_bed **bed)
{
    void *state;
    channel_bed_set_up_machine(&state);
    *bed = state;
    return fd_memfd_sealed("lie", 4096);
}

/* Sends the good buffer, then a message; the machine must close exactly if it is bad. */
static void expect(bool ok, bool with_buffer, const void *msg, size_t len, const int *fds,
                   unsigned n_fds)
{
    struct channel_bed *bed;
    int memfd = raw_bed(&bed);
    struct channel_buffer_new good = good_buffer(1, 1);

    if (with_buffer)
        assert_true(fd_send(bed->raw, &good, sizeof(good), &memfd, 1) > 0);
    assert_true(fd_send(bed->raw, msg, len, fds ? fds : &memfd, n_fds) > 0);
    channel_bed_settle(bed);
    assert_int_equal(bed->machine_closed, ok ? 0 : 1);
    close(memfd);
    void *state = bed;
    channel_bed_tear_down(&state);
}

static void buffers_must_keep_the_rules(void **state)
{
    const struct channel_buffer_new good = good_buffer(1, 1);
    struct channel_buffer_new b;
    int unsealed = memfd_create("lie", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int two[2] = { unsealed, null };
    int read_only = memfd_create("lie", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    assert_int_equal(ftruncate(unsealed, 4096), 0);
    assert_int_equal(ftruncate(read_only, 4096), 0);
    assert_int_equal(fcntl(read_only, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_WRITE | F_SEAL_SEAL), 0);
    expect(true, false, &good, sizeof(good), NULL, 1);
    expect(false, false, &good, sizeof(good), &unsealed, 1);
    expect(false, false, &good, sizeof(good), &read_only, 1);
    expect(false, false, &good, sizeof(good), &null, 1);
    expect(false, false, &good, sizeof(good), two, 2);
    expect(false, false, &good, sizeof(good), NULL, 0);
    expect(false, true, &good, sizeof(good), NULL, 1); /* the slot is taken */
#define BAD(field, value)                                                                          \
    b = good;                                                                                      \
    b.field = value;                                                                               \
    expect(false, false, &b, sizeof(b), NULL, 1)
    BAD(slot, CHANNEL_MAX_SLOTS);
    BAD(kind, 2);
    BAD(kind, FRAME_BUFFER_DMABUF); /* whose path is shm */
    BAD(path, FRAME_PATH_COUNT);
    BAD(path, FRAME_PATH_UDMABUF);
    BAD(width, 0);
    BAD(width, 17);
    BAD(width, UINT32_MAX);
    BAD(height, 65);
    BAD(height, 16385);
    BAD(n_planes, 0);
    BAD(n_planes, 5);
    BAD(fourcc, DRM_FORMAT_NV12);
    BAD(plane[0].stride, 63);
    BAD(plane[0].stride, UINT32_MAX - 3);
    BAD(plane[0].offset, 4096 - 1023);
    BAD(plane[0].offset, UINT32_MAX);
    BAD(head.scanout, DISPLAY_MAX_SCANOUTS);
    b = good;
    b.plane[0].offset = 4096 - 1024;
    expect(true, false, &b, sizeof(b), NULL, 1);
    /* Memory is no dmabuf, whatever layout is claimed for it. */
    b = good;
    b.kind = FRAME_BUFFER_DMABUF;
    b.path = FRAME_PATH_TEXTURE;
    expect(false, false, &b, sizeof(b), NULL, 1);
    b.modifier = DRM_FORMAT_MOD_LINEAR + 1;
    expect(false, false, &b, sizeof(b), NULL, 1);
    close(read_only);
    close(unsealed);
    close(null);
}

static void presents_must_keep_the_rules(void **state)
{
    const struct channel_present good = good_present();
    struct channel_present p;
    int two[2] = { 0, 1 };

    expect(true, true, &good, sizeof(good), NULL, 0);
    expect(true, true, &good, sizeof(good), NULL, 1);
    expect(false, true, &good, sizeof(good), two, 2);
    expect(false, false, &good, sizeof(good), NULL, 0);
#undef BAD
#define BAD(field, value)                                                                          \
    p = good;                                                                                      \
    p.field = value;                                                                               \
    expect(false, true, &p, sizeof(p), NULL, 0)
    BAD(slot, 2);
    BAD(slot, CHANNEL_NO_SLOT);
    BAD(source.width, 17);
    BAD(source.width, 0);
    BAD(source.x, UINT32_MAX);
    BAD(source.y, 1);
    BAD(n_damage, FRAME_MAX_DAMAGE + 1);
    BAD(damage[0].height, 17);
    BAD(damage[0].x, 16);
    BAD(damage[0].width, 0);
    BAD(y_inverted, 2);
    BAD(head.scanout, DISPLAY_MAX_SCANOUTS);
}

static void other_messages_must_keep_the_rules(void **state)
{
    struct channel_cursor cursor = { .head.type = CHANNEL_CURSOR, .slot = 1 };
    struct channel_buffer_ref gone = { .head.type = CHANNEL_BUFFER_GONE, .slot = 1, .serial = 1 };
    struct channel_done done = { .head.type = CHANNEL_DONE };
    struct channel_cursor_move move = { .head.type = CHANNEL_CURSOR_MOVE };

    expect(false, true, &cursor, sizeof(cursor), NULL, 0); /* no alpha */
    cursor.slot = 7;
    expect(false, true, &cursor, sizeof(cursor), NULL, 0);
    cursor.slot = CHANNEL_NO_SLOT;
    expect(true, true, &cursor, sizeof(cursor), NULL, 0);
    expect(true, true, &gone, sizeof(gone), NULL, 0);
    gone.serial = 2;
    expect(false, true, &gone, sizeof(gone), NULL, 0);
    expect(false, true, &done, sizeof(done), NULL, 0);
    expect(false, true, &move, sizeof(move), NULL, 1);

    struct channel_about about = { .head.type = CHANNEL_ABOUT, .backend = "2d" };
    expect(true, false, &about, sizeof(about), NULL, 0);
    about.renderer[3] = '\x1b'; /* behind its end */
    expect(true, false, &about, sizeof(about), NULL, 0);
    about.renderer[0] = about.renderer[1] = about.renderer[2] = 'x';
    expect(false, false, &about, sizeof(about), NULL, 0);
    memset(about.renderer, 'x', sizeof(about.renderer));
    expect(false, false, &about, sizeof(about), NULL, 0);
}

static void every_length_but_the_right_one_is_refused(void **state)
{
    static const struct {
        uint32_t type;
        size_t len;
    } types[] = {
        { CHANNEL_BUFFER_NEW, sizeof(struct channel_buffer_new) },
        { CHANNEL_BUFFER_GONE, sizeof(struct channel_buffer_ref) },
        { CHANNEL_PRESENT, sizeof(struct channel_present) },
        { CHANNEL_DISABLE, sizeof(struct channel_disable) },
        { CHANNEL_CURSOR, sizeof(struct channel_cursor) },
        { CHANNEL_CURSOR_MOVE, sizeof(struct channel_cursor_move) },
        { CHANNEL_ABOUT, sizeof(struct channel_about) },
    };
    union {
        struct channel_head head;
        char bytes[sizeof(union channel_msg) + 100];
    } msg;

    for (unsigned i = 0; i < ARRAY_LEN(types); i++)
        for (size_t len = 1; len < sizeof(msg); len += len < 90 ? 1 : 7) {
            if (len == types[i].len)
                continue;
            memset(&msg, 0, sizeof(msg));
            msg.head.type = types[i].type;
            expect(false, false, &msg, len, NULL, 0);
        }
}

static void files_that_are_no_buffers_are_refused(void **state)
{
    int pipe_fds[2], sockets[2];
    struct channel_buffer_new b = good_buffer(1, 1);

    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    assert_int_equal(channel_pair(sockets), 0);
    int files[] = { eventfd(0, EFD_CLOEXEC), pipe_fds[0], pipe_fds[1], sockets[0] };
    for (unsigned i = 0; i < ARRAY_LEN(files); i++) {
        b.kind = FRAME_BUFFER_SHM;
        b.path = FRAME_PATH_SHM;
        expect(false, false, &b, sizeof(b), &files[i], 1);
        b.kind = FRAME_BUFFER_DMABUF;
        b.path = FRAME_PATH_TEXTURE;
        expect(false, false, &b, sizeof(b), &files[i], 1);
    }
    fd_close_all(files, ARRAY_LEN(files));
    close(sockets[1]);
}

/* The display gets a few frames of it, the peer is told of the others until it does not listen. */
static void a_flood_of_frames_is_dropped_and_ends(void **state)
{
    struct channel_bed *bed;
    int memfd = raw_bed(&bed);
    struct channel_buffer_new good = good_buffer(1, 1);
    struct channel_present p = good_present();
    unsigned sent = 0;

    assert_true(fd_send(bed->raw, &good, sizeof(good), &memfd, 1) > 0);
    for (ssize_t n = 0; n >= 0 || n == -EAGAIN; sent += n > 0) {
        assert_true(sent < 100000);
        p.seq++;
        n = fd_send(bed->raw, &p, sizeof(p), NULL, 0);
        loop_run_once(bed->loop, 0);
    }
    channel_bed_settle(bed);
    assert_int_equal(bed->machine_closed, 1);
    assert_int_equal(bed->n_presents, CHANNEL_MAX_OUTSTANDING);
    assert_true(channel_machine_stats(bed->machine)->dropped > 0);
    assert_int_equal(channel_machine_stats(bed->machine)->buffers, 0);
    close(memfd);
    void *bed_state = bed;
    channel_bed_tear_down(&bed_state);
}

static void random_messages_never_crash(void **state)
{
    uint64_t seed = 42;

    for (unsigned round = 0; round < 3000; round++) {
        struct channel_bed *bed;
        int memfd = raw_bed(&bed);
        struct channel_buffer_new good = good_buffer(1, 1);
        fd_send(bed->raw, &good, sizeof(good), &memfd, 1);
        for (unsigned n = 0; n < 8; n++) {
            struct channel_present msg = good_present();
            uint32_t *words = (uint32_t *)&msg;
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            words[0] = seed >> 60 & 1 ? CHANNEL_PRESENT : 1 + (seed >> 33) % 7;
            static const size_t lens[] = { 8, 16, 24, 80, sizeof(msg) };
            size_t len = words[0] == CHANNEL_PRESENT ? sizeof(msg) : lens[(seed >> 36) % 5];
            if (seed >> 40 & 1)
                words[(seed >> 41) % (len / 4)] = (uint32_t)(seed >> 50) % 40;
            if (seed >> 59 & 1)
                memset((char *)&msg + 8, (int)(seed >> 42), 4 * ((seed >> 44) % 4));
            fd_send(bed->raw, &msg, len, &memfd, (seed >> 58) % 4 == 0);
        }
        channel_bed_settle(bed);
        close(memfd);
        void *bed_state = bed;
        channel_bed_tear_down(&bed_state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers_must_keep_the_rules),
        cmocka_unit_test(presents_must_keep_the_rules),
        cmocka_unit_test(other_messages_must_keep_the_rules),
        cmocka_unit_test(every_length_but_the_right_one_is_refused),
        cmocka_unit_test(files_that_are_no_buffers_are_refused),
        cmocka_unit_test(a_flood_of_frames_is_dropped_and_ends),
        cmocka_unit_test(random_messages_never_crash),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
