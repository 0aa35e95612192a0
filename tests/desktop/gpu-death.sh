#!/bin/bash
# SPDX-License-Identifier: MIT
# The GPU process is stopped, which the watchdog ends, and killed again and again, while the guest flips
# between two buffers and writes a disk that it reads back. Each time the guest lives on, a successor shows
# its screen again without a word to the guest's driver, and nothing of the disk is lost.
# desktop: weston
# timeout: 340
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

kills=${KILLS-5}
guest-initrd "$TMPDIR/initrd" tests/guest/disk-blocks
start_vitrine --gpu backend=2d,watchdog=25 --cpus 1 --mem 512 --display size=400x300 \
	--initrd "$TMPDIR/initrd" --rwdisk "$disk" "$GUEST_KERNEL" --params \
	"quiet vitrine.exec=\"/run/vitrine/disk-blocks /dev/vda & /run/vitrine/flip $((500 + kills * 100)) 1\""
wait_for "$OUT/serial.log" 'flip: 400x300' 150
wait_for "$OUT/serial.log" 'disk: 5 blocks' 60

kill_gpu STOP 120
grep -q 'has done nothing for 25 s' "$OUT/vitrine.log" || fail "it was not the watchdog"
for _ in $(seq $((kills - 2))); do
	kill_gpu
	sleep "0.$((RANDOM % 10))" # a random moment is what is wanted
done
wait_for "$OUT/serial.log" 'flip: holding' $((kills * 20 + 60))
kill_gpu

for _ in $(seq 20); do
	desktop-shot "$OUT/quarters.png"
	where=$(python3 "$(dirname "$0")/quarters.py" "$OUT/quarters.png" 400x300) && break
done
[ -n "${where-}" ] || fail "the desktop does not show what the guest drew before the last kill"
echo "the guest's picture is at $where, every pixel right"
show_times
# Emulated on a busy machine, one or the other is later than it would be on a desktop.
[ "$median" -le 2000 ] || fail "that is more than 2 s for half of them"
equal 'the number of successors' "$(stat_of gpu_restarts)" "$kills"

disk_goes_on
# shellcheck disable=SC2119
stop_vitrine
disk_is_whole
