#!/usr/bin/env python3
"""gpt.py FILE: makes a disk of 8 MB with a GUID partition table (UEFI 2.10, 5.3) whose only partition, of 6 MB from byte 1048576 on, is an
EFI system partition. The header of the backup has a wrong checksum."""
import struct
import sys
import uuid
import zlib

SECTORS, FIRST, LAST = 16384, 2048, 14335
SYSTEM = uuid.UUID("c12a7328-f81f-11d2-ba4b-00c04fc93ec9").bytes_le
entries = (SYSTEM + bytes(range(16)) + struct.pack("<QQQ", FIRST, LAST, 0) + "system".encode("utf-16le")).ljust(128 * 128, b"\0")


def header(at, other, table):
    fields = [b"EFI PART", 0x10000, 92, 0, 0, at, other, 34, SECTORS - 34, bytes(range(16, 32)), table, 128, 128, zlib.crc32(entries)]
    form = "<8sIIIIQQQQ16sQIII"
    fields[3] = zlib.crc32(struct.pack(form, *fields))
    return bytearray(struct.pack(form, *fields))


with open(sys.argv[1], "wb") as f:
    f.truncate(SECTORS * 512)
    f.seek(446)
    f.write(bytes([0, 0, 2, 0, 0xEE, 0xFF, 0xFF, 0xFF]) + struct.pack("<II", 1, SECTORS - 1) + bytes(48) + b"\x55\xaa")
    f.write(header(1, SECTORS - 1, 2).ljust(512, b"\0") + entries)
    backup = header(SECTORS - 1, 1, SECTORS - 33)
    backup[16] ^= 1
    f.seek((SECTORS - 33) * 512)
    f.write(entries + backup)
