#!/bin/bash
# record.sh - record --tui: watching a recording, typing to the guest, looking back while it waits, ending it.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/tmux.sh"

begin 120x40
run "$BOOTREEL" record --tui -o "$work/w.reel"
await 'REC .*w.reel .*user.key' "the stage"
await 'press a key for a shell' "the screen"
await 'mmio +[0-9,]+' "counts of events"
press y
await 'A small shell' "typing reaches the guest"
press C-a s
await '─ Console' "the console"
# Looking back shows the guest as it is now: not only up to the last checkpoint, which is at position 0 here.
was=$(sed -n '1s/.*w\.reel  *\([0-9,]*\) .*/\1/p' "$work/seen" | tr -d ,)
press C-a l
await 'the recording waits' "looking back"
await ' 100.0 %' "at its end"
now=$(sed -n '1s/.*w\.reel  *\([0-9,]*\) of.*/\1/p' "$work/seen" | tr -d ,)
[ "${was:-0}" -gt 1000000 ] && [ "${now:-0}" -ge "$was" ] || fail "looking back shows the run up to ${now:-nothing}, and it was at ${was:-nothing}"
press 1 '^'
await ' w.reel  0 of' "anywhere in what was recorded"
press q
await 'REC .*user.shell' "the recording goes on"
press o f f Enter
await 'switched itself off .*Enter looks at it' "it says how it ended"
press Enter
await ' w.reel  0 of' "looking at it"
press q
await 'Enter looks at it' "and back"
press q
ended 0 "q"
"$BOOTREEL" replay --verify -q "$work/w.reel" || fail "it replays"

# A guest that sleeps until something is typed: nothing but that would reach another position.
printf '\373\364\353\375' >"$work/sleeps.bin" # sti; hlt; jmp
run "$BOOTREEL" record --tui --flat "$work/sleeps.bin@0x1000" -o "$work/s.reel"
await 'REC .*s.reel' "a guest that sleeps"
for _ in 1 2; do
    press C-a l
    await 'the recording waits' "looking back at a guest that sleeps"
    press q
    await 'REC .*s.reel' "and back"
done
press C-a x
await 'ended with Ctrl-A x' "it ends"
press q
ended 0 "a guest that sleeps"
"$BOOTREEL" replay --verify -q "$work/s.reel" || fail "it replays"

# Watched, but nothing typed: the same bytes as without anybody.
run "$BOOTREEL" record --tui -o "$work/quiet.reel"
await 'switched itself off .*Enter looks at it' "nothing typed"
press q
ended 0 "nothing typed"
"$BOOTREEL" record -q -o "$work/plain.reel" </dev/null >/dev/null
same "$work/quiet.reel" "$work/plain.reel" "watched and not"

# Ended by Ctrl-A x, and by a signal: the trace is whole.
for how in keys signal; do
    run "$BOOTREEL" record --tui -o "$work/$how.reel"
    await 'press a key' "$how"
    if [ $how = keys ]; then
        press C-a x
        await 'ended with Ctrl-A x.* Enter looks at it' "Ctrl-A x"
        press q
    else
        kill -TERM "$(cat "$work/pid")"
    fi
    ended 0 "$how"
    "$BOOTREEL" info "$work/$how.reel" | grep -q '^ended  *interrupted' || fail "$how: the trace has no end"
done
expect 2 tty "$BOOTREEL" record --tui -o "$work/none.reel" && holds "$work/tty.err" 'not a terminal' "no terminal"
expect 2 both "$BOOTREEL" record --tui -i -o "$work/none.reel" && holds "$work/both.err" 'choose one' "--tui -i"
finish
