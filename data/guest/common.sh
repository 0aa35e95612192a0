#!/bin/bash
# SPDX-License-Identifier: MIT
# What the makers of guests share: messages as vitrine's own are, and a folder that becomes a guest as a
# whole or goes without a trace.

# shellcheck source=data/guest/mirror.sh
. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/mirror.sh"

say() {
	printf 'vitrine: new: %s\n' "$*" >&2
}

die() {
	printf 'vitrine: new: error: %s\n' "$*" >&2
	exit 1
}

# wants PROGRAM PACKAGE WHAT-FOR
wants() {
	command -v "$1" >/dev/null || die "there is no $1, which $3; it is in the package $2"
}

# Runs a command that may own files as any user of the guest does: as root, or with the ids that
# /etc/subuid gives this user.
as_guests_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	else
		unshare --map-root-user --map-auto -- "$@"
	fi
}

# empty FOLDER: as this user where that does, for not all that is made needs the ids of as_guests_root
empty() {
	local inside
	shopt -s dotglob nullglob
	inside=("$1"/*)
	shopt -u dotglob nullglob
	[ "${#inside[@]}" = 0 ] || rm -rf --one-file-system -- "${inside[@]}" 2>/dev/null ||
		as_guests_root rm -rf --one-file-system -- "${inside[@]}"
}

# begin FOLDER: from here on $part is a folder beside it, which finish() renames to it, and which goes
# however else the script ends. A folder that a killed script left is taken over. No VM has a '+' in its name.
begin() {
	folder=$1
	part=$(dirname "$folder")/.$(basename "$folder")+part
	job=
	[ ! -e "$folder" ] ||
		die "$folder is there already, with the files of an earlier VM; move it away, or take another name"
	mkdir -p "$(dirname "$folder")" || exit 1
	trap 'interrupted' INT TERM HUP
	mkdir -m 700 "$part" 2>/dev/null || [ -d "$part" ] || die "$part can't be made"
	exec 9<"$part"
	flock -n 9 || die "$folder is being made already, by another \`vitrine new\`"
	trap 'clean' EXIT
	empty "$part"
}

# wait_for COMMAND...: it has a process group of its own, so that all of it can be ended. Its status.
wait_for() {
	local status=0
	set -m
	"$@" &
	job=$!
	set +m
	wait "$job" || status=$?
	job=
	return "$status"
}

interrupted() {
	trap '' INT TERM HUP
	if [ -n "$job" ]; then
		kill -TERM -- "-$job" 2>/dev/null
		wait "$job" 2>/dev/null
	fi
	[ ! -t 2 ] || printf '\r\033[K' >&2
	die "interrupted; nothing is left of it"
}

clean() {
	trap '' INT TERM HUP
	[ ! -d "$part" ] || { empty "$part" && rmdir "$part"; }
}

finish() {
	trap '' INT TERM HUP
	mv -T "$part" "$folder" || die "$folder can't be put in place"
	trap - EXIT
}

# free_mib FOLDER: how much room there is
free_mib() {
	df --output=avail -B 1M "$1" | tail -n 1
}
