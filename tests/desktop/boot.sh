#!/bin/bash
# SPDX-License-Identifier: MIT
# Stock Debian kernels boot, from vmlinuz and from vmlinux, find their processors and memory, and
# power off: one boot for each kernel and form.
# desktop: none
# timeout: 400
. "$(dirname "$0")/lib.sh"

for name in TRIXIE BOOKWORM; do
	kernel=GUEST_KERNEL_$name vmlinuz=GUEST_VMLINUZ_$name initrd=GUEST_INITRD_$name
	boots "${!kernel}" "${!initrd}" 2 1024
	boots "${!vmlinuz}" "${!initrd}" 1 512
done
