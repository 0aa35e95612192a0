# SPDX-License-Identifier: MIT
"""Runs the tests of a script: its functions by their names."""
import contextlib
import os
import subprocess
import sys


@contextlib.contextmanager
def started(*words, **more):
    """A program that goes with the block, so that a failed assertion is told instead of waited behind."""
    with subprocess.Popen(words, **more) as process:
        try:
            yield process
        finally:
            process.kill()


def run(functions, *arguments, kvm_is_needed=True):
    """Calls test_*, where there is KVM kvm_test_*, and as root with KVM root_kvm_test_*, each with what
    the arguments, which are functions, return. Exits with 1 where one failed, with 77 without KVM if that
    is needed."""
    kvm = os.access("/dev/kvm", os.R_OK | os.W_OK)
    failed = 0
    for name, test in sorted(functions.items()):
        if not (name.startswith("test_") or kvm and name.startswith("kvm_test_")
                or kvm and os.geteuid() == 0 and name.startswith("root_kvm_test_")):
            continue
        try:
            test(*(argument() for argument in arguments))
            print(f"ok   {name}", flush=True)
        except Exception as error:  # pylint: disable=broad-except
            failed += 1
            print(f"FAIL {name}: {type(error).__name__}: {error}", flush=True)
    if failed:
        sys.exit(1)
    if not kvm and kvm_is_needed:
        print("no /dev/kvm that this user may open: the tests that run guests were left out")
        sys.exit(77)
