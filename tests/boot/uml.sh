#!/bin/bash
# Debian's user-mode Linux on the deterministic Linux host: boots to power-off, twice the same, verified; typing, reboot, panic, a disk.
. "$(dirname "$0")/../lib.sh"
need_uml

uml() { # NAME [OPTION...]
    local name=$1
    shift
    expect "${want:-0}" "$name" "$BOOTREEL" record --console -o "$work/$name.reel" --uml "$GUESTS/uml/linux.uml" "$@"
}

uml boot --memory 128M --initrd "$GUESTS/initrd.gz"
holds "$work/boot.out" '^init: Linux 6' "init runs"
holds "$work/boot.out" 'ea4d0a24dabcaa11f9aa979b872d162b' "what the guest computes"
holds "$work/boot.out" '^init: powering off' "the end of init"
holds "$work/boot.out" '^ended: the guest switched itself off \(status 0\)' "power-off"
[ "$(grep -c '^child [123] of 0' "$work/boot.out")" = 3 ] || fail "three children"
every_way uml "$work/boot.reel"
uml again --memory 128M --initrd "$GUESTS/initrd.gz"
same "$work/boot.reel" "$work/again.reel" "two recordings of one boot"
images=$(($(stat -c %s "$GUESTS/uml/linux.uml") + $(stat -c %s "$GUESTS/initrd.gz")))
[ "$(stat -c %s "$work/boot.reel")" -le $((images + (8 << 20))) ] || fail "the trace is larger than its images and 8 MB"

# The kernel's own story, told by the same inspector as on the PC, and the host's processes.
expect 0 stages "$BOOTREEL" stages "$work/boot.reel"
for stage in kernel.main.os_early_checks kernel.start_kernel.setup_arch.setup_physmem kernel.start_kernel.mem_init \
    kernel.initcall.ubd_driver_init user.init process.md5sum kernel.shutdown; do
    holds "$work/stages.out" " $stage( |\$)" "stage $stage"
done
expect 0 kernel "$BOOTREEL" events "$work/boot.reel" --class kernel
holds "$work/kernel.out" 'kernel\.found +guest 1: Linux version 6' "the kernel is found"
holds "$work/kernel.out" 'initcall ubd_driver_init, level [67]' "an initcall with its level"
holds "$work/kernel.out" 'kernel\.shutdown .*machine_power_off' "the end"
# Where ps runs, the guest's own table is the trace's.
expect 0 processes "$BOOTREEL" processes "$work/boot.reel" --at 'console:{ps} /bin/sh'
sed -n 's/^ *1:\([0-9]*\) .*/\1/p' "$work/processes.out" | sort -n >"$work/pids"
sed -n '/^PID /,/{ps}/s/^ *\([0-9][0-9]*\) .*/\1/p' "$work/boot.out" | tr -d '\r' | sort -n | diff - "$work/pids" ||
    fail "ps and the trace know other processes"
for host in $(sed -n 's/.* in host process \([0-9]*\).*/\1/p' "$work/processes.out"); do
    holds "$work/processes.out" "^ *$host linux.uml \(host process" "host process $host"
done
holds "$work/processes.out" '1:1 init \(process, .* in host process [0-9]+\): /init' "init has a host process"
expect 0 symbols "$BOOTREEL" symbols "$work/boot.reel" --at 50% start_kernel
holds "$work/symbols.out" ' start_kernel \[kernel\]' "a symbol of a kernel under a host"
expect 0 info "$BOOTREEL" info "$work/boot.reel"
holds "$work/info.out" '^ +ptrace +[0-9,]+ .*ESRCH [0-9]+' "the summary of the host's calls"

# Where the steps go: the kernel is a program with symbols.
expect 0 profile "$BOOTREEL" profile "$work/boot.reel" --every 1M
holds "$work/profile.out" 'raid6_.* \[kernel\]' "profile"

uml calls --memory 128M --initrd "$GUESTS/initrd.gz" --events +syscall
expect 0 syscalls "$BOOTREEL" events "$work/calls.reel" --class syscall
holds "$work/syscalls.out" '1:.* 1: openat\(AT_FDCWD, "/' "a call with a text from the program's memory"
holds "$work/syscalls.out" 'execve\("/proc/self/exe", \["poweroff", "-f"\]' "arguments of a program"

# A program that reboots at once: the second boot has nothing new, so the recording ends.
mkdir "$work/loop"
printf '#include <sys/reboot.h>\nint main(void) { return reboot(RB_AUTOBOOT); }\n' | gcc -x c -static -o "$work/loop/init" - || fail "cannot compile"
(cd "$work/loop" && echo init | cpio -o -H newc 2>/dev/null | gzip >../loop.gz)
want=1 uml loop --memory 64M --initrd "$work/loop.gz" --until 60s
expect 0 loop-info "$BOOTREEL" info "$work/loop.reel"
holds "$work/loop-info.out" '^ended +reset-loop: the kernel executes itself again, after a boot in which nothing new happened' "an endless reboot"
expect 1 loop-why "$BOOTREEL" why "$work/loop.reel"
holds "$work/loop-why.out" 'the kernel restarts itself again and again: process 1 \(/init\) asks for it in each boot' "why: an endless reboot"
holds "$work/loop-why.out" 'kernels in the record: [2-9]' "why: how often"
expect 0 loop-verify "$BOOTREEL" replay --verify --console=none "$work/loop.reel"

# What is typed is part of the trace; many processes; a reboot executes the kernel again, which is another kernel.
printf '%s\n' 'i=0; while [ $i -lt 300 ]; do (exit 3) & i=$((i+1)); done; wait; echo all $i done' 'reboot -f' \
    'echo answer $((6 * 7))' exit |
    "$BOOTREEL" record -i -o "$work/typed.reel" --uml "$GUESTS/uml/linux.uml" --memory 256M --initrd "$GUESTS/initrd-shell.gz" \
        --append quiet >"$work/typed.out" || fail "typed: record exits with $?"
holds "$work/typed.out" '^all 300 done' "typed: 300 processes"
holds "$work/typed.out" '^answer 42' "typed: the second boot"
expect 0 typed-stages "$BOOTREEL" stages "$work/typed.reel"
[ "$(grep -cE ' [0-9]+  (kernel|  user\.init|  kernel\.shutdown)$' "$work/typed-stages.out")" -ge 4 ] ||
    fail "typed: two boots: $(grep -E '  (kernel|  user)' "$work/typed-stages.out")"
expect 0 typed-all "$BOOTREEL" processes --all "$work/typed.reel"
[ "$(grep -c '^ *1:.*exited with 3' "$work/typed-all.out")" = 300 ] || fail "typed: exit codes of 300 processes"

# Without an initramfs and a disk the kernel panics, and its process ends by SIGABRT.
want=1 uml panic --memory 32M
holds "$work/panic.out" 'Kernel panic' "panic"
holds "$work/panic.out" 'status 134' "panic: how it ends"

# A disk image: its file system is the root, and stays as it is.
mkdir -p "$work/root/bin" "$work/root/proc" "$work/root/dev"
cp "$GUESTS/root/bin/busybox" "$work/root/bin/"
ln -s busybox "$work/root/bin/sh"
printf '#!/bin/sh\nb=/bin/busybox\n$b mount -t proc proc /proc\n$b mount -o remount,rw /\necho written >/new\n$b sync\n$b cat /new\n$b md5sum $b\n$b poweroff -f\n' \
    >"$work/root/init"
chmod +x "$work/root/init"
truncate -s 16M "$work/root.img"
mke2fs -q -t ext4 -d "$work/root" "$work/root.img" || fail "mke2fs"
before=$(md5sum <"$work/root.img")
uml disk --memory 64M --disk "$work/root.img" --append "root=/dev/ubda init=/init quiet"
holds "$work/disk.out" '^written' "disk: what was written"
holds "$work/disk.out" "^$(md5sum <"$work/root/bin/busybox" | cut -d ' ' -f 1)" "disk: what is read"
holds "$work/disk.out" 'status 0' "disk: power-off"
[ "$before" = "$(md5sum <"$work/root.img")" ] || fail "disk: the image was written"
finish
