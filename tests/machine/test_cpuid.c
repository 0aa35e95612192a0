// SPDX-License-Identifier: MIT
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tests/test.h"
#include "vmm/base/util.h"
#include "vmm/core/kvm.h"
#include "vmm/core/vcpu.h"
#include "vmm/core/x86/cpuid.h"

static struct kvm kvm;

static const struct kvm_cpuid_entry2 *find(const struct kvm_cpuid2 *cpuid, uint32_t leaf,
                                           uint32_t index)
{
    for (unsigned i = 0; i < cpuid->nent; i++) {
        const struct kvm_cpuid_entry2 *e = &cpuid->entries[i];
        if (e->function == leaf && e->index == index)
            return e;
    }
    return NULL;
}

static void what_cannot_work_is_not_announced(void **state)
{
    struct kvm_cpuid2 *cpuid = x86_cpuid_create(&kvm, 2);
    assert_non_null(cpuid);
    const struct kvm_cpuid_entry2 *e = find(cpuid, 1, 0);
    assert_non_null(e);
    assert_false(e->ecx & 1u << 5); /* VMX */
    assert_true(e->ecx & 1u << 31); /* a hypervisor */
    e = find(cpuid, 0x80000001, 0);
    assert_non_null(e);
    assert_false(e->ecx & 1u << 2); /* SVM */
    static const uint32_t off[] = { 0xa, 0x12, 0x14, 0x8000000a, 0x80000022 };
    for (unsigned i = 0; i < ARRAY_LEN(off); i++) {
        e = find(cpuid, off[i], 0);
        assert_true(!e || (e->eax | e->ebx | e->ecx | e->edx) == 0);
    }
    free(cpuid);
}

static void the_guest_sees_kvm(void **state)
{
    struct kvm_cpuid2 *cpuid = x86_cpuid_create(&kvm, 1);
    const struct kvm_cpuid_entry2 *e = find(cpuid, 0x40000000, 0);
    assert_non_null(e);
    assert_memory_equal(&e->ebx, "KVMK", 4);
    assert_memory_equal(&e->ecx, "VMKV", 4);
    assert_memory_equal(&e->edx, "M\0\0\0", 4);
    assert_true(e->eax >= 0x40000001);
    assert_non_null(find(cpuid, 0x40000001, 0));
    free(cpuid);
}

static void each_cpu_has_its_index_as_apic_id_in_one_socket(void **state)
{
    static const unsigned counts[] = { 1, 2, 3, 8, VCPU_MAX };
    for (unsigned c = 0; c < ARRAY_LEN(counts); c++) {
        struct kvm_cpuid2 *cpuid = x86_cpuid_create(&kvm, counts[c]);
        for (unsigned i = 0; i < counts[c]; i++) {
            x86_cpuid_set_index(cpuid, i, counts[c]);
            const struct kvm_cpuid_entry2 *e = find(cpuid, 1, 0);
            assert_int_equal(e->ebx >> 24, i);
            assert_true((e->ebx >> 16 & 0xff) >= counts[c]);
            assert_int_equal(e->edx >> 28 & 1, counts[c] > 1); /* HTT */
            if (find(cpuid, 0, 0)->eax < 0xb)
                continue;
            assert_int_equal(find(cpuid, 0xb, 0)->edx, i);
            assert_int_equal(find(cpuid, 0xb, 0)->ebx, 1); /* threads of a core */
            assert_int_equal(find(cpuid, 0xb, 1)->ebx, counts[c]);
            assert_true(1u << find(cpuid, 0xb, 1)->eax >= counts[c]);
            assert_int_equal(find(cpuid, 0xb, 2)->ebx, 0);
            assert_null(find(cpuid, 0x1f, 0));
        }
        free(cpuid);
    }
}

static void kvm_takes_the_table(void **state)
{
    struct kvm_cpuid2 *cpuid = x86_cpuid_create(&kvm, 4);
    for (unsigned i = 0; i < 4; i++) {
        int fd = ioctl(kvm.vm_fd, KVM_CREATE_VCPU, (unsigned long)i);
        assert_true(fd >= 0);
        x86_cpuid_set_index(cpuid, i, 4);
        assert_int_equal(ioctl(fd, KVM_SET_CPUID2, cpuid), 0);
        close(fd);
    }
    free(cpuid);
}

int main(void)
{
    if (access("/dev/kvm", R_OK | W_OK) < 0) {
        printf("skipped: /dev/kvm is missing or may not be opened\n");
        return 77;
    }
    if (!kvm_init(&kvm))
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_work_is_not_announced),
        cmocka_unit_test(the_guest_sees_kvm),
        cmocka_unit_test(each_cpu_has_its_index_as_apic_id_in_one_socket),
        cmocka_unit_test(kvm_takes_the_table),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    kvm_finish(&kvm);
    return failed;
}
