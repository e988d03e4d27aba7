"""ctf.py VERSION OUT - writes a .SUNW_ctf section (compressed, version 2 or 3) with the structures on standard input: lines of
offset, size, structure.member. All members are arrays of bytes. Source: FreeBSD's ctf(5)."""
import struct
import sys
import zlib

version = int(sys.argv[1])
word = "H" if version == 2 else "I"
shift = 11 if version == 2 else 26
strings, types = b"\0", b""


def name(text):
    global strings
    at = len(strings)
    strings += text.encode() + b"\0"
    return at


def head(text, kind, parts, size):
    return struct.pack("<I" + 2 * word, name(text) if text else 0, kind << shift | parts, size)


structures = {}
for line in sys.stdin:
    offset, size, member = line.split()[:3]
    structure, member = member.split(".")
    structures.setdefault(structure, []).append((member, int(offset), int(size)))

types += head("char", 1, 0, 1) + struct.pack("<I", 8)
number, arrays = 1, {}
for size in sorted({size for members in structures.values() for _, _, size in members}):
    types += head("", 4, 0, 0) + struct.pack("<" + 2 * word + "I", 1, 1, size)
    number += 1
    arrays[size] = number
for structure, members in structures.items():
    types += head(structure, 6, len(members), max(offset + size for _, offset, size in members))
    for member, offset, size in members:
        types += struct.pack("<I" + 2 * word, name(member), arrays[size], 8 * offset)

body = zlib.compress(types + strings)
with open(sys.argv[2], "wb") as out:
    out.write(struct.pack("<HBB8I", 0xCFF1, version, 1, 0, 0, 0, 0, 0, 0, len(types), len(strings)) + body)
