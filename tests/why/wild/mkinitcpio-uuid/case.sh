# mkinitcpio's init does not find the root's UUID.
build() {
    initramfs i.gz <<'I'
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
root=UUID=f53226fe-96e3-4547-be01-be2efb09ed78
echo ":: running early hook [udev]"
echo "Starting version 254.4-1-arch"
echo ":: running hook [udev]"
echo ":: Triggering uevents..."
echo "Waiting 10 seconds for device /dev/disk/by-uuid/${root#UUID=} ..."
sleep 3
echo "ERROR: device '$root' not found. Skipping fsck."
echo ":: mounting '$root' on real root"
mount "$root" /root
echo "You are now being dropped into an emergency shell."
sh -i
echo "Trying to continue (this will most likely fail) ..."
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0 root=UUID=f53226fe-96e3-4547-be01-be2efb09ed78" --until 15s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0 root=UUID=f53226fe-96e3-4547-be01-be2efb09ed78")
