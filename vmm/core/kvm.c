// SPDX-License-Identifier: MIT
#include "vmm/core/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vmm/base/cleanup.h"
#include "vmm/base/util.h"
#include "vmm/core/layout.h"
#include "vmm/core/mem.h"

#define LOG_MODULE "kvm"
#include "vmm/base/log.h"

/* What we build on; a kernel of 4.12 or later has all of it. */
static const struct {
    int cap;
    const char *name;
} needed[] = {
    { KVM_CAP_IRQCHIP, "an in-kernel irqchip" },
    { KVM_CAP_USER_MEMORY, "user memory slots" },
    { KVM_CAP_SET_TSS_ADDR, "KVM_SET_TSS_ADDR" },
    { KVM_CAP_EXT_CPUID, "KVM_GET_SUPPORTED_CPUID" },
    { KVM_CAP_MP_STATE, "KVM_SET_MP_STATE" },
    { KVM_CAP_IRQ_ROUTING, "interrupt routing" },
    { KVM_CAP_IRQFD, "irqfd" },
    { KVM_CAP_IOEVENTFD, "ioeventfd" },
    { KVM_CAP_PIT2, "an in-kernel PIT" },
    { KVM_CAP_IMMEDIATE_EXIT, "immediate_exit" },
};

static void explain_open(int err)
{
    switch (err) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
        log_error("no /dev/kvm: load kvm_intel or kvm_amd, and see that virtualisation is switched "
                  "on in the firmware's setup");
        break;
    case EACCES:
    case EPERM:
        log_error("no permission for /dev/kvm: add yourself to group kvm (sudo usermod -aG kvm "
                  "$USER) and log in again");
        break;
    case EBUSY:
        log_error("/dev/kvm is busy: stop the other hypervisor that holds it");
        break;
    default:
        log_error("/dev/kvm cannot be opened: %s", strerror(err));
    }
}

static bool check_capabilities(int sys_fd)
{
    int version = ioctl(sys_fd, KVM_GET_API_VERSION, 0);
    if (version != KVM_API_VERSION) {
        log_error("/dev/kvm speaks API version %d: %d is needed", version, KVM_API_VERSION);
        return false;
    }
    for (unsigned i = 0; i < ARRAY_LEN(needed); i++) {
        if (ioctl(sys_fd, KVM_CHECK_EXTENSION, needed[i].cap) <= 0) {
            log_error("the host's KVM lacks %s: Linux 4.12 or later has it", needed[i].name);
            return false;
        }
    }
    return true;
}

static int create_vm(int sys_fd)
{
    int fd;
    do
        fd = ioctl(sys_fd, KVM_CREATE_VM, 0);
    while (fd < 0 && errno == EINTR);
    if (fd < 0 && errno == EBUSY)
        log_error("KVM is busy: another hypervisor holds the processor's virtualisation; stop it");
    else if (fd < 0)
        log_error("KVM refuses to create a virtual machine: %s", strerror(errno));
    return fd;
}

static bool create_chips(int vm_fd)
{
    uint64_t identity_map = LAYOUT_IDENTITY_MAP;
    struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
    const char *what = "KVM_SET_IDENTITY_MAP_ADDR";

    if (ioctl(vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map) < 0)
        goto error;
    what = "KVM_SET_TSS_ADDR";
    if (ioctl(vm_fd, KVM_SET_TSS_ADDR, (unsigned long)LAYOUT_TSS) < 0)
        goto error;
    what = "KVM_CREATE_IRQCHIP";
    if (ioctl(vm_fd, KVM_CREATE_IRQCHIP, 0) < 0)
        goto error;
    what = "KVM_CREATE_PIT2";
    if (ioctl(vm_fd, KVM_CREATE_PIT2, &pit) < 0)
        goto error;
    return true;

error:
    log_error("KVM refuses %s: %s", what, strerror(errno));
    return false;
}

bool kvm_init(struct kvm *kvm)
{
    *kvm = (struct kvm){ .sys_fd = -1, .vm_fd = -1 };

    autoclose int sys_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (sys_fd < 0) {
        explain_open(errno);
        return false;
    }
    if (!check_capabilities(sys_fd))
        return false;
    int map_size = ioctl(sys_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (map_size < (int)sizeof(struct kvm_run)) {
        log_error("KVM gives no vCPU mapping: %s", strerror(errno));
        return false;
    }
    autoclose int vm_fd = create_vm(sys_fd);
    if (vm_fd < 0 || !create_chips(vm_fd))
        return false;

    kvm->sys_fd = steal_fd(&sys_fd);
    kvm->vm_fd = steal_fd(&vm_fd);
    kvm->vcpu_map_size = (unsigned)map_size;
    return true;
}

void kvm_finish(struct kvm *kvm)
{
    if (kvm->vm_fd >= 0)
        close(kvm->vm_fd);
    if (kvm->sys_fd >= 0)
        close(kvm->sys_fd);
    kvm->vm_fd = kvm->sys_fd = -1;
}

bool kvm_host_has_hardware(void)
{
    FILE *file = fopen("/proc/cpuinfo", "re");
    autofree char *line = NULL;
    size_t size = 0;
    bool found = false;

    if (!file)
        return false;
    while (!found && getline(&line, &size, file) > 0) {
        if (strncmp(line, "flags", 5) != 0)
            continue;
        char *save = NULL;
        for (char *word = strtok_r(line, " \t\n", &save); word && !found;
             word = strtok_r(NULL, " \t\n", &save))
            found = strcmp(word, "vmx") == 0 || strcmp(word, "svm") == 0;
    }
    fclose(file);
    return found;
}

int kvm_set_memory(struct kvm *kvm, const struct guest_mem *mem)
{
    for (unsigned i = 0; i < mem->n_regions; i++) {
        struct kvm_userspace_memory_region slot = {
            .slot = i,
            .guest_phys_addr = mem->region[i].gpa,
            .memory_size = mem->region[i].size,
            .userspace_addr = (uint64_t)(uintptr_t)mem->region[i].hva,
        };
        if (ioctl(kvm->vm_fd, KVM_SET_USER_MEMORY_REGION, &slot) < 0)
            return -errno;
    }
    return 0;
}

static int set_ioeventfd(struct kvm *kvm, uint64_t gpa, int eventfd, uint32_t flags)
{
    /* Length 0 is any length; a kernel without that gets virtio's notify, 2 bytes. */
    bool any = ioctl(kvm->sys_fd, KVM_CHECK_EXTENSION, KVM_CAP_IOEVENTFD_ANY_LENGTH) > 0;
    struct kvm_ioeventfd io = {
        .addr = gpa,
        .len = any ? 0 : 2,
        .fd = eventfd,
        .flags = flags,
    };
    return ioctl(kvm->vm_fd, KVM_IOEVENTFD, &io) < 0 ? -errno : 0;
}

int kvm_ioeventfd_add(struct kvm *kvm, uint64_t gpa, int eventfd)
{
    return set_ioeventfd(kvm, gpa, eventfd, 0);
}

int kvm_ioeventfd_remove(struct kvm *kvm, uint64_t gpa, int eventfd)
{
    return set_ioeventfd(kvm, gpa, eventfd, KVM_IOEVENTFD_FLAG_DEASSIGN);
}
