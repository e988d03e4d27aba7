#!/bin/bash
# format.sh - traces of earlier versions of the file format (tests/golden) are still read: every command's text is compared.
. "$(dirname "$0")/../lib.sh"
cd tests/golden || exit 2

read_all() { # TRACE
    local t=$1
    printf '== %s\n' "$t"
    "$BOOTREEL" info --check "$t"
    "$BOOTREEL" stages "$t"
    "$BOOTREEL" events "$t"
    "$BOOTREEL" events --format json --class console,firmware,power "$t"
    "$BOOTREEL" symbols "$t" echo 0x7c00
}
for t in format-*.reel; do
    read_all "$t" 2>&1
done | sed 's/[[:space:]]*$//' >"$work/format.out"
golden "$work/format.out" cli/format.golden

# What is in the frames is compared by them; that it is still the same run, too, as long as the engine is the same: behaviour-N.reel
# was recorded by behaviour version N of the PC, linux-N.reel by that of the Linux host.
"$BOOTREEL" --version >"$work/version"
pc=$(sed -n 's/.*engine pc behaviour \([0-9]*\).*/\1/p' "$work/version")
linux=$(sed -n 's/.*engine linux behaviour \([0-9]*\).*/\1/p' "$work/version")
for t in "behaviour-$pc.reel" "linux-$linux.reel"; do
    [ -e "$t" ] || fail "$t: there is no trace of this version: see CONTRIBUTING.md"
done
for t in format-*.reel behaviour-*.reel linux-*.reel; do
    "$BOOTREEL" replay --verify --console=none "$t" >"$work/replay.out" 2>"$work/replay.err"
    status=$?
    [ $status = 0 ] || grep -q 'recorded with behaviour version' "$work/replay.err" ||
        fail "$t: replay exits with $status: $(tail -n 2 "$work/replay.err")"
done
finish
