#!/bin/bash
# efi-kernel.sh - a kernel that firmware takes through fw_cfg: OVMF with --kernel, and qboot if it can be had. Two recordings are equal, and replay
# verifies.
. "$(dirname "$0")/../lib.sh"
need_efi
kernel=$GUESTS/other/cloud/vmlinuz
[ -r "$kernel" ] || kernel=$GUESTS/vmlinuz
record() { # NAME OPTION...
    local name=$1
    shift
    expect 0 "$name" "$BOOTREEL" record --kernel "$kernel" --initrd "$GUESTS/initrd.gz" --append 'console=ttyS0 probe=1' --memory 512M "$@" -q -o "$work/$name.reel"
    "$BOOTREEL" events "$work/$name.reel" >"$work/$name.events"
    holds "$work/$name.events" 'fw_cfg 0x11 kernel_data' "$name: the kernel is read"
    holds "$work/$name.events" 'fw_cfg 0x12 initrd_data' "$name: the initrd is read"
    holds "$work/$name.events" 'command line: console=ttyS0 probe=1' "$name: the command line"
    holds "$work/$name.events" '(executes /init |is named init$)' "$name: the first program"
}
record ovmf --bios ovmf --until 'console:Run /init'
holds "$work/ovmf.events" 'efi.start +kernel starts at ' "OVMF starts it as an EFI program"
holds "$work/ovmf.events" 'kernel.entry +linux EFI' "by its EFI stub"
record again --bios ovmf --until 'console:Run /init'
cmp -s "$work/ovmf.reel" "$work/again.reel" || fail "two recordings differ"
expect 0 verify "$BOOTREEL" replay --verify "$work/ovmf.reel"

if (cd "$work" && apt-get download qemu-system-data) >"$work/apt" 2>&1; then
    dpkg --fsys-tarfile "$work"/qemu-system-data*.deb | tar -x -C "$work" ./usr/share/qemu/qboot.rom
    record qboot --bios "$work/usr/share/qemu/qboot.rom" --protocol fw_cfg --until 'console:Run /init'
    holds "$work/qboot.events" 'kernel.entry +linux ' "qboot enters it"
fi

expect 2 protocol "$BOOTREEL" record --bios ovmf --kernel "$kernel" --protocol linux -q -o "$work/no.reel"
holds "$work/protocol.err" 'UEFI firmware takes a kernel by fw_cfg only' "another protocol"
expect 2 module "$BOOTREEL" record --bios ovmf --kernel "$kernel" --module "$kernel" -q -o "$work/no.reel"
finish
