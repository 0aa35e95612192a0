// SPDX-License-Identifier: MIT
/* The graphics process is replaced when it lies to the machine, by the frame channel or by vhost-user. The
 * process here is a true one; the test has its ends of the sockets too, and lies in its name. */
#include <fcntl.h>
#include <linux/virtio_gpu.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gpu/channel.h"
#include "gpu/channel_wire.h"
#include "gpu/process.h"
#include "tests/device/good_buffer.h"
#include "tests/test.h"
#include "vmm/app/gpu_child.h"
#include "vmm/app/gpu_exec.h"
#include "vmm/app/gpu_keeper.h"
#include "vmm/app/screen_options.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"
#include "vmm/virtio/device.h"
#include "vmm/virtio/vhost_user_proto.h"

struct bed {
    struct loop *loop;
    struct channel_machine *channel;
    struct gpu_keeper *keeper;
    unsigned closed, downs, ups, ended;
    int memfd;
};

/* The last process's ends: it has them too. */
static struct {
    unsigned n;
    int frames, vhost;
} process = { .frames = -1, .vhost = -1 };

/* In a child of the test's. Of what is open here it keeps no more than a process of its own would. */
static void serve(const struct gpu_child_params *params)
{
    enum { FIRST = 200 };
    const int fds[] = { params->vhost_fd, params->frames_fd, params->journal_fd };
    struct gpu_process_options options = {
        .socket_fd = FIRST,
        .frames_fd = FIRST + 1,
        .journal_fd = FIRST + 2,
    };
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 0; i < (int)ARRAY_LEN(fds); i++)
        if (dup3(fds[i], FIRST + i, O_CLOEXEC) < 0)
            _exit(3);
    close_range(STDERR_FILENO + 1, FIRST - 1, 0);
    _exit(gpu_process_main(&options));
}

pid_t gpu_exec(const struct gpu_child_params *params)
{
    pid_t pid = fork();
    if (pid == 0)
        serve(params);
    fd_close_all(&process.frames, 1);
    fd_close_all(&process.vhost, 1);
    process.frames = fcntl(params->frames_fd, F_DUPFD_CLOEXEC, 0);
    process.vhost = fcntl(params->vhost_fd, F_DUPFD_CLOEXEC, 0);
    process.n++;
    return pid;
}

/* As the screen does it. */
static void closed(void *data)
{
    struct bed *bed = data;
    bed->closed++;
    gpu_keeper_channel_closed(bed->keeper);
}

static void down(void *data)
{
    ((struct bed *)data)->downs++;
}

static void up(void *data)
{
    ((struct bed *)data)->ups++;
}

static void ended(void *data, int status)
{
    ((struct bed *)data)->ended++;
}

static const struct gpu_keeper_events events = { .down = down, .up = up, .ended = ended };

static int set_up(void **state)
{
    const struct screen_options options = { .gpu = GPU_2D, .watchdog = 60 };
    struct bed *bed = calloc(1, sizeof(*bed));
    log_set_level(LOG_ERROR);
    bed->memfd = fd_memfd_sealed("lie", 4096);
    bed->loop = loop_create();
    bed->channel = channel_machine_create(bed->loop, closed, bed);
    bed->keeper = gpu_keeper_create(bed->loop, &options, -1, bed->channel, &events, bed);
    assert_non_null(bed->keeper);
    *state = bed;
    return 0;
}

static int tear_down(void **state)
{
    struct bed *bed = *state;
    gpu_keeper_destroy(bed->keeper);
    channel_machine_destroy(bed->channel);
    loop_destroy(bed->loop);
    fd_close_all(&bed->memfd, 1);
    fd_close_all(&process.frames, 1);
    fd_close_all(&process.vhost, 1);
    free(bed);
    return 0;
}

static void tell(const struct bed *bed, const void *msg, size_t len, unsigned n_fds)
{
    const int fds[] = { bed->memfd, bed->memfd };
    assert_true(fd_send(process.frames, msg, len, fds, n_fds) > 0);
}

static void a_wrong_length(struct bed *bed)
{
    struct channel_present present = { .head.type = CHANNEL_PRESENT };
    tell(bed, &present, sizeof(present) - 1, 0);
}

static void no_fd(struct bed *bed)
{
    struct channel_buffer_new buffer = good_buffer(CHANNEL_MAX_SLOTS - 1, UINT32_MAX);
    tell(bed, &buffer, sizeof(buffer), 0);
}

static void two_fds(struct bed *bed)
{
    struct channel_buffer_new buffer = good_buffer(CHANNEL_MAX_SLOTS - 1, UINT32_MAX);
    tell(bed, &buffer, sizeof(buffer), 2);
}

static void a_huge_frame(struct bed *bed)
{
    struct channel_buffer_new buffer = good_buffer(CHANNEL_MAX_SLOTS - 1, UINT32_MAX);
    buffer.width = buffer.height = UINT32_MAX;
    tell(bed, &buffer, sizeof(buffer), 1);
}

static void a_rectangle_outside(struct bed *bed)
{
    struct channel_buffer_new buffer = good_buffer(CHANNEL_MAX_SLOTS - 1, UINT32_MAX);
    struct channel_present present = {
        .head.type = CHANNEL_PRESENT,
        .slot = buffer.slot,
        .seq = 1,
        .source = { 8, 8, 16, 16 },
        .n_damage = 1,
        .damage[0] = { 0, 0, 16, 16 },
    };
    tell(bed, &buffer, sizeof(buffer), 1);
    tell(bed, &present, sizeof(present), 0);
}

static void an_answer_to_nothing(struct bed *bed)
{
    const struct vhost_user_header answer = {
        .request = VHOST_USER_GET_CONFIG,
        .flags = VHOST_USER_VERSION | VHOST_USER_REPLY,
    };
    assert_int_equal(send(process.vhost, &answer, sizeof(answer), 0), sizeof(answer));
}

static void a_process_that_lies_is_replaced(void **state)
{
    static const struct {
        void (*lie)(struct bed *bed);
        bool by_channel;
    } lies[] = {
        { a_wrong_length, true },
        { no_fd, true },
        { two_fds, true },
        { a_huge_frame, true },
        { a_rectangle_outside, true },
        { an_answer_to_nothing, false },
    };
    struct bed *bed = *state;
    unsigned by_channel = 0;
    for (unsigned i = 0; i < ARRAY_LEN(lies); i++) {
        struct virtio_dev *dev = gpu_keeper_dev(bed->keeper);
        struct virtio_gpu_config config;
        lies[i].lie(bed);
        while (bed->ups == i)
            loop_run_once(bed->loop, -1);
        by_channel += lies[i].by_channel;
        assert_int_equal(bed->closed, by_channel);
        assert_int_equal(bed->downs, i + 1);
        assert_int_equal(gpu_keeper_restarts(bed->keeper), i + 1);
        assert_int_equal(process.n, i + 2);
        /* The guest goes on with the device that it has. */
        assert_ptr_equal(gpu_keeper_dev(bed->keeper), dev);
        dev->ops->get_config(dev, 0, &config, sizeof(config));
        assert_int_equal(config.num_scanouts, 1);
    }
    assert_int_equal(bed->ended, 0);
    assert_int_equal(channel_machine_stats(bed->channel)->buffers, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_process_that_lies_is_replaced, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
