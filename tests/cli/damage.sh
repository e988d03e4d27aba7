#!/bin/bash
# damage.sh - one flipped bit anywhere in a trace: verification finds it and says where; nothing crashes.
. "$(dirname "$0")/../lib.sh"
need_guests
mapfile -t iso < <(machine iso)
"$BOOTREEL" record "${iso[@]}" -q --until 9M --checkpoint-every 2M -o "$work/whole.reel" || { fail "record"; finish; }
size=$(stat -c %s "$work/whole.reel")
expect 0 whole "$BOOTREEL" replay --verify --console=none "$work/whole.reel"

flip() { # OFFSET BIT: $work/bad.reel
    cp "$work/whole.reel" "$work/bad.reel"
    local byte
    byte=$(od -An -tu1 -j "$1" -N 1 "$work/whole.reel")
    printf "\\x$(printf %x $((byte ^ 1 << $2)))" | dd of="$work/bad.reel" bs=1 seek="$1" conv=notrunc status=none
}

# What a damaged trace may do: say so in one or two lines, and exit with 2; or differ, and exit with 1.
check() { # OFFSET BIT
    local status
    flip "$1" "$2"
    "$BOOTREEL" replay --verify --console=none "$work/bad.reel" >"$work/bad.out" 2>"$work/bad.err" </dev/null
    status=$?
    kinds[status]=$((${kinds[status]:-0} + 1))
    case $status in
    1) grep -q 'the replay differs from the record' "$work/bad.out" || fail "bit $2 of byte $1: exit 1, and no report" ;;
    2) grep -q '^bootreel: .*bad\.reel' "$work/bad.err" || fail "bit $2 of byte $1: not named: $(cat "$work/bad.err")" ;;
    *) fail "bit $2 of byte $1: exit status $status: $(tail -n 1 "$work/bad.out"; cat "$work/bad.err")" ;;
    esac
    [ "$(wc -l <"$work/bad.err")" -le 2 ] || fail "bit $2 of byte $1: many lines: $(cat "$work/bad.err")"
    # The other commands must not crash on it.
    "$BOOTREEL" info --check "$work/bad.reel" >/dev/null 2>&1
    [ $? -le 2 ] || fail "bit $2 of byte $1: info --check crashes"
}

kinds=()
for at in 0 7 8 12 16 40 56 63 64 68 69 70 72 76 80 100 150 200; do check $at $((at % 8)); done
for i in $(seq 1 60); do check $(((size - 400) * i / 61 + i * 7919 % 300)) $((i % 8)); done
for at in 1 4 8 16 23 24 25 40 60 100 150 300 600; do check $((size - at)) $((at % 8)); done
echo "exit statuses: 0: ${kinds[0]:-0}, 1: ${kinds[1]:-0}, 2: ${kinds[2]:-0}"
finish
