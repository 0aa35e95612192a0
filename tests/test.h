/* SPDX-License-Identifier: MIT */
/* cmocka with the headers that it needs in front of it, in the order that it needs. */
#ifndef VITRINE_TESTS_TEST_H
#define VITRINE_TESTS_TEST_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#endif
