// SPDX-License-Identifier: MIT
/*
 * What a flip costs, over all our processes: the GPU process and the main loop's part of the machine are
 * children of this one, which is the guest and the compositor, and counts what they do. /dev/udmabuf is
 * played (its functions take the place of gpu/udmabuf.c's), and so is the renderer.
 */
#include <drm_fourcc.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/virtio_gpu.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wayland-version.h>

#include "gpu/channel.h"
#include "gpu/process.h"
#include "gpu/udmabuf.h"
#include "input/sink.h"
#include "tests/device/driver.h"
#include "tests/device/fake_renderer.h"
#include "tests/test.h"
#include "tests/wl/compositor.h"
#include "tests/wl/syscalls.h"
#include "vmm/base/util.h"
#include "wl/wayl.h"

#define OK VIRTIO_GPU_RESP_OK_NODATA
#define WARM_UP 20u
#define FLIPS 100u
#define ROUNDS 20u
/* For a flip, by all processes. They wait four times: the GPU process for the guest's kick and for the
 * frame's end, the machine for the frame and for its end. Between, the frame is sent, received and
 * committed; its end comes from the compositor, is sent, received, and interrupts the guest. */
#define WAITS 4u
/* libwayland newer than 1.21 reads once more, until there is nothing. */
#define CALLS (WAYLAND_VERSION_MINOR > 21 ? 8u : 7u)
#define CHUNK (16u << 20)
#define ENTRIES 9u

enum { GPU, MACHINE };

/* Shared with the children. */
struct counts {
    atomic_uint allocations[SYSCALLS_PROCESSES];
    atomic_ullong copied;
};

static struct counts *counts;
static atomic_uint *my_allocations; /* NULL: this process's are not counted */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);

static void allocated(void)
{
    if (my_allocations)
        atomic_fetch_add(my_allocations, 1);
}

void *__wrap_malloc(size_t size)
{
    allocated();
    return __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    allocated();
    return __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    allocated();
    return __real_realloc(old, size);
}

int udmabuf_open(void)
{
    return open("/dev/null", O_RDWR | O_CLOEXEC);
}

int udmabuf_create(int device, const struct udmabuf_range *ranges, unsigned n)
{
    int fd = memfd_create("udmabuf", MFD_CLOEXEC);
    uint64_t size = 0;

    for (unsigned i = 0; i < n; i++)
        size += ranges[i].size;
    return fd < 0 || ftruncate(fd, (off_t)size) < 0 ? -errno : fd;
}

/* The machine takes memory for the dmabufs that it plays. */
__attribute__((visibility("default"))) int fstatfs(int fd, struct statfs *fs)
{
    *fs = (struct statfs){ .f_type = DMA_BUF_MAGIC };
    return 0;
}

/* The processes. */

static pid_t process(unsigned which, void (*run)(const int *sock, bool textures), const int *sock,
                     bool textures)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        my_allocations = &counts->allocations[which];
        run(sock, textures);
        _exit(0);
    }
    return pid;
}

enum { VHOST, VHOST_GPU, FRAMES, FRAMES_GPU, SOCKS };

static void run_gpu(const int *sock, bool textures)
{
    static struct fake_renderer fake;
    struct gpu_process_options options = {
        .socket_fd = sock[VHOST_GPU],
        .frames_fd = sock[FRAMES_GPU],
        .journal_fd = -1,
        .gpu.mode[0] = { .width = 640, .height = 480 },
    };

    fake_renderer_init(&fake);
    fake.fast = true;
    if (textures)
        options.gpu.maker = &fake.maker;
    close(sock[VHOST]);
    close(sock[FRAMES]);
    gpu_process_main(&options);
}

static void on_closed(void *data)
{
}

static void on_focus(struct input_sink *sink, int scanout)
{
}

static void run_machine(const int *sock, bool textures)
{
    static const struct input_sink_ops sink_ops = { .focus = on_focus };
    static const struct wayl_events events;
    const struct wayl_config config = {
        .app_id = "vitrine.test", .title = "A guest", .n_outputs = 1, .width = 640, .height = 480
    };
    struct input_sink sink = { .ops = &sink_ops };
    struct loop *loop = loop_create();
    struct channel_machine *channel = channel_machine_create(loop, on_closed, NULL);
    struct wayl *wayl = wayl_create(loop, &config, &sink, &events, NULL);

    close(sock[VHOST]);
    close(sock[VHOST_GPU]);
    close(sock[FRAMES_GPU]);
    if (!wayl || channel_machine_connect(channel, sock[FRAMES]))
        return;
    channel_machine_set_display(channel, wayl_display(wayl));
    wayl_set_producer(wayl, channel_machine_producer(channel));
    for (;;) {
        loop_run_once(loop, -1);
        atomic_store(&counts->copied, channel_machine_stats(channel)->copied);
    }
}

/* The guest and the compositor. */

struct bed {
    struct loop *loop;
    struct compositor *compositor;
    struct driver *driver;
    struct syscalls *syscalls;
    uint32_t width, height;
    bool textures;
    unsigned commits;
    uint64_t slots; /* four pages for commands and their answers */
    unsigned next_slot;
    uint64_t fence;
};

static void set_up(struct bed *bed, bool textures, uint32_t width, uint32_t height)
{
    int sock[SOCKS];

    *bed = (struct bed){
        .loop = loop_create(), .textures = textures, .width = width, .height = height
    };
    memset(counts, 0, sizeof(*counts));
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, &sock[VHOST]), 0);
    assert_int_equal(channel_pair(&sock[FRAMES]), 0);
    bed->compositor = compositor_create(bed->loop, &compositor_everything);
    pid_t pid[SYSCALLS_PROCESSES];
    pid[GPU] = process(GPU, run_gpu, sock, textures);
    pid[MACHINE] = process(MACHINE, run_machine, sock, textures);
    close(bed->compositor->client_fd);
    for (unsigned i = 1; i < SOCKS; i++)
        close(sock[i]);
    compositor_attend(bed->compositor);
    bed->driver = driver_connect(sock[VHOST]);
    driver_up(bed->driver, 1ull << VIRTIO_GPU_F_RESOURCE_BLOB | 1ull << VIRTIO_GPU_F_VIRGL, 2, 64);
    bed->slots = driver_alloc(bed->driver, 4096 * 4, 4096);
    struct compositor_surface *window;
    while (!(window = compositor_window(bed->compositor, 0)) || !window->acked)
        loop_run_once(bed->loop, -1);
    bed->commits = window->commits;
    bed->syscalls = syscalls_start(pid);
    if (!bed->syscalls) {
        printf("processes can't be traced here\n");
        exit(77);
    }
}

static void tear_down(struct bed *bed)
{
    syscalls_end(bed->syscalls);
    driver_destroy(bed->driver);
    compositor_destroy(bed->compositor);
    loop_destroy(bed->loop);
}

static uint32_t request(struct bed *bed, const void *cmd, size_t len)
{
    struct virtio_gpu_ctrl_hdr response = { 0 };
    driver_request(bed->driver, 0, cmd, (uint32_t)len, &response, sizeof(response));
    return response.type;
}

/* 8K is more than the guest's RAM: its pages come again and again. */
static void make(struct bed *bed, uint32_t id)
{
    uint32_t size = bed->width * bed->height * 4, left = size;
    struct {
        struct virtio_gpu_resource_create_blob blob;
        struct virtio_gpu_mem_entry entry[ENTRIES];
    } blob = { .blob = { .hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB,
                         .resource_id = id,
                         .blob_mem = VIRTIO_GPU_BLOB_MEM_GUEST,
                         .size = size } };
    const struct virtio_gpu_resource_create_2d texture = {
        .hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
        .resource_id = id,
        .format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
        .width = bed->width,
        .height = bed->height,
    };

    if (bed->textures) {
        assert_int_equal(request(bed, &texture, sizeof(texture)), OK);
        return;
    }
    for (; left > 0; blob.blob.nr_entries++) {
        struct virtio_gpu_mem_entry *e = &blob.entry[blob.blob.nr_entries];
        e->addr = DRIVER_HIGH_RAM;
        e->length = MIN(left, CHUNK);
        left -= e->length;
    }
    assert_int_equal(request(bed, &blob, sizeof(blob)), OK);
}

/* Puts a command on the queue; the guest takes its answer later. */
static void add(struct bed *bed, const void *cmd, uint32_t len)
{
    uint64_t gpa = bed->slots + bed->next_slot++ % 4 * 4096;
    const struct driver_buffer buffers[] = {
        { gpa, len, false },
        { gpa + 2048, sizeof(struct virtio_gpu_ctrl_hdr), true },
    };

    memcpy(driver_ptr(bed->driver, gpa), cmd, len);
    assert_true(driver_add(bed->driver, 0, buffers, 2, false) >= 0);
}

static void take(struct bed *bed)
{
    assert_true(driver_used(bed->driver, 0, DRIVER_TIMEOUT_MS, NULL, NULL));
}

/* As Linux does: both commands in one kick, then the answers as they come. */
static void flip(struct bed *bed, uint32_t id)
{
    const struct virtio_gpu_rect all = { .width = bed->width, .height = bed->height };
    const struct virtio_gpu_set_scanout_blob show_blob = {
        .hdr.type = VIRTIO_GPU_CMD_SET_SCANOUT_BLOB,
        .r = all,
        .resource_id = id,
        .width = bed->width,
        .height = bed->height,
        .format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
        .strides[0] = bed->width * 4,
    };
    const struct virtio_gpu_set_scanout show_texture = {
        .hdr.type = VIRTIO_GPU_CMD_SET_SCANOUT,
        .r = all,
        .resource_id = id,
    };
    const struct virtio_gpu_resource_flush flush = {
        .hdr = { .type = VIRTIO_GPU_CMD_RESOURCE_FLUSH,
                 .flags = bed->textures ? 0 : VIRTIO_GPU_FLAG_FENCE,
                 .fence_id = ++bed->fence },
        .r = all,
        .resource_id = id,
    };
    struct compositor_surface *window = compositor_window(bed->compositor, 0);

    if (bed->textures)
        add(bed, &show_texture, sizeof(show_texture));
    else
        add(bed, &show_blob, sizeof(show_blob));
    add(bed, &flush, sizeof(flush));
    driver_kick(bed->driver, 0);
    while (window->commits == bed->commits)
        loop_run_once(bed->loop, -1);
    assert_int_equal(window->commits, ++bed->commits);
    compositor_repaint(bed->compositor);
    loop_run_once(bed->loop, 0);
    take(bed);
    take(bed);
    /* It asks for an interrupt at the next. */
    assert_false(driver_used(bed->driver, 0, 0, NULL, NULL));
}

/* Counts a round of flips. Whether they cost no more than they should. */
static bool round_is_cheap(struct bed *bed)
{
    unsigned waits = 0, calls = 0;

    syscalls_count(bed->syscalls, true);
    for (unsigned i = 0; i < FLIPS; i++)
        flip(bed, 1 + i % 2);
    syscalls_count(bed->syscalls, false);
    printf("%u×%u, %s:\n", bed->width, bed->height, bed->textures ? "textures" : "blobs");
    syscalls_print(bed->syscalls, GPU, "  GPU process", FLIPS);
    syscalls_print(bed->syscalls, MACHINE, "  machine", FLIPS);
    for (unsigned i = 0; i < SYSCALLS_PROCESSES; i++) {
        unsigned n = syscalls_of(bed->syscalls, i, SYS_epoll_wait);
        waits += n;
        calls += syscalls_of(bed->syscalls, i, -1) - n;
    }
    /* Now and then, a timer that was put off is put off further. */
    return waits <= FLIPS * WAITS + 10 && calls <= FLIPS * CALLS + 10;
}

static void cost(bool textures, uint32_t width, uint32_t height)
{
    struct bed bed;
    bool cheap = false;

    set_up(&bed, textures, width, height);
    for (uint32_t id = 1; id <= 2; id++)
        make(&bed, id);
    for (unsigned i = 0; i < WARM_UP; i++)
        flip(&bed, 1 + i % 2);
    atomic_store(&counts->allocations[GPU], 0);
    atomic_store(&counts->allocations[MACHINE], 0);
    /* On a busy machine a frame takes longer than a flush waits, and what comes together else comes in
     * pieces: then there are other rounds. */
    for (unsigned i = 0; i < ROUNDS && !cheap; i++)
        cheap = round_is_cheap(&bed);
    assert_true(cheap);
    assert_int_equal(atomic_load(&counts->copied), 0);
    assert_int_equal(atomic_load(&counts->allocations[GPU]), 0);
    assert_int_equal(atomic_load(&counts->allocations[MACHINE]), 0);
    tear_down(&bed);
}

static void blobs(void **state)
{
    cost(false, 640, 480);
    cost(false, 7680, 4320);
}

static void textures(void **state)
{
    cost(true, 640, 480);
    cost(true, 7680, 4320);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blobs),
        cmocka_unit_test(textures),
    };

    counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (counts == MAP_FAILED)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
