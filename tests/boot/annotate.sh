#!/bin/bash
# annotate.sh - new probes in parts of a boot of Debian's kernel on two processors: by address, in the kernel, of functions in which tasks
# wait, in a module; what follows the whole run sees the same, and so do shares of other machines. The same in a kernel without types, and in
# user-mode Linux.
. "$(dirname "$0")/../lib.sh"
need_uml
scripts/guests "$GUESTS" drives >/dev/null || { echo "no initrd-drives.gz: see scripts/guests"; exit 2; }
cd "$work" || exit 2
record() { # TRACE KERNEL
    expect 0 record "$BOOTREEL" record --kernel "$2" --initrd "$GUESTS/initrd-drives.gz" --append 'console=ttyS0 drives=0' --cpus 2 \
        -q --console=none -o "$1"
}
record boot.reel "$GUESTS/vmlinuz"
printf 'stage pick\nopen symbol pick_next_task_fair\nclose return pick_next_task_fair\n' >mine.profile
address=$("$BOOTREEL" events boot.reel | sed -nE 's/.* kernel.initcall +initcall .* at (0x[0-9a-f]+).*/\1/p' | head -n 1)
[ -n "$address" ] || address=$("$BOOTREEL" events --format json boot.reel |
    python3 -c 'import json, sys; print(next(e["fields"]["address"] for e in json.load(sys.stdin) if e["kind"] == "kernel.reached" and e["text"].startswith("start_kernel")))')

probed() { # NAME ANNOTATE-OPTION...
    local name=$1
    shift
    expect 0 "$name-whole" "$BOOTREEL" annotate -q "$boot" -o whole.reel "$@" --inspect
    expect 0 "$name-one" "$BOOTREEL" annotate -q "$boot" -o one.reel "$@" --jobs 1
    expect 0 "$name-three" "$BOOTREEL" annotate -q "$boot" -o three.reel "$@" --jobs 3
    same one.reel three.reel "$name: three jobs"
    "$BOOTREEL" events --format json one.reel >a && "$BOOTREEL" events --format json whole.reel >b && same a b "$name: events"
    "$BOOTREEL" events --class kernel one.reel | grep probe >"$name"
}

shares() { # NAME ANNOTATE-OPTION...
    local name=$1 k
    shift
    for k in 1 2 3; do
        expect 0 "$name-share" "$BOOTREEL" annotate -q boot.reel --part "$k/3" -o "$k.share" "$@"
    done
    expect 0 "$name-merge" "$BOOTREEL" annotate -q boot.reel --merge 3.share 1.share 2.share -o merged.reel
    same one.reel merged.reel "$name: shares"
}

boot=boot.reel
probed soon --probe=vfs_open --probe="$address" --probe=scsi_mod:scsi_register_driver --profile=mine.profile
shares soon --probe=vfs_open --probe="$address" --probe=scsi_mod:scsi_register_driver --profile=mine.profile
holds soon 'probe\.arguments +vfs_open\(path=0x[0-9a-f]+, .*pid [1-9]' "a call of the kernel"
holds soon 'probe\.leave +vfs_open returned 0x0 after [0-9]+ ns, pid [1-9]' "its return"
holds soon "probe\\.enter +$address\\(" "an address"
holds soon 'probe\.arguments +scsi_mod:scsi_register_driver\(' "a module's function"
holds soon 'probe\.leave +scsi_mod:scsi_register_driver returned' "its return"
holds soon 'probe\.leave +pick_next_task_fair ' "the profile's function"
probed wait --probe=schedule --probe=kernel_init --probe=do_exit
holds wait 'probe\.leave +schedule ' "a function in which tasks wait"

python3 "$top/tests/boot/kernels.py" untyped "$GUESTS/vmlinuz" vmlinux || fail "the kernel cannot be unpacked"
record untyped.reel vmlinux
"$BOOTREEL" events --class kernel untyped.reel >untyped
holds untyped 'kernel.note .*no type information .BTF.*offsets of members are inferred' "there are no types"
boot=untyped.reel
probed inferred --probe=vfs_open --probe=scsi_mod:scsi_register_driver --probe=kernel_init
holds inferred 'probe\.enter +vfs_open\(0x[0-9a-f]+, .* pid [1-9]' "a call, and whose, without types"
holds inferred 'probe\.leave +scsi_mod:scsi_register_driver returned' "a module's function without types"
holds inferred 'probe\.enter +kernel_init\(.* pid 1$' "the first task that was created"

# A function of a program, which is in ring 3, where GS is the program's.
mkdir program
printf '%s\n' '#include <sys/reboot.h>' '__attribute__((noinline)) int thrice(int n) { __asm__ volatile(""); return 3 * n; }' \
    'int main(void) { int s = 0; for (int i = 0; i < 5; i++) s += thrice(i); return reboot(RB_POWER_OFF) + s; }' |
    gcc -O1 -x c -static -o program/init - || fail "cannot compile a program"
(cd program && echo init | cpio -o -H newc 2>/dev/null | gzip >../program.gz)
expect 0 program "$BOOTREEL" record -q --console=none --kernel "$GUESTS/vmlinuz" --initrd program.gz --append 'console=ttyS0 quiet' \
    --symbols program/init --probe thrice -o program.reel
[ "$("$BOOTREEL" events program.reel | grep -c 'probe.enter *thrice(.* pid 1$')" = 5 ] || fail "a program's function"

# User-mode Linux: address 0x401000 is that of programs, which run in other processes of the host than the kernel. After the reboot it is
# another kernel, at the same place, so a new probe comes before what is reported of it.
printf '%s\n' 'reboot -f' exit |
    "$BOOTREEL" record -i -q -o uml.reel --uml "$GUESTS/uml/linux.uml" --memory 64M --initrd "$GUESTS/initrd-shell.gz" --append quiet >record-uml ||
    fail "user-mode Linux: record exits with $?"
boot=uml.reel
probed hosted --probe=vfs_open --probe=0x401000 --probe=kernel_init
[ "$("$BOOTREEL" events --class kernel uml.reel | grep -c kernel.found)" = 2 ] || fail "user-mode Linux: no reboot"
holds hosted 'guest 1: vfs_open\(0x[0-9a-f]+, .* pid [1-9]' "user-mode Linux: a call, and whose"
holds hosted 'guest 2: 0x401000\(.* pid [1-9]' "user-mode Linux: a program, and whose"
holds hosted 'guest 2: vfs_open\(.* pid 1$' "user-mode Linux: the first task"
finish
