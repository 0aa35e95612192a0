#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""take.py ADDRESS PORT: takes what one connection sends, and says its checksum."""
import hashlib
import socket
import sys

with socket.create_server((sys.argv[1], int(sys.argv[2]))) as server:
    connection = server.accept()[0]
    digest = hashlib.sha256()
    while data := connection.recv(1 << 20):
        digest.update(data)
    connection.close()
print(digest.hexdigest(), flush=True)
