#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""blk.py BUILD [SECONDS [ROUNDS]]: `vitrine disk` and qemu-storage-daemon, in turn, on the same image with
the same client. Prints for each pattern the requests in a second (medians of the rounds) and the ratio."""
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


def measure(build, command, socket, seconds):
    with subprocess.Popen(command) as server:
        try:
            while not os.path.exists(socket):
                if server.poll() is not None:
                    sys.exit(f"{command[0]} has not come up")
                time.sleep(0.02)
            out = subprocess.run([str(build / "tests/bench/bench_blk"), socket, seconds], check=True,
                                 stdout=subprocess.PIPE, text=True).stdout
        finally:
            server.terminate()
    if os.path.exists(socket):
        os.unlink(socket)
    return {name: float(value) for name, value in (line.split() for line in out.splitlines())}


def main():
    build = pathlib.Path(sys.argv[1])
    seconds = sys.argv[2] if len(sys.argv) > 2 else "1"
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("raw", "qcow2"):
            image, socket = os.path.join(folder, "image"), os.path.join(folder, "socket")
            subprocess.run(["qemu-img", "create", "-q", "-f", kind, image, str(SIZE)], check=True)
            subprocess.run(["qemu-io", "-f", kind, "-c", f"write -q 0 {SIZE}", image], check=True)
            results = {}
            for _ in range(rounds):
                for name, command in servers(build, image, kind, socket).items():
                    for pattern, value in measure(build, command, socket, seconds).items():
                        results.setdefault(pattern, {}).setdefault(name, []).append(value)
            for pattern, values in results.items():
                ours, theirs = (statistics.median(values[name]) for name in ("vitrine", "qemu"))
                print(f"{kind:6} {pattern:12} {ours:10.0f} {theirs:10.0f}  {ours / theirs:.2f}", flush=True)
            os.unlink(image)


main()
