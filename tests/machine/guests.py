# SPDX-License-Identifier: MIT
"""Guests of a few instructions: ELF files with a PVH note, entered in 32-bit protected mode."""
import struct

BASE = 0x1000000
COUNTER = 0x800000  # RAM that a restart does not touch
XEN_ELFNOTE_PHYS32_ENTRY = 18


def elf(code, entry=BASE, vaddr=BASE):
    """An ELF64 executable with one loaded segment and the note that names its 32-bit entry."""
    note = struct.pack("<III4sI", 4, 4, XEN_ELFNOTE_PHYS32_ENTRY, b"Xen\0", entry)
    headers = 64 + 2 * 56
    note_at, code_at = headers, 0x1000
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = ident + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, entry, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 7, code_at, vaddr, vaddr, len(code), len(code), 0x1000)
    notes = struct.pack("<IIQQQQQQ", 4, 4, note_at, 0, 0, len(note), len(note), 4)
    return (header + load + notes + note).ljust(code_at, b"\0") + code


def out8(port, value):
    return b"\x66\xba" + struct.pack("<H", port) + b"\xb0" + bytes([value]) + b"\xee"


def out16(port, value):
    return (b"\x66\xba" + struct.pack("<H", port) + b"\x66\xb8" + struct.pack("<H", value)
            + b"\x66\xef")


def say(text):
    return b"".join(out8(0x3F8, c) for c in text.encode())


HALT = b"\xfa\xf4\xeb\xfd"  # cli; hlt; jmp back to hlt
SPIN = out8(0x80, 0) + b"\xeb" + struct.pack("b", -len(out8(0x80, 0)) - 2)  # writes for ever
POWER_OFF = out16(0x604, 0x2000 | 5 << 10) + HALT
RESET = out8(0xCF9, 6) + HALT
PANIC_PORT = out8(0x505, 1) + HALT
# What Linux leaves behind when it restarts because of a panic: "warm" at 0x472.
PANIC_RESET = b"\x66\xc7\x05" + struct.pack("<IH", 0x472, 0x1234) + RESET
# lidt with a limit of 0, then an interrupt: nothing can be delivered, three times over.
TRIPLE_FAULT = b"\x0f\x01\x1d" + struct.pack("<I", BASE + 0x100) + b"\xcc" + HALT
# Counts its starts in RAM; the first two end in a reset, the third in a power-off.
TWO_RESETS = (say("boot ") + b"\xff\x05" + struct.pack("<I", COUNTER)
              + b"\x83\x3d" + struct.pack("<IB", COUNTER, 3)
              + b"\x74" + bytes([len(RESET)]) + RESET + POWER_OFF)
# Sends back what it reads from the serial port, and powers off at a 'q'.
ECHO = (say("ready\n")
        + b"\x66\xba\xfd\x03\xec\xa8\x01\x74\xf7"   # wait: mov dx,0x3fd; in al,dx; test al,1; jz wait
        + b"\x66\xba\xf8\x03\xec\xee"              # mov dx,0x3f8; in al,dx; out dx,al
        + b"\x3c\x71\x75\xed" + POWER_OFF)         # cmp al,'q'; jne wait
