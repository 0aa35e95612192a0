# SPDX-License-Identifier: MIT
"""A Linux guest in QEMU whose second disk is `vitrine disk`, behind QEMU's vhost-user-blk."""
import os
import subprocess
import tempfile
import time

from bed import MEMORY, Process, environment, fail, qemu

# What a guest does to a fresh disk of any kind: a file system is made, filled, trimmed and checked.
FILE_SYSTEM = """
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
        params = ('console=ttyS0 quiet mitigations=off no_timer_check root=/dev/vda vitrine.overlay '
                  'vitrine.exec="sh /dev/vdc"')
        memory = f"memory-backend-memfd,id=ram,size={MEMORY}M,share=on"
        words = [*qemu(os.environ["QEMU_ROOT"]), "-machine", "q35,memory-backend=ram",
                 "-accel", "tcg,thread=multi", "-cpu", "max,-avx,-avx2,-fma,-f16c", "-smp", "2",
                 "-m", str(MEMORY), "-object", memory, "-kernel", os.environ["GUEST_KERNEL"],
                 "-initrd", os.environ["GUEST_INITRD"], "-serial", "stdio", "-append", params,
                 "-drive", f"if=none,id=root,format=raw,readonly=on,file={os.environ['GUEST_ROOT']}",
                 "-device", "virtio-blk-pci,drive=root",
                 "-chardev", f"socket,id=disk,path={self.socket}",
                 "-device", "vhost-user-blk-pci,chardev=disk,num-queues=2,queue-size=1024",
                 "-drive", f"if=none,id=script,format=raw,readonly=on,file={path}",
                 "-device", "virtio-blk-pci,drive=script"]
        self.guest = Process("guest", words, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT,
                             env=environment(os.environ["QEMU_ROOT"]))
        self.stack.callback(self.guest.end)
        return self.guest

    def all_is_well(self):
        self.guest.line("all is well", 250)
        if "the copy is the same" not in self.guest.seen:
            fail("what was copied is not what was read: " + self.guest.seen[-1500:])
        self.both_end()

    def both_end(self):
        for process in (self.guest, self.disk):
            status = process.ends(60)
            if status != 0:
                fail(f"the exit status of {process.name} is {status}")
        if os.path.exists(self.socket):
            fail("the socket is left behind")


def check_file_system(image):
    result = subprocess.run(["fsck.ext4", "-fn", image], stdout=subprocess.PIPE, check=False)
    if result.returncode != 0:
        fail("the host finds errors in the guest's file system: " + result.stdout.decode())
