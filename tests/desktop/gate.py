#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""gate.py PORT: lets a guest wait for the host. Says what each guest that comes by vsock to PORT says,
and answers it with the next line of the input, when that comes."""
import socket
import sys

with socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM) as server:
    server.bind((socket.VMADDR_CID_ANY, int(sys.argv[1])))
    server.listen()
    print("gate: ready", flush=True)
    while True:
        connection, (cid, _) = server.accept()
        with connection:
            print(f"gate: cid {cid}: {connection.makefile().readline().strip()}", flush=True)
            answer = sys.stdin.readline()
            if not answer:
                break
            connection.sendall(answer.encode())
