/* SPDX-License-Identifier: MIT */
/*
 * The front-end's copy of a back-end's configuration space. vCPUs read and write it at once; the loop
 * refreshes it and collects what the back-end is to be told. It has its own lock: any thread.
 *
 * What a write does to the copy depends on the device. virtio-gpu's events_clear takes bits out of
 * events_read at once (virtio 1.2, 5.7.4), but only bits that the driver has read: an event that came
 * between its read and its write is not lost. Any other write shows when the back-end has taken it.
 */
#ifndef VITRINE_VIRTIO_VHOST_USER_CACHE_H
#define VITRINE_VIRTIO_VHOST_USER_CACHE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/virtio/vhost_user_proto.h"

/* Embedded by the front-end; the lock guards what follows it. */
struct vhost_user_cache {
    uint16_t device_id; /* VIRTIO_ID_* */
    uint32_t len;       /* bytes, at most VHOST_USER_MAX_CONFIG */
    pthread_mutex_t lock;
    uint8_t data[VHOST_USER_MAX_CONFIG];
    uint8_t written[VHOST_USER_MAX_CONFIG]; /* not yet collected */
    bool dirty[VHOST_USER_MAX_CONFIG];      /* which bytes of it */
    uint32_t events_seen;                   /* bits of events_read that the driver has read */
    bool valid;                             /* was refreshed once */
};

void vhost_user_cache_init(struct vhost_user_cache *cache, uint16_t device_id, uint32_t len);
void vhost_user_cache_finish(struct vhost_user_cache *cache);

/* Bytes past the end read as zero; writes to them are dropped. */
void vhost_user_cache_read(struct vhost_user_cache *cache, uint32_t offset, void *data,
                           uint32_t len);
void vhost_user_cache_write(struct vhost_user_cache *cache, uint32_t offset, const void *data,
                            uint32_t len);

/* Fills *config with the next run of bytes that were written; false where there are none. */
bool vhost_user_cache_collect(struct vhost_user_cache *cache, struct vhost_user_config *config);
/* Takes over what the back-end answered, cache->len bytes. event: it had said that its configuration
 * changed, which from virtio-gpu means that a display event came. */
void vhost_user_cache_refresh(struct vhost_user_cache *cache, const void *data, bool event);

#endif
