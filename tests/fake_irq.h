/* SPDX-License-Identifier: MIT */
/* A stand-in for the kernel's half of interrupts and notifications (irq.h, and kvm.h's ioeventfds),
 * linked in front of the real ones, so that tests see what a device set up and play the kernel. */
#ifndef VITRINE_TESTS_FAKE_IRQ_H
#define VITRINE_TESTS_FAKE_IRQ_H

#include <stdbool.h>
#include <stdint.h>

#define FAKE_MAX 128

struct fake_irq {
    struct {
        bool used;
        uint64_t addr;
        uint32_t data;
        unsigned n_routed, n_raised;
    } gsi[FAKE_MAX];
    struct {
        int gsi, fd;
    } irqfd[FAKE_MAX];
    struct {
        uint64_t gpa;
        int fd;
    } ioeventfd[FAKE_MAX];
    unsigned n_gsis, n_irqfds, n_ioeventfds;
    int fail; /* a negative errno that attaching, routing and adding answer with */
};

extern struct fake_irq fake_irq;

void fake_irq_clear(void);
/* As the kernel would at once: each attached eventfd that was signalled raises its interrupt. */
void fake_irq_deliver(void);
/* How often the MSI with that data was raised since the last call. */
unsigned fake_irq_taken(uint32_t data);
/* The eventfd that a write to gpa would signal, or -1. */
int fake_ioeventfd_at(uint64_t gpa);

#endif
