#!/bin/bash
# gdb-machine.sh - in gdb: the processor's tables and the chips in words, completion of arguments, and the Python API, whose examples in
# docs/gdb.md are executed here. On a two-processor guest of our own, and at the reset vector.
. "$(dirname "$0")/../lib.sh"
. tests/gdb.sh

"$BOOTREEL" record -q -o "$work/demo.reel" </dev/null || fail record
"$BOOTREEL" record -q --machine q35 --nic virtio --until 1M -o "$work/q35.reel" </dev/null || fail "record q35"
in_gdb() { # TRACE POSITION COMMAND...
    local trace=$1 at=$2 options=()
    shift 2
    for c in "$@"; do options+=(-ex "$c"); done
    gdb_run -ex "source scripts/gdb/bootreel.py" -ex "boot-open $trace --at $at" -ex "monitor progress off" "${options[@]}"
}

# ---------------------------------------------------------------- tables and chips

in_gdb "$work/demo.reel" stage:loader boot-idt "boot-idt 0x13" "boot-idt 999" boot-irq boot-pci "boot-chip pic" "boot-chip nope" boot-page \
    "info threads" >"$work/real"
holds "$work/real" '^interrupt vectors at 0x0, limit 0x3ff$' "boot-idt in real mode"
holds "$work/real" '^13  f000:[0-9a-f]{4}  0xf[0-9a-f]{4} ' "one vector"
holds "$work/real" 'idt: give a vector' "a vector that there cannot be"
holds "$work/real" '^  IRQ 0   vector 08  timer \(PIT\)' "boot-irq"
holds "$work/real" '^local APIC 0 of processor 0 at 0xfee00000: enabled' "the local APIC"
holds "$work/real" '^00:01.1  piix3-ide    8086:7010  IDE controller' "boot-pci"
holds "$work/real" '^         BAR 4  I/O ports c000-c00f$' "what a function decodes"
holds "$work/real" '^chip\[0\].imr +[0-9a-f]{2}' "boot-chip"
holds "$work/real" 'there is no chip "nope". There are: machine .* pic ' "a chip that there is not"
holds "$work/real" '^no paging: linear 0x[0-9a-f]+ is physical' "boot-page without paging"
holds "$work/real" 'Thread 1.1 "CPU 0" \(real mode\)' "info threads"

in_gdb "$work/demo.reel" 99% boot-gdt boot-idt boot-page "info threads" >"$work/paged"
holds "$work/paged" '^00[0-9a-f]{2} +[0-9a-f]{16}  code 32-bit, ring [03], .*  <- cs' "boot-gdt"
holds "$work/paged" '#PF page fault$' "boot-idt"
holds "$work/paged" '^PD   \[ *[0-9a-f]+\] at 0x[0-9a-f]+ +[0-9a-f]{16} present writable ' "boot-page: a table's entry"
holds "$work/paged" '^           last written at [0-9]+ by ' "boot-page: who wrote it"
holds "$work/paged" '^0x[0-9a-f]+ is physical 0x[0-9a-f]+, in a page of [0-9]+ [KM]iB: ' "boot-page: the page"
# The write that boot-page names is the one that find sees last.
entry=$(sed -n 's/^PD .* at \(0x[0-9a-f]*\) .*/\1/p' "$work/paged" | head -n 1)
written=$(sed -n '/^PD /{n;s/.*written at \([0-9]*\) .*/\1/p}' "$work/paged" | head -n 1)
here=$(in_gdb "$work/demo.reel" 99% 'printf "%lu\n", $icount' | tail -n 2 | head -n 1)
step=$("$BOOTREEL" find "$work/demo.reel" --write "$(printf '0x%x' $((entry + 0xc0000000))),4" --from "$written" --to "$here" | awk '/^ *[0-9]/ { print $1 }')
[ "$step" = "$written" ] || fail "boot-page: entry $entry was written at $written, find says $step"

in_gdb "$work/q35.reel" 100% boot-pci "info threads" >"$work/q35"
holds "$work/q35" '8086:29c0  host bridge' "the bridge of q35"
holds "$work/q35" 'MSI-X: off, [0-9]+ vectors, table in BAR' "a capability"

# ---------------------------------------------------------------- completion

in_gdb "$work/demo.reel" 0 "complete boot-seek stage:load" "complete boot-chip lap" "complete boot-next pio.w" "complete boot-find ex" \
    "complete boot-firmware ha" "complete boot-threads ta" "boot-mark here" "complete boot-seek mark:he" "complete boot-open $work/q3" >"$work/complete"
for line in "boot-seek stage:loader" "boot-chip lapic0" "boot-next pio.write" "boot-find exec" "boot-firmware handles" "boot-threads tasks" \
    "boot-seek mark:here" "boot-open $work/q35.reel"; do
    grep -qxF "$line" "$work/complete" || fail "completion: no \"$line\""
done

# ---------------------------------------------------------------- the Python API

# The examples of the document, as they stand there.
sed -n '/^### Python programs/,/^## /p' docs/gdb.md | sed -n 's/^    //p' >"$work/example.py"
[ "$(wc -l <"$work/example.py")" -gt 10 ] || fail "docs/gdb.md has no example of the Python API"
gdb_run -ex "source scripts/gdb/bootreel.py" -ex "boot-open $work/demo.reel" -ex "monitor progress off" -x "$work/example.py" >"$work/example"
! grep -q 'Error\|Traceback' "$work/example" || fail "the example of docs/gdb.md: $(cat "$work/example")"
holds "$work/example" '^loader +begins at [0-9]+ in real mode' "the example: at()"
holds "$work/example" '^[0-9]+ writes to port 0x80' "the example: events()"
holds "$work/example" '^eax comes from ' "the example: origin()"

cat >"$work/api.py" <<'END'
import bootreel

before = bootreel.here()
with bootreel.at("50%") as here:
    assert here.icount != before.icount and here.icount == int(gdb.parse_and_eval("$icount"))
assert bootreel.here().icount == before.icount == int(gdb.parse_and_eval("$icount"))
everything = list(bootreel.events())
print("events", len(everything), everything[-1].number)
print("half", all(e.icount <= bootreel.resolve("50%") for e in bootreel.events(end="50%")))
print("stages", [s.name for s in bootreel.stages() if s.depth == 0])
print("hits", [h.icount for h in bootreel.find("exec", "*0x7c00")])
bootreel.seek("stage:kernel")
try:
    list(bootreel.events("syscall"))
except Exception as e:
    print("unrecorded", "annotate --events +syscall" in str(e))
for wrong in ["nonsense(", "stage:none"]:
    try:
        bootreel.seek(wrong)
    except gdb.GdbError as e:
        print("refused:", e)
END
gdb_run -ex "source scripts/gdb/bootreel.py" -ex "boot-open $work/demo.reel" -ex "monitor progress off" -x "$work/api.py" >"$work/api"
count=$("$BOOTREEL" events "$work/demo.reel" --format json | python3 -c 'import json, sys; print(len(json.load(sys.stdin)))')
holds "$work/api" "^events $count " "all events: $(cat "$work/api")"
holds "$work/api" '^half True$' "events up to a position"
holds "$work/api" '^unrecorded True$' "events of a class that was not recorded"
holds "$work/api" "^stages \['bios', 'loader'" "stages"
hits=$("$BOOTREEL" find "$work/demo.reel" --exec 0x7c00 | awk '/^ *[0-9]/ { printf "%s%s", s, $1; s = ", " }')
holds "$work/api" "^hits \[$hits\]\$" "executions"
[ "$(grep -c '^refused: ' "$work/api")" = 2 ] || fail "positions that there are not: $(cat "$work/api")"
finish
