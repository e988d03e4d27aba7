#!/bin/bash
# parts.sh - replay --verify in parts: all of them are the whole, with the console in order; annotate in parts, with new probes too; and profile's samples, in
# parts and against what gdb says when it steps.
. "$(dirname "$0")/../lib.sh"
unset BOOTREEL_GUESTS
cd "$work" || exit 2
reel=demo.reel
"$BOOTREEL" record -q --checkpoint-every 300k -o "$reel" || { fail "record"; finish; }
expect 0 one "$BOOTREEL" replay --verify --jobs 1 "$reel"

whole() {
    expect 0 jobs "$BOOTREEL" replay --verify --jobs 3 "$reel"
    sed '/^of these, 1 event of guest systems was taken from the record/d' jobs.out >without
    same one.out without "three jobs"
    cmp -s jobs.out without && fail "three jobs: nothing is said about events that were taken from the record"
}

# More parts than stretches between checkpoints: some are empty.
each() {
    local n=50 k
    for k in $(seq $n); do
        expect 0 part "$BOOTREEL" replay --verify --part "$k/$n" "$reel"
        sed '/^verified: /d; /^of these, /d' part.out >>consoles
        sed -n 's/^verified: part [0-9]* of 50, from icount [0-9,]* on: \(.*\) steps, \(.*\) checkpoints, \(.*\) events$/\1 \2 \3/p' part.out |
            tr -d , >>sums
    done
    tr -d '\n' <consoles >joined # a part ends its console's last line
    grep -v '^verified: ' one.out | tr -d '\n' | cmp - joined || fail "$n parts: the console"
    [ "$(awk '{ s += $1; c += $2; e += $3 } END { print s, c, e }' sums)" = \
        "$(sed -n 's/^verified: \(.*\) steps, \(.*\) checkpoints, \(.*\) events$/\1 \2 \3/p' one.out | tr -d ,)" ] ||
        fail "$n parts: not the sums of the whole: $(tail -n 1 sums)"
}

# The new trace does not depend on the number of jobs; nor on whether the guest systems' events are made again.
annotated() {
    local e j
    for e in default all,-fold -pio,-mmio none; do
        for j in 1 2 3; do
            expect 0 new "$BOOTREEL" annotate "$reel" -o "$j.reel" --events=$e --jobs $j
            grep -q "^$j.reel: the same run, .* final state equal" new.out || fail "annotate --events=$e: $(cat new.out)"
        done
        same 1.reel 2.reel "annotate --events=$e: two jobs"
        same 1.reel 3.reel "annotate --events=$e: three jobs"
        "$BOOTREEL" record -q --checkpoint-every 300k --events=$e -o 0.reel && same 0.reel 1.reel "annotate --events=$e: another record of the run"
        expect 0 again "$BOOTREEL" replay --verify --jobs 1 1.reel
        "$BOOTREEL" annotate -q "$reel" -o whole.reel --events=$e --inspect || fail "annotate --inspect"
        "$BOOTREEL" events 1.reel --format json >a && "$BOOTREEL" events whole.reel --format json >b && same a b "annotate --events=$e: events"
    done
    # +CLASS and -CLASS change what the trace has, also a class that is recorded by default.
    "$BOOTREEL" record -q --checkpoint-every 300k --events=cpu,irq -o bare.reel && "$BOOTREEL" annotate -q bare.reel -o 1.reel --events=+pio,-irq &&
        "$BOOTREEL" record -q --checkpoint-every 300k --events=cpu,pio -o 2.reel && "$BOOTREEL" events 1.reel >a &&
        "$BOOTREEL" events 2.reel >b && same a b "annotate --events=+pio,-irq"
    # Neither without the index, nor with classes that an inspector makes.
    "$BOOTREEL" record -q --checkpoint-every 300k --no-index --events=-process -o bare.reel
    "$BOOTREEL" annotate -q bare.reel -o 3.reel --jobs 3 && "$BOOTREEL" annotate -q bare.reel -o 1.reel --jobs 1 && same 1.reel 3.reel "annotate: no index"
    "$BOOTREEL" annotate -q bare.reel -o 3.reel --events=default --jobs 3 && "$BOOTREEL" events 3.reel --format json >b &&
        "$BOOTREEL" events "$reel" --format json >a && same a b "annotate: events of processes"
    "$BOOTREEL" annotate -q nothing/"$reel" -o x.reel 2>/dev/null && fail "annotate: no trace"
    expect 2 folder "$BOOTREEL" annotate "$reel" -o nothing/x.reel
}

# Probes in parts see what an inspector sees that follows the whole run: an address in a loop, functions that are left soon, that are
# in progress where parts begin, and that never return; one that is called for its name; a profile's.
probed() {
    local p j
    "$BOOTREEL" record -q --checkpoint-every 20k -o fine.reel
    printf 'stage kernel\nopen symbol memory_init\nclose return irq_came\n' >mine.profile
    for p in --probe=0x401040 --probe=memset --probe=next_ready --probe=irq_came --probe=kernel_main --probe=service_call --profile=mine.profile \
        '--probe=mark --probe=space_fork --probe=0x401040 --profile=mine.profile --events=-fold'; do
        # shellcheck disable=SC2086
        "$BOOTREEL" annotate -q fine.reel -o whole.reel $p --inspect || fail "annotate $p --inspect"
        [ "$("$BOOTREEL" events whole.reel | grep -c probe.enter)" -gt 0 ] || fail "annotate $p: nothing is probed"
        for j in 1 2 4; do
            # shellcheck disable=SC2086
            expect 0 new "$BOOTREEL" annotate fine.reel -o "$j.reel" $p --jobs $j
            same 1.reel "$j.reel" "annotate $p: $j jobs"
        done
        "$BOOTREEL" events 1.reel --format json >a && "$BOOTREEL" events whole.reel --format json >b && same a b "annotate $p: events"
    done
    expect 0 again "$BOOTREEL" replay --verify --jobs 1 4.reel
    expect 0 unreached "$BOOTREEL" annotate -q fine.reel -o 1.reel --probe 0x12345 --jobs 2
    same <(printf 'bootreel: probe %s\n' '0x12345: it was never executed') unreached.err "a probe that is not reached"
    expect 2 nowhere "$BOOTREEL" annotate -q fine.reel -o nowhere.reel --probe nothing_there && holds nowhere.err '^bootreel: --probe nothing_there: no symbol of the trace' "a probe without a place"
    [ ! -e nowhere.reel ] || fail "a probe without a place leaves a trace"
    expect 2 bad "$BOOTREEL" annotate -q fine.reel -o 1.reel --probe 0x12x && holds bad.err 'neither a symbol nor an address' "a bad probe"
}

errors() {
    expect 2 alone "$BOOTREEL" replay --part 1/2 "$reel" && holds alone.err 'are for --verify' "--part without --verify"
    for bad in 0/2 3/2 1/ /2 1/2x -1/2 1/0; do
        expect 2 bad "$BOOTREEL" replay --verify --part="$bad" "$reel" && holds bad.err 'give K/N, with K from 1 to N' "--part $bad"
    done
    cp "$reel" bad.reel
    printf X | dd of=bad.reel bs=1 seek=$(($(stat -c %s "$reel") / 2)) conv=notrunc status=none
    expect 2 damaged "$BOOTREEL" replay --verify --console none --part 1/2 bad.reel
}

# A sample is the instruction that gdb stands at.
samples() {
    local from=3600000 n=300
    "$BOOTREEL" profile "$reel" --every 1 --from $from --to $((from + n)) --symbols 0 --format json >profile.json || fail "profile"
    {
        echo "target remote | $BOOTREEL gdb $work/$reel --stdio"
        echo "monitor seek $from"
        echo "maintenance flush register-cache"
        for _ in $(seq $n); do echo 'info symbol $pc'; echo 'stepi'; done
    } >steps.gdb
    gdb -nx -nh -batch -iex "set debuginfod enabled off" -x steps.gdb >gdb.out 2>&1 </dev/null
    python3 - <<'END' || { fail "profile: other symbols than gdb says"; tail -n 5 gdb.out; }
import collections, json, re
p = json.load(open('profile.json'))
gdb = collections.Counter(re.match(r'(\S+)(?: \+ \d+)? in section', l)[1] for l in open('gdb.out') if ' in section' in l)
mine = {s['symbol']: s['self'] for s in p['symbols'] if s['self']}
assert p['samples'] == 300 and mine == gdb, (mine, gdb)
END
    "$BOOTREEL" profile "$reel" --every 997 --chains 0 >a && "$BOOTREEL" profile "$reel" --every 997 --chains 0 >b && same a b "two profiles"
    "$BOOTREEL" profile "$reel" --every 997 --symbols 0 --chains 0 --format json --jobs 1 >a &&
        "$BOOTREEL" profile "$reel" --every 997 --symbols 0 --chains 0 --format json --jobs 3 >b && same a b "profile: three jobs"
    for k in 1 2 3 60; do
        "$BOOTREEL" profile "$reel" --symbols 0 --chains 0 --format json --part $k/60 || fail "profile --part $k"
    done >/dev/null
    "$BOOTREEL" profile "$reel" --symbols 0 --chains 0 --format json --from 5% --to 90% >whole.json
    for k in 1 2 3 4 5; do
        "$BOOTREEL" profile "$reel" --symbols 0 --chains 0 --format json --from 5% --to 90% --part $k/5 --jobs $((k % 2 + 1)) >part$k.json || fail "profile --part $k"
    done
    python3 - <<'END' || fail "profile --part: the parts are not the whole"
import collections, json
load = lambda name: json.load(open(name))
whole, parts = load('whole.json'), [load(f'part{k}.json') for k in range(1, 6)]
def sums(profiles):
    c = collections.Counter()
    for p in profiles:
        c['samples'] += p['samples']
        for s in p['symbols']:
            place = s['symbol'], s['module'], s['file'], s['line']
            c['self', place] += s['self']
            c['total', place] += s['total']
        for s in p['chains']:
            c[json.dumps([s['stage'], s['process'], s['calls']])] += s['samples']
    return c
assert sums([whole]) == sums(parts)
edges = [p['from'] for p in parts] + [parts[-1]['to']]
assert edges == [whole['from']] + [p['to'] for p in parts] and all(p['every'] == whole['every'] and p['samples'] for p in parts)
END
    expect 2 bad "$BOOTREEL" profile "$reel" --part 3/2 && holds bad.err 'give K/N, with K from 1 to N' "profile --part 3/2"
    # Without context switches in the record an inspector has to see the run from its beginning: the same samples.
    "$BOOTREEL" record -q --checkpoint-every 300k --events=-sched -o plain.reel &&
        "$BOOTREEL" profile plain.reel --every 997 --symbols 0 --chains 0 --format json --jobs 3 >c && same a c "profile: an inspector"
    "$BOOTREEL" profile "$reel" --from stage:kernel.memory --to stage:user --chains 1 >memory
    holds memory 'memory_init \[kernel\]  guests/demo/kernel/memory.c' "profile of a stage"
    expect 2 range "$BOOTREEL" profile "$reel" --from 90% --to 10% && holds range.err 'from is after --to' "profile: an empty range"
    expect 2 every "$BOOTREEL" profile "$reel" --every 0 && holds every.err 'give a number of steps' "profile --every 0"
}

whole
each
annotated
probed
errors
samples
finish
