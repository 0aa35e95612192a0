#!/bin/bash
# SPDX-License-Identifier: MIT
# The kernel's udmabuf does what gpu/udmabuf.c expects of it.
# desktop: none
. "$(dirname "$0")/lib.sh"

build=$(dirname "$(readlink -f "$(command -v vitrine)")")/../..
"$build/tests/device/device_udmabuf"
