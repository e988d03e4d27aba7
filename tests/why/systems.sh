# systems.sh - broken and healthy boots of loaders, firmware, kernels and systems that others wrote. To be sourced by tests/why/run.

# make NAME OPTION...: a recording.
boot() { timeout 550 "$BOOTREEL" record -q -o "$1.reel" "${@:2}" >/dev/null 2>"$1.record" </dev/null; }

# ---- Linux

make_disk_without_driver() { # the kernel has none without its modules
    mke2fs -q -t ext2 root.img 8M
    linux disk_without_driver "root=/dev/vda" --disk root.img,interface=virtio
}
make_other_disk() { # the driver is there, the disk has another name
    boot other_disk --kernel "$GUESTS/vmlinuz" --initrd "$GUESTS/systemd/initrd.gz" --disk "$GUESTS/systemd/disk.img" --append "console=ttyS0 quiet root=/dev/sdb" --until 20s
}
make_missing_module() { # the initramfs has no driver for the disk
    boot missing_module --kernel "$GUESTS/vmlinuz" --initrd "$GUESTS/systemd/initrd.gz" --disk "$GUESTS/systemd/disk.img,interface=nvme" --append "console=ttyS0 quiet root=/dev/nvme0n1" --until 20s
}
make_superblock() {
    cp --sparse=always "$GUESTS/systemd/disk.img" superblock.img
    dd if=/dev/urandom of=superblock.img bs=1k seek=1 count=1 conv=notrunc status=none
    boot superblock --kernel "$GUESTS/vmlinuz" --initrd "$GUESTS/systemd/initrd.gz" --disk superblock.img --append "console=ttyS0 quiet root=/dev/sda" --until 20s
    rm superblock.img
}
make_little_memory() { linux little_memory "" --initrd "$GUESTS/initrd.gz" --memory 72M; }
# A program with its dynamic linker and its libraries, as init; the second argument is a library that is left out.
dynamic() { # NAME LIBRARY CFLAGS...
    printf '#include <stdio.h>\nint main(void) { puts("init: runs"); for (;;) ; }\n' >dynamic.c
    gcc "${@:3}" -o dynamic dynamic.c
    initrd "$1" "mkdir -p lib lib64; cp -L /lib64/ld-linux-x86-64.so.2 lib64/; cp -L /lib/x86_64-linux-gnu/libc.so.6 lib/; rm -f '$2'; cp ../dynamic init" </dev/null
}
make_missing_library() {
    dynamic missing_library lib/libc.so.6
    linux missing_library "" --initrd missing_library.gz
}
make_missing_linker() {
    NO_SH=1 dynamic missing_linker lib64/ld-linux-x86-64.so.2
    linux missing_linker "" --initrd missing_linker.gz
}
make_v3_glibc() { # a program that says that it needs x86-64-v3
    dynamic v3_glibc - -Wl,-z,x86-64-v3
    linux v3_glibc "" --initrd v3_glibc.gz
}
# A kernel module, as assembly: standard input is its init function. Its frame is that of a module of the same kernel.
module() { # NAME FOLDER: writes NAME.ko
    local frame offset
    frame=$(echo "$GUESTS"/root/lib/modules/*/kernel/crypto/crc32c_generic.ko)
    objcopy -O binary --only-section=.gnu.linkonce.this_module "$frame" "$1.frame"
    offset=$((16#$(readelf -rW "$frame" | sed -n '/this_module/,/^$/s/^\([0-9a-f]*\) .*init_module.*/\1/p' | head -n 1)))
    {
        printf '.section .modinfo, "a"\n.asciz "license=GPL"\n.asciz "vermagic=%s"\n.asciz "name=%s"\n' "$(modinfo -F vermagic "$frame" 2>/dev/null || strings -a "$frame" | sed -n 's/^vermagic=//p')" "$1"
        printf '.section .gnu.linkonce.this_module, "aw"\n.fill 24, 1, 0\n.asciz "%s"\n.org %s\n.quad init_module\n.org %s\n' "$1" "$offset" "$(stat -c %s "$1.frame")"
        printf '.text\n.globl init_module\ninit_module:\n'
        cat
    } >"$1.S"
    as -o "$1.ko" "$1.S"
}
# An init that loads it.
loads() { # NAME
    module "$1"
    printf '#!/bin/sh\nmount -t proc proc /proc\necho 1 >/proc/sys/kernel/modprobe 2>/dev/null\ninsmod /%s.ko\necho loaded\nsleep 1000\n' "$1" | initrd "$1" "cp ../$1.ko .; ln -s busybox bin/insmod"
}
make_spinlock() { # a driver takes its lock twice
    loads spinlock <<'S'
        movq $lock, %rdi
        call _raw_spin_lock
        movq $lock, %rdi
        call _raw_spin_lock
        xorl %eax, %eax
        ret
        .data
        .balign 8
lock:   .quad 0
S
    boot spinlock --kernel "$GUESTS/vmlinuz" --initrd spinlock.gz --append "console=ttyS0 quiet" --until 12s
}
make_spinlock_two() { # one processor holds it with interrupts off, and never lets it go; the other wants it
    loads spinlock_two <<'S'
        pushq %rbx
        movq $take, %rdi
        xorl %esi, %esi
        xorl %edx, %edx
        call smp_call_function
1:      cmpl $0, taken
        je 1b
        movq $lock, %rdi
        call _raw_spin_lock
        popq %rbx
        xorl %eax, %eax
        ret
take:   movq $lock, %rdi
        call _raw_spin_lock
        movl $1, taken
2:      pause
        jmp 2b
        .data
        .balign 8
lock:   .quad 0
taken:  .long 0
S
    boot spinlock_two --kernel "$GUESTS/vmlinuz" --cpus 2 --initrd spinlock_two.gz --append "console=ttyS0 quiet nowatchdog rcupdate.rcu_cpu_stall_suppress=1" --until 12s
}
make_null_pointer() {
    loads null_pointer <<'S'
        xorl %eax, %eax
        movq 16(%rax), %rax
        ret
S
    boot null_pointer --kernel "$GUESTS/vmlinuz" --initrd null_pointer.gz --append "console=ttyS0 quiet panic_on_oops=1" --until 12s
}
make_stack_overflow() { # of the kernel
    loads stack_overflow <<'S'
deeper: subq $512, %rsp
        call deeper
        ret
S
    boot stack_overflow --kernel "$GUESTS/vmlinuz" --initrd stack_overflow.gz --append "console=ttyS0 quiet" --until 12s
}

# ---- systemd: units are written into the disk

systemd() { # NAME APPEND FILE PATH [FILE PATH...]
    local name=$1 append=$2
    shift 2
    cp --sparse=always "$GUESTS/systemd/disk.img" "$name.img"
    while [ $# -ge 2 ]; do
        if [ "$1" = link ]; then
            echo "symlink $2 $3"
            shift
        else
            echo "rm $2"
            echo "write $1 $2"
        fi
        shift 2
    done | debugfs -w -f - "$name.img" >/dev/null 2>&1
    boot "$name" --memory 512M --kernel "$GUESTS/vmlinuz" --initrd "$GUESTS/systemd/initrd.gz" --disk "$name.img" \
        --append "console=ttyS0 quiet systemd.show_status=1 root=/dev/sda $append" --until "${UNTIL:-20s}"
    rm "$name.img"
}
make_unit_fails() {
    printf '[Unit]\nDescription=The Accounts\n[Service]\nType=oneshot\nExecStart=/bin/sh -c "echo no ledger >&2; exit 7"\n[Install]\nWantedBy=multi-user.target\n' >accounts.service
    systemd unit_fails "systemd.wants=accounts.service" accounts.service /etc/systemd/system/accounts.service
}
make_unit_no_program() {
    printf '[Unit]\nDescription=The Accounts\n[Service]\nExecStart=/usr/sbin/accountsd --serve\n' >accounts.service
    systemd unit_no_program "systemd.wants=accounts.service" accounts.service /etc/systemd/system/accounts.service
}
service() { # NAME LINES: writes NAME.service, whose [Unit] and [Service] are these
    printf '[Unit]\nDescription=The Accounts\n%b\n' "$2" >"$1.service"
}
make_unit_restarts() { # until systemd's limit is hit
    service accounts '[Service]\nExecStart=/bin/sh -c "echo no ledger >&2; exit 7"\nRestart=always'
    systemd unit_restarts "systemd.wants=accounts.service" accounts.service /etc/systemd/system/accounts.service
}
make_unit_ends() { # well, each time, but it is to run always
    service accounts '[Service]\nExecStart=/bin/true\nRestart=always'
    systemd unit_ends "systemd.wants=accounts.service" accounts.service /etc/systemd/system/accounts.service
}
make_unit_restarts_on() { # without a limit
    service accounts 'StartLimitIntervalSec=0\n[Service]\nExecStart=/bin/false\nRestart=always\nRestartSec=1'
    systemd unit_restarts_on "systemd.wants=accounts.service" accounts.service /etc/systemd/system/accounts.service
}
make_failure_off() {
    service accounts 'FailureAction=poweroff\n[Service]\nExecStart=/bin/false'
    systemd failure_off "systemd.wants=accounts.service" accounts.service /etc/systemd/system/accounts.service
}
make_failure_reboot() {
    service accounts 'FailureAction=reboot-force\n[Service]\nExecStart=/bin/false'
    systemd failure_reboot "systemd.wants=accounts.service" accounts.service /etc/systemd/system/accounts.service
}
make_no_getty() { # nobody can log in, as someone has wanted it
    systemd no_getty "" link /etc/systemd/system/serial-getty@ttyS0.service /dev/null link /etc/systemd/system/getty@tty1.service /dev/null
}
make_unit_cycle() {
    printf '[Unit]\nDescription=One\nAfter=two.service\nRequires=two.service\n[Service]\nType=oneshot\nExecStart=/bin/true\n' >one.service
    printf '[Unit]\nDescription=Two\nAfter=one.service\n[Service]\nType=oneshot\nExecStart=/bin/true\n' >two.service
    systemd unit_cycle "systemd.wants=one.service" one.service /etc/systemd/system/one.service two.service /etc/systemd/system/two.service
}
make_missing_device() { # in /etc/fstab
    printf '/dev/sda / ext4 defaults 0 0\nUUID=0a0b0c0d-0000-1111-2222-333344445555 /data ext4 x-systemd.device-timeout=5s 0 2\n' >fstab
    systemd missing_device "" fstab /etc/fstab
}
make_no_target() { systemd no_target "systemd.unit=nowhere.target"; }
make_frozen() { systemd frozen "systemd.unit=nowhere.target" link /etc/systemd/system/rescue.target /dev/null; }
make_waits() { # for a unit that never ends its start; the login prompt is there
    printf '[Unit]\nDescription=Waits\nBefore=multi-user.target\n[Service]\nType=oneshot\nExecStart=/bin/sleep infinity\nTimeoutStartSec=infinity\n' >waits.service
    UNTIL=30s systemd waits "systemd.wants=waits.service" waits.service /etc/systemd/system/waits.service
}
make_panic_reboots() { # the record ends in the boot after the one that crashed
    boot panic_reboots --kernel "$kernel" --append "console=ttyS0 panic=-1 root=/dev/sda1" --until 2400M
}
make_watchdog() { # the chipset's is started, and nobody feeds it
    local modules
    modules=$(echo "$GUESTS"/root/lib/modules/*/kernel/drivers)
    printf '#!/bin/sh\nmount -t devtmpfs dev /dev\nfor m in watchdog lpc_ich intel_pmc_bxt iTCO_vendor_support; do insmod /$m.ko; done\ninsmod /iTCO_wdt.ko heartbeat=4 nowayout=1\necho >/dev/watchdog\nsleep 1000\n' |
        initrd watchdog "ln -s busybox bin/insmod; cp '$modules/watchdog/'{watchdog,iTCO_vendor_support,iTCO_wdt}.ko '$modules/mfd/'{lpc_ich,intel_pmc_bxt}.ko ."
    boot watchdog --machine q35 --kernel "$GUESTS/vmlinuz" --initrd watchdog.gz --append "console=ttyS0" --until 40s --stop-on-reset
}

# ---- loaders

gcore() { # FORMAT PREFIX MODULE...: GRUB's image as a boot disk's: gcore.img
    local modules=$GUESTS/root/usr/lib/grub/i386-pc
    grub-mkimage -d "$modules" -O i386-pc -p "$1" -o gcore.img "${@:2}"
}
# A disk with GRUB in its gap, as scripts/guests makes disk.img, and one ext2 partition with a folder's files.
grub_disk() { # NAME FOLDER MODULE...
    local modules=$GUESTS/root/usr/lib/grub/i386-pc
    gcore '(hd0,msdos1)/boot/grub' "${@:3}"
    ext2_partition "$1.img" "$2"
    dd if="$modules/boot.img" of="$1.img" bs=440 count=1 conv=notrunc status=none
    dd if=gcore.img of="$1.img" bs=512 seek=1 conv=notrunc status=none
}
grub_config() { # NAME: standard input is grub.cfg; what else is in the folder is there already
    mkdir -p "$1.d/boot/grub/i386-pc"
    { printf 'serial --unit=0 --speed=115200\nterminal_input console serial\nterminal_output console serial\nset timeout=0\n'; cat; } >"$1.d/boot/grub/grub.cfg"
    cp "$GUESTS/root/usr/lib/grub/i386-pc/"*.mod "$GUESTS/root/usr/lib/grub/i386-pc/"*.lst "$1.d/boot/grub/i386-pc/"
}
grub_modules="biosdisk part_msdos ext2 normal linux configfile serial multiboot"
make_grub_no_modules() {
    mkdir -p grub_no_modules.d/boot
    grub_disk grub_no_modules grub_no_modules.d biosdisk part_msdos ext2
    boot grub_no_modules --disk grub_no_modules.img --until console:normal.mod
}
make_grub_no_kernel() {
    printf 'menuentry Debian {\nlinux /boot/vmlinuz-6.1 root=/dev/sda1\ninitrd /boot/initrd.gz\n}\n' | grub_config grub_no_kernel
    # shellcheck disable=SC2086
    grub_disk grub_no_kernel grub_no_kernel.d $grub_modules
    boot grub_no_kernel --disk grub_no_kernel.img --until 'console:not found'
}
make_grub_cut_kernel() {
    printf 'menuentry Debian {\nlinux /boot/vmlinuz root=/dev/sda1\n}\n' | grub_config grub_cut_kernel
    head -c 100000 "$kernel" >grub_cut_kernel.d/boot/vmlinuz
    # shellcheck disable=SC2086
    grub_disk grub_cut_kernel grub_cut_kernel.d $grub_modules
    boot grub_cut_kernel --disk grub_cut_kernel.img --until 3000M
}
make_grub_no_linux() { # what it is to load is no kernel
    printf 'menuentry Debian {\nlinux /boot/vmlinuz root=/dev/sda1\n}\n' | grub_config grub_no_linux
    seq 20000 >grub_no_linux.d/boot/vmlinuz
    # shellcheck disable=SC2086
    grub_disk grub_no_linux grub_no_linux.d $grub_modules
    boot grub_no_linux --disk grub_no_linux.img --until 3000M
}
make_grub_core_gone() { # the gap behind the boot record was overwritten
    mkdir -p grub_core_gone.d/boot
    grub_disk grub_core_gone grub_core_gone.d biosdisk part_msdos ext2
    dd if=/dev/zero of=grub_core_gone.img bs=512 seek=1 count=2000 conv=notrunc status=none
    boot grub_core_gone --disk grub_core_gone.img --until 4M
}
make_iso_cut() { # its size is right, but the second half has not arrived
    head -c 5998592 "$GUESTS/grub.iso" >iso_cut.iso
    truncate -r "$GUESTS/grub.iso" iso_cut.iso
    boot iso_cut --cdrom iso_cut.iso --until 3000M
}
loaders=$GUESTS/loaders/root/usr/lib
isolinux() { # NAME FOLDER
    cp "$loaders/ISOLINUX/isolinux.bin" "$2/"
    xorriso -as mkisofs -quiet -o "$1.iso" -b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 -boot-info-table "$2" 2>/dev/null
    boot "$1" --cdrom "$1.iso" --until 300M
}
make_isolinux_no_module() {
    mkdir -p isolinux_no_module.d
    isolinux isolinux_no_module isolinux_no_module.d
}
make_isolinux_no_config() {
    mkdir -p isolinux_no_config.d
    cp "$loaders/syslinux/modules/bios/ldlinux.c32" isolinux_no_config.d/
    isolinux isolinux_no_config isolinux_no_config.d
}
make_isolinux_no_kernel() {
    mkdir -p isolinux_no_kernel.d
    cp "$loaders/syslinux/modules/bios/ldlinux.c32" isolinux_no_kernel.d/
    printf 'SERIAL 0 115200\nDEFAULT linux\nLABEL linux\n KERNEL /casper/vmlinuz\n' >isolinux_no_kernel.d/isolinux.cfg
    isolinux isolinux_no_kernel isolinux_no_kernel.d
}
make_mbr_no_active() { # SYSLINUX's boot record, and no active partition
    truncate -s 4M mbr.img
    dd if="$loaders/syslinux/mbr/mbr.bin" of=mbr.img conv=notrunc status=none
    printf '\125\252' | dd of=mbr.img bs=1 seek=510 conv=notrunc status=none
    boot mbr_no_active --disk mbr.img --until 4s
}
make_uboot_over_itself() { # U-Boot of 64 bits loads the kernel over its own stack and IDT
    need_loaders u-boot-qemu || return
    uboot_disk uboot.img
    boot uboot_over_itself --bios "$GUESTS/loaders/root/usr/lib/u-boot/qemu-x86_64/u-boot.rom" --memory 512M --disk uboot.img --until 30s
}

# ---- UEFI

fat() { # NAME SIZE
    truncate -s "$2" "$1.img"
    mformat -i "$1.img" -N 12345678 ::
}
make_efi_empty() {
    fat efi_empty 4M
    boot efi_empty --bios "$GUESTS/OVMF.fd" --disk efi_empty.img --until 30s
}
efi_disk() { # NAME: a disk whose \EFI\BOOT\BOOTX64.EFI is a kernel without a signature; OFFSET VALUE..: bytes of its PE header that are other ones
    fat "$1" 24M
    mmd -i "$1.img" ::EFI ::EFI/BOOT
    cp "$kernel" BOOTX64.EFI
    chmod u+w BOOTX64.EFI
    [ $# = 1 ] || printf "$3" | dd of=BOOTX64.EFI bs=1 seek=$(($(od -An -tu4 -j60 -N4 BOOTX64.EFI) + $2)) conv=notrunc status=none
    mcopy -i "$1.img" BOOTX64.EFI ::EFI/BOOT/
    rm BOOTX64.EFI
}
make_efi_other_machine() { # the machine in the header is ARM64
    efi_disk efi_other_machine 4 '\144\252'
    boot efi_other_machine --bios "$GUESTS/OVMF.fd" --disk efi_other_machine.img --until 30s
    rm efi_other_machine.img
}
make_secure_boot() { # no key of the firmware's has signed it: without its table of certificates (PE32+, data directory 4) it has no signature at all
    efi_disk secure_boot 168 '\0\0\0\0\0\0\0\0'
    cp "$GUESTS/root/usr/share/OVMF/OVMF_VARS_4M.ms.fd" vars.fd
    boot secure_boot --machine q35 --pflash "$GUESTS/root/usr/share/OVMF/OVMF_CODE_4M.secboot.fd" --pflash vars.fd --disk secure_boot.img --until 30s
    rm secure_boot.img
}
make_efi_no_initrd() { # the kernel's stub looks for an initrd that is not there
    fat efi_no_initrd 16M
    mcopy -i efi_no_initrd.img "$kernel" ::vmlinuz.efi
    printf 'fs0:\r\nvmlinuz.efi initrd=\\initrd.img console=ttyS0\r\n' >startup.nsh
    mcopy -i efi_no_initrd.img startup.nsh ::
    boot efi_no_initrd --bios "$GUESTS/OVMF.fd" --disk efi_no_initrd.img --until 40s
}
# both_headers GUEST OFFSET BYTES: the same bytes in the headers of both partition tables
both_headers() {
    cp --sparse=always "$GUESTS/efi/gpt.img" "$1.img"
    local header
    for header in 512 $(($(stat -c %s "$1.img") - 512)); do
        # shellcheck disable=SC2059
        printf "$3" | dd of="$1.img" bs=1 seek=$((header + $2)) conv=notrunc status=none
    done
    boot "$1" --bios "$GUESTS/OVMF.fd" --disk "$1.img" --until 30s
    rm "$1.img"
}
make_gpt_checksum() { # both partition tables have a wrong checksum
    both_headers gpt_checksum 16 '\0\0\0\0'
}
make_gpt_length() { # the headers of both partition tables say that they are 8 bytes long
    both_headers gpt_length 12 '\10'
}
make_gpt_backup() { # of the table only the backup has a wrong checksum, which is not why there is nothing to boot
    python3 "$top/tests/why/gpt.py" gpt_backup.img
    truncate -s 6M system.img
    mformat -i system.img -N 12345678 ::
    dd if=system.img of=gpt_backup.img bs=1M seek=1 conv=notrunc status=none
    boot gpt_backup --bios "$GUESTS/OVMF.fd" --disk gpt_backup.img --until 30s
}
make_gpt_boots() { # the same backup on a disk that boots
    cp --sparse=always "$GUESTS/efi/gpt.img" gpt_boots.img
    printf '\0\0\0\0' | dd of=gpt_boots.img bs=1 seek=$(($(stat -c %s gpt_boots.img) - 512 + 16)) conv=notrunc status=none
    boot gpt_boots --bios "$GUESTS/OVMF.fd" --memory 512M --disk gpt_boots.img --until 60G
    rm gpt_boots.img
}

# ---- Xen, user-mode Linux

xen() { # NAME MEMORY OPTION...
    boot "$1" --memory "$2" --kernel "$GUESTS/xen/xen.gz" --append "com1=115200,8n1 console=com1 noreboot" --until 30s "${@:3}"
}
make_xen_no_dom0() { xen xen_no_dom0 512M; }
make_xen_little_memory() { xen xen_little_memory 64M --module "$GUESTS/vmlinuz console=hvc0"; }
make_xen_no_notes() { # a kernel without the notes that say that it can be a domain's, by PVH or otherwise
    sed 's/Xen\x00/Yen\x00/g' "$GUESTS/xen/vmlinux" >no-notes
    xen xen_no_notes 512M --module "$work/no-notes console=hvc0"
    rm -f no-notes
}
make_xen_no_root() { xen xen_no_root 512M --module "$GUESTS/vmlinuz console=hvc0 root=/dev/sda1"; }
make_uml_no_root() { boot uml_no_root --uml "$GUESTS/uml/linux.uml" --memory 128M --until 30s; }

# ---- FreeBSD: the user's CD, whose loader has vfs.root.mountfrom from GRUB's or the loader's configuration, or from /etc/fstab

freebsd() { # NAME EXPRESSION...: as long as it was
    LC_ALL=C sed "${@:2}" "$BOOTREEL_FREEBSD" >"$1.iso"
    ! cmp -s "$1.iso" "$BOOTREEL_FREEBSD" || fail "$1: the image does not say which root it has"
    boot "$1" --memory 512M --cdrom "$1.iso" --until 60s
    rm "$1.iso"
}
make_freebsd_no_root() {
    freebsd freebsd_no_root -e 's|\(mountfrom="\{0,1\}cd9660:/dev/\)cd|\1zz|; s|^/dev/iso9660/|/dev/iso9669/|'
}
make_freebsd_root_unnamed() {
    freebsd freebsd_root_unnamed -e 's|kFreeBSD\.vfs\.root\.mountfrom=|kFreeBSD.vfs.root.nowherefr=|; s|^vfs\.root\.mountfrom=|vfs.root.nowherefr=|; s|^/dev/iso9660/|#dev/iso9660/|'
}
make_freebsd_boots() { boot freebsd_boots --memory 512M --cdrom "$BOOTREEL_FREEBSD" --until 300s; }

# ---- healthy

make_debian() { boot debian --kernel "$GUESTS/vmlinuz" --initrd "$GUESTS/initrd.gz" --append console=ttyS0 --until 60s; }
make_two_cpus() { power_off_initrd && boot two_cpus --cpus 2 --kernel "$kernel" --initrd power_off.gz --append console=ttyS0 --until 40s; }
make_q35() { power_off_initrd && boot q35 --machine q35 --kernel "$kernel" --initrd power_off.gz --append console=ttyS0 --until 40s; }
make_reboots() {
    printf '#!/bin/sh\necho well\nreboot -f\n' | initrd reboots 'ln -s busybox bin/reboot'
    linux reboots "" --initrd reboots.gz --stop-on-reset
}
make_grub_cd() { boot grub_cd --cdrom "$GUESTS/grub.iso" --until 60s; }
make_grub_on_disk() { boot grub_on_disk --disk "$GUESTS/disk.img" --until 60s; }
make_efi_boots() { boot efi_boots --bios "$GUESTS/OVMF.fd" --disk "$GUESTS/efi.img" --until 60s; }
make_xen_boots() { boot xen_boots --memory 512M --kernel "$GUESTS/xen/xen.gz" --append "com1=115200,8n1 console=com1" --module "$GUESTS/vmlinuz console=hvc0" --module "$GUESTS/initrd.gz" --until 60s; }
make_uml_boots() { boot uml_boots --uml "$GUESTS/uml/linux.uml" --memory 128M --initrd "$GUESTS/initrd.gz"; }
make_rescue() { # which was asked for
    boot rescue --memory 512M --kernel "$GUESTS/vmlinuz" --initrd "$GUESTS/systemd/initrd.gz" --disk "$GUESTS/systemd/disk.img" --append "console=ttyS0 quiet root=/dev/sda systemd.unit=rescue.target" --until 20s
}
make_login() { boot login --memory 512M --kernel "$GUESTS/vmlinuz" --initrd "$GUESTS/systemd/initrd.gz" --disk "$GUESTS/systemd/disk.img" --append "console=ttyS0 quiet root=/dev/sda" --until 25s; }
