#!/bin/bash
# live.sh - going live in the terminal interface: typing into the guest in a diversion, looking around in it, coming back, saving it.
. "$(dirname "$0")/../lib.sh"

"$BOOTREEL" record -q -o "$work/demo.reel" </dev/null >/dev/null || fail "record the demo guest"
to_shell=$'goto stage:user.key\n+1k\nlive\nkeys y\nlive-until Try help.'
cat >"$work/script" <<SCRIPT
$to_shell
type help
keys Enter
live-until fault, shell
show $work/live.txt
keys C-a h
message back to the record
keys C-a s
message stopped in the diversion
step
back-step
save $work/saved.reel
message saved as
show $work/stopped.txt
undo
show $work/back.txt
SCRIPT
"$BOOTREEL" tui "$work/demo.reel" --script "$work/script" >"$work/out" 2>"$work/err" || fail "$(cat "$work/err")"
holds "$work/live.txt" 'LIVE' "it says that it is live"
holds "$work/live.txt" 'help' "what was typed is echoed"
holds "$work/stopped.txt" 'diverted' "it says that it is a diversion"
holds "$work/back.txt" ' of 10,[0-9,]* ' "back in the record"
"$BOOTREEL" replay "$work/saved.reel" --verify -q >/dev/null || fail "the saved diversion replays"
"$BOOTREEL" info "$work/saved.reel" >"$work/info"
holds "$work/info" 'inputs +[1-9]' "what was typed is in the saved trace"

# It stops at a breakpoint, and goes on from there.
cat >"$work/script" <<SCRIPT
$to_shell
keys C-a s
break read_file
live
type primes 10
keys Enter
SCRIPT
"$BOOTREEL" tui "$work/demo.reel" --script <(cat "$work/script"; echo 'live-until 4 below 10') >"$work/out" 2>"$work/err" && fail "it goes past a breakpoint"
holds "$work/err" 'did not print' "stopped at a breakpoint"
"$BOOTREEL" tui "$work/demo.reel" --script <(sed 's/^break .*/clear-stops/' "$work/script"; echo 'live-until 4 below 10') >"$work/out" 2>"$work/err" || fail "no breakpoint: $(cat "$work/err")"

# Much at once: every byte arrives.
{
    echo "$to_shell"
    for ((i = 1000; i < 1100; i++)); do
        printf '%s\n' "type line $i of what is pasted, which is long enough to be too much" 'keys Enter'
    done
    printf '%s\n' 'type help' 'keys Enter' 'live-until fault, shell' 'keys C-a s' "save $work/pasted.reel"
} >"$work/script"
"$BOOTREEL" tui "$work/demo.reel" --script "$work/script" >"$work/out" 2>"$work/err" || fail "pasted: $(cat "$work/err")"
typed=$((1 + $(sed -n 's/^type //p' "$work/script" | wc -c))) # Enter is a byte, as an end of line is
"$BOOTREEL" info "$work/pasted.reel" >"$work/info"
holds "$work/info" "inputs .*\($typed bytes\)" "what was pasted is in the saved trace"
finish
