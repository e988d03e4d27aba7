#!/bin/bash
# tour.sh - the walks of docs/tour.md, as they are written there.
. "$(dirname "$0")/../lib.sh"

"$BOOTREEL" record -q -o "$work/boot.reel" </dev/null >/dev/null || fail "record the demo guest"
sed -n '/^```tui/,/^```$/p' docs/tour.md | grep -v '^```' >"$work/walks"
[ "$(wc -l <"$work/walks")" -gt 30 ] || fail "docs/tour.md has no walks"
"$BOOTREEL" tui "$work/boot.reel" --script "$work/walks" --size 120x40 2>"$work/err" || {
    fail "$(cat "$work/err")"
    sed -n "$(sed -n 's/.*walks:\([0-9]*\):.*/\1/p' "$work/err")p" "$work/walks"
}
finish
