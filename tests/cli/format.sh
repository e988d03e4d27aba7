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
done | sed '/^replay  *recorded with/d; s/[[:space:]]*$//' >"$work/format.out"
golden "$work/format.out" cli/format.golden

# That it is still the same run: behaviour-N.reel was recorded by behaviour version N of the PC, linux-N.reel by that of the Linux host. The
# program runs as the versions in `runs`; it refuses a replay of others, and anything else that runs the guest, in one line.
"$BOOTREEL" --version >"$work/version"
pc=$(sed -n 's/.*engine pc behaviour \([0-9]*\).*/\1/p' "$work/version")
linux=$(sed -n 's/.*engine linux behaviour \([0-9]*\).*/\1/p' "$work/version")
for t in "behaviour-$pc.reel" "linux-$linux.reel"; do
    [ -e "$t" ] || fail "$t: there is no trace of this version: see CONTRIBUTING.md"
done
runs='behaviour-14 behaviour-15 behaviour-15-frames behaviour-15-pause behaviour-15-turns behaviour-16 linux-10 linux-10-reach linux-11'
for t in $runs; do
    expect 0 "$t" "$BOOTREEL" replay --verify --console=none "$t.reel"
done

refused() { # TRACE WHO COMMAND…: the last command's only line names the bootreel to use
    local t=$1 who=$2
    shift 2
    expect 2 refused "$BOOTREEL" "$@"
    [ "$(wc -l <refused.err)" = 1 ] && [ ! -s refused.out ] &&
        grep -q "^bootreel: $t: recorded with behaviour .* runs only [0-9]* \(and\|to\) [0-9]*: replay it with $who\$" refused.err ||
        fail "$t: $1: $(head -n 2 refused.err)"
}
older() { # TRACE WHO: what reads the trace works, what runs it says who can
    local t=$1 who=$2 format
    for command in info 'info --format json' stages events 'events --explain' processes digest symbols; do
        expect 0 older "$BOOTREEL" $command "$t"
    done
    [ -s older.err ] && fail "$t: $(cat older.err)"
    expect 0 info "$BOOTREEL" info "$t"
    grep -q "^replay .*: replay it with $who\$" info.out || fail "$t: info does not say who replays it"
    expect 0 query "$BOOTREEL" query "$t" 'SELECT * FROM events'
    expect 0 diff "$BOOTREEL" diff "$t" "$t"
    for format in perfetto folded json sqlite html; do
        expect 0 export "$BOOTREEL" export "$t" --format $format -o "$work/older.export"
    done
    for command in replay 'replay --verify' 'replay --lockstep' why profile used screen 'gdb --stdio' 'tui --dump x'; do
        refused "$t" "$who" $command "$t"
    done
    refused "$t" "$who" find "$t" --exec 0x1000
    refused "$t" "$who" origin "$t" --at 1 --register rax
    refused "$t" "$who" dump "$t" --at 1 -o "$work/older.core"
    refused "$t" "$who" annotate "$t" -o "$work/older.reel"
    refused "$t" "$who" export "$t" --format pprof -o "$work/older.export"
}
cp format-[14].reel behaviour-13.reel linux-9.reel "$work"
cd "$work" || exit 2
older behaviour-13.reel 'bootreel 1.0.0'
older linux-9.reel 'bootreel 1.0.0'
refused format-1.reel 'a build of commit [0-9a-f]*' replay format-1.reel
refused format-4.reel 'bootreel 1.0.0' replay format-4.reel
finish
