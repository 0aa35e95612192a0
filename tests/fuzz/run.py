#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a fuzzer on small images of qemu-img's and what it makes of them."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

RUNS = 1000000 if os.environ.get("VITRINE_FULL") else 3000
IMAGES = {
    "v3": ("compat=1.1,cluster_size=512", "32k", ["write 1k 2k", "write -z 8k 4k"]),
    "v2": ("compat=0.10,cluster_size=1k", "64k", ["write 0 4k"]),
    "zlib": ("cluster_size=4k", "64k", ["write -c 0 4k", "write -c 8k 4k", "write 16k 100"]),
    "zstd": ("cluster_size=4k,compression_type=zstd", "64k", ["write -c 0 4k", "write 9k 4k"]),
    "narrow": ("cluster_size=512,refcount_bits=1", "32k", ["write 3k 4k"]),
    "snapshot": ("cluster_size=512", "32k", ["write 0 8k"]),
}


def main():
    if not shutil.which("qemu-img") or not shutil.which("qemu-io"):
        print("no qemu-img and qemu-io here")
        return 77
    with tempfile.TemporaryDirectory() as folder:
        corpus = pathlib.Path(folder, "corpus")
        corpus.mkdir()
        for name, (options, size, commands) in IMAGES.items():
            path = str(corpus / name)
            subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-o", options, path, size],
                           check=True)
            for command in commands:
                subprocess.run(["qemu-io", "-f", "qcow2", "-c", command, path], check=True,
                               stdout=subprocess.DEVNULL)
            if name == "snapshot":
                subprocess.run(["qemu-img", "snapshot", "-c", "s", path], check=True)
        return subprocess.run([sys.argv[1], f"-runs={RUNS}", "-close_fd_mask=2", "-timeout=20",
                               "-max_len=65536", "-seed=1", f"-artifact_prefix={os.getcwd()}/",
                               str(corpus)], check=False).returncode


sys.exit(main())
