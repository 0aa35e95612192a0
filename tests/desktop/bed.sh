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
grep -q 'capabilities: pointer keyboard' <<<"$protocols" || fail "no seat with pointer and keyboard"
if [ "$DESKTOP_COMPOSITOR" = weston ]; then
	grep -q zwp_linux_dmabuf_v1 <<<"$protocols" || fail "no dmabuf"
fi
vitrine doctor >"$OUT/doctor" || fail "the doctor finds that no machine can run: $(cat "$OUT/doctor")"
if [ "$DESKTOP_COMPOSITOR" = weston ]; then # which draws no title bars
	grep -q '^ok *title bars ' "$OUT/doctor" || fail "the doctor does not see libdecor's plugin"
	LIBDECOR_PLUGIN_DIR=/nowhere vitrine doctor | grep -q '^less *title bars ' ||
		fail "the doctor sees a plugin of libdecor's that is not there"
else
	! grep 'title bars ' "$OUT/doctor" | grep -v decoration || fail "the doctor wants libdecor where nobody does"
fi

# A window over the whole output, so that the pointer is in it wherever it is. It has the keyboard's
# focus once it is drawn.
foot --override colors.background=336699 --fullscreen \
	sh -c "IFS= read -r line; echo \"\$line\" >$OUT/typed" &
wait_for_pixel 700,900 336699
desktop-input move 720 500
desktop-input type 'Hello, World! 1+1=2\n'
typed=$(wait_for "$OUT/typed" .)
equal 'what was typed' "$typed" 'Hello, World! 1+1=2'
wait

# Another window above that one takes the focus, and gives it back when it closes.
for colour in 336699 996633; do
	foot --override colors.background=$colour --fullscreen \
		sh -c "IFS= read -r line; echo \"\$line\" >$OUT/typed-$colour" &
	wait_for_pixel 700,900 $colour
done
for colour in 996633 336699; do
	wait_for_pixel 700,900 $colour
	desktop-input type "in $colour\n"
	typed=$(wait_for "$OUT/typed-$colour" .)
	equal "what was typed" "$typed" "in $colour"
done
