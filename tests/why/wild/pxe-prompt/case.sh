# HEALTHY: PXELINUX with a prompt and no limit of time waits for what to boot.
build() {
    tftp_pxelinux || return
    printf 'PROMPT 1\nTIMEOUT 0\nSAY Type the name of an image: debian, memtest\nLABEL debian\n  KERNEL vmlinuz\n' >tftp/pxelinux.cfg/default
    cp "$kernel" tftp/vmlinuz
}
BR=("${PXE[@]}" user,tftp=tftp,bootfile=pxelinux.0 --until 30s)
QE=(-netdev user,id=n,tftp=tftp,bootfile=pxelinux.0 -device e1000,netdev=n -boot n)
