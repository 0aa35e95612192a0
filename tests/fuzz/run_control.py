#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs a fuzzer on requests to the control socket and what it makes of them."""
import os
import pathlib
import subprocess
import sys
import tempfile

RUNS = 5000000 if os.environ.get("VITRINE_FULL") else 100000
REQUESTS = [
    b'{"id":7,"verb":"echo","text":"hello"}\n',
    b'{"verb":"echo","id":{"a":[1,2.5e3,null,true]},"level":"\\u00e4\\n"}\n{"verb":"fly"}\n',
    b'[[[[[[[[[[1]]]]]]]]]]\n{"verb":"echo"} more\n',
    b'{"verb":"echo","refuse":"no","mib":"99999999999999999999"}',
]


def main():
    with tempfile.TemporaryDirectory() as folder:
        corpus = pathlib.Path(folder, "corpus")
        corpus.mkdir()
        for i, request in enumerate(REQUESTS):
            (corpus / str(i)).write_bytes(request)
        return subprocess.run([sys.argv[1], f"-runs={RUNS}", "-close_fd_mask=2", "-timeout=20",
                               "-max_len=4096", "-seed=1", f"-artifact_prefix={os.getcwd()}/",
                               str(corpus)], check=False).returncode


sys.exit(main())
