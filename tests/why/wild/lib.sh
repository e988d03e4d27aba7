# lib.sh - sourced by run. What the cases of tests/why/wild share. A case is a folder with
#   case.sh    build: makes its inputs in the current folder; BR: options of `bootreel record`; QE: options of QEMU that boot the same.
#              It may define `keys` (prints what is typed at the console), and LACK (why the case cannot be built here).
#   expected   what an engineer would say, written before `why` was run on the case
# Assembly and C come from standard input.

# boot16 NAME [ADDRESS]: a flat 16-bit binary that runs at ADDRESS (0x7c00).
boot16() {
    { printf '.code16\n.globl _start\n'; cat; } >"$1.S"
    as --32 -I "$wild" -o "$1.o" "$1.S" && ld -m elf_i386 --no-warn-rwx-segments -Ttext "${2:-0x7c00}" --oformat binary -e _start -o "$1" "$1.o"
}
# sector IMAGE [SIZE]: a boot sector with its signature, at the beginning of an image.
sector() {
    { cat; printf '.org 0x1fe\n.word 0xaa55\n'; } | boot16 "$1" && truncate -s "${2:-64K}" "$1"
}
# put IMAGE SECTOR FILE: copies FILE to the image at a sector.
put() { dd if="$3" of="$1" bs=512 seek="$2" conv=notrunc status=none; }

# kernel32 NAME [C-FILE...]: a Multiboot kernel for 32 bits: start32.S, which ends with `jmp main`, then standard input, and files in C.
kernel32() {
    local name=$1 objects=() c
    shift
    { cat "$wild/start32.S" -; } >"$name.S"
    for c in "$@"; do
        # shellcheck disable=SC2086
        gcc -m32 ${CFLAGS:--O1} -I "$wild" $freestanding -c "$c" -o "$c.o" || return
        objects+=("$c.o")
    done
    as --32 -o "$name.o" "$name.S" &&
        ld -m elf_i386 --no-warn-rwx-segments --no-warn-execstack -N -Ttext 0x100000 -e _start -o "$name" "$name.o" "${objects[@]}"
}
# kernel64 NAME [C-FILE...]: the same for 64 bits (start64.S). Multiboot loaders want a 32-bit ELF file with it.
kernel64() {
    local name=$1 objects=() c
    shift
    { cat "$wild/start64.S" -; } >"$name.S"
    for c in "$@"; do
        # shellcheck disable=SC2086
        gcc ${CFLAGS:--O1 -mno-red-zone} -I "$wild" $freestanding -mcmodel=kernel -c "$c" -o "$c.o" || return
        objects+=("$c.o")
    done
    as --64 -o "$name.o" "$name.S" &&
        ld -m elf_x86_64 --no-warn-rwx-segments --no-warn-execstack -N -Ttext 0x100000 -e _start -o "$name.64" "$name.o" "${objects[@]}" &&
        objcopy -O elf32-i386 "$name.64" "$name"
}
freestanding='-ffreestanding -fno-pie -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables -mno-sse -mno-mmx'

# fat IMAGE SIZE: an empty FAT file system.
fat() { truncate -s "$2" "$1" && mformat -i "$1" -N 12345678 ::; }

# initramfs NAME [COMMAND]: busybox, and standard input as its init; COMMAND is run in its folder.
initramfs() {
    rm -rf tree
    mkdir -p tree/bin tree/sbin tree/proc tree/sys tree/dev tree/etc tree/root
    cp "$GUESTS/root/bin/busybox" tree/bin/busybox
    for tool in $("$GUESTS/root/bin/busybox" --list); do [ -e "tree/bin/$tool" ] || ln -s busybox "tree/bin/$tool"; done
    cat >tree/init
    chmod +x tree/init
    (cd tree && eval "${2:-:}" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) | gzip -n1 >"$1"
}
# modules NAME...: copies modules of Debian's kernel, and what they depend on, to the folder mod; mod/order says in which order they load.
modules() {
    local m file
    mkdir -p mod
    for m in "$@"; do
        grep -qx "$m" mod/order 2>/dev/null && continue
        file=$(find "$GUESTS/root/lib/modules/" -name "$m.ko" | head -n 1)
        [ -n "$file" ] || file=$(find "$GUESTS/root/lib/modules/" -name "$(echo "$m" | tr _ -).ko" | head -n 1)
        [ -n "$file" ] || { echo "no module $m"; return 1; }
        # shellcheck disable=SC2046
        modules $(strings -a "$file" | sed -n 's/^depends=//p' | tr , ' ') || return
        cp "$file" "mod/$m.ko"
        echo "$m" >>mod/order
    done
}
load_modules='while read -r m; do insmod "/mod/$m.ko"; done </mod/order'
# module NAME: a module of Debian's kernel in assembly, NAME.ko; standard input has init_module.
module() {
    local frame offset
    frame=$(echo "$GUESTS"/root/lib/modules/*/kernel/crypto/crc32c_generic.ko)
    objcopy -O binary --only-section=.gnu.linkonce.this_module "$frame" frame
    offset=$((16#$(readelf -rW "$frame" | sed -n '/this_module/,/^$/s/^\([0-9a-f]*\) .*init_module.*/\1/p' | head -n 1)))
    {
        printf '.section .modinfo, "a"\n.asciz "license=GPL"\n.asciz "vermagic=%s"\n.asciz "name=%s"\n' "$(strings -a "$frame" | sed -n 's/^vermagic=//p')" "$1"
        printf '.section .gnu.linkonce.this_module, "aw"\n.fill 24, 1, 0\n.asciz "%s"\n.org %s\n.quad init_module\n.org %s\n' "$1" "$offset" "$(stat -c %s frame)"
        printf '.text\n.globl init_module\n'
        cat
    } >"$1.S"
    as -o "$1.ko" "$1.S"
}

# package NAME...: Debian packages, unpacked into $GUESTS/loaders/root.
package() { need_loaders "$@" || { LACK=$lack; return 1; }; }
packaged=$GUESTS/loaders/root

# programs PATH...: programs of packages with their shared libraries; in COMMAND of initramfs, whose folder is the current one.
programs() {
    local p lib
    for p in "$@"; do
        mkdir -p "$(dirname "./$p")"
        cp "$packaged/$p" "./$p" || return
        LD_LIBRARY_PATH=$packaged/lib/x86_64-linux-gnu:$packaged/usr/lib/x86_64-linux-gnu ldd "./$p" | grep -o '/[^ ]*' | while read -r lib; do
            mkdir -p lib64 "./lib/x86_64-linux-gnu"
            case $lib in */ld-linux*) cp -L "$lib" lib64/ ;; *) cp -L "$lib" ./lib/x86_64-linux-gnu/ ;; esac
        done
    done
}
# ---- GRUB 2 for a BIOS
grub_files=$GUESTS/root/usr/lib/grub/i386-pc
# grub_disk IMAGE FOLDER PREFIX MODULE...: GRUB in the gap behind the MBR, its image with these modules, and an ext2 partition with FOLDER.
grub_disk() {
    grub-mkimage -d "$grub_files" -O i386-pc -p "$3" ${GRUB_EARLY:+-c "$GRUB_EARLY"} -o core.img "${@:4}" && ext2_partition "$1" "$2" &&
        dd if="$grub_files/boot.img" of="$1" bs=440 count=1 conv=notrunc status=none && dd if=core.img of="$1" bs=512 seek=1 conv=notrunc status=none
}
# grub_folder FOLDER: modules, and standard input as grub.cfg.
grub_folder() {
    mkdir -p "$1/boot/grub/i386-pc"
    cp "$grub_files/"*.mod "$grub_files/"*.lst "$1/boot/grub/i386-pc/"
    { printf 'serial --unit=0 --speed=115200\nterminal_input console serial\nterminal_output console serial\n'; cat; } >"$1/boot/grub/grub.cfg"
}
# ---- UEFI
# efi_app NAME: a UEFI program in C (gnu-efi) from standard input: NAME.efi.
efi_app() {
    local gnuefi=$packaged/usr
    cat >"$1.c"
    gcc -O1 -fpic -ffreestanding -fno-stack-protector -fno-strict-aliasing -fshort-wchar -mno-red-zone -maccumulate-outgoing-args -DGNU_EFI_USE_MS_ABI \
        -I "$gnuefi/include/efi" -I "$gnuefi/include/efi/x86_64" -c "$1.c" -o "$1.o" &&
        ld -shared -Bsymbolic -nostdlib -znocombreloc --no-warn-rwx-segments -L "$gnuefi/lib" -T "$gnuefi/lib/elf_x86_64_efi.lds" \
            "$gnuefi/lib/crt0-efi-x86_64.o" "$1.o" -o "$1.so" -lefi -lgnuefi &&
        objcopy -j .text -j .sdata -j .data -j .rodata -j .dynamic -j .dynsym -j .rel -j .rela -j '.rel.*' -j '.rela.*' -j .reloc \
            --target efi-app-x86_64 --subsystem=10 "$1.so" "$1.efi"
}
# esp IMAGE SIZE FILE PATH...: a FAT disk with files (PATH as /EFI/BOOT/BOOTX64.EFI).
esp() {
    local image=$1 dir part
    fat "$image" "$2" || return
    shift 2
    while [ $# -ge 2 ]; do
        dir=
        for part in $(dirname "$2" | tr / ' '); do
            dir=$dir/$part
            mmd -i "$image" "::$dir" 2>/dev/null </dev/null
        done
        mcopy -o -i "$image" "$1" "::$2" || return
        shift 2
    done
}
OVMF=$GUESTS/OVMF.fd
# ---- Debian with systemd
# debian_disk IMAGE [FILE PATH...]: the guest's disk, with files written into it.
debian_disk() {
    local image=$1
    cp --sparse=always "$GUESTS/systemd/disk.img" "$image"
    shift
    while [ $# -ge 2 ]; do
        printf 'rm %s\nwrite %s %s\n' "$2" "$1" "$2"
        shift 2
    done | debugfs -w -f - "$image" >/dev/null 2>&1
}
# tftp_pxelinux: a folder tftp with PXELINUX and what it needs.
tftp_pxelinux() {
    package pxelinux syslinux-common || return
    mkdir -p tftp/pxelinux.cfg
    cp "$packaged/usr/lib/PXELINUX/pxelinux.0" "$packaged/usr/lib/syslinux/modules/bios/ldlinux.c32" tftp/
}
PXE=(--bios seabios --nic e1000 --boot n --net)
# ---- Limine: its files are not Debian's; LICENSE and binaries are in the project's releases
limine_files() { [ -e "$GUESTS/limine/limine-bios-cd.bin" ] || { LACK="no Limine (limine-bios-cd.bin, limine-bios.sys, BOOTX64.EFI) in $GUESTS/limine"; return 1; }; }
# limine_cd: cd.iso with the folder cd.
limine_cd() { xorriso -as mkisofs -quiet -R -b limine-bios-cd.bin -no-emul-boot -boot-load-size 4 -boot-info-table -o cd.iso cd; }
