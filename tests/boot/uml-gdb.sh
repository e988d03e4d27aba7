#!/bin/bash
# User-mode Linux in gdb: the kernel with its symbols, a program of one of its processes, every process of the host as a thread.
. "$(dirname "$0")/../lib.sh"
need_uml
. tests/gdb.sh

expect 0 boot "$BOOTREEL" record -o "$work/boot.reel" --uml "$GUESTS/uml/linux.uml" --memory 128M --initrd "$GUESTS/initrd.gz"
expect 0 processes "$BOOTREEL" processes "$work/boot.reel" --at 'console:{ps} /bin/sh'
host_of() { sed -n "s/^ *1:[0-9]* $1 .* in host process \([0-9]*\).*/\1/p" "$work/processes.out"; }
init=$(host_of init) ps=$(host_of ps)
entry=$(readelf -h "$GUESTS/root/bin/busybox" | sed -n 's/.*Entry point address: *//p')
cat >"$work/gdb.in" <<END
source scripts/gdb/bootreel.py
boot-open $work/boot.reel
break start_kernel
continue
stepi
reverse-continue
delete
boot-seek stage:user.init
boot-break-process 1 *$entry
continue
printf "host process %d\n", \$host_pid
stepi
reverse-stepi
boot-when
delete

boot-seek console:{ps} /bin/sh
info threads
python
known = {t.ptid[1]: t for t in gdb.selected_inferior().threads()}
for task in sorted(known):
    known[task].switch()
    print("task %d is of process %d" % (task, int(gdb.parse_and_eval("\$host_pid"))))
known[$ps].switch()
end
set \$was = \$pc
x/i \$pc - 2
stepi
printf "goes on: %d in %d\n", \$pc > \$was, \$host_pid
reverse-stepi
reverse-stepi
printf "its call: %d in %d\n", \$pc + 2 == \$was, \$host_pid
break generic_write thread 1
continue
printf "the kernel writes in %d\n", \$host_pid
delete
python known[$ps].switch()
set \$r15 = 42
maintenance flush register-cache
printf "changed: %d in %d\n", \$r15, \$host_pid
boot-undo
python known[1000].switch()
stepi
END
BOOTREEL=$BOOTREEL gdb_run -x "$work/gdb.in" >"$work/gdb.out"
[ "$(grep -c '^Breakpoint 1, .* in start_kernel' "$work/gdb.out")" = 2 ] || fail "start_kernel twice: $(cat "$work/gdb.out")"
holds "$work/gdb.out" "^host process $init\$" "the host's process that runs init"
holds "$work/gdb.out" "^CPU 0 at 0x0*${entry#0x}," "init's entry, forwards and back"

sed -n 's/^[* ] *[0-9]* *Thread 1\.\([0-9]*\) "linux.uml" (.*/\1/p' "$work/gdb.out" | sort -n >"$work/threads"
sed -n 's/^ *\([0-9]*\) linux.uml (host .*/\1/p' "$work/processes.out" | sort -n | diff - "$work/threads" || fail "threads are not the host's processes"
while read -r task; do
    holds "$work/gdb.out" "^task $task is of process $task\$" "each thread's own registers"
done <"$work/threads"
holds "$work/gdb.out" '0x[0-9a-f]*:.syscall' "each thread's own memory"
holds "$work/gdb.out" "^goes on: 1 in $ps\$" "a step of a process that others run before"
holds "$work/gdb.out" "^its call: 1 in $ps\$" "the same backwards"
holds "$work/gdb.out" '^the kernel writes in 1000$' "a breakpoint in one thread"
holds "$work/gdb.out" "^changed: 42 in $ps\$" "a register of a process that waits"
grep -i 'error\|cannot\|timeout' "$work/gdb.out" && fail "gdb is not content"
finish
