#!/bin/bash
# suspend.sh - suspend to RAM (S3): Linux suspends, the clock's alarm wakes the board, the firmware finds the kernel's waking vector, and the kernel
# goes on with all processors; under our own BIOS, SeaBIOS, one for each board, and OVMF. Two recordings are the same bytes, and verify.
. "$(dirname "$0")/../lib.sh"
need_guests
mkdir "$work/root" && cd "$work/root" && zcat "$GUESTS/initrd-shell.gz" | cpio --quiet -idm || fail "no initramfs"
cd "$top" && cp tests/guests/init-suspend "$work/root/init" && chmod +x "$work/root/init"
(cd "$work/root" && find . | sort | cpio --quiet -o -H newc --reproducible -R 0:0) | gzip -n >"$work/initrd.gz"
kernel=$GUESTS/other/cloud/vmlinuz
[ -f "$kernel" ] || kernel=$GUESTS/vmlinuz
suspend() { # NAME OPTION...
    expect 0 "$1" "$BOOTREEL" record --kernel "$kernel" --initrd "$work/initrd.gz" --append 'console=ttyS0' --until 60s --console -q \
        -o "$work/$1.reel" "${@:2}"
    holds "$work/$1.out" '^woken: status 0, after 3 s, ' "$1 is woken by its clock"
}
suspend pc --cpus 2
suspend again --cpus 2
suspend q35 --machine q35 --bios seabios --cpu max
holds "$work/pc.out" ' 2 processors, 1 time' "both processors are back"
same "$work/pc.reel" "$work/again.reel" "two recordings"
expect 0 verify "$BOOTREEL" replay --verify -q --console=none "$work/pc.reel"
"$BOOTREEL" stages "$work/pc.reel" >"$work/stages"
holds "$work/stages" ' kernel.suspend$' "a stage of the kernel"
holds "$work/stages" ' firmware.resume$' "a stage of the firmware"
holds <("$BOOTREEL" events --class power "$work/pc.reel") 'power.wake .*wakes by RTC alarm$' "what woke it"
holds <("$BOOTREEL" events --class firmware "$work/pc.reel") 'S3: wakes at ' "our BIOS says where"

# OVMF: a kernel that its shell starts.
need_efi
rm -f "$work/fat.img" && truncate -s 32M "$work/fat.img" && mformat -i "$work/fat.img" -v S3 -N 12345678 ::
printf '%s\r\n' 'vmlinuz.efi console=ttyS0 initrd=\initrd.gz' >"$work/startup.nsh"
cp "$kernel" "$work/vmlinuz.efi" && mcopy -i "$work/fat.img" "$work/vmlinuz.efi" "$work/initrd.gz" "$work/startup.nsh" ::
expect 0 ovmf "$BOOTREEL" record --machine q35 --bios ovmf --cpus 2 --disk "$work/fat.img" --until 120s --console -q -o "$work/ovmf.reel"
holds "$work/ovmf.out" '^woken: status 0, after 3 s, 2 processors, 1 time' "OVMF"
holds <("$BOOTREEL" stages "$work/ovmf.reel") ' firmware.resume$' "a stage of OVMF"
expect 0 ovmf-verify "$BOOTREEL" replay --verify -q --console=none "$work/ovmf.reel"
finish
