# shellcheck shell=bash disable=SC2034,SC2154
# lib.sh - what the scripts of bench/ share. To be sourced, with $tmp set to an empty folder.

qemu=$(command -v qemu-system-x86_64 || true)
qemu_plain="-nographic -no-reboot -net none -cpu qemu64 -accel tcg,thread=single"

timed() { # NAME COMMAND...: runs it; appends wall seconds, user+system seconds and peak memory (KiB) to those of NAME
    local name=$1 rc=0
    shift
    /usr/bin/time -o "$tmp/time" -f "%e %U %S %M" "$@" >"$tmp/$name.out" 2>&1 </dev/null || rc=$?
    awk 'END { print $(NF - 3), $(NF - 2) + $(NF - 1), $NF }' "$tmp/time" >>"$tmp/$name.times"
    return $rc
}
measure() { # NAME COMMAND...: the same; ends the benchmark if the command fails
    timed "$@" || { cat "$tmp/$1.out"; exit 1; }
}
median() { # NAME COLUMN: 1 wall, 2 processor time, 3 memory
    sort -n -k"$2" "$tmp/$1.times" | awk -v c="$2" '{ v[NR] = $c } END { print v[int((NR + 1) / 2)] }'
}
ratio() { # NAME OTHER [COLUMN]: of their medians (default: processor time)
    awk -v a="$(median "$1" "${3:-2}")" -v b="$(median "$2" "${3:-2}")" 'BEGIN { printf "%.2f", a / b }'
}
table() { # RUNS NAME...: the medians of those that were measured
    printf '%-34s %8s %8s %9s\n' "medians of $1" "wall s" "cpu s" "peak MiB"
    shift
    for name; do
        [ ! -e "$tmp/$name.times" ] ||
            printf '%-34s %8s %8s %9s\n' "$name" "$(median "$name" 1)" "$(median "$name" 2)" "$(($(median "$name" 3) / 1024))"
    done
}
