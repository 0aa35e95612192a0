// SPDX-License-Identifier: MIT
#include "tests/fuzz/qcow2_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    qcow2_target(data, len);
    return 0;
}
