#!/usr/bin/env python3
"""efi-lists.py CONSOLE FOLDER: what OVMF's shell prints of its handles, drivers, memory map and variables, against what bootreel reads from
memory at these positions (FOLDER/handles, drivers, map, variables)."""
import re
import sys

console = re.sub(r"\x1b\[[0-9;=?]*[A-Za-z]", "", open(sys.argv[1], encoding="latin1").read()).replace("\r", "")
lines = console.split("\n")
bad = []


def mine(name):
    return open("%s/%s" % (sys.argv[2], name)).read().split("\n")


def equal(what, shells, own):
    for only, where in ((shells - own, "the shell's"), (own - shells, "bootreel's")):
        for row in sorted(only)[:3]:
            bad.append("%s: only %s: %s" % (what, where, row))
    if len(shells) < 10:
        bad.append("%s: the shell lists %d" % (what, len(shells)))


# Drivers: number, version, devices, children, image.
number = lambda text: 0 if text == "-" else int(text)
rows = (re.match(r"^([0-9A-F]+) ([0-9A-F]{8}) [?BD] [X-] [X-] +(\S+) +(\S+) .* (\S+)$", l) for l in lines)
shells = {(int(m[1], 16), m[2], number(m[3]), number(m[4]), m[5]) for m in rows if m}
rows = (re.match(r"^ *(\d+)  0x\S+  version (\S+)  devices (\d+) +children (\d+) +(\S+)$", l) for l in mine("drivers"))
equal("drivers", shells, {(int(m[1]), m[2], int(m[3]), int(m[4]), m[5]) for m in rows if m})

# Handles, by the addresses of their protocols' interfaces: dh -v. Device paths have numbers in brackets too: so each of ours has to be
# among the shell's, and each handle.
shells, own, handle = set(), set(), 0
for line in lines[lines.index("Handle dump"):]:
    m = re.match(r"^([0-9A-F]{2,3}): ", line)
    handle = int(m[1], 16) if m else handle
    if line.startswith("Type  "):
        break
    shells |= {(handle, int(a, 16)) for a in re.findall(r"[0-9A-Za-z]\(([0-9A-F]+)\)", line)}
for line in mine("handles"):
    m = re.match(r"^ *(\d+)  0x", line)
    handle = int(m[1]) if m else handle
    m = re.match(r"^ {6}\S+ 0x([0-9a-f]+)$", line)
    if m:
        own.add((handle, int(m[1], 16)))
equal("handles", own & shells, own)
equal("numbers of handles", {h for h, _ in shells}, {h for h, _ in own})

# The memory map. Free memory is that which is left: only what is used is compared. A range may be part of one of the shell's, which
# shows what is set aside for a type as used; and the lowest one grows while the map is printed.
types = {"EfiBootServicesCode": "BS_Code", "EfiBootServicesData": "BS_Data", "EfiLoaderCode": "LoaderCode", "EfiLoaderData": "LoaderData",
         "EfiRuntimeServicesCode": "RT_Code", "EfiRuntimeServicesData": "RT_Data", "EfiReservedMemoryType": "Reserved",
         "EfiACPIReclaimMemory": "ACPI_Recl", "EfiACPIMemoryNVS": "ACPI_NVS"}
ranges = [(int(m[2], 16), int(m[3], 16), m[1])
          for m in (re.match(r"^(\w+) +([0-9A-F]{16})-([0-9A-F]{16}) [0-9A-F]{16} ", l) for l in lines) if m]
used = [(int(m[1], 16), int(m[2], 16), types.get(m[3], m[3]))
        for m in (re.match(r"^([0-9a-f]+)-([0-9a-f]+) .* (\S+)$", l) for l in mine("map")) if m and m[3] != "EfiConventionalMemory"]
for begin, end, kind in used:
    if not any((b <= begin or end == e) and end <= e and kind == k for b, e, k in ranges):
        bad.append("map: %x-%x %s is not in the shell's" % (begin, end, kind))
if len(used) < 20:
    bad.append("map: %d ranges are used" % len(used))

# Variables: name, GUID where the shell prints its digits, size and content.
shells, own, key = {}, {}, None
for line in lines:
    m = re.match(r"^Variable \S+ '([^:]+):(.*)' DataSize = 0x([0-9A-F]+)$", line)
    d = re.match(r"^  [0-9A-F]{8}: ((?:[0-9A-F]{2}[ -])+) *\*", line)
    if m:
        key = (m[2], m[1].lower() if m[1].count("-") == 4 else "", int(m[3], 16))
        shells[key] = ""
    elif d and key:
        shells[key] += re.sub("[ -]", "", d[1]).lower()
for line in mine("variables"):
    m = re.match(r"^(\S.*)-([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})(  \S+)?  \S+  (\d+) bytes$", line)
    d = re.match(r"^ {6}[0-9a-f]{8} ((?: [0-9a-f]{2})+)", line)
    if m:
        key = (m[1], m[2], int(m[4]))
        own[key] = ""
    elif d:
        own[key] += d[1].replace(" ", "")
named = {(n, g if any(k[:2] == (n, g) for k in shells) else "", s): v for (n, g, s), v in own.items()}
late = {k for k in shells if "lasterror" in k[0]}  # the shell's own, which it sets at the end of each command
equal("variables", {(k, v) for k, v in shells.items() if k not in late}, {(k, v) for k, v in named.items() if k not in late})

for line in bad[:12]:
    print(line)
sys.exit(bool(bad))
