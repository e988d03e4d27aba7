# iPXE (the card's ROM) gets a script by TFTP, whose kernel is not there; the script has no other way out.
build() {
    mkdir -p tftp
    printf '#!ipxe\necho boot.ipxe of node 7\nkernel nodes/boot.0 console=ttyS0\nboot\n' >tftp/boot.ipxe
}
BR=("${PXE[@]}" user,tftp=tftp,bootfile=boot.ipxe --until 30s)
QE=(-netdev user,id=n,tftp=tftp,bootfile=boot.ipxe -device e1000,netdev=n -boot n)
