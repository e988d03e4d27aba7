#!/bin/bash
# q35.sh - the machine q35: SeaBIOS or our BIOS, GRUB and Linux from its AHCI controller; Linux finds its chips, reads and writes disks with queued
# commands; firmware for Secure Boot, which locks system management memory, refuses what is not signed. Recordings verify.
# More (q35-more.sh): two recordings are the same bytes; our BIOS; the same controller is a card on a pc.
. "$(dirname "$0")/../lib.sh"
need_guests
scripts/guests "$GUESTS" drives >/dev/null || { echo "no initrd-drives.gz: see scripts/guests"; exit 2; }

seq 300000 | head -c $((1536 * 1024 + 512)) >"$work/plain.img"
sectors=$((1536 * 2 + 1))
before=$(md5sum <"$work/plain.img" | cut -d' ' -f1)
cp "$work/plain.img" "$work/changed.img"
dd if="$work/plain.img" of="$work/changed.img" bs=4096 skip=1 seek=100 count=50 conv=notrunc status=none
after=$(md5sum <"$work/changed.img" | cut -d' ' -f1)

# drives MACHINE DISK...
drives() {
    local machine=$1
    shift
    expect 0 "$machine" "$BOOTREEL" record --machine "$machine" --bios seabios --cpus 2 --kernel "$GUESTS/vmlinuz" --initrd "$GUESTS/initrd-drives.gz" \
        --append 'console=ttyS0' --console -q -o "$work/$machine.reel" "$@"
    tr -d '\r' <"$work/$machine.out" >"$work/said"
    for d in sda sdb; do
        holds "$work/said" "^drive $d: $sectors sectors, $before\$" "$machine: $d is read"
        holds "$work/said" "^drive $d: then $after\$" "$machine: $d is written"
    done
    holds "$work/said" 'sectors, multi 0: LBA48 NCQ \(depth 32\)' "$machine: commands are queued"
    holds "$work/said" 'PCI-MSI.* ahci' "$machine: AHCI's interrupt is a message"
    "$BOOTREEL" events --class disk "$work/$machine.reel" >"$work/disk"
    holds "$work/disk" 'disk.write +WRITE FPDMA QUEUED drive 17 lba 800 ' "$machine: a queued command"
    ! "$BOOTREEL" events --class unhandled "$work/$machine.reel" | grep -E 'ahci|mch|ICH9' || fail "$machine: something is not implemented"
    expect 0 "$machine-verify" "$BOOTREEL" replay --verify -q --console=none "$work/$machine.reel"
}
drives q35 --disk "$work/plain.img" --disk "$work/plain.img,serial=second"
holds "$work/said" 'PCI: MMCONFIG for domain 0000 \[bus 00-ff\] at \[mem 0xb0000000-0xbfffffff\]' "configuration space in memory"
holds "$work/said" 'quirk: \[io  0x0600-0x067f\] claimed by ICH6 ACPI/GPIO/TCO' "the LPC bridge"
[ -z "${more:-}" ] || drives pc --disk "$work/plain.img,interface=ahci" --disk "$work/plain.img,interface=ahci"

boot=(--machine q35 --bios seabios --disk "$GUESTS/disk.img" --memory 256M --until 20G -q)
expect 0 grub "$BOOTREEL" record "${boot[@]}" --console -o "$work/grub.reel"
holds "$work/grub.out" 'reboot: Power down' "SeaBIOS, GRUB and Linux from AHCI"
if [ -n "${more:-}" ]; then
    expect 0 again "$BOOTREEL" record "${boot[@]}" -o "$work/again.reel"
    same "$work/grub.reel" "$work/again.reel" "two recordings"
fi
expect 0 verify "$BOOTREEL" replay --verify -q --console=none "$work/grub.reel"
expect 0 info "$BOOTREEL" info "$work/grub.reel"
holds "$work/info.out" '^machine +machine = q35$' "the trace names the machine"
"$BOOTREEL" events --class firmware,disk,pio,mmio --explain "$work/grub.reel" >"$work/explained"
holds "$work/explained" 'trying to boot from AHCI port 0 ' "what firmware tries"
holds "$work/explained" 'READ DMA drive 16 lba 0 .*AHCI port 0: queue 0, entry 0: read lba 0, 1 block to' "a command in words"
holds "$work/explained" 'READ DMA drive 16 .*; partition 1: (.*, )?/boot/vmlinuz( |$)' "the file that is read"
holds "$work/explained" 'READ DMA drive 16 .*; partition 1: /boot/initrd.gz from byte [0-9]+$' "the next one"
holds "$work/explained" 'AHCI port 0: commands given in slot 0$' "a register in words"
holds "$work/explained" 'Q35 host bridge.*: PCIEXBAR, configuration space in memory: on' "the host bridge in words"

# Our BIOS, from a disk and from a CD-ROM.
expect 0 ours "$BOOTREEL" record --machine q35 --disk "$GUESTS/disk.img" --memory 256M --until 100M --console -q -o "$work/ours.reel"
holds "$work/ours.out" '^disk 80h: BOOTREEL HARDDISK, 64 MiB' "our BIOS finds the disk"
holds <("$BOOTREEL" events --class firmware "$work/ours.reel") 'INT 13h AH=42h extended read: drive 80h lba [0-9]+ count 127' "our BIOS reads for GRUB"
if [ -n "${more:-}" ]; then
    expect 0 ours-cd "$BOOTREEL" record --machine q35 --cdrom "$GUESTS/grub.iso" --memory 256M --until 20G --console -q -o "$work/ours.reel"
    holds "$work/ours-cd.out" 'reboot: Power down' "our BIOS, GRUB and Linux from an AHCI CD-ROM"
    expect 0 ours-verify "$BOOTREEL" replay --verify -q --console=none "$work/ours.reel"
fi

ovmf=$(dirname "$(find "$GUESTS/root" /usr/share/OVMF -name OVMF_CODE_4M.fd 2>/dev/null | head -n 1)")
if [ -e "$ovmf/OVMF_CODE_4M.ms.fd" ] && [ -e "$GUESTS/efi/gpt.img" ]; then
    expect 1 secure "$BOOTREEL" record --machine q35 --pflash "$ovmf/OVMF_CODE_4M.ms.fd" --pflash "$ovmf/OVMF_VARS_4M.ms.fd" --memory 256M \
        --disk "$GUESTS/efi/gpt.img" --until 'console:Access Denied' -q -o "$work/secure.reel"
    "$BOOTREEL" events --class pio,mmio,firmware --explain "$work/secure.reel" >"$work/secured"
    holds "$work/secured" 'ESMRAMC, extended system management RAM control: TSEG on' "TSEG"
    holds "$work/secured" 'SMRAM, system management RAM control: locked' "TSEG is locked"
fi

expect 2 ide "$BOOTREEL" record --machine q35 --disk "$work/plain.img,interface=ide" -q -o "$work/no.reel"
holds "$work/ide.err" 'bootreel: disk0: interface ide: machine q35 has no IDE' "no IDE"
expect 2 machine "$BOOTREEL" record --machine at -q -o "$work/no.reel"
finish
