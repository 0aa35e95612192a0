#!/bin/bash
# SPDX-License-Identifier: MIT
# What is typed on the keyboard reaches a program on the guest's console, while its screen is shown by
# dmabuf or by shm; the pointer's place, buttons and wheel reach the guest; a key that is down when
# the focus leaves is let go.
# desktop: weston labwc
# timeout: 240
. "$(dirname "$0")/lib.sh"

run='/run/vitrine/events & IFS= read -r line </dev/tty1; echo got: $line; sleep 1000'
start_vitrine --gpu backend=2d --cpus 1 --mem 512 --initrd "$GUEST_INITRD" --params "quiet vitrine.exec=\"$run\"" \
	"$GUEST_KERNEL"
wait_for "$OUT/serial.log" 'event: ready' 150
desktop-input move 720 500
desktop-input button left
wait_for "$OUT/serial.log" 'event: . 1 272 1[[:space:]]*$' 20 # BTN_LEFT
wait_for "$OUT/serial.log" 'event: . 1 272 0[[:space:]]*$' 20
desktop-input type 'Hello, World! 1+1=2\n'
wait_for "$OUT/serial.log" 'got: Hello, World! 1\+1=2' 30
desktop-input wheel up 1
wait_for "$OUT/serial.log" 'event: . 2 8 -?1[[:space:]]*$' 20 # REL_WHEEL

# Another window takes the focus while a key is down.
desktop-input down a
wait_for "$OUT/serial.log" 'event: . 1 30 1[[:space:]]*$' 20
foot sh -c "echo mapped >$OUT/mapped; exec sleep 1000" &
wait_for "$OUT/mapped" mapped
wait_for "$OUT/serial.log" 'event: . 1 30 0[[:space:]]*$' 30
desktop-input up a
stop_vitrine
