# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Builds this tree for the system of the emulated desktop, in a chroot of that system (the image
# 'build'). The tree is there as /vitrine/src, read-only, and the build folder, kept between runs so
# that only what changed is built, as /vitrine/build.

in_build_root() { # BUILD COMMAND...
	local root
	root=$("$tools/image" build)/root
	in_root "$root" "$@"
}

# in_root ROOT BUILD COMMAND...: runs a command in there. The mounts are in a namespace of their
# own, so nothing is left of them when it ends.
in_root() {
	local root=$1 build=$2
	shift 2
	# shellcheck disable=SC2016 # for the inner shell
	as_root unshare --mount --pid --fork --kill-child bash -euc '
		root=$1 tree=$2 build=$3
		shift 3
		mount --bind "$root" "$root"
		mount --bind "$tree" "$root/vitrine/src"
		mount -o remount,bind,ro "$root/vitrine/src"
		mount --bind "$build" "$root/vitrine/build"
		mount -t proc proc "$root/proc"
		mount --rbind /dev "$root/dev"
		mount -t tmpfs tmpfs "$root/tmp"
		mount -t tmpfs tmpfs "$root/run"
		exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LANG=C.UTF-8 \
			"$@"' bash "$root" "$tree" "$build" "$@"
}

# desktop_build: prints the build folder when it is up to date with the tree. $1 names a variant,
# the rest goes to `meson setup`.
desktop_build() {
	local build variant=$1 image
	shift
	image=$(basename "$("$tools/image" build)")
	build=$cache/work/$(cksum <<<"$tree" | cut -d ' ' -f 1)/$variant-$image
	mkdir -p "$build"
	exec 8>"$build.lock"
	flock 8
	if [ -f "$tree/meson.build" ]; then
		if [ ! -f "$build/build.ninja" ]; then
			in_build_root "$build" meson setup --werror "$@" /vitrine/build /vitrine/src >&2
		fi
		in_build_root "$build" nice -n 5 ninja -C /vitrine/build >&2
	fi
	# shellcheck disable=SC2016 # for the inner shell
	in_build_root "$build" sh -euc '
		src=/vitrine/src/tools/desktop-seat/seat.c out=/vitrine/build/seat.so
		[ "$out" -nt "$src" ] || cc -std=gnu11 -O1 -g -Wall -Wextra -shared -fPIC -o "$out" "$src" \
			$(pkg-config --cflags --libs libweston-14 libinput libudev xkbcommon)' >&2
	exec 8>&-
	echo "$build"
}
