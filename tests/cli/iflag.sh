#!/bin/bash
# iflag.sh - the class iflag: each CLI and STI, and POPF, IRET, SYSRET and their like where they change IF. They are in order although a
# series of accesses is reported late, they change no other event, and a guest that makes millions of them is folded.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 2

# Series of accesses with CLI and STI within them and behind them; POPF and IRET; CLI and STI in their own loop, without an access.
flat_guest flags.bin 0x7c00 - <<'END'
.code16
.globl _start
_start: xor %ax, %ax
    mov %ax, %ss
    mov $0x7000, %sp
    mov $0xff, %al
    out %al, $0x21
    mov $40, %cx
1:  in $0x61, %al
    sti
    nop
    cli
    loop 1b
    pushf
    sti
    nop
    popf
    pushf
    sti
    pushf
    push %cs
    push $2f
    cli
    iret
2:  popf
    mov $100, %cx
3:  in $0x60, %al
    cli
    loop 3b
    mov $200000, %ecx
4:  cli
    sti
    nop
    addr32 loop 4b
    cli
    hlt
END
rec() { expect 0,1 "record $1" "$BOOTREEL" record -q --memory 1M --flat flags.bin@0x7c00 -o "$1.reel" "${@:2}"; }
rec plain --checkpoint-every 300k
rec flags --events +iflag --checkpoint-every 300k
rec all --events +iflag,-fold
rec word --events +cpu.iflag --checkpoint-every 300k
cmp flags.reel word.reel || fail "cpu.iflag is another word for iflag"
expect 0 verify "$BOOTREEL" replay --verify --console=none flags.reel
expect 0 annotate "$BOOTREEL" annotate -q plain.reel -o later.reel --events +iflag
expect 0 plain "$BOOTREEL" events plain.reel --class iflag
[ ! -s plain.out ] || fail "it is recorded only if it is named"
holds plain.err 'not recorded: iflag' "it is recorded only if it is named"
"$BOOTREEL" events flags.reel --class cpu >cpu.txt
"$BOOTREEL" events flags.reel --class cpu,-iflag >other.txt
holds cpu.txt 'cpu.cli' "the events are of the class cpu"
if grep -q 'cpu.cli' other.txt; then fail "a part of the class cpu is left out if it is named with a minus"; fi
[ "$("$BOOTREEL" find flags.reel --event cpu --count)" = "$("$BOOTREEL" find flags.reel --event cpu.iflag --count)" ] || fail "find: the class cpu has the part"

# What is said of each.
"$BOOTREEL" events flags.reel --explain >flags.txt
holds flags.txt 'cpu.sti +sti at 0x0:0x[0-9a-f]+, IF was 0.* on once the next instruction' "an STI"
holds flags.txt 'cpu.cli +cli at 0x0:0x[0-9a-f]+, IF was 0.* off already' "a CLI that changes nothing"
holds flags.txt 'cpu.if +popf at 0x0:0x[0-9a-f]+, IF becomes 0' "POPF"
holds flags.txt 'cpu.if +iret at 0x0:0x[0-9a-f]+, IF becomes 1' "IRET"
"$BOOTREEL" events later.reel --explain >later.txt
same flags.txt later.txt "annotated later"

# In order; each happened; and the other events are as they are without the class.
"$BOOTREEL" events all.reel --format json >all.json
python3 - >counts 2>&1 <<'END' || fail "the order of icounts"
import collections, json
events = json.load(open("all.json"))
kinds = collections.Counter(e["kind"] for e in events)
print(kinds["cpu.cli"], kinds["cpu.sti"])
at = [e["icount"] for e in events]
assert at == sorted(at)
END
[ "$(head -n 1 counts)" = "200142 200042" ] || fail "CLI and STI: $(cat counts) times"
"$BOOTREEL" events plain.reel --class pio | cut -c 9- >plain.pio
"$BOOTREEL" events all.reel --class pio | cut -c 9- >all.pio
same plain.pio all.pio "accesses with and without the class"

# Folded, though the inspector has to wait with them: the longest sequence is one event.
[ "$(wc -l <flags.txt)" -lt 200 ] || fail "$(wc -l <flags.txt) events of 400,184"
holds flags.txt 'fold.again .*the last 2 events again' "what repeats is folded"

# What was folded cannot be made again from a checkpoint on.
expect 2 parts "$BOOTREEL" replay --verify --part 2/2 --console=none flags.reel
holds "$work/parts.err" 'cannot be verified in parts: .* class iflag' "a folded sequence has no parts"
finish
