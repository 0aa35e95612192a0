#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""VMs by name, as a person meets them: vitrine new, list, run, ctl, edit and rm.

usage: definitions.py VITRINE. What runs guests is left out where there is no KVM.
"""
import fcntl
import os
import re
import resource
import signal
import struct
import subprocess
import sys
import tempfile

import cases
import guests

VITRINE = os.path.abspath(sys.argv[1])
TIMEOUT = 60


class Home:
    """A user's folders, empty at first."""

    def __init__(self):
        self.tmp = tempfile.TemporaryDirectory()
        self.root = self.tmp.name
        self.env = {"PATH": os.environ["PATH"], "HOME": self.root,
                    "XDG_RUNTIME_DIR": os.path.join(self.root, "run")}
        os.mkdir(self.env["XDG_RUNTIME_DIR"], 0o700)
        self.definitions = os.path.join(self.root, ".config/vitrine")
        self.entries = os.path.join(self.root, ".local/share/applications")
        self.kernel = self.file("kernel", guests.elf(guests.HALT))

    def file(self, name, data=b""):
        path = os.path.join(self.root, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def vitrine(self, *words, **more):
        return subprocess.run([VITRINE, *words], capture_output=True, timeout=TIMEOUT, text=True,
                              stdin=subprocess.DEVNULL, env=self.env, cwd=self.root,
                              check=False, **more)

    def does(self, *words):
        result = self.vitrine(*words)
        assert result.returncode == 0, f"{words}: {result.returncode}: {result.stderr}"
        assert not result.stderr, result.stderr
        return result.stdout

    def refuses(self, pattern, *words, lines=1, **more):
        result = self.vitrine(*words, **more)
        said = result.stderr.splitlines()
        assert result.returncode == 2, f"exit status {result.returncode}, not 2: {result.stderr}"
        assert len(said) == lines, f"not {lines} line: {result.stderr}"
        assert re.search(pattern, result.stderr), f"'{pattern}' is not in: {result.stderr}"

    def define(self, text):
        os.makedirs(self.definitions, exist_ok=True)
        self.file(".config/vitrine/vm.ini", text.encode())

    def left(self):
        return sorted(name for folder in (self.definitions, self.entries) if os.path.isdir(folder)
                      for name in os.listdir(folder))


def test_a_new_vm_is_listed_and_in_the_launcher_until_it_is_removed(home):
    assert "no virtual machine yet" in home.does("list")
    home.file("my disk.img", b"x" * 512)
    home.does("new", "debian", "--mem=512", "--headless", "--gpu", "--disk", "my disk.img,ro",
              "--params", "quiet", "kernel")
    assert home.left() == ["debian.ini", "vitrine.debian.desktop"]
    with open(os.path.join(home.definitions, "debian.ini"), encoding="utf8") as file:
        lines = file.read().splitlines()
    for line in ("[vm]", "version = 1", "mem = 512", "headless = yes", "gpu = yes", "params = quiet",
                 f"disk = {home.root}/my disk.img,ro", f"kernel = {home.kernel}"):
        assert line in lines, f"{line}: {lines}"
    with open(os.path.join(home.entries, "vitrine.debian.desktop"), encoding="utf8") as file:
        entry = file.read().splitlines()
    for line in ("[Desktop Entry]", "Name=debian", "Exec=vitrine run debian",
                 "StartupWMClass=vitrine.debian"):
        assert line in entry, f"{line}: {entry}"
    assert re.search(r"^debian +stopped$", home.does("list"), re.M)
    home.does("rm", "debian")
    assert home.left() == []
    assert os.path.exists(os.path.join(home.root, "my disk.img"))


def test_disks_in_use_are_not_removed(home):
    home.does("new", "vm", "kernel")
    os.makedirs(os.path.join(home.root, ".local/share/vitrine/vm"))
    disk = home.file(".local/share/vitrine/vm/disk.img", b"x" * 512)
    with open(disk, "rb") as file:
        for byte in (101, 201):  # it is written, and nobody else may (vmm/block/lock.h)
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, byte, 1, 0))
        home.refuses(r"vm/disk.img is in use by python.*\(process", "rm", "--remove-disks", "vm")
        assert os.path.exists(disk) and home.left() == ["vitrine.vm.desktop", "vm.ini"]
    home.does("rm", "--remove-disks", "vm")
    assert not os.path.exists(disk) and home.left() == []


def test_the_paths_of_a_vm_are_the_same_wherever_it_is_started(home):
    here = os.path.realpath(home.root)
    os.makedirs(os.path.join(home.root, "src/inner"))
    home.does("new", "vm", "--share", "src=src/inner/..", "--share=all=.", "--serial", "file=log", "--socket=run/vm",
              "kernel")
    with open(os.path.join(home.definitions, "vm.ini"), encoding="utf8") as file:
        lines = file.read().splitlines()
    for line in (f"share = src={here}/src", f"share = all={here}", f"serial = file={here}/log",
                 f"socket = {here}/run/vm"):
        assert line in lines, f"{line}: {lines}"
    home.does("rm", "vm")
    for words in ("--share", "src=nowhere"), ("--serial", "file=nowhere/log"), ("--socket", "nowhere/s"):
        home.refuses("nowhere.*: No such file", "new", "vm", *words, "kernel")
        assert home.left() == []
    home.does("new", "vm", "--serial", "none", "--socket", "/run", "kernel")


def test_the_launcher_shows_the_windows_icon(home):
    for options, icon in ((), "vitrine"), (("--display", "icon=debian-logo"), "debian-logo"):
        home.does("new", "vm", *options, "kernel")
        with open(os.path.join(home.entries, "vitrine.vm.desktop"), encoding="utf8") as file:
            assert f"Icon={icon}\n" in file.read()
        home.env["EDITOR"] = "sed -i $adisplay=icon=other"
        home.does("edit", "vm")
        with open(os.path.join(home.entries, "vitrine.vm.desktop"), encoding="utf8") as file:
            assert "Icon=other\n" in file.read()
        home.does("rm", "vm")


def test_long_params_come_back_as_they_were(home):
    params = " ".join([f"option{i}=value{i}" for i in range(60)] + ["x" * 150, "y" * 150])
    home.does("new", "vm", "--params", params, "kernel")
    with open(os.path.join(home.definitions, "vm.ini"), encoding="utf8") as file:
        lines = [line for line in file.read().splitlines() if line.startswith("params = ")]
    assert len(lines) > 1
    assert " ".join(line[len("params = "):] for line in lines) == params


def test_input_with_its_settings_is_kept(home):
    devices = "libinput:seat=seat1,focus=always,tap,accel=flat,speed=0.5,scroll=edge,dwt=off"
    home.does("new", "vm", "--input", devices, "--input", "pointers=each", "kernel")
    with open(os.path.join(home.definitions, "vm.ini"), encoding="utf8") as file:
        text = file.read()
    assert f"input = {devices}\ninput = pointers=each\n" in text, text
    with open(os.path.join(home.definitions, "vm.ini"), "w", encoding="utf8") as file:
        file.write(text.replace("speed=0.5", "speed=5"))
    home.refuses("speed=N, from -1 to 1.*\n.*vm.ini", "run", "vm", lines=2)


def test_a_second_vm_of_one_name_is_refused(home):
    home.does("new", "vm", "kernel")
    home.refuses("there is a VM 'vm' already", "new", "vm", "--mem", "128", "kernel")
    with open(os.path.join(home.definitions, "vm.ini"), encoding="utf8") as file:
        assert "mem" not in file.read()


def test_what_is_wrong_with_a_new_vm_leaves_nothing(home):
    home.refuses("nowhere: No such file", "new", "vm", "nowhere")
    home.refuses("--mem takes", "new", "vm", "--mem", "x", "kernel")
    home.refuses("did you mean --mem", "new", "vm", "--memm", "1", "kernel")
    home.refuses("which kernel", "new", "vm")
    home.refuses("line ends and semicolons", "new", "vm", "--params", "a;b", "kernel")
    home.refuses("no room for such a long word", "new", "vm", "--params", "a " + "x" * 151, "kernel")
    for name in ("", "a b", "../x", "-x", ".x", "x" * 65):
        home.refuses(".", "new", name, "kernel")
    assert home.left() == []


def test_a_full_disk_leaves_nothing(home):
    def no_room():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    home.refuses("File too large", "new", "vm", "kernel", preexec_fn=no_room)
    assert home.left() == []


def test_a_word_that_is_neither_file_nor_vm_is_one_line(home):
    home.refuses("'debian' is neither a file nor a VM.*vitrine list", "run", "debian")
    home.refuses("there is no VM 'debian'", "rm", "debian")
    home.refuses("there is no VM '../kernel'", "edit", "../kernel")


def test_a_bad_definition_is_said_with_its_line(home):
    kernel = f"kernel = {home.kernel}\n"
    for text, pattern, lines in (
            ("[vm]\n" + kernel + "memm = 1\n", "vm.ini, line 3: .*'memm'; did you mean 'mem'", 1),
            ("[vm]\nxyzzy = 1\n", "line 2: there is no key 'xyzzy'$", 1),
            ("[vm]\n\nnonsense\n" + kernel, "line 3: this is neither", 1),
            ("[vm]\nmem = x\n" + kernel, "(?s)--mem takes.*vm.ini, line 2, is where", 2),
            ("[vm]\nheadless = perhaps\n", "line 2: 'headless' is yes or no", 1),
            ("[machine]\nmem = 64\n", "line 2: keys stand under", 1),
            ("[vm]\nversion = 2\n", "line 2: .*newer vitrine", 1),
            ("[vm]\nversion = x\n", "line 2: version is a number", 1),
            ("[vm]\nparams = " + "x" * 5000, "line 2: the line is too long", 1),
            ("[vm]\n" + "cpus = 1\n" * 300, "line 258: these are too many keys", 1),
            ("[vm]\n" + "# comment\n" * 9000, "too long for a definition", 1),
            ("[vm]\n" + kernel + "share = src=.\n", "line 3: the path of 'share' has to begin with a slash", 1),
            ("[vm]\n" + kernel + "serial = file=log\n", "line 3: the path of 'serial'", 1),
            ("[vm]\n" + kernel + "socket = vm.sock\n", "line 3: the path of 'socket'", 1),
            ("[vm]\nmem = 64\n", "vm.ini has no key 'kernel'", 1),
            ("", "vm.ini has no key 'kernel'", 1)):
        home.define(text)
        home.refuses(pattern, "run", "vm", lines=lines)


def test_bytes_that_are_no_text_are_no_definition(home):
    os.makedirs(home.definitions)
    for seed in range(64):
        noise = bytes((seed * 31 + i * i * 7) % 256 for i in range(500))
        home.file(".config/vitrine/vm.ini", noise)
        result = home.vitrine("run", "vm")
        assert result.returncode == 2, f"{seed}: {result.returncode}"


def test_an_edited_definition_is_checked(home):
    home.does("new", "vm", "--mem", "64", "kernel")
    home.env["EDITOR"] = "sed -i s/^mem/memm/"
    home.refuses("did you mean 'mem'", "edit", "vm")
    home.env["EDITOR"] = "sed -i s/^memm/mem/"
    home.does("edit", "vm")
    home.env["EDITOR"] = "false"
    home.refuses("editor failed", "edit", "vm")


def test_no_runtime_folder_is_one_line(home):
    home.does("new", "vm", "--headless", "kernel")
    del home.env["XDG_RUNTIME_DIR"]
    home.refuses("XDG_RUNTIME_DIR", "run", "vm")
    home.does("list")


def kvm_test_a_vm_runs_once_and_answers_to_its_name(home):
    home.file("halt", guests.elf(guests.say("up") + guests.HALT))
    os.mkdir(os.path.join(home.root, "vm"))  # a folder of that name is no kernel, and no socket
    home.does("new", "vm", "--headless", "--mem", "64", "--cpus", "1", "halt")
    with cases.started(VITRINE, "run", "vm", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, env=home.env) as running:
        assert running.stdout.read(2) == b"up"
        assert re.search(r"^vm +running$", home.does("list"), re.M)
        status = home.does("ctl", "vm", "status")
        assert re.search(r"^name +vm$", status, re.M), status
        assert re.search(r"^mem_mib +64$", status, re.M), status
        home.refuses("'vm' is running already", "run", "vm")
        home.refuses("'vm' is running", "rm", "vm")
        assert re.search(r"^version +\d", home.does("ctl", "vm", "version"), re.M)
        home.does("ctl", "vm", "log", "level=error")
        result = home.vitrine("ctl", "vm", "log", "level=loud")
        assert result.returncode == 1 and "which level?" in result.stderr, result.stderr
        result = home.vitrine("ctl", "vm", "raise")
        assert result.returncode == 1 and "no window" in result.stderr, result.stderr
        home.refuses("log takes LEVEL", "ctl", "vm", "log")
        home.does("ctl", "vm", "reset")
        assert running.stdout.read(2) == b"up"
        assert re.search(r"^reboots +1$", home.does("ctl", "vm", "status"), re.M)
        home.does("ctl", "vm", "stop")
        assert running.wait(TIMEOUT) == 4
    assert re.search(r"^vm +stopped$", home.does("list"), re.M)
    home.refuses("vm.sock.*is the VM running", "ctl", "vm", "status")


def kvm_test_a_suspended_guest_stands_still(home):
    def exits():
        return int(re.search(r"^exits.pio +(\d+)$", home.does("ctl", "vm", "stats"), re.M)[1])

    def state():
        return re.search(r"^state +(\w+)$", home.does("ctl", "vm", "status"), re.M)[1]

    def fails(pattern, verb):
        result = home.vitrine("ctl", "vm", verb)
        assert result.returncode == 1 and re.search(pattern, result.stderr), result.stderr

    home.file("spin", guests.elf(guests.say("up") + guests.SPIN))
    home.does("new", "vm", "--headless", "--mem", "64", "--cpus", "2", "spin")
    with cases.started(VITRINE, "run", "vm", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, env=home.env) as running:
        assert running.stdout.read(2) == b"up"
        for _ in range(3):
            assert state() == "running"
            home.does("ctl", "vm", "suspend")
            assert state() == "suspended"
            before = exits()
            fails("suspended already", "suspend")
            assert exits() == before
            home.does("ctl", "vm", "resume")
            fails("not suspended", "resume")
            while exits() == before:
                pass
        home.does("ctl", "vm", "suspend")
        home.does("ctl", "vm", "reset")
        assert running.stdout.read(2) == b"up"
        assert state() == "running"
        home.does("ctl", "vm", "suspend")
        home.does("ctl", "vm", "stop")
        assert running.wait(TIMEOUT) == 4


def kvm_test_the_command_line_overrides_the_definition(home):
    home.file("off", guests.elf(guests.say("off") + guests.POWER_OFF))
    home.define("[vm]\nmem = 1\nheadless = yes\nkernel = /nowhere\n")
    home.refuses("--mem takes", "run", "vm", "--mem", "64", lines=2)
    home.define("[vm]\nmem = 1048576\nheadless = yes\nkernel = /nowhere\n")
    result = home.vitrine("run", "vm", "--mem", "64", f"--kernel={home.root}/off")
    assert result.returncode == 0, result.stderr
    assert result.stdout == "off"


cases.run(globals(), Home)
