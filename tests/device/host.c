// SPDX-License-Identifier: MIT
#include "tests/device/host.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

#include "tests/test.h"
#include "vmm/base/loop.h"
#include "vmm/virtio/vhost_user_backend.h"

struct host {
    struct host_model model;
    struct loop *loop;
    pthread_t thread;
    struct virtio_dev *dev;
    struct vhost_user_backend *backend;
    struct loop_task call_task;
    void (*call_fn)(void *data);
    void *call_data;
    sem_t called;
};

static void *host_main(void *arg)
{
    loop_run(arg);
    return NULL;
}

static void front_end_gone(void *data)
{
}

static void call_on_loop(struct loop_task *task)
{
    struct host *host = container_of(task, struct host, call_task);
    host->call_fn(host->call_data);
    sem_post(&host->called);
}

struct host *host_start(const struct host_model *model, int sock)
{
    struct host *host = calloc(1, sizeof(*host));
    assert_non_null(host);
    host->model = *model;
    host->loop = loop_create();
    assert_non_null(host->loop);
    host->dev = model->create(host->loop, model->data);
    assert_non_null(host->dev);
    host->backend = vhost_user_backend_create(host->loop, host->dev, sock, front_end_gone, NULL);
    assert_non_null(host->backend);
    loop_task_init(&host->call_task, call_on_loop);
    sem_init(&host->called, 0, 0);
    assert_int_equal(pthread_create(&host->thread, NULL, host_main, host->loop), 0);
    return host;
}

void host_call(struct host *host, void (*fn)(void *data), void *data)
{
    host->call_fn = fn;
    host->call_data = data;
    loop_post(host->loop, &host->call_task);
    while (sem_wait(&host->called) < 0)
        assert_int_equal(errno, EINTR);
}

void host_stop(struct host *host)
{
    if (!host)
        return;
    loop_quit(host->loop);
    pthread_join(host->thread, NULL);
    vhost_user_backend_destroy(host->backend);
    host->model.destroy(host->dev, host->model.data);
    loop_destroy(host->loop);
    sem_destroy(&host->called);
    free(host);
}
