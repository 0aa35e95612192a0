#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A real Linux driver in front of our network card, with both that it can be plugged into. By passt: an
address by DHCP, a file from a server on the host's loopback, one to it, and one that the host fetches
by a forwarded port. By a tap device: the same with TCP's segments left to the other side. Every byte
is right. All in a network namespace of its own."""
# timeout: 240
import contextlib
import hashlib
import os
import socket
import threading
import urllib.request

from bed import fail
from net_bed import INSIDE, MAC, boot, main_in_namespace, outside, run

SIZE = 16 << 20
TAP_HOST, TAP_GUEST = "10.77.0.1", "10.77.0.2"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Server:
    """Gives `down` to whom connects to port 8000, with just enough of HTTP, and takes what is sent to
    port 8001."""

    def __init__(self, stack, address):
        self.down = os.urandom(SIZE)
        self.up = None
        for port, serve in ((8000, self.give), (8001, self.take)):
            listener = stack.enter_context(socket.create_server((address, port)))
            threading.Thread(target=serve, args=(listener,), daemon=True).start()

    def give(self, listener):
        connection = listener.accept()[0]
        with connection:
            request = b""
            while not request.endswith(b"\r\n\r\n"):
                request += connection.recv(65536)
            head = f"HTTP/1.0 200 OK\r\nContent-Length: {len(self.down)}\r\n\r\n".encode()
            connection.sendall(head + self.down)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1)  # until the other side has closed

    def take(self, listener):
        connection, up = listener.accept()[0], bytearray()
        with connection:
            while data := connection.recv(1 << 20):
                up += data
        self.up = bytes(up)


def exchange(server, card, guest, address, ports):
    """What net-steps does, and the host's part in it."""
    guest.line(f"net-guest: address {MAC}", 100)
    guest.line("net-guest: queues 1", 40)
    if sha256(server.down) not in guest.line("net-guest: down .*", 60).group():
        fail("the guest got something else than what was sent")
    sent = guest.line("net-guest: up .*", 60).group()
    guest.line("net-guest: serves", 30)
    if server.up is None or sha256(server.up) not in sent:
        fail("the host got something else than what the guest sent")
    with urllib.request.urlopen(f"http://{address}:{ports[0]}/back", timeout=60) as reply:
        if reply.read() != server.up:
            fail("the host fetched something else than what the guest has")
    socket.create_connection((address, ports[1]), 20).close()
    guest.line("exit status 0", 20)
    if guest.ends(30) != 0 or card.ends(20) != 0:
        fail("QEMU or the card ended with an error")


def by_passt():
    with contextlib.ExitStack() as stack:
        server = Server(stack, "127.0.0.1")
        card, guest = boot(stack, "user,tcp=2280:80,tcp=2281:81",
                           f"/run/vitrine/net-steps {INSIDE} {SIZE} dhcp knock")
        guest.line(f"net-guest: bound 198.51.100.2 router {INSIDE}", 100)
        guest.taken = 0
        exchange(server, card, guest, "127.0.0.1", (2280, 2281))


class Wire:
    """Counts the frames of tap0, in each direction, that are longer than what a network carries: those
    whose segments are left to the other side. Some may pass it by unseen."""

    MTU = 1500 + 14

    def __init__(self, stack):
        self.long = {socket.PACKET_OUTGOING: 0, socket.PACKET_HOST: 0}
        self.sock = stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)))
        self.sock.bind(("tap0", 3))
        threading.Thread(target=self.count, daemon=True).start()

    def count(self):
        head = bytearray(64)
        with contextlib.suppress(OSError):
            while True:
                length, where = self.sock.recvfrom_into(head, len(head), socket.MSG_TRUNC)
                if length > self.MTU and where[2] in self.long:
                    self.long[where[2]] += 1


def by_tap():
    with contextlib.ExitStack() as stack:
        run("ip", "tuntap", "add", "dev", "tap0", "mode", "tap")
        run("ip", "addr", "add", f"{TAP_HOST}/24", "dev", "tap0")
        run("ip", "link", "set", "tap0", "up")
        wire = Wire(stack)
        server = Server(stack, TAP_HOST)
        card, guest = boot(stack, "tap=tap0",
                           f"/run/vitrine/net-steps {TAP_HOST} {SIZE} {TAP_GUEST}/24 knock")
        exchange(server, card, guest, TAP_GUEST, (80, 81))
        to, of = wire.long[socket.PACKET_OUTGOING], wire.long[socket.PACKET_HOST]
        print(f"tap: at least {of} frames from the guest, {to} to it, are of several segments")
        # a 16 MiB file goes to the guest and two come from it, at 64 KiB a frame at best
        if to < 32 or of < 32:
            fail("no segments were left to the other side")


def test():
    outside()
    by_tap()
    by_passt()


main_in_namespace(test)
