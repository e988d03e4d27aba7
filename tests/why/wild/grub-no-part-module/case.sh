# GRUB's image was made for a GUID partition table, without the module that reads one.
build() {
    echo 'set timeout=0' | grub_folder d
    grub_disk disk.img d '(hd0,gpt1)/boot/grub' biosdisk ext2 serial
}
BR=(--disk disk.img --until 8s)
QE=(-drive file=disk.img,format=raw)
