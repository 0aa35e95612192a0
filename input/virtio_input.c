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
#include "vmm/base/iov.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

#define EVENT_QUEUE 0
#define STATUS_QUEUE 1
#define WORDS ((KEY_CNT + 63) / 64)
#define MAX_ABS 2
#define VENDOR 0x7674

static_assert(sizeof(struct virtio_input_event) == 8, "virtio 1.2, 5.8.6");
static_assert(sizeof(struct virtio_input_config) == 136, "virtio 1.2, 5.8.4");
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "events are little endian");

struct state {
    uint64_t keys[WORDS];
    int32_t abs[MAX_ABS];
    bool abs_known[MAX_ABS];
};

struct virtio_input {
    struct virtio_dev dev;
    const struct virtio_input_info *info;
    struct state state, told;
    bool behind; /* told differs from state; the driver kicks when buffers come */
    struct virtio_input_event report[VIRTIO_INPUT_REPORT_MAX + 1];
    unsigned n_report;
    bool overflow; /* the report under way does not fit */
    struct virtq_chain chain;
    pthread_mutex_t lock; /* guards select, subsel */
    uint8_t select, subsel;
};

static struct virtio_input *from_dev(struct virtio_dev *dev)
{
    return container_of(dev, struct virtio_input, dev);
}

/* Configuration space. */

static void set_bit(struct virtio_input_config *config, uint32_t bit)
{
    if (bit / 8 >= sizeof(config->u.bitmap))
        return;
    config->u.bitmap[bit / 8] |= (uint8_t)(1u << bit % 8);
    config->size = (uint8_t)MAX(config->size, bit / 8 + 1);
}

static void set_bits(struct virtio_input_config *config, const uint16_t *codes)
{
    for (; codes && *codes != VIRTIO_INPUT_END; codes++)
        set_bit(config, *codes);
}

static void set_string(struct virtio_input_config *config, const char *string)
{
    config->size = (uint8_t)MIN(strlen(string), sizeof(config->u.string) - 1);
    memcpy(config->u.string, string, config->size);
}

static void set_event_bits(const struct virtio_input_info *info, struct virtio_input_config *config)
{
    switch (config->subsel) {
    case EV_KEY:
        for (unsigned i = 0; info->keys[i][1] != 0; i++) {
            for (uint32_t code = info->keys[i][0]; code <= info->keys[i][1]; code++)
                set_bit(config, code);
        }
        break;
    case EV_REL:
        set_bits(config, info->rel);
        break;
    case EV_ABS:
        for (unsigned i = 0; i < info->n_abs; i++)
            set_bit(config, info->abs[i].code);
        break;
    case EV_LED:
        set_bits(config, info->led);
        break;
    case EV_REP:
        if (info->repeat) {
            set_bit(config, REP_DELAY);
            set_bit(config, REP_PERIOD);
        }
        break;
    }
}

static void set_abs_info(const struct virtio_input_info *info, struct virtio_input_config *config)
{
    for (unsigned i = 0; i < info->n_abs; i++) {
        const struct virtio_input_abs *abs = &info->abs[i];
        if (abs->code != config->subsel)
            continue;
        config->size = sizeof(config->u.abs);
        config->u.abs = (struct virtio_input_absinfo){
            .min = (uint32_t)abs->min,
            .max = (uint32_t)abs->max,
            .res = (uint32_t)abs->resolution,
        };
    }
}

static void fill_config(const struct virtio_input_info *info, struct virtio_input_config *config)
{
    bool whole = config->subsel == 0; /* what has no parts is asked for with subsel 0 */
    switch (config->select) {
    case VIRTIO_INPUT_CFG_ID_NAME:
        if (whole)
            set_string(config, info->name);
        break;
    case VIRTIO_INPUT_CFG_ID_SERIAL:
        if (whole)
            set_string(config, info->serial);
        break;
    case VIRTIO_INPUT_CFG_ID_DEVIDS:
        if (whole) {
            config->size = sizeof(config->u.ids);
            config->u.ids = (struct virtio_input_devids){
                .bustype = BUS_VIRTUAL,
                .vendor = VENDOR,
                .product = info->product,
                .version = 1,
            };
        }
        break;
    case VIRTIO_INPUT_CFG_PROP_BITS:
        if (whole)
            set_bits(config, info->props);
        break;
    case VIRTIO_INPUT_CFG_EV_BITS:
        set_event_bits(info, config);
        break;
    case VIRTIO_INPUT_CFG_ABS_INFO:
        set_abs_info(info, config);
        break;
    }
}

static void get_config(struct virtio_dev *dev, uint32_t offset, void *data, uint32_t len)
{
    struct virtio_input *input = from_dev(dev);
    struct virtio_input_config config = { 0 };
    pthread_mutex_lock(&input->lock);
    config.select = input->select;
    config.subsel = input->subsel;
    pthread_mutex_unlock(&input->lock);
    fill_config(input->info, &config);
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

static bool get_key(const struct state *state, uint32_t code)
{
    return state->keys[code / 64] >> code % 64 & 1;
}

static bool has_key(const struct virtio_input_info *info, uint16_t code)
{
    for (unsigned i = 0; info->keys[i][1] != 0; i++) {
        if (code >= info->keys[i][0] && code <= info->keys[i][1])
            return true;
    }
    return false;
}

/* Takes an event into a picture of the state. */
static void apply(const struct virtio_input_info *info, struct state *state,
                  const struct virtio_input_event *event)
{
    if (event->type == EV_KEY) {
        uint64_t mask = 1ull << event->code % 64;
        uint64_t *word = &state->keys[event->code / 64];
        *word = event->value ? *word | mask : *word & ~mask;
    } else if (event->type == EV_ABS) {
        for (unsigned i = 0; i < info->n_abs; i++) {
            if (info->abs[i].code != event->code)
                continue;
            state->abs[i] = (int32_t)event->value;
            state->abs_known[i] = true;
        }
    }
}

static bool is_behind(const struct virtio_input *input)
{
    return memcmp(&input->state, &input->told, sizeof(input->state)) != 0;
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
        apply(input->info, &input->told, &events[i]);
    }
    virtq_notify(q);
    return true;
}

/* The difference between state and told, releases first: up to max events. */
static unsigned difference(const struct virtio_input *input, struct virtio_input_event *events,
                           unsigned max)
{
    unsigned n = 0;
    for (unsigned pressed = 0; pressed < 2; pressed++) {
        for (uint32_t code = 0; code < KEY_CNT && n < max; code++) {
            if (get_key(&input->state, code) == pressed && get_key(&input->told, code) != pressed)
                events[n++] = (struct virtio_input_event){ EV_KEY, (uint16_t)code, pressed };
        }
    }
    for (unsigned i = 0; i < input->info->n_abs && n < max; i++) {
        if (input->state.abs_known[i] &&
            (!input->told.abs_known[i] || input->told.abs[i] != input->state.abs[i]))
            events[n++] = (struct virtio_input_event){ EV_ABS, input->info->abs[i].code,
                                                       (uint32_t)input->state.abs[i] };
    }
    return n;
}

/* Tells the driver what it does not know yet, as far as there are buffers. */
static void catch_up(struct virtio_input *input)
{
    struct virtq *q = &input->dev.queue[EVENT_QUEUE];
    /* Each turn publishes something, or finds buffers that came since the last one; a driver can
     * add no more of them in one go than the queue holds, and the next kick goes on. */
    for (unsigned turn = 0; turn < VIRTIO_INPUT_QUEUE_SIZE && is_behind(input); turn++) {
        unsigned room = virtq_available(q);
        if (room >= 2) {
            struct virtio_input_event events[VIRTIO_INPUT_REPORT_MAX + 1];
            unsigned n = difference(input, events, MIN(room - 1, VIRTIO_INPUT_REPORT_MAX));
            if (!publish(input, events, n)) {
                broken(input);
                return;
            }
        } else if (!virtq_await_more(q, room)) {
            break;
        }
    }
    input->behind = is_behind(input);
    if (!input->behind)
        virtq_disable_kick(q);
}

void virtio_input_event(struct virtio_input *input, uint16_t type, uint16_t code, int32_t value)
{
    struct virtio_input_event event = { type, code, (uint32_t)value };
    if (type == EV_KEY && !has_key(input->info, code))
        return;
    apply(input->info, &input->state, &event);
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

static int start(struct virtio_dev *dev)
{
    struct virtio_input *input = from_dev(dev);
    memset(&input->told, 0, sizeof(input->told));
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
    int got;
    /* LEDs: there is nothing to light. */
    while ((got = virtq_pop(q, &input->chain)) > 0)
        virtq_push(q, input->chain.head, 0);
    virtq_notify(q);
    if (got < 0)
        virtio_dev_broken(dev);
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
    BUG_ON(info->n_abs > MAX_ABS);
    input->info = info;
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
