#!/bin/bash
# hvm.sh - an HVM domain with code of our own in hvmloader's place (guests/hvm, tests/guests/hvm): hypercalls, events, the story;
# what is not such a file.
. "$(dirname "$0")/../lib.sh"
build test-guests >"$work/build" 2>&1 || { cat "$work/build"; fail "test guests"; }
guests=$top/build/release/tests/guests/hvm
cd "$work" || exit 2

record() { # NAME OPTION...
    expect 0 "$1" timeout 60 "$BOOTREEL" record -q --hvmloader "$guests/$1.elf" --bios none --console=xen "${@:2}" -o "$1.reel"
    expect 0 "$1-replay" timeout 60 "$BOOTREEL" replay --verify --console=none "$1.reel"
    holds "$1-replay.out" '^verified: ' "$1"
}

# The example prints by the hypercall console, and shuts the domain down.
record hello --memory 64M
golden hello.out cli/hvm-hello.golden
"$BOOTREEL" events hello.reel >hello.events
golden hello.events cli/hvm-events.golden
record hello --memory 5G
holds hello.out '^memory at 0x0, 2097152 KiB$' "memory above 4 GiB"
cp hello.reel first.reel
record hello --memory 5G
same first.reel hello.reel "two recordings"

# Not an image for a domain; and options that make no sense with it.
refused() { # NAME TEXT OPTION...
    expect 2 "$1" "$BOOTREEL" record -q "${@:3}" -o no.reel
    holds "$1.err" "^bootreel: .*$2" "$1"
    [ "$(wc -l <"$1.err")" = 1 ] || fail "$1: more than one line"
}
echo 'name = "a configuration"' >text.cfg
refused text 'text.cfg: is not an ELF image: give' --hvmloader text.cfg --bios none
: >empty
refused empty 'empty: is empty' --hvmloader empty --bios none
refused wide 'not of 32-bit x86 code' --hvmloader "$BOOTREEL" --bios none
head -c 200 "$guests/hello.elf" >short.elf
refused short 'short.elf: .*damaged|truncated' --hvmloader short.elf --bios none
refused missing 'absent' --hvmloader absent --bios none
refused little 'at least 16M' --hvmloader "$guests/hello.elf" --bios none --memory 8M
refused kernel '--hvmloader and --kernel' --hvmloader "$guests/hello.elf" --bios none --kernel "$guests/hello.elf"
refused bios 'does not know Xen' --hvmloader "$guests/hello.elf" --bios builtin
finish
