#!/bin/bash
# gdb on the boot of SeaBIOS, GRUB and Debian's kernel: what must hold whatever their versions are.
. "$(dirname "$0")/../lib.sh"
. tests/gdb.sh
need_guests
recording iso || finish
reel=$recordings/iso.reel

# Icount of the first event of a class that says so (columns: number, icount, time …).
first() { "$BOOTREEL" events "$reel" --class "$1" | awk -v p="$2" '$0 ~ p { print $2; exit }'; }
sector=$(first loader 'boot sector entered')
long=$(first cpu '64-bit mode')
user=$(first cpu 'first ring 3')
entry=$("$BOOTREEL" events "$reel" --class cpu | sed -n 's/.*first ring 3 at 0x33:\(0x[0-9a-f]*\).*/\1/p' | head -n 1)
# All of busybox starts at one address: only the process tells them apart.
last=$("$BOOTREEL" events "$reel" --class process | sed -n 's/.*process\.exec *\([0-9]*\) executes.*/\1/p' | tail -n 1)

cat >"$work/boot.gdb" <<END
source scripts/gdb/bootreel.py
target remote | $BOOTREEL gdb $reel --stdio
monitor progress off
x/i \$pc
break *0x7c00
continue
printf "boot sector at %lu\n", \$boot_icount
x/3i \$pc
info threads
delete
boot-seek $((long - 3))
show architecture
stepi 4
show architecture
printf "long mode from %lu, efer %#lx\n", \$icount, \$efer
break start_kernel
continue
bt
printf "start_kernel at %lu\n", \$boot_icount
boot-when
delete
break setup_arch
continue
up
frame 0
finish
printf "setup_arch returned at %lu\n", \$boot_icount
reverse-finish
stepi
reverse-stepi
printf "called at %lu\n", \$boot_icount
delete
watch *(unsigned long *)&jiffies
continue
continue
print \$boot_icount > 0
reverse-continue
reverse-continue
delete
continue
monitor when
reverse-continue
monitor when
boot-stages
boot-seek 100%
boot-last process.exec
boot-explain 0
bt
boot-seek $((user - 1000))
boot-break-process 1 *$entry
continue
boot-processes
delete
boot-break-process $last *$entry
continue
printf "then process %d\n", $last
boot-processes
python
try:
    gdb.execute("boot-symbols 99999")
except gdb.error as e:
    print(e)
end
detach
END
transcript boot "$work/boot.gdb"
out=$work/boot.out
holds "$out" '^\[f000:fff0\]$' "the first instruction"
holds "$out" '^=> 0xfffffff0:.l?jmp +(\$0xf000,\$0xe05b|0xffff[0-9a-f]{4})$' "its disassembly"
holds "$out" '^\[(0000:7c00|07c0:0000)\]$' "the boot sector"
holds "$out" "^boot sector at $sector\$" "a breakpoint against the record"
holds "$out" '^\* 1 +Thread 1.1 "CPU 0" \(real mode\)' "info threads"
holds "$out" 'currently "i386"' "32-bit protected mode"
holds "$out" 'currently "i386:x86-64"' "long mode"
holds "$out" '^long mode from [0-9]+, efer 0x[0-9a-f]*[4-7cdef]..$' "efer.LMA"
holds "$out" '^Breakpoint 2, 0xffffffff[0-9a-f]+ in start_kernel \(\)' "a breakpoint on a kernel symbol"
holds "$out" '^#1 .* in (secondary_startup|x86_64_start)' "the way to start_kernel"
holds "$out" '^stage kernel.start_kernel' "the stage"
holds "$out" '^Breakpoint 3, .* in setup_arch' "the next function"
holds "$out" 'in start_kernel \(\)$' "finish"
holds "$out" 'Hardware watchpoint 4: \*\(unsigned long \*\)&jiffies' "a watchpoint"
holds "$out" '^Old value = ' "its old value"
[ "$(grep -c 'No more reverse-execution history' "$out")" = 2 ] || fail "the ends of history: $(grep -c 'No more reverse' "$out") times"
holds "$out" '^icount 0 of ' "the beginning"
holds "$out" '\(100.00 %\), guest time' "the end"
holds "$out" '^. +[0-9]+ +[0-9.]+ s +kernel' "stages"
holds "$out" ' kthreadd$' "processes"
holds "$out" "^Breakpoint [0-9]+, 0x0*${entry#0x} in" "a breakpoint in a process"
holds "$out" '^\* +1 +1 +0 +process ' "which process runs"
holds "$out" "^\\* +$last +$last +1 +process " "a breakpoint in a later process only"
holds "$out" '^the record has no symbols of process 99999: ' "symbols that are not there"
holds "$out" 'process.exec .* executes ' "the last event of a kind"
holds "$out" '^ +the first instruction after reset' "an event in words"
holds "$out" '^#[0-9]+ .* in do_syscall_64 \(.*\)' "frames without frame pointers"
grep -n '^warning: Remote\|packet reply is too long\|Reply contains\|Ignoring\|Internal error\|internal-error' "$out" && fail "gdb complains"

# Without the script: at the reset vector gdb cuts the kernel's addresses, and sets them again where 64-bit mode begins.
gdb_run -ex "target remote | $BOOTREEL gdb $reel --stdio" -ex 'break start_kernel' -ex continue -ex 'info symbol $pc' -ex 'bt 1' >"$work/bare.out"
holds "$work/bare.out" '^Breakpoint 1, 0xffffffff[0-9a-f]+ in start_kernel \(\)' "a breakpoint on a kernel symbol, without the script"
holds "$work/bare.out" '^start_kernel in section' "its place"
# With a kernel's file of the user's own, or none, gdb keeps that, and a message says what is cut.
cut=$("$BOOTREEL" symbols "$reel" start_kernel | sed -n 's/^ffffffff\([0-9a-f]*\) .*/\1/p')
gdb_run -ex "set sysroot /nowhere" -ex "target remote | $BOOTREEL gdb $reel --stdio" -ex "break *0x$cut" -ex 'monitor break-event cpu.mode' -ex continue >"$work/cut.out"
holds "$work/cut.out" "^bootreel: gdb has cut a kernel's address to 0x$cut," "a message of a cut address"

# Forwards the values of a watchpoint rise, backwards they fall by the same.
awk '/^Old value/ { old = $4 } /^New value/ { print $4 - old }' "$out" >"$work/steps"
[ "$(paste -sd' ' "$work/steps")" = "1 1 -1 -1" ] || fail "jiffies goes by: $(paste -sd' ' "$work/steps")"

# A breakpoint in one process, set in real mode, is hit from both sides in 64-bit mode, though gdb numbers its registers otherwise there.
cat >"$work/process.gdb" <<END
source scripts/gdb/bootreel.py
target remote | $BOOTREEL gdb $reel --stdio
monitor progress off
boot-break-process $last *$entry
continue
printf "ahead at %lu\n", \$boot_icount
boot-seek 100%
reverse-continue
printf "back at %lu\n", \$boot_icount
detach
END
transcript process "$work/process.gdb"
at=$(sed -n 's/^ahead at //p' "$work/process.out")
[ "${at:-0}" -gt "$user" ] || { fail "a breakpoint in process $last is not hit: ${at:-never}"; cat "$work/process.out"; }
holds "$work/process.out" "^back at $at\$" "a breakpoint in one process, backwards"

# A step in a kernel asks for no registers: those that gdb and the script look at come with the stop.
gdb_run -ex "source scripts/gdb/bootreel.py" -ex "boot-open $reel --at $((user - 1000))" -ex "monitor progress off" -ex stepi -ex stepi \
    -ex "set debug remote 1" -ex stepi -ex stepi >"$work/packets"
holds "$work/packets" 'Sending packet: \$vCont;s' "steps"
grep -E 'Sending packet: \$[gp]' "$work/packets" && fail "a step asks for registers"

# Ctrl-C, both ways, out of a search for what never comes. (The index has no reads, so all of the boot is run.)
cat >"$work/interrupt.gdb" <<END
source scripts/gdb/bootreel.py
target remote | $BOOTREEL gdb $reel --stdio
monitor progress off
rwatch *(char *) 0x5a5a5a5a5a5
python import os; os.system("(sleep 1; kill -INT %d) &" % os.getpid())
continue
printf "forwards to %lu\n", \$icount
boot-seek 100%
python os.system("(sleep 1; kill -INT %d) &" % os.getpid())
reverse-continue
printf "back to %lu\n", \$icount
stepi
reverse-stepi
END
transcript interrupt "$work/interrupt.gdb"
[ "$(grep -c 'received signal SIGINT' "$work/interrupt.out")" = 2 ] || { fail "Ctrl-C"; cat "$work/interrupt.out"; }
holds "$work/interrupt.out" '^forwards to [1-9]' "Ctrl-C forwards"
holds "$work/interrupt.out" '^back to [1-9]' "Ctrl-C backwards"

# Over TCP: detach, come back to where it was, vanish, come back, kill; each in a gdb of its own.
: >"$work/server.err"
"$BOOTREEL" gdb "$reel" --listen 127.0.0.1:0 --at 1000 2>"$work/server.err" &
server=$!
for _ in $(seq 100); do grep -q 'target remote' "$work/server.err" && break; sleep 0.1; done
address=$(sed -n 's/.*target remote //p' "$work/server.err")
gdb_run -ex "target remote $address" -ex 'stepi 5' -ex 'printf "at %lu\n", $icount' -ex detach >"$work/tcp1"
gdb_run -ex "target remote $address" -ex 'printf "at %lu\n", $icount' -ex 'python import os; os._exit(0)' >"$work/tcp2"
gdb_run -ex "target extended-remote $address" -ex 'reverse-stepi' -ex 'printf "at %lu\n", $icount' -ex kill >"$work/tcp3"
holds "$work/tcp1" '^at 1005$' "the first gdb"
holds "$work/tcp2" '^at 1005$' "the second gdb"
holds "$work/tcp3" '^at 1004$' "the third gdb"
for _ in $(seq 50); do kill -0 $server 2>/dev/null || break; sleep 0.1; done
kill -0 $server 2>/dev/null && { fail "kill does not end the server"; kill $server; }
wait $server || fail "the server's exit status is $?"

# Many steps in the kernel, each a command of its own (how fast: bench/gdb).
cat >"$work/steps.gdb" <<END
source scripts/gdb/bootreel.py
target remote | $BOOTREEL gdb $reel --stdio --at 90%
python
at = int(gdb.parse_and_eval("\$icount"))
for i in range(2000):
    gdb.execute("stepi", to_string=True)
gdb.write("stepped by %d\n" % (int(gdb.parse_and_eval("\$icount")) - at))
end
END
gdb_run -x "$work/steps.gdb" >"$work/steps"
holds "$work/steps" '^stepped by 2000$' "2,000 steps"

# gdb calls a function of the kernel, in a diversion, and restores all registers afterwards, icount too.
cat >"$work/call.gdb" <<END
source scripts/gdb/bootreel.py
target remote | $BOOTREEL gdb $reel --stdio
break rest_init
continue
printf "before %#lx\n", \$rip
printf "length %d\n", ((unsigned long (*)(char *))strlen)((char *)linux_banner) > 20
printf "after %#lx\n", \$rip
jump *\$pc
tbreak strlen
call ((unsigned long (*)(char *))strlen)((char *)linux_banner)
END
gdb_run -x "$work/call.gdb" >"$work/call" 2>&1
holds "$work/call" '^length 1$' "a call of strlen in the kernel"
[ "$(grep -c '^Breakpoint 1, .* in rest_init' "$work/call")" = 2 ] || fail "a jump to a breakpoint does not stop there: $(cat "$work/call")"
holds "$work/call" '^Temporary breakpoint 2, .* in strlen' "a breakpoint at the function that is called"
[ "$(sed -n 's/^before //p' "$work/call")" = "$(sed -n 's/^after //p' "$work/call")" ] || fail "after the call gdb is elsewhere: $(cat "$work/call")"

# The states themselves, at random positions (bench/timeline --check; by hand with 1,000).
build build/release/bench/timeline >/dev/null && build/release/bench/timeline --check "$reel" 20 >"$work/check" || { fail "bench/timeline --check"; cat "$work/check"; }

expect 2 gdb-nothing "$BOOTREEL" gdb "$work/nothing.reel" --stdio
expect 2 gdb-both "$BOOTREEL" gdb "$reel" --stdio --listen :0
expect 2 gdb-address "$BOOTREEL" gdb "$reel" --listen nowhere
expect 2 gdb-at "$BOOTREEL" gdb "$reel" --stdio --at nowhere
finish
