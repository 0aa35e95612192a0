#!/bin/bash
# SPDX-License-Identifier: MIT
# desktop.sh qemu|front|headless|window: glmark2 in a guest on KVM, with
#   qemu      QEMU and its own graphics card, which draws on vgem's render node (egl-headless)
#   front     the same QEMU and our graphics process behind vhost-user
#   headless  our own machine, with no window
#   window    our own machine, with one
# The first two and headless: tools/desktop --compositor none --out DIR -- tests/peers/desktop.sh qemu
# The last:                   tools/desktop --out DIR -- tests/peers/desktop.sh window
# The frames that the scenes made are in DIR/CARD.log and are printed. A window is drawn to, so
# headless is too; the first two draw off the screen, as in glmark2.sh.
# shellcheck source=tests/desktop/lib.sh
. "$(dirname "$(readlink -f "$0")")/../desktop/lib.sh"
card=${1:?which graphics card?}
size=640x480
tmp=$(mktemp -d)

python3 tests/peers/edid.py $size >"$tmp/$size"
guest-initrd "$tmp/initrd" "$tmp/$size"
bench='glmark2-es2-drm --visual-config alpha=0 -b build:duration=5 -b texture:duration=5 -b shading:duration=5'
# shellcheck disable=SC2054 # QEMU's words have commas in them
machine=(qemu-system-x86_64 -nodefaults -no-user-config -no-reboot -accel kvm -cpu host -smp 1 -m 768
	-machine q35,memory-backend=ram -object memory-backend-memfd,id=ram,size=768M,share=on -vga none
	-serial "file:$OUT/$card.log" -kernel "$GUEST_KERNEL" -initrd "$tmp/initrd"
	-drive "if=none,id=root,format=raw,file=$(guest-disk)" -device virtio-blk-pci,drive=root)
params() { # COMMAND
	echo "console=ttyS0 quiet mitigations=off root=/dev/vda firmware_class.path=/run/vitrine \
drm.edid_firmware=$size vitrine.exec=\"$1\""
}

case $card in
qemu)
	modprobe vgem
	wait_until 20 test -e /dev/dri/renderD128 || fail "vgem has no render node"
	"${machine[@]}" -display egl-headless,rendernode=/dev/dri/renderD128 \
		-device "virtio-gpu-gl-pci,xres=${size%x*},yres=${size#*x}" \
		-append "$(params "$bench --off-screen")" >"$OUT/$card.qemu" 2>&1
	;;
front)
	vitrine display --gpu-socket "$tmp/gpu" --headless --size $size --gpu backend=virgl \
		>"$OUT/display.log" 2>&1 &
	wait_for "$OUT/display.log" 'finds its graphics card'
	"${machine[@]}" -display none -chardev "socket,id=gpu,path=$tmp/gpu" \
		-device vhost-user-gpu-pci,chardev=gpu \
		-append "$(params "$bench --off-screen")" >"$OUT/$card.qemu" 2>&1
	;;
headless | window)
	display=(--headless)
	[ "$card" = headless ] || display=()
	start_vitrine --cpus 1 --mem 768 --gpu backend=virgl "${display[@]}" --display "size=$size" \
		--initrd "$tmp/initrd" --rwdisk "$(guest-disk)" --params "$(params "$bench")" "$GUEST_KERNEL"
	end_vitrine 0 280
	mv "$OUT/serial.log" "$OUT/$card.log"
	;;
*) fail "no such graphics card: $card" ;;
esac
grep -E 'GL_RENDERER|Surface Size|FPS' "$OUT/$card.log" || fail "no scene ran: see $OUT/$card.log"
