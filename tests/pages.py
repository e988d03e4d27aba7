"""pages.py PAGE - runs the sessions of a page of docs/ in the present folder, in the order in which they stand.

```sh      "$ COMMAND" is a shell command. The lines below it are part of what it prints, in this order; "…" stands for anything.
```gdb     the same, where the first command starts gdb and "(gdb) COMMAND" is typed there.
```tui     a script for `bootreel tui TRACE --script`; the trace is that of the last command `bootreel tui TRACE` above.
Other blocks are not run. Exit status 1 if something differs; each difference is a line.
"""
import re
import subprocess
import sys

page = sys.argv[1]
failures = 0
trace = None


def differs(what):
    global failures
    failures += 1
    print("%s: %s" % (page, what))


def blocks(lines):
    """(kind, lines) of each fenced block."""
    kind, inside = None, []
    for line in lines:
        if line.startswith("```") and kind is None:
            kind, inside = line[3:].strip() or "text", []
        elif line.startswith("```"):
            yield kind, inside
            kind = None
        elif kind is not None:
            inside.append(line)


def commands(lines, prompt):
    """[command, the lines expected below it] for each prompt."""
    found = []
    for line in lines:
        if line.startswith(prompt):
            found.append([line[len(prompt):], []])
        elif found and found[-1][0].endswith("\\"):
            found[-1][0] = found[-1][0][:-1] + line
        elif found and line.strip():
            found[-1][1].append(line)
    return found


def check(command, expected, output):
    """The parts of the expected lines, in this order; runs of blanks are one, since columns have the width of their content."""
    said = " ".join(output.split())
    at = 0
    for line in expected:
        for part in line.split("…"):
            part = " ".join(part.split())
            place = said.find(part, at)
            if place < 0:
                differs("%s: does not print \"%s\" there, but:\n%s" % (command, part, output[-1500:]))
                return
            at = place + len(part)


def run(command, text=""):
    done = subprocess.run(["bash", "-c", command], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    return done.stdout


def run_shell(lines):
    global trace
    for command, expected in commands(lines, "$ "):
        shown = re.match(r"bootreel tui (\S+)$", command)
        if shown:
            trace = shown.group(1)
        else:
            check(command, expected, run(command))


def run_gdb(lines):
    start = commands(lines, "$ ")[0][0]
    typed = commands(lines, "(gdb) ")
    mark = "end of command %d"
    text = "".join("%s\necho \\n%s\\n\n" % (c, mark % i) for i, (c, _) in enumerate(typed))
    output = run(start.replace("gdb ", "gdb -nx -q -iex 'set pagination off' -iex 'set width 0' -iex 'set style enabled off' ", 1), text)
    for i, (command, expected) in enumerate(typed):
        before, found, output = output.partition(mark % i)
        if not found:
            differs("gdb ends before: %s:\n%s" % (command, before[-1500:]))
            return
        check(command, expected, before)


def run_tui(lines):
    done = subprocess.run(["bootreel", "tui", trace, "--script", "-", "--size", "120x40"], input="\n".join(lines) + "\n",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    if done.returncode:
        differs("tui: %s" % done.stdout[-1500:])


runners = {"sh": run_shell, "gdb": run_gdb, "tui": run_tui}
count = 0
for kind, lines in blocks(open(page, encoding="utf-8").read().split("\n")):
    if kind in runners:
        count += 1
        runners[kind](lines)
if not count:
    differs("has no sessions")
sys.exit(1 if failures else 0)
