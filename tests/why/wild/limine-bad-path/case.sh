# The kernel's path in limine.conf is that on another partition.
build() {
    limine_files || return
    mkdir -p cd/boot && cp "$GUESTS/limine/limine-bios.sys" "$GUESTS/limine/limine-bios-cd.bin" cd/ && cp "$kernel" cd/boot/vmlinuz-linux &&
        printf 'timeout: 0\nserial: yes\n\n/Arch Linux\n    protocol: linux\n    kernel_path: boot():/vmlinuz-linux\n    cmdline: root=/dev/sda2 rw loglevel=3 quiet\n' >cd/limine.conf && limine_cd
}
BR=(--bios seabios --cdrom cd.iso --until 20s)
QE=(-cdrom cd.iso)
