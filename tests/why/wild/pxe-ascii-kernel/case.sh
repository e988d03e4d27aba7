# The kernel was copied to the TFTP server in FTP's text mode: each newline byte has a carriage return before it.
build() {
    tftp_pxelinux || return
    printf 'SERIAL 0 115200\nDEFAULT thin\nLABEL thin\n KERNEL vmlinuz\n APPEND console=ttyS0\n' >tftp/pxelinux.cfg/default
    head -c 1000000 "$kernel" | sed 's/$/\r/' >tftp/vmlinuz
    printf '\x0d\x0a' | dd of=tftp/vmlinuz bs=1 seek=514 conv=notrunc status=none
}
BR=("${PXE[@]}" user,tftp=tftp,bootfile=pxelinux.0 --until 30s)
QE=(-netdev user,id=n,tftp=tftp,bootfile=pxelinux.0 -device e1000,netdev=n -boot n)
