# A boot loader made of Linux: kexec does not know the file, the script goes on, and there is nothing to start.
build() {
    package kexec-tools liblzma5 zlib1g libxenmisc4.17 libxentoolcore1 libxencall1 libxendevicemodel1 libxenevtchn1 libxenforeignmemory1 \
        libxengnttab1 libxentoollog1 libxenhypfs1 libxenstore4 libyajl2 || return
    initramfs i.gz 'programs sbin/kexec; head -c 9000 /dev/zero >Image' <<'I'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
echo "Booting Image"
/sbin/kexec -l /Image --append="console=ttyS0"
/sbin/kexec -e
echo "Please power cycle the machine."
while :; do sleep 60; done
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0" --memory 512M --until 15s)
QE=(-kernel "$kernel" -initrd i.gz -append console=ttyS0)
