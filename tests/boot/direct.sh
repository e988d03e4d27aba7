#!/bin/bash
# direct.sh - a kernel that is loaded directly finds a PC behind it: whatever resets it boots it again, and real-mode code calls the BIOS
# (tests/guests/direct.S). Loaders put nothing of theirs on an image, wherever that is.
. "$(dirname "$0")/../lib.sh"

guest() { # AT ROOM HOW
    flat_guest "$work/direct.bin" "$1" tests/guests/direct.S --defsym AT="$1" --defsym ROOM="$2" --defsym HOW="$3"
}
run() { # NAME OPTION...
    expect 0 "$1" "$BOOTREEL" record --kernel "$work/direct.bin" "${@:2}" --until 200M --console -q -o "$work/$1.reel"
    every_way "$1" "$work/$1.reel"
    "$BOOTREEL" events --class power "$work/$1.reel" >"$work/$1.power"
    holds "$work/$1.power" 'power off by isa-debug-exit' "$1: its end"
}

# Over each of the places that loaders like, with a module.
printf 'the module\0' >"$work/module"
for at in 0x1000 0x6000 0x8000 0x10000 0x1f000 0x20000 0x100000; do
    for room in 0x400 0x20000; do
        name=at-$at-$room
        guest $at $room 0
        run $name --initrd "$work/module" --append 'two words'
        printf '%s\n' 'direct.bin two words' 'the module' whole | diff - "$work/$name.out" || fail "$name"
    done
done
guest 0x8000 0x97000 0
run nearly-all
holds "$work/nearly-all.out" '^whole$' "nearly all of conventional memory"
# Linux kernels of old boot protocols: one whose decompressor uses all low memory below its boot parameters, and one from before there
# were versions.
for version in 0x203 0; do
    flat_guest "$work/direct.bin" 0 tests/guests/oldlinux.S --defsym VERSION=$version
    run linux-$version --append 'two words'
    holds "$work/linux-$version.out" '^the command line is two words$' "protocol $version"
done
holds <("$BOOTREEL" events --class loader "$work/linux-0.reel") 'linux 16-bit entry 0x90200' "the real-mode entry"
expect 2 initrd "$BOOTREEL" record --kernel "$work/direct.bin" --initrd "$work/module" -q -o "$work/initrd.reel"
holds "$work/initrd.err" 'has a boot protocol before 2.00, which has no initrd' "an initrd for it"
guest 0xe8000 0x400 0
expect 2 rom "$BOOTREEL" record --kernel "$work/direct.bin" -q -o "$work/rom.reel"
holds "$work/rom.err" '^bootreel: direct.bin: .* lie where the firmware keeps its data' "an image on the BIOS"

# Whatever resets: the kernel again, as on QEMU.
for how in 1:INIT 2:triple-fault 3:port-CF9 4:keyboard-controller 6:JMP-FFFF-0; do
    name=${how#*:}
    guest 0x8000 0x400 "${how%:*}"
    run "$name"
    holds "$work/$name.out" '^second boot$' "$name"
    [ "$(grep -c 'power\.reset' "$work/$name.power")" = 1 ] || fail "$name: not one reset"
done

# An ELF file brings its symbols and lines with it; --symbols with the same file adds nothing, and a stripped one has none.
as --32 -g --debug-prefix-map="$top=/" --defsym AT=0x8000 --defsym ROOM=0x400 --defsym HOW=0 -o "$work/direct.o" tests/guests/direct.S &&
    ld -m elf_i386 --no-warn-rwx-segments -Ttext 0x8000 -e _start -o "$work/direct.elf" "$work/direct.o" || fail "no ELF guest"
cp "$work/direct.elf" "$work/direct.bin"
run elf
expect 0 find "$BOOTREEL" find "$work/elf.reel" --exec check_image --first
holds "$work/find.out" ' check_image ' "an ELF kernel's symbol"
expect 0 profile "$BOOTREEL" profile -q "$work/elf.reel" --every 1 --symbols 0
holds "$work/profile.out" 'check_image \[direct\.bin\]  .*direct\.S:[0-9]+' "an ELF kernel's lines"
run elf-again --symbols "$work/direct.bin"
same "$work/elf.reel" "$work/elf-again.reel" "a kernel's symbols given twice"
strip "$work/direct.bin"
run stripped

# The BIOS, from real mode: its data area, vectors and devices are as after its POST.
guest 0x8000 0x400 5
truncate -s 1M "$work/disk.img"
printf '\x55\xaa' | dd of="$work/disk.img" bs=1 seek=510 conv=notrunc status=none
run bios --disk "$work/disk.img"
printf '%s\n' 'direct.bin ' 027F 0826 5003 0001 0000 AA55 0000 >"$work/want"
diff "$work/want" "$work/bios.out" || fail "what the BIOS says"
"$BOOTREEL" screen "$work/bios.reel" >"$work/screen"
holds "$work/screen" '^A$' "the screen that the BIOS writes"
"$BOOTREEL" events --class firmware "$work/bios.reel" >"$work/services"
holds "$work/services" 'INT 13h AH=02h' "its services are told"
finish
