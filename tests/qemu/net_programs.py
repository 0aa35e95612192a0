#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What nobody of us wrote uses our network card, by passt: a Debian guest with an address by DHCP finds
a server on the host's loopback by a name that the host's resolver knows, updates apt's lists from it,
installs a package and clones a git repository; and the host asks it by UDP, at a forwarded port. In a
network namespace of its own."""
# timeout: 240
import contextlib
import functools
import hashlib
import http.server
import os
import socket
import struct
import subprocess
import tempfile
import threading
import time

from bed import fail
from net_bed import INSIDE, boot, main_in_namespace, outside, run

NAME = "server.vitrine.test"
SIZE = 1 << 20
A = 1  # the type of a record of an IPv4 address


class Names:
    """A resolver that knows one name, on the host's loopback."""

    def __init__(self, stack):
        self.sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.sock.bind(("127.0.0.1", 53))
        self.asked = 0
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                query, peer = self.sock.recvfrom(512)
                self.sock.sendto(self.answer(query), peer)

    def answer(self, query):
        """RFC 1035, 4.1: the header, the question as it came and, where it is ours, one address."""
        name, at = [], 12
        while query[at]:
            name.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        question = query[12:at + 5]
        known = ".".join(name).lower() == NAME
        found = known and struct.unpack("!H", question[-4:-2])[0] == A
        self.asked += found
        # a response, recursion wanted and had; no such name
        flags = 0x8180 | (0 if known else 3)
        record = struct.pack("!HHHIH", 0xc00c, A, 1, 60, 4) + socket.inet_aton(INSIDE) if found else b""
        return query[:2] + struct.pack("!5H", flags, 1, int(found), 0, 0) + question + record


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


def serve(stack, folder):
    handler = functools.partial(Quiet, directory=folder)
    server = stack.enter_context(http.server.ThreadingHTTPServer(("127.0.0.1", 8000), handler))
    stack.callback(server.shutdown)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def make_archive(www, folder):
    """An apt archive with one package, which has one file. Its checksum."""
    content = f"{folder}/parcel/usr/share/vitrine-parcel"
    control = ("Package: vitrine-parcel\nVersion: 1\nArchitecture: all\n"
               "Maintainer: vitrine <root@localhost>\nDescription: what a test sends\n")
    write(content, os.urandom(SIZE))
    write(f"{folder}/parcel/DEBIAN/control", control)
    package = f"{www}/debian/parcel.deb"
    os.makedirs(f"{www}/debian")
    run("dpkg-deb", "--root-owner-group", "-Znone", "--build", f"{folder}/parcel", package)
    packages = f"{www}/debian/Packages"
    write(packages, f"{control}Filename: ./parcel.deb\nSize: {os.path.getsize(package)}\n"
                    f"SHA256: {sha256(package)}\n")
    write(f"{www}/debian/Release", f"SHA256:\n {sha256(packages)} {os.path.getsize(packages)} Packages\n")
    return sha256(content)


def make_repository(www, folder):
    """The commit that its head is, and the checksum of its file."""
    work, bare = f"{folder}/work", f"{www}/work.git"
    write(f"{work}/file", os.urandom(SIZE))
    for i in range(50):
        write(f"{work}/small/{i}", f"{i}\n" * i)
    who = ["-c", "user.name=vitrine", "-c", "user.email=root@localhost"]
    run("git", "init", "-q", work)
    run("git", "-C", work, "add", ".")
    run("git", "-C", work, *who, "commit", "-q", "-m", "all")
    run("git", "clone", "-q", "--bare", work, bare)
    run("git", "-C", bare, "update-server-info")
    head = subprocess.run(["git", "-C", work, "rev-parse", "HEAD"], stdout=subprocess.PIPE, check=True)
    return head.stdout.decode().strip(), sha256(f"{work}/file")


class Asker:
    """Asks by UDP, which may lose what is asked and what is answered, again and again."""

    def __init__(self, stack, port):
        self.sock = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.sock.settimeout(0.2)
        self.sock.connect(("127.0.0.1", port))

    def ask(self, question):
        with contextlib.suppress(OSError):
            self.sock.send(question)
            return self.sock.recv(100)
        time.sleep(0.1)
        return None

    def end(self):
        with contextlib.suppress(OSError):
            while True:
                self.ask(b"end")
                time.sleep(0.1)


def test():
    outside()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="vitrine-net-"))
        write(f"{folder}/resolv.conf", "nameserver 127.0.0.1\n")
        run("mount", "--bind", f"{folder}/resolv.conf", "/etc/resolv.conf")
        www = f"{folder}/www"
        parcel = make_archive(www, folder)
        head, file = make_repository(www, folder)
        names = Names(stack)
        serve(stack, www)
        card, guest = boot(stack, "user,udp=2253:53", f"net-programs {NAME}", root=True)
        guest.line(f"net-guest: bound 198.51.100.2 router {INSIDE}", 150)
        for what, right in ((f"{NAME} is", INSIDE), ("updated", ""), ("parcel", parcel), ("head", head),
                            ("file", file)):
            said = guest.line(rf"net-guest: \[.*\] {what}", 100).group()
            if right not in said:
                fail(f"the guest says '{said.strip()}', not '{right}'")
        guest.line("serves", 20)
        asker, deadline = Asker(stack, 2253), time.monotonic() + 40
        while asker.ask(b"question") != b"QUESTION":
            if time.monotonic() > deadline:
                fail("the guest does not answer by UDP")
        threading.Thread(target=asker.end, daemon=True).start()
        guest.line("exit status 0", 40)
        if guest.ends(30) != 0 or card.ends(20) != 0:
            fail("QEMU or the card ended with an error")
        if names.asked == 0:
            fail("the guest did not ask the host's resolver")
        run("umount", "/etc/resolv.conf")


main_in_namespace(test)
