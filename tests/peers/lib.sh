# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What the comparisons with QEMU's own graphics card share. The same QEMU boots the same guest from the
# same disks twice, natively and without KVM, and nothing but the graphics card differs; both draw by the
# same virglrenderer and the same Mesa.
set -euo pipefail
peers=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=tools/lib/common.sh
. "$peers/../../tools/lib/common.sh"
# shellcheck source=tools/lib/desktop-build.sh
. "$tools/lib/desktop-build.sh"
# shellcheck source=tools/lib/initrd.sh
. "$tools/lib/initrd.sh"

sizes=(800x600 1024x768 1920x1080)

# prepare OUT FILE...: makes what is missing; the files are in the guest's /run/vitrine.
prepare() {
	mkdir -p "$1"
	out=$(realpath "$1")
	shift
	"$tools/setup"
	built=$(desktop_build trixie)
	kernel=$("$tools/image" kernel-trixie)
	initrd_add "$kernel/initrd" "$out/initrd" "$tools/guest/test-init" "$@"
}

# prepare_screens OUT FILE...: and screens of these sizes.
prepare_screens() {
	mkdir -p "$1"
	for size in "${sizes[@]}"; do
		python3 "$peers/edid.py" "$size" >"$1/$size"
	done
	prepare "$1" "${sizes[@]/#/$1/}" "${@:2}"
}

# Boots a guest with the graphics card of qemu or vitrine, runs the command in it, in the whole Debian
# system with piglit's disk as /dev/vdb, and waits until it has powered off. Its console is in
# OUT/CARD.log. Its screen has one size, which is one of those above.
guest_with() { # CARD COMMAND [SIZE]
	local root
	root=$("$tools/image" peer)/root
	say "a guest with the graphics card of $1"
	# shellcheck disable=SC2016 # for the inner shell
	as_root unshare --mount --pid --fork --kill-child bash -euc '
		root=$1
		mount --bind "$root" "$root"
		mount --bind "$2" "$root/vitrine"
		mount --bind "$3" "$root/kernel"
		mount --bind "$4" "$root/system"
		mount --bind "$5" "$root/piglit"
		mount --bind "$6" "$root/peers"
		mount --bind "$7" "$root/out"
		mount -t proc proc "$root/proc"
		mount --rbind /dev "$root/dev"
		mount -t tmpfs tmpfs "$root/tmp"
		exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LANG=C.UTF-8 \
			bash /peers/machine.sh "$8" "$9" "${10}"' bash "$root" "$built" "$kernel" \
		"$("$tools/image" system)" "$("$tools/image" piglit)" "$peers" "$out" "$1" "$2" "${3:-800x600}" ||
		die "the guest with the graphics card of $1 failed: $(tail -n 5 "$out/$1.qemu")"
	grep -m 1 'renderer: ' "$out/$1.log" >&2 || die "no renderer in $out/$1.log"
}
