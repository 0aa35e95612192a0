#!/bin/bash
# SPDX-License-Identifier: MIT
# Acquire fences and releases of the kernel's own, against the scripted compositor: vgem's fences, in
# udmabufs and on the timelines of the emulated machine's virtio-gpu. Then, on the session's real one,
# what is seen of a dmabuf: upright whichever way it lies, and not before its fence is signalled. The
# device nodes are there for the time of this test only; the compositor draws without any.
# desktop: weston
# timeout: 240
. "$(dirname "$0")/lib.sh"

loaded=()
unload() {
	local device
	for device in /sys/bus/virtio/drivers/virtio_gpu/virtio*; do
		[ ! -e "$device" ] || basename "$device" >/sys/bus/virtio/drivers/virtio_gpu/unbind
	done
	for module in "${loaded[@]}"; do
		modprobe -r "$module" || echo "$module stays"
	done
}
trap unload EXIT
for module in vgem virtio_gpu; do
	modprobe "$module" || skip "this kernel has no $module"
	loaded+=("$module")
done
wait_until 20 test -e /dev/dri/renderD129 || skip "no two DRM devices came: $(ls /dev/dri)"

export LD_LIBRARY_PATH=$VITRINE_BUILD/lib
tests=$VITRINE_BUILD/tests/wl
for name in fences explicit picture; do
	status=0
	"$tests/wl_${name}_kernel" || status=$?
	[ $status != 77 ] || skip "$name can't be tried here"
	[ $status = 0 ] || fail "$name: status $status"
done
