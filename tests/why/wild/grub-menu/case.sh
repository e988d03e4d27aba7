# HEALTHY: GRUB waits at its menu, without a timeout.
build() {
    printf 'set timeout=-1\nmenuentry "Debian" {\nlinux /boot/vmlinuz\n}\nmenuentry "Memory test" {\ntrue\n}\n' | grub_folder d
    grub_disk disk.img d '(hd0,msdos1)/boot/grub' biosdisk part_msdos ext2
}
BR=(--disk disk.img --until 8s)
QE=(-drive file=disk.img,format=raw)
