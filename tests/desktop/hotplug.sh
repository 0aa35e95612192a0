#!/bin/bash
# SPDX-License-Identifier: MIT
# Disks and network cards that come and go while a stock guest runs, by `vitrine ctl`: a disk is formatted,
# mounted, used and removed, twice, and what was written is in its image. The kernel is Debian 12's, and with
# --full Debian 13's too, which control.sh has as well.
# desktop: none
# timeout: 300
. "$(dirname "$0")/lib.sh"

ctl() { vitrine ctl "$control" "$@"; }
none() { [ "$(vitrine ctl --json "$control" "$1" list)" = "{\"$1s\":[]}" ]; }

modprobe tun
ip tuntap add dev vitap0 mode tap
for name in BOOKWORM ${VITRINE_FULL:+TRIXIE}; do
	kernel=GUEST_KERNEL_$name initrd=GUEST_INITRD_$name
	GUEST_INITRD=${!initrd} guest-initrd "$TMPDIR/initrd" "$VITRINE_SOURCE/tests/guest/hotplug-steps"
	start_vitrine --headless --cpus 1 --mem 512 --initrd "$TMPDIR/initrd" \
		--params 'quiet vitrine.exec=/run/vitrine/hotplug-steps' "${!kernel}"
	wait_for "$OUT/serial.log" 'hotplug-guest: ready' 120
	for round in 1 2; do
		truncate -s 64M "$TMPDIR/disk$round"
		equal 'the disk' "$(ctl disk add "$TMPDIR/disk$round,format=raw" | tr -s ' ')" 'id disk0'
		wait_for "$OUT/serial.log" "hotplug-guest: used $round"
		ctl disk list
		ctl disk remove disk0
		wait_for "$OUT/serial.log" "hotplug-guest: gone $round"
		wait_until 30 none disk || fail "the disk is still there: $(ctl disk list)"
		grep -q "written in round $round" "$TMPDIR/disk$round" || fail "the image has nothing of round $round"
		rm "$TMPDIR/disk$round"
	done
	ctl net add tap=vitap0,mac=02:00:00:12:34:57
	wait_for "$OUT/serial.log" 'hotplug-guest: card 02:00:00:12:34:57'
	ctl net list
	ctl net remove net0
	wait_for "$OUT/serial.log" 'exit status 0'
	end_vitrine 0
done
ip link delete vitap0
