#!/bin/bash
# gdb sessions on the demo guest, under our own firmware and under SeaBIOS: through the modes, live from a point of the replay and saved as a
# trace, two processors, a gdb that is killed. What is golden depends neither on the firmware nor on the compiler that built the guest.
. "$(dirname "$0")/../lib.sh"
. tests/gdb.sh
export BOOTREEL
record() { expect 0,1 record "$BOOTREEL" record -q -o "$work/$1.reel" "${@:2}"; } # some guests loop for ever: 1

# ---------------------------------------------------------------- reset vector, boot sector, the switch to protected mode, both ways

# Without addresses in loader and kernel, event numbers, positions, and names and lines of the guest.
steady() { # NAME
    sed -i -E -e "s/$1/FIRMWARE/g" -e '/^(warning|determining|Reading |\(No debugging|File transfers|[a-z_/]+\.[chS]$)/d' -e '/^(0x)?[0-9]+\t/d' -e '/^#[0-9]+ +[0-9]+ /d' \
        -e 's/^(=> |   )0x[0-9a-f]+( <[^>]*>)?:/\1ADDRESS:/' -e 's/^#0 .*/#0 HERE/' -e '/^(0x[0-9a-f]+|[a-z0-9_.]+)( in [^ ]+)? \(/d' \
        -e 's/^\[0000:8[0-9a-f]{3}\]$/[LOADER]/' -e 's/(Breakpoint [0-9]+), .*/\1, HERE/' -e 's/ <[^>]*>$//' -e 's/l?jmp +(\$0xf000,\$0x[0-9a-f]+|0x[0-9a-f]+)$/jmp TARGET/' \
        -e 's/(boot_icount - ).*/\1N/' -e 's/(boot-seek )[0-9]+/\1N/' -e 's/(\(32-bit protected mode, ring 3\)).*/\1/' \
        -e 's/  Id   Target Id .*/  Id   Target Id/' "$work/$1.out"
}

modes() { # NAME RECORD-OPTION...
    local sector
    record "$@"
    sector=$("$BOOTREEL" events "$work/$1.reel" --class loader | awk '/boot sector entered/ { print $2 }')
    cat >"$work/$1.gdb" <<END
source scripts/gdb/bootreel.py
boot-open $work/$1.reel
monitor progress off
x/i \$pc
break *0x7c00
continue
p \$boot_icount - $sector
x/6i \$pc
delete
boot-seek $sector
boot-next cpu.mode to=3
show architecture
x/i \$pc
stepi
show architecture
x/i \$pc
p \$cr0 & 1
reverse-stepi
show architecture
boot-next process.first
stepi
p \$cs & 3
info threads
hbreak *0x7c00
reverse-continue
p \$boot_icount - $sector
x/i \$pc
reverse-continue
p \$icount
delete
continue
reverse-stepi
stepi
stepi
detach
END
    transcript "$1" "$work/$1.gdb"
    steady "$1"
    cp "$work/$1.out" "$work/gdb-demo.out"
    golden gdb-demo
}

modes builtin
modes seabios --bios seabios

# ---------------------------------------------------------------- live, from a point of the replay

cat >"$work/live.gdb" <<END
source scripts/gdb/bootreel.py
boot-open $work/builtin.reel --at 1s
boot-live 10ms
boot-input serial0 a
boot-live 200ms
boot-input serial0 primes 100\n
boot-live 200ms
reverse-stepi
stepi
boot-input serial0 exit\n
boot-live 500ms
boot-record $work/live.reel
python
for c in ("boot-input serial0 more", "boot-record $work/live.reel", "boot-record", "boot-live sometime"):
    try:
        gdb.execute(c)
    except gdb.error as e:
        print(e)
end
boot-undo
boot-when
detach
END
transcript live "$work/live.gdb"
out=$work/live.out
holds "$out" '^A small shell' "the guest's answer to a key"
holds "$out" '^primes: 25 below 100' "its answer to a line"
holds "$out" '^init: that was all' "how it went on"
holds "$out" '^the guest stopped \(power-off\)' "its end"
holds "$out" '^input: the guest is switched off here' "input after the end"
holds "$out" 'live.reel is there already' "a file that is there"
holds "$out" 'give a file name' "no file name"
holds "$out" 'give a guest time' "no duration"
holds "$out" '^icount [0-9]* of ' "back in the record"
expect 0 live-replay "$BOOTREEL" replay --verify "$work/live.reel"
holds "$work/live-replay.out" '^primes: 25 below 100' "the new trace replays"
holds "$work/live-replay.out" '^verified: ' "the new trace is verified"

# ---------------------------------------------------------------- two processors, of which one waits for ever

record two --cpus 2
cat >"$work/two.gdb" <<END
source scripts/gdb/bootreel.py
boot-open $work/two.reel --at 50%
info threads
thread 2
stepi
stepi 20
p \$icount - \$boot_icount
nexti
reverse-stepi
thread 1
stepi
stepi
reverse-stepi
reverse-stepi
p \$icount - \$boot_icount
boot-seek 3
thread 2
reverse-stepi
p \$icount
detach
END
transcript two "$work/two.gdb"
holds "$work/two.out" '^  2 +Thread 1.2 "CPU 1"' "info threads"
[ "$(grep -c '^bootreel: CPU 1 is waiting' "$work/two.out")" = 4 ] || { fail "steps of a processor that waits"; cat "$work/two.out"; }
holds "$work/two.out" 'No more reverse-execution history' "the beginning"
[ "$(grep -c '^\$[0-9] = 0$' "$work/two.out")" = 3 ] || fail "positions: $(grep '^\$' "$work/two.out")"

# ---------------------------------------------------------------- gdb is killed during a long search: bootreel must end

child_of() { # PID
    local s
    for s in /proc/[0-9]*/status; do
        grep -qs "^PPid:[[:space:]]*$1\$" "$s" && basename "$(dirname "$s")"
    done
}

killed() { # NAME GDB-COMMAND...
    local gdb child args=()
    for c in "${@:2}"; do args+=(-ex "$c"); done
    gdb -nx -nh -batch -iex "set debuginfod enabled off" "${args[@]}" </dev/null >"$work/$1.log" 2>&1 &
    gdb=$!
    for _ in $(seq 200); do
        grep -q 'bootreel: going' "$work/$1.log" && break
        sleep 0.1
    done
    grep -q 'bootreel: going' "$work/$1.log" || fail "$1: the search did not begin: $(tail -n 1 "$work/$1.log")"
    child=$(child_of $gdb)
    [ -n "$child" ] || fail "$1: gdb has no child"
    disown $gdb
    kill -9 $gdb
    for _ in $(seq 50); do
        [ -n "$child" ] && grep -qs '^State:.[^Z]' "/proc/$child/status" || return 0
        sleep 0.1
    done
    fail "$1: bootreel (process $child) goes on without gdb"
    kill -9 "$child"
}

# A step back is near free wherever one stands, also at the trace's own checkpoints and after an interrupted search.
printf '\x27\xeb\xfd' >"$work/spin.bin" # daa, which is not compiled; jmp to it
record spin --no-index --flat "$work/spin.bin@0x8000" --until 3000M # every search is a long one
cat >"$work/back.gdb" <<END
source scripts/gdb/bootreel.py
boot-open $work/spin.reel --at 100%
python
import glob, os, re
def status(path):
    try:
        return open(path).read()
    except OSError: # that process has ended
        return ""
def children():
    of_gdb = re.compile(r"^Name:\s*bootreel$.*^PPid:\s*%d$" % os.getpid(), re.M | re.S)
    return [path.split("/")[2] for path in glob.glob("/proc/[0-9]*/status") if of_gdb.search(status(path))]
def executed():
    return int(re.search(r"steps executed (\d+)", gdb.execute("monitor stats", to_string=True)).group(1))
def back(where):
    before, at = executed(), int(gdb.parse_and_eval("\$icount"))
    gdb.execute("reverse-stepi", to_string=True)
    print("%s: back by %d, %d M steps" % (where, at - int(gdb.parse_and_eval("\$icount")), (executed() - before) // 1000000))
back("end")
for place in "2000M", "1200000007", "1234567890":
    gdb.execute("boot-seek " + place, to_string=True)
    back(place)
gdb.execute("watch *(long *) 0x500", to_string=True)
os.system("(sleep 1; kill -INT %d) &" % os.getpid())
gdb.execute("reverse-continue", to_string=True)
back("interrupted")
gdb.execute("delete")
gdb.execute("boot-seek 100%", to_string=True)
os.system("(sleep 1; kill -INT %d %s) &" % (os.getpid(), children()[0]))
gdb.execute("boot-last-write 0x500")
end
boot-when
stepi
monitor when
kill
END
transcript back "$work/back.gdb"
holds "$work/back.out" '^interrupted$' "Ctrl-C while a monitor command is under way"
[ "$(grep -c '^icount [1-9][0-9]* of 3000000000' "$work/back.out")" = 2 ] || fail "after a Ctrl-C: $(cat "$work/back.out")"
[ "$(grep -c ': back by 1, 0 M steps' "$work/back.out")" = 5 ] || fail "steps back: $(cat "$work/back.out")"
killed stdio "target remote | $BOOTREEL gdb $work/spin.reel --stdio --at 100%" "watch *(long *) 0x500" reverse-continue &
killed socket "source scripts/gdb/bootreel.py" "boot-open $work/spin.reel" "watch *(long *) 0x500" continue &
wait

# ---------------------------------------------------------------- what a machine does not have

gdb_run -ex "source scripts/gdb/bootreel.py" -ex "boot-open $work/spin.reel" -ex "generate-core-file $work/core" >"$work/core.out"
holds "$work/core.out" '^a recorded machine is no process' "generate-core-file"
[ ! -e "$work/core" ] || fail "generate-core-file leaves a file"
finish
