#!/bin/bash
# multiboot.sh - kernels of which nothing is known but what multiboot and their ELF file say: their name, and their functions as stages. Three
# small kernels (32 bits; linked for the upper half; 64 bits), one without symbols; by --kernel, by GRUB with both versions of multiboot,
# also from 64-bit UEFI, and by a loader of their own.
. "$(dirname "$0")/../lib.sh"
need_guests
cd "$work" || exit 2
source=$top/tests/guests/hobby grub=$GUESTS/root/usr/lib/grub/i386-pc

kernel() { # NAME BITS EMULATION BASE DEFINITIONS
    gcc "-m$2" -D$5 -c "$source/entry.S" -o entry.o &&
        gcc "-m$2" -O2 -ffreestanding -fno-pic -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none \
            -mgeneral-regs-only -mno-red-zone -c "$source/kernel.c" -o kernel.o &&
        ld -m "$3" -n --no-warn-rwx-segments --defsym="BASE=$4" -T "$source/kernel.ld" -o "$1" entry.o kernel.o || fail "$1: is not built"
}
kernel plain.elf 32 elf_i386 0 PLAIN
kernel upper.elf 32 elf_i386 0xc0000000 UPPER
kernel wide.elf 64 elf_x86_64 0 WIDE
strip -o bare.elf plain.elf

# stages_are NAME KERNEL: the kernel's name, and its functions one in another. `put` is over in no time, but is a hundredth of `print`.
inner=
stages_are() {
    local deeper=${inner:+  }
    expect 0 "$1-stages" "$BOOTREEL" stages "$1.reel"
    sed -n 's/^.* [0-9][0-9]*  \( *kernel.*\)/\1/p' "$1-stages.out" >"$1.names"
    diff - "$1.names" <<END || fail "$1: stages"
kernel ($2)
${inner:+  $inner
}$deeper  kernel.kmain
$deeper    kernel.memory_init
$deeper    kernel.drivers_init
$deeper      kernel.print
$deeper        kernel.put
$deeper      kernel.timer_init
END
    expect 0 "$1-verify" "$BOOTREEL" replay --verify --jobs 1 --console=none "$1.reel"
}

for k in plain upper wide; do
    expect 0 "$k" "$BOOTREEL" record --kernel $k.elf -o $k.reel
    stages_are $k $k.elf
done
# By PVH, with what it is passed.
for k in plain wide; do
    expect 0 "pvh-$k" "$BOOTREEL" record --protocol pvh --kernel $k.elf --append 'one=1 two' --initrd bare.elf -o "pvh-$k.reel"
    stages_are "pvh-$k" $k.elf
    "$BOOTREEL" events --class kernel,loader "pvh-$k.reel" >"pvh-$k.events"
    holds "pvh-$k.events" 'kernel.command-line +command line: .*one=1 two' "PVH: the command line"
    holds "pvh-$k.events" 'loader.module ' "PVH: the module"
done
expect 0 two "$BOOTREEL" record --protocol multiboot2 --kernel plain.elf -o two.reel
stages_are two plain.elf
expect 0 bare "$BOOTREEL" record --kernel bare.elf -o bare.reel
expect 0 bare-stages "$BOOTREEL" stages bare.reel
holds bare-stages.out ' kernel \(bare.elf\)$' "without symbols: its name"
expect 0 bare-given "$BOOTREEL" record --kernel bare.elf --symbols plain.elf -o given.reel
stages_are given bare.elf

# GRUB passes the symbols, but no name: that is the file that it has read.
grub_cd() { # NAME COMMAND KERNEL
    mkdir -p "$1.d/boot/grub"
    cp "$3" "$1.d/boot/$3"
    printf 'set timeout=0\nmenuentry kernel {\n  %s /boot/%s one=1\n  boot\n}\n' "$2" "$3" >"$1.d/boot/grub/grub.cfg"
    grub-mkrescue -d "$grub" -o "$1.iso" "$1.d" >"$1.log" 2>&1 || fail "$1: no CD is made"
    expect 0 "$1" "$BOOTREEL" record --cdrom "$1.iso" -o "$1.reel"
}
gzip -k upper.elf
grub_cd grub1 multiboot upper.elf.gz
stages_are grub1 /boot/upper.elf.gz
grub_cd grub2 multiboot2 wide.elf
stages_are grub2 /boot/wide.elf
grub_cd grub3 multiboot bare.elf
expect 0 grub3-stages "$BOOTREEL" stages grub3.reel
holds grub3-stages.out ' kernel \(/boot/bare.elf\)$' "by GRUB, without symbols: its name"
expect 0 found "$BOOTREEL" find grub2.reel --exec drivers_init --count
holds found.out '^1$' "by GRUB: its symbols"

# A loader that keeps the protocol's number in a variable.
gcc -m32 -c "$source/loader.S" -o loader.o && ld -m elf_i386 -Ttext 0x7c00 --oformat binary -o own.img loader.o || fail "no loader is built"
cat plain.elf >>own.img
truncate -s 1M own.img
expect 0 own "$BOOTREEL" record --disk own.img --symbols plain.elf -o own.reel
stages_are own 'not known'

# 64-bit UEFI: the kernel says in its header where that enters it, and boot services stay.
need_efi
grub-mkimage -d "$GUESTS/root/usr/lib/grub/x86_64-efi" -O x86_64-efi -p /boot/grub -o BOOTX64.EFI fat normal multiboot2 configfile || fail "UEFI: no GRUB"
kernel efi.elf 64 elf_x86_64 0 'WIDE -DEFI'
printf 'set timeout=0\nmenuentry kernel {\n  multiboot2 /boot/efi.elf one=1\n  boot\n}\n' >grub.cfg
truncate -s 8M efi.img
mformat -i efi.img -v HOBBY -N 12345678 ::
mmd -i efi.img ::/EFI ::/EFI/BOOT ::/boot ::/boot/grub
mcopy -i efi.img BOOTX64.EFI ::/EFI/BOOT/
mcopy -i efi.img efi.elf ::/boot/
mcopy -i efi.img grub.cfg ::/boot/grub/
expect 0 efi "$BOOTREEL" record --bios ovmf --disk efi.img --until 60G -o efi.reel
# Its assembly jumps to kmain() on another stack.
inner=kernel.to_stack
stages_are efi /boot/efi.elf
finish
