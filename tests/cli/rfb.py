#!/usr/bin/env python3
"""rfb.py - a small VNC client for tests (RFC 6143), of our own: rfb.py [--password P] [--websocket] HOST:PORT COMMAND...

  size WIDTH HEIGHT     waits until the screen has this size
  still SECONDS         waits until the screen has not changed for so long
  changed               waits until the screen has changed since the last `shot`, `still` or `changed`
  shot FILE             writes the screen as a PPM file
  type TEXT             presses and releases a key for each character
  key NAME              ... one key: a name below, or a character; Ctrl-x for two
  down NAME, up NAME    ... one half of that
  move X Y              moves the pointer there
  crawl X Y             moves it there from (0, 0), so slowly that no guest accelerates a mouse
  pixel X Y RRGGBB      waits until the pixel has this colour
  click X Y [MASK]      moves there, presses and releases (1 left, 2 middle, 4 right, 8 and 16: the wheel)
  sleep SECONDS
  vanish                ends without a word

Exit status 1: refused or timed out."""
import base64
import os
import select
import socket
import struct
import sys
import time

LIMIT = float(os.environ.get("RFB_LIMIT", "60"))
KEYS = {"BackSpace": 0xff08, "Tab": 0xff09, "Return": 0xff0d, "Escape": 0xff1b, "Home": 0xff50, "Left": 0xff51, "Up": 0xff52,
        "Right": 0xff53, "Down": 0xff54, "PageUp": 0xff55, "PageDown": 0xff56, "End": 0xff57, "Insert": 0xff63, "Delete": 0xffff,
        "Shift": 0xffe1, "Ctrl": 0xffe3, "Alt": 0xffe9, "Super": 0xffeb, "Pause": 0xff13, "CapsLock": 0xffe5, "AltGr": 0xfe03}
KEYS.update({"F%d" % i: 0xffbd + i for i in range(1, 13)})


def bits(n, size):
    return [n >> (size - 1 - i) & 1 for i in range(size)]


def number(b):
    n = 0
    for i in b:
        n = n << 1 | i
    return n


# DES (FIPS 46-3), which RFB's password needs, and which the standard library does not have.
IP = [(58 if i < 32 else 49) - 8 * (i % 8) + 2 * (i // 8) for i in range(64)]
FP = [IP.index(i + 1) + 1 for i in range(64)]
E = [((4 * (i // 6) + i % 6 - 1) % 32) + 1 for i in range(48)]
P = [16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10, 2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25]
PC1 = [57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36,
       63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4]
PC2 = [14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2,
       41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32]
SHIFTS = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1]
S = ["e4d12fb83a6c59070f74e2d1a6cb953841e8d62bfc973a50fc8249175b3ea06d", "f18e6b34972dc05a3d47f28ec01a69b50e7ba4d158c6932fd8a13f42b67c05e9",
     "a09e63f51dc7b428d709346a285ecbf1d6498f30b12c5ae71ad069874fe3b52c", "7de3069a1285bc4fd8b56f03472c1ae9a690cb7df13e52843f06a1d8945bc72e",
     "2c417ab6853fd0e9eb2c47d150fa3986421bad78f9c5630eb8c71e2d6f09a453", "c1af92680d34e75baf427c9561de0b389ef528c3704a1db6432c95fabe17608d",
     "4b2ef08d3c975a61d0b7491ae35c2f8614bdc37eaf6805926bd814a7950fe23c", "d2846fb1a93e50c71fd8a374c56b0e927b419ce206adf35821e74a8dfc90356b"]


def des(key, block):
    pick = lambda table, b: [b[i - 1] for i in table]
    k = pick(PC1, bits(int.from_bytes(key, "big"), 64))
    keys = []
    c, d = k[:28], k[28:]
    for s in SHIFTS:
        c, d = c[s:] + c[:s], d[s:] + d[:s]
        keys.append(pick(PC2, c + d))
    b = pick(IP, bits(int.from_bytes(block, "big"), 64))
    left, right = b[:32], b[32:]
    for k in keys:
        x = [i ^ j for i, j in zip(pick(E, right), k)]
        out = []
        for i in range(8):
            g = x[6 * i:6 * i + 6]
            out += bits(int(S[i][number([g[0], g[5]]) * 16 + number(g[1:5])], 16), 4)
        left, right = right, [i ^ j for i, j in zip(left, pick(P, out))]
    return number(pick(FP, right + left)).to_bytes(8, "big")


class Refused(Exception):
    pass


class Wire:
    """A connection, by WebSocket (RFC 6455) if asked for."""

    def __init__(self, host, port, websocket=False):
        self.sock = socket.create_connection((host, port), LIMIT)
        self.sock.settimeout(LIMIT)
        self.websocket = websocket
        self.held = b""
        if websocket:
            self.sock.sendall(b"GET /websockify HTTP/1.1\r\nHost: %b\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                              b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                              b"Sec-WebSocket-Protocol: binary\r\nOrigin: http://localhost\r\n\r\n" % host.encode())
            head = b""
            while b"\r\n\r\n" not in head:
                head += self.raw(1)
            if b"101" not in head.split(b"\r\n")[0] or b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" not in head:
                raise Refused(head.decode("latin-1"))

    def raw(self, n):
        data = b""
        while len(data) < n:
            more = self.sock.recv(n - len(data))
            if not more:
                raise Refused("the connection was closed")
            data += more
        return data

    def frame(self):
        first, size = self.raw(2)
        size &= 0x7f
        if size == 126:
            size = struct.unpack(">H", self.raw(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", self.raw(8))[0]
        if first & 15 == 8:
            raise Refused("the connection was closed")
        data = self.raw(size)
        return base64.b64decode(data) if first & 15 == 1 else data

    def read(self, n):
        if not self.websocket:
            return self.raw(n)
        while len(self.held) < n:
            self.held += self.frame()
        data, self.held = self.held[:n], self.held[n:]
        return data

    def send(self, data):
        if self.websocket:
            mask = b"\x11\x22\x33\x44"
            head = bytes([0x82]) + (bytes([0x80 | len(data)]) if len(data) < 126 else bytes([0xfe]) + struct.pack(">H", len(data)))
            data = head + mask + bytes(c ^ mask[i % 4] for i, c in enumerate(data))
        self.sock.sendall(data)

    def waits(self, seconds):
        return bool(self.held) or bool(select.select([self.sock], [], [], seconds)[0])


class Client:
    def __init__(self, host, port, password=None, websocket=False):
        self.wire = Wire(host, port, websocket)
        w = self.wire
        if w.read(12) != b"RFB 003.008\n":
            raise Refused("version")
        w.send(b"RFB 003.008\n")
        kinds = w.read(w.read(1)[0])
        kind = 2 if password is not None else 1
        if kind not in kinds:
            raise Refused("security types %r" % kinds)
        w.send(bytes([kind]))
        if kind == 2:
            key = bytes(number(reversed(bits(c, 8))) for c in password.encode()[:8].ljust(8, b"\0"))
            challenge = w.read(16)
            w.send(des(key, challenge[:8]) + des(key, challenge[8:]))
        if struct.unpack(">I", w.read(4))[0]:
            raise Refused(w.read(struct.unpack(">I", w.read(4))[0]).decode())
        w.send(b"\1")
        self.width, self.height = struct.unpack(">HH", w.read(4))
        w.read(16)
        w.read(struct.unpack(">I", w.read(4))[0])
        # 32 bits, 0x00RRGGBB; raw, new sizes
        w.send(struct.pack(">BxxxBBBBHHHBBBxxx", 0, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0))
        w.send(struct.pack(">BxHii", 2, 2, 0, -223))
        self.pixels = bytearray(self.width * self.height * 4)
        self.new = True
        self.asked = False
        self.ask(False)

    def ask(self, incremental=True):
        self.wire.send(struct.pack(">BBHHHH", 3, incremental, 0, 0, self.width, self.height))
        self.asked = True

    def rectangle(self):
        x, y, w, h, kind = struct.unpack(">HHHHi", self.wire.read(12))
        if kind == -223:
            self.width, self.height = w, h
            self.pixels = bytearray(w * h * 4)
            return True
        if kind:
            raise Refused("encoding %d was not asked for" % kind)
        data = self.wire.read(w * h * 4)
        for i in range(h):
            at = ((y + i) * self.width + x) * 4
            self.pixels[at:at + w * 4] = data[i * w * 4:(i + 1) * w * 4]
        return False

    def message(self):
        kind = self.wire.read(1)[0]
        if kind == 0:
            n = struct.unpack(">xH", self.wire.read(3))[0]
            before, fresh = bytes(self.pixels), False
            for _ in range(n):
                fresh |= self.rectangle()
            self.new |= fresh or before != self.pixels
            self.ask(not fresh)
        elif kind == 3:
            self.wire.read(3)
            self.wire.read(struct.unpack(">I", self.wire.read(4))[0])
        elif kind != 2:
            raise Refused("message %d" % kind)

    def run(self, seconds):
        """Takes what comes in that time; or until the screen changes."""
        end = time.time() + seconds
        while (left := end - time.time()) > 0 and self.wire.waits(left):
            self.message()
            if self.new:
                return

    def until(self, condition, what):
        end = time.time() + LIMIT
        while not condition():
            if time.time() > end:
                raise Refused("timed out: " + what)
            self.new = False
            self.run(0.1)

    def still(self, seconds):
        end = time.time() + LIMIT
        while time.time() < end:
            self.new = False
            self.run(seconds)
            if not self.new:
                return
        raise Refused("timed out: the screen does not stay still")

    def sleep(self, seconds):
        end = time.time() + seconds
        while time.time() < end:
            self.new = False
            self.run(max(end - time.time(), 0.001))

    def pixel(self, x, y):
        at = (y * self.width + x) * 4
        return int.from_bytes(self.pixels[at:at + 3], "little")

    def changed(self):
        end = time.time() + LIMIT
        while not self.new:
            if time.time() > end:
                raise Refused("timed out: the screen does not change")
            self.run(0.1)
        self.new = False

    def half(self, name, down):
        self.wire.send(struct.pack(">BBxxI", 4, down, KEYS[name] if name in KEYS else ord(name)))

    def key(self, name):
        names = name.split("-") if len(name) > 1 else [name]
        for n in names:
            self.half(n, 1)
        for n in reversed(names):
            self.half(n, 0)

    def move(self, x, y, mask=0):
        self.wire.send(struct.pack(">BBHH", 5, mask, x, y))

    def shot(self, path):
        self.new = False
        with open(path, "wb") as f:
            f.write(b"P6 %d %d 255\n" % (self.width, self.height))
            out = bytearray(self.width * self.height * 3)
            out[0::3], out[1::3], out[2::3] = self.pixels[2::4], self.pixels[1::4], self.pixels[0::4]
            f.write(out)


def run(c, words):
    word = words.pop(0)
    if word == "size":
        w, h = int(words.pop(0)), int(words.pop(0))
        c.until(lambda: (c.width, c.height) == (w, h), "the screen has %d x %d" % (c.width, c.height))
    elif word == "still":
        c.still(float(words.pop(0)))
    elif word == "changed":
        c.changed()
    elif word == "shot":
        c.run(0.3)
        c.shot(words.pop(0))
    elif word == "type":
        for ch in words.pop(0):
            c.key({"\n": "Return", "\t": "Tab"}.get(ch, ch))
    elif word == "key":
        c.key(words.pop(0))
    elif word in ("down", "up"):
        c.half(words.pop(0), word == "down")
    elif word == "crawl":
        x, y, at = int(words.pop(0)), int(words.pop(0)), [0, 0]
        c.move(0, 0)
        c.sleep(2)
        while at != [x, y]:
            at = [min(at[0] + 40, x), min(at[1] + 40, y)]
            c.move(*at)
            c.sleep(0.3)
    elif word == "pixel":
        x, y, colour = int(words.pop(0)), int(words.pop(0)), int(words.pop(0), 16)
        c.until(lambda: x < c.width and y < c.height and c.pixel(x, y) == colour, "the pixel has another colour")
    elif word in ("move", "click"):
        x, y = int(words.pop(0)), int(words.pop(0))
        c.move(x, y)
        if word == "click":
            mask = int(words.pop(0)) if words and words[0].isdigit() else 1
            c.move(x, y, mask)
            c.move(x, y)
    elif word == "sleep":
        c.sleep(float(words.pop(0)))
    elif word == "vanish":
        os._exit(0)
    else:
        raise SystemExit("rfb.py: %s?" % word)


def main(words):
    password, websocket = None, False
    while words and words[0].startswith("--"):
        option = words.pop(0)
        if option == "--password":
            password = words.pop(0)
        else:
            websocket = option == "--websocket"
    host, port = words.pop(0).rsplit(":", 1)
    try:
        c = Client(host, int(port), password, websocket)
        while words:
            run(c, words)
    except (Refused, OSError) as e:
        print("rfb.py: %s" % e, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
