#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""blk.py BUILD [SECONDS [ROUNDS]]: `vitrine disk` and qemu-storage-daemon, in turn, on the same image with
the same client; and a new qcow2 image, which every write adds to. Prints for each pattern the requests in a second, ours and theirs, and the ratio; then the same for
the microseconds of the processor that a request took, which a busy machine changes less. Medians of the rounds."""
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

SIZE = 256 << 20


def servers(build, image, kind, socket):
    blockdev = f"driver=file,node-name=file,filename={image}"
    nodes = ["--blockdev", blockdev]
    if kind == "qcow2":
        nodes += ["--blockdev", "driver=qcow2,node-name=disk,file=file"]
    node = "disk" if kind == "qcow2" else "file"
    return {
        "vitrine": [str(build / "vmm/app/vitrine"), "disk", "--vhost-user", socket, f"{image},format={kind}"],
        "qemu": ["qemu-storage-daemon", *nodes, "--export",
                 f"type=vhost-user-blk,id=e,node-name={node},addr.type=unix,addr.path={socket},writable=on"],
    }


def measure(build, command, socket, *words):
    with subprocess.Popen(command) as server:
        try:
            while not os.path.exists(socket):
                if server.poll() is not None:
                    sys.exit(f"{command[0]} has not come up")
                time.sleep(0.02)
            out = subprocess.run([str(build / "tests/bench/bench_blk"), socket, words[0],
                                  str(server.pid), *words[1:]], check=True,
                                 stdout=subprocess.PIPE, text=True).stdout
        finally:
            server.terminate()
    if os.path.exists(socket):
        os.unlink(socket)
    return {name: (float(rate), float(cost)) for name, rate, cost in (line.split() for line in out.splitlines())}


def make(image, kind, filled):
    subprocess.run(["qemu-img", "create", "-q", "-f", kind, image, str(SIZE)], check=True)
    if filled:
        subprocess.run(["qemu-io", "-f", kind, "-c", f"write -q 0 {SIZE}", image], check=True)


def main():
    build = pathlib.Path(sys.argv[1])
    seconds = sys.argv[2] if len(sys.argv) > 2 else "1"
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    with tempfile.TemporaryDirectory() as folder:
        for kind, filled in (("raw", True), ("qcow2", True), ("qcow2", False)):
            image, socket = os.path.join(folder, "image"), os.path.join(folder, "socket")
            make(image, kind, filled)
            results = {}
            for _ in range(rounds):
                for name, command in servers(build, image, kind, socket).items():
                    if not filled:
                        make(image, kind, filled)
                    words = [seconds] if filled else [seconds, "sync-4k-1"]
                    for pattern, value in measure(build, command, socket, *words).items():
                        pattern += "" if filled else "-new"
                        results.setdefault(pattern, {}).setdefault(name, []).append(value)
            for pattern, values in results.items():
                line = f"{kind:6} {pattern:13}"
                for of, digits in ((0, 0), (1, 1)):
                    ours, theirs = (statistics.median(pair[of] for pair in values[name])
                                    for name in ("vitrine", "qemu"))
                    line += f" {ours:10.{digits}f} {theirs:10.{digits}f} {ours / max(theirs, 0.01):6.2f}"
                print(line, flush=True)
            os.unlink(image)


main()
