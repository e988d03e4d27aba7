#!/bin/bash
# signals.sh - a recording that is ended by a signal, killed, or runs out of room leaves a trace that can be read and replayed.
. "$(dirname "$0")/../lib.sh"
need_guests
mapfile -t iso < <(machine iso)

replays() { # NAME TRACE
    expect 0 "$1-replay" "$BOOTREEL" replay --verify --jobs 1 --console=none "$2"
    holds "$work/$1-replay.out" '^verified: [0-9,]{8,} steps' "$1"
    expect 0 "$1-info" "$BOOTREEL" info --check "$2"
}
one_line() { # NAME TEXT: what $work/NAME.err must be
    [ "$(wc -l <"$work/$1.err")" = 1 ] && grep -q '^bootreel: ' "$work/$1.err" || fail "$1: not one line on standard error: $(cat "$work/$1.err")"
    holds "$work/$1.err" "$2" "$1"
}

# Sends a signal once the trace has SIZE bytes.
ended_by() { # SIGNAL STATUS
    local trace=$work/$1.reel pid status i
    "$BOOTREEL" record "${iso[@]}" -o "$trace" >"$work/$1.out" 2>"$work/$1.err" </dev/null &
    pid=$!
    for ((i = 0; i < 300; i++)); do
        [ "$(stat -c %s "$trace" 2>/dev/null || echo 0)" -ge 500000 ] && break
        sleep 0.1
    done
    sleep 0.5
    kill "-$1" $pid
    wait $pid
    status=$?
    [ $status = "$2" ] || fail "SIG$1: exit status $status, not $2"
    replays "$1" "$trace"
}

for s in INT TERM HUP; do
    ended_by $s 0
    holds "$work/$s.out" 'interrupted by a signal; the trace is complete up to there' "SIG$s: the summary"
    holds "$work/$s-info.out" '^ended +interrupted' "SIG$s: info"
    [ ! -s "$work/$s-info.err" ] || fail "SIG$s: $(cat "$work/$s-info.err")"
done

ended_by KILL 137
holds "$work/KILL-info.out" '^ended +unknown: the recording was killed or the file was cut' "SIGKILL: info"
one_line KILL-info 'cut short'
one_line KILL-replay 'cut short'

# Cut at any byte, it is read up to its last whole frame; within the file header it is no trace.
cut_anywhere() {
    local size at
    size=$(stat -c %s "$work/INT.reel")
    for at in 64 65 1000 $((size / 7)) $((size / 3)) $((size / 2)) $((size - 1000)) $((size - 30)) $((size - 1)); do
        head -c "$at" "$work/INT.reel" >"$work/cut.reel"
        "$BOOTREEL" replay --verify --jobs 1 --console=none "$work/cut.reel" >"$work/cut.out" 2>"$work/cut.err"
        case $? in
        0) grep -q '^verified' "$work/cut.out" || fail "cut at $at: exit 0, and nothing verified" ;;
        2) [ "$(wc -l <"$work/cut.err")" -le 2 ] || fail "cut at $at: $(cat "$work/cut.err")" ;;
        *) fail "cut at $at: exit status $?" ;;
        esac
        grep -q '^bootreel: ' "$work/cut.err" || fail "cut at $at: not said"
    done
}
cut_anywhere

# No room: /dev/full has none at all; a limit on the size of files; a small file system.
full() { # NAME TRACE: $work/NAME.err is there
    one_line "$1" "$3"
    [ -z "$2" ] || replays "$1" "$2"
}
expect 2 devfull "$BOOTREEL" record "${iso[@]}" --until 50M -o /dev/full
full devfull '' '/dev/full'
expect 2 limit bash -c 'ulimit -f 2000; exec "$@"' - "$BOOTREEL" record "${iso[@]}" --until 1500M -o "$work/limit.reel"
full limit "$work/limit.reel" 'limit\.reel: .*file too large; what was written'
mkdir "$work/small"
if mount -t tmpfs -o size=2m none "$work/small" 2>/dev/null; then
    expect 2 small "$BOOTREEL" record "${iso[@]}" --until 1500M -o "$work/small/small.reel"
    cp "$work/small/small.reel" "$work/small.reel"
    umount "$work/small"
    full small "$work/small.reel" 'small\.reel: no space left on device; what was written'
else
    skip "a small file system" "cannot mount one here"
fi
finish
