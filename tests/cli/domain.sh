#!/bin/bash
# domain.sh - an HVM domain with code of our own in hvmloader's place (guests/hvm, tests/guests/hvm): hypercalls, events, the story;
# what is not such a file.
. "$(dirname "$0")/../lib.sh"
. tests/hypercalls.sh
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
golden hello.out cli/domain-hello.golden
"$BOOTREEL" events hello.reel | awk '{ $1 = $2 = $3 = ""; print }' | sed 's/^ *//; s/0x10[0-9a-f]*/ADDRESS/g' >hello.events
golden hello.events cli/domain-events.golden
record hello --memory 5G
holds hello.out '^memory at 0x0, 2097152 KiB$' "memory above 4 GiB"
cp hello.reel first.reel
record hello --memory 5G
same first.reel hello.reel "two recordings"

# Hypercalls and requests to xenstore that nobody would make: the domain gets errors, and goes on to its end.
for n in 1 2 4; do
    hvm_calls $n calls-$n.elf
    expect 0 calls-$n timeout 60 "$BOOTREEL" record -q --hvmloader calls-$n.elf --bios none --memory 32M --cpus $n --until 100M -o calls-$n.reel
    "$BOOTREEL" events --class hypercall,power calls-$n.reel | tail -n 3 >calls-$n.end
    holds calls-$n.end 'power off by sched_op shutdown: power off' "calls with seed $n"
    expect 0 calls-$n-replay timeout 60 "$BOOTREEL" replay --verify --console=none calls-$n.reel
done
"$BOOTREEL" events --class unhandled calls-1.reel >unhandled
holds unhandled 'memory_op exchange 0xb ' "an operation that is not implemented, by its name"

# Steps back give the states that were there: registers, and memory that hypercalls have changed.
cat >steps.gdb <<'EOF'
set confirm off
set pagination off
source TOP/scripts/gdb/bootreel.py
target remote | "$BOOTREEL" gdb calls-1.reel --stdio
define state
    info registers eip eax ecx edx ebx
    monitor when
    x/8xb 0xfeffc800
end
boot-seek 9000000
state
stepi 1000
reverse-stepi 1000
state
boot-seek 17000000
boot-seek 9000000
state
EOF
sed -i "s|\"\$BOOTREEL\"|$BOOTREEL|; s|TOP|$top|" steps.gdb
expect 0 steps timeout 100 gdb -nx -batch -x steps.gdb
grep -E '^(eip|eax|ecx|edx|ebx|0xfeff)' steps.out >states
[ "$(wc -l <states)" = 18 ] || { fail "states in gdb"; cat steps.err; }
for n in 1 2; do
    tail -n +$((1 + n * 6)) states | head -n 6 | diff - <(head -n 6 states) || fail "a state after steps back"
done

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
