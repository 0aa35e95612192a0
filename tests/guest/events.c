// SPDX-License-Identifier: MIT
/* events: runs in a guest, without any library. Prints what its input devices say, a line each:
 * "event: DEVICE TYPE CODE VALUE", numbers as in linux/input-event-codes.h, until it is killed. */
#include <fcntl.h>
#include <linux/input.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MAX_DEVICES 8

int main(void)
{
    struct pollfd fds[MAX_DEVICES];
    nfds_t n = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 0; i < MAX_DEVICES; i++) {
        char path[32], name[64] = "?";
        snprintf(path, sizeof(path), "/dev/input/event%d", i);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            continue;
        ioctl(fd, EVIOCGNAME(sizeof(name)), name);
        /* A key-up that is late on a busy machine is not to be taken for a key that is held. */
        ioctl(fd, EVIOCSREP, (unsigned[]){ 60000, 60000 });
        printf("event: device %d is %s\n", (int)n, name);
        fds[n++] = (struct pollfd){ .fd = fd, .events = POLLIN };
    }
    printf("event: ready\n");
    while (n > 0 && poll(fds, n, -1) > 0) {
        for (nfds_t i = 0; i < n; i++) {
            struct input_event e;
            if (!(fds[i].revents & POLLIN) || read(fds[i].fd, &e, sizeof(e)) != sizeof(e))
                continue;
            printf("event: %d %u %u %d\n", (int)i, e.type, e.code, e.value);
        }
    }
    return 0;
}
