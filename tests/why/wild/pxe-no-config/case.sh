# PXELINUX is loaded by TFTP, and finds none of the names of its configuration file.
build() { tftp_pxelinux && rmdir tftp/pxelinux.cfg; }
BR=("${PXE[@]}" user,tftp=tftp,bootfile=pxelinux.0 --until 40s)
QE=(-netdev user,id=n,tftp=tftp,bootfile=pxelinux.0 -device e1000,netdev=n -boot n)
