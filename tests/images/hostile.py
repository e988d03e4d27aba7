"""hostile.py BOOTREEL COUNT SEED - damaged and hostile images of each format, in the present folder, which has one good image of each (good/*).

Each is recorded for a moment under strace. It must end in time, by an exit status of its own, with at most one line on standard error; and neither
bootreel nor qemu-nbd may open, or even ask for, what is outside of the image's folder, or connect to anything. Prints what failed, and the
counts; exit status 1 if anything failed. The same seed gives the same images.
"""
import os
import random
import re
import struct
import subprocess
import sys

program, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
dice = random.Random(seed)
here = os.getcwd()
SECONDS = 120
# What a name in an image could lead to. It is not there: asking for it would show in strace's log all the same.
SECRET = os.path.join(os.path.dirname(here), "elsewhere", "secret")
NAMES = [SECRET, "../elsewhere/secret", "a/../../elsewhere/secret", "link", "nbd://127.0.0.1/x", "ssh://127.0.0.1" + SECRET, "fat:" + SECRET,
         'json:{"driver":"file","filename":"%s"}' % SECRET, "/dev/zero", "image", "", "x" * 600]
EDGES = [0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x200, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, (1 << 62), (1 << 63) - 1, (1 << 64) - 1]


def change_bytes(b):
    for _ in range(dice.randint(1, 8)):
        b[place(b)] = dice.randrange(256)


def change_number(b):
    """A number of any width and order, mostly in the header."""
    for _ in range(dice.randint(1, 3)):
        width, at = dice.choice([2, 4, 8]), place(b) & ~3
        value = dice.choice(EDGES) & ((1 << 8 * width) - 1)
        b[at:at + width] = value.to_bytes(width, dice.choice(["little", "big"]))


def cut(b):
    del b[dice.randrange(1, len(b)):]


def grow(b):
    b += bytes(dice.choice([1, 511, 512, 65536]))


def copy_part(b):
    n = dice.choice([8, 64, 512, 4096])
    at, to = dice.randrange(len(b)), dice.randrange(len(b))
    b[to:to + n] = b[at:at + n]


def name_in_text(b):
    """Another name where the image has one."""
    found = list(re.finditer(rb'"([^"\n]{1,200})"', bytes(b[:65536])))
    if not found:
        return name_anywhere(b)
    part = dice.choice(found)
    b[part.start(1):part.end(1)] = dice.choice(NAMES).encode()


def name_anywhere(b):
    """As qcow2 has the name of what it is based on: where it is, and its length, in the header."""
    name = dice.choice(NAMES).encode()
    at = dice.choice([104, 512, 1024, 4096])
    b[at:at + len(name)] = name
    if b[:3] == b"QFI":
        b[8:20] = struct.pack(">QI", at, len(name))


def extents(b):
    """A descriptor with a line that means one thing to one reader and another to another."""
    line = dice.choice(['RW 4 FLAT "%s" 0', 'RW\t4\tFLAT\t"%s"\t0', 'RW\n4 FLAT "%s" 0', '\vRW 4 FLAT "%s" 0', 'RW 4\rFLAT "%s" 0', 'RW 4 SPARSE "%s"',
                        'RW 4 VMFS "%s"', 'RW 4 "FLAT" "%s" 0', ' RW 4 FLAT "%s" 0', 'RW +4 FLAT "%s" 0', 'RW 4 FLAT"%s" 0', "RW 4 FLAT '%s' 0"])
    text = ('# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType="%s"\n' %
            dice.choice(["monolithicFlat", "twoGbMaxExtentSparse", "vmfs", "monolithicSparse"]))
    text += "#" * dice.choice([0, 0, 70000, 1 << 20]) + "\n" + line % dice.choice(NAMES) + "\n"
    if dice.random() < 0.3:
        sparse = b"KDMV" + struct.pack("<IIQQQQIQQQB4s", 1, 3, dice.choice([0, 2048]), 128, 1, 20, 512, 0, 0, 128, 0, b"\n \r\n")
        b[:] = (sparse.ljust(512, b"\0") + text.encode()).ljust(65536, b"\0")
    else:
        b[:] = text.encode()


def place(b):
    return dice.randrange(min(len(b), dice.choice([64, 112, 512, 4096, len(b)])))


CHANGES = [change_bytes, change_number, change_number, change_number, cut, grow, copy_part, name_in_text, name_anywhere]


def make(number):
    """Writes the image; returns how it was made."""
    sources = sorted(os.listdir("good"))
    source = sources[number % len(sources)]
    with open(os.path.join("good", source), "rb") as f:
        b = bytearray(f.read())
    chosen = [extents] if source.endswith(".vmdk") and dice.random() < 0.3 else dice.sample(CHANGES, dice.choice([1, 1, 2, 3]))
    for change in chosen:
        if b:
            change(b)
    with open("image", "wb") as f:
        f.write(b or b"x")
    return "%s, %s" % (source, " ".join(c.__name__ for c in chosen))


OPENS = re.compile(r'(?:open|openat|openat2|stat|execve|readlink|access|faccessat2?|newfstatat)\((?:AT_FDCWD, )?"([^"]*)"')


def outside(log):
    """What of the log is none of the image's business."""
    found = []
    for line in log:
        if "elsewhere" in line and "execve(" not in line:
            found.append(line.strip()[:200])
        elif "connect(" in line and "AF_UNIX" not in line and "-1 E" not in line:
            found.append(line.strip()[:200])
        elif re.search(r'open(at)?\([^"]*"/dev/zero"', line):
            found.append(line.strip()[:200])
    return found


def try_one():
    """What is wrong with the outcome, or nothing."""
    said = None
    try:
        said = subprocess.run(
            ["strace", "-f", "-qq", "-o", "log", "-e", "trace=open,openat,openat2,connect", program, "record", "-q", "--console=none", "--disk", "image",
             "-o", "out.reel", "--until", "300k"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return ["it hangs"], None
    wrong = []
    if said.returncode not in (0, 1, 2):
        wrong.append("exit status %d" % said.returncode)
    lines = said.stderr.decode(errors="replace").splitlines()
    if said.returncode == 2 and (len(lines) != 1 or not lines[0].startswith("bootreel: ")):
        wrong.append("it says: %r" % lines[:3])
    if said.returncode == 2 and os.path.exists("out.reel"):
        wrong.append("a trace is left")
    with open("log", errors="replace") as f:
        wrong += outside(f)
    return wrong, said.returncode


def main():
    failures, statuses = 0, {}
    for number in range(count):
        how = make(number)
        wrong, status = try_one()
        statuses[status] = statuses.get(status, 0) + 1
        if wrong:
            failures += 1
            kept = "failed-%d" % number
            os.rename("image", kept)
            for what in wrong:
                print("%s (%s): %s" % (kept, how, what))
        for f in ("out.reel", "image"):
            if os.path.exists(f):
                os.remove(f)
    print("hostile: %d images; %s; %d failed" % (count, ", ".join("%d ended with %s" % (n, s) for s, n in sorted(statuses.items(), key=str)), failures))
    return failures > 0


sys.exit(main())
