#!/bin/bash
# bios.sh - our own firmware: Debian from CD and disk, to power-off, replayed verified; what the kernel says is what it says under SeaBIOS;
# the way to the boot sector is shorter than SeaBIOS's; the image is the same whatever else is built; where QEMU is installed, it boots there.
. "$(dirname "$0")/../lib.sh"
need_guests
image=$top/build/release/bios/bios.bin

steps_to_boot_sector() { # TRACE
    "$BOOTREEL" events --class loader "$1" | awk '/boot sector entered/ {print $2; exit}'
}

# The kernel's messages without their times, and without what may differ: where the firmware put its tables and what it calls itself,
# addresses of the display, times measured, processes in the order of their work.
messages() { # CONSOLE
    tr -d '\r' <"$1" | sed -n '/Linux version/,/Power down/p' | sed -n 's/^\[ *[0-9.]*\] //p' |
        sed 's/audit([0-9.]*/audit(/; s/system clock to .*/system clock/' |
        grep -Ev 'BIOS-e820: .* reserved|^DMI: |MP-table at|RSDP 0x|0000:00:02\.0: (BAR|ROM)|BogoMIPS|sched_clock|[Cc]locksource|^tsc:|Freeing unused' | sort
}

for m in iso disk; do
    recording $m
    recording $m-builtin
    ours=$recordings/$m-builtin
    every_way "$m" "$ours.reel"
    holds "$ours.console" 'init: powering off' "$m: console"
    expect 0 "$m-info" "$BOOTREEL" info "$ours.reel"
    holds "$work/$m-info.out" '^ended +power-off: ACPI' "$m: info"
    messages "$recordings/$m.console" >"$work/theirs"
    messages "$ours.console" >"$work/ours"
    [ "$(wc -l <"$work/ours")" -gt 200 ] || fail "$m: the kernel said little"
    diff "$work/theirs" "$work/ours" >"$work/$m.diff" || { fail "$m: the kernel's messages differ from those under SeaBIOS"; cat "$work/$m.diff"; }
    theirs=$(steps_to_boot_sector "$recordings/$m.reel") mine=$(steps_to_boot_sector "$ours.reel")
    [ "${mine:-0}" -gt 0 ] && [ "$mine" -lt "$theirs" ] || fail "$m: boot sector after ${mine:-?} steps; SeaBIOS takes $theirs"
done

# SeaBIOS looks at the CD during POST, and reads it through the data port: neither is a boot, nor an address.
"$BOOTREEL" events --class disk,firmware "$recordings/iso.reel" >"$work/seabios.txt"
awk '/INT 19h/ { booting = 1 } /trying to boot from/ { n++; bad += !booting } / lba 17 / && !booting { probed = 1 }
    END { exit bad || n != 1 || !probed }' "$work/seabios.txt" || fail "SeaBIOS: what is tried, and when"
holds "$work/seabios.txt" 'lba 17 count 1 to the data port' "a transfer by PIO"

# Reset and memory map are read by people: the banner is on screen, serial port and debug port.
"$BOOTREEL" screen "$recordings/iso-builtin.reel" --at 300k >"$work/screen" 2>&1
holds "$work/screen" '^bootreel BIOS' "banner on the screen"
holds "$recordings/iso-builtin.console" '^bootreel BIOS' "banner on the serial port"

# No medium, no signature: clear messages.
truncate -s 1M "$work/blank.img"
expect 1 blank "$BOOTREEL" record --bios builtin --disk "$work/blank.img" --until 5M --console -q -o "$work/blank.reel"
holds "$work/blank.out" 'no boot signature' "a blank disk"
holds "$work/blank.out" 'No bootable device' "a blank disk"

# A display's option ROM that nobody here wrote, which wants data segments that reach to 4 GiB: it takes INT 10h over.
expect 0 vgabios "$BOOTREEL" record --bios builtin --vgabios "$GUESTS/vgabios-stdvga.bin" --until 50M --console=debug -q -o "$work/vgabios.reel"
holds "$work/vgabios.out" 'Start SeaVGABIOS' "a VGA BIOS"
"$BOOTREEL" screen "$work/vgabios.reel" >"$work/screen" 2>&1
holds "$work/screen" '^kernel: power off' "a VGA BIOS: the screen at the end"

# The same image with another compiler and variant of the program.
if [ -f "$image" ]; then
    rm -rf "$work/build"
    make -s BUILD="$work/build" VARIANT=asan CC=clang "$work/build/bios/bios.bin" >"$work/make.log" 2>&1 || { fail "the image does not build"; tail -n 3 "$work/make.log"; }
    same "$image" "$work/build/bios/bios.bin" "the image built once more"
    ! strings "$image" | grep -F "$top" || fail "the image has a path in it"
fi

# The boot menu, from a script: Esc, then the second disk, which is 80h then. The demo's kernel looks for init on the other one, and panics.
demo=$top/build/release/guests/demo/demo.img
printf '\0332\n' | timeout 60 "$BOOTREEL" record -i --boot menu --disk "$work/blank.img" --disk "$demo" -q -o "$work/menu.reel" >"$work/menu.txt" 2>&1
status=$?
[ "$status" = 1 ] || fail "the boot menu: record exits with $status"
holds "$work/menu.txt" '^  2  hard disk 81h' "the boot menu"
holds "$work/menu.txt" 'demo kernel: started from BIOS drive 80' "the second disk as 80h"
holds "$work/menu.txt" 'PANIC: no program "init" on the disk' "the boot menu: why its status is 1"
every_way menu "$work/menu.reel"

qemu() { # NAME OPTION...
    timeout 120 qemu-system-x86_64 -nic none -display none -no-reboot -bios "$image" "${@:2}" \
        -serial "file:$work/qemu-$1.txt" >/dev/null 2>&1 </dev/null || fail "QEMU, $1: exits with $?"
    holds "$work/qemu-$1.txt" 'bootreel BIOS' "QEMU, $1: banner"
}
if command -v qemu-system-x86_64 >/dev/null; then
    qemu iso -cdrom "$GUESTS/grub.iso" -boot d
    qemu disk -drive "file=$GUESTS/disk.img,format=raw,snapshot=on"
    for m in iso disk; do holds "$work/qemu-$m.txt" 'reboot: Power down' "QEMU, $m: the guest's end"; done
    # A drive that cannot read, and drives without a medium: both are said. It waits for ever then: ended by a signal.
    printf '%s\n' '[inject-error]' 'event = "read_aio"' 'errno = "5"' 'immediately = "off"' 'once = "off"' >"$work/errors"
    timeout 5 qemu-system-x86_64 -nic none -display none -bios "$image" -drive "file=blkdebug:$work/errors:$work/blank.img,format=raw,rerror=report" \
        -serial "file:$work/qemu-errors.txt" >/dev/null 2>&1 </dev/null
    holds "$work/qemu-errors.txt" '^  read error' "QEMU: a disk that cannot be read"
    holds "$work/qemu-errors.txt" '^  no medium, or not ready' "QEMU: no floppy"
    holds "$work/qemu-errors.txt" '^  no medium.?$' "QEMU: no CD"
    # The boot menu: Esc on the serial port, and the second disk, which is 80h then.
    { sleep 2; printf '\033'; sleep 2; printf 2; sleep 4; } |
        timeout 8 qemu-system-x86_64 -nic none -display none -bios "$image" -boot menu=on,splash-time=6000 -serial stdio \
            -drive "file=$work/blank.img,format=raw" -drive "file=$demo,format=raw,snapshot=on" 2>/dev/null | tr -d '\r' >"$work/qemu-menu.txt"
    holds "$work/qemu-menu.txt" '^  2  hard disk 81h' "QEMU: the boot menu"
    holds "$work/qemu-menu.txt" 'demo kernel: started from BIOS drive 80' "QEMU: the second disk as 80h"
else
    skip "the BIOS in QEMU" "no qemu-system-x86_64"
fi
finish
