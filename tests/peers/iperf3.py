#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""iperf3.py ROUNDS MEGABYTES [KIND]...: see iperf3.sh, which runs it in a Debian 13 system with network,
mount and process namespaces of its own. One guest at a time, in turns; prints the best of the rounds,
since what else the machine does only ever takes away."""
import contextlib
import glob
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, "/source/tests/qemu")
from bed import Process, fail  # pylint: disable=wrong-import-position
from net_bed import INSIDE, outside, run  # pylint: disable=wrong-import-position

HOST, GUEST = "10.77.0.1", "10.77.0.2/24"
WAYS = {"out": "to the host", "in": "from the host", "out4": "to it, 4 streams", "in4": "from it, 4 streams"}
MEMORY = 512


def passt(stack, path, *words):
    process = Process("passt", ["passt", "--foreground", "--quiet", "--one-off", "--socket", path, *words],
                      stderr=subprocess.STDOUT)
    stack.callback(process.end)
    while not os.path.exists(path):
        if process.process.poll() is not None:
            fail("passt has not come up")


def card(stack, path, net):
    process = Process("card", ["/build/tests/qemu/card", path, net], stderr=subprocess.STDOUT)
    stack.callback(process.end)
    process.line("card: ready", 20)


def by_vhost_user(path):
    return ["-chardev", f"socket,id=net,path={path}", "-netdev", "vhost-user,id=net,chardev=net"]


def qemu_passt(stack, path):
    passt(stack, path)
    return ["-netdev", f"stream,id=net,server=off,addr.type=unix,addr.path={path}"]


def qemu_passt_vhost_user(stack, path):
    passt(stack, path, "--vhost-user")
    return by_vhost_user(path)


def vitrine_passt(stack, path):
    card(stack, path, "user")
    return by_vhost_user(path)


def qemu_tap(_stack, _path):
    return ["-netdev", "tap,id=net,ifname=tap0,script=no,downscript=no,vhost=off"]


def vitrine_tap(stack, path):
    card(stack, path, "tap=tap0")
    return by_vhost_user(path)


# for each kind of network: the host, the guest's address, the length of packets; and who carries it
KINDS = {
    "passt, 1500": (f"{INSIDE} dhcp", 1500, {"QEMU": qemu_passt, "vitrine": vitrine_passt,
                                             "vhost-user": qemu_passt_vhost_user}),
    "passt, 65520": (f"{INSIDE} dhcp", 65520, {"QEMU": qemu_passt, "vitrine": vitrine_passt,
                                               "vhost-user": qemu_passt_vhost_user}),
    "tap, 1500": (f"{HOST} {GUEST}", 1500, {"QEMU": qemu_tap, "vitrine": vitrine_tap}),
}


def processor_time():
    """Seconds, of all processes of this namespace but ours; threads that have ended are in it."""
    ticks = 0
    for path in glob.glob("/proc/[0-9]*/stat"):
        if path != f"/proc/{os.getpid()}/stat":
            with contextlib.suppress(OSError), open(path, encoding="utf-8") as file:
                ticks += sum(int(word) for word in file.read().rpartition(")")[2].split()[11:13])
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(kind, who, megabytes, best):
    where, mtu, carriers = KINDS[kind]
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="vitrine-net-"))
        net = carriers[who](stack, os.path.join(folder, "net"))
        server = Process("iperf3", ["iperf3", "-s"], stderr=subprocess.STDOUT)
        stack.callback(server.end)
        guest = Process("guest", [
            "qemu-system-x86_64", "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
            "-accel", "tcg", "-cpu", "max,-avx,-avx2,-fma,-f16c", "-m", str(MEMORY),
            "-machine", "q35,memory-backend=ram",
            "-object", f"memory-backend-memfd,id=ram,size={MEMORY}M,share=on",
            "-kernel", "/kernel/vmlinux", "-initrd", "/out/initrd", "-serial", "stdio",
            "-drive", "if=none,id=root,format=raw,readonly=on,file=/system/root.ext4",
            "-device", "virtio-blk-pci,drive=root", *net, "-device", "virtio-net-pci,netdev=net",
            "-append", "console=ttyS0 quiet mitigations=off no_timer_check root=/dev/vda vitrine.overlay "
            "vitrine.modules=virtio_net,af_packet "
            f'vitrine.exec="net-speed {where} {mtu} {megabytes}"'],
            stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT)
        stack.callback(guest.end)
        for way in WAYS:
            guest.line(f"net-speed: begin {way}", 120)
            before = processor_time()
            rate = int(guest.line(rf"net-speed: {way} \d+", 300).group().split()[-1])
            cost = (processor_time() - before) * 1024 / megabytes
            print(f"{kind}: {who}: {WAYS[way]}: {rate} Mbit/s, {cost:.2f} s", file=sys.stderr, flush=True)
            old = best.get((kind, who, way), (0, cost))
            best[kind, who, way] = max(old[0], rate), min(old[1], cost)
        guest.line("exit status 0", 60)


def report(kind, best):
    carriers = KINDS[kind][2]
    print(f"\n{kind}")
    print(f"{'':18}" + "".join(f"{who:>27}" for who in carriers))
    print(f"{'':18}" + f"{'Mbit/s       s/GiB':>27}" * len(carriers))
    for way, what in WAYS.items():
        qemu = best[kind, "QEMU", way]
        line = f"{what:18}"
        for who in carriers:
            rate, cost = best[kind, who, way]
            line += f"{rate:7} ({rate / qemu[0]:5.2f}) {cost:5.2f} ({cost / qemu[1]:4.2f})"
        print(line)


def main():
    rounds, megabytes, kinds = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:] or list(KINDS)
    outside()
    run("ip", "tuntap", "add", "dev", "tap0", "mode", "tap", "vnet_hdr")
    run("ip", "addr", "add", f"{HOST}/24", "dev", "tap0")
    run("ip", "link", "set", "tap0", "up")
    best = {}
    for _ in range(rounds):
        for kind in kinds:
            for who in KINDS[kind][2]:
                measure(kind, who, megabytes, best)
    for kind in kinds:
        report(kind, best)


main()
