#!/usr/bin/env python3
"""coverage.py - gcov's numbers of build/coverage as a table of rooms (scripts/coverage)."""
import collections
import glob
import json
import os
import subprocess
import sys

BUILD = "build/coverage"
LOW = 50
# Not in the program: what runs in guests.
GUESTS = ("bios", "guests")


def gcov(notes):
    """Yields (file, line, count) of the objects whose .gcno files these are."""
    run = subprocess.run(["gcov", "--stdout", "--json-format", *notes], capture_output=True, text=True, check=False)
    for line in run.stdout.splitlines():
        for f in json.loads(line)["files"]:
            name = os.path.relpath(f["file"])
            for l in f["lines"]:
                yield name, l["line_number"], l["count"]


def read():
    """{file: {line: count}} of all our sources that are compiled into the library and the commands."""
    files = collections.defaultdict(dict)
    notes = [p for p in glob.glob(f"{BUILD}/**/*.gcno", recursive=True) if "/tests/" not in p]
    for i in range(0, len(notes), 50):
        for name, line, count in gcov(notes[i : i + 50]):
            if not name.startswith(("..", "/", "build/", "tests/", *GUESTS)):
                files[name][line] = max(count, files[name].get(line, 0))
    return files


def room_of(name):
    return os.path.dirname(name).removesuffix("/private")


def percent(ran, lines):
    return 100 * ran / lines if lines else 100


def row(name, lines, ran, mark=""):
    print(f"{name:32} {lines:7} {ran:7} {percent(ran, lines):6.1f} %{mark}")


def table(files):
    """By room; and what it was made of, in coverage.tsv."""
    per = collections.defaultdict(lambda: [0, 0])
    with open(f"{BUILD}/coverage.tsv", "w", encoding="utf-8") as out:
        for name, lines in sorted(files.items()):
            ran = sum(1 for n in lines.values() if n)
            per[room_of(name)][0] += len(lines)
            per[room_of(name)][1] += ran
            out.write(f"{room_of(name)}\t{name}\t{len(lines)}\t{ran}\n")
    print(f"{'room':32} {'lines':>7} {'ran':>7}")
    for name, (lines, ran) in sorted(per.items()):
        row(name, lines, ran, "  <" if percent(ran, lines) < LOW else "")
    row("all", sum(v[0] for v in per.values()), sum(v[1] for v in per.values()))


def of_room(files, room):
    for name, lines in sorted(files.items()):
        if room_of(name) == room:
            row(name, len(lines), sum(1 for n in lines.values() if n))


def missed(files, name):
    with open(name, encoding="utf-8", errors="replace") as src:
        text = src.read().splitlines()
    for line, count in sorted(files.get(name, {}).items()):
        if not count:
            print(f"{line:6}  {text[line - 1]}")


def main():
    files = read()
    if not files:
        sys.exit(f"scripts/coverage: nothing was built in {BUILD}: run `make coverage`")
    if sys.argv[1:2] == ["--files"]:
        of_room(files, sys.argv[2])
    elif sys.argv[1:2] == ["--lines"]:
        missed(files, sys.argv[2])
    else:
        table(files)


main()
