// SPDX-License-Identifier: MIT
/* The program is killed, or the power cut, at any of its writes to a qcow2 image: what was flushed is there,
 * nothing else has changed, and qemu-img finds neither an error nor a leaked cluster. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/block_bed.h"
#include "tests/unit/power_cut.h"
#include "tests/unit/qemu_img.h"
#include "vmm/base/fd.h"

#define SIZE (4 * MIB)
#define SECTORS (SIZE / 512)
#define OPS 250

static char dir[40];

static const char *const makes[] = {
    "qemu-img create -f qcow2 -o cluster_size=4k $D/a.qcow2 4M",
    "qemu-img create -f qcow2 -o compat=0.10,cluster_size=64k $D/a.qcow2 4M",
    "qemu-img create -f qcow2 -o cluster_size=512 $D/a.qcow2 4M",
    "qemu-img create -f qcow2 -o cluster_size=1k,refcount_bits=2,lazy_refcounts=on $D/a.qcow2 4M",
};

enum op { OP_NONE, OP_WRITE, OP_ZERO, OP_DISCARD };

/* In memory that the process which is killed shares with the one that looks. */
struct sector {
    uint32_t newest, floor; /* versions: the last one, and what must be there at least */
    uint8_t last;           /* enum op */
    bool zero_ok;
};

static struct sector *sectors;
static uint32_t version;

static uint32_t rnd(uint64_t *seed, uint32_t n)
{
    *seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(*seed >> 33) % n;
}

static void fill(uint8_t *data, uint32_t at, uint32_t n)
{
    for (uint32_t s = 0; s < n; s++) {
        for (uint32_t i = 0; i < 512; i += 8) {
            uint32_t words[2] = { at + s, version };
            memcpy(data + (size_t)s * 512 + i, words, 8);
        }
    }
}

static void operate(struct block_bed *bed, struct block_dev *block, uint64_t *seed)
{
    static uint8_t data[200 * 512];
    uint32_t at = rnd(seed, SECTORS), n = 1 + rnd(seed, rnd(seed, 6) ? 16 : 199);
    enum op op = rnd(seed, 8) ? OP_WRITE : rnd(seed, 2) ? OP_ZERO : OP_DISCARD;
    n = MIN(n, SECTORS - at);
    version++;
    for (uint32_t i = at; i < at + n; i++) {
        sectors[i].newest = version;
        sectors[i].last = op;
        sectors[i].zero_ok |= op != OP_WRITE;
    }
    fill(data, at, n);
    int err = op == OP_WRITE
                  ? block_rw(bed, block, BLOCK_WRITE, at * 512ull, data, n * 512)
                  : block_erase(bed, block, op == OP_ZERO ? BLOCK_WRITE_ZEROES : BLOCK_DISCARD,
                                at * 512ull, n * 512ull, rnd(seed, 2));
    if (err < 0)
        _exit(10);
}

static void everything_is_flushed(void)
{
    for (uint32_t i = 0; i < SECTORS; i++) {
        struct sector *s = &sectors[i];
        if (s->last == OP_WRITE || s->last == OP_ZERO)
            s->floor = s->newest;
        if (s->last == OP_WRITE)
            s->zero_ok = false;
        s->last = OP_NONE;
    }
}

static void flush(struct block_bed *bed, struct block_dev *block)
{
    if (block_sync(bed, block) < 0)
        _exit(11);
    everything_is_flushed();
}

/* The process that ends, in the image; the number of its writes where it does not. */
static uint64_t work(uint64_t cut_at, bool only_syncs, int durable_fd, uint64_t seed)
{
    struct block_bed bed;
    char path[64];
    snprintf(path, sizeof(path), "%s/a.qcow2", dir);
    block_bed_init(&bed, AIO_THREADS);
    struct block_dev *block = block_open(bed.aio, &(struct block_options){ .path = path });
    if (!block)
        _exit(12);
    power_cut_arm(cut_at, only_syncs, durable_fd, seed ^ cut_at);
    for (unsigned i = 0; i < OPS; i++) {
        operate(&bed, block, &seed);
        if (rnd(&seed, 12) == 0)
            flush(&bed, block);
    }
    block_close(block);
    block_bed_finish(&bed);
    return power_cut_count();
}

static uint64_t count_writes(bool only_syncs, uint64_t seed)
{
    int pipe_fd[2];
    uint64_t n = 0;
    assert_int_equal(pipe(pipe_fd), 0);
    pid_t pid = fork();
    if (pid == 0) {
        n = work(0, only_syncs, -1, seed);
        _exit(write(pipe_fd[1], &n, sizeof(n)) == (ssize_t)sizeof(n) ? 0 : 13);
    }
    close(pipe_fd[1]);
    assert_int_equal(read(pipe_fd[0], &n, sizeof(n)), sizeof(n));
    close(pipe_fd[0]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    return n;
}

static void check_sector(const uint8_t *data, uint32_t i, const char *what)
{
    static const uint8_t zeroes[512];
    const struct sector *s = &sectors[i];
    uint32_t words[2];
    memcpy(words, data, 8);
    if (memcmp(data, zeroes, 512) == 0) {
        if (!s->zero_ok && s->floor > 0)
            fail_msg("%s: sector %u is empty, and version %u was flushed", what, i, s->floor);
        return;
    }
    assert_memory_equal(data, data + 8, 504);
    if (words[0] != i || words[1] < s->floor || words[1] > s->newest)
        fail_msg("%s: sector %u has version %u of sector %u, not %u to %u", what, i, words[1],
                 words[0], s->floor, s->newest);
}

static void check_image(const char *name, const char *what)
{
    static uint8_t data[SIZE];
    char path[64];
    int status = sh("qemu-img check -f qcow2 $D/%s", name);
    if (status != 0)
        fail_msg("%s: qemu-img check says %d%s", what, status, status == 3 ? " (leaks)" : "");
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    struct block_bed bed;
    block_bed_init(&bed, AIO_ANY);
    struct block_dev *block =
        block_open(bed.aio, &(struct block_options){ .path = path, .read_only = true });
    assert_non_null(block);
    assert_int_equal(block_rw(&bed, block, BLOCK_READ, 0, data, SIZE), 0);
    block_close(block);
    block_bed_finish(&bed);
    for (uint32_t i = 0; i < SECTORS; i++)
        check_sector(data + (size_t)i * 512, i, what);
}

/* A disk that has something already, and a snapshot of it. */
static void make_image(unsigned kind, uint64_t seed)
{
    memset(sectors, 0, SECTORS * sizeof(*sectors));
    version = 0;
    assert_int_equal(sh("rm -f $D/*"), 0);
    assert_int_equal(sh("%s", makes[kind]), 0);
    work(0, false, -1, seed);
    version = OPS; /* it was counted in this process */
    everything_is_flushed();
    if (kind != 1)
        assert_int_equal(sh("qemu-img snapshot -c s $D/a.qcow2"), 0);
    assert_int_equal(sh("cp $D/a.qcow2 $D/start.qcow2"), 0);
}

/* writes: how many there are; before a sync, it is the power that is cut. */
static void cut_once(unsigned kind, uint64_t writes, bool at_sync, uint64_t seed,
                     const struct sector *before)
{
    char what[100], path[64];
    uint64_t pick = seed, at = 1 + rnd(&pick, (uint32_t)writes);
    bool power = at_sync || rnd(&pick, 2);
    snprintf(what, sizeof(what), "image %u, %s at %s %llu of %llu", kind,
             power ? "the power is cut" : "killed", at_sync ? "sync" : "write",
             (unsigned long long)at, (unsigned long long)writes);
    memcpy(sectors, before, SECTORS * sizeof(*sectors));
    assert_int_equal(sh("cp $D/start.qcow2 $D/a.qcow2 && cp $D/start.qcow2 $D/durable.qcow2"), 0);
    snprintf(path, sizeof(path), "%s/durable.qcow2", dir);
    int durable = open(path, O_RDWR | O_CLOEXEC), status;
    pid_t pid = fork();
    if (pid == 0) {
        work(at, at_sync, power ? durable : -1, 4711);
        _exit(0);
    }
    close(durable);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    const char *name = power ? "durable.qcow2" : "a.qcow2";
    check_image(name, what);
    if (kind != 1) {
        assert_int_equal(
            sh("qemu-img convert -f qcow2 -l snapshot.name=s -O raw $D/%s $D/after", name), 0);
        assert_int_equal(sh("cmp $D/before $D/after"), 0);
    }
}

static void what_was_flushed_survives(void **state)
{
    unsigned n = getenv("VITRINE_FULL") ? 1000 : 52;
    static struct sector before[SECTORS];
    for (unsigned kind = 0; kind < ARRAY_LEN(makes); kind++) {
        make_image(kind, 99);
        memcpy(before, sectors, sizeof(before));
        if (kind != 1)
            assert_int_equal(
                sh("qemu-img convert -f qcow2 -l snapshot.name=s -O raw $D/start.qcow2 $D/before"),
                0);
        uint64_t writes = count_writes(false, 4711), syncs = count_writes(true, 4711);
        for (unsigned i = 0; i < n / ARRAY_LEN(makes); i++)
            cut_once(kind, i % 2 ? syncs : writes, i % 2, kind * 1000 + i, before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(what_was_flushed_survives) };
    int status = begin_images(dir, sizeof(dir));
    if (status != 0)
        return status;
    sectors = mmap(NULL, SECTORS * sizeof(*sectors), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int failed = sectors == MAP_FAILED ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
    sh("rm -rf $D");
    return failed;
}
