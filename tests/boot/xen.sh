#!/bin/bash
# xen.sh - Debian's Xen with Debian's kernel as domain 0: what the inspector tells of both, against what they say themselves. Of the
# kernel the same as on the bare machine (story.sh); of Xen its memory map, processors, modules, version, where domain 0 was put.
. "$(dirname "$0")/../lib.sh"
. tests/story.sh
need_guests
scripts/guests "$GUESTS" xen >/dev/null
case $? in
0) ;;
3) echo "no packages of Xen: left out"; finish ;;
*) fail "no guests of the group xen"; finish ;;
esac

append="console=hvc0 quiet initcall_debug log_buf_len=2M"

# said EXTENDED-REGULAR-EXPRESSION REPLACEMENT: what Xen's log says.
said() { tr -d '\r' <"$work/xen.console" | sed -nE "s/^\(XEN\) $1/$2/p"; }
all() { "$BOOTREEL" events "$work/xen.reel" "$@" | awk '{ $1 = $2 = $3 = ""; print }' | sed -E 's/^ *//; s/ guest [0-9]+: / /'; }

memory_map() {
    said ' \[([0-9a-f]+), ([0-9a-f]+)\] \((.*)\)$' '\1 \2 \3' >"$work/map.b"
    all --to "$start" --class kernel | sed -n 's/^kernel.e820 e820 //p' | while read -r begin _ size type; do
        printf '%016x %016x %s\n' $((begin)) $((begin + size - 1)) "$type"
    done >"$work/map.a"
    [ -s "$work/map.b" ] || fail "no memory map in Xen's log"
    same "$work/map.a" "$work/map.b" "Xen's memory map"
    "$BOOTREEL" firmware --at stage:kernel.initcalls "$work/xen.reel" e820 | sed -n 's/^Xen  *0x\([0-9a-f]*\)  *0x\([0-9a-f]*\)  *[0-9]*  \([a-z]*\).*/\1 \2 \3/p' |
        while read -r begin end type; do printf '%016x %016x %s\n' "0x$begin" "0x$end" "$type"; done >"$work/map.c"
    same "$work/map.c" "$work/map.b" "Xen's memory map in its memory"
}

hypervisor() {
    local version
    version=$(said 'Xen version ([0-9.]+) .*' '\1')
    holds "$work/story.all" "^xen.found Xen version $version .*, build id $(said 'build-id: ([0-9a-f]+)' '\1');" "Xen's version and build id"
    holds "$work/story.all" "^kernel.command-line command line: com1=115200,8n1 console=com1 loglvl=all$" "Xen's command line"
    holds "$work/story.all" "^loader.module module 0 at 0x[0-9a-f]+, [0-9]+ bytes: vmlinux $append$" "the first module"
    holds "$work/story.all" "^loader.module module 1 at 0x[0-9a-f]+, $(stat -c %s "$GUESTS/initrd-story.gz") bytes: initrd-story.gz$" "the second module"
    ! grep '^kernel.note' "$work/story.all" || fail "what is missing of Xen or its kernel"
    memory_map
}

# Where the kernel begins, and its memory: "ENTRY ADDRESS" and the end of the physical to machine map, with 8 bytes a page.
domain() {
    local p2m begin end
    p2m=$(said ' Phys-Mach map: ([0-9a-f]+)->([0-9a-f]+)' '\1 \2')
    read -r begin end <<<"$p2m"
    holds "$work/story.all" "^domain.start domain 0 starts at 0x$(said ' ENTRY ADDRESS: 0*([0-9a-f]+)' '\1'): $(((16#$end - 16#$begin) / 8)) pages, start info at 0x$(said ' Start info:    ([0-9a-f]+)->.*' '\1');" "the start of domain 0"
    holds "$work/story.all" "^kernel.found Linux version .*; text at 0x$(said ' Loaded kernel: ([0-9a-f]+)->.*' '\1')," "domain 0's kernel"
    holds "$work/story.all" '^kernel.shutdown Xen acpi_enter_sleep$' "the end"
}

# What domain 0 prints goes through Xen: the same lines.
console() {
    tr -d '\r' <"$work/xen.console" | grep '^truth: ' >"$work/console.b"
    "$BOOTREEL" events --class hypercall "$work/xen.reel" | sed -n 's/^.* domain.console  *domain 0 writes \(truth: .*\)/\1/p' | sed 's/\\x09/\t/g' >"$work/console.a"
    same "$work/console.a" "$work/console.b" "lines of domain 0"
}

# The same kernel on the bare machine, entered by PVH: initcalls whose results differ between the two boots, as `diff --stage` and as the kernels' own logs say.
other_results() {
    told native --memory 512M --kernel "$GUESTS/xen/vmlinux" --protocol pvh --append "console=ttyS0 quiet initcall_debug log_buf_len=2M" --initrd "$GUESTS/initrd-story.gz"
    expect 1 stages "$BOOTREEL" diff --stage kernel --all --format json "$work/native.reel" "$work/xen.reel"
    python3 - "$work/stages.out" <<'END' | sort >"$work/results.a"
import json, sys
for p in json.load(open(sys.argv[1]))["comparisons"][0]["differences"]:
    if p["text"].startswith("kernel.initcall.") and not p["tolerated"]:
        changes = {c["field"]: c for c in p["changes"]}
        r = changes.get("result", {"a": p["way"], "b": p["way"]})
        print(p["text"][len("kernel.initcall."):], r["a"], r["b"])
END
    for name in native xen; do
        guest_initcalls_of $name | awk -F'|' '{ print $1 "." ++n[$1], $2 }' | sort >"$work/$name.results"
    done
    join "$work/native.results" "$work/xen.results" | awk '$2 != $3 { sub(/\.[0-9]+$/, "", $1); print }' | sort >"$work/results.b"
    [ "$(wc -l <"$work/results.b")" -gt 10 ] || fail "only $(wc -l <"$work/results.b") initcalls with other results"
    same "$work/results.a" "$work/results.b" "initcalls with other results"
    echo "$(wc -l <"$work/results.b") initcalls with other results than on the bare machine"
}
guest_initcalls_of() { guest_initcalls "$1" | tr " " _; }

# Hypercalls by the executions of Xen's handlers, which the inspector has no part in. A call that Xen interrupts is made again, but reported once.
hypercall_counts() {
    "$BOOTREEL" events --class hypercall --format json "$work/xen.reel" >"$work/hypercalls.json"
    "$BOOTREEL" find -q "$work/xen.reel" --exec hypercall_create_continuation >"$work/again"
    for handler in mmu_update set_segment_base; do
        "$BOOTREEL" find -q "$work/xen.reel" --exec do_$handler --count
        grep -c "from do_$handler+" "$work/again"
    done >"$work/executed"
    python3 - "$work/hypercalls.json" "$work/executed" <<'END' || fail "hypercalls are not as often as their handlers are executed"
import json, sys
events = json.load(open(sys.argv[1]))
def reported(name):
    number = next(e["fields"]["number"] for e in events if e["kind"] == "hypercall" and e["data"].startswith(name))
    return sum(e["times"] for e in events if e["kind"] == "hypercall" and e["fields"]["number"] == number)
executed = [int(n) for n in open(sys.argv[2])]
assert all(e["fields"]["number"] != -1 for e in events if e["kind"] == "hypercall.again")
for name in "mmu_update", "set_segment_base":
    times, again = executed[:2]
    executed = executed[2:]
    print("%d times %s, of which %d were interrupted" % (reported(name), name, again))
    if times != reported(name) + again or times < 1000:
        sys.exit("its handler: %d times" % times)
END
}

# Callers in Xen, which has neither tables nor frame pointers: those that called, at random positions. gdb: through a hypercall into the
# kernel that made it; back to breakpoints of one guest.
callers() {
    build build/release/bench/callers >/dev/null && build/release/bench/callers "$work/xen.reel" _start __init_end 40 >"$work/callers" || fail "bench/callers"
    # One may lie in what Xen patches into its entries, which is not seen (core/symbols/README.md).
    holds "$work/callers" '^40 positions, [0-9]+ callers: at (39|40) all are right$' "callers in Xen"
    command -v gdb >/dev/null || return
    . tests/gdb.sh
    PATH=$(dirname "$BOOTREEL"):$PATH gdb_run -ex "source $top/scripts/gdb/bootreel.py" -ex "boot-open $work/xen.reel" -ex "boot-seek stage:kernel.initcalls" \
        -ex "break do_mmu_update" -ex continue -ex bt -ex delete -ex "boot-break-guest 1 wake_up_process" -ex reverse-continue -ex boot-when -ex delete \
        -ex "boot-break-guest 0 wake_up_process" -ex "boot-break-guest 0 do_mmu_update" -ex reverse-continue -ex boot-when >"$work/gdb"
    tr '\n' ' ' <"$work/gdb" | sed 's/  */ /g' >"$work/gdb.line"
    # Types and tasks of a kernel whose physical addresses are not the machine's.
    at=$("$BOOTREEL" events --class process "$work/xen.reel" | awk '$4 == "process.exec" { last = $2 } END { print last }')
    PATH=$(dirname "$BOOTREEL"):$PATH gdb_run -ex "source $top/scripts/gdb/bootreel.py" -ex "boot-open $work/xen.reel" -ex "boot-seek $at" -ex "p init_task.comm" \
        -ex "boot-bt 1" >"$work/tasks"
    holds "$work/tasks" '^\$1 = "swapper/0' "a variable of domain 0's kernel"
    holds "$work/tasks" '^1 "init", sleeps' "a task of domain 0"
    holds "$work/tasks" ' in entry_SYSCALL_64_after_hwframe\+0x' "its calls"
    holds "$work/gdb.line" '#0 0x[0-9a-f]+ in do_mmu_update \(\) #1 0x[0-9a-f]+ in pv_hypercall \(\) #2 <signal handler called> #3 0x[0-9a-f]+ in [a-z_]+ \([^)]*\) .* in (ret_from_fork|startup_xen) \(' "bt from Xen into the kernel"
    holds "$work/gdb.line" 'Breakpoint 2, 0x[0-9a-f]+ in wake_up_process .* wake_up_process, in guest 1 .* Breakpoint 4, 0x[0-9a-f]+ in do_mmu_update .* do_mmu_update \[xen\], in guest 0 ' "back to a breakpoint of one guest"
}

told xen --memory 512M --kernel "$GUESTS/xen/xen.gz" --protocol multiboot2 --append "com1=115200,8n1 console=com1 loglvl=all" --module "$GUESTS/xen/vmlinux $append" \
    --module "$GUESTS/initrd-story.gz"
start=$("$BOOTREEL" events --class hypercall "$work/xen.reel" | awk '$4 == "domain.start" { print $2; exit }')
all --class kernel,loader,hypercall >"$work/story.all"
hypervisor
domain
console
# Xen's own initcalls are of levels 32 and 33.
sed -i -E '/level (32|33)/d' "$work/xen.events"
guest=1:
initcalls xen 0
processes xen
symbols xen
modules xen
other_results
hypercall_counts
callers
every_way xen "$work/xen.reel"
finish
