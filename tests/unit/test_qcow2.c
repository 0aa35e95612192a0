// SPDX-License-Identifier: MIT
/* qcow2 images as qemu-img makes them: random operations of ours and of qemu-io's in turn, against a copy
 * in memory of what the disk must hold; then qemu-img's opinion of the image. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/block_bed.h"
#include "tests/unit/qemu_img.h"
#include "vmm/base/fd.h"

static char dir[40];

/* One kind of image: how it is made, in the shell, as $D/a.qcow2, and what it is like. */
static const struct kind {
    const char *name, *make;
    uint64_t size;
    uint64_t unit; /* where qemu-io's operations begin, and how long they are at most */
    bool packed;   /* qemu-io may write compressed */
} kinds[] = {
#define CREATE(options) "qemu-img create -f qcow2 -o " options " $D/a.qcow2 "
#define MIB_SIZE(n) .size = (n)*MIB
    { "v3, 64 KiB", CREATE("compat=1.1") "16M", MIB_SIZE(16), 65536, true },
    { "v2, 64 KiB", CREATE("compat=0.10") "16M", MIB_SIZE(16), 65536, true },
    { "v3, 512 bytes", CREATE("cluster_size=512") "4M", MIB_SIZE(4), 4096, true },
    { "v2, 512 bytes", CREATE("compat=0.10,cluster_size=512") "4M", MIB_SIZE(4), 4096, true },
    { "v3, 4 KiB, lazy", CREATE("cluster_size=4k,lazy_refcounts=on") "8M", MIB_SIZE(8), 4096,
      true },
    { "v3, 2 MiB", CREATE("cluster_size=2M") "41M", MIB_SIZE(41), 1048576, false },
    { "zstd", CREATE("compression_type=zstd,cluster_size=16k") "8M", MIB_SIZE(8), 16384, true },
    { "refcounts of 1 bit", CREATE("refcount_bits=1,cluster_size=1k") "8M", MIB_SIZE(8), 4096,
      false },
    { "refcounts of 2 bits", CREATE("refcount_bits=2,cluster_size=1k") "8M", MIB_SIZE(8), 4096,
      false },
    { "refcounts of 64 bits", CREATE("refcount_bits=64,cluster_size=512") "4M", MIB_SIZE(4), 4096,
      true },
    { "preallocated tables", CREATE("preallocation=metadata,cluster_size=4k") "8M", MIB_SIZE(8),
      4096, true },
    { "preallocated", CREATE("preallocation=falloc") "8M", MIB_SIZE(8), 65536, true },
    { "an odd size", CREATE("cluster_size=4k") "4097k && qemu-img resize $D/a.qcow2 4195840",
      .size = 4195840, 4096, true },
    { "on a raw file",
      "head -c 5000000 /dev/urandom | head -c 4999680 >$D/base.raw && qemu-img create -f qcow2 -F "
      "raw -b "
      "base.raw -o cluster_size=4k $D/a.qcow2 8M",
      MIB_SIZE(8), 4096, true },
    { "v2 on a raw file",
      "head -c 4194304 /dev/urandom >$D/base.raw && qemu-img create -f qcow2 -F raw -b base.raw -o "
      "compat=0.10,cluster_size=4k $D/a.qcow2 8M",
      MIB_SIZE(8), 4096, false },
    { "a chain",
      "head -c 4194304 /dev/urandom >$D/base.raw && "
      "qemu-img create -f qcow2 -F raw -b base.raw -o cluster_size=1k $D/b.qcow2 8M && "
      "qemu-io -f qcow2 -c 'write -P 7 1M 1M' -c 'write -z 2M 64k' -c 'write -c -P 9 3M 1k' "
      "$D/b.qcow2 && "
      "qemu-img create -f qcow2 -F qcow2 -b $D/b.qcow2 -o cluster_size=64k $D/c.qcow2 8M && "
      "qemu-io -f qcow2 -c 'write -P 8 1500k 100k' -c 'write -P 1 6M 1k' $D/c.qcow2 && "
      "qemu-img create -f qcow2 -F qcow2 -b c.qcow2 -o cluster_size=8k $D/a.qcow2 8M",
      MIB_SIZE(8), 8192, true },
    { "snapshots",
      CREATE(
          "cluster_size=4k") "8M && qemu-io -f qcow2 -c 'write -P 5 0 3M' -c 'write -c -P 6 4M 4k' "
                             "-c 'write -z 5M 64k' $D/a.qcow2 && "
                             "qemu-img snapshot -c one $D/a.qcow2 && "
                             "qemu-io -f qcow2 -c 'write -P 9 1M 64k' $D/a.qcow2 && "
                             "qemu-img snapshot -c two $D/a.qcow2",
      MIB_SIZE(8), 4096, true },
};

struct bed {
    struct block_bed base;
    struct block_dev *block;
    const struct kind *kind;
    char path[64];
    uint8_t *disk, *buf; /* what it must hold */
    uint64_t seed;
};

static uint32_t rnd(struct bed *bed, uint32_t n)
{
    bed->seed = bed->seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(bed->seed >> 33) % n;
}

static void open_disk(struct bed *bed, bool read_only)
{
    bed->block = block_open(bed->base.aio,
                            &(struct block_options){ .path = bed->path, .read_only = read_only });
    assert_non_null(bed->block);
    assert_int_equal(bed->block->size, bed->kind->size);
}

static void check_all(struct bed *bed)
{
    assert_int_equal(
        block_rw(&bed->base, bed->block, BLOCK_READ, 0, bed->buf, (size_t)bed->kind->size), 0);
    bool same = memcmp(bed->buf, bed->disk, (size_t)bed->kind->size) == 0;
    for (uint64_t i = 0; !same && i < bed->kind->size; i++) {
        if (bed->buf[i] != bed->disk[i])
            fail_msg("%s: byte %llu is %u, not %u", bed->kind->name, (unsigned long long)i,
                     bed->buf[i], bed->disk[i]);
    }
}

static void write_some(struct bed *bed, uint64_t at, uint32_t len)
{
    /* In several buffers. */
    struct iovec iov[4];
    uint32_t cut = len / 512 / 4 * 512;
    for (uint32_t i = 0; i < len; i++)
        bed->disk[at + i] = (uint8_t)(bed->seed + i / 512);
    for (unsigned i = 0; i < 4; i++)
        iov[i] = (struct iovec){ bed->disk + at + (size_t)i * cut, i < 3 ? cut : len - 3 * cut };
    assert_int_equal(
        block_do(&bed->base, bed->block,
                 (struct block_req){ .op = BLOCK_WRITE, .offset = at, .iov = iov, .n_iov = 4 }),
        0);
}

/* What is discarded may stay, or become zeroes, byte by byte. */
static void discard_some(struct bed *bed, uint64_t at, uint32_t len)
{
    assert_int_equal(block_erase(&bed->base, bed->block, BLOCK_DISCARD, at, len, false), 0);
    assert_int_equal(block_rw(&bed->base, bed->block, BLOCK_READ, at, bed->buf, len), 0);
    for (uint32_t i = 0; i < len; i++) {
        assert_true(bed->buf[i] == bed->disk[at + i] || bed->buf[i] == 0);
        bed->disk[at + i] = bed->buf[i];
    }
}

static void operate(struct bed *bed)
{
    uint32_t sectors = (uint32_t)(bed->kind->size / 512);
    uint32_t at = rnd(bed, sectors), most = rnd(bed, 8) ? 64 : 700;
    uint32_t n = 1 + rnd(bed, MIN(most, sectors - at));
    uint64_t offset = at * 512ull;
    switch (rnd(bed, 10)) {
    case 0:
    case 1:
    case 2:
        assert_int_equal(block_rw(&bed->base, bed->block, BLOCK_READ, offset, bed->buf, n * 512),
                         0);
        assert_memory_equal(bed->buf, bed->disk + offset, n * 512);
        break;
    case 3:
        memset(bed->disk + offset, 0, n * 512);
        assert_int_equal(
            block_erase(&bed->base, bed->block, BLOCK_WRITE_ZEROES, offset, n * 512, rnd(bed, 2)),
            0);
        break;
    case 4:
        discard_some(bed, offset, n * 512);
        break;
    case 5:
        if (rnd(bed, 4) == 0)
            assert_int_equal(block_sync(&bed->base, bed->block), 0);
        break;
    default:
        write_some(bed, offset, n * 512);
        break;
    }
}

/* A few operations of qemu-io's, compressed ones among them. */
static void qemu_operates(struct bed *bed)
{
    char command[1600] = "";
    uint32_t units = (uint32_t)(bed->kind->size / bed->kind->unit);
    for (unsigned i = 0; i < 8; i++) {
        uint64_t at = (uint64_t)rnd(bed, units) * bed->kind->unit;
        unsigned value = rnd(bed, 256), how = rnd(bed, 3);
        char op[120];
        /* It compresses only where nothing is allocated. */
        if (how == 1 && bed->kind->packed)
            snprintf(op, sizeof(op), " -c 'discard %llu %llu' -c 'write -c -P %u %llu %llu'",
                     (unsigned long long)at, (unsigned long long)bed->kind->unit, value,
                     (unsigned long long)at, (unsigned long long)bed->kind->unit);
        else if (how == 2)
            snprintf(op, sizeof(op), " -c 'write -z %llu %llu'", (unsigned long long)at,
                     (unsigned long long)bed->kind->unit);
        else
            snprintf(op, sizeof(op), " -c 'write -P %u %llu %llu'", value, (unsigned long long)at,
                     (unsigned long long)bed->kind->unit);
        strcat(command, op);
        memset(bed->disk + at, how == 2 ? 0 : (int)value, bed->kind->unit);
    }
    assert_int_equal(sh("qemu-io -d unmap -f qcow2%s %s", command, bed->path), 0);
}

static void read_raw(const char *path, uint8_t *into, uint64_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fd_pread_full(fd, into, (size_t)size, 0), 0);
    close(fd);
}

static void qemu_agrees(struct bed *bed)
{
    int status = sh("qemu-img check -f qcow2 %s", bed->path);
    if (status != 0)
        fail_msg("%s: qemu-img check says %d", bed->kind->name, status);
    assert_int_equal(sh("qemu-img convert -f qcow2 -O raw %s $D/out.raw", bed->path), 0);
    char out[80];
    snprintf(out, sizeof(out), "%s/out.raw", dir);
    read_raw(out, bed->buf, bed->kind->size);
    assert_int_equal(memcmp(bed->buf, bed->disk, (size_t)bed->kind->size), 0);
}

/* The contents of a snapshot, as QEMU reads it, go on a heap that grows. */
static void snapshots_are(struct bed *bed, const char *when)
{
    static const char *const names[] = { "one", "two" };
    for (unsigned i = 0; i < ARRAY_LEN(names); i++)
        assert_int_equal(sh("qemu-img convert -f qcow2 -l snapshot.name=%s -O raw %s $D/%s.%s",
                            names[i], bed->path, names[i], when),
                         0);
}

static void run_kind(struct bed *bed, const struct kind *kind, unsigned n_ops)
{
    bed->kind = kind;
    bed->seed = 17;
    bed->disk = calloc(1, kind->size);
    bed->buf = calloc(1, kind->size);
    assert_int_equal(sh("rm -f $D/*"), 0);
    assert_int_equal(sh("sh -c \"%s\"", kind->make), 0);
    assert_int_equal(sh("qemu-img convert -f qcow2 -O raw %s $D/out.raw", bed->path), 0);
    char out[80];
    snprintf(out, sizeof(out), "%s/out.raw", dir);
    read_raw(out, bed->disk, kind->size);
    bool snapshots = strcmp(kind->name, "snapshots") == 0;
    if (snapshots)
        snapshots_are(bed, "before");
    for (unsigned round = 0; round < 4; round++) {
        open_disk(bed, true);
        check_all(bed);
        block_close(bed->block);
        open_disk(bed, false);
        for (unsigned i = 0; i < n_ops / 4; i++)
            operate(bed);
        check_all(bed);
        block_close(bed->block);
        qemu_agrees(bed);
        qemu_operates(bed);
    }
    qemu_agrees(bed);
    if (snapshots) {
        snapshots_are(bed, "after");
        assert_int_equal(sh("cmp $D/one.before $D/one.after"), 0);
        assert_int_equal(sh("cmp $D/two.before $D/two.after"), 0);
    }
    free(bed->disk);
    free(bed->buf);
}

static void images_of_every_kind_hold_what_was_written(void **state)
{
    unsigned n_ops = getenv("VITRINE_FULL") ? 10000 : 200;
    for (unsigned i = 0; i < ARRAY_LEN(kinds); i++) {
        struct bed bed = { 0 };
        snprintf(bed.path, sizeof(bed.path), "%s/a.qcow2", dir);
        block_bed_init(&bed.base, i % 2 ? AIO_THREADS : AIO_ANY);
        print_message("%s\n", kinds[i].name);
        run_kind(&bed, &kinds[i], n_ops);
        block_bed_finish(&bed.base);
    }
}

static struct block_dev *try_open(struct block_bed *bed, const char *name, bool read_only)
{
    char path[80];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return block_open(bed->aio, &(struct block_options){ .path = path, .read_only = read_only });
}

static void what_is_not_supported_is_refused(void **state)
{
    static const char *const makes[] = {
        "qemu-img create -f qcow2 -o extended_l2=on,cluster_size=64k $D/r.qcow2 1M",
        "qemu-img create -f qcow2 -o data_file=$D/data.raw $D/r.qcow2 1M",
        "qemu-img create -f qcow2 --object secret,id=s,data=x -o "
        "encrypt.format=aes,encrypt.key-secret=s $D/r.qcow2 1M",
        /* LUKS, by its number alone: qemu-img measures how fast it hashes, and fails on a busy machine */
        "qemu-img create -f qcow2 $D/r.qcow2 1M && "
        "printf '\\2' | dd of=$D/r.qcow2 bs=1 seek=35 conv=notrunc",
        "qemu-img create -f raw $D/b.raw 1M && qemu-img create -f qcow2 -u -F qcow2 -b "
        "missing.qcow2 "
        "$D/r.qcow2 1M",
        "qemu-img create -f qcow2 -u -F vmdk -b b.raw $D/r.qcow2 1M",
        /* a circle */
        "qemu-img create -f qcow2 -u -F qcow2 -b r.qcow2 $D/r.qcow2 1M",
    };
    struct block_bed bed;
    block_bed_init(&bed, AIO_ANY);
    for (unsigned i = 0; i < ARRAY_LEN(makes); i++) {
        assert_int_equal(sh("rm -f $D/*"), 0);
        assert_int_equal(sh("%s", makes[i]), 0);
        assert_null(try_open(&bed, "r.qcow2", false));
        assert_null(try_open(&bed, "r.qcow2", true));
    }
    block_bed_finish(&bed);
}

static void a_dirty_or_corrupt_image_is_read_only(void **state)
{
    struct block_bed bed;
    block_bed_init(&bed, AIO_ANY);
    for (unsigned bit = 0; bit < 2; bit++) {
        assert_int_equal(sh("rm -f $D/* && qemu-img create -f qcow2 $D/r.qcow2 1M"), 0);
        assert_int_equal(
            sh("printf '\\%o' | dd of=$D/r.qcow2 bs=1 seek=79 conv=notrunc", 1u << bit), 0);
        assert_null(try_open(&bed, "r.qcow2", false));
        struct block_dev *block = try_open(&bed, "r.qcow2", true);
        assert_non_null(block);
        block_close(block);
    }
    block_bed_finish(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_of_every_kind_hold_what_was_written),
        cmocka_unit_test(what_is_not_supported_is_refused),
        cmocka_unit_test(a_dirty_or_corrupt_image_is_read_only),
    };
    int status = begin_images(dir, sizeof(dir));
    if (status != 0)
        return status;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sh("rm -rf $D");
    return failed;
}
