# HEALTHY: the floppy of GRUB's old manual (stage 1 and stage 2, and nothing else) comes up with its command line.
build() {
    package grub-legacy || return
    cat "$packaged/usr/lib/grub/x86_64-pc/stage1" "$packaged/usr/lib/grub/x86_64-pc/stage2" >floppy.img && truncate -s 1440K floppy.img
}
BR=(--floppy floppy.img --boot a --until 8s)
QE=(-drive file=floppy.img,format=raw,if=floppy -boot a)
