// SPDX-License-Identifier: MIT
/* The kernel's counters, out of files as KVM_GET_STATS_FD gives them and as it had better not. */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/test.h"
#include "vmm/base/fd.h"
#include "vmm/core/kvm_stats.h"

#define NAME 48
#define KINDS 4
#define DATA 1024

struct __attribute__((packed)) desc {
    uint32_t flags;
    int16_t exponent;
    uint16_t size;
    uint32_t offset, bucket_size;
    char name[NAME];
};

struct file {
    struct kvm_stats_header header;
    struct desc desc[KINDS];
};

/* Two that are wanted, one of another kind between them, one that nobody asks for. */
static struct file plain(void)
{
    return (struct file){
        .header = { .name_size = NAME,
                    .num_desc = KINDS,
                    .desc_offset = sizeof(struct kvm_stats_header),
                    .data_offset = DATA },
        .desc = { { .size = 1, .offset = 40, .name = "io_exits" },
                  { .flags = KVM_STATS_TYPE_LOG_HIST | KVM_STATS_UNIT_SECONDS,
                    .exponent = -9,
                    .size = 2,
                    .offset = 16,
                    .name = "halt_wait_hist" },
                  { .size = 1, .offset = 8, .name = "exits" },
                  { .size = 1, .offset = 0, .name = "fpu_reload" } },
    };
}

static int make(const struct file *file, const uint64_t *data, size_t n)
{
    int fd = memfd_create("stats", MFD_CLOEXEC);
    assert_int_equal(fd_pwrite_full(fd, file, sizeof(*file), 0), 0);
    assert_int_equal(fd_pwrite_full(fd, data, n * sizeof(*data), DATA), 0);
    return fd;
}

static const uint64_t data[] = { 1000, 7, 8, 9, 10, 3 };

static unsigned kind(const char *name)
{
    unsigned i = 0;
    while (strcmp(kvm_stats_names[i], name) != 0)
        assert_true(++i < KVM_STATS_KINDS);
    return i;
}

static void counters_are_found_by_their_names_and_summed(void **state)
{
    struct file file = plain();
    struct kvm_stats one, two;
    struct kvm_stats_sum sum = { 0 };
    static const uint64_t others[] = { 0, 100, 0, 0, 0, UINT32_MAX };
    assert_int_equal(kvm_stats_init(&one, make(&file, data, 6)), 0);
    assert_int_equal(kvm_stats_init(&two, make(&file, others, 6)), 0);
    assert_true(kvm_stats_add(&one, &sum));
    assert_true(kvm_stats_add(&two, &sum));
    assert_int_equal(sum.count[kind("exits")], 107);
    assert_int_equal(sum.count[kind("io_exits")], 3 + (uint64_t)UINT32_MAX);
    unsigned n = 0;
    for (unsigned i = 0; i < KVM_STATS_KINDS; i++)
        n += sum.has[i];
    assert_int_equal(n, 2);
    kvm_stats_finish(&one);
    kvm_stats_finish(&two);
}

static void they_are_read_anew_each_time(void **state)
{
    struct file file = plain();
    struct kvm_stats stats;
    struct kvm_stats_sum sum = { 0 };
    static const uint64_t later = 70;
    int fd = make(&file, data, 6);
    assert_int_equal(kvm_stats_init(&stats, fd), 0);
    assert_int_equal(fd_pwrite_full(fd, &later, sizeof(later), DATA + 8), 0);
    assert_true(kvm_stats_add(&stats, &sum));
    assert_int_equal(sum.count[kind("exits")], 70);
    assert_int_equal(ftruncate(fd, DATA + 40), 0);
    assert_false(kvm_stats_add(&stats, &sum));
    assert_int_equal(sum.count[kind("exits")], 70);
    kvm_stats_finish(&stats);
    assert_false(kvm_stats_add(&stats, &sum));
}

/* It is refused, and closed. */
static void refused(const struct file *file, int err)
{
    struct kvm_stats stats;
    int fd = make(file, data, 6);
    assert_int_equal(kvm_stats_init(&stats, fd), err);
    assert_int_equal(stats.fd, -1);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void a_header_without_sense_is_refused(void **state)
{
    struct file file = plain();
    file.header.num_desc = 0;
    refused(&file, -EPROTO);
    file.header.num_desc = UINT32_MAX;
    refused(&file, -EPROTO);
    file = plain();
    file.header.name_size = 0;
    refused(&file, -EPROTO);
    file.header.name_size = UINT32_MAX;
    refused(&file, -EPROTO);
    file = plain();
    file.header.desc_offset = UINT32_MAX;
    refused(&file, -EIO);
}

static void a_description_without_sense_is_refused(void **state)
{
    struct file file = plain();
    memset(file.desc[1].name, 'x', NAME);
    refused(&file, -EPROTO);
    file = plain();
    memcpy(file.desc[3].name, "exits", 6);
    refused(&file, -EPROTO);
    file = plain();
    file.desc[0].offset = UINT32_MAX;
    refused(&file, -EPROTO);
}

static void what_is_no_plain_counter_is_left_out(void **state)
{
    struct file file = plain();
    struct kvm_stats stats;
    file.desc[0].flags = KVM_STATS_TYPE_INSTANT;
    assert_int_equal(kvm_stats_init(&stats, make(&file, data, 6)), 0);
    assert_false(stats.has[kind("io_exits")]);
    kvm_stats_finish(&stats);
    file.desc[2].size = 2;
    refused(&file, -EPROTO); /* nothing is left */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_are_found_by_their_names_and_summed),
        cmocka_unit_test(they_are_read_anew_each_time),
        cmocka_unit_test(a_header_without_sense_is_refused),
        cmocka_unit_test(a_description_without_sense_is_refused),
        cmocka_unit_test(what_is_no_plain_counter_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
