#!/bin/bash
# SPDX-License-Identifier: MIT
# The desktop's own evdev devices in two VMs by libinput: what is done on them arrives in the guest that has
# the focus, exactly, and nowhere else; what is grabbed, the compositor does not hear; a device comes and goes.
# desktop: labwc
# timeout: 300
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/events.sh"

# A keyboard of its own, which is the one that is typed on.
second_keyboard() { [ "$(grep -l -x 'QEMU Virtio Keyboard' /sys/class/input/event*/device/name | wc -l)" = 2 ]; }
second_keyboard || desktop-input plug keyboard
desktop-input plug touch
# QEMU's touchscreen takes the mouse's buttons for its own: those of the next script, too.
trap 'desktop-input unplug touch || true' EXIT
wait_until 20 second_keyboard || fail "no second keyboard"
wait_until 20 there_is 'QEMU Virtio MultiTouch' || fail "no touchscreen"
keyboard=$(node 'QEMU Virtio Keyboard') mouse=$(node 'QEMU Virtio Mouse') touch=$(node 'QEMU Virtio MultiTouch')
vitrine input list
vitrine input list | grep -q "^$keyboard *seat0 *keyboard *yes *QEMU Virtio Keyboard" ||
	fail "the list does not have the keyboard"

declare -A socket pid
start() { # NAME ARGUMENT...
	local name=$1
	shift
	socket[$name]=$XDG_RUNTIME_DIR/$name.sock
	rm -f "$OUT/$name.log" # is appended to
	vitrine run --net none --gpu backend=2d --cpus 1 --mem 256 --name "$name" --display size=640x480 --verbose \
		--serial "file=$OUT/$name.log" --socket "${socket[$name]}" --initrd "$GUEST_INITRD" \
		--params 'quiet vitrine.exec=/run/vitrine/events' --input "libinput:device=$keyboard,grab" \
		--input "libinput:device=$mouse,grab" --input "libinput:device=$touch,grab" "$@" "$GUEST_KERNEL" \
		>"$OUT/$name.messages" 2>&1 &
	pid[$name]=$!
}
# Whether a VM has the device for itself.
holds() { # NAME DEVICE
	grep -E "$2 is (held|let go of)" "$OUT/$1.messages" | tail -n 1 | grep -q 'is held'
}
takes_up() { # NAME DEVICE TIMES: it was there so often
	[ "$(grep -c "$2 is QEMU" "$OUT/$1.messages")" = "$3" ]
}
has_focus() { # NAME
	wait_until 30 holds "$1" "$keyboard" || fail "$1 does not hold the keyboard"
	wait_until 30 holds "$1" "$mouse" || fail "$1 does not hold the mouse"
}

mode() { # NAME
	control=${socket[$1]} stat_of window.monitors.1 | cut -d@ -f1
}

start first --input wayland
has_focus first
start second
wait_until 30 takes_up second "$touch" 1 || fail "the second does not take up the touchscreen"
desktop-input unplug touch
wait_for "$OUT/first.log" 'event: ready' 150
wait_for "$OUT/second.log" 'event: ready' 150

# The window that came last has the focus.
has_focus second
key second a 30
desktop-input key shift-1
expect second 'vitrine keyboard' '1.42.1 1.2.1 1.2.0 1.42.0'
desktop-input rel 7 -3
expect second 'vitrine mouse' '2.0.7 2.1.-3'
desktop-input button left
desktop-input button side
expect second 'vitrine mouse' '1.272.1 1.272.0 1.275.1 1.275.0'
desktop-input wheel up 2
desktop-input wheel down
expect second 'vitrine mouse' '2.11.120 2.8.1 2.11.120 2.8.1 2.11.-120 2.8.-1'

# The touchscreen is there again.
desktop-input plug touch
wait_until 30 takes_up second "$touch" 2 || fail "the touchscreen is not taken up again"
wait_until 30 holds second "$touch" || fail "the touchscreen that came is not held"
desktop-input touch down 0 720 500
desktop-input touch down 1 100 100
desktop-input touch move 0 721 500
expect second 'vitrine touchscreen' \
	'3.57.0 3.53.16395 3.54.16400 1.330.1 3.47.1 3.57.1 3.53.2287 3.54.3293 3.47.0 3.53.16418'
desktop-input touch up 0
desktop-input touch up 1
expect second 'vitrine touchscreen' '3.57.-1 3.47.1 3.57.-1 1.330.0'

# A program of the host's takes the focus while a key is down.
desktop-input down b
expect second 'vitrine keyboard' 1.48.1
rm -f "$OUT/typed"
foot sh -c "IFS= read -r line; echo \"\$line\" >$OUT/typed" &
expect second 'vitrine keyboard' 1.48.0
desktop-input up b
desktop-input type 'no guest\n'
equal 'what was typed' "$(wait_for "$OUT/typed" .)" 'no guest'
has_focus second
key second c 46

# A VM that is killed holds nothing any more; the other's window has the focus.
kill -KILL "${pid[second]}"
has_focus first
key first d 32
desktop-input rel 5 5
expect first 'vitrine mouse' '2.0.5 2.1.5'

# A shortcut of the compositor's is the guest's, until the hotkey lets go; then keys come as the window's.
desktop-input key meta_l-a
expect first 'vitrine keyboard' '1.125.1 1.30.1 1.30.0 1.125.0'
equal 'the mode of a window that was not maximized' "$(mode first)" 640x480
desktop-input key ctrl-ctrl_r
expect first 'vitrine keyboard' '1.29.1 1.97.1 1.29.0 1.97.0'
is_free() { ! holds first "$1"; }
wait_until 20 is_free "$keyboard" || fail "the hotkey does not let go"
key first e 18
desktop-input key meta_l-a
is_maximized() { [ "$(mode first)" != 640x480 ]; }
wait_until 20 is_maximized || fail "the compositor does not get the keyboard back"
expect first 'vitrine keyboard' '1.125.1 1.125.0'
desktop-input key ctrl-ctrl_r
has_focus first
expect first 'vitrine keyboard' '1.29.1 1.97.1 1.97.0 1.29.0'

# The keyboard is pulled out while a key is down, and plugged in again. Meanwhile the other one is typed on.
desktop-input down f
expect first 'vitrine keyboard' 1.33.1
desktop-input unplug keyboard
expect first 'vitrine keyboard' 1.33.0
key first g 34
desktop-input plug keyboard
wait_until 30 takes_up first "$keyboard" 2 || fail "the keyboard is not taken up again"
has_focus first
key first h 35

for device in keyboard mouse touchscreen; do
	for name in first second; do
		expect_no_more $name "vitrine $device"
	done
done
status=0
vitrine ctl "${socket[first]}" stop
wait "${pid[first]}" || status=$?
equal 'the exit status' "$status" 4
