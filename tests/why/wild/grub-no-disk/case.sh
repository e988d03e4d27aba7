# The default entry boots the second disk, and the machine has one only.
build() {
    printf 'set timeout=1\nmenuentry "Boot OS of first partition on second disk" {\nset root=(hd1,1)\nchainloader +1\n}\n' | grub_folder d
    grub_disk disk.img d '(hd0,msdos1)/boot/grub' biosdisk part_msdos ext2
}
BR=(--disk disk.img --until 12s)
QE=(-drive file=disk.img,format=raw)
