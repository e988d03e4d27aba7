# GRUB's image looks for its partition by UUID, as of a disk that was copied and got another one.
build() {
    echo 'set timeout=0' | grub_folder d
    echo 'search.fs_uuid 3f1c2b7a-9d55-4e0f-8a21-6b7c8d9e0f11 root' >early.cfg
    echo 'set prefix=($root)/boot/grub' >>early.cfg
    GRUB_EARLY=early.cfg grub_disk disk.img d /boot/grub biosdisk part_msdos ext2 search_fs_uuid
}
BR=(--disk disk.img --until 8s)
QE=(-drive file=disk.img,format=raw)
