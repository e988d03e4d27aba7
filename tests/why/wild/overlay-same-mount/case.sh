# A live system: upperdir and workdir of the overlay are on two file systems. The kernel says so in its log, mount only "Invalid argument".
build() {
    mkdir -p lower/sbin && echo x >lower/sbin/init
    mke2fs -q -t ext2 -d lower lower.img 4M
    modules virtio_pci virtio_blk ext4 crc32c_generic overlay
    initramfs i.gz 'cp -r ../mod .; mkdir -p lower rw work' <<I
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
$load_modules
panic() {
    echo "\$*"
    echo "Dropping to a shell."
    PS1='(initramfs) ' exec sh -i
}
mount -t ext4 -o ro /dev/vda /lower || panic "could not mount /dev/vda"
mount -t tmpfs rw /rw
mount -t tmpfs work /work
mount -t overlay overlay -o lowerdir=/lower,upperdir=/rw,workdir=/work /root || panic "overlayroot: cannot assemble the root"
exec switch_root /root /sbin/init
I
}
BR=(--kernel "$GUESTS/vmlinuz" --initrd i.gz --disk lower.img,interface=virtio --append "console=ttyS0 root=/dev/vda overlayroot=tmpfs" --until 20s)
QE=(-kernel "$GUESTS/vmlinuz" -initrd i.gz -drive file=lower.img,format=raw,if=virtio -append console=ttyS0)
