#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Linux's virtio_blk on `vitrine disk` behind QEMU's vhost-user-blk: a file system is made, filled, trimmed
and checked, and grows with its image; what the guest wrote is in the image, byte for byte."""
# timeout: 300
import contextlib
import hashlib
import os
import signal
import subprocess
import tempfile
import time

from bed import MEMORY, OUT, Process, environment, fail, main, qemu

SIZE = 192 << 20
GROWN = 256 << 20
# The blocks at the end of the disk are written by the guest past any file system.
RAW_AT, RAW_LEN = 200 << 20, 8 << 20

SCRIPT = f"""
set -e
cat /sys/block/vdb/serial; echo
echo queues: $(ls /sys/block/vdb/mq | wc -l)
mkfs.ext4 -q -F /dev/vdb
mount -o discard /dev/vdb /mnt
cp -a /usr/share/X11 /usr/share/fonts /mnt/
mkdir /mnt/bin
cp /usr/bin/[a-l]* /mnt/bin/
sync
echo 3 >/proc/sys/vm/drop_caches
diff -r /usr/share/X11 /mnt/X11 && diff -r /usr/share/fonts /mnt/fonts && echo the copy is the same
rm -r /mnt/bin
fstrim -v /mnt
umount /mnt
fsck.ext4 -fn /dev/vdb
echo ready to grow
until [ "$(cat /sys/block/vdb/size)" = {GROWN // 512} ]; do sleep 0.1; done
dd if=/dev/urandom of=/dev/vdb bs=1M seek={RAW_AT >> 20} count={RAW_LEN >> 20} oflag=direct status=none
blkdiscard -f -z -o {(RAW_AT + RAW_LEN) - 65536} -l 65536 /dev/vdb
dd if=/dev/vdb bs=1M skip={RAW_AT >> 20} count={RAW_LEN >> 20} iflag=direct status=none | sha256sum
fsck.ext4 -fn /dev/vdb
echo all is well
"""


class Machine:
    """A guest with `vitrine disk` as its second disk; the first is the guest's system."""

    def __init__(self, stack, image, options=""):
        self.stack = stack
        self.folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="vitrine-disk-"))
        self.socket = os.path.join(self.folder, "disk")
        self.disk = Process("disk", [os.environ["VITRINE"], "disk", "--verbose", "--vhost-user", self.socket,
                                     image + options], stderr=subprocess.STDOUT)
        stack.callback(self.disk.end)
        deadline = time.monotonic() + 20
        while not os.path.exists(self.socket):
            if self.disk.process.poll() is not None or time.monotonic() > deadline:
                fail("`vitrine disk` has not come up")
            time.sleep(0.02)
        self.guest = None

    def boot(self, script):
        # the script comes on a disk of its own
        path = os.path.join(self.folder, "script")
        with open(path, "wb") as file:
            file.write(script.encode())
            file.write(b"\n" * (-file.tell() % 4096))
        params = ('console=ttyS0 quiet mitigations=off root=/dev/vda vitrine.overlay '
                  'vitrine.exec="sh /dev/vdc"')
        memory = f"memory-backend-memfd,id=ram,size={MEMORY}M,share=on"
        words = [*qemu(os.environ["QEMU_ROOT"]), "-machine", "q35,memory-backend=ram",
                 "-accel", "tcg,thread=multi", "-cpu", "max,-avx,-avx2,-fma,-f16c", "-smp", "2",
                 "-m", str(MEMORY), "-object", memory, "-kernel", os.environ["GUEST_KERNEL"],
                 "-initrd", os.environ["GUEST_INITRD"], "-serial", "stdio", "-append", params,
                 "-drive", f"if=none,id=root,format=raw,readonly=on,file={os.environ['GUEST_ROOT']}",
                 "-device", "virtio-blk-pci,drive=root",
                 "-chardev", f"socket,id=disk,path={self.socket}",
                 "-device", "vhost-user-blk-pci,chardev=disk,num-queues=2",
                 "-drive", f"if=none,id=script,format=raw,readonly=on,file={path}",
                 "-device", "virtio-blk-pci,drive=script"]
        self.guest = Process("guest", words, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT,
                             env=environment(os.environ["QEMU_ROOT"]))
        self.stack.callback(self.guest.end)
        return self.guest

    def both_end(self):
        for process in (self.guest, self.disk):
            status = process.ends(60)
            if status != 0:
                fail(f"the exit status of {process.name} is {status}")
        if os.path.exists(self.socket):
            fail("the socket is left behind")


def check(machine, guest):
    guest.line("all is well", 120)
    if "the copy is the same" not in guest.seen:
        fail("what was copied is not what was read: " + guest.seen[-1500:])
    machine.both_end()


def test():
    with contextlib.ExitStack() as stack:
        image = os.path.join(OUT, "disk.img")
        stack.callback(lambda: os.path.exists(image) and os.unlink(image))
        with open(image, "wb") as file:
            file.truncate(SIZE)
        machine = Machine(stack, image, ",format=raw,serial=Wundertuete-17")
        guest = machine.boot(SCRIPT)
        guest.line("Wundertuete-17", 60)
        guest.line("queues: 2", 20)
        guest.line("ready to grow", 120)
        os.truncate(image, GROWN)
        machine.disk.process.send_signal(signal.SIGUSR1)
        told = guest.line("([0-9a-f]{64})", 60).group(1)
        check(machine, guest)
        with open(image, "rb") as file:
            file.seek(RAW_AT)
            data = file.read(RAW_LEN)
        if hashlib.sha256(data).hexdigest() != told or data[-65536:] != bytes(65536):
            fail("the image is not what the guest reads")
        result = subprocess.run(["fsck.ext4", "-fn", image], stdout=subprocess.PIPE, check=False)
        if result.returncode != 0:
            fail("the host finds errors in the guest's file system: " + result.stdout.decode())


main(test)
