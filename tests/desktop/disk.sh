#!/bin/bash
# SPDX-License-Identifier: MIT
# A disk whose image finds no room on the host: the guest waits, is told nothing, and loses nothing when there is
# room; then the disk grows by `vitrine ctl`. A qcow2 image, and with --full a raw one.
# desktop: none
# timeout: 240
. "$(dirname "$0")/lib.sh"

state_is() { vitrine ctl "$control" status | grep -q "^state  *$1\$"; }

# 64 MiB; there is no qemu-img here.
empty_qcow2() {
	python3 -c '
import struct, sys
cluster = 65536
header = struct.pack(">4sIQIIQIIQQIIQQQQII", b"QFI\xfb", 3, 0, 0, 16, 64 << 20, 0, 1, 3 * cluster, cluster, 1, 0, 0,
                     0, 0, 0, 4, 104)
table = struct.pack(">Q", 2 * cluster)
counts = struct.pack(">4H", 1, 1, 1, 1)
sys.stdout.buffer.write(b"".join(part.ljust(cluster, b"\0") for part in (header, table, counts, b"")))'
}

guest-initrd "$TMPDIR/initrd" "$VITRINE_SOURCE/tests/guest/disk-steps"
mkdir "$TMPDIR/small"
trap 'umount -l "$TMPDIR/small" 2>/dev/null || true' EXIT
for kind in qcow2 ${VITRINE_FULL:+raw}; do
	mount -t tmpfs -o size=12M none "$TMPDIR/small"
	if [ $kind = raw ]; then
		truncate -s 64M "$TMPDIR/small/image"
	else
		empty_qcow2 >"$TMPDIR/small/image"
	fi
	start_vitrine --headless --cpus 1 --mem 256 --initrd "$TMPDIR/initrd" --disk "$TMPDIR/small/image,format=$kind" \
		--params 'quiet vitrine.exec=/run/vitrine/disk-steps' "$GUEST_KERNEL"
	wait_for "$OUT/vitrine.log" "can't be written: No space left on device; the guest waits" 120
	wait_until 10 state_is disk-stuck || fail "the state is not told"
	# in vain
	vitrine ctl "$control" resume
	wait_until 10 state_is disk-stuck || fail "the guest goes on without room"
	mount -o remount,size=64M "$TMPDIR/small"
	vitrine ctl "$control" resume
	wait_for "$OUT/serial.log" 'disk-guest: written'
	vitrine ctl "$control" disk resize disk0 96M
	wait_for "$OUT/serial.log" 'disk-guest: grown'
	end_vitrine 0
	grep -E 'lost|error' "$OUT/serial.log" && fail "the guest was told of an error, or lost something"
	umount "$TMPDIR/small"
done
