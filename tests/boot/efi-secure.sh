#!/bin/bash
# efi-secure.sh - secure boot: OVMF with Microsoft's keys in its variables refuses GRUB without a signature, and the events say so with the status.
# Builds that need system management mode are refused in one line.
. "$(dirname "$0")/../lib.sh"
need_efi
ovmf=$(dirname "$(find "$GUESTS/root" -name OVMF_CODE_4M.fd | head -n 1)")

expect 1 secure "$BOOTREEL" record --pflash "$ovmf/OVMF_CODE_4M.fd" --pflash "$ovmf/OVMF_VARS_4M.ms.fd" --memory 512M --disk "$GUESTS/efi/gpt.img" \
    --until 'console:Access Denied' -q -o "$work/secure.reel"
"$BOOTREEL" events --class firmware "$work/secure.reel" >"$work/events"
holds "$work/events" 'BdsDxe: LoadImage\(.*BOOTX64.EFI.*\) = EFI_(ACCESS_DENIED|SECURITY_VIOLATION)$' "the loader is refused"
! grep 'efi.start .*BOOTX64' "$work/events" || fail "the loader is started"
expect 0 variables "$BOOTREEL" firmware "$work/secure.reel" variables
for v in PK-8be4df61 KEK-8be4df61 db-d719b2cb dbx-d719b2cb; do
    holds "$work/variables.out" "^$v.*  NV[+]BS[+]RT[+]time-authenticated  [0-9]{2,} bytes$" "a key"
done
grep -A 1 '^SecureBoot-8be4df61' "$work/variables.out" >"$work/on"
holds "$work/on" "^ +on\$" "secure boot is on"

for code in OVMF_CODE_4M.secboot.fd OVMF_CODE_4M.ms.fd OVMF_CODE.secboot.fd; do
    expect 2 smm "$BOOTREEL" record --pflash "$ovmf/$code" --pflash "$ovmf/OVMF_VARS_4M.ms.fd" -o "$work/smm.reel"
    [ "$(wc -l <"$work/smm.err")" = 1 ] || fail "$code: not one line"
    holds "$work/smm.err" "^bootreel: .*$code: its drivers for system management mode \\(PiSmmCore\\) need a Q35 chipset" "$code"
done
finish
