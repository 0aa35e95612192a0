// SPDX-License-Identifier: MIT
/* What is said where /dev/kvm cannot be had; needs root, to take it away. */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tests/test.h"
#include "tests/unit/capture.h"
#include "vmm/core/kvm.h"

static void assert_refused(const char *why)
{
    struct capture c;
    struct kvm kvm;
    capture_begin(&c);
    bool ok = kvm_init(&kvm);
    capture_end(&c);
    capture_assert_refused(&c, ok, why);
    kvm_finish(&kvm); /* harmless */
}

static void without_the_node_it_says_what_to_load(void **state)
{
    assert_refused("no /dev/kvm: load kvm_intel or kvm_amd");
}

static void without_its_driver_it_says_the_same(void **state)
{
    /* A node that no driver stands behind. */
    if (mknod("/dev/kvm", S_IFCHR | 0600, makedev(1, 200)) < 0)
        skip();
    assert_refused("no /dev/kvm: load kvm_intel or kvm_amd");
    unlink("/dev/kvm");
}

static void what_is_no_kvm_is_told_from_it(void **state)
{
    assert_int_equal(mknod("/dev/kvm", S_IFREG | 0600, 0), 0);
    assert_refused("/dev/kvm speaks API version -1");
}

static void without_permission_it_names_the_group(void **state)
{
    assert_int_equal(seteuid(65534), 0);
    assert_refused("no permission for /dev/kvm: add yourself to group kvm");
    assert_int_equal(seteuid(0), 0);
}

int main(void)
{
    /* A /dev of its own, which goes with the process. */
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("tmpfs", "/dev", "tmpfs", 0, "mode=755") < 0) {
        printf("skipped: needs root, to make a /dev of its own\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_the_node_it_says_what_to_load),
        cmocka_unit_test(without_its_driver_it_says_the_same),
        cmocka_unit_test(what_is_no_kvm_is_told_from_it),
        cmocka_unit_test(without_permission_it_names_the_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
