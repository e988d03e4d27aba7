#!/bin/bash
# trace.sh - bootreel trace on the demo guest: the same output by one job and three, with the index and without it; counts are those of
# find; returns, events, stages, times, steps, watched memory; errors with their places; JSON; lists.
. "$(dirname "$0")/../lib.sh"
unset BOOTREEL_GUESTS
cd "$work" || exit 2
"$BOOTREEL" record -q --checkpoint-every 300k -o a.reel && "$BOOTREEL" record -q --checkpoint-every 300k --no-index -o bare.reel || { fail "record"; finish; }
trace() { "$BOOTREEL" trace "$@"; }

# NAME PROGRAM: its output, in NAME, is the same however it is run, also twice.
same_ways() {
    local name=$1
    shift
    trace a.reel --jobs 3 "$@" >"$name" 2>err || fail "$name: exit status $?: $(head -n 1 err)"
    trace a.reel --jobs 1 "$@" | cmp -s - "$name" || fail "$name: one job and three"
    trace bare.reel --jobs 2 "$@" | cmp -s - "$name" || fail "$name: with the index and without"
}

same_ways counts 'kprobe:sys_* { @[func] = count(); @by[probe] = count(); } kprobe:process_run { @run[caller] = count(); printf("%d %s\n", icount, probe); }'
for f in sys_print sys_fork sys_wait; do
    n=$("$BOOTREEL" find a.reel --exec $f --count)
    holds counts "^@\[$f\]: $n\$" "as many calls of $f as find has"
done
holds counts '^@by\[kprobe:sys_fork\]: [0-9]+$' "the name of a probe of a pattern"
grep 'kprobe:process_run$' counts | cut -d ' ' -f 1 >positions
"$BOOTREEL" find a.reel --exec process_run | awk '{ print $1 }' | cmp -s - positions || fail "positions of process_run are not find's"
same_ways address 'address:0x7c00 { printf("%d %x\n", icount, reg("ip")); }'
holds address '^[0-9]+ 7c00$' "the boot sector"

# Calls and returns, in order: each that returns was entered.
same_ways returns 'kprobe:sys_print { @in = count(); @at[tid] = nsecs; } kretprobe:sys_print { @out = count(); @slow = max(nsecs - @at[tid]); @value[retval] = count(); }'
[ "$(grep '^@in' returns | tr -dc 0-9)" = "$(grep '^@out' returns | tr -dc 0-9)" ] || fail "calls of sys_print that do not return"
same_ways stacks 'kprobe:sys_print { @[kstack(2)] = count(); }'
holds stacks '^    syscall\+[0-9]+$' "the caller of sys_print"

# What the record has, without running anything; and times, which are guest time.
same_ways events 'event:console { @ = count(); @last = args.text; } event:pio.write /args.port == 0x80/ { @post = count(); }'
n=$("$BOOTREEL" find a.reel --event console --count)
holds events "^@: $n\$" "as many console lines as find has"
same_ways stages 'stage:*:begin { printf("%s\n", args.name); } stage:kernel:end { printf("kernel ends after %d\n", args.took); }'
holds stages '^loader$' "a stage"
holds stages '^kernel ends after [0-9]+$' "a stage's end"
same_ways times 'interval:ms:100 { @n = count(); } profile:hz:1000 { @[cpu] = count(); } profile:steps:100000 { @steps = count(); printf("%d\n", icount); }'
holds times '^100000$' "a position of profile:steps"
! grep -v '^@' times | grep -q '[1-9][0-9]*[1-9]00$' || fail "profile:steps is not at multiples"
same_ways progress 'kprobe:sys_print { @n++; } interval:s:1 { print(@n); } END { printf("end %d\n", @n); }'
holds progress '^end [0-9]+$' "END"

# What a program emits is a table.
"$BOOTREEL" query a.reel "SELECT f, count(*) FROM trace('kprobe:sys_print { emit(f=func); }') t JOIN stages s ON t.icount >= s.begin AND t.icount < s.\"end\" WHERE s.name = 'user'" >rows
holds rows '^sys_print +[1-9][0-9]*$' "rows of trace() and stages"
expect 2 badrows "$BOOTREEL" query a.reel "SELECT 1 FROM trace('kprobe:sys_print { foo() }')"
holds "$work/badrows.err" 'unknown function foo' "a wrong program in a query"
[ "$(trace a.reel 'event:pio { @ = sum(args.times); }' | sed -n 's/^@: //p')" = "$("$BOOTREEL" query a.reel --format csv "SELECT sum(times) FROM events WHERE class = 'pio'" | tail -n 1)" ] || fail "times of events are not those of query"

# Memory that is accessed: as often as find sees it.
same_ways watch 'watchpoint:0x46c:4:w { @ = count(); }'
n=$("$BOOTREEL" find a.reel --write 0x46c,4 --count)
holds watch "^@: $n\$" "writes of the BIOS's count of ticks"

# A value of another moment, once; parameters; a file; positions before lines.
same_ways another 'kprobe:sys_fork { printf("%d %x\n", $1, at("50%", reg("ip"))); exit(); }' 42
holds another '^42 [0-9a-f]+$' "at() and a parameter"
printf '#!/usr/bin/env bpftrace\n/* a file */\nBEGIN { printf("begin\\n"); exit(); }\n' >p.bt
same_ways file -f p.bt
holds file '^begin$' "a program of a file"
trace a.reel --positions 'kprobe:sys_fork { printf("x\n"); }' | grep -q '^[0-9]*: x$' || fail "--positions"
trace a.reel --from stage:user --to 99% 'kprobe:memory_init { @ = count(); }' | grep -q '^@' && fail "--from: it counts what was before"

trace a.reel --format json 'kprobe:sys_print { @[func] = count(); @h = hist(arg1); } END { printf("a\"b\n"); emit(x=1, y="z"); }' >json || fail "JSON: exit status"
python3 - <<'END' || fail "JSON is not bpftrace's"
import json
rows = [json.loads(l) for l in open("json")]
assert rows[0] == {"type": "attached_probes", "data": {"probes": 2}}
assert {"type": "printf", "data": 'a"b\n'} in rows
assert [r for r in rows if r["type"] == "row"][0]["data"]["y"] == "z"
maps = [r for r in rows if r["type"] == "map"]
assert maps[0]["data"]["@"]["sys_print"] > 0
hist = [r for r in rows if r["type"] == "hist"][0]["data"]["@h"]
assert sum(b["count"] for b in hist) == maps[0]["data"]["@"]["sys_print"]
END

trace a.reel -l 'kprobe:sys_f*' | grep -qx 'kprobe:sys_fork' || fail "-l: functions"
trace a.reel -l 'event:pio.write' | grep -q '^    uint64 port$' || fail "-l: an event's fields"
trace a.reel -l '' | grep -qx 'kprobe:FUNCTION' || fail "-l: kinds of probes"
expect 1 nothing trace a.reel -l 'kprobe:sys_nosuch*'
expect 2 nokind trace a.reel -l 'nosuch:x'

# Loops over maps: in END over what parts have counted, and in order elsewhere.
same_ways loops 'kprobe:sys_* { @[func, tid] = count(); } END { for ($kv : @) { printf("%s %d\n", $kv.0.0, $kv.1); @sum += $kv.1 } printf("%d keys\n", len(@)); clear(@) }'
holds loops '^sys_print [0-9]+$' "a key and its value"
[ "$(awk '/^sys_/ { n += $2 } END { print n }' loops)" = "$(sed -n 's/^@sum: //p' loops)" ] || fail "loops: the sum"
same_ways deleted 'kprobe:sys_print { @[icount] = 1; if (len(@) == 5) { for ($kv : @) { delete(@[$kv.0]) } @n = count() } }'
holds deleted '^@n: [1-9][0-9]*$' "keys that are deleted in a loop"

# Mistakes: one line, then the place.
wrong() { # MESSAGE PROGRAM [CARET]
    expect 2 wrong trace a.reel "$2"
    holds "$work/wrong.err" "^bootreel: program:[0-9]+:[0-9]+: $1" "$2"
    [ -z "${3:-}" ] || grep -qxF -- "$3" "$work/wrong.err" || fail "$2: no caret where it is wrong"
}
wrong 'unknown function foo' 'kprobe:sys_fork { foo() }' '                  ^~~'
wrong 'system\(\): it acts on' 'kprobe:sys_fork { system("ls") }' '                  ^~~~~~'
wrong 'kprobe:nosuch: no such function' 'kprobe:nosuch { }' '^~~~~~~~~~~~~'
wrong 'the loop has run' 'kprobe:sys_fork { while (1) { $x = 1; } }' '                  ^~~~~'
wrong 'event:syscall.enter: the trace does not have these events' 'event:syscall.enter { }' '^~~~~~~~~~~~~~~~~~~'
wrong 'tracepoint:a:b: this tracepoint is not known' 'tracepoint:a:b { }'
expect 2 none trace a.reel
holds "$work/none.err" '^bootreel: trace: no program' "no program"
expect 2 nofile trace a.reel -f /nonexistent
# While recording: the same output; a wrong program ends the command before the machine starts.
echo 'kprobe:sys_* { @[func] = count(); } interval:ms:500 { printf("%d\n", icount); }' >p.bt
"$BOOTREEL" record -q --trace p.bt -o b.reel >recorded || fail "record --trace exits with $?"
trace b.reel -q -f p.bt | cmp -s - recorded || fail "record --trace prints something else than trace"
echo 'kprobe:x {' >bad.bt
"$BOOTREEL" record -q --trace bad.bt -o c.reel 2>err
[ $? = 2 ] && [ ! -e c.reel ] && holds err '^bootreel: bad.bt:' "a wrong program"
"$BOOTREEL" record -q -o none.reel --trace none.bt 2>err
[ $? = 2 ] && holds err '^bootreel: trace: none.bt: No such file or directory: give a file with a program$' "a program that is missing"
[ ! -e none.reel ] || fail "a boot is recorded without the program that was to look at it"
finish
