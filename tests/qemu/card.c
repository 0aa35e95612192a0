// SPDX-License-Identifier: MIT
/* card SOCKET NET: the network card of `vitrine run --net NET`, for one vhost-user front-end that comes
 * to SOCKET. It ends when the front-end hangs up. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "vmm/app/nets.h"
#include "vmm/base/listen.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"
#include "vmm/virtio/device.h"
#include "vmm/virtio/vhost_user_backend.h"

struct card {
    struct nets *nets;
    struct loop *main_loop;
    struct loop_task serve;
    int sock;
    struct vhost_user_backend *backend;
};

static void front_end_gone(void *data)
{
    struct card *card = data;
    loop_quit(card->main_loop);
}

/* On the card's own loop. */
static void serve(struct loop_task *task)
{
    struct card *card = container_of(task, struct card, serve);
    struct virtio_dev *dev = nets_dev(card->nets, 0);
    card->backend = vhost_user_backend_create(dev->loop, dev, card->sock, front_end_gone, card);
    if (!card->backend)
        exit(1);
}

int main(int argc, char **argv)
{
    struct nets_options options = { 0 };
    struct card card = { 0 };
    if (argc != 3 || !nets_take(&options, argv[2]))
        return 2;
    card.nets = nets_create(&options);
    card.main_loop = loop_create();
    if (!card.nets || !nets_dev(card.nets, 0) || !card.main_loop)
        return 2;
    card.sock = unix_listen(argv[1], 1);
    if (card.sock < 0) {
        fprintf(stderr, "card: %s: %s\n", argv[1], unix_listen_error(-card.sock));
        return 2;
    }
    loop_task_init(&card.serve, serve);
    loop_post(nets_dev(card.nets, 0)->loop, &card.serve);
    puts("card: ready");
    fflush(stdout);
    loop_run(card.main_loop);
    nets_stop(card.nets);
    vhost_user_backend_destroy(card.backend);
    nets_destroy(card.nets);
    loop_destroy(card.main_loop);
    unlink(argv[1]);
    return 0;
}
