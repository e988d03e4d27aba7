#!/bin/bash
# keys.sh - the terminal interface on a real terminal (tmux): each key of the table, resizing, suspending, the ways in which it ends,
# terminals that have little.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/tmux.sh"

"$BOOTREEL" record -q -o "$work/demo.reel" </dev/null >/dev/null || fail "record the demo guest"
loader=$("$BOOTREEL" events "$work/demo.reel" --class loader | awk '$4 == "loader.boot-sector" { print $2; exit }' | sed -E ':a; s/([0-9])([0-9]{3})($|,)/\1,\2\3/; ta')
run_tui() { run "$BOOTREEL" tui "$work/demo.reel" "$@"; }

# The first screen says what is seen and which keys matter.
begin 120x40
run_tui
await 'reset vector 0xf000:0xfff0' "the first screen"
await 'g go to .* s step .* e next event .* \? help' "the keys that matter"

# The mouse: a click on the timeline goes there, two on a row as well. (Bytes as xterm sends them: button, column and row from 33 on.)
click() { mux send-keys -H 1b 5b 4d 20 "$1" "$2" 1b 5b 4d 23 "$1" "$2"; }
click_twice() { mux send-keys -H 1b 5b 4d 20 "$1" "$2" 1b 5b 4d 23 "$1" "$2" 1b 5b 4d 20 "$1" "$2" 1b 5b 4d 23 "$1" "$2"; }
press 1
click 5d 23
await 'demo.reel  5,[12]' "a click in the middle of the timeline"
click_twice 2d 30
await '^▸ .*console' "two clicks on an event"
press '^'

# Each key of the table does something where it counts.
tmux_name() {
    case $1 in
    BackSpace) echo BSpace ;;
    PageUp) echo PPage ;;
    PageDown) echo NPage ;;
    S-Tab) echo BTab ;;
    Esc) echo Escape ;;
    *) echo "$1" ;;
    esac
}
page_of() {
    case $1 in
    CX_TIMELINE) echo 1 ;;
    CX_EVENTS) echo 2 ;;
    CX_STAGES) echo 3 ;;
    CX_CODE) echo 5 ;;
    CX_MEMORY) echo 6 ;;
    CX_CONSOLE) echo 0 ;;
    *) echo 1 ;;
    esac
}
keys=0
while IFS='|' read -r name context list; do
    for key in $list; do
        [ "$name" = quit ] && continue
        press "$(page_of "$context")"
        [ "$context" = CX_TIMELINE ] && press BTab
        press -l ':'
        await '^:' "$name: the command line"
        type_line 'goto stage:loader'
        await "demo.reel  $loader" "$name: at its place"
        k=$(tmux_name "$key")
        case $k in
        ?) press -l "$k" ;;
        *) press "$k" ;;
        esac
        sleep 0.1
        seen >"$work/seen"
        head -n 1 "$work/seen" | grep -q 'demo.reel' || { fail "$key ($name): no head line"; cat "$work/seen"; }
        grep -q 'does nothing here' "$work/seen" && fail "$key ($name) does nothing"
        keys=$((keys + 1))
        case $name in
        help) escape ;;
        zoom) press z ;;
        live) press C-a x ;;
        goto | mark | search | address | structure | origin | follow | filter | command | watch | writer | next-change | previous-change) escape ;;
        esac
    done
done < <(sed -n 's/\\\\/\\/g; s/^COMMAND([A-Z_0-9]*, "\([a-z-]*\)", \([A-Z_]*\), "\([^"]*\)".*/\1|\2|\3/p' "$top/tui/commands.def")
[ "$keys" -gt 60 ] || fail "only $keys keys were pressed"

# Moves, by real keys.
press 1 '^' s s n
await 'demo.reel  3 of' "three steps"
press S
await 'demo.reel  2 of' "a step back"
press g
press -l '5M'
press Enter
await 'demo.reel  5,000,000' "g 5M"
press BSpace
await 'demo.reel  2 of' "back"
press /
press -l 'POST code 0x3'
press Enter
press Enter
post=$("$BOOTREEL" events "$work/demo.reel" --class firmware | awk '/POST code 0x3/ { printf "%d,%03d", $2 / 1000, $2 % 1000; exit }')
await "demo.reel  $post" "searched for, and gone to"
press 2 /
press -l boot-sector
press Enter
await '^loader.boot-sector-read ' "searched for in the list"
press n
await '^loader.boot-sector  ' "n after a search goes on with it"
await "demo.reel  $post" "… and makes no step"
press N
await '^loader.boot-sector-read ' "N goes back"
press 1
press : f i l Tab
await '^:filter' "completion"
escape

# Another size, also too small a one.
mux resize-window -x 80 -y 24
await 'g go to' "80 x 24"
mux resize-window -x 40 -y 10
await 'The terminal has 40 x 10' "too small"
mux resize-window -x 200 -y 60
await 'Console' "200 x 60"
# Again and again while it works: the last size is the one that is drawn.
press g
press -l '100%'
press Enter
for size in 90x30 100x30 110x30 120x30 130x35; do
    mux resize-window -x "${size%x*}" -y "${size#*x}"
    sleep 0.05
done
await '^─ Timeline.{120}$' "130 x 35"
await 'demo.reel  .* 100.0 %' "a resize does not cancel a move"
press BSpace
await "demo.reel  $post" "and back"

# Suspended and continued.
press C-z
await 'Stopped' "^Z"
type_line "clear; fg; echo status \$?; stty -g >$work/stty.after"
await 'g go to' "fg"
press q
ended 0 "q"
run_tui
await 'where the last session ended' "the position is remembered"
await "demo.reel  $post" "and gone to"
press C-c
await 'q ends' "Ctrl-C says how to end"
press q
ended 0 "q again"

# Told to end, and the terminal goes away under it.
run_tui
await '^ demo.reel  [0-9]' "it runs"
kill -TERM "$(cat "$work/pid")"
ended 0 "SIGTERM"
run_tui
await '^ demo.reel  [0-9]' "it runs again"
pid=$(cat "$work/pid")
mux kill-server
runs() { [ -e "/proc/$pid" ] && ! grep -q '^State:.*zombie' "/proc/$pid/status"; }
for ((i = 0; i < 100; i++)); do
    runs || break
    sleep 0.05
done
runs && { fail "it goes on without a terminal"; kill "$pid"; }

# Terminals that have little.
TERM_AS=dumb begin 80x24
type_line "$BOOTREEL tui $work/demo.reel; echo status \$?"
await 'TERM=dumb cannot place its cursor' "TERM=dumb"
await 'status 2' "TERM=dumb: status"
TERM_AS=vt100 begin 80x24
run_tui
await '^ demo.reel  [0-9]' "without colours"
press q
ended 0 "vt100"
TERM_AS=screen begin 80x24
EXTRA='' type_line "LC_ALL=C $BOOTREEL tui $work/demo.reel --at 30%; echo status \$?"
await '^ demo.reel  3,.* 30.0 %' "not UTF-8"
seen | LC_ALL=C grep -q '[^ -~]' && fail "not UTF-8: other characters than ASCII"
press q
await 'status 0' "not UTF-8: status"
finish
