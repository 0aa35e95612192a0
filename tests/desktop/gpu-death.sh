#!/bin/bash
# SPDX-License-Identifier: MIT
# The GPU process is stopped, which the watchdog ends, and killed again and again, while the guest flips
# between two buffers and writes a disk that it reads back. Each time the guest lives on, a successor shows its screen again without a word to
# the guest's driver, and nothing of the disk is lost.
# desktop: weston
# timeout: 340
. "$(dirname "$0")/lib.sh"

kills=${KILLS-5}
disk=$OUT/disk.img
truncate -s 16M "$disk"
# shellcheck disable=SC2016 # the guest's variables
program='n=0; while sleep 0.1; do n=$((n+1));
	echo block $n | dd of=/dev/vda bs=512 seek=$n conv=sync 2>/dev/null;
	dd if=/dev/vda bs=512 skip=$n count=1 2>/dev/null | grep -q ^block.$n$ || echo disk: block $n is wrong;
	[ $((n%5)) != 0 ] || echo disk: $n blocks; done & /run/vitrine/flip FLIPS 1'
program=$(tr -s '\n\t' ' ' <<<"${program/FLIPS/$((500 + kills * 100))}")
start_vitrine --gpu backend=2d,watchdog=25 --cpus 1 --mem 512 --display size=400x300 \
	--initrd "$GUEST_INITRD" --rwdisk "$disk" --params "quiet vitrine.exec=\"$program\"" "$GUEST_KERNEL"
wait_for "$OUT/serial.log" 'flip: 400x300' 150
wait_for "$OUT/serial.log" 'disk: 5 blocks' 60

presented_more() { [ "$(stat_of frames.presented)" -gt "$presented" ]; }
restarted() { [ "$(stat_of gpu_restarts)" -gt "$restarts" ]; }

kill_gpu() { # [SIGNAL [SECONDS]]
	local gpu start up
	gpu=$(pgrep -n -f 'vitrine gpu --vhost-user') || fail "there is no GPU process"
	restarts=$(stat_of gpu_restarts)
	start=$(date +%s%N)
	kill "-${1-KILL}" "$gpu"
	wait_until "${2-60}" restarted || fail "no successor after the kill of process $gpu"
	up=$(date +%s%N)
	presented=$(($(stat_of frames.presented) - 1)) # its first frame may have come already
	wait_until 4 presented_more || fail "the successor shows nothing" # asking takes an emulated second
	echo "kill $((restarts + 1)): a successor after $(((up - start) / 1000000)) ms"
}

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
# Emulated on a busy machine, one or the other is later than it would be on a desktop.
mapfile -t back < <(sed -n 's/.*graphics are back after \([0-9]*\) ms.*/\1/p' "$OUT/vitrine.log" | sort -n)
echo "half of the successors were back after ${back[$((kills / 2))]} ms, the slowest after ${back[-1]} ms"
[ "${back[$((kills / 2))]}" -le 2000 ] || fail "that is more than 2 s for half of them"
equal 'the number of successors' "$(stat_of gpu_restarts)" "$kills"

blocks=$(sed -n 's/^disk: \([0-9]*\) blocks.*/\1/p' "$OUT/serial.log" | tail -n 1)
wait_until 30 grep -q "^disk: $((blocks + 5)) " "$OUT/serial.log" || fail "the disk stands still"
! grep 'disk: block' "$OUT/serial.log" || fail "the guest reads back what it has not written"
# shellcheck disable=SC2119
stop_vitrine
for n in $(seq "$blocks"); do
	[ "$(dd if="$disk" bs=512 skip="$n" count=1 status=none | head -c $((6 + ${#n})))" = "block $n" ] ||
		fail "block $n of the disk is not what the guest wrote"
done
echo "all $blocks blocks are on the disk"
