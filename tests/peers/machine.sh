#!/bin/bash
# SPDX-License-Identifier: MIT
# machine.sh qemu|vitrine COMMAND SIZE: the machine of a comparison, in the image `peer` (lib.sh).
# With either card, the guest reads the same EDID: what QEMU says it is has modes up to 5120x2160, and a
# console of that size uploads 44 MB with each blink of its cursor.
set -euo pipefail
card=$1 command=$2 size=$3
export XDG_RUNTIME_DIR=/tmp

wait_for() { # COMMAND...
	for _ in $(seq 600); do
		"$@" 2>/dev/null && return
		sleep 0.1
	done
	echo "not so within a minute: $*" >&2
	exit 1
}

case $card in
qemu)
	export DISPLAY=:7 SDL_VIDEODRIVER=x11
	Xvfb $DISPLAY -screen 0 1024x768x24 >/out/xvfb.log 2>&1 &
	wait_for test -S /tmp/.X11-unix/X7
	graphics=(-display "sdl,gl=on" -device "virtio-gpu-gl-pci,xres=${size%x*},yres=${size#*x}")
	;;
vitrine)
	/vitrine/vmm/app/vitrine display --gpu-socket /tmp/gpu --headless --size "$size" \
		--gpu backend=virgl >/out/display.log 2>&1 &
	wait_for grep -q 'finds its graphics card' /out/display.log
	graphics=(-display none -chardev "socket,id=gpu,path=/tmp/gpu"
		-device "vhost-user-gpu-pci,chardev=gpu")
	;;
esac
rm -f "/out/$card.log"
qemu-system-x86_64 -nodefaults -no-user-config -no-reboot -accel tcg,thread=multi \
	-cpu max,-avx,-avx2,-fma,-f16c -smp 2 -m 1024 -machine q35,memory-backend=ram \
	-object memory-backend-memfd,id=ram,size=1024M,share=on -vga none "${graphics[@]}" \
	-serial "file:/out/$card.log" -kernel /kernel/vmlinux -initrd /out/initrd \
	-drive if=none,id=root,format=raw,readonly=on,file=/system/root.ext4 \
	-device virtio-blk-pci,drive=root \
	-drive if=none,id=piglit,format=raw,readonly=on,file=/piglit/piglit.ext4 \
	-device virtio-blk-pci,drive=piglit -append "console=ttyS0 quiet mitigations=off root=/dev/vda \
firmware_class.path=/run/vitrine drm.edid_firmware=$size \
vitrine.overlay vitrine.exec=\"eglinfo -B -p gbm | grep renderer: | head -n 1; $command\"" \
	>"/out/$card.qemu" 2>&1
# the display ends with the machine, and well
[ "$card" = qemu ] || wait $!
