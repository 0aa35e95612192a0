#!/bin/bash
# SPDX-License-Identifier: MIT
# Two people at one computer: the keyboard of a seat of its own types in a VM that has no focus, while a
# program of the desktop has the first seat's; the one comes and goes.
# desktop: weston
# timeout: 240
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/events.sh"

rule=/run/udev/rules.d/99-seat1.rules
mkdir -p /run/udev/rules.d
# for keyboards that come from now on
echo 'SUBSYSTEM=="input", ATTRS{name}=="QEMU Virtio Keyboard", ENV{ID_SEAT}="seat1"' >$rule
udevadm control --reload
finish() {
	rm -f $rule
	udevadm control --reload
	desktop-input unplug keyboard || true
}
trap finish EXIT
seat1() { vitrine input list | grep -q ' seat1 .* QEMU Virtio Keyboard$'; }
desktop-input plug keyboard
wait_until 30 seat1 || fail "the second keyboard is not on seat1: $(vitrine input list)"

start_vitrine --gpu backend=2d --cpus 1 --mem 256 --verbose --input libinput:seat=seat1,focus=always \
	--initrd "$GUEST_INITRD" --params 'quiet vitrine.exec=/run/vitrine/events' "$GUEST_KERNEL"
wait_for "$OUT/serial.log" 'event: ready' 150
rm -f "$OUT/typed"
foot --fullscreen --override=colors.background=ff00ff sh -c "IFS= read -r line; echo \"\$line\" >$OUT/typed" &
wait_for_pixel 720,500 ff00ff # before that it has not got the keyboard either

# The newest keyboard is the one that is typed on.
key serial a 30
desktop-input unplug keyboard
desktop-input type 'for the host\n'
equal 'what the host heard' "$(wait_for "$OUT/typed" .)" 'for the host'
desktop-input plug keyboard
takes_up() { [ "$(grep -c 'is QEMU Virtio Keyboard' "$OUT/vitrine.log")" = 2 ]; }
wait_until 30 takes_up || fail "the keyboard is not taken up again"
key serial b 48
expect_no_more serial 'vitrine keyboard'
stop_vitrine
