# SPDX-License-Identifier: MIT
"""QEMU 10, out of the image `build` or `qemu`, run where we are."""

import ctypes
import os
import signal


def qemu(root, binary=None):
    """The command that is the QEMU of another Debian system's tree, or the one given, with that one's libraries.

    Not Debian 12's: QEMU before 8.2 doesn't lock a page while it translates it, so that code which
    one processor changes meanwhile (the kernel's static branches) may stay the old code for ever on
    another, and its AVX computes wrong pixels in llvmpipe. Its vhost-user-gpu wants KVM, too.
    """
    libraries = f"{root}/usr/lib/x86_64-linux-gnu"
    return [f"{root}/usr/lib64/ld-linux-x86-64.so.2", "--library-path",
            ":".join((libraries, f"{libraries}/pulseaudio", f"{root}/usr/lib")),
            binary or f"{root}/usr/bin/qemu-system-x86_64", "-L", f"{root}/usr/share/qemu",
            "-L", f"{root}/usr/share/seabios", "-nodefaults", "-no-user-config",
            "-display", "none", "-vga", "none", "-no-reboot"]


def environment(root):
    return {**os.environ, "QEMU_MODULE_DIR": f"{root}/usr/lib/x86_64-linux-gnu/qemu"}


def die_with_parent():
    """In the child: QEMU must not outlive us, however we end (PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
