# SPDX-License-Identifier: MIT
"""What the tests of our network card share: a network namespace of their own, and a Linux guest whose
card is ours, behind QEMU's vhost-user."""
import os
import subprocess
import sys
import tempfile

from bed import Process, die_with_parent, environment, main, qemu

INSIDE = "198.51.100.1"  # the gateway, which passt makes the host's loopback
MAC = "02:00:00:12:34:56"


def run(*command):
    subprocess.run(command, check=True)


def outside():
    """A way out that leads nowhere, for passt to take its addresses from."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "tuntap", "add", "dev", "outside", "mode", "tap")
    run("ip", "addr", "add", "198.51.100.2/24", "dev", "outside")
    run("ip", "link", "set", "outside", "up")
    run("ip", "route", "add", "default", "via", INSIDE)


def boot(stack, net, command, root=False):
    """The card of `--net net` and a guest that runs the command: in the initrd or, with root, in the whole
    Debian system, which nothing is written to."""
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="vitrine-net-"))
    path = os.path.join(folder, "net")
    card = Process("card", [os.environ["CARD"], path, net])
    stack.callback(card.end)
    card.line("card: ready", 20)
    params = f'console=ttyS0 quiet mitigations=off no_timer_check vitrine.exec="{command}"'
    words = [
        *qemu(os.environ["QEMU_ROOT"]), "-machine", "q35,memory-backend=ram",
        "-accel", "tcg", "-cpu", "max,-avx,-avx2,-fma,-f16c", "-m", "512",
        "-object", "memory-backend-memfd,id=ram,size=512M,share=on",
        "-kernel", os.environ["GUEST_KERNEL"], "-initrd", os.environ["GUEST_INITRD"],
        "-serial", "stdio", "-chardev", f"socket,id=net,path={path}",
        "-netdev", "vhost-user,id=net,chardev=net",
        "-device", f"virtio-net-pci,netdev=net,mac={MAC}"]
    if root:
        params += " root=/dev/vda vitrine.overlay vitrine.modules=virtio_net,af_packet"
        words += ["-drive", f"if=none,id=root,format=raw,readonly=on,file={os.environ['GUEST_ROOT']}",
                  "-device", "virtio-blk-pci,drive=root"]
    machine = Process("guest", [*words, "-append", params], stdin=subprocess.DEVNULL,
                      stderr=subprocess.STDOUT, env=environment(os.environ["QEMU_ROOT"]))
    stack.callback(machine.end)
    return card, machine


def main_in_namespace(test):
    """In network and mount namespaces of the test's own."""
    if "NET_NAMESPACE" in os.environ:
        main(test)
        return
    os.environ["NET_NAMESPACE"] = "1"
    unshare = ["unshare", "--net", "--mount"]
    if os.geteuid() != 0 or subprocess.run([*unshare, "true"], check=False).returncode:
        print("no network namespace can be made here")
        sys.exit(77)
    sys.exit(subprocess.run([*unshare, sys.executable, *sys.argv], check=False,
                            preexec_fn=die_with_parent).returncode)
