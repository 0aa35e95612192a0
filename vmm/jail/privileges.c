// SPDX-License-Identifier: MIT
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/base/util.h"
#include "vmm/jail/internal.h"

/* A resource of the guest's takes a file descriptor or two, a buffer that is shown one more. */
#define MAX_FDS 16384

static void limit(int resource, rlim_t max)
{
    struct rlimit now;
    if (getrlimit(resource, &now) < 0)
        return;
    max = MIN(max, now.rlim_max);
    setrlimit(resource, &(struct rlimit){ .rlim_cur = max, .rlim_max = max });
}

void jail_drop_privileges(void)
{
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    for (int cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++)
        ;
    syscall(SYS_capset, &header, none);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);

    limit(RLIMIT_CORE, 0); /* it would hold what the guest drew */
    limit(RLIMIT_MEMLOCK, 0);
    limit(RLIMIT_MSGQUEUE, 0);
    limit(RLIMIT_RTPRIO, 0);
    limit(RLIMIT_NOFILE, MAX_FDS);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
