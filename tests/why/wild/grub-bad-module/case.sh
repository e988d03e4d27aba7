# normal.mod is damaged (its first kilobyte are zeros): GRUB's image cannot load it, and stays in rescue mode.
build() {
    echo 'set timeout=0' | grub_folder d
    dd if=/dev/zero of=d/boot/grub/i386-pc/normal.mod bs=1k count=1 conv=notrunc status=none
    grub_disk disk.img d '(hd0,msdos1)/boot/grub' biosdisk part_msdos ext2 serial
}
BR=(--disk disk.img --until 8s)
QE=(-drive file=disk.img,format=raw)
