#!/bin/bash
# SPDX-License-Identifier: MIT
# Textures that are exported, by a real /dev/udmabuf: a guest that makes, shows and unmakes them leaves
# no file descriptor, mapping or memory behind; and one that is shown at once, while it is still being
# drawn, is shown whole.
# desktop: none
# timeout: 1500
. "$(dirname "$0")/lib.sh"

export LD_LIBRARY_PATH=$VITRINE_BUILD/lib
length=short
[ -z "${VITRINE_FULL-}" ] || length=full
"$VITRINE_BUILD/tests/device/device_virgl_leaks" $length
"$VITRINE_BUILD/tests/device/device_virgl_export" export
