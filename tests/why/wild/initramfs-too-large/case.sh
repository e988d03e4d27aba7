# The initramfs has 60 MB of files for a machine with 128 MB: half the memory is the limit of the file system that it is unpacked to. /init is
# behind the large files.
build() {
    initramfs small.gz <<'I'
#!/bin/sh
echo init runs
poweroff -f
I
    mkdir -p big/lib && head -c 70000000 /dev/zero >big/lib/firmware.bin
    (cd tree && mv init ../init.sh)
    (cd big && find . | cpio --quiet -o -H newc -R 0:0) >1.cpio
    (cd tree && mv ../init.sh init && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) >2.cpio
    cat 1.cpio 2.cpio | gzip -n1 >i.gz
}
BR=(--kernel "$kernel" --initrd i.gz --memory 128M --append "console=ttyS0" --until 40s)
QE=(-kernel "$kernel" -initrd i.gz -m 128M -append "console=ttyS0")
