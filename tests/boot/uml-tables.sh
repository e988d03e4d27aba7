#!/bin/bash
# User-mode Linux: what the trace says of processes is what the kernel itself says, at a hundred positions and in its own words.
. "$(dirname "$0")/../lib.sh"
need_uml
. tests/gdb.sh

printf '%s\n' 'i=0; while [ $i -lt 60 ]; do (sleep 0.02; exit 3) & ls /proc >/dev/null; i=$((i+1)); done; wait' \
    'for c in 0 1 7 255; do (exit $c); echo "exit $c is $?"; done; (kill -9 $(cut -d " " -f 4 /proc/self/stat)); echo "killed is $?"' \
    'cat /proc/stat' 'dmesg | sed -n "s/.*Linux version/Its version/p"' ps 'poweroff -f' |
    "$BOOTREEL" record -i -o "$work/boot.reel" --events +sched --uml "$GUESTS/uml/linux.uml" --memory 256M --initrd "$GUESTS/initrd-shell.gz" \
        --append quiet >"$work/boot.out" || fail "record exits with $?"
expect 0 events "$BOOTREEL" events "$work/boot.reel" --class process,sched
expect 0 all "$BOOTREEL" processes --all "$work/boot.reel"

# Its own words: forks and context switches since boot, exit codes as the shell has them, ps, its version.
awk '/process\.exec .*cat \/proc\/stat/ { exit } $4 == "process.create" && $5 == "guest" { n++; last = $8 } $4 ~ /^sched\./ { k++ }
    END { print "processes", n, "last", last; print "ctxt", k }' "$work/events.out" >"$work/counted"
want=$(sed -n 's/^processes //p' "$work/boot.out" | tr -d '\r')
[ "$(sed -n 's/^processes \([0-9]*\) .*/\1/p' "$work/counted")" = "$want" ] || fail "forks: $want, the trace: $(cat "$work/counted")"
want=$(sed -n 's/^ctxt //p' "$work/boot.out" | tr -d '\r')
[ "$(sed -n 's/^ctxt //p' "$work/counted")" = "$want" ] || fail "context switches: $want, the trace: $(cat "$work/counted")"
for code in 1 7 255; do
    holds "$work/boot.out" "^exit $code is $code" "the shell's exit code $code"
    holds "$work/all.out" "\(process, .* exited with $code\)" "exit code $code"
done
holds "$work/boot.out" '^killed is 137' "the shell's child that is killed"
holds "$work/all.out" '\(process, .* killed by signal 9\)' "a process that is killed"
[ "$(grep -c '^ *1:.*exited with 3)' "$work/all.out")" = 60 ] || fail "60 children exit with 3"
"$BOOTREEL" processes "$work/boot.reel" --at 'console:{ps}' | sed -n 's/^ *1:\([0-9]*\) .*/\1/p' | sort -n >"$work/pids"
sed -n '/^PID /,/{ps}/s/^ *\([0-9][0-9]*\) .*/\1/p' "$work/boot.out" | sort -n | diff - "$work/pids" || fail "ps and the trace know other processes"
version=$(sed -n 's/^Its version/Linux version/p' "$work/boot.out" | tr -d '\r')
expect 0 kernel "$BOOTREEL" events "$work/boot.reel" --class kernel
grep -qF "$version" "$work/kernel.out" || fail "the version is $version"

# Its memory: the list of tasks, and which of the host's processes each runs in.
cat >"$work/gdb.in" <<END
source scripts/gdb/bootreel.py
boot-open $work/boot.reel
source tests/boot/uml-tables.py
python compare("ps", "console:{ps}", "mark:kernel.init", 100)
END
BOOTREEL=$BOOTREEL gdb_run -x "$work/gdb.in" >"$work/gdb.out"
holds "$work/gdb.out" '^100 positions compared: [0-9]+ processes' "all positions are compared"
grep '^at [0-9]' "$work/gdb.out" && fail "the tables differ"
finish
