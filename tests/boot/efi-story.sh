#!/bin/bash
# efi-story.sh - Debian's kernel as an EFI program under OVMF: the firmware's phases, modules and services, against what is in its volumes; where
# the firmware ends and the kernel begins, its parameters, its physical address. Ends where the kernel proper has begun; tests/boot/efi.sh goes
# to the power-off.
. "$(dirname "$0")/../lib.sh"
need_efi

expect 0 efi "$BOOTREEL" record --bios "$GUESTS/OVMF.fd" --disk "$GUESTS/efi.img" --until 'console:Linux version' --console -q -o "$work/efi.reel"
"$BOOTREEL" info "$work/efi.reel" >"$work/info"
holds "$work/info" 'kernel.entry +linux EFI entered at 0x' "marks"
holds "$work/info" 'kernel.found .*, physical 0x[1-9a-f][0-9a-f]*$' "marks"
"$BOOTREEL" events --class kernel "$work/efi.reel" >"$work/events"
holds "$work/events" 'kernel.command-line .*vmlinuz.efi .*initrd=' "the command line"
holds "$work/events" 'kernel.initrd ' "the initrd"
"$BOOTREEL" stages --depth 2 "$work/efi.reel" | sed -e 1d -e 's/.* s *[0-9]*  //' >"$work/stages"
awk '!seen[$0]++' "$work/stages" | sed 's/ (not ended)//' | tr '\n' ',' >"$work/order"
phases='bios,  bios.reset,  bios.sec,  bios.pei,  bios.dxe,  bios.bds'
holds "$work/order" "^$phases,loader,  loader.Shell,kernel,  kernel.efi-stub,  kernel.setup,  kernel.early,  kernel.start_kernel," "stages"
"$BOOTREEL" stages --depth 3 --all "$work/efi.reel" >"$work/stages"
for s in bios.pei.PlatformPei bios.pei.DxeIpl bios.dxe.PciBusDxe bios.dxe.VariableRuntimeDxe loader.vmlinuz.efi kernel.efi-stub.ExitBootServices; do
    holds "$work/stages" "  $s\$" "a stage"
done

for s in 'connect_PciRoot\(0x0\)/Pci\(0x1,0x1\)' Boot0002; do # the disk's controller; the shell
    holds "$work/stages" "  bios.bds.$s\$" "a part of boot device selection"
done

# What the firmware does. Its drivers are those of its volume (the file of each is known by its GUID), and each that starts returns.
"$BOOTREEL" events --class firmware "$work/efi.reel" >"$work/events"
! grep 'efi.note' "$work/events" || fail "something is damaged"
holds "$work/events" 'efi.memory .*PEI has found memory' "PEI's memory"
holds "$work/events" 'efi.hob .*HOB: system memory at 0x100000' "HOBs"
holds "$work/events" 'efi.hob .*HOB: module DxeCore' "HOBs"
holds "$work/events" 'efi.system-table .*UEFI 2.7; boot services' "the system table"
holds "$work/events" 'efi.service .*InstallProtocolInterface\(Protocol EFI_BLOCK_IO_PROTOCOL\) = EFI_SUCCESS' "a service"
holds "$work/events" 'efi.service .*LocateProtocol\(Protocol EFI_.*\) = EFI_NOT_FOUND' "a service that fails"
holds "$work/events" 'efi.call .*Shell: StartImage\(ImageHandle vmlinuz.efi\)' "the kernel's start"
holds "$work/events" 'efi.service .*vmlinuz.efi: ExitBootServices\(ImageHandle vmlinuz.efi\) = EFI_SUCCESS' "the end of boot services"
holds "$work/events" 'efi.memory-map .*EfiRuntimeServicesCode' "the memory map"
# What was started and what never was are together the modules of its volumes.
expect 0 used "$BOOTREEL" used --image bios --all "$work/efi.reel"
awk '$1 == "started" && NF > 4 { print $4 }' "$work/used.out" | sort -u >"$work/used.started"
sed -n 's/.* efi.start  *\([^ ]*\) starts at .*/\1/p' "$work/events" | grep -v '^vmlinuz' | sort -u >"$work/started"
cmp -s "$work/used.started" "$work/started" || fail "used: other modules started: $(diff "$work/used.started" "$work/started" | head -n 3)"
holds "$work/used.out" '^ +never dispatched +[0-9]+  462CAA21-7614-4503-836E-8AB6F4662331  UiApp \(application\)$' "a module that was never dispatched"
expect 0 json "$BOOTREEL" used --image bios --format json "$work/efi.reel"
python3 -c 'import json, sys; print(*sorted({m["name"] for m in json.load(sys.stdin)[0]["modules"] if m["use"] == "started"}), sep="\n")' <"$work/json.out" | LC_ALL=C sort >"$work/json.started"
LC_ALL=C sort "$work/started" | cmp -s - "$work/json.started" || fail "used --format json: other modules"
started=$(grep -c 'efi.start .*starts' "$work/events")
[ "$started" -gt 100 ] || fail "$started modules start"
grep 'efi.start' "$work/events" | sed 's/.*efi.start *\([^ ]*\) starts.*/\1/' | sort >"$work/started"
grep 'efi.return' "$work/events" | sed 's/.*efi.return *\([^ ]*\) returned.*/\1/' | sort >"$work/returned"
comm -23 "$work/started" "$work/returned" | tr '\n' ' ' >"$work/lasting"
[ "$(cat "$work/lasting")" = "DxeCore PeiCore PeiCore SecMain Shell vmlinuz.efi " ] || fail "started, not ended: $(cat "$work/lasting")"

# The EFI stub does not copy the boot protocol's header: it is the kernel's own.
"$BOOTREEL" events --class kernel "$work/efi.reel" >"$work/kernel"
holds "$work/kernel" 'kernel.boot-params +boot protocol 0x20f, loader 0x21,' "the boot protocol"

# An address is a module and an offset.
"$BOOTREEL" profile --every 20000000 --to 5000000000 "$work/efi.reel" >"$work/profile"
holds "$work/profile" 'SecMain' "samples in SEC"
every_way efi "$work/efi.reel"
finish
