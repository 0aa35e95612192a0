// SPDX-License-Identifier: MIT
/*
 * Two pictures of the device's state are kept: what it is, and what the driver was told. A report
 * that goes out makes them equal in what it says. After one that did not, the difference is sent,
 * as far as buffers reach, each time that buffers come. The driver is asked to kick for new event
 * buffers only while there is such a difference; else its refills would wake the loop for nothing.
 */
#include "input/virtio_input.h"

#include <assert.h>
#include <linux/input.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_input.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "input"
#include "input/virtio_input_config.h"
#include "input/virtio_input_state.h"
#include "vmm/base/fd.h"
#include "vmm/base/iov.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

#define EVENT_QUEUE 0
#define STATUS_QUEUE 1

static_assert(sizeof(struct virtio_input_event) == 8, "virtio 1.2, 5.8.6");
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "events are little endian");

struct virtio_input {
    struct virtio_dev dev;
    const struct virtio_input_info *info;
    struct virtio_input_state state, told;
    bool behind; /* told differs from state; the driver kicks when buffers come */
    struct virtio_input_event report[VIRTIO_INPUT_REPORT_MAX + 1];
    unsigned n_report;
    bool overflow;                                  /* the report under way does not fit */
    void (*led)(void *data, uint16_t led, bool on); /* may be NULL */
    void *led_data;
    struct virtq_chain chain;
    pthread_mutex_t lock; /* guards select, subsel */
    uint8_t select, subsel;
};

static struct virtio_input *from_dev(struct virtio_dev *dev)
{
    return container_of(dev, struct virtio_input, dev);
}

static void get_config(struct virtio_dev *dev, uint32_t offset, void *data, uint32_t len)
{
    struct virtio_input *input = from_dev(dev);
    struct virtio_input_config config = { 0 };
    pthread_mutex_lock(&input->lock);
    config.select = input->select;
    config.subsel = input->subsel;
    pthread_mutex_unlock(&input->lock);
    virtio_input_fill_config(input->info, &config);
    memset(data, 0, len);
    if (offset < sizeof(config))
        memcpy(data, (const char *)&config + offset, MIN(len, sizeof(config) - offset));
}

static void set_config(struct virtio_dev *dev, uint32_t offset, const void *data, uint32_t len)
{
    struct virtio_input *input = from_dev(dev);
    const uint8_t *bytes = data;
    pthread_mutex_lock(&input->lock);
    if (offset == 0 && len > 0)
        input->select = bytes[0];
    if (offset <= 1 && len > 1 - offset)
        input->subsel = bytes[1 - offset];
    pthread_mutex_unlock(&input->lock);
}

/* Events. */

static bool is_behind(const struct virtio_input *input)
{
    return !virtio_input_state_equal(&input->state, &input->told);
}

static void broken(struct virtio_input *input)
{
    log_guest("%s: an event buffer is malformed", input->info->name);
    virtio_dev_broken(&input->dev);
}

/* Puts n events and SYN_REPORT into n + 1 buffers, which are there. False where one is malformed. */
static bool publish(struct virtio_input *input, struct virtio_input_event *events, unsigned n)
{
    struct virtq *q = &input->dev.queue[EVENT_QUEUE];
    events[n] = (struct virtio_input_event){ .type = EV_SYN, .code = SYN_REPORT };
    for (unsigned i = 0; i <= n; i++) {
        struct virtq_chain *chain = &input->chain;
        int got = virtq_pop(q, chain);
        if (got <= 0)
            return false;
        const struct iovec *in = &chain->iov[chain->n_out];
        if (iov_write(in, chain->n_in, 0, &events[i], sizeof(events[i])) != sizeof(events[i]))
            return false;
        virtq_push(q, chain->head, sizeof(events[i]));
        virtio_input_state_apply(&input->told, input->info, &events[i]);
    }
    virtq_notify(q);
    return true;
}

/* Tells the driver what it does not know yet, as far as there are buffers. */
static void catch_up(struct virtio_input *input)
{
    struct virtq *q = &input->dev.queue[EVENT_QUEUE];
    /* Each turn publishes something, or finds buffers that came since the last one; a driver can
     * add no more of them in one go than the queue holds, and the next kick goes on. */
    for (unsigned turn = 0; turn < VIRTIO_INPUT_QUEUE_SIZE && is_behind(input); turn++) {
        struct virtio_input_event events[VIRTIO_INPUT_REPORT_MAX + 1];
        unsigned room = virtq_available(q), n = 0;
        if (room > 1)
            n = virtio_input_state_difference(&input->state, &input->told, input->info, events,
                                              MIN(room - 1, VIRTIO_INPUT_REPORT_MAX));
        if (n > 0 && !publish(input, events, n)) {
            broken(input);
            return;
        }
        if (n == 0 && !virtq_await_more(q, room))
            break;
    }
    input->behind = is_behind(input);
    if (!input->behind)
        virtq_disable_kick(q);
}

void virtio_input_event(struct virtio_input *input, uint16_t type, uint16_t code, int32_t value)
{
    struct virtio_input_event event = { type, code, (uint32_t)value };
    if (type == EV_KEY && !virtio_input_has_key(input->info, code))
        return;
    virtio_input_state_apply(&input->state, input->info, &event);
    if (input->n_report == VIRTIO_INPUT_REPORT_MAX)
        input->overflow = true;
    else
        input->report[input->n_report++] = event;
}

void virtio_input_report(struct virtio_input *input)
{
    struct virtq *q = &input->dev.queue[EVENT_QUEUE];
    unsigned n = input->n_report;
    bool overflow = input->overflow;
    input->n_report = 0;
    input->overflow = false;
    if (!input->dev.started || n == 0)
        return;
    /* While the driver is behind, events on top of what it knows would mislead it. */
    if (input->behind || overflow || virtq_available(q) < n + 1)
        catch_up(input);
    else if (!publish(input, input->report, n))
        broken(input);
}

/* The device. */

/* A driver takes it that they are, and says nothing of it. */
static void leds_are_off(const struct virtio_input *input)
{
    const uint16_t *led = input->led ? input->info->led : NULL;
    for (; led && *led != VIRTIO_INPUT_END; led++)
        input->led(input->led_data, *led, false);
}

static int start(struct virtio_dev *dev)
{
    struct virtio_input *input = from_dev(dev);
    leds_are_off(input);
    virtio_input_state_init(&input->told);
    /* How it moved before is of no interest. */
    memcpy(input->told.rel, input->state.rel, sizeof(input->told.rel));
    input->behind = false;
    virtq_disable_kick(&dev->queue[EVENT_QUEUE]);
    /* Where the pointer is and what is held: the driver has no buffers yet, and gets it then. */
    if (is_behind(input)) {
        input->behind = true;
        catch_up(input);
    }
    return 0;
}

static void stop(struct virtio_dev *dev)
{
    from_dev(dev)->behind = false;
}

/* What the driver lets the device know: LEDs. */
static void take_status(struct virtio_input *input, struct virtq *q)
{
    struct virtio_input_event event;
    int got = 0;
    /* At most a queue's worth in a turn: others wait on this loop. */
    for (unsigned n = 0; n < q->size && (got = virtq_pop(q, &input->chain)) > 0; n++) {
        if (iov_read(input->chain.iov, input->chain.n_out, 0, &event, sizeof(event)) ==
                sizeof(event) &&
            event.type == EV_LED && input->led)
            input->led(input->led_data, event.code, event.value != 0);
        virtq_push(q, input->chain.head, 0);
    }
    virtq_notify(q);
    if (got < 0)
        virtio_dev_broken(&input->dev);
    else if (got > 0)
        fd_event_signal(q->kick_fd);
}

static void kick(struct virtio_dev *dev, struct virtq *q)
{
    struct virtio_input *input = from_dev(dev);
    if (q->index == EVENT_QUEUE) {
        if (input->behind)
            catch_up(input);
        else
            virtq_disable_kick(q);
        return;
    }
    take_status(input, q);
}

static const struct virtio_ops virtio_input_ops = {
    .name = "input",
    .device_id = VIRTIO_ID_INPUT,
    .get_config = get_config,
    .set_config = set_config,
    .start = start,
    .stop = stop,
    .kick = kick,
};

struct virtio_input *virtio_input_create(struct loop *loop, const struct virtio_input_info *info)
{
    struct virtio_input *input = calloc(1, sizeof(*input));
    if (!input)
        return NULL;
    BUG_ON(info->n_abs > VIRTIO_INPUT_MAX_ABS);
    input->info = info;
    virtio_input_state_init(&input->state);
    input->dev = (struct virtio_dev){
        .ops = &virtio_input_ops,
        .loop = loop,
        .n_queues = 2,
        .queue_size = { VIRTIO_INPUT_QUEUE_SIZE, VIRTIO_INPUT_QUEUE_SIZE },
        .config_len = sizeof(struct virtio_input_config),
    };
    pthread_mutex_init(&input->lock, NULL);
    return input;
}

void virtio_input_destroy(struct virtio_input *input)
{
    if (!input)
        return;
    pthread_mutex_destroy(&input->lock);
    free(input);
}

struct virtio_dev *virtio_input_dev(struct virtio_input *input)
{
    return &input->dev;
}

void virtio_input_on_led(struct virtio_input *input, void (*led)(void *data, uint16_t led, bool on),
                         void *data)
{
    input->led = led;
    input->led_data = data;
}
