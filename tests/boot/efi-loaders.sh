#!/bin/bash
# efi-loaders.sh - what starts a kernel under UEFI. shim loads GRUB by itself and calls it: a stage of its own, by the name in its .sbat section.
# A kernel whose EFI stub fails ends there: the shell that started it goes on, starts another, which comes to its end.
. "$(dirname "$0")/../lib.sh"
need_efi

stub() {
    mkdir "$work/disk" && cp "$GUESTS/vmlinuz" "$work/disk/vmlinuz.efi" && cp "$GUESTS/initrd.gz" "$work/disk/initrd.gz" || return
    printf 'fs0:\r\nvmlinuz.efi initrd=\\none.gz console=ttyS0\r\nvmlinuz.efi initrd=\\initrd.gz console=ttyS0\r\n' >"$work/disk/startup.nsh"
    truncate -s 40M "$work/stub.img"
    mformat -i "$work/stub.img" -v STUB -N 12345678 :: && mcopy -m -i "$work/stub.img" "$work/disk"/* :: || { fail "no disk"; return; }
    expect 0 stub "$BOOTREEL" record --bios ovmf --memory 512M --disk "$work/stub.img" --until 60s -q -o "$work/stub.reel"
    "$BOOTREEL" stages "$work/stub.reel" | awk '{ print $NF }' | grep -E '^(loader|kernel|kernel\.efi-stub|kernel\.start_kernel|user)$' | tr '\n' ' ' >"$work/stub.stages"
    [ "$(cat "$work/stub.stages")" = "loader kernel kernel.efi-stub loader kernel kernel.efi-stub kernel.start_kernel user " ] ||
        fail "the stages of a stub that fails, and of the next: $(cat "$work/stub.stages")"
}

shim() {
    [ -e "$GUESTS/efi/shim.img" ] || scripts/guests "$GUESTS" shim >/dev/null 2>&1 || { fail "no efi/shim.img: see scripts/guests"; return; }
    expect 0 shim "$BOOTREEL" record --bios ovmf --memory 512M --disk "$GUESTS/efi/shim.img" --until 60s --stop-on panic -q -o "$work/shim.reel"
    "$BOOTREEL" stages "$work/shim.reel" --depth 3 | awk '{ print $NF }' | grep -E '^(loader.*|kernel|user)$' | tr '\n' ' ' >"$work/shim.stages"
    [ "$(cat "$work/shim.stages")" = "loader loader.BOOTX64.EFI loader.grub kernel user " ] || fail "shim, GRUB, kernel: $(cat "$work/shim.stages")"
    "$BOOTREEL" events --class firmware "$work/shim.reel" >"$work/shim.events"
    holds "$work/shim.events" 'efi.start +grub starts at 0x' "the program that shim calls"
    holds "$work/shim.events" 'efi.service +grub: GetVariable\(VariableName "SecureBoot"' "the services that it calls"
    expect 0 verify "$BOOTREEL" replay --verify -q --console=none "$work/shim.reel"
}
stub
shim
finish
