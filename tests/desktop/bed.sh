#!/bin/bash
# SPDX-License-Identifier: MIT
# The test bed itself: what is typed on the emulated keyboard arrives in a window that has the focus,
# a click moves the focus, a picture of the desktop can be taken, and the devices are there.
# desktop: weston labwc
. "$(dirname "$0")/lib.sh"

[ -c /dev/kvm ] || fail "no /dev/kvm"
[ -c /dev/udmabuf ] || fail "no /dev/udmabuf"
[ ! -e /dev/dri ] || fail "there is a DRM node, with which dmabufs crash the compositor"
protocols=$(wayland-info)
grep -q xdg_wm_base <<<"$protocols" || fail "no xdg_wm_base"
grep -q wl_seat <<<"$protocols" || fail "no wl_seat"
if [ "$DESKTOP_COMPOSITOR" = weston ]; then
	grep -q zwp_linux_dmabuf_v1 <<<"$protocols" || fail "no dmabuf"
fi

# A window over the whole output, so that the pointer is in it wherever it is.
foot --fullscreen sh -c "echo ready >$OUT/ready; IFS= read -r line; echo \"\$line\" >$OUT/typed" &
wait_for "$OUT/ready" ready
desktop-input move 720 500
desktop-input type 'Hello, World! 1+1=2\n'
equal 'what was typed' "$(wait_for "$OUT/typed" .)" 'Hello, World! 1+1=2'
wait

foot --override colors.background=336699 --fullscreen sh -c "echo ready >$OUT/ready2; exec sleep 60" &
wait_for "$OUT/ready2" ready
# the window is drawn some time after the shell in it runs
for _ in $(seq 20); do
	desktop-shot "$OUT/shot.png"
	colour=$(desktop-pixel "$OUT/shot.png" 700,900)
	[ "$colour" != 336699 ] || break
done
equal 'the pixel of the window' "$colour" 336699
kill %2 2>/dev/null || true
