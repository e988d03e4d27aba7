#!/bin/bash
# find.sh - bootreel find: the same hits with the index and without it, on one job and on three; what --first, --last, --count,
# --from and --to leave of them; old and new values, callers, JSON; events; mistakes.
. "$(dirname "$0")/../lib.sh"
unset BOOTREEL_GUESTS
cd "$work" || exit 2
"$BOOTREEL" record -q --checkpoint-every 300k -o a.reel && "$BOOTREEL" record -q --checkpoint-every 300k --no-index -o bare.reel || { fail "record"; finish; }
find_in() { "$BOOTREEL" find "$@"; }

# More parts than stretches between checkpoints: some are empty.
parts_are() { # ALL WHAT...: the hits of all parts, one after the other, are those in the file ALL
    local all=$1 n k
    shift
    for n in 1 3 60; do
        for k in $(seq $n); do
            find_in a.reel "$@" --part "$k/$n"
            [ $? -le 1 ] || fail "$*: --part $k/$n"
        done | cmp -s - "$all" || fail "$*: $n parts"
    done
}

hits() { # WHAT...: compared with a full search; the hits are in `all`
    find_in a.reel "$@" --jobs 3 >all || fail "$*: find exits with $?"
    [ -s all ] || fail "$*: no hits"
    find_in a.reel "$@" --jobs 1 >one
    same all one "$*: three jobs and one"
    find_in bare.reel "$@" --jobs 2 >bare
    same all bare "$*: with the index and without"
    [ "$(find_in a.reel "$@" --count)" = "$(wc -l <all)" ] || fail "$*: --count"
    local trace jobs
    for trace in a bare; do
        for jobs in 1 3; do
            find_in $trace.reel "$@" --first --jobs $jobs | cmp -s - <(head -n 1 all) || fail "$*: --first, $trace, $jobs jobs"
            find_in $trace.reel "$@" --last --jobs $jobs | cmp -s - <(tail -n 1 all) || fail "$*: --last, $trace, $jobs jobs"
        done
    done
    at=$(sed -n "$((($(wc -l <all) + 1) / 2))p" all | awk '{ print $1 }')
    { find_in a.reel "$@" --to "$at"; find_in a.reel "$@" --from "$at"; } | cmp -s - all || fail "$*: --to and --from $at"
    parts_are all "$@"
}

hits --exec 0x7c00
holds all '^ +[0-9]+ +0\.[0-9]{9} +0x7c00$' "the boot sector"
hits --exec process_run
holds all '  process_run  from [a-z_]+\+0x' "a function of the kernel, with its caller"
hits --exec sys_print
holds all '  sys_print  from syscall\+0x' "a system call"
hits --read 0x7dfe,2

# A variable that is only written by instructions: each old value is the new one before.
hits --write 0x46c,4
awk '{ old = $(NF - 2); new = $NF; if (NR > 1 && old != was) bad = 1; was = new } END { exit bad || NR < 3 }' all || fail "the BIOS's count of ticks: values"

# As text, so as JSON.
find_in a.reel --write 0x46c,4 --format json >json
python3 - all json <<'END' || fail "JSON and text differ"
import json, sys
text = [l.split() for l in open(sys.argv[1])]
hits = json.load(open(sys.argv[2]))
assert len(text) == len(hits)
for t, h in zip(text, hits):
    assert int(t[0]) == h["icount"] and t[-3] == h["old"] and t[-1] == h["new"] and h["address"] and h["pc"]
END

# The last of so many in a stretch between two checkpoints that not each is described.
find_in a.reel --exec memcmp >many
[ "$(find_in a.reel --exec memcmp --from 3600000 --to 3900000 --count)" -gt 2000 ] || fail "no stretch has many"
find_in a.reel --exec memcmp --last | cmp -s - <(tail -n 1 many) || fail "the last of many"

# Of a long range, the bytes that changed: this instruction's, wherever in the range.
find_in a.reel --write 0x400,256 >long || fail "a long range"
awk 'NR == FNR { want[$1] = $(NF - 2) " " $NF; next }
    $1 in want { old = $(NF - 2); sub(/^0x/, "", old); at = $(NF - 3); hits++; if (at < "0x46c:" || at > "0x46f:") bad = 1 }
    END { exit bad || !hits }' all long || fail "a long range: the bytes that changed, and their address"
holds long '  0x410:  0x' "a long range: another address"

for how in "find --exec process_run" profile; do
    expect 1 nobody "$BOOTREEL" ${how%% *} a.reel ${how#"${how%% *}"} --process nobody
    holds nobody.err '^bootreel: --process nobody: no such process' "$how: nobody"
done
[ "$(find_in a.reel --event irq --count)" = "$("$BOOTREEL" events a.reel --class irq,-fold --format json | grep -o '"times":[0-9]*' | awk -F: '{ n += $2 } END { print n }')" ] || fail "--event: --count"
find_in a.reel --event 'console:demo' --first >first && holds first ' console ' "--event console:TEXT"
find_in a.reel --event irq | tail -n 1 >last
find_in a.reel --event irq --last | cmp - last || fail "--event --last"
for what in irq power; do # the last event is at the end
    find_in a.reel --event $what >all
    parts_are all --event $what
done
find_in a.reel --exec sys_print --from 20% --to 90% >all && parts_are all --exec sys_print --from 20% --to 90%
[ "$(for k in 1 2 3 4 5; do find_in a.reel --exec sys_print --count --part $k/5; done | awk '{ n += $1 } END { print n }')" = \
    "$(find_in a.reel --exec sys_print --count)" ] || fail "--count of all parts"

expect 1 none "$BOOTREEL" find a.reel --exec 0x123456789 && [ ! -s none.out ] || fail "no hit"
expect 2 bad "$BOOTREEL" find a.reel && holds bad.err 'give --exec, --write' "nothing to be searched for"
expect 2 bad "$BOOTREEL" find a.reel --exec no_such_symbol && holds bad.err '"no_such_symbol" is no address and no symbol' "an unknown symbol"
expect 2 bad "$BOOTREEL" find a.reel --write 0x100,0 && holds bad.err 'give ADDRESS,LENGTH with at least 1 byte' "no bytes"
expect 2 bad "$BOOTREEL" find a.reel --write 0xffffffffffffffff,2 && holds bad.err 'an end within memory' "beyond the end"
expect 2 bad "$BOOTREEL" find a.reel --exec 1 --write 2 && holds bad.err 'one thing is searched for already' "two things"
expect 2 bad "$BOOTREEL" find a.reel --exec 1 --first --last && holds bad.err 'choose one of them' "first and last"
expect 2 bad "$BOOTREEL" find a.reel --event syscall && holds bad.err 'annotate --events' "a class that was not recorded"
expect 2 bad "$BOOTREEL" find a.reel --event syscall.enter && holds bad.err 'annotate --events' "a kind that was not recorded"
expect 0 none "$BOOTREEL" events a.reel --class syscall && holds none.err 'not recorded: syscall' "a class that was not recorded"
expect 2 bad "$BOOTREEL" find a.reel --exec 1 --part 3/2 && holds bad.err 'give K/N, with K from 1 to N' "--part 3/2"

# A list of events that waits for its reader ends by a signal.
mkfifo slow
exec 5<>slow
"$BOOTREEL" find a.reel --event all >slow &
pid=$!
read -r -u 5 line # the search has begun
kill -TERM $pid || fail "events for a slow reader: find has ended already"
for _ in $(seq 100); do kill -0 $pid 2>/dev/null || break; sleep 0.1; done
kill -9 $pid 2>/dev/null && fail "events for a slow reader: SIGTERM does not end it"
exec 5>&-

finish
