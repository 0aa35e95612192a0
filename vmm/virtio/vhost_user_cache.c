// SPDX-License-Identifier: MIT
#include "vmm/virtio/vhost_user_cache.h"

#include <linux/virtio_gpu.h>
#include <linux/virtio_ids.h>
#include <stddef.h>
#include <string.h>

#include "vmm/base/util.h"

#define EVENTS_READ offsetof(struct virtio_gpu_config, events_read)
#define EVENTS_CLEAR offsetof(struct virtio_gpu_config, events_clear)
#define EVENTS_SIZE sizeof(uint32_t)

void vhost_user_cache_init(struct vhost_user_cache *cache, uint16_t device_id, uint32_t len)
{
    *cache = (struct vhost_user_cache){ .device_id = device_id, .len = len };
    pthread_mutex_init(&cache->lock, NULL);
}

void vhost_user_cache_finish(struct vhost_user_cache *cache)
{
    pthread_mutex_destroy(&cache->lock);
}

static bool has_events(const struct vhost_user_cache *cache)
{
    return cache->device_id == VIRTIO_ID_GPU && cache->len >= EVENTS_CLEAR + EVENTS_SIZE;
}

static uint32_t get_events(const struct vhost_user_cache *cache)
{
    uint32_t events;
    memcpy(&events, &cache->data[EVENTS_READ], sizeof(events));
    return events;
}

static void set_events(struct vhost_user_cache *cache, uint32_t events)
{
    memcpy(&cache->data[EVENTS_READ], &events, sizeof(events));
}

/* The part of [offset, offset + len) that the space holds. */
static uint32_t clip(const struct vhost_user_cache *cache, uint32_t offset, uint32_t len)
{
    return offset < cache->len ? MIN(len, cache->len - offset) : 0;
}

void vhost_user_cache_read(struct vhost_user_cache *cache, uint32_t offset, void *data,
                           uint32_t len)
{
    uint32_t held = clip(cache, offset, len);
    memset(data, 0, len);
    if (held == 0)
        return;
    pthread_mutex_lock(&cache->lock);
    memcpy(data, &cache->data[offset], held);
    if (has_events(cache) && offset < EVENTS_READ + EVENTS_SIZE)
        cache->events_seen |= get_events(cache);
    pthread_mutex_unlock(&cache->lock);
}

static void write_events(struct vhost_user_cache *cache, uint32_t offset, const uint8_t *data,
                         uint32_t len)
{
    uint32_t clear = 0;
    for (uint32_t i = 0; i < len; i++) {
        uint32_t at = offset + i;
        if (at >= EVENTS_CLEAR && at < EVENTS_CLEAR + EVENTS_SIZE)
            clear |= (uint32_t)data[i] << 8 * (at - EVENTS_CLEAR);
    }
    clear &= cache->events_seen;
    if (clear == 0)
        return;
    set_events(cache, get_events(cache) & ~clear);
    cache->events_seen &= ~clear;
    /* Writing a one clears, so writes that were not collected yet add up. */
    for (uint32_t i = 0; i < EVENTS_SIZE; i++) {
        cache->written[EVENTS_CLEAR + i] |= (uint8_t)(clear >> 8 * i);
        cache->dirty[EVENTS_CLEAR + i] = true;
    }
}

void vhost_user_cache_write(struct vhost_user_cache *cache, uint32_t offset, const void *data,
                            uint32_t len)
{
    uint32_t held = clip(cache, offset, len);
    if (held == 0)
        return;
    pthread_mutex_lock(&cache->lock);
    if (has_events(cache)) {
        write_events(cache, offset, data, held);
    } else {
        memcpy(&cache->written[offset], data, held);
        memset(&cache->dirty[offset], true, held);
    }
    pthread_mutex_unlock(&cache->lock);
}

bool vhost_user_cache_collect(struct vhost_user_cache *cache, struct vhost_user_config *config)
{
    uint32_t start = 0;
    pthread_mutex_lock(&cache->lock);
    while (start < cache->len && !cache->dirty[start])
        start++;
    uint32_t end = start;
    while (end < cache->len && cache->dirty[end])
        end++;
    *config = (struct vhost_user_config){ .offset = start, .size = end - start };
    if (end > start) {
        memcpy(config->data, &cache->written[start], end - start);
        memset(&cache->written[start], 0, end - start);
        memset(&cache->dirty[start], 0, end - start);
    }
    pthread_mutex_unlock(&cache->lock);
    return end > start;
}

void vhost_user_cache_refresh(struct vhost_user_cache *cache, const void *data, bool event)
{
    pthread_mutex_lock(&cache->lock);
    uint32_t known = get_events(cache);
    memcpy(cache->data, data, cache->len);
    if (has_events(cache)) {
        /* Between two changes the back-end's events lag behind what the driver cleared. */
        uint32_t told = get_events(cache);
        uint32_t events = cache->valid ? known : told;
        if (event) {
            events |= told | VIRTIO_GPU_EVENT_DISPLAY;
            cache->events_seen &= ~VIRTIO_GPU_EVENT_DISPLAY;
        }
        set_events(cache, events);
    }
    cache->valid = true;
    pthread_mutex_unlock(&cache->lock);
}
