// SPDX-License-Identifier: MIT
/*
 * Plays logind on the bus that $DBUS_SYSTEM_BUS_ADDRESS names: says "inhibited" for each lock on the host's sleep that
 * is asked for, and tells of the sleep what is on its standard input: 1 it begins, 0 it has ended. Ends with that.
 */
#include <poll.h>
#include <stdio.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#define PATH "/org/freedesktop/login1"
#define INTERFACE "org.freedesktop.login1.Manager"

static int inhibit(sd_bus_message *call, void *data, sd_bus_error *error)
{
    int fds[2];
    if (pipe(fds) < 0)
        return -1;
    int err = sd_bus_reply_method_return(call, "h", fds[1]);
    close(fds[1]);
    puts("inhibited");
    fflush(stdout);
    return err;
}

static const sd_bus_vtable vtable[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Inhibit", "ssss", "h", inhibit, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_SIGNAL("PrepareForSleep", "b", 0),
    SD_BUS_VTABLE_END,
};

int main(void)
{
    sd_bus *bus = NULL;
    if (sd_bus_open_system(&bus) < 0 ||
        sd_bus_add_object_vtable(bus, NULL, PATH, INTERFACE, vtable, NULL) < 0 ||
        sd_bus_request_name(bus, "org.freedesktop.login1", 0) < 0)
        return 1;
    puts("ready");
    fflush(stdout);
    for (;;) {
        char what;
        while (sd_bus_process(bus, NULL) > 0)
            ;
        sd_bus_flush(bus);
        struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN },
                                { .fd = sd_bus_get_fd(bus), .events = POLLIN } };
        if (poll(fds, 2, -1) < 0 || (fds[0].revents && read(STDIN_FILENO, &what, 1) != 1))
            return 0;
        if (fds[0].revents &&
            sd_bus_emit_signal(bus, PATH, INTERFACE, "PrepareForSleep", "b", what == '1') < 0)
            return 1;
    }
}
