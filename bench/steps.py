"""steps.py - for bench/gdb, in a gdb that is connected: how many forward stepi a second, and how long one reverse-stepi
takes. Prints a line a figure: name value. BENCH says which: "steps" or "back ICOUNT"."""
import os
import time

import gdb

STEPS = 4000


def quiet(command):
    gdb.execute(command, to_string=True)


def rate(name, commands):
    """Of several tries the best: others may use the machine, and the first fills gdb's caches."""
    best = 0
    for _ in range(3):
        began = time.monotonic()
        for c in commands:
            quiet(c)
        best = max(best, STEPS / (time.monotonic() - began))
    print("%s %d" % (name, best), flush=True)


def milliseconds(name, command):
    began = time.monotonic()
    quiet(command)
    print("%s %.1f" % (name, (time.monotonic() - began) * 1e3), flush=True)


what = os.environ["BENCH"].split()
if what[0] == "steps":
    rate("apart", ["stepi"] * STEPS)
    rate("together", ["stepi %d" % STEPS])
else:
    icount = what[1]
    if os.environ.get("QEMU"):
        quiet("monitor replay_break " + icount)
        milliseconds("there", "continue")
    else:
        milliseconds("there", "boot-seek " + icount)
    milliseconds("back", "reverse-stepi")
    milliseconds("again", "reverse-stepi")
