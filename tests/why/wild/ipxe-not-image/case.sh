# The image that iPXE's script boots is none: a disk image in place of a kernel.
build() {
    mkdir -p tftp
    head -c 2M /dev/zero >tftp/node.img
    printf '#!ipxe\necho booting the researchers kernel\nimgfetch --name node.img tftp://10.0.2.2/node.img\nboot node.img\n' >tftp/boot.ipxe
}
BR=("${PXE[@]}" user,tftp=tftp,bootfile=boot.ipxe --until 30s)
QE=(-netdev user,id=n,tftp=tftp,bootfile=boot.ipxe -device e1000,netdev=n -boot n)
