# HEALTHY: Limine's menu with two entries and no timeout waits for somebody to choose.
build() {
    limine_files || return
    mkdir -p cd/boot && cp "$GUESTS/limine/limine-bios.sys" "$GUESTS/limine/limine-bios-cd.bin" cd/ && cp "$kernel" cd/boot/vmlinuz &&
        printf 'timeout: no\n\n/Linux\n    protocol: linux\n    kernel_path: boot():/boot/vmlinuz\n\n/Linux, rescue\n    protocol: linux\n    kernel_path: boot():/boot/vmlinuz\n    cmdline: single\n' >cd/limine.conf && limine_cd
}
BR=(--bios seabios --cdrom cd.iso --until 20s)
QE=(-cdrom cd.iso)
