# /init is a program for ARM64.
build() {
    initramfs i.gz 'printf "\177ELF\002\001\001\000\000\000\000\000\000\000\000\000\002\000\267\000\001\000\000\000\170\000\100\000\000\000\000\000\100\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\100\000\070\000\001\000\000\000\000\000\000\000" >init; head -c 4000 /dev/zero >>init; chmod 755 init; rm -f sbin/init bin/sh bin/init' </dev/null
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0" --until 20s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0")
