#!/bin/bash
# hvmloader.sh - an HVM domain with Xen's own hvmloader: its steps, SeaBIOS in it, GRUB, Debian's kernel as a guest of Xen, power-off.
. "$(dirname "$0")/../lib.sh"
need_efi
scripts/guests "$GUESTS" hvm >/dev/null
case $? in
0) ;;
3) echo "no packages of Xen: left out"; finish ;;
*) fail "no guests of the group hvm"; finish ;;
esac
cd "$work" || exit 2
machine=(--hvmloader "$GUESTS/xen/hvmloader" --disk "$GUESTS/disk.img" --cpus 2)

expect 0 boot timeout 500 "$BOOTREEL" record "${machine[@]}" --console -o boot.reel
tr -d '\r' <boot.out >console
"$BOOTREEL" events boot.reel >events

# What hvmloader and the kernel say of themselves.
for text in 'Hypervisor detected: Xen HVM' 'Xen version 4\.17' 'DMI: Xen HVM domU' 'ACPI: XSDT .* Xen    HVM ' 'Booting paravirtualized kernel on Xen HVM' \
    'xen:events: Xen HVM callback vector for event delivery is enabled' 'installing Xen timer for CPU 1' \
    'smp: Brought up 1 node, 2 CPUs' 'clocksource: Switched to clocksource xen'; do
    holds console "$text" "the kernel's log"
done
! grep -E 'failed to register GSI|Kernel panic|WARNING' console || fail "the kernel's log"
holds boot.out '^ended: .*ACPI' "the end"
# The kernel's clock begins at the machine's; its memory map is hvmloader's, which ends as xc_dom_hvm makes it.
holds events 'console +\[00\]: 00000000:00000000 - 00000000:000a0000: RAM' "hvmloader's memory map"
holds console 'BIOS-e820: \[mem 0x00000000fc000000-0x00000000fc00[0-9a-f]*\] ACPI NVS' "the kernel's memory map"

# The stages, each once and in this order.
"$BOOTREEL" stages boot.reel | sed 's| (not ended)||' | awk '{ print $NF }' >stages
for stage in hvmloader hvmloader.hypercalls hvmloader.xenstore hvmloader.processor hvmloader.pci hvmloader.pci.routing hvmloader.pci.devices \
    hvmloader.pci.bars hvmloader.processors hvmloader.smbios hvmloader.firmware hvmloader.mp-tables hvmloader.acpi hvmloader.finish \
    hvmloader.memory-map hvmloader.jump bios bios.post bios.boot loader loader.boot-sector loader.core kernel kernel.setup \
    kernel.decompress kernel.start_kernel kernel.initcalls user; do
    echo $stage
done >want
grep -Fx -f want stages | awk '!seen[$0]++' | diff -u want - || fail "the stages"

# Hypercalls: what Xen 4.17 would not have either is all that is not implemented.
awk '$4 == "unhandled"' events | grep -E 'hypercall|_op |vcpu|xenstore|platform' | grep -Ev 'event_channel_op (init_control|set_priority)' &&
    fail "hypercalls that are not implemented"
for text in 'hypercall.page +hypercall page at 0x80000, 32-bit code' 'xenstore +d1 read hvmloader/bios = "seabios"' \
    'hypercall +d1v0 memory_op\(add_to_physmap, shared_info' 'hypercall +d1v0 vcpu_op\(register_vcpu_info, vcpu 1\)' \
    'hypercall +d1v1 vcpu_op\(set_singleshot_timer, vcpu 1\)' 'xenstore +d1 watch control/shutdown'; do
    holds events "$text" "events"
done

# The boot sector is read over 1F0h-1F7h, by requests to the device model; the PM timer is Xen's.
sector=$(awk '$4 == "loader.boot-sector-read" { print $2; exit }' events)
"$BOOTREEL" events boot.reel --explain --class pio --from $((sector - 20000)) --to $((sector + 2000)) >requests
holds requests 'IDE primary: command READ.*ioreq to the device model: write, port 1F7h, 1 byte' "a disk command"
holds requests 'in 0x1f0/2 .*ioreq to the device model: read, port 1F0h, 2 bytes, data AA55h' "the boot signature"
holds requests "in 0xb008/4 .*intercepted: Xen's own PM timer answers" "the PM timer"

# Verified in parts: each begins with a state that was saved.
expect 0 verify timeout 500 "$BOOTREEL" replay --verify --jobs 2 --console=none boot.reel
holds verify.out '^verified: ' "the replay"
every_way boot boot.reel
for n in 1 2; do
    expect 0 again$n timeout 200 "$BOOTREEL" record "${machine[@]}" -q --until 420M -o again$n.reel
done
same again1.reel again2.reel "two recordings"

# A kernel that uses the PIC: its interrupts come through the I/O APIC, as hvmloader has set it up.
expect 0,1 demo timeout 60 "$BOOTREEL" record --hvmloader "$GUESTS/xen/hvmloader" --disk "$top/build/release/guests/demo/demo.img" --console -o demo.reel
holds demo.out 'init: that was all' "the demo system in a domain"

# UEFI firmware: hvmloader is told that it is OVMF, and puts it below 4 GiB; GRUB is loaded from the disk's own partition.
efi=(--hvmloader "$GUESTS/xen/hvmloader" --bios ovmf --disk "$GUESTS/efi/gpt.img")
expect 0 efi timeout 200 "$BOOTREEL" record "${efi[@]}" -q --until 1500M -o efi.reel
"$BOOTREEL" events efi.reel >efi.events
holds efi.events 'd1 read hvmloader/bios = "ovmf"' "the firmware's name"
holds efi.events 'System requested OVMF' "hvmloader's words"
"$BOOTREEL" stages efi.reel | sed 's/ (not ended)//' | awk '{ print $NF }' | grep -xE 'hvmloader|hvmloader.firmware|bios|bios.sec|bios.pei|bios.dxe|bios.bds' >efi.stages
printf '%s\n' hvmloader hvmloader.firmware bios bios.sec bios.pei bios.dxe bios.bds | diff - efi.stages || fail "the stages of UEFI in a domain"
finish
