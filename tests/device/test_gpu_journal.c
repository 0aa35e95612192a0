// SPDX-License-Identifier: MIT
/* Journals that no predecessor of good faith wrote, before the code that restores from them: nothing
 * crashes, nothing leaks, and the guest goes on. */
#include <fcntl.h>
#include <linux/virtio_gpu.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gpu/journal_file.h"
#include "tests/device/gpu_bed.h"
#include "tests/test.h"
#include "vmm/base/log.h"

#define SLOTS 24u
#define BLOCKS 40u

struct journal_bed {
    struct bed *bed;
    int fd;
    struct journal *journal;
    struct journal_file *file;
    uint64_t seed;
};

static uint32_t rnd(struct journal_bed *j)
{
    j->seed = j->seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(j->seed >> 33);
}

static bool one_in(struct journal_bed *j, uint32_t n)
{
    return rnd(j) % n == 0;
}

/* Mostly small, now and then anything. */
static uint32_t number(struct journal_bed *j, uint32_t below)
{
    static const uint32_t odd[] = { 0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 65536, 65537 };
    if (one_in(j, 64))
        return odd[rnd(j) % ARRAY_LEN(odd)];
    return one_in(j, 64) ? rnd(j) << 1 | rnd(j) % 2 : rnd(j) % below;
}

static int set_up(void **state)
{
    struct journal_bed *j = calloc(1, sizeof(*j));

    j->seed = 11;
    j->fd = journal_memfd();
    assert_true(j->fd >= 0);
    j->file = mmap(NULL, sizeof(*j->file), PROT_READ | PROT_WRITE, MAP_SHARED, j->fd, 0);
    assert_ptr_not_equal(j->file, MAP_FAILED);
    j->journal = journal_open(dup(j->fd));
    assert_non_null(j->journal);
    const struct virtio_gpu_options options = {
        .n_scanouts = 2,
        .host_memory_max = 1ull << 20,
        .journal = j->journal,
    };
    j->bed = bed_create(&options);
    *state = j;
    return 0;
}

static int tear_down(void **state)
{
    struct journal_bed *j = *state;

    bed_destroy(j->bed);
    journal_close(j->journal);
    munmap(j->file, sizeof(*j->file));
    close(j->fd);
    free(j);
    return 0;
}

static void forge_slot(struct journal_bed *j, struct journal_slot *s)
{
    *s = (struct journal_slot){
        .kind = number(j, 3),
        .id = number(j, 40),
        .width = number(j, 100),
        .height = number(j, 100),
        .format = one_in(j, 4) ? number(j, 140) : VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
        .attached = number(j, 2),
        .first_block = number(j, BLOCKS),
        .n_entries = number(j, 2 * JOURNAL_BLOCK),
        .size = one_in(j, 8) ? UINT64_MAX - rnd(j) : number(j, 16384),
    };
}

static void forge_screen(struct journal_bed *j, struct journal_screen *s)
{
    s->scanout_now = number(j, 3);
    s->cursor_now = number(j, 3);
    for (unsigned i = 0; i < 2; i++) {
        s->scanout[i] = (struct journal_scanout){
            .resource_id = number(j, 40),
            .layout = { .width = number(j, 64),
                        .height = number(j, 64),
                        .format = one_in(j, 4) ? number(j, 140) : VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
                        .stride = one_in(j, 4) ? number(j, 1024) : 256,
                        .offset = number(j, 256) },
            .source = { .x = number(j, 8),
                        .y = number(j, 8),
                        .width = number(j, 16),
                        .height = number(j, 16) },
        };
        s->cursor[i] = (struct journal_cursor){
            .resource_id = number(j, 40),
            .hot_x = number(j, 64),
            .hot_y = number(j, 64),
        };
    }
}

static void forge(struct journal_bed *j)
{
    struct journal_file *f = j->file;

    f->version = one_in(j, 32) ? rnd(j) : JOURNAL_VERSION;
    for (unsigned i = 0; i < SLOTS; i++)
        forge_slot(j, &f->slot[i % 2 ? i : RESOURCE_MAX - 1 - i]);
    for (unsigned i = 0; i < BLOCKS; i++) {
        f->next[i] = number(j, BLOCKS);
        for (unsigned e = 0; e < JOURNAL_BLOCK; e++)
            f->entry[i][e] = (struct virtio_gpu_mem_entry){
                .addr = one_in(j, 64) ? (uint64_t)rnd(j) << 32 : rnd(j) % BED_RAM,
                .length = one_in(j, 64) ? number(j, 8192) : 4096,
            };
    }
    for (unsigned i = 0; i < 3; i++)
        forge_screen(j, &f->screen[i]);
}

static void forged_journals_are_survived(void **state)
{
    struct journal_bed *j = *state;
    const struct virtio_gpu_rect r = { .width = 8, .height = 8 };
    unsigned shown = 0, restored = 0;

    for (unsigned i = 0; i < 10000; i++) {
        journal_clear(j->fd);
        forge(j);
        bed_start(j->bed);
        shown += j->bed->n_frames > 0;
        for (uint32_t id = 0; id < 40; id += 3)
            restored += bed_flush(j->bed, id, r) == VIRTIO_GPU_RESP_OK_NODATA;
        bed_create_2d(j->bed, 12345, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 8, 8);
        assert_int_equal(bed_set_scanout(j->bed, 1, 12345, r), VIRTIO_GPU_RESP_OK_NODATA);
        for (uint32_t id = 0; id < 40; id += 2)
            bed_simple(j->bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, id);
        assert_int_equal(j->bed->broken, 0);
        bed_stop(j->bed);
    }
    /* The forger is good enough to get past the checks. */
    assert_true(shown > 500);
    assert_true(restored > 5000);
}

/* What is left of a device in the journal after random commands is what the next one finds, and what
 * stands in it after that has not changed. */
static void a_journal_says_the_same_to_each_successor(void **state)
{
    struct journal_bed *j = *state;
    const struct virtio_gpu_rect r = { .width = 8, .height = 8 };
    bool there[64] = { false };

    for (unsigned i = 0; i < 2000; i++) {
        bed_start(j->bed);
        for (uint32_t id = 1; id < 64; id++)
            assert_int_equal(bed_flush(j->bed, id, r) == VIRTIO_GPU_RESP_OK_NODATA, there[id]);
        for (unsigned n = rnd(j) % 20; n > 0; n--) {
            uint32_t id = 1 + rnd(j) % 63;
            if (there[id]) {
                bed_simple(j->bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, id);
            } else if (one_in(j, 2)) {
                bed_create_2d(j->bed, id, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, 8, 8);
            } else {
                struct virtio_gpu_mem_entry entry[200];
                unsigned n_entries = 1 + rnd(j) % ARRAY_LEN(entry);
                for (unsigned e = 0; e < n_entries; e++)
                    entry[e] = (struct virtio_gpu_mem_entry){
                        .addr = BED_PIXELS_GPA + 8192ull * e,
                        .length = 4096,
                    };
                bed_create_blob(j->bed, id, 4096, entry, n_entries);
            }
            there[id] = !there[id];
        }
        bed_stop(j->bed);
    }
}

static void a_file_that_is_no_journal_is_refused(void **state)
{
    char name[] = "/tmp/vitrine-journal-XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    unlink(name);
    assert_null(journal_open(dup(fd)));
    assert_int_equal(ftruncate(fd, 4096), 0);
    assert_null(journal_open(dup(fd)));
    close(fd);
    assert_null(journal_open(open("/dev/null", O_RDWR | O_CLOEXEC)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(forged_journals_are_survived, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_journal_says_the_same_to_each_successor, set_up,
                                        tear_down),
        cmocka_unit_test(a_file_that_is_no_journal_is_refused),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
