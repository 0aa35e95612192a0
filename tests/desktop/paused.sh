#!/bin/bash
# SPDX-License-Identifier: MIT
# A guest goes on after the machine under it was stopped for a moment, three hundred times. It is the emulation
# that this looks at (tools/images/qemu): with Debian's QEMU, a guest stands still after the first few.
# desktop: none
# full
. "$(dirname "$0")/lib.sh"

cat >"$TMPDIR/counts" <<'GUEST'
#!/bin/sh
i=0
while :; do
	i=$((i + 1))
	[ $((i % 10000)) != 0 ] || echo "counts: $i"
done
GUEST
chmod +x "$TMPDIR/counts"
guest-initrd "$TMPDIR/initrd" "$TMPDIR/counts"
start_vitrine --headless --cpus 1 --mem 256 --initrd "$TMPDIR/initrd" \
	--params 'quiet vitrine.exec=/run/vitrine/counts' "$GUEST_KERNEL"
wait_for "$OUT/serial.log" 'counts: 50000' 90
desktop-input pause 300
last=$(grep -c 'counts: ' "$OUT/serial.log")
wait_for "$OUT/serial.log" "counts: $(((last + 5) * 10000))" 30
