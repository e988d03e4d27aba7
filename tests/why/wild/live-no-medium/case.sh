# The initramfs of a live system looks for its CD; the drive is there, and neither its driver (sr_mod) nor the file system (isofs) is in the initramfs.
build() {
    mkdir -p d/live && seq 1000 >d/live/filesystem.squashfs
    xorriso -as mkisofs -quiet -V LIVE -o cd.iso d
    initramfs i.gz <<'I'
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
mkdir -p /cdrom
echo "Begin: Mounting root file system ..."
n=0
while [ $n -lt 5 ]; do
    for d in /dev/sr0 /dev/sda1; do
        mount -t iso9660 -o ro $d /cdrom 2>/dev/null && [ -e /cdrom/live/filesystem.squashfs ] && exec switch_root /cdrom /sbin/init
    done
    n=$((n + 1))
    sleep 1
done
echo "(initramfs) Unable to find a medium containing a live file system"
exec sh
I
}
BR=(--kernel "$GUESTS/vmlinuz" --initrd i.gz --cdrom cd.iso --append "console=ttyS0 quiet boot=live" --until 20s)
QE=(-kernel "$GUESTS/vmlinuz" -initrd i.gz -cdrom cd.iso -append "${BR[7]}")
