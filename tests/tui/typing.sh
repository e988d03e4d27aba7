#!/bin/bash
# typing.sh - the terminal interface loses no key: those for a guest that is busy, and those typed ahead.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/tmux.sh"

"$BOOTREEL" record -q -o "$work/demo.reel" </dev/null >/dev/null || fail "record the demo guest"

# The guest counts primes all the while, and reads what was typed when it is done.
begin 120x40
run "$BOOTREEL" tui "$work/demo.reel" --at stage:user.key
await '^ demo.reel .*user.key' "the first screen"
type_line ':goto +1k'
await '^ demo.reel .*user.key' "before the shell"
press l
await 'LIVE' "live"
press y
await 'Try help' "the shell"
type_line 'primes 1000000'
await 'primes 1000000' "a long program"
for key in h e l l o Space a b c d e f g h i j k l m n o p q r s t u v w x y z Enter; do
    press "$key"
    sleep 0.01
done
await 'hello abcdefghijklmnopqrstuvwxyz' "what was typed while it ran"

# Much at once, while it is busy: nothing is lost.
type_line 'primes 1000000'
for ((i = 1000; i < 1100; i++)); do
    echo "line $i of what is pasted, which is long enough to be too much"
done >"$work/pasted"
mux load-buffer "$work/pasted"
mux paste-buffer
await 'line 1099' "what was pasted while it ran"

# All at once: the move begins with keys after it.
press C-a x : g o t o Space 5 M Enter : g o t o Space 6 M Enter
await 'demo.reel  6,000,000' "typed ahead"
press q
ended 0 "q"

# A small terminal shows where the typing goes; escape sequences are not text.
begin 80x24
run "$BOOTREEL" tui "$work/demo.reel" --at stage:user.key
await '^ demo.reel .*user.key' "the first screen"
press l
await 'LIVE' "live in a small terminal"
await 'Console since' "the console"
press y
await 'Try help' "the shell"
finish
