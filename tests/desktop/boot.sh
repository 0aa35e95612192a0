#!/bin/bash
# SPDX-License-Identifier: MIT
# Stock Debian kernels boot, from vmlinuz and from vmlinux, find their processors and memory, and
# power off. One boot for each kernel and form; with --full, each number of vCPUs and size of memory.
# desktop: none
# timeout: 900
. "$(dirname "$0")/lib.sh"

# Asserts that a guest that was given so much finds it, less what the kernel keeps for itself.
boots() { # KERNEL INITRD CPUS MEM_MIB
	local memory
	start_vitrine --headless --cpus "$3" --mem "$4" --initrd "$2" \
		--params 'quiet vitrine.exec="nproc; grep MemTotal /proc/meminfo; ls /sys/bus/pci/devices"' "$1"
	end_vitrine 0 120
	grep -q "^$3"$'\r' "$OUT/serial.log" || fail "$1 does not find $3 processors"
	memory=$(sed -n 's/^MemTotal: *\([0-9]*\) kB.*/\1/p' "$OUT/serial.log")
	[ "$memory" -gt $(($4 * 1024 * 80 / 100)) ] || fail "$1 finds $memory kB of $4 MiB"
	grep -q '0000:00:01.0' "$OUT/serial.log" || fail "$1 finds no PCI device"
	grep 'vitrine-guest: init after' "$OUT/serial.log" | sed "s,^,$(basename "$1") $3 CPUs $4 MiB: ,"
}

for name in TRIXIE BOOKWORM; do
	kernel=GUEST_KERNEL_$name vmlinuz=GUEST_VMLINUZ_$name initrd=GUEST_INITRD_$name
	boots "${!kernel}" "${!initrd}" 2 1024
	boots "${!vmlinuz}" "${!initrd}" 1 512
	[ -n "${VITRINE_FULL-}" ] || continue
	for cpus in 1 2 4; do
		for memory in 256 3072 6144; do
			boots "${!kernel}" "${!initrd}" "$cpus" "$memory"
		done
		boots "${!vmlinuz}" "${!initrd}" "$cpus" 4096
	done
done
