#!/bin/bash
# SPDX-License-Identifier: MIT
# Every verb of the control socket, and every event, in front of a stock kernel in a window: what it does is
# looked at in the guest and on the desktop. verbs.py has them; here is what it takes.
# desktop: labwc
# timeout: 300
# full
. "$(dirname "$0")/lib.sh"

command -v vitrine >/dev/null || skip "vitrine is not built"
modprobe tun
ip tuntap add dev vitap1 mode tap
ip addr add 198.51.100.1/24 dev vitap1
ip link set vitap1 up
# The guest's kernel is the desktop's, and the initrd has no driver for the power button.
mkdir -p "$TMPDIR"
busybox xzcat "/lib/modules/$(uname -r)/kernel/drivers/acpi/button.ko.xz" >"$TMPDIR/button.ko"
guest-initrd "$TMPDIR/initrd" "$VITRINE_SOURCE/tests/guest/obey" "$TMPDIR/button.ko"
python3 -B "$(dirname "$0")/verbs.py" "$TMPDIR/initrd" vitap1 || fail "see above"
ip link delete vitap1
