#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`vitrine new --from`, with an mmdebstrap that makes its system at once, or fails as the real one does.

usage: makes_guests.py VITRINE SCRIPTS, the folder data/guest
"""
import fcntl
import os
import re
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile

import cases

VITRINE = os.path.abspath(sys.argv[1])
SCRIPTS = os.path.abspath(sys.argv[2])
TIMEOUT = 60

SYSTEM = """
tree=$(mktemp -d)
mkdir -p "$tree/boot" "$tree/etc" "$tree/dev"
echo linux >"$tree/boot/vmlinuz-6.1.0-9"
echo newer >"$tree/boot/vmlinuz-6.1.0-10"
echo ram >"$tree/boot/initrd.img-6.1.0-10"
echo x >"$tree/etc/os-release"
"""
MAKES = SYSTEM + """
echo 'I: downloading packages with apt...' >&2
echo '0 upgraded, 2 newly installed, 0 to remove and 0 not upgraded.' >&2
echo 'Get:1 somewhere' >&2
tar -c -C "$tree" .
rm -r "$tree"
"""


class Home:
    """A user's folders, empty at first, and programs that come first in PATH."""

    def __init__(self):
        self.tmp = tempfile.TemporaryDirectory()
        self.root = self.tmp.name
        self.bin = os.path.join(self.root, "bin")
        os.mkdir(self.bin)
        self.data = os.path.join(self.root, ".local/share/vitrine")
        self.env = {"PATH": f"{self.bin}:{os.environ['PATH']}", "HOME": self.root, "LC_ALL": "C",
                    "VITRINE_LIBEXEC": SCRIPTS}

    def program(self, name, text):
        path = os.path.join(self.bin, name)
        with open(path, "w", encoding="utf8") as file:
            file.write("#!/bin/bash\n" + text)
        os.chmod(path, 0o755)

    def vitrine(self, *words, **more):
        return subprocess.run([VITRINE, *words], capture_output=True, timeout=TIMEOUT, text=True,
                              stdin=subprocess.DEVNULL, env=self.env, cwd=self.root, check=False, **more)

    def does(self, *words):
        result = self.vitrine(*words)
        assert result.returncode == 0, f"{words}: {result.returncode}: {result.stderr}"
        return result.stdout

    def fails(self, pattern, *words, status=1, **more):
        result = self.vitrine(*words, **more)
        assert result.returncode == status, f"exit status {result.returncode}: {result.stderr}"
        errors = [line for line in result.stderr.splitlines() if "error: " in line]
        assert len(errors) == 1 and re.search(pattern, errors[0]), f"not '{pattern}': {result.stderr}"

    def definition(self, name):
        with open(os.path.join(self.root, f".config/vitrine/{name}.ini"), encoding="utf8") as file:
            return file.read().splitlines()

    def files(self):
        """All that there is of VMs, hidden things too."""
        found = []
        for folder in (".config", ".local"):
            for base, _, names in os.walk(os.path.join(self.root, folder)):
                found += [os.path.relpath(os.path.join(base, name), self.root) for name in names]
        found += [name for name in os.listdir(self.data)] if os.path.isdir(self.data) else []
        return sorted(found)

    def read(self, path):
        with open(os.path.join(self.data, path), "rb") as file:
            return file.read()


def can_be_root():
    """What the scripts need besides root: ids for the guest's users."""
    return os.geteuid() == 0 or (shutil.which("newuidmap") and subprocess.run(
        ["unshare", "--map-root-user", "--map-auto", "true"], stderr=subprocess.DEVNULL,
        check=False).returncode == 0)


def test_debian_is_made_defined_and_removed(home):
    home.program("mmdebstrap", MAKES)
    home.does("new", "deb", "--from", "debian", "--size=4", "--cpus", "3")
    lines = home.definition("deb")
    for line in ("kernel = vmlinuz", "initrd = initrd.img", "disk = disk.img,format=raw",
                 "params = root=/dev/vda quiet", "mem = 2048", "cpus = 3"):
        assert line in lines, f"{line}: {lines}"
    assert home.read("deb/vmlinuz") == b"newer\n"
    assert home.read("deb/initrd.img") == b"ram\n"
    assert sorted(os.listdir(os.path.join(home.data, "deb"))) == ["disk.img", "initrd.img", "vmlinuz"]
    disk = os.stat(os.path.join(home.data, "deb/disk.img"))
    assert disk.st_size == 4 << 30 and disk.st_uid == os.geteuid() and disk.st_mode & 0o777 == 0o600
    assert os.listdir(home.data) == ["deb"]
    home.fails("there is a VM 'deb' already", "new", "deb", "--from", "debian", status=2)
    assert "still in" in home.does("rm", "deb")
    home.fails("files of an earlier VM", "new", "deb", "--from", "debian")
    shutil.rmtree(os.path.join(home.data, "deb"))
    home.does("new", "deb", "--from=debian")
    home.does("rm", "deb", "--keep-disks")
    assert os.path.exists(os.path.join(home.data, "deb/disk.img"))
    shutil.rmtree(os.path.join(home.data, "deb"))
    home.does("new", "deb", "--from=debian")
    assert "its disks are" in home.does("rm", "--remove-disks", "deb")
    assert home.files() == []


def test_what_mmdebstrap_fails_of_is_one_line(home):
    for said, pattern in (
            ("E: Failed to fetch http://m/x  Could not connect to m:80", "can't be reached; is the network up"),
            ("dpkg: error: cannot copy: No space left on device", "the disk is full"),
            ("E: invalid suite", "mmdebstrap failed: E: invalid suite"),
            ("E: newuidmap failed", "/etc/subuid"),
            ("unshare: no line matching user in /etc/subuid", "/etc/subuid")):
        home.program("mmdebstrap", "echo 'I: automatically chosen mode: unshare' >&2\n"
                                   f"echo '{said}' >&2; exit 1")
        home.fails(pattern, "new", "deb", "--from", "debian")
        assert home.files() == []
    home.program("mmdebstrap", SYSTEM + 'rm "$tree"/boot/v*; tar -c -C "$tree" .; rm -r "$tree"')
    home.fails("the system has no kernel", "new", "deb", "--from", "debian")
    assert home.files() == []


def test_without_mmdebstrap_there_is_nothing(home):
    for program in ("bash", "dirname", "readlink"):
        os.symlink(shutil.which(program), os.path.join(home.bin, program))
    home.env["PATH"] = home.bin
    home.fails("no mmdebstrap.*package mmdebstrap", "new", "deb", "--from", "debian")
    home.env["VITRINE_LIBEXEC"] = "/nowhere"
    home.fails("/nowhere/debian.*VITRINE_LIBEXEC", "new", "deb", "--from", "debian")
    assert home.files() == []


def test_a_full_disk_leaves_nothing(home):
    def no_room():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    home.program("mmdebstrap", MAKES)
    home.fails("the disk is full", "new", "deb", "--from", "debian", preexec_fn=no_room)
    home.program("df", "echo Avail; echo 2999")
    home.fails("too full: .* 2999 MiB", "new", "deb", "--from", "debian")
    assert home.files() == []


def interrupt(home, end):
    """Starts making a guest, ends it by end(process), and returns its status and what it said."""
    fifo = os.path.join(home.root, "fifo")
    os.mkfifo(fifo)
    home.program("mmdebstrap", f"echo here >{fifo}; exec sleep 1000")
    with subprocess.Popen([VITRINE, "new", "deb", "--from", "debian"], env=home.env, text=True,
                          stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=home.root,
                          start_new_session=True) as process:
        with open(fifo, encoding="utf8") as file:
            assert file.read() == "here\n"
        assert os.path.isdir(os.path.join(home.data, ".deb+part"))
        end(process)
        said = process.stderr.read()  # to its end, which is the last process's
        return process.wait(TIMEOUT), said


def test_an_interrupted_one_leaves_nothing(home):
    status, said = interrupt(home, lambda process: os.killpg(process.pid, signal.SIGINT))
    assert status == 1 and said.count("interrupted") == 1, f"{status}: {said}"
    assert home.files() == []


def test_a_killed_one_leaves_nothing(home):
    status, said = interrupt(home, lambda process: process.kill())
    assert status == -signal.SIGKILL and "interrupted" in said, f"{status}: {said}"
    assert home.files() == []


def test_what_a_crash_left_is_taken_over(home):
    os.makedirs(os.path.join(home.data, ".deb+part/tree"))
    with open(os.path.join(home.data, ".deb+part/tree/old"), "w", encoding="utf8") as file:
        file.write("x")
    home.program("mmdebstrap", MAKES)
    home.does("new", "deb", "--from", "debian")
    assert os.listdir(home.data) == ["deb"]


def image(home, partition):
    """A disk of Debian's layout: a file system as it is, or behind a partition table."""
    tree, path = os.path.join(home.root, "tree"), os.path.join(home.root, "disk")
    for name, text in (("boot/vmlinuz-6.1.0-9", "old"), ("boot/vmlinuz-6.1.0-10", "new"),
                       ("boot/vmlinuz-6.1.0-11", "it has no initrd"), ("etc/os-release", "x"),
                       ("boot/initrd.img-6.1.0-9", "ram 9"), ("boot/initrd.img-6.1.0-10", "ram 10")):
        os.makedirs(os.path.dirname(os.path.join(tree, name)), exist_ok=True)
        with open(os.path.join(tree, name), "w", encoding="utf8") as file:
            file.write(text)
    subprocess.run(["mke2fs", "-q", "-F", "-d", tree, path, "8M"], check=True, stdout=subprocess.DEVNULL,
                   env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})
    if partition:
        with open(path, "rb") as file:
            system = file.read()
        entry = struct.pack("<B3sB3sII", 0, b"\0\0\0", 0x83, b"\0\0\0", 2048, len(system) // 512)
        with open(path, "wb") as file:
            file.write(b"\0" * 446 + entry + b"\0" * 48 + b"\x55\xaa")
            file.write(b"\0" * (2048 * 512 - 512) + system)
    return path


def test_an_image_gives_its_kernel_and_stays_as_it_is(home):
    for partition, root in ((False, "/dev/vda"), (True, "/dev/vda1")):
        path = image(home, partition)
        with open(path, "rb") as file:
            before = file.read()
        home.does("new", "vm", "--from", "disk", "--mem=4096")
        assert home.read("vm/vmlinuz") == b"new" and home.read("vm/initrd.img") == b"ram 10"
        assert home.read("vm/disk.img") == before
        lines = home.definition("vm")
        assert "disk = disk.img,format=raw" in lines, lines
        assert f"params = root={root} quiet" in lines and "mem = 2048" not in lines, lines
        home.does("rm", "--remove-disks", "vm")
    for words, mem, balloon in (((), 2048, 1), (("--mem=1024",), 1024, 0), (("--balloon",), 2048, 1),
                                (("--mem=1024", "--balloon"), 1024, 1)):
        home.does("new", "vm", "--from", "disk", *words)
        lines = home.definition("vm")
        assert [line for line in lines if line.startswith("mem")] == [f"mem = {mem}"], lines
        assert lines.count("balloon = yes") == balloon, lines
        home.does("rm", "--remove-disks", "vm")
    with open(path, "rb") as file:
        assert file.read() == before
    if shutil.which("qemu-img"):
        subprocess.run(["qemu-img", "convert", "-O", "qcow2", "disk", "disk.qcow2"], cwd=home.root,
                       check=True)
        home.does("new", "vm", "--from", "disk.qcow2")
        assert home.read("vm/disk.img") == before
        home.does("rm", "--remove-disks", "vm")
    assert home.files() == []


def test_an_image_that_needs_another_file_is_refused(home):
    if not shutil.which("qemu-img"):
        return
    image(home, False)
    for words, other in ((("-b", "disk", "-F", "raw"), '"disk"'),
                         (("-b", 'json:{"driver":"raw","file":{"driver":"file","filename":"disk"}}', "-F", "raw"),
                          "json:"),
                         (("-o", "data_file=outside"), '"outside"')):
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *words, "image", "8M"], cwd=home.root,
                       check=True)
        home.fails(f"needs another file, .*{other}.*qemu-img convert", "new", "vm", "--from", "image")
        assert home.files() == []


def test_an_image_that_is_written_is_not_copied(home):
    with open(image(home, False), "rb") as file:
        for byte in (101, 201):  # it is written, and nobody else may (vmm/block/lock.h)
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, byte, 1, 0))
        home.fails(r"disk is in use by python.*\(process", "new", "vm", "--from", "disk")
        assert home.files() == []
    # And while it is copied, nobody may.
    home.program("cp", f"""{sys.executable} -c '
import fcntl, struct
with open("disk", "r+b") as file:
    lock = fcntl.fcntl(file, fcntl.F_OFD_GETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 201, 1, 0))
    open("held", "w").write(str(struct.unpack("hhqqi4x", lock)[0] == fcntl.F_RDLCK))'
exec /bin/cp "$@"
""")
    home.does("new", "vm", "--from", "disk")
    with open(os.path.join(home.root, "held"), encoding="ascii") as file:
        assert file.read() == "True"


def test_an_image_needs_no_ids(home):
    home.program("id", "echo 1000")
    home.program("unshare", "echo 'unshare: no line matching user' >&2; exit 1")
    path = image(home, False)
    assert "unshare" not in home.vitrine("new", "vm", "--from", "disk").stderr
    home.does("rm", "--remove-disks", "vm")
    with open(path, "r+b") as file:
        file.truncate(2048)
    result = home.vitrine("new", "vm", "--from", "disk")
    assert result.returncode == 1 and "unshare" not in result.stderr, result.stderr
    assert home.files() == []


def test_an_image_without_a_kernel_says_what_it_takes(home):
    path = image(home, True)
    with open(path, "r+b") as file:
        file.seek(2048 * 512 + 1024)
        file.write(b"\0" * 1024)
    home.fails("no ext4 with /boot/vmlinuz-VERSION", "new", "vm", "--from", "disk")
    with open(path, "r+b") as file:
        file.truncate(512)
    home.fails("no ext4 with", "new", "vm", "--from", "disk")
    with open(path, "wb") as file:
        file.write(b"QFI\xfb" + bytes(range(256)))
    home.fails("can't be copied" if shutil.which("qemu-img") else "no qemu-img", "new", "vm", "--from",
               "disk")
    assert home.files() == []


def test_wrong_words_are_one_line_each(home):
    path = image(home, False)
    for program in ("mmdebstrap", "cp"):
        home.program(program, "echo 'vitrine: error: something was made' >&2; exit 1")
    with open(os.path.join(home.root, "text"), "w", encoding="utf8") as file:
        file.write("hello")
    for pattern, *words in (
            ("takes debian, a disk image or a kernel; nowhere: No such file", "--from", "nowhere"),
            ("text is neither", "--from", "text"),
            ("--from needs a value", "--from"),
            ("--size takes GiB, a number from 4", "--from=debian", "--size", "1"),
            ("--size takes", "--from=debian", "--size=x"),
            ("--size is for --from debian", "--from=disk", "--size=8"),
            ("brings its kernel; '.*disk' is one too many", "--from=debian", path),
            ("--mem takes", "--from=debian", "--mem=x"),
            ("the VM has its name already", "--from=debian", "--name=x"),
            ("no room for line ends", "--from=disk", "--params=a;b"),
            ("no room for such a long word", "--from=debian", "--params", "x " + "y" * 151),
            ("nowhere: No such file", "--from=debian", "--disk", "nowhere")):
        home.fails(pattern, "new", "vm", *words, status=2)
    assert home.files() == []


if not can_be_root():
    print("neither root nor ids for the guests' users (/etc/subuid)")
    sys.exit(77)
cases.run(globals(), Home, kvm_is_needed=False)
