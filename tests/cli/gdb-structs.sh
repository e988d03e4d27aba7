#!/bin/bash
# gdb-structs.sh - gdb on bootreel itself with scripts/gdb/bootreel_structs.py: events, processors and chips by the names of their fields.
. "$(dirname "$0")/../lib.sh"
. tests/gdb.sh

cat >"$work/session.gdb" <<END
source scripts/gdb/bootreel_structs.py
break core/run/recorder.c:on_event if ev->icount > 100000 && ev->len
run record -q --console=none -o $work/structs.reel
print *ev
delete
break x86_run if cpu->code_bits == 32
continue
print *cpu
bootreel-fields cpu->saved *cpu
bootreel-fields cpu *cpu
kill
END
BOOTREEL_COMPILE=0 gdb_run -x "$work/session.gdb" "$BOOTREEL" >"$work/session.out"
holds "$work/session.out" '^\$1 = [a-z]+\.[a-z.-]+ at [0-9,]+, [0-9,]+ ns, cpu 0 = \{.*data = ".+"\}$' "an event"
holds "$work/session.out" '^\$2 = processor 0, 32-bit, CPL 0: rip=[0-9a-f]+ rax=.* = \{rax = 0x[0-9a-f]+, .*cs\.base = 0x' "a processor"
holds "$work/session.out" '^cs\.base = 0x' "bootreel-fields"
holds "$work/session.out" 'cpu is not a table of fields' "what is no table"
finish
