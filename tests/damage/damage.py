#!/usr/bin/env python3
"""damage.py FROM TO SEED [FIRST [LAST]] - a copy of a file with a few random damages between two bytes (default: anywhere): flipped bits, other
numbers, bytes that are missing, twice there, zero or noise, and an end that is missing. The same SEED gives the same copy."""
import random
import sys


def main():
    with open(sys.argv[1], "rb") as f:
        data = bytearray(f.read())
    r = random.Random(int(sys.argv[3]))
    first = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    last = min(len(data), int(sys.argv[5])) if len(sys.argv) > 5 else len(data)

    def place():
        return r.randrange(first, max(first + 1, min(last, len(data))))

    def piece():
        at = place()
        return at, min(len(data), at + r.choice([1, 2, 4, 16, 512, 5000]))

    def flip():
        data[place()] ^= 1 << r.randrange(8)

    def number():
        width = r.choice([1, 2, 4, 8])
        value = r.choice([0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, (1 << 63) - 1, (1 << 64) - 1])
        at = place()
        data[at:at + width] = (value & (1 << 8 * width) - 1).to_bytes(width, r.choice(["little", "big"]))

    def missing():
        a, b = piece()
        del data[a:b]

    def twice():
        a, b = piece()
        data[a:a] = data[a:b]

    def zero():
        a, b = piece()
        data[a:b] = bytes(b - a)

    def noise():
        a, b = piece()
        data[a:b] = r.randbytes(b - a)

    def moved():
        a, b = piece()
        to = place()
        data[to:to + b - a] = data[a:b]

    def end():
        del data[place():]

    for _ in range(r.choice([1, 1, 1, 2, 4])):
        if len(data) > first:
            r.choice([flip, flip, flip, number, number, missing, twice, zero, noise, moved, end])()
    with open(sys.argv[2], "wb") as f:
        f.write(data)


main()
