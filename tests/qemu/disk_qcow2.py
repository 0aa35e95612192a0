#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Linux's virtio_blk on `vitrine disk` with a qcow2 image that stands on another one: a file system is made,
filled, trimmed and checked; qemu-img and fsck find nothing wrong with what is left."""
# timeout: 300
import contextlib
import os
import subprocess

from bed import OUT, fail, main
from disk_bed import FILE_SYSTEM, Machine, check_file_system


def qemu_img(*words):
    return subprocess.run(["qemu-img", *words], stdout=subprocess.DEVNULL, check=False).returncode


def test():
    with contextlib.ExitStack() as stack:
        base, image, raw = (os.path.join(OUT, name) for name in ("base.qcow2", "top.qcow2", "top.raw"))
        for path in (base, image, raw):
            stack.callback(lambda path=path: os.path.exists(path) and os.unlink(path))
        if qemu_img("create", "-f", "qcow2", base, "192M") != 0 or \
                qemu_img("create", "-f", "qcow2", "-F", "qcow2", "-b", "base.qcow2", image) != 0:
            fail("qemu-img can't make the images")
        machine = Machine(stack, image, ",aio=threads")
        machine.boot(FILE_SYSTEM + "echo all is well\n")
        machine.all_is_well()
        status = qemu_img("check", "-f", "qcow2", image)
        if status != 0:
            fail(f"qemu-img check says {status}")
        qemu_img("convert", "-f", "qcow2", "-O", "raw", image, raw)
        check_file_system(raw)


main(test)
