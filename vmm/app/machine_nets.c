// SPDX-License-Identifier: MIT
/*
 * A network card that is added to a running machine. passt may take its time to start: the guest runs meanwhile, and
 * the control call is answered when it has, or has not. Main loop.
 */
#include <json-c/json.h>
#include <stdlib.h>
#include <unistd.h>

#define LOG_MODULE "machine"
#include <json-c/json.h>

#include "vmm/app/control.h"
#include "vmm/app/machine_internal.h"
#include "vmm/app/passt.h"
#include "vmm/base/log.h"

/* One that waits for its passt. */
struct net_adding {
    struct machine *machine;
    struct list link;
    struct net_options options;
    struct passt_start *passt;
    struct control_call *call;
};

/* What nets_add() and its like made; -1 where the bus has no place for it. */
static int plug(struct machine *m, int index, struct json_object *result)
{
    if (index < 0 || machine_slots_plug(m, SLOT_NET, (unsigned)index, result))
        return index;
    nets_stop_one(m->nets, (unsigned)index);
    nets_remove(m->nets, (unsigned)index);
    return -1;
}

static void passt_done(void *data, int sock, const char *error)
{
    struct net_adding *adding = data;
    struct machine *m = adding->machine;
    struct json_object *result = json_object_new_object();
    if (!error && m->restarting) {
        close(sock);
        error = machine_restarting;
    } else if (!error) {
        machine_catch_error(m);
        if (plug(m, nets_add_passt(m->nets, &adding->options, sock), result) < 0)
            error = m->error;
        log_catch(NULL, 0);
    }
    control_finish(adding->call, result, error);
    list_remove(&adding->link);
    free(adding);
}

static const char *add_user(struct machine *m, const struct net_options *options)
{
    struct net_adding *adding = calloc(1, sizeof(*adding));
    struct control_call *call = adding ? control_defer(m->control) : NULL;
    if (!call) {
        free(adding);
        return "out of memory";
    }
    *adding = (struct net_adding){ .machine = m, .options = *options, .call = call };
    adding->passt = passt_begin(m->loop, options, passt_done, adding);
    if (adding->passt) {
        list_append(&m->nets_adding, &adding->link);
    } else {
        control_finish(call, NULL, m->error);
        free(adding);
    }
    return control_later;
}

const char *machine_net_add(void *data, struct json_object *request, struct json_object *result)
{
    struct machine *m = data;
    const char *net = control_string(request, "net");
    struct nets_options options = { 0 };
    const char *error = m->error;
    if (!net)
        return "which network? user or tap=NAME, with options as --net takes them";
    if (m->restarting)
        return machine_restarting;
    machine_catch_error(m);
    if (!nets_take(&options, net))
        ;
    else if (options.n != 1)
        log_error("net add takes user or tap=NAME, not '%s'", net);
    else if (options.net[0].kind == NET_USER)
        error = add_user(m, &options.net[0]);
    else if (plug(m, nets_add(m->nets, &options.net[0]), result) >= 0)
        error = NULL;
    log_catch(NULL, 0);
    return error;
}

void machine_nets_cancel(struct machine *m)
{
    struct net_adding *adding, *tmp;
    list_for_each_safe(adding, tmp, &m->nets_adding, link)
        passt_cancel(adding->passt);
}
