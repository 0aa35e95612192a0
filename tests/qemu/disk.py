#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Linux's virtio_blk on `vitrine disk` with a raw image: a file system is made, filled, trimmed and checked,
and the disk grows with its image; what the guest wrote is in the image, byte for byte."""
# timeout: 300
import contextlib
import hashlib
import os
import signal

from bed import OUT, fail, main
from disk_bed import FILE_SYSTEM, Machine, check_file_system

SIZE = 192 << 20
GROWN = 256 << 20
# The blocks at the end of the disk are written by the guest past any file system.
RAW_AT, RAW_LEN = 200 << 20, 8 << 20

SCRIPT = FILE_SYSTEM + f"""
echo ready to grow
until [ "$(cat /sys/block/vdb/size)" = {GROWN // 512} ]; do sleep 0.1; done
dd if=/dev/urandom of=/dev/vdb bs=1M seek={RAW_AT >> 20} count={RAW_LEN >> 20} oflag=direct status=none
blkdiscard -f -z -o {(RAW_AT + RAW_LEN) - 65536} -l 65536 /dev/vdb
dd if=/dev/vdb bs=1M skip={RAW_AT >> 20} count={RAW_LEN >> 20} iflag=direct status=none | sha256sum
fsck.ext4 -fn /dev/vdb
echo all is well
"""


def test():
    with contextlib.ExitStack() as stack:
        image = os.path.join(OUT, "disk.img")
        stack.callback(lambda: os.path.exists(image) and os.unlink(image))
        with open(image, "wb") as file:
            file.truncate(SIZE)
        machine = Machine(stack, image, ",format=raw,serial=Wundertuete-17")
        guest = machine.boot(SCRIPT)
        guest.line("Wundertuete-17", 150)
        guest.line("queues: 2", 20)
        guest.line("ready to grow", 120)
        os.truncate(image, GROWN)
        machine.disk.process.send_signal(signal.SIGUSR1)
        told = guest.line("([0-9a-f]{64})", 60).group(1)
        machine.all_is_well()
        with open(image, "rb") as file:
            file.seek(RAW_AT)
            data = file.read(RAW_LEN)
        if hashlib.sha256(data).hexdigest() != told or data[-65536:] != bytes(65536):
            fail("the image is not what the guest reads")
        check_file_system(image)


main(test)
