# A script of an initramfs ends in chroot to a root file system that has no init.
build() {
    initramfs i.gz 'mkdir -p rorootfs/bin' <<'I'
#!/bin/sh
mount -t proc proc /proc
echo "rorootfs-overlay: mounting"
mount -t tmpfs none /rorootfs
exec chroot /rorootfs /sbin/init
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0 rootrw=/dev/sda5" --until 15s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0 rootrw=/dev/sda5")
