/* SPDX-License-Identifier: MIT */
/* For tests that also run in the emulated desktop, where cmocka is not: the first check that fails says
 * so and ends the program. */
#ifndef VITRINE_TESTS_DEVICE_CHECK_H
#define VITRINE_TESTS_DEVICE_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("FAILED: %s:%d: %s\n", __func__, __LINE__, #condition);                         \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

#endif
