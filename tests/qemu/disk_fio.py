#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Programs that others wrote, in a Linux guest on `vitrine disk`, qcow2 and (with --full) raw: fio writes
blocks of all sizes at random, with and without flushes, and verifies what it reads; a tree of some thousand
files is copied twice, compared, and half of it deleted; fsck and qemu-img find nothing wrong with what is
left."""
# timeout: 400
import contextlib
import os
import subprocess

from bed import OUT, fail, main
from disk_bed import Machine, check_file_system

FILES = 2000

SCRIPT = f"""
set -e
job() {{
	fio --output-format=terse --filename=/dev/vdb --verify=crc32c --verify_fatal=1 --do_verify=1 --direct=1 \\
		--ioengine=libaio "$@" >/run/fio ||
		{{ cat /run/fio; echo "fio failed: $*"; exit 1; }}
	echo "fio is content: $*"
}}
job --name=random --rw=randwrite --bsrange=512-64k --blockalign=512 --iodepth=16 --size=24M
job --name=flushed --rw=randwrite --bs=4k --iodepth=4 --fsync=16 --offset=64M --size=4M
job --name=trimmed --rw=randtrimwrite --bs=64k --iodepth=1 --offset=96M --size=16M
job --name=large --rw=write --bs=1M --iodepth=4 --offset=128M --size=32M
mkfs.ext4 -q -F /dev/vdb
mount -o discard /dev/vdb /mnt
mkdir /mnt/one /mnt/two
find /usr/share /usr/lib/python3* /usr/include -xdev -type f -size -64k 2>/dev/null | head -n {FILES} >/run/list
echo "files: $(wc -l </run/list)"
tar -cf - -T /run/list 2>/dev/null | tar -xf - -C /mnt/one
cp -a /mnt/one/. /mnt/two
sync
echo 3 >/proc/sys/vm/drop_caches
diff -r /mnt/one /mnt/two && tar -cf - -T /run/list 2>/dev/null | tar -df - -C /mnt/two && echo the copy is the same
rm -r /mnt/one
fstrim /mnt
umount /mnt
fsck.ext4 -fn /dev/vdb
echo all is well
"""


def run(kind):
    with contextlib.ExitStack() as stack:
        image, raw = (os.path.join(OUT, name) for name in ("disk." + kind, "disk.out"))
        for path in (image, raw):
            stack.callback(lambda path=path: os.path.exists(path) and os.unlink(path))
        subprocess.run(["qemu-img", "create", "-q", "-f", kind, image, "192M"], check=True)
        machine = Machine(stack, image, ",format=" + kind)
        guest = machine.boot(SCRIPT)
        for name in ("random", "flushed", "trimmed", "large"):
            guest.line(f"fio is content: --name={name}", 150)
        files = int(guest.line("files: ([0-9]+)", 60).group(1))
        if files < FILES:
            fail(f"the guest has only {files} files to copy")
        machine.all_is_well()
        if kind == "qcow2":
            status = subprocess.run(["qemu-img", "check", "-q", "-f", "qcow2", image], check=False).returncode
            if status != 0:
                fail(f"qemu-img check says {status}")
        subprocess.run(["qemu-img", "convert", "-f", kind, "-O", "raw", image, raw], check=True)
        check_file_system(raw)


def test():
    for kind in ("raw", "qcow2") if os.environ.get("VITRINE_FULL") else ("qcow2",):
        run(kind)


main(test)
