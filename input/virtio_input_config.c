// SPDX-License-Identifier: MIT
#include "input/virtio_input_config.h"

#include <assert.h>
#include <linux/input.h>
#include <linux/virtio_input.h>
#include <string.h>

#include "input/virtio_input.h"
#include "vmm/base/util.h"

#define VENDOR 0x7674

static_assert(sizeof(struct virtio_input_config) == 136, "virtio 1.2, 5.8.4");

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

void virtio_input_fill_config(const struct virtio_input_info *info,
                              struct virtio_input_config *config)
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
