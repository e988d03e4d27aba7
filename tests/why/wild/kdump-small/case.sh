# A crash kernel is loaded with too little memory reserved for it, and then the kernel panics: the second one cannot unpack its initrd.
build() {
    package kexec-tools liblzma5 zlib1g libxenmisc4.17 libxentoolcore1 libxencall1 libxendevicemodel1 libxenevtchn1 libxenforeignmemory1 \
        libxengnttab1 libxentoollog1 libxenhypfs1 libxenstore4 libyajl2 || return
    initramfs small.gz 'head -c 14M /dev/urandom >ballast' <<'I'
#!/bin/sh
mount -t proc proc /proc
echo "kdump: saving /proc/vmcore"
ls -l /proc/vmcore
poweroff -f
I
    initramfs i.gz 'programs sbin/kexec; cp ../small.gz .; cp "$kernel" vmlinuz' <<'I'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
echo "kdump: loading the crash kernel"
/sbin/kexec -p /vmlinuz --initrd=/small.gz --append="console=ttyS0 irqpoll nr_cpus=1 reset_devices" && echo "kdump: armed"
echo "demo: crash"
echo c >/proc/sysrq-trigger
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0 crashkernel=80M nokaslr" --memory 512M --until 30s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0 crashkernel=80M")
