/* SPDX-License-Identifier: MIT */
/*
 * The battery-backed clock (Motorola MC146818A): the host's time in UTC, shifted by what the guest
 * sets, with the alarm and the update-ended interrupt. No periodic interrupt and no nvram.
 */
#ifndef VITRINE_DEV_RTC_H
#define VITRINE_DEV_RTC_H

struct bus;
struct loop;
struct rtc;

struct rtc_config {
    struct bus *pio;
    struct loop *loop; /* its timer raises the interrupts */
    int irq;           /* eventfd, edge: irq_line_open(LAYOUT_RTC_GSI); stays the caller's */
};

/* On the loop's thread, like rtc_destroy(). NULL where memory is short. */
struct rtc *rtc_create(const struct rtc_config *config);
/* Accepts NULL. */
void rtc_destroy(struct rtc *rtc);
/* Interrupts off; the time stays. While the vCPUs are parked. */
void rtc_reset(struct rtc *rtc);

#endif
