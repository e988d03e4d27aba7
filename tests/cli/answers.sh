#!/bin/bash
# answers.sh - record --type: texts are waited for and answered on the device on which they stand; what was not typed is said.
. "$(dirname "$0")/../lib.sh"

cat >"$work/answers" <<'END'
# A line each.
press a key for a shell=y

> =hello "a\=b"\n
END
for j in 1 0; do
    expect 0 "record$j" env BOOTREEL_COMPILE=$j "$BOOTREEL" record -q --console -o "$work/$j.reel" --type-file "$work/answers" --type '> =off\n'
done
holds "$work/record1.out" '^hello: hello, "a=b"! I am process 11' "what was typed"
same "$work/1.reel" "$work/0.reel" "the same answers to compiled and interpreted code"
expect 0 verify "$BOOTREEL" replay --verify --console=none "$work/1.reel"

# Our BIOS's boot menu, on the screen, by keys.
expect 0 menu "$BOOTREEL" record -q -o "$work/menu.reel" --boot menu --type '@100ms=<F12>' --type 'Boot from:=1' --type 'press a key for a shell=y' --type '> =off\n' --until 60s
"$BOOTREEL" events "$work/menu.reel" --class console >"$work/menu.events"
[ -s "$work/menu.events" ] || fail "the menu printed nothing"

expect 1 never "$BOOTREEL" record -q -o "$work/never.reel" --type 'press a key for a shell=n' --type 'no such text=x' --type '@3600s=y'
holds "$work/never.err" '^bootreel: --type "no such text=x": its text never came$' "an answer that is not typed"
for bad in a =x a= '@2=b' 'a=<F99>' 'a=\q'; do
    expect 2 bad "$BOOTREEL" record -q -o "$work/bad.reel" --type "$bad"
    [ "$(wc -l <"$work/bad.err")" = 1 ] || fail "$bad: $(cat "$work/bad.err")"
done
echo 'a' >"$work/answers"
expect 2 bad "$BOOTREEL" record -q -o "$work/bad.reel" --type-file "$work/answers"
holds "$work/bad.err" "^bootreel: --type-file: .*answers: line 1: \"a\": an answer is" "the line is named"
[ ! -e "$work/bad.reel" ] || fail "a trace was written"
finish
