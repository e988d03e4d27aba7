# HEALTHY: busybox's init with an inittab: a script, syslogd, and a getty at the serial port.
build() {
    initramfs i.gz 'mkdir -p etc/init.d var/log; printf "::sysinit:/etc/init.d/rcS\n::respawn:/bin/syslogd -n\nttyS0::respawn:/bin/getty -L ttyS0 115200 vt100\n" >etc/inittab; printf "#!/bin/sh\nmount -t proc proc /proc\nmount -t devtmpfs dev /dev\nhostname buildroot\necho Starting network: OK\n" >etc/init.d/rcS; chmod +x etc/init.d/rcS; printf "root::0:0:root:/:/bin/sh\n" >etc/passwd; printf "Welcome to Buildroot\n" >etc/issue; rm init; ln -s bin/busybox init' </dev/null
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0" --until 15s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0")
