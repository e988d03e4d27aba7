#!/bin/bash
# efi-story.sh - Debian's kernel as an EFI program under OVMF: where the firmware ends and the kernel begins, its parameters, its physical
# address. Ends where the kernel proper has begun; tests/boot/efi.sh goes to the power-off.
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
grep -v '^  bios\.' "$work/stages" | awk '!seen[$0]++' | sed 's/ (not ended)//' | tr '\n' ',' >"$work/order"
holds "$work/order" '^bios,kernel,  kernel.efi-stub,  kernel.setup,  kernel.early,  kernel.start_kernel,' "stages"
expect 0 verify "$BOOTREEL" replay --verify --jobs 1 -q --console=none "$work/efi.reel"
finish
