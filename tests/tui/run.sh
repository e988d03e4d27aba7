#!/bin/bash
# run.sh - bootreel run without a command, on a real terminal: a shell in the guest with completion, job control and interrupts, its exit status, and
# the terminal as it was.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/tmux.sh"
need_guests
kernel=$GUESTS/root/boot/vmlinuz-$(ls "$GUESTS/root/lib/modules" | head -n 1)
mkdir "$work/place" && cd "$work/place" || exit 2
echo content >a-file-of-the-host

begin 100x30
type_line "cd $work/place"
run "$BOOTREEL" run --kernel "$kernel" -o shell.reel
await 'place#$' "a prompt"
press -l 'cat a-file-of'
press Tab
await 'cat a-file-of-the-host' "completion by the guest's shell"
press Enter
await '^content$' "a file of the host"
type_line 'stty size; echo $TERM'
await '^30 100$' "the terminal's size"
await '^screen-256color$' "the terminal's kind"
type_line 'sleep 1000'
await 'sleep 1000' "a program"
press C-c
type_line 'echo status=$?'
await '^status=130' "an interrupt"
type_line 'sleep 1000'
press C-z
await 'Stopped' "job control"
type_line 'kill %1; clear; echo >/tmp/made-in-the-guest && ls /tmp/made-in-the-guest'
await '^/tmp/made-in-the-guest' "a file of the guest"
[ ! -e /tmp/made-in-the-guest ] || fail "the host was changed"
type_line 'exit 7'
ended 7 "the shell's exit status"
"$BOOTREEL" replay --verify -q --console=none shell.reel || fail "it replays"

# Ended by the person: no failure.
run "$BOOTREEL" run --kernel "$kernel" -o ended.reel
await 'place#$' "a prompt again"
press C-a x
ended 0 "C-a x"
grep -q '^bootreel: ended.reel: ' "$work/seen" || fail "the last line does not begin at the left: $(cat "$work/seen")"
finish
