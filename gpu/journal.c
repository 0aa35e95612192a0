// SPDX-License-Identifier: MIT
#include "gpu/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_MODULE "journal"
#include "gpu/journal_file.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

#define FILE_SIZE ALIGN_UP((uint64_t)sizeof(struct journal_file), 4096ull)
#define NO_BLOCK UINT32_MAX
/* The largest piece of a backing that one entry holds. */
#define ENTRY_MAX 0x80000000u

struct journal {
    struct journal_file *file;
    bool live; /* changes are noted */
    unsigned n_free_slots, n_free_blocks;
    uint16_t free_slot[RESOURCE_MAX];
    uint32_t free_block[JOURNAL_BLOCKS];
    bool slot_used[RESOURCE_MAX];
    bool block_used[JOURNAL_BLOCKS];
    uint32_t next[JOURNAL_BLOCKS]; /* of the blocks in use: our own, unlike the file's */
    uint32_t first[RESOURCE_MAX];  /* a slot's first block, or NO_BLOCK */
};

static void publish(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

int journal_memfd(void)
{
    return fd_memfd_sealed("gpu-journal", FILE_SIZE);
}

void journal_clear(int fd)
{
    if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)FILE_SIZE) < 0)
        log_warn("the GPU's journal can't be cleared: %s", strerror(errno));
}

struct journal *journal_open(int fd)
{
    autoclose int owned = fd;
    autofree struct journal *j = calloc(1, sizeof(*j));
    struct stat st;

    if (!j) {
        log_error("no memory for the journal");
        return NULL;
    }
    if (fstat(owned, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != FILE_SIZE) {
        log_error("what was given as a journal is none");
        return NULL;
    }
    void *map = mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, owned, 0);
    if (map == MAP_FAILED) {
        log_error("can't map the journal: %s", strerror(errno));
        return NULL;
    }
    j->file = map;
    return steal_ptr(j);
}

void journal_close(struct journal *j)
{
    if (!j)
        return;
    munmap(j->file, FILE_SIZE);
    free(j);
}

/* Reading. */

void journal_begin(struct journal *j)
{
    if (!j)
        return;
    j->live = false;
    memset(j->slot_used, 0, sizeof(j->slot_used));
    memset(j->block_used, 0, sizeof(j->block_used));
    for (unsigned i = 0; i < RESOURCE_MAX; i++)
        j->first[i] = NO_BLOCK;
    if (j->file->version == JOURNAL_VERSION)
        return;
    if (j->file->version != 0) {
        log_warn("the journal is of a version that we don't know: screens stay dark");
        memset(j->file->slot, 0, sizeof(j->file->slot));
        memset(j->file->screen, 0, sizeof(j->file->screen));
    }
    publish(&j->file->version, JOURNAL_VERSION);
}

void journal_end(struct journal *j)
{
    if (!j)
        return;
    j->n_free_slots = j->n_free_blocks = 0;
    for (unsigned i = RESOURCE_MAX; i-- > 0;)
        if (!j->slot_used[i])
            j->free_slot[j->n_free_slots++] = (uint16_t)i;
    for (unsigned i = JOURNAL_BLOCKS; i-- > 0;)
        if (!j->block_used[i])
            j->free_block[j->n_free_blocks++] = i;
    j->live = true;
}

void journal_stop(struct journal *j)
{
    if (j)
        j->live = false;
}

static void release_blocks(struct journal *j, unsigned slot)
{
    for (uint32_t b = j->first[slot]; b != NO_BLOCK; b = j->next[b]) {
        j->block_used[b] = false;
        if (j->live)
            j->free_block[j->n_free_blocks++] = b;
    }
    j->first[slot] = NO_BLOCK;
}

/* Claims the blocks of a backing and copies their entries. False where one is not there, or claimed
 * already, by this backing or another. */
static bool claim_blocks(struct journal *j, unsigned slot, uint32_t block, uint32_t n,
                         struct virtio_gpu_mem_entry *entries)
{
    uint32_t *link = &j->first[slot];

    for (uint32_t done = 0; done < n; done += JOURNAL_BLOCK) {
        if (block >= JOURNAL_BLOCKS || j->block_used[block])
            return false;
        j->block_used[block] = true;
        j->next[block] = NO_BLOCK;
        *link = block;
        link = &j->next[block];
        memcpy(&entries[done], j->file->entry[block],
               MIN(n - done, JOURNAL_BLOCK) * sizeof(*entries));
        block = __atomic_load_n(&j->file->next[block], __ATOMIC_RELAXED);
    }
    return true;
}

bool journal_read(struct journal *j, unsigned slot, struct journal_resource *resource,
                  struct virtio_gpu_mem_entry *entries)
{
    if (!j)
        return false;
    struct journal_slot s = j->file->slot[slot];
    if (s.kind == JOURNAL_FREE)
        return false;
    *resource = (struct journal_resource){
        .id = s.id,
        .kind = s.kind == JOURNAL_BLOB ? RESOURCE_GUEST_BLOB : RESOURCE_HOST,
        .width = s.width,
        .height = s.height,
        .format = s.format,
        .size = s.size,
        .has_backing = s.attached,
        .n_entries = s.attached ? s.n_entries : 0,
    };
    if (s.kind <= JOURNAL_BLOB && s.attached <= 1 && resource->n_entries <= RESOURCE_MAX_ENTRIES &&
        claim_blocks(j, slot, s.first_block, resource->n_entries, entries))
        return true;
    log_warn("the journal's entry %u can't be right: forgotten", slot);
    journal_drop(j, slot);
    return false;
}

void journal_keep(struct journal *j, unsigned slot, struct gpu_resource *resource)
{
    j->slot_used[slot] = true;
    resource->journal_slot = slot + 1;
}

void journal_drop(struct journal *j, unsigned slot)
{
    publish(&j->file->slot[slot].kind, JOURNAL_FREE);
    release_blocks(j, slot);
}

bool journal_read_scanout(struct journal *j, unsigned scanout, struct journal_scanout *state)
{
    if (!j)
        return false;
    const struct journal_screen *s = &j->file->screen[scanout];
    uint32_t now = __atomic_load_n(&s->scanout_now, __ATOMIC_RELAXED);
    if (now < 1 || now > 2)
        return false;
    *state = s->scanout[now - 1];
    return true;
}

bool journal_read_cursor(struct journal *j, unsigned scanout, struct journal_cursor *state)
{
    if (!j)
        return false;
    const struct journal_screen *s = &j->file->screen[scanout];
    uint32_t now = __atomic_load_n(&s->cursor_now, __ATOMIC_RELAXED);
    if (now < 1 || now > 2)
        return false;
    *state = s->cursor[now - 1];
    return true;
}

/* Writing. */

/* The entries that a backing takes here. */
static uint64_t count_entries(const struct backing *backing)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < backing->n; i++)
        n += (backing->entry[i].len + ENTRY_MAX - 1) / ENTRY_MAX;
    return n;
}

static void write_entries(struct journal *j, unsigned slot, const struct backing *backing)
{
    uint32_t *link = &j->first[slot], *file_link = &j->file->slot[slot].first_block;
    uint32_t block = NO_BLOCK, n = 0;

    for (unsigned i = 0; i < backing->n; i++) {
        uint64_t gpa = backing->entry[i].gpa, left = backing->entry[i].len;
        for (; left > 0; n++) {
            if (n % JOURNAL_BLOCK == 0) {
                block = j->free_block[--j->n_free_blocks];
                j->block_used[block] = true;
                j->next[block] = NO_BLOCK;
                *link = *file_link = block;
                link = &j->next[block];
                file_link = &j->file->next[block];
            }
            uint32_t len = (uint32_t)MIN(left, (uint64_t)ENTRY_MAX);
            j->file->entry[block][n % JOURNAL_BLOCK] =
                (struct virtio_gpu_mem_entry){ .addr = gpa, .length = len };
            gpa += len;
            left -= len;
        }
    }
    j->file->slot[slot].n_entries = n;
}

/* Notes a backing in its slot, for good once `attached` is set. */
static bool note_backing(struct journal *j, unsigned slot, const struct backing *backing)
{
    uint64_t n = count_entries(backing);
    if (n > RESOURCE_MAX_ENTRIES || (n + JOURNAL_BLOCK - 1) / JOURNAL_BLOCK > j->n_free_blocks)
        return false;
    write_entries(j, slot, backing);
    publish(&j->file->slot[slot].attached, 1);
    return true;
}

void journal_add(struct journal *j, struct gpu_resource *r)
{
    if (!j || !j->live || j->n_free_slots == 0)
        return;
    unsigned slot = j->free_slot[j->n_free_slots - 1];
    struct journal_slot *s = &j->file->slot[slot];

    *s = (struct journal_slot){
        .kind = JOURNAL_FREE,
        .id = r->id,
        .width = r->layout.width,
        .height = r->layout.height,
        .format = r->layout.format,
        .size = r->size,
    };
    if (r->has_backing && !note_backing(j, slot, &r->backing))
        return;
    publish(&s->kind, r->kind == RESOURCE_GUEST_BLOB ? JOURNAL_BLOB : JOURNAL_HOST);
    j->n_free_slots--;
    j->slot_used[slot] = true;
    r->journal_slot = slot + 1;
}

void journal_attach(struct journal *j, struct gpu_resource *r)
{
    if (!j || !j->live || r->journal_slot == 0)
        return;
    if (!note_backing(j, r->journal_slot - 1, &r->backing))
        journal_remove(j, r);
}

void journal_detach(struct journal *j, struct gpu_resource *r)
{
    if (!j || !j->live || r->journal_slot == 0)
        return;
    publish(&j->file->slot[r->journal_slot - 1].attached, 0);
    release_blocks(j, r->journal_slot - 1);
}

void journal_remove(struct journal *j, struct gpu_resource *r)
{
    if (!j || !j->live || r->journal_slot == 0)
        return;
    unsigned slot = r->journal_slot - 1;
    journal_drop(j, slot);
    j->slot_used[slot] = false;
    j->free_slot[j->n_free_slots++] = (uint16_t)slot;
    r->journal_slot = 0;
}

void journal_set_scanout(struct journal *j, unsigned scanout, const struct journal_scanout *state)
{
    if (!j || !j->live)
        return;
    struct journal_screen *s = &j->file->screen[scanout];
    uint32_t now = state ? (s->scanout_now == 1 ? 2 : 1) : 0;
    if (now)
        s->scanout[now - 1] = *state;
    publish(&s->scanout_now, now);
}

void journal_set_cursor(struct journal *j, unsigned scanout, const struct journal_cursor *state)
{
    if (!j || !j->live)
        return;
    struct journal_screen *s = &j->file->screen[scanout];
    uint32_t now = state ? (s->cursor_now == 1 ? 2 : 1) : 0;
    if (now)
        s->cursor[now - 1] = *state;
    publish(&s->cursor_now, now);
}
