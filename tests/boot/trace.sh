#!/bin/bash
# trace.sh - bootreel trace on Debian's kernel: what probes count is what the record's events say, and what find counts; arguments and
# structures by the kernel's types; system calls; bpftrace's own tools of Debian 12, unchanged.
. "$(dirname "$0")/../lib.sh"
need_guests
recording direct || finish
reel=$recordings/direct.reel
cd "$work" || exit 2
trace() { "$BOOTREEL" trace "$reel" -q "$@"; }
count() { "$BOOTREEL" find "$reel" "$@" --count; }

trace 'tracepoint:initcall:initcall_start { @initcalls = count(); } tracepoint:sched:sched_switch { @switches = count(); }
       tracepoint:sched:sched_process_exit { @exits = count(); } tracepoint:sched:sched_process_fork { @forks = count(); }
       tracepoint:sched:sched_process_exec { @executions = count(); }' >events
for row in switches:sched.switch exits:process.exit forks:process.create executions:process.exec; do
    holds events "^@${row%%:*}: $(count --event "${row#*:}")\$" "tracepoints and events of ${row#*:}"
done

# A few initialisation functions are called in another way.
holds events "^@initcalls: $(count --exec do_one_initcall)\$" "initcalls"

trace 'kprobe:path_mount { printf("%s %s %d\n", comm, str(args->dev_name), pid); } kprobe:vfs_* { @[func] = count(); }' >probes
holds probes '^mount proc [0-9]+$' "an argument that is a text"
holds probes "^@\[vfs_read\]: $(count --exec vfs_read)\$" "as many calls as find has"
trace --jobs 3 'kprobe:path_mount { printf("%s %s %d\n", comm, str(args->dev_name), pid); } kprobe:vfs_* { @[func] = count(); }' | cmp -s - probes || fail "three jobs"

# What goes in comes out; members of structures; a cast; the same name by three ways.
trace 'kprobe:vfs_read { @in[args.file->f_path.dentry->d_name.name != 0] = sum(args.count); } kretprobe:vfs_read /retval >= 0/ { @out = sum(retval); @n = count(); }
       kretprobe:vfs_read /retval > args.count/ { @bad = count(); } kretprobe:vfs_read /retval < 0/ { @failed = count(); }
       kprobe:vfs_read /str(((struct task_struct *)curtask)->comm) != comm || ((struct task_struct *)curtask)->tgid != pid/ { @other = count(); }' >reads
! grep -Eq '^@(bad|other)' reads || fail "reads: more than was asked for, or another task: $(grep -E '^@(bad|other)' reads)"
n=$(($(sed -n 's/^@n: //p' reads) + $(sed -n 's/^@failed: //p' reads | grep . || echo 0)))
[ "$n" = "$(count --exec vfs_read)" ] || fail "$n returns of vfs_read"

trace 'tracepoint:syscalls:sys_enter_openat { @name[tid] = args->filename; } tracepoint:syscalls:sys_exit_openat /@name[tid]/ { printf("%s %d\n", str(@name[tid]), args->ret); delete(@name[tid]); }
       tracepoint:raw_syscalls:sys_enter /args->id == 257/ { @raw = count(); } tracepoint:syscalls:sys_enter_openat { @by_name = count(); }' >opens
holds opens '^/proc/cmdline 3$' "a file that is opened"
[ "$(sed -n 's/^@raw: //p' opens)" = "$(sed -n 's/^@by_name: //p' opens)" ] || fail "system calls by number and by name"

# Page faults: each is of a user or of the kernel, and a pattern has both, which are at one function.
trace 'tracepoint:exceptions:page_fault_* { @of[probe, args.error_code & 4] = count(); } kprobe:exc_page_fault { @all = count(); }
       tracepoint:task:* { @task[probe] = count(); } tracepoint:sched:sched_process_fork { @fork = count(); }' >faults
holds faults '^@of\[tracepoint:exceptions:page_fault_user, 4\]: [0-9]+$' "page faults of programs"
! grep -Eq 'page_fault_(user, 0|kernel, 4)\]' faults || fail "page faults: the processor says that it was the other"
[ "$(($(sed -n 's/^@of.*: //p' faults | paste -sd+)))" = "$(sed -n 's/^@all: //p' faults)" ] || fail "page faults: not all of them"
[ "$(sed -n 's/^@task.*task_newtask\]: //p' faults)" = "$(sed -n 's/^@fork: //p' faults)" ] || fail "tracepoints of one function, by a pattern"

trace -l 'kretprobe:vfs_read' >list
holds list '^    struct file \* file$' "the type of an argument"
holds list '^    ssize_t retval$' "the type of a result"
trace -l 'tracepoint:syscalls:sys_enter_openat' | grep -qx 'tracepoint:syscalls:sys_enter_openat' || fail "-l of a tracepoint"
expect 2 member trace 'kprobe:vfs_read { args.file->nosuch }'
holds "$work/member.err" ':1:30: struct file has no member nosuch' "a member that there is not"
expect 2 parameter trace 'kprobe:vfs_read { args.nosuch }'
holds "$work/parameter.err" 'vfs_read\(\) has no parameter nosuch' "a parameter that there is not"

# The tools: those that fit a boot without disks, network and programs with symbols.
if (apt-get -q download bpftrace && dpkg-deb -x bpftrace_*.deb bpftrace.d) >/dev/null 2>&1; then
    for tool in capable dcsnoop execsnoop loads opensnoop runqlat runqlen statsnoop syscount tcpdrop tcplife vfscount vfsstat; do
        trace -f "bpftrace.d/usr/sbin/$tool.bt" >"$tool" 2>err || fail "$tool.bt: $(head -n 1 err)"
    done
    holds opensnoop '^[0-9]+ +cat +3 +0 /proc/cmdline$' "opensnoop.bt"
    holds execsnoop '^[0-9]+ +[0-9]+ +mount -t proc proc /proc$' "execsnoop.bt"
    holds vfscount '^@\[vfs_read\]: [0-9]+$' "vfscount.bt"
else
    skip "bpftrace's tools" "the package cannot be downloaded"
fi
# Calls: at its breakpoint's test the kernel emulates one, by an IRET that takes a frame which it has moved. It returns to who hit the breakpoint.
at=$("$BOOTREEL" find "$reel" -q --exec int3_magic --first | awk '{ print $1 }')
"$BOOTREEL" calls "$reel" -q --from $((at - 2000)) --to $((at + 100)) --no-arguments >tree
holds tree '^ +[0-9]+ +0\) .* int3_selftest\(\) \{$' "who hits a breakpoint"
holds tree "^ +$at +0\\) .* int3_magic\\(\\)( \\{|;)\$" "a call that is emulated"
holds tree ' \} /\* int3_selftest: goes on \*/$' "the caller goes on"
finish
