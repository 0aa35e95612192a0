# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What the scripts of tools/ share: where things are, messages, and being root.

tools=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck disable=SC2034 # for those who source this
tree=$(dirname "$tools")
# shellcheck disable=SC2034
cache=${VITRINE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vitrine}
me=${me:-$(basename "$0")}

# Messages go to stderr, with the seconds since the script started: long steps are many here.
say() {
	printf '%s: [%4ds] %s\n' "$me" "$SECONDS" "$*" >&2
}

die() {
	say "$@"
	exit 1
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "this needs root: run it as root, or install sudo"
	fi
}

# shellcheck source=data/guest/mirror.sh
. "$tree/data/guest/mirror.sh"

# The mirror of the images.
debian_mirror() {
	local uri
	uri=$(apt_mirror)
	[ -n "$uri" ] || die "no Debian mirror among apt's sources (a URI that ends in /debian)"
	echo "$uri"
}
