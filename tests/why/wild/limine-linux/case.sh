# HEALTHY: Limine starts Linux with an initramfs, whose init is a shell at the serial port.
build() {
    limine_files || return
    initramfs i.gz <<'I'
#!/bin/sh
mount -t proc proc /proc
echo "rescue system; type exit to boot"
exec sh
I
    mkdir -p cd/boot && cp "$GUESTS/limine/limine-bios.sys" "$GUESTS/limine/limine-bios-cd.bin" cd/ && cp "$kernel" cd/boot/vmlinuz && cp i.gz cd/boot/ &&
        printf 'timeout: 1\nserial: yes\n\n/Linux\n    protocol: linux\n    kernel_path: boot():/boot/vmlinuz\n    module_path: boot():/boot/i.gz\n    cmdline: console=ttyS0\n' >cd/limine.conf && limine_cd
}
BR=(--bios seabios --cdrom cd.iso --until 60s)
QE=(-cdrom cd.iso)
