#!/bin/bash
# loaders.sh - boot loaders that nobody here wrote and that lean on the BIOS, under our firmware and under SeaBIOS:
# each gets as far as the other. GRUB (CD and disk: tests/boot/bios.sh) from a floppy; ISOLINUX; SYSLINUX from a FAT disk
# and a floppy; EXTLINUX; El Torito's emulation of both; memdisk; iPXE's .lkrn; memtest86+, also loaded directly. And U-Boot, which is
# firmware itself.
#
#   tests/bios/loaders.sh [NAME...]    only these boots; make test-loaders: all
#
# EXTLINUX can be installed only on a file system that is mounted. So the machine does that itself: its disk has nothing to
# boot yet, and passes on to the CD (INT 18h); Linux from there installs EXTLINUX on the disk and resets; then the disk boots.
#
# Debian's packages are downloaded with apt-get and unpacked beside the guests; nothing is installed. Without a
# package list or mtools, xorriso and e2fsprogs there is nothing to test.
. "$(dirname "$0")/../lib.sh"
need_guests
only=" $* "
root=$GUESTS/loaders/root
need_loaders || skip_all "$lack"
for tool in mformat mcopy xorriso mke2fs; do
    command -v "$tool" >/dev/null || skip_all "no $tool"
done
export MTOOLS_SKIP_CHECK=1 PATH=$root/usr/bin:$root/sbin:$PATH
modules=$root/usr/lib/syslinux/modules/bios
cd "$work" || exit 2

# ---- media

config() { # LABEL: for the family of SYSLINUX
    cat <<END
SERIAL 0 115200
DEFAULT $1
LABEL linux
  KERNEL vmlinuz
  APPEND initrd=initrd.gz console=ttyS0
LABEL memtest
  KERNEL memtest
  APPEND console=ttyS0,115200
LABEL ipxe
  KERNEL ipxe.lkrn
LABEL memdisk
  KERNEL memdisk
  INITRD grub.img
END
}

# A floppy with GRUB in its first sectors, which says what memory there is and switches off.
grub_floppy() {
    local grub=$GUESTS/root/usr/lib/grub/i386-pc make
    make=$(command -v "$GUESTS/root/usr/bin/grub-mkimage" grub-mkimage | head -n 1)
    printf '%s\n' 'serial --unit=0 --speed=115200' 'terminal_output console serial' 'echo GRUB is here' ls lsmmap halt >grub.cfg
    "$make" -d "$grub" -O i386-pc -p '(fd0)/boot/grub' -c grub.cfg -o core.img \
        biosdisk normal echo serial terminal halt ls lsmmap acpi || return
    truncate -s 1440k grub.img
    dd if="$grub/boot.img" of=grub.img bs=512 count=1 conv=notrunc status=none
    dd if=core.img of=grub.img bs=512 seek=1 conv=notrunc status=none
    printf '\125\252' | dd of=grub.img bs=1 seek=510 conv=notrunc status=none
}

fat_floppy() {
    truncate -s 1440k floppy.img
    mformat -i floppy.img -f 1440 ::
    config memtest >syslinux.cfg
    mcopy -i floppy.img syslinux.cfg "$root/boot/memtest86+x64.bin" ::
    mmove -i floppy.img '::memtest86+x64.bin' ::memtest
    syslinux --install floppy.img
}

# One active FAT16 partition from sector 63 on.
fat_disk() {
    truncate -s 32M disk.img
    dd if="$root/usr/lib/SYSLINUX/mbr.bin" of=disk.img conv=notrunc status=none
    printf '\200\001\001\000\016\017\077\077\077\000\000\000\000\372\000\000' | dd of=disk.img bs=1 seek=446 conv=notrunc status=none
    printf '\125\252' | dd of=disk.img bs=1 seek=510 conv=notrunc status=none
    mformat -i disk.img@@32256 -T 64000 -h 16 -s 63 -H 63 ::
    config linux >syslinux.cfg
    mcopy -i disk.img@@32256 syslinux.cfg "$GUESTS/vmlinuz" "$GUESTS/initrd.gz" ::
    syslinux -t 32256 --install disk.img
}

iso() { # LABEL
    rm -rf iso
    mkdir iso
    cp "$root/usr/lib/ISOLINUX/isolinux.bin" "$modules/ldlinux.c32" "$root/usr/lib/syslinux/memdisk" grub.img \
        "$root/boot/ipxe.lkrn" "$GUESTS/vmlinuz" "$GUESTS/initrd.gz" iso/
    cp "$root/boot/memtest86+x64.bin" iso/memtest
    config "$1" >iso/isolinux.cfg
    xorriso -as mkisofs -quiet -o "$1.iso" -J -R -b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 \
        -boot-info-table iso 2>/dev/null
}

emulated() { # IMAGE OPTION...
    rm -rf iso
    mkdir iso
    cp "$1.img" iso/
    xorriso -as mkisofs -quiet -o "emulated-$1.iso" -J -R -b "$1.img" -c boot.cat "${@:2}" iso 2>/dev/null
}

# A disk whose boot sector does nothing but INT 18h (next device, please), with an ext2 partition that waits for EXTLINUX.
ext_disk() {
    rm -rf ext
    mkdir ext
    cp "$GUESTS/vmlinuz" ext/
    printf '%s\n' 'SERIAL 0 115200' 'DEFAULT linux' 'LABEL linux' '  KERNEL vmlinuz' \
        '  APPEND earlyprintk=ttyS0 console=ttyS0 booted-by-extlinux' >ext/extlinux.conf
    printf '\315\030' >extlinux.img
    ext2_partition extlinux.img ext
}

# The CD with the Linux that installs it: busybox, the kernel's modules for the disk and ext2, extlinux and its libraries.
installer() {
    local version module busybox=$GUESTS/root/bin/busybox
    version=$(basename "$GUESTS"/root/lib/modules/*)
    rm -rf tree
    mkdir -p tree/bin tree/proc tree/sys tree/dev tree/mnt tree/lib64 "tree/lib/modules/$version"
    cp "$busybox" "$(command -v extlinux)" "$root/usr/lib/SYSLINUX/mbr.bin" tree/bin/
    for module in sh mount umount modprobe dd echo sync reboot poweroff; do ln -s busybox "tree/bin/$module"; done
    cp /lib64/ld-linux-x86-64.so.2 tree/lib64/
    ldd tree/bin/extlinux | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p' | xargs -I{} cp {} tree/lib64/ || return
    (cd "$GUESTS/root/lib/modules/$version" && find kernel/drivers/ata/{libata,ata_piix}.ko* kernel/drivers/scsi/*scsi_{mod,common}.ko* \
        kernel/drivers/scsi/sd_mod.ko* kernel/fs/{ext4,jbd2} kernel/fs/mbcache.ko* kernel/lib/crc* kernel/crypto/crc* \
        kernel/block/t10-pi.ko* -name '*.ko*' 2>/dev/null) >modules
    (cd "$GUESTS/root/lib/modules/$version" && cp --parents $(cat "$work/modules") "$work/tree/lib/modules/$version")
    cp "$GUESTS/root/lib/modules/$version"/modules.{builtin,order} "tree/lib/modules/$version/"
    "$busybox" depmod -b tree "$version"
    cat >tree/init <<'END'
#!/bin/sh
export LD_LIBRARY_PATH=/lib64 PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for m in ata_piix sd_mod crc32c_generic ext4; do modprobe $m; done
mount -t ext4 /dev/sda1 /mnt && extlinux --install /mnt && umount /mnt &&
    dd if=/bin/mbr.bin of=/dev/sda bs=440 conv=notrunc || poweroff -f
sync
echo "init: EXTLINUX is installed"
reboot -f
END
    chmod 755 tree/init
    (cd tree && find . | cpio --quiet -o -H newc -R 0:0) | gzip -1 >initrd.gz
    rm -rf iso
    mkdir iso
    cp "$root/usr/lib/ISOLINUX/isolinux.bin" "$modules/ldlinux.c32" "$GUESTS/vmlinuz" initrd.gz iso/
    config linux >iso/isolinux.cfg
    xorriso -as mkisofs -quiet -o installer.iso -J -R -b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 \
        -boot-info-table iso 2>/dev/null
}

media() { # NAME COMMAND...
    ! wanted "$1" || "${@:2}" || { fail "the media for $1 cannot be made"; finish; }
}
grub_floppy || { fail "the media cannot be made"; finish; }
for label in ipxe memtest memdisk; do media $label iso $label; done
media isolinux iso linux
media syslinux-disk fat_disk
media syslinux-floppy fat_floppy
media emulated-floppy fat_floppy
media emulated-floppy emulated floppy
media emulated-disk fat_disk
media emulated-disk emulated disk -hard-disk-boot
media extlinux ext_disk
media extlinux installer
media u-boot uboot_disk uboot.img

# ---- boots

# boots NAME UNTIL TEXT MACHINE...: TEXT appears on the serial port or on the screen at the end, under both.
boots() {
    local name=$1 until=$2 text=$3 bios
    shift 3
    wanted "$name" || return 0
    for bios in builtin seabios; do
        timeout 600 "$BOOTREEL" record --bios $bios "$@" --until "$until" --events "${EVENTS:-none}" -q --console -o boot.reel \
            >"$name-$bios.txt" 2>&1 || fail "$name under $bios: record exits with $?"
        "$BOOTREEL" screen boot.reel >>"$name-$bios.txt" 2>/dev/null
        tr -d '\r' <"$name-$bios.txt" | grep -qE -- "$text" || fail "$name under $bios: no \"$text\""
    done
}

boots grub-floppy 2G 'available RAM' --floppy grub.img --boot a
EVENTS=default boots isolinux 400M 'Decompressing|Probing EDD|Linux version' --cdrom linux.iso --boot d
! wanted isolinux || "$BOOTREEL" events boot.reel | grep -q 'kernel\.entry *linux real-mode entered at 0x[0-9a-f]*200$' ||
    fail "isolinux: the kernel's setup code in real mode is not told from the loader"
boots syslinux-disk 400M 'Probing EDD|Linux version' --disk disk.img --boot c
boots syslinux-floppy 350M 'Memtest86\+' --floppy floppy.img --boot a
boots emulated-floppy 350M 'Memtest86\+' --cdrom emulated-floppy.iso --boot d
boots emulated-disk 400M 'Probing EDD|Linux version' --cdrom emulated-disk.iso --boot d
boots ipxe 900M 'iPXE initialising devices' --cdrom ipxe.iso --boot d
boots memtest 350M 'Memtest86\+' --cdrom memtest.iso --boot d
boots memtest-kernel 350M 'Memtest86\+' --kernel "$root/boot/memtest86+x64.bin" --append console=ttyS0,115200
boots memdisk 2G 'GRUB is here' --cdrom memdisk.iso --boot d
# iPXE as a Linux kernel of an old boot protocol, whose part in real mode does the work: to its prompt.
ipxe_kernel() {
    wanted ipxe-kernel || return 0
    timeout 600 "$BOOTREEL" record --kernel "$root/boot/ipxe.lkrn" --type 'Ctrl-B=\x02' --until 300M --events none -q -o boot.reel \
        >ipxe-kernel.txt 2>&1 || fail "ipxe.lkrn: record exits with $?: $(tail -n 1 ipxe-kernel.txt)"
    "$BOOTREEL" screen boot.reel 2>/dev/null | grep -q '^iPXE>' || fail "ipxe.lkrn: no prompt"
}
ipxe_kernel
# U-Boot for QEMU's PC, of 32 and 64 bits: finds extlinux.conf on the disk, and gets as far as the kernel. (That of Debian 12 goes wrong from
# there on: it tells the kernel of an initrd of 12 bytes; the one of 64 bits is in tests/why/run.)
u_boot() {
    local kind
    wanted u-boot || return 0
    need_loaders u-boot-qemu || { skip u-boot "$lack"; return; }
    for kind in x86:'Linux version' x86_64:'Loading bzImage'; do
        timeout 200 "$BOOTREEL" record --bios "$root/usr/lib/u-boot/qemu-${kind%%:*}/u-boot.rom" --memory 512M --disk uboot.img \
            --until "console:${kind#*:}" --events none -q --console -o boot.reel >u-boot.txt 2>&1 || fail "U-Boot, ${kind%%:*}: record exits with $?"
        tr -d '\r' <u-boot.txt | grep -qF "${kind#*:}" || fail "U-Boot, ${kind%%:*}: no \"${kind#*:}\""
    done
}

boots extlinux console:booted-by-extlinux 'init: EXTLINUX is installed' --disk extlinux.img --cdrom installer.iso --boot c
u_boot
finish
