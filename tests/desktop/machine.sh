#!/bin/bash
# SPDX-License-Identifier: MIT
# The tests that want a real /dev/kvm and /dev/udmabuf, which the machine that builds may not have.
# desktop: none
# timeout: 600
. "$(dirname "$0")/lib.sh"

cd "$VITRINE_BUILD/tests"
export LD_LIBRARY_PATH=$VITRINE_BUILD/lib
failed=
for test in machine/machine_guests 'machine/machine_virtio machine/guest_virtio' \
	device/device_udmabuf device/device_gpu_zero_copy; do
	status=0
	# shellcheck disable=SC2086 # a program and its arguments
	timeout 240 $test || status=$?
	case $status in
	0) ;;
	77) failed+=" $test (skipped)" ;;
	*) failed+=" $test ($status)" ;;
	esac
done
[ -z "$failed" ] || fail "these did not pass:$failed"
