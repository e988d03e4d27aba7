#!/bin/bash
# debian.sh - Debian's kernel, directly, from a CD and from a disk, on the serial port and on the screen alone:
# each gets to its power-off, replays verified with the same console, and records to the same bytes again, also by other builds of the program.
. "$(dirname "$0")/../lib.sh"
need_guests

# An environment that must not matter: other zone, language, memory contents, addresses.
elsewhere() { env TZ=Asia/Tokyo LANG=de_DE.UTF-8 LC_ALL=POSIX MALLOC_PERTURB_=165 "$@"; }

again() { # NAME PROGRAM WHAT: record once more, compare
    local args
    mapfile -t args < <(machine "$1")
    elsewhere "$2" record "${args[@]}" -q -o "$work/$1-$3.reel" </dev/null || fail "$1 by $3: record exits with $?"
    same "$recordings/$1.reel" "$work/$1-$3.reel" "$1: recorded once more by $3" || cp "$work/$1-$3.reel" "$recordings/$1-$3.differs"
    rm -f "$work/$1-$3.reel"
}

verified() { # NAME
    local r=$recordings/$1.reel out=$work/$1-replay
    expect 0 "$1-replay" "$BOOTREEL" replay --verify --jobs 1 --seeks "$r"
    grep -Eq '^verified: [0-9,]{9,} steps, [0-9,]+ checkpoints, [0-9,]{4,} events$' <(tail -n 2 "$out.out") ||
        fail "$1: no summary of what was verified: $(tail -n 2 "$out.out")"
    holds "$out.out" '^seeks: 20 positions have' "$1: seeks"
    head -n -2 "$out.out" >"$out.console"
    expect 0 "$1-jobs" "$BOOTREEL" replay --verify -q --console=none "$r"
    same "$recordings/$1.console" "$out.console" "$1: console of the replay"
    [ ! -s "$out.err" ] || fail "$1: replay says on standard error: $(head -n 1 "$out.err")"
}

# A few of many parts: the events of guest systems in them come from the record, all others from the replay.
parts() { # NAME
    local part
    for part in 3/30 22/30 29/30 30/30; do
        expect 0 "$1-part" "$BOOTREEL" replay --verify --jobs 1 --console=none --part "$part" "$recordings/$1.reel"
        holds "$work/$1-part.out" "^verified: part ${part%/*} of 30, from icount [0-9,]{6,} on: [0-9,]{9,} steps, [1-9] checkpoints" "$1: part $part"
    done
}

# What a boot to power-off leaves in the trace.
looked_at() { # NAME
    local r=$recordings/$1.reel
    expect 0 "$1-info" "$BOOTREEL" info --check "$r"
    holds "$work/$1-info.out" '^ended +power-off: ACPI' "$1: info"
    holds "$work/$1-info.out" 'first ring 3 at' "$1: info"
    holds "$work/$1-info.out" '^checked +every frame is whole' "$1: info"
    holds "$recordings/$1.console" 'Linux version 6' "$1: console"
    holds "$recordings/$1.console" 'init: powering off' "$1: console"
    holds "$recordings/$1.console" 'child 3 of' "$1: console"
    expect 0 "$1-events" "$BOOTREEL" events --class console,power,process "$r"
    holds "$work/$1-events.out" 'Linux version 6' "$1: events"
    holds "$work/$1-events.out" 'power\.off' "$1: events"
}

firmware_seen() { # NAME
    for mark in 'firmware.option-rom ' 'loader.boot-sector-read ' 'loader.boot-sector ' '-> 64-bit mode'; do
        "$BOOTREEL" events --class cpu,firmware,loader "$recordings/$1.reel" | grep -qF -- "$mark" ||
            fail "$1: no event \"$mark\""
    done
}

sizes() { # NAME MB: the trace is at most what was read from images and so many MB; events at most 8 MB
    local info=$work/$1-info.out read size events
    size=$(stat -c %s "$recordings/$1.reel")
    read=$(sed -n 's/.*bytes, of which \([0-9,]*\) are in the trace.*/\1/p' "$info" | tr -d , | awk '{n += $1} END {printf "%d", n}')
    events=$(awk '$1 == "events" && NF == 4 { gsub(",", "", $3); print $3 }' "$info")
    [ "$size" -le $((read + $2 * 1000000)) ] || fail "$1: $size bytes, with $read read from images: more than $2 MB beyond"
    [ "$events" -le 8000000 ] || fail "$1: $events bytes of events: more than 8 MB"
    echo "$1: $size bytes, of which images $read, events $events"
}

all() { # NAME MB
    recording "$1" || return
    verified "$1"
    looked_at "$1"
    sizes "$1" "$2"
}

# A boot's beginning by a build with a sanitizer, which is slow.
start_by() { # VARIANT UNTIL
    local args program=$top/build/$1/bootreel
    mapfile -t args < <(machine iso)
    for p in "$BOOTREEL" "$program"; do
        "$p" record "${args[@]}" -q --until "$2" --checkpoint-every 5M -o "$work/start-$(basename "$(dirname "$p")").reel" </dev/null ||
            fail "start of iso by $p: exit status $?"
    done
    same "$work/start-$(basename "$top").reel" "$work/start-$1.reel" "iso until $2 by the $1 build"
}

build VARIANT=clang CC=clang all >"$work/make.log" 2>&1 || { fail "the clang build"; tail "$work/make.log"; }
build VARIANT=sanitize all >"$work/make.log" 2>&1 || { fail "the sanitized build"; tail "$work/make.log"; }

(
    all direct 8
    again direct "$BOOTREEL" gcc
    again direct "$top/build/clang/bootreel" clang
    all direct-vga 8
    "$BOOTREEL" screen "$recordings/direct-vga.reel" >"$work/screen"
    holds "$work/screen" 'reboot: Power down' "direct-vga: the screen at the end"
    holds "$work/direct-vga-info.out" '^screen +at the end:' "direct-vga: info"
    "$BOOTREEL" screen "$recordings/direct-vga.reel" --at 'console:Linux version' >"$work/screen"
    start_by sanitize 60M
) &
all iso 10
firmware_seen iso
again iso "$top/build/clang/bootreel" clang
all disk 32 # its file system puts blocks of its own between those of the kernel
parts disk
firmware_seen disk
again disk "$BOOTREEL" gcc
wait
finish
