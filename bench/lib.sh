# shellcheck shell=bash disable=SC2034,SC2154
# lib.sh - what the scripts of bench/ share. To be sourced at the top of the project, with $tmp set to an empty folder.
#
# BASE=PROGRAM: another bootreel, such as the last release's. What ours() measures is measured of it too, in turns.

qemu=$(command -v qemu-system-x86_64 || true)
qemu_plain="-nographic -no-reboot -net none -cpu qemu64 -accel tcg,thread=single"

base=${BASE:+$(realpath "$BASE")}
[ -z "$base" ] || "$base" --version >"$tmp/base.version" 2>&1 || { echo "bench: BASE=$BASE: not a bootreel that runs: give its path" >&2; exit 2; }
export XDG_CACHE_HOME=$tmp/cache # unpacked kernels: the first recording of each fills it, as a user's first one does
base_cache=$tmp/base.cache       # BASE has its own: otherwise it would find what ours has unpacked

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
of_base() { # ARGUMENT...: the same for BASE, in $arguments: the traces in $tmp that it makes or reads are its own
    local i
    arguments=("$@")
    for i in "${!arguments[@]}"; do
        case ${arguments[i]} in
        "$tmp"/*.reel) arguments[i]=$tmp/base.${arguments[i]##*/} ;;
        esac
    done
}
as_base() { # COMMAND...: runs it with BASE's cache
    XDG_CACHE_HOME=$base_cache "$@"
}
ours() { # NAME ARGUMENT...: measures ./bootreel ARGUMENT... as NAME, and BASE as NAME_base
    measure "$1" ./bootreel "${@:2}"
    [ -z "$base" ] || { of_base "${@:2}" && as_base measure "$1_base" "$base" "${arguments[@]}"; }
}
trace_for_base() { # TRACE: what BASE is asked about in place of it: its own recording beside it, if it made one, as for ours()
    local own=${1%/*}/base.${1##*/}
    if [ -e "$own" ]; then echo "$own"; else echo "$1"; fi
}
median() { # NAME COLUMN: 1 wall, 2 processor time, 3 memory
    sort -n -k"$2" "$tmp/$1.times" | awk -v c="$2" '{ v[NR] = $c } END { print v[int((NR + 1) / 2)] }'
}
ratio() { # NAME OTHER [COLUMN]: of their medians (default: processor time)
    awk -v a="$(median "$1" "${3:-2}")" -v b="$(median "$2" "${3:-2}")" 'BEGIN { printf "%.2f", a / b }'
}
# Processor time beside QEMU's, and BASE's, a line for each boot or kind of work. BENCH_TABLE is a file that keeps the lines: bench/run
# shows those of all scripts in one table.
head_beside() { printf '%-32s %8s %8s %6s%s\n' "processor s" ours QEMU ratio "${base:+     base  ratio}"; }
line_beside() { # NAME WANTED OURS QEMU BASE: seconds; without QEMU or BASE, nothing in its place
    awk -v name="$1" -v wanted="$2" -v a="$3" -v q="${4:-0}" -v o="${5:-0}" 'BEGIN {
        line = sprintf("%-32s %8.2f %8s %6s", name, a, (q > 0 ? sprintf("%.2f", q) : "-"), (q > 0 ? sprintf("%.2f", a / q) : "-"))
        if (o > 0) line = line sprintf(" %8.2f %6.2f", o, a / o)
        print line (q > 0 && a / q > wanted ? "   above " wanted : "") }' | tee -a "${BENCH_TABLE:-/dev/null}"
}
beside_qemu() { # NAME WANTED OURS QEMU: the same of what was measured as OURS and QEMU
    [ -z "$qemu" ] || printf 'recording / QEMU                 %s   (wanted: at most %s, processor time)\n' "$(ratio "$3" "$4")" "$2"
    line_beside "$1" "$2" "$(median "$3" 2)" "$([ -z "$qemu" ] || median "$4" 2)" "$([ -z "$base" ] || median "$3_base" 2)" >/dev/null
}
table() { # RUNS NAME...: the medians of those that were measured; with BASE, its own and the ratio of processor times
    printf '%-34s %8s %8s %9s%s\n' "medians of $1" "wall s" "cpu s" "peak MiB" "${base:+   base: wall s    cpu s  peak MiB  ours / base}"
    shift
    for name; do
        [ -e "$tmp/$name.times" ] || continue
        printf '%-34s %8s %8s %9s' "$name" "$(median "$name" 1)" "$(median "$name" 2)" "$(($(median "$name" 3) / 1024))"
        [ ! -e "$tmp/${name}_base.times" ] ||
            printf '   %12s %8s %9s %12s' "$(median "${name}_base" 1)" "$(median "${name}_base" 2)" "$(($(median "${name}_base" 3) / 1024))" "$(ratio "$name" "${name}_base")"
        echo
    done
}

# What bench/rows and bench/programs share. They define in_qemu NAME and recorded BOOTREEL NAME COLUMN, which measure NAME as NAME_qemu and
# NAME_COLUMN; what runs in the guest says "WORD NAME: RESULT".
cpu_v2=qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt,+cx16,+lahf_lm # QEMU's name for our default, x86-64-v2
once_before() { # NAME: a run that is not counted, so that the files are in memory afterwards
    [ -z "$qemu" ] || in_qemu "$1"
    recorded ./bootreel "$1" ours
    rm -f "$tmp/$1"_*.times
}
in_turns() { # RUNS NAME
    for _ in $(seq "$1"); do
        [ -z "$qemu" ] || in_qemu "$2"
        recorded ./bootreel "$2" ours
        [ -z "$base" ] || recorded "$base" "$2" base
    done
}
said() { grep -ao "$1 $2: [0-9a-f]*" "$tmp/$2_$3.out"; } # WORD NAME COLUMN
agree() { # WORD NAME: both sides have computed the same
    said "$1" "$2" ours >"$tmp/said" || { echo "bench: $2: it did not come to an end" && exit 1; }
    [ -z "$qemu" ] || said "$1" "$2" qemu | cmp -s - "$tmp/said" || { echo "bench: $2: the results differ" && exit 1; }
}
seconds() { # NAME COLUMN [BOOT]: the median of its processor time, without that of BOOT; nothing if it was not measured
    [ ! -e "$tmp/$1_$2.times" ] ||
        awk -v a="$(median "$1_$2" 2)" -v b="$([ -z "${3:-}" ] || median "$3_$2" 2)" 'BEGIN { printf "%.2f", (a > b ? a - b : 0) }'
}
row_beside() { # TITLE NAME [BOOT]: its line of the table
    line_beside "$1" 0.9 "$(seconds "$2" ours "${3:-}")" "$(seconds "$2" qemu "${3:-}")" "$(seconds "$2" base "${3:-}")"
}
