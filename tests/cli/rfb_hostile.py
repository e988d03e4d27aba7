#!/usr/bin/env python3
"""rfb_hostile.py HOST:PORT SECONDS - viewers that do what no viewer should, one after the other and all at once, for about so long. What
the server answers does not matter; it must end each connection, or go on serving it."""
import os
import random
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import rfb


def connect(place):
    s = socket.create_connection(place, 10)
    s.settimeout(10)
    return s


def quiet(work):
    def guarded(*args):
        try:
            work(*args)
        except (OSError, rfb.Refused, struct.error):
            pass
    return guarded


@quiet
def half_open(place, random, end):
    held = [connect(place) for _ in range(20)]
    held[0].sendall(b"RFB 003.0")
    time.sleep(max(0, end - time.time()))


@quiet
def garbage(place, random, end):
    while time.time() < end:
        try:
            s = connect(place)
            s.sendall(random.choice([b"", b"RFB 003.008\n", b"RFB 003.003\n", b"GET / HTTP/1.1\r\n", b"\x16\x03\x01", b"RFB 999.999\n"]) + random.randbytes(random.randrange(2000)))
            s.settimeout(0.1)
            s.recv(100)
            s.close()
        except OSError:
            pass


def let_in(place):
    return rfb.Client(*place)


@quiet
def cut_text(place, random, end):
    while time.time() < end:
        c = let_in(place)
        size = random.choice([0xffffffff, 0x7fffffff, 0x80000000, 1 << 20, (1 << 20) + 1, 100])
        c.wire.send(struct.pack(">BxxxI", 6, size) + bytes(100000))
        time.sleep(0.02)


@quiet
def keys(place, random, end):
    c = let_in(place)
    while time.time() < end:
        c.wire.send(b"".join(struct.pack(">BBxxI", 4, random.randrange(3), random.choice([0x61, 0x41, 0xffe1, 0xff0d, 0xff13, 0xffff, random.getrandbits(32)]))
                             for _ in range(1000)))


@quiet
def pointer(place, random, end):
    c = let_in(place)
    while time.time() < end:
        c.wire.send(b"".join(struct.pack(">BBHH", 5, random.getrandbits(8), random.getrandbits(16), random.getrandbits(16)) for _ in range(1000)))


@quiet
def formats(place, random, end):
    while time.time() < end:
        c = let_in(place)
        for _ in range(20):
            c.wire.send(struct.pack(">Bxxx", 0) + random.randbytes(16))
            c.wire.send(struct.pack(">BxH", 2, 40) + random.randbytes(160))
            c.wire.send(struct.pack(">BBHHHH", 3, random.randrange(2), *[random.getrandbits(16) for _ in range(4)]))
        c.wire.sock.settimeout(0.05)
        c.wire.sock.recv(65536)


@quiet
def messages(place, random, end):
    """Any message, known or not: scaling, file transfer, chat, sizes."""
    while time.time() < end:
        c = let_in(place)
        c.wire.send(bytes([random.choice([7, 8, 10, 11, 12, 14, 15, 248, 249, 250, 251, 252, 253, 254, 255, random.getrandbits(8)])]) + random.randbytes(3000))
        time.sleep(0.02)


@quiet
def never_reads(place, random, end):
    c = let_in(place)
    while time.time() < end:
        c.ask(False)
        time.sleep(0.01)


@quiet
def vanishes(place, random, end):
    while time.time() < end:
        c = let_in(place)
        c.half("Shift", 1)
        c.half("a", 1)
        c.wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.wire.sock.close()


def main():
    host, port = sys.argv[1].rsplit(":", 1)
    end = time.time() + float(sys.argv[2])
    kinds = [half_open, garbage, cut_text, keys, pointer, formats, messages, never_reads, vanishes]
    threads = [threading.Thread(target=k, args=((host, int(port)), random.Random(i), end), daemon=True) for i, k in enumerate(kinds)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(max(0.1, end + 5 - time.time()))
    return 0


sys.exit(main())
