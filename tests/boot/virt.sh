#!/bin/bash
# virt.sh - KVM in Debian's cloud kernel starts the same kernel in a guest by QEMU (--cpu MODEL,+svm and intel-v2,+vmx): what it prints, what made it leave the
# guest, and the same run again.
. "$(dirname "$0")/../lib.sh"
need_guests
need_group virt
cd "$work" || exit 2

expect 0 record timeout 1800 "$BOOTREEL" record -q --cpu x86-64-v2,+svm --kernel "$GUESTS/other/cloud/vmlinuz" --initrd "$GUESTS/virt/initrd.gz" \
    --append 'console=ttyS0 quiet' --memory 1G --console=serial0 -o virt.reel
holds record.out '^virt: /dev/kvm is there' "KVM"
holds record.out '^inner: hello from [0-9.]+-[0-9]+-cloud-amd64' "the inner kernel"
holds record.out '^virt: QEMU ended with 0' "QEMU's end"

expect 0 why "$BOOTREEL" why virt.reel
expect 0 exits "$BOOTREEL" exits virt.reel
holds exits.out '^(about )?[0-9,]{5,} exits, [0-9,]{5,} entries, [0-9,]+ events injected, 0 entries refused$' "exits"
holds exits.out ' port$' "exits for ports"
holds exits.out ' nested page fault$' "exits for nested page faults"
"$BOOTREEL" events --class kernel virt.reel >kernels
holds kernels 'kernel\.found +guest 1: Linux version .*, physical 0x[1-9a-f]' "the inner kernel is a guest of its own"
"$BOOTREEL" stages virt.reel | awk '{ print $NF }' >stages
awk '/^kvm\.1\./ && !/initcall|start_kernel\./ { print }' stages | tr '\n' ' ' >order
holds order '^kvm\.1\.bios kvm\.1\.bios\.post .*kvm\.1\.kernel kvm\.1\.kernel\.setup .*kvm\.1\.kernel\.init .*kvm\.1\.user .*kvm\.1\.kernel\.shutdown ' "the stages of the machine inside"
holds stages '^kvm\.1\.kernel\.initcall\.' "its initcalls"
"$BOOTREEL" processes virt.reel --at 99% >processes
holds processes '^ *1:[0-9]+ kthreadd' "its processes"
holds processes '^ *[0-9]+ qemu-system' "QEMU's, beside them"
# Its tasks in gdb, by its own types: with their kernel stacks down to the program.
if command -v gdb >/dev/null; then
    . "$top/tests/gdb.sh"
    at=$(awk '/kernel\.init +guest 1: / { print $2 }' kernels)
    PATH=$(dirname "$BOOTREEL"):$PATH gdb_run -ex "source $top/scripts/gdb/bootreel.py" -ex "boot-open $work/virt.reel" -ex "boot-seek $((at + 2000000))" \
        -ex 'boot-threads tasks' -ex 'boot-bt 1' -ex 'boot-bt 2' >tasks
    holds tasks "^threads are the guest's tasks" "tasks"
    holds tasks ' in entry_SYSCALL_64_after_hwframe' "the stack of its first process"
    holds tasks ' in ret_from_fork' "the stack of kthreadd"
fi
"$BOOTREEL" events --explain --class virt virt.reel >explained
holds explained 'out to port 3f8h, 8 bits, on a PC the first serial port' "the inner serial port"
# Another start of the machine inside: what the sed script makes of init-virt goes behind the archive.
inside() { # STATUS NAME SCRIPT OPTION...
    local status=$1
    shift
    mkdir "$1"
    sed "$2" "$top/tests/guests/init-virt" >"$1/init"
    chmod 755 "$1/init"
    (cd "$1" && echo init | LC_ALL=C cpio --quiet -o -H newc --reproducible -R 0:0 | gzip -n) | cat "$GUESTS/virt/initrd.gz" - >"$1/initrd.gz"
    expect "$status" "$1" timeout 1800 "$BOOTREEL" record -q --kernel "$GUESTS/other/cloud/vmlinuz" --initrd "$1/initrd.gz" \
        --append 'console=ttyS0 quiet' --memory 1G --console=serial0 "${@:3}" -o "$1.reel"
}
# Two processors inside 0 two: each starts as AMD's does after INIT.
inside 0 two 's/-m 128/-m 128 -smp 2/' --cpu x86-64-v2,+svm --cpus 2
holds two.out '^inner: hello from ' "two processors inside"
expect 0 verify-two timeout 1800 "$BOOTREEL" replay --verify --console=none two.reel
expect 0 why-two "$BOOTREEL" why two.reel
# Its process is killed while it boots; its kernel finds no program. The machine itself goes on, and switches off.
inside 1 killed 's|</dev/null|</dev/null \& sleep 1; kill -9 $!; wait $!|' --cpu x86-64-v2,+svm
expect 1 why-killed "$BOOTREEL" why killed.reel
holds why-killed.out '^the process that runs a virtual machine, qemu-system-x86 \(pid [0-9]+\), is killed by SIGKILL$' "who was killed"
inside 1 panic "s|-append '[^']*'|-append 'console=ttyS0 quiet panic=-1 rdinit=/none'|" --cpu x86-64-v2,+svm
expect 1 why-panic "$BOOTREEL" why panic.reel
holds why-panic.out '^Linux cannot execute /none of its initrd \(No such file or directory\)' "the inner kernel's panic"
# The same on Intel's processors.
expect 0 intel timeout 1800 "$BOOTREEL" record -q --cpu intel-v2,+vmx --kernel "$GUESTS/other/cloud/vmlinuz" --initrd "$GUESTS/virt/initrd.gz" \
    --append 'console=ttyS0 quiet' --memory 1G --console=serial0 -o intel.reel
holds intel.out '^inner: hello from [0-9.]+-[0-9]+-cloud-amd64' "the inner kernel under VMX"
holds intel.out '^virt: QEMU ended with 0' "QEMU's end under VMX"
expect 0 exits-intel "$BOOTREEL" exits intel.reel
holds exits-intel.out ' EPT violation$' "exits for EPT violations"
expect 0 verify-intel timeout 1800 "$BOOTREEL" replay --verify --console=none intel.reel
expect 0 verify timeout 1800 "$BOOTREEL" replay --verify --console=none virt.reel
finish
