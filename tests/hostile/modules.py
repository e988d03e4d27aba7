#!/usr/bin/env python3
"""modules.py - copies of a kernel module with hostile names: modules.py MODULE.ko FOLDER <names, each ended by a zero byte

FOLDER/0.ko has the first name, and so on. The name is in the module's struct module, 24 bytes after the beginning of its section. A module
without its signature taints the kernel; one with a wrong signature would be refused.
"""
import struct
import sys

NAME_AT, NAME_SIZE = 24, 56
SIGNED = b"~Module signature appended~\n"
SECTION = b".gnu.linkonce.this_module"


def section(elf, name):
    """Offset of a section of an ELF64 file."""
    headers, = struct.unpack_from("<Q", elf, 0x28)
    size, count, strings = struct.unpack_from("<HHH", elf, 0x3A)
    at = [headers + k * size for k in range(count)]
    names, = struct.unpack_from("<Q", elf, at[strings] + 0x18)
    for header in at:
        text = names + struct.unpack_from("<I", elf, header)[0]
        if elf[text:elf.index(0, text)] == name:
            return struct.unpack_from("<Q", elf, header + 0x18)[0]
    raise ValueError("no module: it has no section " + name.decode())


with open(sys.argv[1], "rb") as f:
    module = bytearray(f.read().removesuffix(SIGNED))
place = section(module, SECTION) + NAME_AT
for number, name in enumerate(sys.stdin.buffer.read().split(b"\0")[:-1]):
    module[place:place + NAME_SIZE] = name[:NAME_SIZE - 1].ljust(NAME_SIZE, b"\0")
    with open(f"{sys.argv[2]}/{number}.ko", "wb") as f:
        f.write(module)
