#!/bin/bash
# gdb over --stdio, with a script that sources ours: what gdb need not wait for. And `run` again over a port.
. "$(dirname "$0")/../lib.sh"
. tests/gdb.sh
export BOOTREEL
"$BOOTREEL" record -q -o "$work/demo.reel" </dev/null || fail "record exits with $?"

# ---------------------------------------------------------------- messages, and a script within a script

# gdb looks for messages after each character that it reads, as long as its program might write some.
cat >"$work/outer.py" <<END
import glob, os, re
import gdb
gdb.execute("source scripts/gdb/bootreel.py")
gdb.execute("target remote | exec $BOOTREEL gdb $work/demo.reel --stdio")
for path in glob.glob("/proc/[0-9]*/status"):
    try:
        text = open(path).read()
    except OSError: # that process has ended
        continue
    if re.search(r"^Name:\s*bootreel$.*^PPid:\s*%d$" % os.getpid(), text, re.M | re.S):
        print("messages go to", os.readlink(os.path.dirname(path) + "/fd/2").split(":")[0])
gdb.execute("boot-seek 100")
gdb.execute("p \$icount")
gdb.execute("detach")
END
gdb_run -x "$work/outer.py" >"$work/outer.out"
holds "$work/outer.out" '^messages go to /dev/(tty|null)' "standard error of a program of gdb's"
holds "$work/outer.out" '^\$1 = 100$' "our script, sourced by another"

# What is said before the session begins still arrives.
gdb_run -ex "target remote | exec $BOOTREEL gdb $work/none.reel --stdio" >"$work/none.out"
holds "$work/none.out" 'none.reel' "why there is no session"

# ---------------------------------------------------------------- run, again

cat >"$work/run.gdb" <<END
source scripts/gdb/bootreel.py
python gdb.execute("target extended-remote " + serve(["$work/demo.reel"]))
boot-seek 50%
break *0x7c00
run
p/x \$pc
kill
END
transcript run "$work/run.gdb"
holds "$work/run.out" '^\$1 = 0x7c00' "run, in an extended session"

# ---------------------------------------------------------------- a guest that asks the terminal

# It writes "a", the question for the cursor's place, "b" and a new line to the first serial port. A terminal would type the answer into gdb.
{
    printf '\xba\xf8\x03'
    for byte in 61 1b 5b 36 6e 62 0a; do printf '\xb0\x'$byte'\xee'; done
    printf '\xeb\xfe'
} >"$work/asks.bin"
"$BOOTREEL" record -q -o "$work/asks.reel" --flat "$work/asks.bin@0x8000" --until 100 </dev/null || fail "asks: record exits with $?"
gdb_run -x scripts/gdb/bootreel.py -ex "boot-open $work/asks.reel" -ex "boot-live 1ms" -ex boot-undo \
    -ex "monitor break-event pio" -ex "boot-live 1ms" -ex kill >"$work/asks.out"
holds "$work/asks.out" '^ab$' "what the guest prints, without escape sequences"
holds "$work/asks.out" '^stopped at an event: pio' "why it ran no further"
finish
