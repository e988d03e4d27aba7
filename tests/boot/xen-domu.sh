#!/bin/bash
# xen-domu.sh - domain 0 with Xen's own tools starts a domain: three kernels in one trace, each with its console, to power-off.
. "$(dirname "$0")/../lib.sh"
need_guests
scripts/guests "$GUESTS" xen-tools >/dev/null
case $? in
0) ;;
3) echo "no packages of Xen: left out"; finish ;;
*) fail "no guests of the group xen-tools"; finish ;;
esac

expect 0 record "$BOOTREEL" record -q --console --memory 1G --kernel "$GUESTS/xen/xen.gz" --append "com1=115200,8n1 console=com1 dom0_mem=640M" \
    --module "$GUESTS/xen/vmlinux console=hvc0 quiet" --module "$GUESTS/xen/initrd-tools.gz" --until 120s -o "$work/domu.reel"
tr -d '\r' <"$work/record.out" >"$work/console"
"$BOOTREEL" events --class kernel,process,hypercall,power "$work/domu.reel" >"$work/events.all"
awk '{ $1 = $2 = $3 = ""; print }' "$work/events.all" | sed 's/^ *//' >"$work/events"

# Each kernel, with its command line and its memory.
holds "$work/events" '^xen.found Xen version ' "the hypervisor"
holds "$work/events" '^domain.start domain 0 starts at 0x[0-9a-f]+: 163840 pages' "domain 0"
holds "$work/events" '^domain.start domain 1 starts at 0x[0-9a-f]+: 32768 pages' "domain 1"
holds "$work/events" '^kernel.found guest 1: Linux version ' "domain 0's kernel"
holds "$work/events" '^kernel.found guest 2: Linux version ' "domain 1's kernel"
holds "$work/events" '^process.exec guest 1: [0-9]+ executes /bin/xl xl create -F /etc/domu.cfg$' "xl"
holds "$work/events" '^kernel.init guest 2: init executed: /init /bin/sh /init$' "domain 1's first process"
holds "$work/events" '^kernel.shutdown guest 2: machine_halt$' "domain 1's end"
holds "$work/events" '^domain.end domain 1 shuts down: power off$' "domain 1's end"
holds "$work/events" '^domain.end domain 1 destroyed$' "domain 1's end"
holds "$work/events" '^power.off power off by ACPI$' "the end"

# Their memory maps: what Xen has given each, and what its kernel has made of it. Domain 1 has 32768 pages.
"$BOOTREEL" firmware "$work/domu.reel" e820 >"$work/maps"
holds "$work/maps" '^Xen to domain 0 +0x100000 +0x3fffefff +1072689152  usable ' "the machine's map for domain 0"
holds "$work/maps" "^domain 0's kernel +0x0 +0xfff +4096  reserved " "domain 0's kernel has taken its first page"
holds "$work/maps" '^Xen to domain 1 +0x0 +0x7ffffff +134217728  usable ' "domain 1's map"
holds "$work/maps" "^domain 1's kernel +0x100000 +0x7ffffff +133169152  usable " "domain 1's kernel's map"
holds "$work/maps" '^  0xa0000 to 0xfffff: usable by "Xen to domain 1", reserved by "domain 1.s kernel"$' "what domain 1's kernel does not use"
! grep -qE 'by "domain 0.s kernel", .* by "Xen to domain 1"' "$work/maps" || fail "maps of two domains are compared"

# What domain 1 writes to its console, comes out of domain 0's: all processes that it lists are its own in the trace.
sed -n 's/^domU: *\([0-9][0-9]*\) 0  *\[\([^]/]*\)\].*/\1 \2/p' "$work/console" >"$work/listed"
[ "$(wc -l <"$work/listed")" -gt 20 ] || fail "only $(wc -l <"$work/listed") processes in domain 1's list"
at=$(awk '$4 == "process.name" && $5 == "guest" && $6 == "2:" && / is named ps$/ { print $2 }' "$work/events.all")
"$BOOTREEL" processes --at "$((at + 1000000))" "$work/domu.reel" | sed -nE 's/^ *2:([0-9]+) ([^ ]+) \(kernel thread.*/\1 \2/p' | sort >"$work/ours"
while read -r pid program; do
    grep -q "^$pid ${program:0:15}" "$work/ours" || fail "domain 1's process $pid $program is not in the trace: $(grep "^$pid " "$work/ours")"
done <"$work/listed"
# Virtual processors: each that leaves the processor idle waits by then. Event channels: whatever port becomes pending was bound.
"$BOOTREEL" events --class sched,hypercall "$work/domu.reel" | sed -E 's/^ *[0-9]+ +[0-9]+ +[0-9.]+ +//' >"$work/switches"
awk '$1 == "sched.state" { state[$2] = $4 }
     $1 == "sched.vcpu" && $4 == "idle" && state[$2] !~ /blocked|offline/ { print }
     $1 == "sched.vcpu" { state[$4] = "runs" }' "$work/switches" >"$work/restless"
[ ! -s "$work/restless" ] || fail "virtual processors stop without a reason: $(head -n 3 "$work/restless")"
for v in d0v0 d1v0; do
    [ "$(grep -c "^sched.state *$v is blocked" "$work/switches")" -gt 5 ] || fail "$v is hardly ever blocked"
    sed -nE "s/^domain.event +$v gets (port [0-9]+)( .*)?$/\1/p" "$work/switches" | sort -u >"$work/ports.$v"
    sed -nE "s/^hypercall +$v event_channel_op\(bind_.*(port [0-9]+)[,)].* = 0$/\1/p" "$work/switches" | sort -u >"$work/bound.$v"
    [ -s "$work/ports.$v" ] && [ -z "$(comm -23 "$work/ports.$v" "$work/bound.$v")" ] || fail "$v: ports that become pending: $(tr '\n' ' ' <"$work/ports.$v")"
done
"$BOOTREEL" stages "$work/domu.reel" >"$work/stages"
holds "$work/stages" ' xen.domain.1$' "a stage of domain 1"
# gdb: a breakpoint in one of two kernels that have the same code at the same addresses; the last hypercall before it says whose it is.
stops_in() { # GUEST DOMAIN
    gdb_run -ex "source $top/scripts/gdb/bootreel.py" -ex "boot-open $work/domu.reel" -ex "boot-seek $at" -ex "boot-break-guest $1 do_syscall_64" -ex continue \
        -ex boot-when >"$work/gdb.$1"
    local stop
    stop=$(sed -n 's/^icount \([0-9]*\) .*/\1/p' "$work/gdb.$1")
    holds "$work/gdb.$1" "do_syscall_64.*, in guest $1" "gdb in guest $1"
    "$BOOTREEL" events --class hypercall --to "${stop:-0}" "$work/domu.reel" | awk '$4 == "hypercall" { last = $5 } END { print last }' >"$work/last"
    holds "$work/last" "^d$2v0\$" "whose hypercall was last in guest $1"
}
if command -v gdb >/dev/null; then
    . tests/gdb.sh
    PATH=$(dirname "$BOOTREEL"):$PATH
    stops_in 1 0
    stops_in 2 1
    # The tasks of the domain that runs there.
    gdb_run -ex "source $top/scripts/gdb/bootreel.py" -ex "boot-open $work/domu.reel" -ex "boot-seek $at" -ex "p init_task.comm" -ex "boot-bt 1" \
        -ex "boot-break-guest 1 do_syscall_64" -ex continue -ex boot-bt >"$work/gdb.tasks"
    holds "$work/gdb.tasks" '^\$1 = "swapper/0' "a variable of domain 1's kernel"
    holds "$work/gdb.tasks" '^1 "init", sleeps' "a task of domain 1"
    holds "$work/gdb.tasks" '^[0-9]+ "(xl|xenstored|xenconsoled|kworker[^"]*|init)", on CPU 0' "the task of domain 0 that runs"
fi
holds "$work/console" '^dom0: xl ends with 0$' "xl"

# New probes in the kernels of both domains, and in Xen itself: in parts as by a run from the beginning.
probes=(--probe=vfs_open --probe=do_mmu_update --probe=unmap_vmas)
expect 0 whole "$BOOTREEL" annotate -q "$work/domu.reel" -o "$work/whole.reel" "${probes[@]}" --inspect
expect 0 parts "$BOOTREEL" annotate -q "$work/domu.reel" -o "$work/parts.reel" "${probes[@]}" --jobs 3
"$BOOTREEL" events --format json "$work/parts.reel" >"$work/a" && "$BOOTREEL" events --format json "$work/whole.reel" >"$work/b" &&
    same "$work/a" "$work/b" "new probes in parts"
"$BOOTREEL" events --class kernel "$work/parts.reel" >"$work/probed"
for guest in 1 2; do
    holds "$work/probed" "probe.arguments +guest $guest: vfs_open\\(path=0x[0-9a-f]+, file=.*\\) pid [1-9]" "a call in guest $guest"
done
holds "$work/probed" 'probe.leave +do_mmu_update returned 0x' "a call in Xen"
finish
