# PXELINUX's configuration names a kernel that the TFTP server does not have.
build() {
    tftp_pxelinux || return
    printf 'SERIAL 0 115200\nDEFAULT thin\nLABEL thin\n KERNEL boot/vmlinuz\n APPEND initrd=boot/initrd console=ttyS0\n' >tftp/pxelinux.cfg/default
}
BR=("${PXE[@]}" user,tftp=tftp,bootfile=pxelinux.0 --until 30s)
QE=(-netdev user,id=n,tftp=tftp,bootfile=pxelinux.0 -device e1000,netdev=n -boot n)
