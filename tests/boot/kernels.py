"""kernels.py - kernels without symbols or types, for kernels.sh and annotate.sh.

    kernels.py unpack BZIMAGE FILE    the kernel in it, with its kallsyms broken: the names of digits are gone from the table of tokens
    kernels.py untyped BZIMAGE FILE   the kernel in it, with its BTF broken: the magic number in its header is gone
    kernels.py map BIAS < SYMBOLS     `bootreel symbols --all` as a System.map: at link addresses
"""
import struct
import subprocess
import sys

TOOLS = {b"\x28\xb5\x2f\xfd": ["zstd", "-dcq", "--long=31"], b"\xfd7zX": ["xz", "-dc"]}


def kernel_in(bzimage):
    """payload_offset and payload_length of the boot protocol's header; behind it is its size."""
    data = open(bzimage, "rb").read()
    begin = (data[0x1F1] + 1) * 512
    offset, length = struct.unpack_from("<II", data, 0x248)
    packed = data[begin + offset : begin + offset + length - 4]
    return subprocess.run(TOOLS[packed[:4]], input=packed, stdout=subprocess.PIPE, check=True).stdout


def unpack(bzimage, out):
    digits = b"\0" + b"".join(b"%d\0" % i for i in range(10))
    open(out, "wb").write(kernel_in(bzimage).replace(digits, b"\0O" + digits[2:]))


def untyped(bzimage, out):
    """Magic, version, flags, length of the header."""
    header = struct.pack("<HBBI", 0xEB9F, 1, 0, 24)
    image = kernel_in(bzimage)
    assert header in image, "the kernel has no BTF"
    open(out, "wb").write(image.replace(header, bytes(len(header))))


def system_map(bias):
    for line in sys.stdin:
        words = line.split()
        address = int(words[0], 16)
        if words[-1] == "[kernel]":
            print("%016x %s %s" % (address - (bias if address >= 1 << 63 else 0), words[-3], words[-2]))


if sys.argv[1] == "unpack":
    unpack(*sys.argv[2:])
elif sys.argv[1] == "untyped":
    untyped(*sys.argv[2:])
else:
    system_map(int(sys.argv[2], 16))
