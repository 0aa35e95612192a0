#!/bin/bash
# SPDX-License-Identifier: MIT
# tests/peers/iperf3.sh DIR [ROUNDS [MEGABYTES [KIND...]]]: how much TCP a guest's network card carries, QEMU's
# and ours (tests/qemu/card.c), by the same passt and by the same tap device, and that of passt's own
# vhost-user. QEMU runs the same guest, natively and without KVM, in turns. Reported, never asserted: it
# is a matter of the machine and of what else it does. What came of it goes into iperf3.results.
. "$(dirname "$(readlink -f "$0")")/lib.sh"

guest=$tools/../tests/guest
prepare "${1:?which folder for the results?}" "$guest"/net-{speed,lease}
shift
system=$("$tools/image" system)
# shellcheck disable=SC2016 # for the inner shell
as_root unshare --mount --net --pid --fork --kill-child bash -euc '
	work=/mnt # seen from here alone
	mount -t tmpfs tmpfs "$work"
	mkdir "$work"/{lower,upper,work,root}
	mount -o loop,ro "$1/root.ext4" "$work/lower"
	mount -t overlay -o "lowerdir=$work/lower,upperdir=$work/upper,workdir=$work/work" overlay "$work/root"
	cd "$work/root"
	mkdir source build kernel system out old
	mount --bind "$2" source
	mount --bind "$3" build
	mount --bind "$4" kernel
	mount --bind "$1" system
	mount --bind "$5" out
	mount -t proc proc proc
	mount --rbind /dev dev
	mount -t tmpfs tmpfs tmp
	shift 5
	# not by chroot alone, out of which passt could make no namespaces
	pivot_root . old
	umount -l old
	exec chroot . env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LANG=C.UTF-8 OUT=/out \
		PYTHONDONTWRITEBYTECODE=1 python3 /source/tests/peers/iperf3.py "$@"' bash "$system" "$tree" "$built" "$kernel" "$out" "${1:-2}" "${2:-512}" "${@:3}" |
	tee "$out/iperf3.results"
