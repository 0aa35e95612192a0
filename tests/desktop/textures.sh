#!/bin/bash
# SPDX-License-Identifier: MIT
# Textures as dmabufs: without a DRM node Mesa exports them by /dev/udmabuf; on vgem's card node there
# is GBM, for blits. (No modifiers but the linear one are to be had without a GPU.)
# desktop: none
. "$(dirname "$0")/lib.sh"

build=$(dirname "$(readlink -f "$(command -v vitrine)")")/../..
"$build/tests/device/device_textures" surfaceless export
MESA_GL_VERSION_OVERRIDE=2.1 "$build/tests/device/device_textures" surfaceless export es
modprobe vgem || skip "there is no vgem here"
card=
for node in /dev/dri/card*; do
	[ "$(basename "$(readlink -f "/sys/class/drm/${node##*/}/device/driver")")" = vgem ] && card=$node
done
[ -n "$card" ] || card=$(find /dev/dri -name 'card*' | head -n 1)
echo "vgem is $card"
status=0
"$build/tests/device/device_textures" "$card" blit || status=$?
modprobe -r vgem || true # the scripts after this one have no DRM node
exit "$status"
