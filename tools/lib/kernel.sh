# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Turns a Debian kernel into what boots a guest: vmlinuz, vmlinux and a small initrd.

# The initrd has every module that a guest of ours can need: it also boots without a root disk.
initrd_modules=(
	virtio_pci virtio_blk virtio_console virtio_rng virtio_net virtio_input virtio_gpu evdev
	ext4 crc32c_generic crc32c_intel overlay 9p 9pnet_virtio uinput
	af_packet vmw_vsock_virtio_transport virtio_balloon virtiofs
)

# kernel_initrd OUT MODULES VERSION
kernel_initrd() {
	local dir file
	dir=$(mktemp -d "$(dirname "$1")/initrd.XXXXXX")
	mkdir -p "$dir"/{bin,dev,etc,proc,root,run,sys,tmp}
	cp "$(command -v busybox)" "$dir/bin/busybox"
	ln -s busybox "$dir/bin/sh"
	mknod "$dir/dev/console" c 5 1
	cp "$tools/guest/initrd-init" "$dir/init"
	chmod 755 "$dir/init"

	mkdir -p "$dir/lib/modules/$3/kernel"
	kernel_modules "$2" "$3" | while read -r file; do
		# unpacked here, once: in the guest it would take its time at each boot
		case $file in
		*.xz) xz -dc "$file" >"$dir/lib/modules/$3/kernel/$(basename "$file" .xz)" ;;
		*) cp "$file" "$dir/lib/modules/$3/kernel/" ;;
		esac
	done
	cp "$2/$3"/modules.{builtin,order} "$dir/lib/modules/$3/"
	depmod -b "$dir" "$3" 2>/dev/null
	(cd "$dir" && find . -print0 | LC_ALL=C sort -z | cpio -0 -o --quiet -H newc) >"$1"
	rm -r "$dir"
}

# kernel_modules MODULES VERSION: the files of initrd_modules and of what they depend on
kernel_modules() {
	python3 - "$1/$2" "${initrd_modules[@]}" <<'PYTHON'
import os, sys
base, wanted = sys.argv[1], sys.argv[2:]
depends = {}
with open(os.path.join(base, "modules.dep")) as file:
    for line in file:
        path, needs = line.rstrip("\n").split(":")
        depends[path] = needs.split()
name = lambda path: os.path.basename(path).split(".")[0].replace("-", "_")
paths = {name(path): path for path in depends}
with open(os.path.join(base, "modules.builtin")) as file:
    builtin = {name(path) for path in file.read().split()}
files = set()
for module in wanted:
    if module in paths:
        files |= {paths[module], *depends[paths[module]]}
    elif module not in builtin:
        sys.exit(f"the kernel has no module {module}")
for path in sorted(files):
    print(os.path.join(base, path))
PYTHON
}

# kernel_image OUT BOOT MODULES
kernel_image() {
	local version
	version=$(basename "$(ls -d "$3"/*)")
	cp "$2/vmlinuz-$version" "$1/vmlinuz"
	"$tools/lib/vmlinux" "$1/vmlinuz" "$1/vmlinux"
	kernel_initrd "$1/initrd" "$3" "$version"
	echo "$version" >"$1/version"
}
