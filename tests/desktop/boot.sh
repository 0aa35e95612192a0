#!/bin/bash
# SPDX-License-Identifier: MIT
# Stock Debian kernels boot, from vmlinuz and from vmlinux, find their processors and memory, drive a device and
# power off: one boot for each kernel, and with --full for each form of it (boot-matrix.sh has more).
# desktop: none
# timeout: 400
. "$(dirname "$0")/lib.sh"

boots "$GUEST_KERNEL_TRIXIE" "$GUEST_INITRD_TRIXIE" 2 1024
boots "$GUEST_VMLINUZ_BOOKWORM" "$GUEST_INITRD_BOOKWORM" 1 512
if [ -n "${VITRINE_FULL-}" ]; then
	boots "$GUEST_VMLINUZ_TRIXIE" "$GUEST_INITRD_TRIXIE" 1 512
	boots "$GUEST_KERNEL_BOOKWORM" "$GUEST_INITRD_BOOKWORM" 2 1024
fi
