#!/bin/bash
# SPDX-License-Identifier: MIT
# The stock Debian kernels with every number of processors and size of memory that counts: below and
# above the hole under 4 GiB.
# desktop: none
# timeout: 2400
# full
. "$(dirname "$0")/lib.sh"

for name in TRIXIE BOOKWORM; do
	kernel=GUEST_KERNEL_$name vmlinuz=GUEST_VMLINUZ_$name initrd=GUEST_INITRD_$name
	for cpus in 1 2 4; do
		for memory in 256 3072 6144; do
			boots "${!kernel}" "${!initrd}" "$cpus" "$memory"
		done
		boots "${!vmlinuz}" "${!initrd}" "$cpus" 4096
	done
done
