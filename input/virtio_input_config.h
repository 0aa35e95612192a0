/* SPDX-License-Identifier: MIT */
/* What an input device says of itself in its configuration space (virtio 1.2, 5.8.4). Any thread. */
#ifndef VITRINE_INPUT_VIRTIO_INPUT_CONFIG_H
#define VITRINE_INPUT_VIRTIO_INPUT_CONFIG_H

struct virtio_input_config;
struct virtio_input_info;

/* Answers config->select and config->subsel; the rest of *config is zero before. */
void virtio_input_fill_config(const struct virtio_input_info *info,
                              struct virtio_input_config *config);

#endif
