#!/bin/bash
# powercut.sh - a file on ext4 that is replaced by writing another one and renaming it: without fsync a loss of power leaves it empty, with fsync
# it is the old or the new one (bootreel powercut).
. "$(dirname "$0")/../lib.sh"
need_guests
scripts/guests "$GUESTS" drives >/dev/null || { echo "no initrd-drives.gz: see scripts/guests"; exit 2; }
cd "$work" || exit 2
mkdir -p tree/mnt fs && (cd tree && zcat "$GUESTS/initrd-drives.gz" | cpio -id 2>/dev/null && ln -sf busybox bin/mv) || fail "no initramfs"
cat >tree/init <<'END'
#!/bin/sh
mount -t devtmpfs dev /dev
mount -t proc proc /proc
for m in $(cat /lib/order); do insmod "/lib/$m"; done
sleep 0.3
mount -t ext4 -o noauto_da_alloc,commit=1 /dev/vda /mnt || echo "no disk"
echo "version 2, all of it" >/mnt/conf.new
! grep -q fsync /proc/cmdline || dd if=/dev/null of=/mnt/conf.new conv=notrunc,fsync 2>/dev/null
mv /mnt/conf.new /mnt/conf
echo renamed
sleep 8
sync
umount /mnt
poweroff -f
END
(cd tree && find . | cpio -o -H newc 2>/dev/null | gzip -1) >initrd.gz
echo "version 1, all of it" >fs/conf
truncate -s 8M disk.img && mkfs.ext4 -q -F -d fs disk.img || fail "no disk"
cat >check <<'END'
e2fsck -fy disk0.img >/dev/null 2>&1
debugfs -R 'cat /conf' disk0.img 2>/dev/null | tee conf
grep -qx 'version [12], all of it' conf || exit 9
END
replaced() { # NAME STATUS WORD
    expect 0 "run-$1" "$BOOTREEL" record --kernel "$GUESTS/vmlinuz" --initrd initrd.gz --append "console=ttyS0 quiet $3" --disk disk.img,interface=virtio -q -o "$1.reel"
    expect "$2" "$1" "$BOOTREEL" powercut "$1.reel" --disk disk.img,interface=virtio --check "sh $work/check" -q -o "$1"
}
replaced rename 1 rename
holds rename.out 'after writes [0-9]* to [0-9]*: dead: status 9' "without fsync the file is empty for a while"
holds rename.out 'ext2/3/4, journal' "the write that matters is the journal's"
replaced fsync 0 fsync
holds fsync.out 'as after' "with fsync it is the old or the new one"
! grep -q dead fsync.out || fail "with fsync it is never neither"
finish
