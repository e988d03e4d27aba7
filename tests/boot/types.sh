#!/bin/bash
# types.sh - gdb on a Linux kernel without any symbol file: types, prototypes and variables from the kernel's own BTF and tables. With
# BOOTREEL_ALL_KERNELS=1 (make test-kernels) also on those of $GUESTS/kernels (5.10 to 7.3), or on those that it names.
. "$(dirname "$0")/../lib.sh"
. tests/gdb.sh
need_guests

# Each line is a command, and what its answer must hold.
session() { # COMMAND | PATTERN lines on standard input: gdb runs the commands; the answers are compared
    local n=0 command pattern
    : >"$work/session.gdb"
    : >"$work/session.want"
    while IFS='|' read -r command pattern; do
        [ -n "$command" ] || continue
        n=$((n + 1))
        printf 'echo @%d@\\n\n%s\n' $n "$command" >>"$work/session.gdb"
        printf '%s\n' "$command|$pattern" >>"$work/session.want"
    done
    echo 'echo @@\n' >>"$work/session.gdb"
}

asked() { # NAME TRACE
    gdb_run -ex "source $top/scripts/gdb/bootreel.py" -ex "boot-open $2" -ex "monitor progress off" -x "$work/session.gdb" >"$work/$1.gdb.out"
    local n=0 line answer
    while IFS= read -r line; do
        n=$((n + 1))
        answer=$(sed -n "/^@$n@\$/,/^@\($((n + 1))\)*@\$/p" "$work/$1.gdb.out" | sed '/^@/d' | tr '\n' ' ' | tr -s ' ')
        grep -Eq -- "${line#*|}" <<<"$answer" || fail "$1: ${line%%|*}: $answer"
    done <"$work/session.want"
    [ "$(grep -c '^@' "$work/$1.gdb.out")" = $((n + 1)) ] || fail "$1: gdb did not come to the end: $(tail -n 2 "$work/$1.gdb.out")"
}

session <<'END'
ptype struct list_head|struct list_head \{ struct list_head \*next; struct list_head \*prev; \}
ptype struct task_struct|struct mm_struct \*mm;.* char comm\[16\];
p sizeof(struct task_struct) > 4000|= 1 ?$
whatis init_task|type = struct task_struct
whatis jiffies_64|type = u64
whatis linux_banner|type = char \[[0-9]+\]
ptype u32|type = unsigned int
p PIDTYPE_TGID|= PIDTYPE_TGID
p (enum pid_type)0|= PIDTYPE_PID
whatis vfs_read|type = ssize_t \(struct file \*, char \*, size_t, loff_t \*\)
whatis kernel_clone|pid_t \(struct kernel_clone_args \*\)
ptype struct file_operations|ssize_t \(\*read\)\(struct file \*, char \*, size_t, loff_t \*\);
p/d &((struct task_struct *)0)->comm|= [1-9][0-9]{2,3}
break start_kernel|Breakpoint 1 at
continue|Breakpoint 1, 0x[0-9a-f]+ in start_kernel \(\)
p linux_banner|= "Linux version [4-7]\.
p init_task.comm|= "swapper
p init_task.pid|= 0 ?$
bt|start_kernel \(\) #.* (x86_64_start_kernel|secondary_startup_64|x86_64_start_reservations)
break wake_up_new_task if p->pid == 2|Breakpoint 2 at
continue|Breakpoint 2, 0x[0-9a-f]+ in wake_up_new_task \(p=0x[0-9a-f]+\)
p p->pid|= 2 ?$
p ((struct task_struct *)$rdi)->real_parent->comm|= "swapper
info args|p = 0x[0-9a-f]+
info breakpoints|stop only if p->pid == 2 \(target evals\)
whatis p->mm|type = struct mm_struct \*
p p->prio|= 120 ?$
up|in kernel_clone \(args=<optimized out>\)
delete|^$
watch -l jiffies_64|ardware watchpoint 3
continue|Old value = ([0-9]+) New value = [0-9]+ 0x
reverse-continue|Old value = [0-9]+ New value = [0-9]+ 0x
delete|^$
break begin_new_exec|Breakpoint 4 at
continue|Breakpoint 4, 0x[0-9a-f]+ in begin_new_exec \(bprm=0x[0-9a-f]+\)
p bprm->filename|= 0x[0-9a-f]+ "/
p bprm->file->f_op == 0|= 0 ?$
finish|in load_[a-z]+_binary \((bprm=<optimized out>)?\) Value returned is \$[0-9]+ = 0
p init_mm.pgd|= \(pgd_t \*\) 0x[0-9a-f]+
p *iomem_resource.child|name = 0x[0-9a-f]+ .*"Reserved"
p nr_cpu_ids|= 1 ?$
p $boot_per_cpu("runqueues", 0).curr->comm|= "[a-z]+
p __cpu_online_mask.bits[0]|= 1 ?$
delete|^$
boot-seek 100%|.*
p ((struct task_struct *)((char *)init_task.tasks.next - (unsigned long)&((struct task_struct *)0)->tasks))->comm|= "init
p system_state|= SYSTEM_(POWER_OFF|HALT)
bt|in do_syscall_64 \((regs|nr|\))
END

kernel() { # NAME VMLINUZ INITRD [OPTION…]
    "$BOOTREEL" record -q -o "$work/$1.reel" --kernel "$2" --initrd "$3" --memory 512M --append "console=ttyS0 quiet" "${@:4}" </dev/null >"$work/$1.console" ||
        fail "$1: record exits with $?"
    asked "$1" "$work/$1.reel"
}

# With 5-level paging: the other kernels are without.
kernel debian "$GUESTS/vmlinuz" "$GUESTS/initrd-story.gz" --cpu max --probe path_mount --probe dummy_setup --probe kernel:wake_up_new_task

# Probes: arguments by name and type, with the texts as they are at the call; of the kernel's functions and of a module's.
"$BOOTREEL" events "$work/debian.reel" --grep probe. >"$work/probes"
holds "$work/probes" 'probe.arguments +path_mount\(dev_name="devtmpfs", path=0x[0-9a-f]+, type_page="devtmpfs", flags=0x8000, data_page=NULL\) pid [0-9]+$' \
    "a probe's arguments"
holds "$work/probes" 'probe.arguments +dummy_setup\(dev=0x[0-9a-f]+' "arguments of a module's function"
holds "$work/probes" 'probe.arguments +kernel:wake_up_new_task\(p=0x[0-9a-f]+ "kthreadd"\)' "a task's name"
[ "$(grep -c 'probe.enter ' "$work/probes")" = "$(grep -c 'probe.arguments ' "$work/probes")" ] || fail "not each call has its arguments"
"$BOOTREEL" replay --verify "$work/debian.reel" >"$work/verify" 2>&1 || fail "the arguments of probes differ in a replay: $(tail -n 1 "$work/verify")"

# A module's own types and functions (split BTF).
gdb_run -ex "source $top/scripts/gdb/bootreel.py" -ex "boot-open $work/debian.reel --at 100%" -ex "whatis dummy_init_module" -ex "break dummy_xmit" \
    -ex "info address dummy_xmit" -ex "ptype dummy_xmit" >"$work/module"
holds "$work/module" '^type = int \(void\)' "a module's function"
holds "$work/module" '^type = (enum netdev_tx|netdev_tx_t) .*\(struct sk_buff \*, struct net_device \*\)' "arguments of the kernel's types" || cat "$work/module"

# A kernel's own file, in place of the one that bootreel serves, has local variables and lines.
offset=$("$BOOTREEL" query "$work/debian.reel" --format csv "SELECT hexadecimal(offset) FROM kernel_found" | tr -d '\r' | tail -n 1)
at=0x$("$BOOTREEL" symbols "$work/debian.reel" vfs_read | awk '{ print $1 }')
echo 'long vfs_read(void *file, char *buf, unsigned long count) { long planted_local = (long)count + *(volatile char *)buf; return planted_local; }' >"$work/own.c"
${CC:-gcc} -g -O0 -c -ffreestanding -mcmodel=kernel -fno-pic -fcf-protection=none -o "$work/own.o" "$work/own.c" &&
    ld -N -e vfs_read -Ttext="$(printf '0x%x' $((at - offset)))" -o "$work/own" "$work/own.o" 2>"$work/ld.err" || fail "a file of the kernel is not made"
gdb_run -ex "source $top/scripts/gdb/bootreel.py" -ex "boot-open $work/debian.reel" -ex "symbol-file $work/own -o $offset" -ex "break *$at" -ex continue \
    -ex "info locals" >"$work/own.gdb"
holds "$work/own.gdb" 'Breakpoint 1, vfs_read \(.*count=.*\) at .*own\.c:1' "a kernel's own file: lines"
holds "$work/own.gdb" '^planted_local = ' "a kernel's own file: variables"

# A module's file gives lines, at the addresses of its sections; one of another build, or of a module that was not loaded, is refused.
at=$("$BOOTREEL" events "$work/debian.reel" --class kernel | sed -n 's/.*section dummy \.text at 0x\([0-9a-f]*\).*/\1/p' | head -n 1)
module_file() { # MODULE FUNCTION
    printf 'static const char info[] __attribute__((section(".modinfo"), used)) = "license=GPL\\0name=%s";\nint %s(int a)\n{\n    return a * 2;\n}\n' "$1" "$2" >"$work/planted.c"
    ${CC:-gcc} -g -O1 -c -mcmodel=kernel -fno-pic -o "$work/planted.ko" "$work/planted.c" || fail "planted.ko is not made"
}
module_file dummy "$("$BOOTREEL" symbols "$work/debian.reel" "0x$at" | awk '{ print $2 }')"
gdb_run -ex "source $top/scripts/gdb/bootreel.py" -ex "boot-open $work/debian.reel --symbols $work/planted.ko" -ex "info line *0x$at" >"$work/planted"
holds "$work/planted" '^Line [34] of "(.*/)?planted\.c" starts at address 0x'"$at" "lines of a module's file"
module_file dummy dummy_setup
expect 2 other-build "$BOOTREEL" gdb "$work/debian.reel" --stdio --symbols "$work/planted.ko" && holds "$work/other-build.err" 'is of another build of the module dummy' "a module's file of another build"
module_file xfs xfs_init
expect 2 not-loaded "$BOOTREEL" gdb "$work/debian.reel" --stdio --symbols "$work/planted.ko" && holds "$work/not-loaded.err" 'no module xfs was loaded' "a file of a module that was not loaded"

# The calls of a program that a system call ends, down to its beginning: by its file in the page cache, at its place in memory. Threads
# as tasks: each has its own calls and memory.
exits=$("$BOOTREEL" events "$work/debian.reel" --class process | awk '/\(story\) exits/ { print $2; exit }')
gdb_run -ex "source $top/scripts/gdb/bootreel.py" -ex "boot-open $work/debian.reel --at $exits" -ex "monitor progress off" -ex "bt -30" -ex "echo @bt\n" -ex boot-bt \
    -ex "echo @tasks\n" -ex "boot-threads tasks" -ex "info threads" -ex "python [t for t in gdb.selected_inferior().threads() if t.ptid[1] == 1][0].switch()" \
    -ex "bt 6" -ex stepi -ex "echo @1\n" -ex "boot-bt 1" \
    -ex "boot-bt 99999" -ex "boot-threads tasks" -ex "echo @gone\n" -ex "boot-seek stage:kernel.initcalls" -ex boot-when >"$work/tasks" 2>&1
holds "$work/tasks" '^#[0-9]+ +0x[0-9a-f]+ in entry_SYSCALL_64_after_hwframe \(\)' "the kernel's calls"
sed '/^@bt/,$d' "$work/tasks" >"$work/tasks.bt"
holds "$work/tasks.bt" '^#[0-9]+ +0x00000[0-9a-f]+ in ' "calls of the program below the kernel's"
! grep -q 'corrupt stack' "$work/tasks" || fail "gdb takes a stack for a corrupt one"
sed -n '/^@bt/,/^@tasks/p' "$work/tasks" >"$work/tasks.story"
holds "$work/tasks.story" ' in (do_group_exit|__do_sys_exit_group|do_exit)' "the system call"
holds "$work/tasks.story" ' in (exit|__run_exit_handlers)(\+0x[0-9a-f]+)? \[story\]' "the program's library"
holds "$work/tasks.story" ' in _start(\+0x[0-9a-f]+)? \[story\]' "the beginning of the program"
# The terminal interface shows the same calls, down to the beginning of the program.
printf '%s\n' "goto $exits" code "show $work/tui.exits" >"$work/tui.script"
"$BOOTREEL" tui "$work/debian.reel" --script "$work/tui.script" --size 220x70 || fail "tui exits with $?"
calls() { grep -Eo '#[0-9]+ +(0x)?[0-9a-f]{16}' "$1" | sed 's/0x//' | tr -s ' '; }
calls "$work/tasks.story" >"$work/calls.gdb"
calls "$work/tui.exits" >"$work/calls.tui"
same "$work/calls.gdb" "$work/calls.tui" "calls in the terminal interface and in gdb"
holds "$work/tui.exits" '_start\+0x[0-9a-f]+ \[story\]' "the beginning of the program in the terminal interface"
sed -n '/^@tasks/,/^@1/p' "$work/tasks" >"$work/tasks.threads"
holds "$work/tasks.threads" 'Thread 1\.1 "init" \(sleeps' "a task that sleeps"
holds "$work/tasks.threads" '^\* .*"story" \(on CPU 0' "the task that runs"
holds "$work/tasks.threads" 'Thread 1\.2 "kthreadd" \(sleeps\).* in __schedule' "a kernel thread"
holds "$work/tasks.threads" '^#[0-9] .* in (do_wait|kernel_wait4)' "the calls of a task that sleeps"
holds "$work/tasks.threads" 'task 1 does not run here' "a step of a task that sleeps"
holds "$work/tasks" '^1 "init", sleeps' "boot-bt of a task"
holds "$work/tasks" 'there is no such task here' "boot-bt of no task"
# A position where the selected task does not exist.
sed -n '/^@gone/,$p' "$work/tasks" >"$work/tasks.gone"
holds "$work/tasks.gone" '^CPU 0 at 0xffffffff' "a position without the selected task" || cat "$work/tasks.gone"

# A System.map has link addresses: its symbols are where the kernel runs.
text=0x$("$BOOTREEL" symbols "$work/debian.reel" _text | awk '{ print $1 }')
printf '%s\n' 'ffffffff81000000 T _text' 'ffffffff81001234 T named_by_the_map' >"$work/System.map"
gdb_run -ex "source $top/scripts/gdb/bootreel.py" -ex "boot-open $work/debian.reel --at 100% --symbols $work/System.map" -ex "p/x (unsigned long)&named_by_the_map - $text" >"$work/map" 2>&1
holds "$work/map" '= 0x1234$' "symbols of a System.map"

# Searches: arguments in words, members by name, values by their types.
find_in() { expect 0 "$1" "$BOOTREEL" find "$work/debian.reel" "${@:2}"; }
find_in mount --exec path_mount
holds "$work/mount.out" 'path_mount\(dev_name="devtmpfs", path=0x[0-9a-f]+, type_page="devtmpfs", flags=0x8000, data_page=NULL\)  from ' "arguments of a call"
find_in open --exec do_filp_open --first
holds "$work/open.out" 'do_filp_open\(dfd=-100, pathname=0x[0-9a-f]+ "[^"]+", op=0x[0-9a-f]+\)' "the name in a structure"
find_in member --write init_task.comm
holds "$work/member.out" '  "swapper/" -> "swapper/0"$' "a member, and its value as a text"
address=0x$("$BOOTREEL" symbols "$work/debian.reel" init_task | awk '{ print $1 }')
find_in cast --write "((struct task_struct *)$address)->comm"
same "$work/member.out" "$work/cast.out" "the same by its address"
find_in json --write console_printk[0] --first --format json
holds "$work/json.out" '"new": *"[0-9]+"' "an element of an array"
expect 2 nosuch "$BOOTREEL" find "$work/debian.reel" --write init_task.nosuch
holds "$work/nosuch.err" 'no member "nosuch" .*task_struct' "a member that is not there"
expect 2 pointer "$BOOTREEL" find "$work/debian.reel" --write 'iomem_resource.child->name'
holds "$work/pointer.err" 'the pointer before "name" has another value at each position' "a pointer"

# The terminal interface: structures member by member, through pointers and lists, and to a member's last change.
cat >"$work/structure.script" <<'SCRIPT'
goto 100%
structure init_task
search children
enter
search comm
previous-change
step
show -
search real_parent
enter
show -
search cpus_mask
back
search real_parent
enter
structure jiffies_64
structure $rsp struct list_head
watch init_task.comm
message watchpoint at 0xf
address init_task.comm
writer init_task.comm
SCRIPT
expect 0 structure "$BOOTREEL" tui "$work/debian.reel" --script "$work/structure.script" --size 110x20
holds "$work/structure.out" ' Structure init_task.children: struct task_struct at 0xf' "what is in a list"
holds "$work/structure.out" '^ comm +char \[16\] +"init"' "the value of a member"
holds "$work/structure.out" ' Structure init_task.children.real_parent: struct task_struct at 0xf' "what a pointer points to"
for bad in 'structure init_task.nosuch|no member "nosuch"' 'structure nosuch|no variable of a known type' 'watch init_task.nosuch|no member "nosuch"'; do
    echo "${bad%|*}" >"$work/bad.script"
    expect 2 bad "$BOOTREEL" tui "$work/debian.reel" --script "$work/bad.script"
    holds "$work/bad.err" "${bad#*|}" "${bad%|*}"
done

if [ -n "${BOOTREEL_ALL_KERNELS:-}" ]; then
    for k in "$GUESTS"/kernels/*/vmlinuz; do
        name=$(basename "$(dirname "$k")")
        case $name in *-686* | *-tiny | *-clang) continue ;; esac # without type information
        case " 1 $BOOTREEL_ALL_KERNELS " in *" $name "* | " 1 1 ") ;; *) continue ;; esac
        kernel "$name" "$k" "$([ -e "${k%/*}/initrd-story.gz" ] && echo "${k%/*}/initrd-story.gz" || echo "$GUESTS/initrd-story.gz")"
        rm -f "$work/$name.reel"
    done
fi
finish
