#!/bin/bash
# xen-broken.sh - Xen that cannot boot: what is missing is told where it stops, and the recording ends by itself: Xen halts with `noreboot`;
# otherwise it resets the machine, where --stop-on-reset ends the recording, and each boot is told anew.
. "$(dirname "$0")/../lib.sh"
need_guests
scripts/guests "$GUESTS" xen >/dev/null
case $? in
0) ;;
3) echo "no packages of Xen: left out"; finish ;;
*) fail "no guests of the group xen"; finish ;;
esac

boots() { # NAME MEMORY APPEND OPTION...: Xen panics, which is exit status 1
    expect 1 "$1" "$BOOTREEL" record -q --console --memory "$2" --kernel "$GUESTS/xen/xen.gz" --append "com1=115200,8n1 console=com1 $3" --until 30s "${@:4}" -o "$work/$1.reel"
    "$BOOTREEL" events --class kernel,power "$work/$1.reel" | awk '{ $1 = $2 = $3 = ""; print }' | sed 's/^ *//' >"$work/$1.events"
    "$BOOTREEL" info "$work/$1.reel" | grep '^ended' >"$work/$1.ended"
}

# No kernel for domain 0.
boots no-module 512M noreboot
holds "$work/no-module.events" '^kernel.panic panic: dom0 kernel not specified. Check bootloader configuration$' "no module"
holds "$work/no-module.events" '^kernel.shutdown Xen machine_halt$' "no module"
holds "$work/no-module.ended" '^ended +halted at' "no module"
boots reset 512M "" --stop-on-reset
holds "$work/reset.events" '^kernel.shutdown Xen machine_restart$' "reset"
holds "$work/reset.ended" '^ended +reset: ' "reset"

# It boots again and again: the second panic ends the recording. With --keep-going each boot is told.
boots twice 512M ""
[ "$(grep -c '^kernel.panic ' "$work/twice.events")" = 2 ] || fail "not ended at the second panic"
holds "$work/twice.ended" '^ended +panic(-reset)?: kernel panic: dom0 kernel not specified' "the second panic"
boots again 512M "" --until 3M --keep-going
[ "$(grep -c '^kernel.panic ' "$work/again.events")" -ge 3 ] || fail "boots after a reset are not told: $(sort "$work/again.events" | uniq -c | head -n 5)"

# Too little memory, for the kernel, and for Xen itself.
boots small 64M noreboot --module "$GUESTS/vmlinuz console=hvc0"
holds "$work/small.events" '^kernel.panic panic: Not enough memory to relocate the dom0 kernel image$' "too little memory"
expect 2 smaller "$BOOTREEL" record -q --memory 2M --kernel "$GUESTS/xen/xen.gz" -o "$work/smaller.reel"
holds "$work/smaller.err" 'xen.gz: [0-9]+ bytes at 0x[0-9a-f]+ do not fit into memory' "no room for Xen"

# A kernel that does not say that it can be a domain's: without Xen's notes.
sed 's/Xen\x00/Yen\x00/g' "$GUESTS/xen/vmlinux" >"$work/no-notes"
boots no-notes 512M noreboot --module "$work/no-notes console=hvc0"
holds "$work/no-notes.events" '^kernel.panic panic: Could not construct domain 0$' "a kernel without notes"
holds "$work/no-notes.out" '^\(XEN\) ERROR: Will only load images built for the generic loader or Linux images' "a kernel without notes"
holds "$work/no-notes.ended" '^ended +halted at' "a kernel without notes"
finish
