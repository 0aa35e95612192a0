#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""verbs.py INITRD TAP: does with a running guest what each verb of the control socket says, in this order, and
looks at what it has done. A verb or an event that the manual has, and nothing here, is a failure.

The guest runs tests/guest/obey, and shows tests/guest/follow's checkerboard."""
import contextlib
import json
import os
import re
import select
import socket
import subprocess
import sys
import time

import picture

OUT, SOURCE, TMP = (os.environ[name] for name in ("OUT", "VITRINE_SOURCE", "TMPDIR"))
SOCKET = os.path.join(TMP, "control.sock")
PATIENCE = 60  # seconds
COLOURS = "336699", "cc9933"
MIB = 1 << 20
SECTOR = 512


class Guest:
    """`vitrine run`, and what its guest prints and is told by the serial line."""

    def __init__(self, *words):
        # pylint: disable=consider-using-with
        self.log = open(os.path.join(OUT, "serial.log"), "ab")
        with open(os.path.join(OUT, "vitrine.log"), "ab") as messages:
            self.process = subprocess.Popen(
                ["vitrine", "run", "--net", "none", "--socket", SOCKET, "--cpus", "1", *words,
                 os.environ["GUEST_KERNEL"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=messages)
        self.text = ""

    def read_until(self, pattern, seconds=PATIENCE):
        """What was printed before the line that matches, and the match."""
        end = time.monotonic() + seconds
        while not (match := re.search(rf"^{pattern}\r?\n", self.text, re.M)):
            left = end - time.monotonic()
            assert left > 0 and select.select([self.process.stdout], [], [], left)[0], \
                f"no line '{pattern}' after: {self.text}"
            read = os.read(self.process.stdout.fileno(), 65536)
            assert read, f"the guest has ended: {self.text}"
            self.log.write(read)
            self.log.flush()
            self.text += read.decode(errors="replace")
        before, self.text = self.text[:match.start()], self.text[match.end():]
        return before.replace("\r", "").strip(), match

    def do(self, command):
        """What a command prints, which has to succeed."""
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()
        printed, match = self.read_until(r"obey: (\d+)")
        assert match[1] == "0", f"{command}: {match[1]}: {printed}"
        return printed

    def wait(self, condition):
        """Waits until a command succeeds in the guest."""
        self.do(f"until {condition}; do usleep 100000; done")

    def ends(self, status):
        """Waits for the machine's end, and asserts its exit status."""
        self.process.stdin.close()
        while read := self.process.stdout.read1():
            self.log.write(read)
        self.log.close()
        got = self.process.wait(PATIENCE)
        assert got == status, f"vitrine's exit status is {got}, not {status}"


class Client:
    """A connection to the control socket."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(SOCKET)
        self.lines = self.socket.makefile()

    def line(self):
        return json.loads(self.lines.readline())

    def ask(self, verb):
        """A request; the next line is its reply."""
        self.socket.sendall(json.dumps({"verb": verb}).encode() + b"\n")
        reply = self.line()
        assert reply.get("ok"), reply
        return reply["result"]


def ctl(*words, fails=None):
    """What `vitrine ctl` prints for people, and where it has to fail, one line with this in it."""
    result = subprocess.run(["vitrine", "ctl", SOCKET, *words], capture_output=True, text=True, timeout=PATIENCE,
                            check=False)
    print("$ vitrine ctl", *words, f"\n{result.stdout}{result.stderr}", end="", flush=True)
    if fails:
        assert result.returncode == 1 and fails in result.stderr, result
        assert result.stderr.count("\n") == 1, result
    else:
        assert result.returncode == 0 and not result.stderr, result
    return result.stdout


def wait_until(holds, what):
    """Where nothing tells when it will be."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def checkerboard(file):
    """Where the guest's picture is in another, whole; or None."""
    with contextlib.suppress(SystemExit):
        return picture.checker(file, *COLOURS)
    return None


def desktop_shows(size):
    """Waits until all of the guest's picture is on the desktop, pixel for pixel."""
    shot = os.path.join(OUT, "desktop.png")

    def shown():
        subprocess.run(["desktop-shot", shot], check=True)
        return (checkerboard(shot) or "").startswith(size + "+")

    wait_until(shown, f"the desktop does not show the guest's {size} pixels")


CHECKS = []  # the verbs, and the function that does with them what they say


def check(*verbs):
    def add(function):
        CHECKS.append((verbs, function))
        return function
    return add


class Session:
    """The guest, who listens to its events, and one who asks."""

    def __init__(self, initrd, tap):
        self.tap = tap
        self.seen = set()
        self.disk = os.path.join(TMP, "disk.img")
        with open(self.disk, "wb") as file:
            file.truncate(16 * MIB)
        self.guest = Guest("--gpu", "backend=2d", "--mem", "512", "--balloon", "--name", "obeys", "--display",
                           "size=400x300,max=2", "--initrd", initrd, "--disk", self.disk + ",format=raw",
                           "--params", "quiet vitrine.modules=virtio_balloon vitrine.exec=/run/vitrine/obey")
        self.booted("400x300")
        self.watcher, self.asker = Client(), Client()

    def booted(self, size):
        self.guest.read_until("obey: ready", 150)
        self.guest.do("modprobe -a virtio_balloon virtio_net ext4; mkdir /run/disk; exec 4</dev/tty1; "
                      "/run/vitrine/follow >/run/follow &")
        self.shows(1, size)

    def shows(self, monitor, size):
        """Waits until the guest drives a monitor in that size."""
        self.guest.wait(f"[ \"$(grep '^follow: {monitor}:' /run/follow | tail -n 1 | cut -d ' ' -f 3)\" = {size} ]")

    def happens(self, event, **details):
        """The next event is that."""
        line = self.watcher.line()
        assert line == {"event": event, **details}, line
        self.seen.add(event)

    def watch_events(self):
        """Has what the guest's input devices tell written to its /run/events."""
        self.guest.do("rm -f /run/events; /run/vitrine/events >/run/events & "
                      "until grep -q -s ready /run/events; do usleep 100000; done")

    def connectors(self):
        """Status and first mode of each, as the guest's kernel tells them."""
        return self.guest.do("for c in /sys/class/drm/card0-Virtual-*; do "
                             "echo $(cat $c/status) $(head -n 1 $c/modes); done").splitlines()

    def displays(self):
        """What `displays list` has, and that the guest's kernel has the same."""
        rows = self.asker.ask("displays list")["displays"]
        modes = {row["display"]: f"connected {row['width']}x{row['height']}" for row in rows}
        assert self.connectors() == [modes.get(n, "disconnected") for n in (1, 2)], (rows, self.connectors())
        return [row["display"] for row in rows]

    def screenshot(self, size):
        file = os.path.join(OUT, "screenshot.png")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(file)
        width, height = size.split("x")
        assert ctl("screenshot", file).split() == ["width", width, "height", height]
        assert checkerboard(file) == size + "+0+0", checkerboard(file)


@check("subscribe", "unsubscribe")
def events_come_to_who_wants_them(s):
    other = Client()
    other.ask("subscribe")
    s.watcher.ask("subscribe")
    s.asker.ask("suspend")
    assert other.line() == {"event": "suspended"}
    other.ask("unsubscribe")
    s.asker.ask("resume")
    other.ask("version")  # with no event before its reply
    s.happens("suspended")
    s.happens("resumed")


@check("version")
def the_version_is_the_programs(s):
    version = ctl("version").split()[1]
    program = subprocess.run(["vitrine", "--version"], capture_output=True, text=True, check=True).stdout
    assert version in program.split(), program
    assert s.asker.ask("version") == {"version": version}


@check("status")
def the_status_tells_what_was_asked_for(s):
    assert s.asker.ask("status") == {"name": "obeys", "state": "running", "cpus": 1, "mem_mib": 512, "reboots": 0,
                                     "display": "wayland"}
    ctl("status")
    assert s.guest.do("nproc") == "1"


@check("log")
def the_log_says_less_and_more(s):
    def said():
        with open(os.path.join(OUT, "vitrine.log"), encoding="utf-8") as file:
            return file.read().count("the guest is suspended")

    for level, more in (("warn", 0), ("info", 1)):
        ctl("log", level)
        before = said()
        s.asker.ask("suspend")
        s.asker.ask("resume")
        s.happens("suspended")
        s.happens("resumed")
        assert said() == before + more, level


@check("displays list", "plug", "unplug", "displays add", "displays remove")
def monitors_come_and_go(s):
    assert s.displays() == [1]
    ctl("plug")
    s.shows(2, "400x300")
    assert s.displays() == [1, 2]
    ctl("displays", "list")
    ctl("unplug")
    s.shows(2, "none")
    assert s.displays() == [1]
    ctl("unplug", fails="last monitor")
    ctl("displays", "add")
    s.shows(2, "400x300")
    ctl("displays", "add", fails="max")
    ctl("displays", "remove", "1")
    s.shows(1, "none")
    assert s.displays() == [2]
    ctl("displays", "add")
    s.shows(1, "400x300")
    ctl("displays", "remove", "2")
    s.shows(2, "none")
    assert s.displays() == [1]


@check("displays resize", "screenshot")
def a_monitor_follows_its_window(s):
    s.screenshot("400x300")
    ctl("displays", "resize", "1", "500x380")
    s.shows(1, "500x380")
    assert s.displays() == [1]
    s.screenshot("500x380")
    desktop_shows("500x380")
    ctl("screenshot", os.path.join(OUT, "none.png"), "2", fails="no picture")


@check("stats")
def counters_move(s):
    before = s.asker.ask("stats")
    s.guest.do("dd if=/dev/vda of=/dev/null bs=4096 count=4 iflag=direct 2>/dev/null")
    after = s.asker.ask("stats")
    assert after["disk0"]["reads"] > before["disk0"]["reads"]
    assert after["disk0"]["bytes_read"] == before["disk0"]["bytes_read"] + 4 * 4096
    assert after["disk0"]["errors"] == 0
    assert sum(after["exits"].values()) > sum(before["exits"].values())
    assert after["kvm"]["exits"] > before["kvm"]["exits"] and after["kvm"]["io_exits"] > before["kvm"]["io_exits"]
    assert after["frames"]["presented"] == sum(after["frames"][path] for path in ("udmabuf", "texture", "blit",
                                                                                  "shm")) > 0
    assert (after["gpu_restarts"], after["renderer"], after["backend"]) == (0, "", "2d"), after
    latency = after["window"]["latency_us"]
    assert 0 < latency["p50"] <= latency["p95"] <= latency["p99"] <= latency["max"], latency
    assert set(after["balloon"]) == {"held", "inflated", "reported"}
    for line in ctl("stats").splitlines():
        assert re.fullmatch(r"[a-z0-9_.]+ +\S.*", line), line


@check("input send")
def what_is_sent_is_typed_and_pointed(s):
    s.watch_events()
    ctl("input", "send", "tap:h tap:leftshift+i tap:enter")
    assert s.guest.do("read -r typed <&4; echo $typed") == "hI"
    ctl("input", "send", "at:0.5,0.25 tap:btn-left wheel:0,1 move:3,-4")
    s.guest.wait("grep -q ' 2 1 -4$' /run/events")
    # by device; which comes first is the program's choice
    told = {tuple(int(n) for n in event) for event in
            re.findall(r"event: \d+ ([123]) (\d+) (-?\d+)", s.guest.do("cat /run/events"))}
    assert {(1, 272, 1), (1, 272, 0), (2, 8, -1), (2, 0, 3), (2, 1, -4)} <= told, told
    places = {code: value / 32767 for kind, code, value in told if kind == 3}
    assert abs(places[0] - 0.5) < 0.002 and abs(places[1] - 0.25) < 0.002, told
    ctl("input", "send", "tap:nokey", fails="nokey")
    s.guest.do("killall events")


@check("disk list", "disk add", "disk resize", "disk remove")
def a_disk_is_formatted_used_and_removed(s):
    file = os.path.join(TMP, "added.img")
    with open(file, "wb") as image:
        image.truncate(64 * MIB)
    assert ctl("disk", "add", file + ",format=raw").split() == ["id", "disk1"]
    s.happens("disk-added", id="disk1")
    s.guest.wait("[ -b /dev/vdb ]")
    s.guest.do("mke2fs /dev/vdb >/dev/null && mount -t ext4 /dev/vdb /run/disk && "
               "dd if=/dev/urandom of=/run/disk/noise bs=65536 count=64 2>/dev/null && "
               "echo 'kept on the disk' >/run/disk/note && sha256sum /run/disk/noise >/run/sum && "
               "umount /run/disk && mount -t ext4 /dev/vdb /run/disk && sha256sum -c /run/sum")
    rows = ctl("disk", "list").splitlines()
    assert [row.split()[0] for row in rows] == ["id", "disk0", "disk1"] and rows[2].rstrip().endswith(file), rows
    ctl("disk", "resize", "disk1", "32M", fails="shrink")
    ctl("disk", "resize", "disk1", "96M")
    s.guest.wait(f"[ $(cat /sys/block/vdb/size) = {96 * MIB // SECTOR} ]")
    s.guest.do(f"echo 'kept at the end' | dd of=/dev/vdb bs={SECTOR} seek={96 * MIB // SECTOR - 1} conv=sync,fsync "
               "2>/dev/null && umount /run/disk")
    ctl("disk", "remove", "disk1")
    s.happens("disk-removed", id="disk1")
    s.guest.wait("[ ! -b /dev/vdb ]")
    with open(file, "rb") as image:
        data = image.read()
    assert len(data) == 96 * MIB and b"kept on the disk" in data and data[-SECTOR:].startswith(b"kept at the end")
    assert [disk["id"] for disk in s.asker.ask("disk list")["disks"]] == ["disk0"]
    ctl("disk", "remove", "disk1", fails="which disk?")


@check("net list", "net add", "net remove")
def a_card_carries_packets_and_goes(s):
    assert ctl("net", "add", f"tap={s.tap},mac=02:00:00:12:34:57").split() == ["id", "net0"]
    s.happens("net-added", id="net0")
    s.guest.wait("[ -e /sys/class/net/eth0 ]")
    assert s.guest.do("cat /sys/class/net/eth0/address") == "02:00:00:12:34:57"
    s.guest.do("ip addr add 198.51.100.2/24 dev eth0; ip link set eth0 up; ping -c 1 -w 30 198.51.100.1")
    counted = s.asker.ask("stats")["net0"]
    assert counted["tx_frames"] >= 2 and counted["rx_frames"] >= 2, counted  # the question where it is, and the ping
    assert counted["rx_bytes"] >= 98, counted
    assert s.asker.ask("net list")["nets"][0]["id"] == "net0"
    ctl("net", "list")
    ctl("net", "remove", "net0")
    s.happens("net-removed", id="net0")
    s.guest.wait("[ ! -e /sys/class/net/eth0 ]")
    assert s.asker.ask("net list") == {"nets": []}


@check("balloon")
def the_guest_gives_memory_up_and_gets_it_back(s):
    def free():
        return int(s.guest.do("awk '/^MemFree:/ { print $2 }' /proc/meminfo")) // 1024

    before = free()
    ctl("balloon", "64")
    wait_until(lambda: s.asker.ask("stats")["balloon"]["held"] == 64 * MIB, "the balloon does not grow")
    assert free() < before - 48, (before, free())
    ctl("balloon", "0")
    wait_until(lambda: s.asker.ask("stats")["balloon"]["held"] == 0, "the balloon does not shrink")
    # what is being reported as free is not counted as free meanwhile
    wait_until(lambda: free() > before - 16, "the guest has not got its memory back")
    ctl("balloon", "1000", fails="VM's memory")


@check("gpu restart")
def another_graphics_process_shows_the_picture(s):
    ctl("gpu", "restart")
    s.happens("gpu-down")
    s.happens("gpu-up")
    assert s.asker.ask("stats")["gpu_restarts"] == 1
    s.screenshot("500x380")
    desktop_shows("500x380")


@check("raise")
def the_window_comes_to_the_front(s):
    left, top = (int(n) for n in picture.checker(os.path.join(OUT, "desktop.png"), *COLOURS).split("+")[1:])
    # labwc lets a program do that in whose window the user has done something
    s.watch_events()
    subprocess.run(["desktop-input", "move", str(left + 100), str(top + 100)], check=True)
    # the button is another device's, and may be heard first
    s.guest.wait("grep -q '^event: [0-9]* 3 0 ' /run/events")
    subprocess.run(["desktop-input", "button", "left"], check=True)
    s.guest.wait("grep -q ' 1 272 0$' /run/events")
    s.guest.do("killall events")
    with subprocess.Popen(["foot", "--fullscreen", "--override=colors.background=ff00ff", "sleep", "1000"]) as other:
        try:
            shot = os.path.join(OUT, "covered.png")

            def covered():
                subprocess.run(["desktop-shot", shot], check=True)
                return checkerboard(shot) is None

            wait_until(covered, "the other window is not in front")
            ctl("raise")
            desktop_shows("500x380")
        finally:
            other.kill()


@check("suspend", "resume")
def a_guest_at_work_stands_still_and_goes_on(s):
    def written():
        with open(s.disk, "rb") as file:
            blocks = iter(lambda: file.read(SECTOR), b"")
            return [int(block.split()[1]) for block in blocks if block.startswith(b"block ")]

    def clock():
        """How much the guest's is ahead of ours, in seconds."""
        return int(s.guest.do("date +%s")) + 0.5 - time.time()

    # What stands still for longer than this is a fault to the guest, if it is not told why.
    s.guest.do("echo 2 >/proc/sys/kernel/watchdog_thresh; "
               "echo 3 >/sys/module/rcupdate/parameters/rcu_cpu_stall_timeout")
    s.guest.do(f"n=0; while [ ! -e /run/enough ]; do echo block $n | dd of=/dev/vda bs={SECTOR} seek=$n "
               "conv=sync,fsync 2>/dev/null; n=$((n+1)); done &")
    wait_until(lambda: len(written()) > 5, "the guest writes nothing")
    ahead = clock()
    ctl("suspend")
    s.happens("suspended")
    assert s.asker.ask("status")["state"] == "suspended"
    ctl("suspend", fails="suspended already")
    time.sleep(1)  # for what was on its way to the disk
    before, exits = written(), s.asker.ask("stats")["exits"]
    time.sleep(5)
    assert written() == before and s.asker.ask("stats")["exits"] == exits, "it does not stand still"
    ctl("resume")
    s.happens("resumed")
    assert abs(clock() - ahead) < 1.5 and abs(ahead) < 3, (ahead, clock())
    wait_until(lambda: len(written()) > len(before) + 5, "the guest does not go on")
    s.guest.do("touch /run/enough; wait $!")
    assert written() == list(range(len(written()))), "a block is lost"
    faults = s.guest.do("dmesg | grep -E 'soft lockup|detected.* stall|hung|I/O error' || true")
    assert not faults, faults
    ctl("resume", fails="not suspended")


@check("reset")
def the_guest_begins_anew(s):
    s.guest.do("touch /run/mark")
    ctl("reset")
    s.happens("restarted")
    s.booted("500x380")  # as large as the window still is
    s.guest.do("[ ! -e /run/mark ]")
    assert s.asker.ask("status")["reboots"] == 1


@check("powerbtn")
def the_guest_shuts_down(s):
    s.guest.do("insmod /run/vitrine/button.ko")
    s.guest.wait("grep -l 'Power Button' /sys/class/input/event*/device/name >/run/buttons")
    s.guest.do("for button in $(cut -d / -f 5 /run/buttons); do "
               "{ head -c 24 /dev/input/$button >/dev/null; poweroff -f; } & done")
    ctl("powerbtn")
    s.guest.ends(0)


@check("stop")
def the_machine_ends(_):
    guest = Guest("--headless", "--mem", "256")
    wait_until(lambda: os.path.exists(SOCKET), "there is no control socket")
    ctl("stop")
    guest.ends(4)


def manual(section, entry):
    """The words that the entries of a section of the manual are for."""
    with open(os.path.join(SOURCE, "docs/vitrine-control.7.scd"), encoding="utf-8") as file:
        text = file.read().split(f"\n# {section}\n")[1].split("\n# ")[0]
    return {word.replace("\\", "") for line in re.findall(rf"^{entry}$", text, re.M)
            for word in re.findall(r"\*(.+?)\*", line)}


def main():
    wanted, has = manual("VERBS", r"(?:\*[a-z ]+\*(?:, )?)+"), {verb for verbs, _ in CHECKS for verb in verbs}
    assert wanted == has, f"the manual's verbs are not those that are tested: {wanted ^ has}"
    shown = set(re.findall(r"^  ([a-z]+(?: [a-z]+)?)(?= )", subprocess.run(
        ["vitrine", "ctl", "--help"], capture_output=True, text=True, check=True).stdout, re.M))
    wanted = wanted - {"subscribe", "unsubscribe"} | {"events"}
    assert wanted == shown, f"the manual's verbs are not those of ctl: {wanted ^ shown}"
    session = Session(*sys.argv[1:])
    with open(os.path.join(OUT, "events"), "wb") as file, subprocess.Popen(
            ["vitrine", "ctl", SOCKET, "events"], stdout=file) as follower:
        try:
            for verbs, function in CHECKS:
                started = time.monotonic()
                function(session)
                print(f"ok: {', '.join(verbs)}: {time.monotonic() - started:.1f} s", flush=True)
            assert follower.wait(PATIENCE) == 0
        finally:
            follower.kill()
    wanted = manual("EVENTS", r"(?:\*[a-z-]+\*(?:, )?)+")
    assert wanted == session.seen, f"the manual's events are not those that were seen: {wanted ^ session.seen}"
    with open(os.path.join(OUT, "events"), encoding="utf-8") as file:
        printed = {line.split()[0] for line in file}
    assert printed == session.seen, printed


main()
