#!/bin/bash
# Debian's user-mode Linux on the deterministic Linux host: boots to power-off, twice the same, verified; typing, reboot, panic, a disk.
. "$(dirname "$0")/../lib.sh"
need_guests
[ -e "$GUESTS/uml/linux.uml" ] || scripts/guests "$GUESTS" uml >/dev/null || { echo "no user-mode Linux: see scripts/guests"; exit 2; }

uml() { # NAME [OPTION...]
    local name=$1
    shift
    expect 0 "$name" "$BOOTREEL" record --console -o "$work/$name.reel" --uml "$GUESTS/uml/linux.uml" "$@"
}

uml boot --memory 128M --initrd "$GUESTS/initrd.gz"
holds "$work/boot.out" '^init: Linux 6' "init runs"
holds "$work/boot.out" 'ea4d0a24dabcaa11f9aa979b872d162b' "what the guest computes"
holds "$work/boot.out" '^init: powering off' "the end of init"
holds "$work/boot.out" '^ended: the guest switched itself off \(status 0\)' "power-off"
[ "$(grep -c '^child [123] of 0' "$work/boot.out")" = 3 ] || fail "three children"
expect 0 verify "$BOOTREEL" replay --verify --jobs 1 "$work/boot.reel"
holds "$work/verify.out" '^verified: ' "replay"
uml again --memory 128M --initrd "$GUESTS/initrd.gz"
same "$work/boot.reel" "$work/again.reel" "two recordings of one boot"

# Without an initramfs and a disk the kernel panics, and its process ends by SIGABRT.
uml panic --memory 32M
holds "$work/panic.out" 'Kernel panic' "panic"
finish
