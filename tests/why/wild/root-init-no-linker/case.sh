# The root has an init, but not the dynamic linker that it names (another library directory).
build() {
    modules virtio_pci virtio_blk ext4 crc32c_generic
    printf 'int main(void) { for (;;) ; }\n' >i.c
    mkdir -p r/sbin r/dev r/proc && gcc -Wl,-dynamic-linker,/lib/ld-musl-x86_64.so.1 -o r/sbin/init i.c && mke2fs -q -t ext2 -d r root.img 8M || return
    initramfs i.gz 'cp -r ../mod .' <<I
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
$load_modules
mount -t ext4 /dev/vda /root || exec sh
umount /sys /proc
exec switch_root /root /sbin/init
I
}
BR=(--kernel "$GUESTS/vmlinuz" --initrd i.gz --disk root.img,interface=virtio --append "console=ttyS0 root=/dev/vda" --until 20s)
QE=(-kernel "$GUESTS/vmlinuz" -initrd i.gz -drive file=root.img,format=raw,if=virtio -append console=ttyS0)
